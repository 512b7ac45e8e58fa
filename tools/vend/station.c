/* station.c - opening, who may do what, errors, the audit trail. */
#include "tools/vend/station.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "base/err.h"
#include "tools/common/hex.h"
#include "tools/common/json.h"
#include "tools/common/when.h"
#include "tools/vend/operator.h"
#include "tools/vend/request.h"
#include "tools/vend/schema.h"

#define SCHEMA 1

utc_t station_now(const struct station *st)
{
    return st->fixed.s ? st->fixed : when_now();
}

/* ---- opening */

static int new_lock(struct station *st, const char *passphrase, uint32_t rounds)
{
    struct sm_lock lock;
    int err = sm_new(&lock, passphrase, rounds);
    if (err) return err;
    err = db_run(
        st->db,
        "INSERT INTO lock (id, salt, rounds, check_text, version) VALUES (1, ?, ?, ?, ?)",
        "sisi", lock.salt, (int64_t)lock.rounds, lock.check, (int64_t)SCHEMA);
    return err == E_REPLAY || err > 0 ? 0 : err;
}

static int read_lock(struct station *st, struct sm_lock *lock)
{
    int err =
        db_query(st->db, "SELECT salt, rounds, check_text, version FROM lock WHERE id = 1", "");
    if (err) return err;
    if (!db_next(st->db)) return E_NONE;
    snprintf(lock->salt, sizeof lock->salt, "%s", db_text(st->db, 0));
    lock->rounds = (uint32_t)db_int(st->db, 1);
    snprintf(lock->check, sizeof lock->check, "%s", db_text(st->db, 2));
    err = db_int(st->db, 3) == SCHEMA ? 0 : E_TYPE;
    db_end(st->db);
    return err;
}

static int unlock(struct station *st, const char *passphrase, uint32_t rounds)
{
    struct sm_lock lock;
    int err = read_lock(st, &lock);
    if (err == E_NONE) {
        err = new_lock(st, passphrase, rounds);
        if (err == 0) err = read_lock(st, &lock);
    }
    return err ? err : sm_open(&st->sm, &lock, passphrase);
}

int station_open(struct station *st, const char *url, const char *passphrase, uint32_t rounds,
                 char why[200])
{
    *st = (struct station){ .password_rounds = OPERATOR_ROUNDS };
    int err = db_open(&st->db, url, why);
    if (err) return err;
    err = schema_make(st->db);
    if (err == 0) err = unlock(st, passphrase, rounds);
    if (err == E_AUTH)
        snprintf(why, 200, "the passphrase is wrong");
    else if (err == E_TYPE)
        snprintf(why, 200, "%.100s was made by another version of this program", url);
    else if (err)
        snprintf(why, 200, "%.190s", db_why(st->db));
    if (err) station_close(st);
    return err;
}

void station_close(struct station *st)
{
    sm_close(st->sm);
    db_close(st->db);
    st->sm = NULL;
    st->db = NULL;
}

bool station_is_new(struct station *st)
{
    return db_value(st->db, 0, "SELECT count(*) FROM operator", "") == 0;
}

/* ---- operations */

static const struct {
    const char *name;
    handler *run;
    uint8_t role;
    bool is_reading;
} operations[] = {
    { "status", do_status, STATION_CLERK, true },
    { "groups", do_groups, STATION_CLERK, true },
    { "tariffs", do_tariffs, STATION_CLERK, true },
    { "customers", do_customers, STATION_CLERK, true },
    { "meters", do_meters, STATION_CLERK, true },
    { "meter", do_meter, STATION_CLERK, true },
    { "quote", do_quote, STATION_CLERK, true },
    { "sell", do_sell, STATION_CLERK, false },
    { "receipt", do_receipt, STATION_CLERK, false },
    { "sales", do_sales, STATION_CLERK, true },
    { "tokens", do_tokens, STATION_SUPERVISOR, true },
    { "customer_put", do_customer_put, STATION_SUPERVISOR, false },
    { "meter_put", do_meter_put, STATION_SUPERVISOR, false },
    { "manage", do_manage, STATION_SUPERVISOR, false },
    { "test", do_test, STATION_SUPERVISOR, false },
    { "key_change", do_key_change, STATION_SUPERVISOR, false },
    { "export", do_export, STATION_SUPERVISOR, true },
    { "import", do_import, STATION_SUPERVISOR, false },
    { "group_put", do_group_put, STATION_ADMIN, false },
    { "keys", do_keys, STATION_ADMIN, true },
    { "key_import", do_key_import, STATION_ADMIN, false },
    { "key_generate", do_key_generate, STATION_ADMIN, false },
    { "tariff_put", do_tariff_put, STATION_ADMIN, false },
    { "operators", do_operators, STATION_ADMIN, true },
    { "operator_put", do_operator_put, STATION_ADMIN, false },
    { "rollover", do_rollover, STATION_ADMIN, false },
    { "rollovers", do_rollovers, STATION_ADMIN, true },
    { "audit", do_audit, STATION_ADMIN, true },
};

#define OPERATIONS (sizeof operations / sizeof *operations)

