/* registry.c - who and what the station knows: supply groups, keys, tariffs, customers, meters,
 * operators. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "sts/code.h"
#include "tools/vend/operator.h"
#include "tools/vend/request.h"

static json_t *list_of(struct request *r, const char *name, const struct column *columns,
                       int err)
{
    if (err) return req_db(r, err);
    json_t *list = rows_json(r->st->db, columns);
    return json_pack("{s:o}", name, list);
}

/* Commit what a handler did, or undo it. */
static json_t *committed(struct request *r, int err, json_t *out)
{
    if (err == 0) err = db_commit(r->st->db);
    if (err == 0) return out;
    db_rollback(r->st->db);
    json_decref(out);
    return err == E_REPLAY ? req_fail(r, STATION_CONFLICT, "there is one like this already")
                           : req_db(r, err);
}

json_t *do_status(struct request *r)
{
    struct db *db = r->st->db;
    json_t *out = json_pack("{s:s, s:s}", "operator", r->who->name, "role",
                            operator_role_name(r->who->role));
    json_object_set_new(out, "time", time_json(station_now(r->st).s));
    json_object_set_new(out, "meters",
                        json_integer(db_value(db, 0, "SELECT count(*) FROM meter", "")));
    json_object_set_new(out, "customers",
                        json_integer(db_value(db, 0, "SELECT count(*) FROM customer", "")));
    json_object_set_new(out, "sales",
                        json_integer(db_value(db, 0, "SELECT count(*) FROM sale", "")));
    return out;
}

/* ---- supply groups and keys */

json_t *do_groups(struct request *r)
{
    static const struct column columns[] = { { "sgc", 'g' }, { "name", 's' }, { NULL, 0 } };
    int err = db_query(r->st->db, "SELECT sgc, name FROM supply ORDER BY sgc", "");
    return list_of(r, "groups", columns, err);
}

json_t *do_group_put(struct request *r)
{
    int64_t sgc = ask_int(&r->ask, "sgc", 0, 999999);
    const char *name = req_text(r, "name", "");
    if (!req_ok(r)) return NULL;
    int err = db_begin(r->st->db);
    if (err) return req_db(r, err);
    err = db_run(r->st->db,
                 "INSERT INTO supply (sgc, name) VALUES (?, ?) ON CONFLICT (sgc) DO UPDATE SET "
                 "name = excluded.name",
                 "is", sgc, name);
    if (err > 0) err = req_audit(r, "group", "%06lld %s", (long long)sgc, name);
    return committed(r, err, json_pack("{s:o}", "sgc", json_sprintf("%06lld", (long long)sgc)));
}

json_t *do_keys(struct request *r)
{
    static const struct column columns[] = {
        { "id", 'i' },  { "sgc", 'g' }, { "base_date", 'i' }, { "dkga", '2' },   { "kt", 'i' },
        { "krn", 'i' }, { "ken", 'i' }, { "made", 't' },      { "meters", 'i' }, { NULL, 0 }
    };
    int err =
        db_query(r->st->db,
                 "SELECT id, sgc, base_year, dkga, kt, krn, ken, at_s, (SELECT count(*) FROM "
                 "meter WHERE vkey_id = vkey.id) FROM vkey ORDER BY sgc, base_year, krn",
                 "");
    return list_of(r, "keys", columns, err);
}

static struct sm_use ask_use(struct request *r)
{
    struct sm_use u = {
        .sgc = (uint32_t)ask_int(&r->ask, "sgc", 0, 999999),
        .base_year = (uint16_t)ask_int(&r->ask, "base_date", 1993, 2035),
        .dkga = (uint8_t)ask_int(&r->ask, "dkga", 1, 4),
        .kt = (uint8_t)ask_int_or(&r->ask, "kt", STS_KT_DEFAULT, STS_KT_UNIQUE, STS_KT_UNIQUE),
        .krn = (uint8_t)ask_int(&r->ask, "krn", 1, 9),
        .ken = (uint8_t)ask_int_or(&r->ask, "ken", 0, 255, STS_KEN_NEVER),
    };
    return u;
}

