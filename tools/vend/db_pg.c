#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tools/vend/db_ops.h"

#define STATEMENTS 256
#define SQL_MAX 4096

struct pg {
    struct db db;
    PGconn *conn;
    PGresult *now;
    int row;
    const char *kept[STATEMENTS]; /* prepared under the name of its place */
};

static struct pg *of(struct db *db)
{
    return (struct pg *)db;
}

static int fail(struct pg *p, const PGresult *r)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    snprintf(p->db.why, sizeof p->db.why, "%s", PQerrorMessage(p->conn));
    p->db.why[strcspn(p->db.why, "\n")] = 0;
    if (state && strcmp(state, "23505") == 0) return E_REPLAY;
    if (state && (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0)) return E_BUSY;
    return E_IO;
}

/* '?' becomes $1, $2, ...; no literal of ours holds a question mark. */
static bool numbered(char out[SQL_MAX], const char *sql)
{
    size_t n = 0;
    int parameter = 0;
    for (; *sql && n < SQL_MAX - 8; sql++) {
        if (*sql == '?')
            n += (size_t)snprintf(out + n, 8, "$%d", ++parameter);
        else
            out[n++] = *sql;
    }
    out[n] = 0;
    return *sql == 0;
}

/* The name under which sql is prepared, prepared now if need be; NULL when it cannot be. */
static const char *prepared(struct pg *p, char name[16], const char *sql)
{
    char text[SQL_MAX];
    size_t at = (uintptr_t)sql / 8 % STATEMENTS, i = 0;
    for (; i < STATEMENTS && p->kept[at]; i++, at = (at + 1) % STATEMENTS)
        if (p->kept[at] == sql) break;
    if (i == STATEMENTS) return NULL;
    snprintf(name, 16, "s%zu", at);
    if (p->kept[at]) return name;
    if (!numbered(text, sql)) return NULL;
    PGresult *r = PQprepare(p->conn, name, text, 0, NULL);
    bool is_ok = PQresultStatus(r) == PGRES_COMMAND_OK;
    if (!is_ok) fail(p, r);
    PQclear(r);
    if (is_ok) p->kept[at] = sql;
    return is_ok ? name : NULL;
}

static PGresult *execute(struct pg *p, const char *sql, const struct db_value *v, int n)
{
    char name[16], digits[DB_VALUES][24];
    const char *values[DB_VALUES];
    if (prepared(p, name, sql) == NULL) return NULL;
    for (int i = 0; i < n; i++) {
        snprintf(digits[i], sizeof digits[i], "%lld", (long long)v[i].number);
        values[i] = v[i].is_text ? v[i].text : digits[i];
    }
    return PQexecPrepared(p->conn, name, n, values, NULL, NULL, 0);
}

static bool is_good(const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static int run(struct db *db, const char *sql, const struct db_value *v, int n)
{
    PGresult *r = execute(of(db), sql, v, n);
    int result = r == NULL ? E_IO : is_good(r) ? atoi(PQcmdTuples(r)) : fail(of(db), r);
    PQclear(r);
    return result;
}

static void end(struct db *db)
{
    PQclear(of(db)->now);
    of(db)->now = NULL;
}

static int query(struct db *db, const char *sql, const struct db_value *v, int n)
{
    struct pg *p = of(db);
    end(db);
    p->now = execute(p, sql, v, n);
    p->row = -1;
    if (p->now && is_good(p->now)) return 0;
    int err = p->now ? fail(p, p->now) : E_IO;
    end(db);
    return err;
}

static bool next(struct db *db)
{
    struct pg *p = of(db);
    if (p->now && ++p->row < PQntuples(p->now)) return true;
    end(db);
    return false;
}

static const char *text(struct db *db, int column)
{
    struct pg *p = of(db);
    return PQgetisnull(p->now, p->row, column) ? NULL : PQgetvalue(p->now, p->row, column);
}

static int64_t number(struct db *db, int column)
{
    const char *v = text(db, column);
    return v ? strtoll(v, NULL, 10) : 0;
}

static void close_all(struct db *db)
{
    end(db);
    PQfinish(of(db)->conn);
    free(db);
}

static const struct db_ops ops = {
    .is_server = true,
    .begin = "BEGIN ISOLATION LEVEL READ COMMITTED",
    .serial = "SELECT pg_advisory_xact_lock(62055)",
    .close = close_all,
    .run = run,
    .query = query,
    .next = next,
    .end = end,
    .number = number,
    .text = text,
};

static void quiet(void *ctx, const char *message)
{
    (void)ctx;
    (void)message;
}

int db_pg_open(struct db **db, const char *url, char why[200])
{
    struct pg *p = calloc(1, sizeof *p);
    if (p == NULL) return E_IO;
    p->conn = PQconnectdb(url);
    if (PQstatus(p->conn) != CONNECTION_OK) {
        snprintf(why, 200, "%s", PQerrorMessage(p->conn));
        why[strcspn(why, "\n")] = 0;
        PQfinish(p->conn);
        free(p);
        return E_IO;
    }
    PQsetNoticeProcessor(p->conn, quiet, NULL);
    p->db.ops = &ops;
    *db = &p->db;
    return 0;
}
