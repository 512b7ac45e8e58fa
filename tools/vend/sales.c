/* sales.c - tokens for meters: sold, printed again, for management and for a change of key. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "sts/code.h"
#include "tools/vend/request.h"
#include "tools/vend/tokens.h"

#define DAY_MINUTES 1440
#define SPECIAL_MINUTE 1
#define AHEAD_MAX 1440 /* a meter's TIDs may run so many minutes before the clock */
#define CENT (E5 / 100)

static json_t *undone(struct request *r, int err)
{
    db_rollback(r->st->db);
    if (r->status != STATION_OK) return NULL;
    return err ? req_db(r, err) : NULL;
}

/* ---- prices */

struct price {
    int64_t amount_e5, vat_e5, fee_e5, net_e5, price_e6;
    int64_t tenths; /* of a kWh; as the token says it, rounded up from what was bought */
    int64_t vat_e4;
};

static bool load_tariff(struct request *r, struct price *p, const struct meter_row *m)
{
    int err = db_query(r->st->db, "SELECT price_e6, vat_e4, fee_e5 FROM tariff WHERE ti = ?",
                       "i", (int64_t)m->sm.ti);
    if (err) {
        req_db(r, err);
        return false;
    }
    if (!db_next(r->st->db)) {
        req_fail(r, STATION_CONFLICT, "there is no tariff %02u", m->sm.ti);
        return false;
    }
    *p = (struct price){ .price_e6 = db_int(r->st->db, 0),
                         .vat_e4 = db_int(r->st->db, 1),
                         .fee_e5 = db_int(r->st->db, 2) };
    db_end(r->st->db);
    return true;
}

/* What is left of the amount after fee and tax, and the kWh it buys. The tax is in whole cents,
 * as tax offices count it. */
static void split(struct price *p)
{
    int64_t rest = p->amount_e5 - p->fee_e5, whole = 10000 + p->vat_e4;
    make_money_t vat = (make_money_t)rest * p->vat_e4;
    p->vat_e5 = (int64_t)((2 * vat + whole * CENT) / (2 * whole * CENT)) * CENT;
    p->net_e5 = rest - p->vat_e5;
    p->tenths = (int64_t)((make_money_t)p->net_e5 * 100 / p->price_e6);
}

/* The least amount, in whole cents, that buys so many tenths. */
static void price_units(struct price *p, int64_t tenths)
{
    make_money_t net = ((make_money_t)tenths * p->price_e6 + 99) / 100;
    make_money_t gross = (net * (10000 + p->vat_e4) + 9999) / 10000 + p->fee_e5;
    gross = (gross + CENT - 1) / CENT * CENT;
    p->amount_e5 = gross > MONEY_MAX ? MONEY_MAX + 1 : (int64_t)gross;
    split(p);
    p->tenths = tenths;
}

/* By "amount" or "units"; checks what a token can say. */
static bool ask_price(struct request *r, struct price *p, const struct meter_row *m)
{
    bool by_units = ask_has(&r->ask, "units");
    if (!load_tariff(r, p, m)) return false;
    if (by_units && m->is_money)
        ask_fail(&r->ask, "units", "this meter takes money; give an amount");
    if (by_units) {
        make_money_t tenths = ask_decimal(&r->ask, "units", 1);
        if (tenths < 1 || tenths > STS_AMOUNT_MAX)
            ask_fail(&r->ask, "units", "is out of range");
        if (r->ask.wrong[0] == 0) price_units(p, (int64_t)tenths);
    } else {
        p->amount_e5 = req_money(r, "amount");
        if (p->amount_e5 % CENT) ask_fail(&r->ask, "amount", "has more than two decimals");
        if (r->ask.wrong[0] == 0) split(p);
    }
    if (!req_ok(r)) return false;
    if (p->amount_e5 > MONEY_MAX || p->tenths > STS_AMOUNT_MAX)
        req_fail(r, STATION_BAD, "that is more than one token can say");
    else if (p->net_e5 <= 0 || (!m->is_money && p->tenths < 1))
        req_fail(r, STATION_BAD, "that buys nothing: the fee alone is %lld.%02lld",
                 (long long)(p->fee_e5 / E5), (long long)(p->fee_e5 % E5 / CENT));
    return r->status == STATION_OK;
}