static json_t *put_key(struct request *r, const struct sm_key *k, const char *how)
{
    const struct sm_use *u = &k->use;
    int64_t at = station_now(r->st).s, id = 0;
    int err = db_begin(r->st->db);
    if (err) return req_db(r, err);
    err = db_query(r->st->db,
                   "INSERT INTO vkey (sgc, base_year, dkga, kt, krn, ken, blob, at_s) VALUES "
                   "(?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                   "iiiiiisi", (int64_t)u->sgc, (int64_t)u->base_year, (int64_t)u->dkga,
                   (int64_t)u->kt, (int64_t)u->krn, (int64_t)u->ken, k->blob, at);
    if (err == 0 && db_next(r->st->db)) {
        id = db_int(r->st->db, 0);
        db_end(r->st->db);
        err = req_audit(r, how, "key %lld: sgc %06u base %u dkga %02u kt %u krn %u ken %u",
                        (long long)id, (unsigned)u->sgc, u->base_year, u->dkga, u->kt, u->krn,
                        u->ken);
    } else if (err == 0) {
        err = E_REPLAY; /* SQLite tells of a broken constraint when the row is asked for */
    }
    return committed(r, err, json_pack("{s:I}", "id", (json_int_t)id));
}

static bool group_exists(struct request *r, uint32_t sgc)
{
    if (db_value(r->st->db, 0, "SELECT count(*) FROM supply WHERE sgc = ?", "i", (int64_t)sgc))
        return true;
    req_fail(r, STATION_UNKNOWN, "there is no supply group %06u", (unsigned)sgc);
    return false;
}

static json_t *wrapped(struct request *r, const struct sm_key *k, int err, const char *how)
{
    if (err == E_RANGE)
        return req_fail(r, STATION_BAD,
                        "these do not go together: dkga 01 and 02 want 8 octets, 03 16, 04 20; "
                        "base_date is 1993, 2014 or 2035");
    if (err) return req_sm(r, err);
    return put_key(r, k, how);
}

json_t *do_key_import(struct request *r)
{
    struct sm_use use = ask_use(r);
    struct sm_key k;
    uint8_t key[20];
    size_t n = ask_octets(&r->ask, "vending_key", key, sizeof key);
    if (!req_ok(r) || !group_exists(r, use.sgc)) {
        wipe(key, sizeof key);
        return NULL;
    }
    int err = sm_wrap(r->st->sm, &k, &use, key, n);
    wipe(key, sizeof key);
    return wrapped(r, &k, err, "key_import");
}

json_t *do_key_generate(struct request *r)
{
    struct sm_use use = ask_use(r);
    struct sm_key k;
    if (!req_ok(r) || !group_exists(r, use.sgc)) return NULL;
    return wrapped(r, &k, sm_generate(r->st->sm, &k, &use), "key_generate");
}

/* ---- tariffs */

json_t *do_tariffs(struct request *r)
{
    static const struct column columns[] = { { "ti", '2' },    { "name", 's' },
                                             { "price", '6' }, { "vat_percent", '%' },
                                             { "fee", '$' },   { NULL, 0 } };
    int err = db_query(r->st->db,
                       "SELECT ti, name, price_e6, vat_e4, fee_e5 FROM tariff ORDER BY ti", "");
    return list_of(r, "tariffs", columns, err);
}