static size_t find(const char *op)
{
    size_t i = 0;
    while (i < OPERATIONS && strcmp(operations[i].name, op) != 0) i++;
    return i;
}

bool station_knows(const char *op)
{
    return find(op) < OPERATIONS;
}

bool station_is_reading(const char *op)
{
    size_t i = find(op);
    return i < OPERATIONS && operations[i].is_reading;
}

json_t *station_do(struct station *st, const struct caller *who, const char *op,
                   const json_t *in, int *status)
{
    struct request r = { .st = st, .who = who, .status = STATION_OK };
    size_t i = find(op);
    json_t *out = NULL;
    ask_begin(&r.ask, in, "");
    if (i == OPERATIONS)
        req_fail(&r, STATION_UNKNOWN, "there is no operation '%.30s'", op);
    else if (who->role < operations[i].role)
        req_fail(&r, STATION_FORBIDDEN, "'%s' is not for this operator", op);
    else if (req_ok(&r))
        out = operations[i].run(&r);
    if (out == NULL && r.status == STATION_OK && req_ok(&r)) req_db(&r, E_IO);
    *status = r.status;
    return out ? out : json_error_new(r.why);
}

/* ---- what handlers share */

json_t *req_fail(struct request *r, int status, const char *format, ...)
{
    va_list args;
    if (r->status != STATION_OK) return NULL;
    r->status = status;
    va_start(args, format);
    vsnprintf(r->why, sizeof r->why, format, args);
    va_end(args);
    return NULL;
}

json_t *req_db(struct request *r, int err)
{
    if (err == E_BUSY) return req_fail(r, STATION_SLOW, "the database is busy; ask again");
    return req_fail(r, STATION_BROKEN, "the database said: %.200s", db_why(r->st->db));
}

json_t *req_sm(struct request *r, int err)
{
    switch (err) {
    case E_AUTH:
        return req_fail(r, STATION_BROKEN,
                        "the vending key cannot be opened: its text was changed");
    case E_STATE:
        return req_fail(r, STATION_CONFLICT,
                        "the vending key has expired; change the meter's key");
    case E_BUSY:
        return req_fail(r, STATION_SLOW,
                        "too many tokens in this minute; ask again in the next");
    default:
        return req_fail(r, STATION_CONFLICT, "meter and vending key do not go together");
    }
}

bool req_ok(struct request *r)
{
    if (r->ask.wrong[0]) req_fail(r, STATION_BAD, "%s", r->ask.wrong);
    return r->status == STATION_OK;
}

const char *req_text(struct request *r, const char *field, const char *otherwise)
{
    json_t *v = r->ask.object ? json_object_get(r->ask.object, field) : NULL;
    if (v == NULL || json_is_null(v)) return otherwise;
    const char *text = json_string_value(v);
    if (text == NULL) {
        ask_fail(&r->ask, field, "must be text");
        return otherwise;
    }
    if (json_string_length(v) > TEXT_MAX || strlen(text) != json_string_length(v))
        ask_fail(&r->ask, field, "has more than %d octets", TEXT_MAX);
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            ask_fail(&r->ask, field, "holds control characters");
    return r->ask.wrong[0] ? otherwise : text;
}

int64_t req_money(struct request *r, const char *field)
{
    make_money_t v = ask_decimal(&r->ask, field, 5);
    if (v < 0 || v > MONEY_MAX) ask_fail(&r->ask, field, "is out of range");
    return r->ask.wrong[0] ? 0 : (int64_t)v;
}

json_t *decimal_json(int64_t units, int digits)
{
    int64_t scale = 1;
    for (int i = 0; i < digits; i++) scale *= 10;
    int64_t whole = units / scale, part = units % scale;
    return json_sprintf("%s%lld.%0*lld", units < 0 && whole == 0 ? "-" : "", (long long)whole,
                        digits, (long long)(part < 0 ? -part : part));
}

/* Two decimals, more only where there are more. */
json_t *money_json(int64_t e5)
{
    return e5 % 1000 ? decimal_json(e5, 5) : decimal_json(e5 / 1000, 2);
}

json_t *time_json(int64_t s)
{
    char text[WHEN_TEXT];
    return json_string(when_format(text, (utc_t){ s }));
}

int req_audit(struct request *r, const char *action, const char *format, ...)
{
    char detail[400], line[600], before[SM_DIGEST] = "", digest[SM_DIGEST];
    int64_t at = station_now(r->st).s;
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    if (db_query(r->st->db, "SELECT digest FROM audit ORDER BY id DESC LIMIT 1", "") == 0) {
        if (db_next(r->st->db)) snprintf(before, sizeof before, "%s", db_text(r->st->db, 0));
        db_end(r->st->db);
    }
    snprintf(line, sizeof line, "%lld %s %s %s", (long long)at, r->who->name, action, detail);
    sm_chain(r->st->sm, digest, before, line);
    int err = db_run(
        r->st->db,
        "INSERT INTO audit (at_s, operator, action, detail, digest) VALUES (?, ?, ?, ?, ?)",
        "issss", at, r->who->name, action, detail, digest);
    return err < 0 ? err : 0;
}
