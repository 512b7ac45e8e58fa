/* db_ops.h - what a database must offer to stand behind db.h. For db*.c alone.
 *
 * Context  host programs.
 */
#ifndef TOOLS_VEND_DB_OPS_H
#define TOOLS_VEND_DB_OPS_H
#include "tools/vend/db.h"

#define DB_VALUES 24

struct db_value {
    bool is_text;
    int64_t number;
    const char *text; /* NULL allowed */
};

struct db_ops {
    bool is_server;
    const char *begin, *serial; /* serial: makes writers follow each other, or NULL */
    void (*close)(struct db *db);
    int (*run)(struct db *db, const char *sql, const struct db_value *v, int n);
    int (*query)(struct db *db, const char *sql, const struct db_value *v, int n);
    bool (*next)(struct db *db);
    void (*end)(struct db *db);
    int64_t (*number)(struct db *db, int column);
    const char *(*text)(struct db *db, int column);
};

struct db {
    const struct db_ops *ops;
    char why[300];
};

int db_sqlite_open(struct db **db, const char *path, char why[200]);
int db_pg_open(struct db **db, const char *url, char why[200]);

#endif