static void put_price(json_t *out, const struct price *p, const struct meter_row *m)
{
    json_object_set_new(out, "amount", money_json(p->amount_e5));
    json_object_set_new(out, "vat", money_json(p->vat_e5));
    json_object_set_new(out, "fee", money_json(p->fee_e5));
    json_object_set_new(out, "net", money_json(p->net_e5));
    if (!m->is_money) json_object_set_new(out, "units_kwh", decimal_json(p->tenths, 1));
}

json_t *do_quote(struct request *r)
{
    struct meter_row m;
    struct price p;
    if (!vend_meter_find(r, &m) || !ask_price(r, &p, &m)) return NULL;
    json_t *out = json_pack("{s:s, s:s}", "meter", m.drn, "customer", m.customer);
    put_price(out, &p, &m);
    return out;
}

/* ---- token identifiers */

bool req_counts(struct request *r, int64_t base_year)
{
    uint32_t tid;
    utc_t now = station_now(r->st);
    if (!sts_tid_at(&tid, now, (int)base_year)) return true;
    req_fail(r, STATION_CONFLICT,
             now.s < sts_tid_utc(0, (int)base_year).s
                 ? "base date %lld has not begun: no token can be counted from it yet"
                 : "base date %lld is used up: change the meter's key to a later one",
             (long long)base_year);
    return false;
}

/* The meter's next TID: this minute, or one more than the last, whoever asked for that. The
 * database gives each number away once. Minute 00:01 of a day belongs to special tokens. */
static int64_t next_tid(struct request *r, const struct meter_row *m)
{
    uint32_t now = 0;
    int64_t tid = 0;
    if (!req_counts(r, m->key.use.base_year)) return 0;
    (void)sts_tid_at(&now, station_now(r->st), m->key.use.base_year);
    for (int i = 0; i < 2 && (i == 0 || tid % DAY_MINUTES == SPECIAL_MINUTE); i++)
        tid = db_value(
            r->st->db, 0,
            "UPDATE meter SET last_tid = CASE WHEN last_tid >= ? THEN last_tid + 1 ELSE "
            "? END WHERE id = ? RETURNING last_tid",
            "iii", (int64_t)now, (int64_t)now, m->id);
    if (tid == 0)
        req_db(r, E_IO);
    else if (tid > now + AHEAD_MAX || tid > STS_TID_MAX)
        req_fail(r, STATION_SLOW, "too many tokens for this meter today");
    return r->status == STATION_OK ? tid : 0;
}

/* ---- one token with a TID, in the transaction that is open */

struct order {
    const struct sts_form *form;
    struct sts_fields f;
    int64_t sale_id; /* 0: none */
};

static int store_token(struct request *r, const struct meter_row *m, const struct order *o,
                       const struct made *made, const char *meaning)
{
    char sale[24];
    snprintf(sale, sizeof sale, "%lld", (long long)o->sale_id);
    return db_run(
        r->st->db,
        "INSERT INTO token (at_s, operator, meter_id, sale_id, class, sub, base_year, tid, "
        "digits, meaning) VALUES (?, ?, ?, CAST(? AS BIGINT), ?, ?, ?, ?, ?, ?)",
        "isisiiiiss", station_now(r->st).s, r->who->name, m->id, o->sale_id ? sale : NULL,
        (int64_t)o->form->class, (int64_t)o->form->sub, (int64_t)m->key.use.base_year,
        (int64_t)o->f.v[STS_TID], made->digits, meaning);
}

static json_t *token_json(const char *digits, int64_t tid, const char *meaning)
{
    json_t *out = json_pack("{s:s, s:s}", "token", digits, "meaning", meaning);
    if (tid) json_object_set_new(out, "tid", json_integer(tid));
    return out;
}

/* NULL: noted. */
static json_t *issue(struct request *r, struct meter_row *m, struct order *o)
{
    struct made made;
    char meaning[80];
    int64_t tid = next_tid(r, m);
    if (tid == 0) return NULL;
    o->f.v[STS_TID] = (uint64_t)tid;
    if (o->form->part[0].field == STS_RND) o->f.v[STS_RND] = make_nibble();
    int err =
        sm_token(r->st->sm, &made, &m->key, &m->sm, o->form->class, make_block(o->form, &o->f));
    if (err) return req_sm(r, err);
    tokens_meaning(meaning, sizeof meaning, o->form, &o->f);
    err = store_token(r, m, o, &made, meaning);
    return err < 0 ? req_db(r, err) : token_json(made.digits, tid, meaning);
}

/* ---- receipts */