json_t *do_tariff_put(struct request *r)
{
    int64_t ti = ask_int(&r->ask, "ti", 0, 99);
    const char *name = req_text(r, "name", "");
    make_money_t price = ask_decimal(&r->ask, "price", 6);
    make_money_t vat =
        ask_has(&r->ask, "vat_percent") ? ask_decimal(&r->ask, "vat_percent", 2) : 0;
    int64_t fee = ask_has(&r->ask, "fee") ? req_money(r, "fee") : 0;
    if (price <= 0 || price > MONEY_MAX) ask_fail(&r->ask, "price", "must be above 0");
    if (vat < 0 || vat > 10000) ask_fail(&r->ask, "vat_percent", "must be between 0 and 100");
    if (!req_ok(r)) return NULL;
    int err = db_begin(r->st->db);
    if (err) return req_db(r, err);
    err =
        db_run(r->st->db,
               "INSERT INTO tariff (ti, name, price_e6, vat_e4, fee_e5) VALUES (?, ?, ?, ?, ?) "
               "ON CONFLICT (ti) DO UPDATE SET name = excluded.name, price_e6 = "
               "excluded.price_e6, vat_e4 = excluded.vat_e4, fee_e5 = excluded.fee_e5",
               "isiii", ti, name, (int64_t)price, (int64_t)vat, fee);
    if (err > 0)
        err = req_audit(r, "tariff", "%02lld %s: %lld e-6 a kWh, vat %lld e-4, fee %lld e-5",
                        (long long)ti, name, (long long)price, (long long)vat, (long long)fee);
    return committed(r, err, json_pack("{s:o}", "ti", json_sprintf("%02lld", (long long)ti)));
}

/* ---- customers */

/* What is looked for, as a pattern; '%' and '_' in it stand for themselves. */
static void pattern_of(char out[3 * TEXT_MAX + 8], const char *text)
{
    char *p = out;
    *p++ = '%';
    for (; *text; text++) {
        if (strchr("%_!", *text)) *p++ = '!';
        *p++ = *text;
    }
    *p++ = '%';
    *p = 0;
}

json_t *do_customers(struct request *r)
{
    static const struct column columns[] = {
        { "id", 'i' }, { "name", 's' }, { "phone", 's' }, { "address", 's' }, { NULL, 0 }
    };
    char pattern[3 * TEXT_MAX + 8];
    pattern_of(pattern, req_text(r, "q", ""));
    int64_t after = ask_int_or(&r->ask, "after", 0, INT64_MAX, 0);
    if (!req_ok(r)) return NULL;
    int err = db_query(
        r->st->db,
        "SELECT id, name, phone, address FROM customer WHERE id > ? AND (LOWER(name) LIKE "
        "LOWER(?) ESCAPE '!' OR phone LIKE ? ESCAPE '!') ORDER BY id LIMIT 500",
        "iss", after, pattern, pattern);
    return list_of(r, "customers", columns, err);
}

int64_t vend_customer_write(struct request *r)
{
    struct db *db = r->st->db;
    int64_t id = ask_int_or(&r->ask, "id", 1, INT64_MAX, 0);
    const char *name = req_text(r, "name", NULL), *phone = req_text(r, "phone", "");
    const char *address = req_text(r, "address", "");
    if (name == NULL || *name == 0) ask_fail(&r->ask, "name", "is missing");
    if (!req_ok(r)) return 0;
    if (id == 0) {
        id = db_value(
            db, 0, "INSERT INTO customer (name, phone, address) VALUES (?, ?, ?) RETURNING id",
            "sss", name, phone, address);
        if (id == 0) req_db(r, E_IO);
        return id;
    }
    int err = db_run(db, "UPDATE customer SET name = ?, phone = ?, address = ? WHERE id = ?",
                     "sssi", name, phone, address, id);
    if (err < 0) req_db(r, err);
    if (err == 0) req_fail(r, STATION_UNKNOWN, "there is no customer %lld", (long long)id);
    return err > 0 ? id : 0;
}

json_t *do_customer_put(struct request *r)
{
    int err = db_begin(r->st->db);
    if (err) return req_db(r, err);
    int64_t id = vend_customer_write(r);
    if (id == 0) {
        db_rollback(r->st->db);
        return NULL;
    }
    err = req_audit(r, "customer", "%lld %s", (long long)id, req_text(r, "name", ""));
    return committed(r, err, json_pack("{s:I}", "id", (json_int_t)id));
}

/* ---- meters */

#define METER_COLUMNS                                                                          \
    "SELECT meter.id, drn, pan, ea, is_money, ti, vkey_id, last_tid, customer_id, "            \
    "COALESCE(customer.name, ''), sgc, base_year, dkga, kt, krn, ken, blob FROM meter JOIN "   \
    "vkey "                                                                                    \
    "ON vkey.id = vkey_id LEFT JOIN customer ON customer.id = customer_id "

