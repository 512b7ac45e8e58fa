#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "tools/vend/db_ops.h"

#define STATEMENTS 128
#define PATIENCE_MS 10000

struct sqlite {
    struct db db;
    sqlite3 *handle;
    sqlite3_stmt *now; /* the query being read */
    struct {
        const char *sql;
        sqlite3_stmt *stmt;
    } kept[STATEMENTS];
};

static struct sqlite *of(struct db *db)
{
    return (struct sqlite *)db;
}

static int fail(struct sqlite *s)
{
    int code = sqlite3_errcode(s->handle);
    snprintf(s->db.why, sizeof s->db.why, "%s", sqlite3_errmsg(s->handle));
    if (code == SQLITE_CONSTRAINT) return E_REPLAY;
    return code == SQLITE_BUSY || code == SQLITE_LOCKED ? E_BUSY : E_IO;
}

static sqlite3_stmt *prepared(struct sqlite *s, const char *sql)
{
    size_t at = (uintptr_t)sql / 8 % STATEMENTS;
    for (size_t i = 0; i < STATEMENTS && s->kept[at].sql; i++, at = (at + 1) % STATEMENTS)
        if (s->kept[at].sql == sql) return s->kept[at].stmt;
    sqlite3_finalize(s->kept[at].stmt); /* all taken: the one at hand goes */
    s->kept[at].sql = NULL;
    if (sqlite3_prepare_v3(s->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->kept[at].stmt,
                           NULL))
        return NULL;
    s->kept[at].sql = sql;
    return s->kept[at].stmt;
}

static sqlite3_stmt *bound(struct sqlite *s, const char *sql, const struct db_value *v, int n)
{
    sqlite3_stmt *stmt = prepared(s, sql);
    if (stmt == NULL) return NULL;
    sqlite3_reset(stmt);
    for (int i = 0; i < n; i++) {
        if (v[i].is_text && v[i].text)
            sqlite3_bind_text(stmt, i + 1, v[i].text, -1, SQLITE_TRANSIENT);
        else if (v[i].is_text)
            sqlite3_bind_null(stmt, i + 1);
        else
            sqlite3_bind_int64(stmt, i + 1, v[i].number);
    }
    return stmt;
}

static int run(struct db *db, const char *sql, const struct db_value *v, int n)
{
    struct sqlite *s = of(db);
    sqlite3_stmt *stmt = bound(s, sql, v, n);
    if (stmt == NULL) return fail(s);
    int step = sqlite3_step(stmt);
    int result =
        step == SQLITE_DONE || step == SQLITE_ROW ? sqlite3_changes(s->handle) : fail(s);
    sqlite3_reset(stmt);
    return result;
}

static int query(struct db *db, const char *sql, const struct db_value *v, int n)
{
    struct sqlite *s = of(db);
    s->now = bound(s, sql, v, n);
    return s->now ? 0 : fail(s);
}

static void end(struct db *db)
{
    if (of(db)->now) sqlite3_reset(of(db)->now);
    of(db)->now = NULL;
}

static bool next(struct db *db)
{
    struct sqlite *s = of(db);
    if (s->now == NULL) return false;
    if (sqlite3_step(s->now) == SQLITE_ROW) return true;
    snprintf(db->why, sizeof db->why, "%s", sqlite3_errmsg(s->handle));
    end(db);
    return false;
}

static int64_t number(struct db *db, int column)
{
    return sqlite3_column_int64(of(db)->now, column);
}

static const char *text(struct db *db, int column)
{
    return (const char *)sqlite3_column_text(of(db)->now, column);
}

static void close_all(struct db *db)
{
    struct sqlite *s = of(db);
    for (int i = 0; i < STATEMENTS; i++) sqlite3_finalize(s->kept[i].stmt);
    sqlite3_close(s->handle);
    free(s);
}

static const struct db_ops ops = {
    .begin = "BEGIN IMMEDIATE",
    .close = close_all,
    .run = run,
    .query = query,
    .next = next,
    .end = end,
    .number = number,
    .text = text,
};

int db_sqlite_open(struct db **db, const char *path, char why[200])
{
    struct sqlite *s = calloc(1, sizeof *s);
    mode_t was = umask(077); /* customers, and keys under a passphrase: for the owner alone */
    int err = s ? sqlite3_open(path, &s->handle) : SQLITE_NOMEM;
    umask(was);
    if (err == 0)
        err = sqlite3_exec(s->handle,
                           "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                           "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;",
                           NULL, NULL, NULL);
    if (err) {
        snprintf(why, 200, "%s: %s", path, s ? sqlite3_errmsg(s->handle) : "out of memory");
        if (s) sqlite3_close(s->handle);
        free(s);
        return E_IO;
    }
    sqlite3_busy_timeout(s->handle, PATIENCE_MS);
    s->db.ops = &ops;
    *db = &s->db;
    return 0;
}