static const struct column receipt_columns[] = {
    { "receipt", 'i' },  { "time", 't' },      { "operator", 's' }, { "meter", 's' },
    { "customer", 's' }, { "sgc", 'g' },       { "krn", 'i' },      { "ti", '2' },
    { "amount", '$' },   { "vat", '$' },       { "fee", '$' },      { "net", '$' },
    { "price", '6' },    { "units_kwh", 'k' }, { "copies", 'i' },   { NULL, 0 }
};

static const struct column token_columns[] = {
    { "token", 's' }, { "meaning", 's' }, { "tid", 'i' }, { NULL, 0 }
};

/* The sale with its token, and before it the change tokens that went out with it. */
static json_t *receipt(struct request *r, int64_t sale)
{
    struct db *db = r->st->db;
    int err =
        db_query(db,
                 "SELECT sale.id, at_s, operator, drn, customer, sgc, krn, sale.ti, amount_e5, "
                 "vat_e5, fee_e5, net_e5, price_e6, tenths, copies FROM sale JOIN meter ON "
                 "meter.id = meter_id WHERE sale.id = ?",
                 "i", sale);
    if (err) return req_db(r, err);
    json_t *out = row_json(db, receipt_columns);
    if (out == NULL)
        return req_fail(r, STATION_UNKNOWN, "there is no receipt %lld", (long long)sale);
    err =
        db_query(db,
                 "SELECT digits, meaning, tid FROM token JOIN change ON change.id = change_id "
                 "WHERE change.sale_id = ? ORDER BY token.id",
                 "i", sale);
    if (err == 0) json_object_set_new(out, "enter_first", rows_json(db, token_columns));
    err = db_query(db, "SELECT digits, meaning, tid FROM token WHERE sale_id = ? ORDER BY id",
                   "i", sale);
    json_t *token = err ? NULL : row_json(db, token_columns);
    json_object_set_new(out, "token", json_incref(json_object_get(token, "token")));
    json_object_set_new(out, "meaning", json_incref(json_object_get(token, "meaning")));
    json_decref(token);
    return out;
}

json_t *do_receipt(struct request *r)
{
    int64_t id = ask_int(&r->ask, "receipt", 1, INT64_MAX);
    if (!req_ok(r)) return NULL;
    int err = db_begin(r->st->db);
    if (err) return req_db(r, err);
    err = db_run(r->st->db, "UPDATE sale SET copies = copies + 1 WHERE id = ?", "i", id);
    if (err > 0) err = req_audit(r, "reprint", "receipt %lld", (long long)id);
    json_t *out = err < 0 ? NULL : receipt(r, id);
    if (out == NULL || db_commit(r->st->db)) {
        json_decref(out);
        return undone(r, err < 0 ? err : 0);
    }
    return out;
}

/* ---- selling */

static int64_t insert_sale(struct request *r, const struct meter_row *m, const struct price *p,
                           const char *request_id)
{
    char tenths[24];
    snprintf(tenths, sizeof tenths, "%lld", (long long)p->tenths);
    return db_value(
        r->st->db, 0,
        "INSERT INTO sale (request_id, at_s, operator, meter_id, customer, sgc, krn, ti, "
        "amount_e5, vat_e5, fee_e5, net_e5, price_e6, tenths, copies) VALUES (?, ?, ?, "
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS BIGINT), 0) RETURNING id",
        "sisisiiiiiiiis", request_id, station_now(r->st).s, r->who->name, m->id, m->customer,
        (int64_t)m->key.use.sgc, (int64_t)m->key.use.krn, (int64_t)m->sm.ti, p->amount_e5,
        p->vat_e5, p->fee_e5, p->net_e5, p->price_e6, m->is_money ? NULL : tenths);
}

/* Credit tokens say units or money, rounded in the customer's favour; what they say is sold. */
static void fill_credit(struct order *o, struct price *p, const struct meter_row *m)
{
    uint16_t field = 0;
    if (m->is_money) {
        o->form = sts_form_find(0, 4, m->sm.ea);
        (void)make_money(&o->f, p->net_e5);
        return;
    }
    o->form = sts_form_find(0, 0, m->sm.ea);
    (void)make_amount(&field, (uint64_t)p->tenths);
    o->f.v[STS_VALUE] = field;
    p->tenths = sts_amount(field);
}