static bool take_meter(struct db *db, struct meter_row *m)
{
    if (!db_next(db)) return false;
    memset(m, 0, sizeof *m);
    m->id = db_int(db, 0);
    snprintf(m->drn, sizeof m->drn, "%s", db_text(db, 1));
    snprintf(m->sm.pan, sizeof m->sm.pan, "%s", db_text(db, 2));
    m->sm.ea = (uint8_t)db_int(db, 3);
    m->is_money = db_int(db, 4);
    m->sm.ti = (uint8_t)db_int(db, 5);
    m->vkey_id = db_int(db, 6);
    m->last_tid = db_int(db, 7);
    m->customer_id = db_int(db, 8);
    snprintf(m->customer, sizeof m->customer, "%s", db_text(db, 9));
    m->key.use = (struct sm_use){ .sgc = (uint32_t)db_int(db, 10),
                                  .base_year = (uint16_t)db_int(db, 11),
                                  .dkga = (uint8_t)db_int(db, 12),
                                  .kt = (uint8_t)db_int(db, 13),
                                  .krn = (uint8_t)db_int(db, 14),
                                  .ken = (uint8_t)db_int(db, 15) };
    snprintf(m->key.blob, sizeof m->key.blob, "%s", db_text(db, 16));
    db_end(db);
    return true;
}

bool vend_meter_load(struct station *st, struct meter_row *m, int64_t id)
{
    if (db_query(st->db, METER_COLUMNS "WHERE meter.id = ?", "i", id)) return false;
    return take_meter(st->db, m);
}

bool vend_meter_find(struct request *r, struct meter_row *m)
{
    char buf[32];
    const char *number = ask_text(&r->ask, "meter", buf);
    if (number == NULL) ask_fail(&r->ask, "meter", "is missing");
    if (!req_ok(r)) return false;
    int err =
        db_query(r->st->db, METER_COLUMNS "WHERE drn = ? OR pan = ?", "ss", number, number);
    if (err) {
        req_db(r, err);
        return false;
    }
    if (take_meter(r->st->db, m)) return true;
    req_fail(r, STATION_UNKNOWN, "there is no meter %.20s", number);
    return false;
}

static const struct column meter_columns[] = {
    { "id", 'i' },       { "meter", 's' }, { "meter_pan", 's' },   { "ea", '2' },
    { "is_money", 'b' }, { "ti", '2' },    { "customer_id", 'i' }, { "customer", 's' },
    { "sgc", 'g' },      { "krn", 'i' },   { "kt", 'i' },          { "base_date", 'i' },
    { "ken", 'i' },      { NULL, 0 }
};

#define METER_LIST                                                                             \
    "SELECT meter.id, drn, pan, ea, is_money, ti, customer_id, COALESCE(customer.name, ''), "  \
    "sgc, "                                                                                    \
    "krn, kt, base_year, ken FROM meter JOIN vkey ON vkey.id = vkey_id LEFT JOIN customer ON " \
    "customer.id = customer_id "

json_t *do_meters(struct request *r)
{
    char pattern[3 * TEXT_MAX + 8];
    pattern_of(pattern, req_text(r, "q", ""));
    int64_t after = ask_int_or(&r->ask, "after", 0, INT64_MAX, 0);
    if (!req_ok(r)) return NULL;
    int err = db_query(
        r->st->db,
        METER_LIST "WHERE meter.id > ? AND (drn LIKE ? ESCAPE '!' OR "
                   "LOWER(customer.name) LIKE LOWER(?) ESCAPE '!') ORDER BY meter.id LIMIT 500",
        "iss", after, pattern, pattern);
    return list_of(r, "meters", meter_columns, err);
}

