/* db.c - what both databases share; db_sqlite.c and db_pg.c do the work behind struct db_ops.
 */
#include "tools/vend/db.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/sys.h"
#include "tools/vend/db_ops.h"

bool db_is_server(const struct db *db)
{
    return db->ops->is_server;
}

int db_open(struct db **db, const char *url, char why[200])
{
    bool is_pg = strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0;
    *db = NULL;
#ifdef HAVE_LIBPQ
    if (is_pg) return db_pg_open(db, url, why);
#else
    if (is_pg) {
        snprintf(why, 200,
                 "this program was built without libpq; install libpq-dev and build again");
        return E_TYPE;
    }
#endif
    return db_sqlite_open(db, url, why);
}

void db_close(struct db *db)
{
    if (db) db->ops->close(db);
}

const char *db_why(const struct db *db)
{
    return db->why;
}

static void gather(struct db_value v[DB_VALUES], const char *types, va_list args)
{
    size_t n = strlen(types);
    ensure(n <= DB_VALUES);
    for (size_t i = 0; i < n; i++) {
        v[i].is_text = types[i] == 's';
        if (v[i].is_text)
            v[i].text = va_arg(args, const char *);
        else
            v[i].number = va_arg(args, int64_t);
    }
}

int db_run(struct db *db, const char *sql, const char *types, ...)
{
    struct db_value v[DB_VALUES];
    va_list args;
    va_start(args, types);
    gather(v, types, args);
    va_end(args);
    return db->ops->run(db, sql, v, (int)strlen(types));
}

int db_query(struct db *db, const char *sql, const char *types, ...)
{
    struct db_value v[DB_VALUES];
    va_list args;
    va_start(args, types);
    gather(v, types, args);
    va_end(args);
    return db->ops->query(db, sql, v, (int)strlen(types));
}

int64_t db_value(struct db *db, int64_t otherwise, const char *sql, const char *types, ...)
{
    struct db_value v[DB_VALUES];
    va_list args;
    va_start(args, types);
    gather(v, types, args);
    va_end(args);
    if (db->ops->query(db, sql, v, (int)strlen(types))) return otherwise;
    if (db_next(db) && !db_is_null(db, 0)) otherwise = db_int(db, 0);
    db_end(db);
    return otherwise;
}

bool db_next(struct db *db)
{
    return db->ops->next(db);
}

void db_end(struct db *db)
{
    db->ops->end(db);
}

int64_t db_int(struct db *db, int column)
{
    return db->ops->number(db, column);
}

const char *db_text(struct db *db, int column)
{
    const char *text = db->ops->text(db, column);
    return text ? text : "";
}

bool db_is_null(struct db *db, int column)
{
    return db->ops->text(db, column) == NULL;
}

int db_begin(struct db *db)
{
    if (db_run(db, db->ops->begin, "") < 0) return E_BUSY;
    if (db->ops->serial && db_query(db, db->ops->serial, "") == 0) db_end(db);
    return 0;
}

int db_commit(struct db *db)
{
    return db_run(db, "COMMIT", "") < 0 ? E_IO : 0;
}

void db_rollback(struct db *db)
{
    db->ops->end(db);
    db_run(db, "ROLLBACK", "");
}