/* In the transaction: the sale's number, or 0 and noted. */
static int64_t sell(struct request *r, struct meter_row *m, struct price *p,
                    const char *request_id)
{
    struct order o = { .form = NULL };
    fill_credit(&o, p, m);
    o.sale_id = insert_sale(r, m, p, request_id);
    if (o.sale_id == 0) {
        req_db(r, E_IO);
        return 0;
    }
    json_t *token = issue(r, m, &o);
    json_decref(token);
    if (token == NULL) return 0;
    int err = db_run(r->st->db,
                     "UPDATE change SET sale_id = ? WHERE meter_id = ? AND sale_id IS NULL",
                     "ii", o.sale_id, m->id);
    if (err >= 0)
        err = req_audit(r, "sale", "receipt %lld meter %s amount %lld e-5",
                        (long long)o.sale_id, m->drn, (long long)p->amount_e5);
    if (err < 0) req_db(r, err);
    return err < 0 ? 0 : o.sale_id;
}

static int64_t sold_before(struct request *r, const char *request_id)
{
    if (request_id == NULL) return 0;
    return db_value(r->st->db, 0, "SELECT id FROM sale WHERE request_id = ?", "s", request_id);
}

json_t *do_sell(struct request *r)
{
    struct meter_row m;
    struct price p;
    const char *request_id = req_text(r, "request_id", NULL);
    if (!req_ok(r)) return NULL;
    int err = db_begin(r->st->db);
    if (err) return req_db(r, err);
    int64_t sale = sold_before(r, request_id);
    bool is_repeat = sale != 0;
    if (!is_repeat && vend_meter_find(r, &m) && ask_price(r, &p, &m))
        sale = sell(r, &m, &p, request_id);
    json_t *out = sale ? receipt(r, sale) : NULL;
    if (out == NULL || db_commit(r->st->db)) {
        json_decref(out);
        return undone(r, 0);
    }
    if (is_repeat) json_object_set_new(out, "is_repeat", json_true());
    return out;
}

json_t *do_sales(struct request *r)
{
    static const struct column columns[] = { { "receipt", 'i' },   { "time", 't' },
                                             { "operator", 's' },  { "meter", 's' },
                                             { "customer", 's' },  { "amount", '$' },
                                             { "units_kwh", 'k' }, { "token", 's' },
                                             { NULL, 0 } };
    int64_t before = ask_int_or(&r->ask, "before", 1, INT64_MAX, INT64_MAX), meter = 0;
    struct meter_row m;
    if (ask_has(&r->ask, "meter")) {
        if (!vend_meter_find(r, &m)) return NULL;
        meter = m.id;
    }
    if (!req_ok(r)) return NULL;
    int err =
        db_query(r->st->db,
                 "SELECT sale.id, sale.at_s, sale.operator, drn, customer, amount_e5, tenths, "
                 "digits FROM sale JOIN meter ON meter.id = sale.meter_id JOIN token ON "
                 "token.sale_id = sale.id WHERE sale.id < ? AND (CAST(? AS BIGINT) = 0 OR "
                 "sale.meter_id = ?) ORDER BY sale.id DESC LIMIT 200",
                 "iii", before, meter, meter);
    if (err) return req_db(r, err);
    return json_pack("{s:o}", "sales", rows_json(r->st->db, columns));
}

json_t *do_tokens(struct request *r)
{
    static const struct column columns[] = { { "time", 't' },    { "operator", 's' },
                                             { "class", 'i' },   { "subclass", 'i' },
                                             { "tid", 'i' },     { "token", 's' },
                                             { "meaning", 's' }, { "receipt", 'i' },
                                             { NULL, 0 } };
    struct meter_row m;
    if (!vend_meter_find(r, &m)) return NULL;
    int err =
        db_query(r->st->db,
                 "SELECT at_s, operator, class, sub, tid, digits, meaning, sale_id FROM token "
                 "WHERE meter_id = ? ORDER BY id DESC LIMIT 200",
                 "i", m.id);
    if (err) return req_db(r, err);
    return json_pack("{s:o}", "tokens", rows_json(r->st->db, columns));
}

/* ---- management and test */

/* Kinds of management tokens: their sub-class, and what they ask for beside the meter. */
enum wants { NOTHING, WATTS, NUMBER, INDEXED };

static const struct {
    const char *name;
    uint8_t sub;
    enum wants wants;
} kinds[] = {
    { "power_limit", 0, WATTS },     { "clear_credit", 1, NUMBER },
    { "tariff_rate", 2, NUMBER },    { "clear_tamper", 5, NOTHING },
    { "unbalance_limit", 6, WATTS }, { "extended", 10, INDEXED },
    { "manufacturer", 11, INDEXED },
};

