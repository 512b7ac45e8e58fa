/* rollover.c - a campaign: every meter of one base date gets the tokens that lead it to
 * another.
 *
 * A meter that is done has a key of the new base date, so what is left to do is what the
 * database says: a campaign that was cut off goes on by itself, and doing it again does
 * nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tools/vend/request.h"

#define BATCH 500
#define TOKENS_EACH 4

/* Supply groups whose meters have nowhere to go; an empty text when there are none. */
static void missing_keys(struct db *db, char out[200], int64_t from, int64_t to)
{
    size_t n = 0;
    out[0] = 0;
    if (db_query(
            db,
            "SELECT DISTINCT sgc FROM vkey AS old WHERE base_year = ? AND EXISTS (SELECT 1 "
            "FROM "
            "meter WHERE vkey_id = old.id) AND NOT EXISTS (SELECT 1 FROM vkey AS new WHERE "
            "new.sgc = old.sgc AND new.kt = old.kt AND new.base_year = ?) ORDER BY sgc",
            "ii", from, to))
        return;
    while (db_next(db))
        if (n < 180)
            n += (size_t)snprintf(out + n, 200 - n, " %06lld", (long long)db_int(db, 0));
}

/* The campaign that is under way; a new one; or, with nothing left to do, the one that did it.
 */
static int64_t campaign_of(struct request *r, int64_t from, int64_t to, int64_t left)
{
    struct db *db = r->st->db;
    int64_t id =
        db_value(db, 0,
                 "SELECT max(id) FROM campaign WHERE from_year = ? AND to_year = ? AND "
                 "(ended_s IS NULL OR CAST(? AS BIGINT) = 0)",
                 "iii", from, to, left);
    if (id) return id;
    if (left == 0) {
        req_fail(r, STATION_CONFLICT, "no meter has a key of base date %lld", (long long)from);
        return 0;
    }
    id = db_value(
        db, 0,
        "INSERT INTO campaign (at_s, operator, from_year, to_year, total, done) VALUES "
        "(?, ?, ?, ?, ?, 0) RETURNING id",
        "isiii", station_now(r->st).s, r->who->name, from, to, left);
    if (id && req_audit(r, "rollover", "campaign %lld: %lld meters from %lld to %lld",
                        (long long)id, (long long)left, (long long)from, (long long)to))
        id = 0;
    return id;
}

json_t *do_rollover(struct request *r)
{
    struct db *db = r->st->db;
    char missing[200];
    int64_t from = ask_int(&r->ask, "from_base_date", 1993, 2035);
    int64_t to = ask_int(&r->ask, "base_date", 1993, 2035);
    if (from == to) ask_fail(&r->ask, "base_date", "is the one the meters have");
    if (!req_ok(r) || !req_counts(r, to)) return NULL;
    missing_keys(db, missing, from, to);
    if (missing[0])
        return req_fail(r, STATION_CONFLICT,
                        "no vending key of base date %lld for supply group%s", (long long)to,
                        missing);
    int err = db_begin(db);
    if (err) return req_db(r, err);
    int64_t total = db_value(db, 0,
                             "SELECT count(*) FROM meter JOIN vkey ON vkey.id = vkey_id WHERE "
                             "base_year = ?",
                             "i", from);
    int64_t id = campaign_of(r, from, to, total);
    err = id ? db_commit(db) : E_NONE;
    if (err) {
        db_rollback(db);
        return r->status == STATION_OK ? req_db(r, err) : NULL;
    }
    return json_pack("{s:I, s:I}", "campaign", (json_int_t)id, "left", (json_int_t)total);
}

json_t *do_rollovers(struct request *r)
{
    static const struct column columns[] = { { "campaign", 'i' },  { "started", 't' },
                                             { "operator", 's' },  { "from_base_date", 'i' },
                                             { "base_date", 'i' }, { "total", 'i' },
                                             { "done", 'i' },      { "ended", 't' },
                                             { NULL, 0 } };
    int err =
        db_query(r->st->db,
                 "SELECT id, at_s, operator, from_year, to_year, total, done, ended_s FROM "
                 "campaign ORDER BY id DESC LIMIT 100",
                 "");
    if (err) return req_db(r, err);
    return json_pack("{s:o}", "campaigns", rows_json(r->st->db, columns));
}

struct target {
    int64_t meter, key;
};

/* The next meters, and for each the newest revision of the new base date in its group. */
static int next_meters(struct db *db, struct target target[BATCH], int64_t from, int64_t to)
{
    int n = 0;
    if (db_query(
            db,
            "SELECT meter.id, (SELECT new.id FROM vkey AS new WHERE new.sgc = old.sgc AND "
            "new.kt "
            "= old.kt AND new.base_year = ? ORDER BY new.krn DESC LIMIT 1) FROM meter JOIN "
            "vkey "
            "AS old ON old.id = vkey_id WHERE old.base_year = ? ORDER BY old.id, meter.id "
            "LIMIT 500",
            "ii", to, from))
        return 0;
    while (db_next(db)) {
        if (n == BATCH) continue;
        target[n].meter = db_int(db, 0);
        target[n++].key = db_int(db, 1);
    }
    return n;
}

static int batch(struct request *r, int64_t campaign, const struct target *target, int n)
{
    struct meter_row m;
    struct sm_key to;
    int64_t have = 0;
    sm_permit(r->st->sm, (uint64_t)n * TOKENS_EACH);
    for (int i = 0; i < n; i++) {
        if (!vend_meter_load(r->st, &m, target[i].meter)) return E_NONE;
        if (have != target[i].key && !vend_key_load(r, &to, target[i].key)) return E_NONE;
        have = target[i].key;
        int err = vend_meter_change(r, &m, have, &to, m.sm.ti, false, campaign);
        if (err < 0) return err;
    }
    return db_run(r->st->db, "UPDATE campaign SET done = done + ? WHERE id = ?", "ii",
                  (int64_t)n, campaign);
}

static int finish(struct request *r, int64_t campaign)
{
    int err =
        db_run(r->st->db, "UPDATE campaign SET ended_s = ? WHERE id = ? AND ended_s IS NULL",
               "ii", station_now(r->st).s, campaign);
    if (err > 0)
        err = req_audit(r, "rollover", "campaign %lld is complete", (long long)campaign);
    return err;
}

int station_rollover_step(struct station *st, int64_t campaign, int64_t *done, int64_t *total)
{
    struct target *target = calloc(BATCH, sizeof *target);
    struct caller who = { "campaign", STATION_ADMIN };
    struct request r = { .st = st, .who = &who, .status = STATION_OK };
    struct db *db = st->db;
    int n = 0, err = target ? db_begin(db) : E_SPACE;
    if (err == 0)
        err = db_query(db, "SELECT from_year, to_year, operator FROM campaign WHERE id = ?",
                       "i", campaign);
    if (err == 0 && db_next(db)) {
        int64_t from = db_int(db, 0), to = db_int(db, 1);
        snprintf(who.name, sizeof who.name, "%s", db_text(db, 2));
        db_end(db);
        n = next_meters(db, target, from, to);
        err = n ? batch(&r, campaign, target, n) : finish(&r, campaign);
    } else if (err == 0) {
        err = E_NONE;
    }
    if (err >= 0) err = db_commit(db);
    if (err < 0 && target) db_rollback(db);
    free(target);
    *done = db_value(db, 0, "SELECT done FROM campaign WHERE id = ?", "i", campaign);
    *total = db_value(db, 0, "SELECT total FROM campaign WHERE id = ?", "i", campaign);
    return err < 0 ? err : n;
}
