/* db.h - the station's database: SQLite by default, PostgreSQL where a server is named.
 *
 * One dialect for both: '?' for parameters, BIGINT and TEXT columns, INSERT ... RETURNING. SQL
 * is always a literal of this program and values always parameters: nothing a user says is ever
 * part of a statement. Prepared statements are kept, keyed by the address of their text.
 *
 * A query is read to its end or given up by db_end() before the next one begins.
 *
 * Power cut  a committed transaction is on disk (SQLite: WAL, synchronous full), an open one is
 *            as if it had never begun.
 * Context    host programs, one thread a struct db; several processes on one database.
 */
#ifndef TOOLS_VEND_DB_H
#define TOOLS_VEND_DB_H
#include <stdbool.h>
#include <stdint.h>

struct db;

/* Open a file, ":memory:", or postgresql://user@host/name. On failure why says what to do.
 * E_IO    cannot be opened or reached.
 * E_TYPE  this program was built without libpq. */
int db_open(struct db **db, const char *url, char why[200]);
void db_close(struct db *db);

/* Is this a server, and not a file? */
bool db_is_server(const struct db *db);

/* Run a statement. types has a letter for each '?': i int64_t, s text (NULL allowed).
 * Rows changed, or
 * E_REPLAY  a row like this exists (unique constraint)
 * E_BUSY    another process holds the database for too long
 * E_IO      anything else: db_why(). */
int db_run(struct db *db, const char *sql, const char *types, ...);

/* Begin a query; 0 or an error as above. Then: while (db_next(db)) db_int(db, 0), ... */
int db_query(struct db *db, const char *sql, const char *types, ...);
bool db_next(struct db *db);
void db_end(struct db *db);

/* Columns of the row db_next() stands on. Text lives until the next call of db_next(). */
int64_t db_int(struct db *db, int column);
const char *db_text(struct db *db, int column); /* "" for NULL */
bool db_is_null(struct db *db, int column);

/* The first column of the first row, or otherwise; for counts and single values. */
int64_t db_value(struct db *db, int64_t otherwise, const char *sql, const char *types, ...);

/* A transaction that writes: begun exclusively, so that what it reads stands still. */
int db_begin(struct db *db);
int db_commit(struct db *db);
void db_rollback(struct db *db);

/* What the database said of the last error. */
const char *db_why(const struct db *db);

#endif