static bool ask_management(struct request *r, struct order *o, uint8_t ea)
{
    const char *kind = req_text(r, "kind", "");
    uint16_t field = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, kind) != 0) continue;
        o->form = sts_form_find(2, kinds[i].sub, ea);
        int bits = o->form->part[3].bits;
        if (kinds[i].wants == WATTS &&
            make_amount(&field, (uint64_t)ask_int(&r->ask, "value", 0, STS_AMOUNT_MAX)) == 0)
            o->f.v[STS_VALUE] = field;
        if (kinds[i].wants == NUMBER)
            o->f.v[STS_VALUE] = (uint64_t)ask_int(&r->ask, "value", 0, 0xFFFF);
        if (kinds[i].wants == INDEXED) {
            o->f.v[STS_INDEX] = (uint64_t)ask_int(&r->ask, "index", 0, (1 << (16 - bits)) - 1);
            o->f.v[STS_DATA] = (uint64_t)ask_int(&r->ask, "data", 0, (1 << bits) - 1);
        }
        return req_ok(r);
    }
    req_fail(
        r, STATION_BAD,
        "kind: must be power_limit, clear_credit, tariff_rate, clear_tamper, unbalance_limit, "
        "extended or manufacturer");
    return false;
}

json_t *do_manage(struct request *r)
{
    struct meter_row m;
    struct order o = { .form = NULL };
    int err = db_begin(r->st->db);
    if (err) return req_db(r, err);
    json_t *out = NULL;
    if (vend_meter_find(r, &m) && ask_management(r, &o, m.sm.ea)) out = issue(r, &m, &o);
    if (out)
        err = req_audit(r, "manage", "meter %s: %s", m.drn,
                        json_string_value(json_object_get(out, "meaning")));
    if (out && err == 0) err = db_commit(r->st->db);
    if (out && err == 0) return out;
    json_decref(out);
    return undone(r, err);
}

json_t *do_test(struct request *r)
{
    bool is_long = ask_flag(&r->ask, "is_four_digit");
    const struct sts_form *form = sts_form_find(1, is_long ? 1 : 0, STS_EA_STA);
    struct sts_fields f = { { 0 } };
    struct made m;
    char meaning[80];
    f.v[STS_CONTROL] = ask_hex(&r->ask, "control", form->part[0].bits);
    f.v[STS_MFR] = (uint64_t)ask_int_or(&r->ask, "mfr_code", 0, is_long ? 9999 : 99, 0);
    if (!req_ok(r)) return NULL;
    make_token(&m, NULL, 1, make_block(form, &f));
    tokens_meaning(meaning, sizeof meaning, form, &f);
    return token_json(m.digits, 0, meaning);
}

/* ---- change of key */

bool vend_key_load(struct request *r, struct sm_key *k, int64_t id)
{
    int err = db_query(r->st->db,
                       "SELECT sgc, base_year, dkga, kt, krn, ken, blob FROM vkey WHERE id = ?",
                       "i", id);
    if (err || !db_next(r->st->db)) {
        req_fail(r, STATION_UNKNOWN, "there is no vending key %lld", (long long)id);
        return false;
    }
    k->use = (struct sm_use){ .sgc = (uint32_t)db_int(r->st->db, 0),
                              .base_year = (uint16_t)db_int(r->st->db, 1),
                              .dkga = (uint8_t)db_int(r->st->db, 2),
                              .kt = (uint8_t)db_int(r->st->db, 3),
                              .krn = (uint8_t)db_int(r->st->db, 4),
                              .ken = (uint8_t)db_int(r->st->db, 5) };
    snprintf(k->blob, sizeof k->blob, "%s", db_text(r->st->db, 6));
    db_end(r->st->db);
    return true;
}

static int64_t insert_change(struct request *r, const struct meter_row *m, int64_t to_key,
                             uint8_t to_ti, int64_t campaign)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)campaign);
    return db_value(
        r->st->db, 0,
        "INSERT INTO change (at_s, meter_id, campaign_id, from_vkey, to_vkey, from_ti, "
        "to_ti) VALUES (?, ?, CAST(? AS BIGINT), ?, ?, ?, ?) RETURNING id",
        "iisiiii", station_now(r->st).s, m->id, campaign ? text : NULL, m->vkey_id, to_key,
        (int64_t)m->sm.ti, (int64_t)to_ti);
}