json_t *do_meter(struct request *r)
{
    struct meter_row m;
    if (!vend_meter_find(r, &m)) return NULL;
    int err = db_query(r->st->db, METER_LIST "WHERE meter.id = ?", "i", m.id);
    if (err) return req_db(r, err);
    json_t *out = row_json(r->st->db, meter_columns);
    json_object_set_new(
        out, "change_tokens_waiting",
        json_integer(db_value(
            r->st->db, 0, "SELECT count(*) FROM change WHERE meter_id = ? AND sale_id IS NULL",
            "i", m.id)));
    return out;
}

/* The base date in force: the first whose 31.9 years have not run out. */
static int64_t base_in_force(const struct station *st)
{
    static const int years[] = { 1993, 2014, 2035 };
    uint32_t tid;
    for (size_t i = 0; i < 2; i++)
        if (sts_tid_at(&tid, station_now(st), years[i]) == 0) return years[i];
    return years[2];
}

/* The key of a supply group for a meter that comes new: of the base date and revision asked
 * for, or of the base date in force and the newest revision. */
static int64_t key_for_new(struct request *r, int64_t sgc)
{
    int64_t base = ask_int_or(&r->ask, "base_date", 1993, 2035, base_in_force(r->st));
    int64_t krn = ask_int_or(&r->ask, "krn", 1, 9, 0);
    int64_t kt = ask_int_or(&r->ask, "kt", 1, 2, STS_KT_UNIQUE);
    if (!req_ok(r)) return 0;
    int64_t id = db_value(r->st->db, 0,
                          "SELECT id FROM vkey WHERE sgc = ? AND kt = ? AND base_year = ? AND "
                          "(CAST(? AS BIGINT) = 0 OR krn = ?) ORDER BY krn DESC LIMIT 1",
                          "iiiii", sgc, kt, base, krn, krn);
    if (id == 0)
        req_fail(r, STATION_UNKNOWN, "supply group %06lld has no vending key of base date %lld",
                 (long long)sgc, (long long)base);
    return id;
}

/* What a meter's row needs, checked. */
struct meter_plan {
    char drn[16], pan[STS_PAN_DIGITS + 1];
    int64_t ea, ti, key, customer;
    bool is_money;
};

static bool ask_meter(struct request *r, struct meter_plan *p)
{
    char buf[32];
    const char *drn = ask_text(&r->ask, "meter", buf);
    int64_t sgc = ask_int(&r->ask, "sgc", 0, 999999);
    p->ea = ask_int_or(&r->ask, "ea", STS_EA_STA, STS_EA_MISTY1, STS_EA_STA);
    p->ti = ask_int(&r->ask, "ti", 0, 99);
    p->customer = ask_int_or(&r->ask, "customer_id", 1, INT64_MAX, 0);
    p->is_money = ask_flag(&r->ask, "is_money");
    if (p->ea != STS_EA_STA && p->ea != STS_EA_MISTY1)
        ask_fail(&r->ask, "ea", "must be 07 or 11");
    if (drn == NULL || strlen(drn) >= sizeof p->drn || sts_pan_of(p->pan, drn))
        ask_fail(&r->ask, "meter", "must be 11 or 13 digits with a right check digit");
    if (!req_ok(r)) return false;
    snprintf(p->drn, sizeof p->drn, "%s", drn);
    p->key = key_for_new(r, sgc);
    if (p->customer &&
        !db_value(r->st->db, 0, "SELECT count(*) FROM customer WHERE id = ?", "i", p->customer))
        req_fail(r, STATION_UNKNOWN, "there is no customer %lld", (long long)p->customer);
    return r->status == STATION_OK;
}

/* A known meter keeps its key and tariff index: they change by key change tokens alone. */
int64_t vend_meter_write(struct request *r)
{
    struct meter_plan p;
    char customer[24];
    if (!ask_meter(r, &p)) return 0;
    snprintf(customer, sizeof customer, "%lld", (long long)p.customer);
    int64_t id = db_value(
        r->st->db, 0,
        "INSERT INTO meter (drn, pan, ea, is_money, ti, vkey_id, customer_id, last_tid) VALUES "
        "(?, "
        "?, ?, ?, ?, ?, CAST(? AS BIGINT), 0) ON CONFLICT (drn) DO UPDATE SET customer_id = "
        "excluded.customer_id, is_money = excluded.is_money RETURNING id",
        "ssiiiis", p.drn, p.pan, p.ea, (int64_t)p.is_money, p.ti, p.key,
        p.customer ? customer : NULL);
    if (id == 0) req_db(r, E_IO);
    return id;
}

json_t *do_meter_put(struct request *r)
{
    char buf[32];
    int err = db_begin(r->st->db);
    if (err) return req_db(r, err);
    int64_t id = vend_meter_write(r);
    if (id == 0) {
        db_rollback(r->st->db);
        return NULL;
    }
    const char *drn = ask_text(&r->ask, "meter", buf);
    err = req_audit(r, "meter", "%s", drn);
    return committed(r, err, json_pack("{s:s, s:I}", "meter", drn, "id", (json_int_t)id));
}

/* ---- operators */

json_t *do_operators(struct request *r)
{
    static const struct column columns[] = { { "name", 's' }, { "role", 's' }, { NULL, 0 } };
    int err =
        db_query(r->st->db,
                 "SELECT name, CASE role WHEN 1 THEN 'clerk' WHEN 2 THEN 'supervisor' ELSE "
                 "'admin' END FROM operator ORDER BY name",
                 "");
    return list_of(r, "operators", columns, err);
}

json_t *do_operator_put(struct request *r)
{
    const char *name = req_text(r, "name", NULL), *role = req_text(r, "role", "clerk");
    const char *password = req_text(r, "password", "");
    int number = operator_role(role);
    if (name == NULL || *name == 0 || strlen(name) >= STATION_NAME)
        ask_fail(&r->ask, "name", "must have 1 to %d octets", STATION_NAME - 1);
    if (number == 0) ask_fail(&r->ask, "role", "must be clerk, supervisor or admin");
    if (strlen(password) < OPERATOR_PASSWORD_MIN)
        ask_fail(&r->ask, "password", "must have at least %d octets", OPERATOR_PASSWORD_MIN);
    if (!req_ok(r)) return NULL;
    int err = db_begin(r->st->db);
    if (err) return req_db(r, err);
    err = operator_write(r->st, name, number, password);
    if (err == 0) err = req_audit(r, "operator", "%s is %s", name, role);
    return committed(r, err, json_pack("{s:s, s:s}", "name", name, "role", role));
}

/* ---- audit */

/* Does every line follow from the one before? */
static bool trail_is_whole(struct request *r)
{
    char last[SM_DIGEST] = "", digest[SM_DIGEST], line[600];
    bool is_whole = true;
    int err = db_query(
        r->st->db, "SELECT at_s, operator, action, detail, digest FROM audit ORDER BY id", "");
    while (err == 0 && db_next(r->st->db)) {
        snprintf(line, sizeof line, "%lld %s %s %s", (long long)db_int(r->st->db, 0),
                 db_text(r->st->db, 1), db_text(r->st->db, 2), db_text(r->st->db, 3));
        sm_chain(r->st->sm, digest, last, line);
        snprintf(last, sizeof last, "%s", db_text(r->st->db, 4));
        if (strcmp(digest, last) != 0) is_whole = false;
    }
    return err == 0 && is_whole;
}

/* Newest first; with verify the whole chain is gone through. */
json_t *do_audit(struct request *r)
{
    static const struct column columns[] = { { "id", 'i' },       { "time", 't' },
                                             { "operator", 's' }, { "action", 's' },
                                             { "detail", 's' },   { NULL, 0 } };
    int64_t before = ask_int_or(&r->ask, "before", 1, INT64_MAX, INT64_MAX);
    if (!req_ok(r)) return NULL;
    int err =
        db_query(r->st->db,
                 "SELECT id, at_s, operator, action, detail FROM audit WHERE id < ? ORDER BY "
                 "id DESC LIMIT 500",
                 "i", before);
    json_t *out = list_of(r, "audit", columns, err);
    if (out && ask_flag(&r->ask, "verify"))
        json_object_set_new(out, "is_whole", json_boolean(trail_is_whole(r)));
    return out;
}