/* Make, store and note the tokens; from now on the meter's tokens are made with the new key. */
int vend_meter_change(struct request *r, const struct meter_row *m, int64_t to_key,
                      const struct sm_key *to, uint8_t to_ti, bool with_sgc, int64_t campaign)
{
    struct made made[4];
    struct sm_meter after = m->sm;
    after.ti = to_ti;
    int n = sm_key_change(r->st->sm, made, &m->key, &m->sm, to, &after, with_sgc);
    if (n < 0) {
        req_sm(r, n);
        return n;
    }
    int64_t change = insert_change(r, m, to_key, to_ti, campaign);
    int err = change ? 1 : E_REPLAY;
    for (int i = 0; i < n && err > 0; i++)
        err = db_run(
            r->st->db,
            "INSERT INTO token (at_s, operator, meter_id, change_id, class, sub, digits, "
            "meaning) VALUES (?, ?, ?, ?, 2, ?, ?, ?)",
            "isiiiss", station_now(r->st).s, r->who->name, m->id, change,
            (int64_t)(made[i].clear >> 60), made[i].digits,
            sts_form_find(2, (uint8_t)(made[i].clear >> 60), m->sm.ea)->name);
    bool is_rollover = m->key.use.base_year != to->use.base_year;
    if (err > 0)
        err = db_run(
            r->st->db,
            "UPDATE meter SET vkey_id = ?, ti = ?, last_tid = CASE WHEN ? = 1 THEN 0 ELSE "
            "last_tid END WHERE id = ?",
            "iiii", to_key, (int64_t)to_ti, (int64_t)is_rollover, m->id);
    if (err < 0) req_db(r, err);
    return err < 0 ? err : n;
}

/* The vending key asked for: by id, or by supply group, revision and base date. */
static int64_t ask_key(struct request *r, const struct meter_row *m)
{
    int64_t id = ask_int_or(&r->ask, "key_id", 1, INT64_MAX, 0);
    int64_t sgc = ask_int_or(&r->ask, "sgc", 0, 999999, m->key.use.sgc);
    int64_t base = ask_int_or(&r->ask, "base_date", 1993, 2035, m->key.use.base_year);
    int64_t krn = ask_int_or(&r->ask, "krn", 1, 9, m->key.use.krn);
    int64_t kt = ask_int_or(&r->ask, "kt", 1, 2, m->key.use.kt);
    if (!req_ok(r)) return 0;
    if (id) return id;
    id = db_value(r->st->db, 0,
                  "SELECT id FROM vkey WHERE sgc = ? AND base_year = ? AND krn = ? AND kt = ?",
                  "iiii", sgc, base, krn, kt);
    if (id == 0)
        req_fail(r, STATION_UNKNOWN,
                 "there is no vending key for sgc %06lld, base %lld, krn %lld", (long long)sgc,
                 (long long)base, (long long)krn);
    return id;
}

static json_t *change_json(struct request *r, const struct meter_row *m)
{
    int err =
        db_query(r->st->db,
                 "SELECT digits, meaning, tid FROM token WHERE change_id = (SELECT max(id) "
                 "FROM change WHERE meter_id = ?) ORDER BY id",
                 "i", m->id);
    if (err) return req_db(r, err);
    return json_pack("{s:s, s:o}", "meter", m->drn, "tokens",
                     rows_json(r->st->db, token_columns));
}

json_t *do_key_change(struct request *r)
{
    struct meter_row m;
    struct sm_key to;
    int err = db_begin(r->st->db);
    if (err) return req_db(r, err);
    json_t *out = NULL;
    if (vend_meter_find(r, &m)) {
        int64_t id = ask_key(r, &m);
        uint8_t ti = (uint8_t)ask_int_or(&r->ask, "ti", 0, 99, m.sm.ti);
        int64_t tokens = ask_int_or(&r->ask, "tokens", 2, 4, 2);
        if (id && req_ok(r) && vend_key_load(r, &to, id) && req_counts(r, to.use.base_year) &&
            vend_meter_change(r, &m, id, &to, ti, tokens == 3 || to.use.sgc != m.key.use.sgc,
                              0) > 0)
            out = change_json(r, &m);
    }
    if (out)
        err = req_audit(r, "key_change", "meter %s: to sgc %06u base %u krn %u", m.drn,
                        (unsigned)to.use.sgc, to.use.base_year, to.use.krn);
    if (out && err == 0) err = db_commit(r->st->db);
    if (out && err == 0) return out;
    json_decref(out);
    return undone(r, err);
}
