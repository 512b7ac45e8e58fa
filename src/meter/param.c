#include "meter/param.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "meter/change.h"
#include "meter/meter.h"
#include "meter/profile/scan.h"
#include "store/params.h"

#define SCALAR(id, min, max, def, topic) { min, max, def, 0, PARAM_SCALAR, topic },
#define OCTETS(id, max, topic) { 0, max, 0, 0, PARAM_OCTETS, topic },
#define LONG(id, rows, row_size, topic) { 0, rows, 0, row_size, PARAM_LONG, topic },
static const struct param_info table[PARAMS] = {
#include "meter/params.def"
};
#undef SCALAR
#undef OCTETS
#undef LONG
_Static_assert((int)PARAMS <= (int)STORE_PARAMS_MAX, "the store has an index for each");
_Static_assert((int)PARAMS <= (int)PARAM_PART, "parts are told from parameters");

enum { COMMISSIONED = 2 };
enum { DIGEST = 8, OCTETS_MAX = 768, SCALAR_SIZE = 4, ROW_MAX = 80 };

const struct param_info *param_info_at(uint16_t id)
{
    ensure(id < PARAMS);
    return &table[id];
}

#define SCALAR(id, min, max, def, topic) #id,
#define OCTETS(id, max, topic) #id,
#define LONG(id, rows, row_size, topic) #id,
static const char *const name[PARAMS] = {
#include "meter/params.def"
};
#undef SCALAR
#undef OCTETS
#undef LONG

const char *param_name_at(uint16_t id)
{
    ensure(id < PARAMS);
    return name[id];
}

/* -- reading ------------------------------------------------------------------------------- */

int32_t param_get(const struct meter *m, uint16_t id)
{
    return m->scalar[id];
}

int param_read(struct meter *m, uint16_t id, void *dst, size_t cap)
{
    int n = params_length(&m->store, id);
    if (n == E_NONE) return 0;
    if (n < 0) return n;
    if ((size_t)n > cap) return E_SPACE;
    return params_read(&m->store, id, 0, dst, (size_t)n);
}

/* -- the who-log: {time 4, client 2, channel 1, association 1, parameter 2, digests 8 + 8,
 * chain 8} - */

enum { CHANGE_ROW = 62, LINK = 26 };

static void digest(const void *p, size_t n, uint8_t out[DIGEST])
{
    uint8_t whole[SHA256];
    sha256(whole, p, n);
    memcpy(out, whole, DIGEST);
}

/* The digest of the row before; `before` where that one is still on its way. */
void audit_chain(void *ctx, const uint8_t *before, uint8_t *row)
{
    struct meter *m = ctx;
    uint8_t newest[CHANGE_ROW];
    uint32_t next = series_next(&m->store, SERIES_CHANGES);
    if (!before && next && series_read(&m->store, SERIES_CHANGES, next - 1, newest) >= 0)
        before = newest;
    if (before) digest(before, CHANGE_ROW, row + LINK);
}

static enum event topic_event(uint8_t topic)
{
    static const uint16_t code[] = { EV_CHANGED_TOU,    EV_CHANGED_PROFILE, EV_CHANGED_LIMIT,
                                     EV_CHANGED_PREPAY, EV_CHANGED_COMM,    EV_CHANGED_OTHER,
                                     EV_CHANGED_OTHER };
    return (enum event)code[topic];
}

static void put_row(struct meter *m, const struct who *who, uint16_t id,
                    const uint8_t old_digest[DIGEST], const uint8_t new_digest[DIGEST])
{
    uint8_t row[CHANGE_ROW] = { 0 }; /* its link comes with the commit */
    le_put32(row, (uint32_t)m->utc.s);
    le_put16(row + 4, who->sap);
    row[6] = who->link;
    row[7] = who->assoc;
    le_put16(row + 8, id);
    memcpy(row + 10, old_digest, DIGEST);
    memcpy(row + 18, new_digest, DIGEST);
    ensure(txn_put_row(&m->store, SERIES_CHANGES, row) >= 0);
}

static void put_events(struct meter *m, const struct who *who, uint16_t part)
{
    uint16_t id = part % PARAM_PART;
    struct event_detail d = { .what = part };
    change_event(m, EV_PARAMETER_CHANGED, who, &d);
    change_event(m, topic_event(table[id].topic), who, &d);
    change_count(m, CNT_CHANGES);
    change_stamp(m, STAMP_CHANGE);
    if (table[id].topic == TOPIC_SEALED) {
        change_count(m, CNT_PROTECTED_CHANGES);
        change_stamp(m, STAMP_PROTECTED_CHANGE);
    }
    if (table[id].topic == TOPIC_TOU) change_stamp(m, STAMP_TOU_CHANGE);
    if (id == PARAM_CALIBRATION) change_stamp(m, STAMP_CALIBRATION);
}

void audit_put(struct meter *m, const struct who *who, const struct audit_change *c, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        put_row(m, who, c[i].param, c[i].old_digest, c[i].new_digest);
        if (c[i].param < AUDIT_SECRET) put_events(m, who, c[i].param);
    }
}

void param_put_audit(struct meter *m, const struct who *who, uint16_t id,
                     const uint8_t old_digest[8], const uint8_t new_digest[8])
{
    struct audit_change c = { .param = id };
    memcpy(c.old_digest, old_digest, DIGEST);
    memcpy(c.new_digest, new_digest, DIGEST);
    audit_put(m, who, &c, 1);
}

struct audit_span audit_span(const struct meter *m)
{
    return (struct audit_span){ scan_oldest(m, SERIES_CHANGES),
                                series_next(&m->store, SERIES_CHANGES) };
}

int audit_read(struct meter *m, uint32_t number, struct audit_row *row)
{
    uint8_t o[CHANGE_ROW];
    int err = series_read(&m->store, SERIES_CHANGES, number, o);
    if (err < 0) return err;
    row->utc_s = le_get32(o);
    row->who = (struct who){ le_get16(o + 4), o[6], o[7] };
    row->param = le_get16(o + 8);
    memcpy(row->old_digest, o + 10, DIGEST);
    memcpy(row->new_digest, o + 18, DIGEST);
    memcpy(row->chain, o + LINK, DIGEST);
    return 0;
}

/* -- writing ------------------------------------------------------------------------------- */

static void put_value(struct meter *m, const struct who *who, uint16_t part, const void *was,
                      size_t was_n, const void *is, size_t is_n)
{
    uint8_t old_digest[DIGEST], new_digest[DIGEST];
    digest(was, was_n, old_digest);
    digest(is, is_n, new_digest);
    ensure(txn_put_param(&m->store, part % PARAM_PART, is, is_n) >= 0);
    param_put_audit(m, who, part, old_digest, new_digest);
}

void param_put_scalar(struct meter *m, const struct who *who, uint16_t id, int32_t value)
{
    uint8_t was[SCALAR_SIZE], body[2 + SCALAR_SIZE];
    le_put32(was, (uint32_t)m->scalar[id]);
    le_put16(body, id);
    le_put32(body + 2, (uint32_t)value);
    change_put(m, HOT_SCALAR, body, sizeof body);
    put_value(m, who, id, was, sizeof was, body + 2, SCALAR_SIZE);
}

int param_begin_scalar(struct meter *m, const struct who *who, uint16_t id, int32_t value)
{
    int err = change_begin(m);
    if (err < 0) return err;
    param_put_scalar(m, who, id, value);
    return 0;
}

/* Some have a door of their own: surveys (profile.h), calendars (tou/calendar.h), the schedule
 * of billing (profile/billing.h), single actions (tou/single.h), certificates (secure/certs.h). */
static bool is_free(uint16_t id)
{
    bool survey = id >= PARAM_SURVEY_1_PERIOD_S && id <= PARAM_SURVEY_3_COLUMNS;
    bool cert = id >= PARAM_CERT_1 && id <= PARAM_CERT_8;
    bool scheme = id >= PARAM_SCHEME && id <= PARAM_SCHEME_SIDE;
    return !survey && !cert && !scheme && id != PARAM_BILLING_TIME && id != PARAM_SINGLE_1 &&
           !(id >= PARAM_CALENDAR_SIDES && id <= PARAM_SPECIAL_DAYS_3);
}

/* What left the factory keeps what the factory alone sets, and does not go back. */
static bool is_sealed(const struct meter *m, uint16_t id, int32_t value)
{
    static const uint16_t made[] = { PARAM_CALIBRATION, PARAM_LED_WH,      PARAM_LED_VARH,
                                     PARAM_PRODUCTION,  PARAM_CERTIFICATE, PARAM_DIAGRAM };
    if (!m->scalar[PARAM_COMMISSIONING]) return false;
    for (unsigned i = 0; i < sizeof made / sizeof *made; i++)
        if (id == made[i]) return true;
    return id == PARAM_COMMISSIONING && value == 0;
}

/* What some values mean beside being changed. A local port that is locked for good is one that is
 * switched off. */
static void put_meaning(struct meter *m, const struct who *who, uint16_t id, int32_t value)
{
    if (id == PARAM_COMMISSIONING && value == COMMISSIONED)
        change_event(m, EV_COMMISSIONED, who, NULL);
    struct event_detail d = { .what = id == PARAM_GUARD_2_MODE ? LINK_RS485 : LINK_OPTICAL };
    if (id != PARAM_GUARD_1_MODE && id != PARAM_GUARD_2_MODE) return;
    if (value == SECURE_PORT_LOCKED) change_event(m, EV_LOCAL_DEACTIVATED, who, &d);
    if (m->scalar[id] == SECURE_PORT_LOCKED) change_event(m, EV_LOCAL_REACTIVATED, who, &d);
}

void param_put_meant(struct meter *m, const struct who *who, uint16_t id, int32_t value)
{
    param_put_scalar(m, who, id, value);
    put_meaning(m, who, id, value);
}

unsigned param_script(const struct meter *m, uint16_t id, unsigned n)
{
    unsigned i = n - 1;
    if (i >= SCRIPTS_OUT / SCRIPT_BITS) return n;
    unsigned d = (unsigned)param_get(m, id) >> SCRIPT_BITS * i;
    return (i ^ (d & ((1u << SCRIPT_BITS) - 1))) + 1;
}

int param_set(struct meter *m, const struct who *who, uint16_t id, int32_t value)
{
    if (id >= PARAMS || table[id].kind != PARAM_SCALAR) return E_TYPE;
    if (value < table[id].min || value > table[id].max) return E_RANGE;
    if (value == m->scalar[id]) return 0;
    if (id >= PARAM_SURVEY_1_PERIOD_S && id <= PARAM_SURVEY_3_PERIOD_S)
        return profile_set_period_s(m, who, id - PARAM_SURVEY_1_PERIOD_S, (uint32_t)value);
    if (id == PARAM_SUPPLY_MODE && !supply_can_mode(m, value)) return E_DENIED;
    if (!is_free(id) || is_sealed(m, id, value)) return E_DENIED;
    if (id == PARAM_DEMAND_PERIOD_S && CAL_DAY_S % value) return E_RANGE;
    int err = change_begin(m);
    if (err < 0) return err;
    param_put_meant(m, who, id, value);
    return change_commit(m);
}

/* One row each, told once: the first of them gives its topic. */
static void put_all(struct meter *m, const struct who *who, const struct param_value *v,
                    unsigned n)
{
    uint8_t was[SCALAR_SIZE], body[2 + SCALAR_SIZE], digests[2][DIGEST];
    bool is_told = false;
    for (unsigned i = 0; i < n; i++) {
        if (v[i].value == m->scalar[v[i].id]) continue;
        le_put32(was, (uint32_t)m->scalar[v[i].id]);
        le_put16(body, v[i].id);
        le_put32(body + 2, (uint32_t)v[i].value);
        digest(was, sizeof was, digests[0]);
        digest(body + 2, SCALAR_SIZE, digests[1]);
        change_put(m, HOT_SCALAR, body, sizeof body);
        ensure(txn_put_param(&m->store, v[i].id, body + 2, SCALAR_SIZE) >= 0);
        put_row(m, who, v[i].id, digests[0], digests[1]);
        if (!is_told) put_events(m, who, v[i].id);
        is_told = true;
    }
}

int param_set_all(struct meter *m, const struct who *who, const struct param_value *v,
                  unsigned n)
{
    unsigned changed = 0;
    ensure(n <= SCALARS_MAX);
    for (unsigned i = 0; i < n; i++) {
        const struct param_info *p = param_info_at(v[i].id);
        if (p->kind != PARAM_SCALAR || !is_free(v[i].id)) return E_TYPE;
        if (v[i].value < p->min || v[i].value > p->max) return E_RANGE;
        changed += v[i].value != m->scalar[v[i].id];
    }
    if (!changed) return 0;
    int err = change_begin(m);
    if (err < 0) return err;
    put_all(m, who, v, n);
    return change_commit(m);
}

void param_put_octets(struct meter *m, const struct who *who, uint16_t part, const void *src,
                      size_t n)
{
    uint16_t id = part % PARAM_PART;
    uint8_t was[OCTETS_MAX], body[2];
    int had = param_read(m, id, was, sizeof was);
    le_put16(body, id);
    change_put(m, HOT_OCTETS, body, sizeof body);
    put_value(m, who, part, was, had > 0 ? (size_t)had : 0, src, n);
}

int param_begin_octets(struct meter *m, const struct who *who, uint16_t part, const void *src,
                       size_t n)
{
    int err = change_begin(m);
    if (err < 0) return err;
    param_put_octets(m, who, part, src, n);
    return 0;
}

/* A record whose check does not hold, or with a constant out of its range, is no record; an empty one
 * takes back what stood there. */
static bool is_calibration(const uint8_t *src, size_t n)
{
    struct calibration cal;
    return !n || (n == CAL_BYTES && calibration_decode(&cal, src) >= 0);
}

int param_write(struct meter *m, const struct who *who, uint16_t part, const void *src,
                size_t n)
{
    uint16_t id = part % PARAM_PART;
    uint8_t was[OCTETS_MAX];
    if (id >= PARAMS || table[id].kind != PARAM_OCTETS || !is_free(id)) return E_TYPE;
    if (n > (size_t)table[id].max) return E_RANGE;
    if (id == PARAM_CALIBRATION && !is_calibration(src, n)) return E_RANGE;
    if (is_sealed(m, id, 0)) return E_DENIED;
    int had = param_read(m, id, was, sizeof was);
    if (had >= 0 && (size_t)had == n && !memcmp(was, src, n)) return 0;
    int err = param_begin_octets(m, who, part, src, n);
    return err < 0 ? err : change_commit(m);
}

/* -- long values: rows, and behind them their digest --------------------------------------- */

int param_rows(struct meter *m, uint16_t id)
{
    int n = params_length(&m->store, id);
    if (n == E_NONE) return 0;
    return n < DIGEST ? E_CRC : (n - DIGEST) / table[id].row_size;
}

int param_rows_read(struct meter *m, uint16_t id, unsigned row, void *dst, size_t n)
{
    size_t size = table[id].row_size;
    ensure(table[id].kind == PARAM_LONG && n % size == 0);
    int rows = param_rows(m, id);
    if (rows < 0) return rows;
    if (row >= (unsigned)rows) return E_NONE;
    if (n > ((unsigned)rows - row) * size) n = ((unsigned)rows - row) * size;
    int got = params_read(&m->store, id, row * size, dst, n);
    return got < 0 ? got : got == (int)n ? (int)(n / size) : E_CRC;
}

int param_row_read(struct meter *m, uint16_t id, unsigned row, void *dst, size_t n)
{
    ensure(n == table[id].row_size);
    int got = param_rows_read(m, id, row, dst, n);
    return got < 0 ? got : 0;
}

static bool is_mine(const struct param_stage *s, const struct who *who)
{
    return s->open && s->who.sap == who->sap && s->who.link == who->link;
}

int param_stage_begin(struct meter *m, const struct who *who, uint16_t id, unsigned rows)
{
    struct param_stage *s = &m->stage;
    if (rows > (unsigned)table[id].max) return E_RANGE;
    if (s->open) return E_BUSY;
    int err = params_stage_begin(&m->store, id, rows * table[id].row_size + DIGEST);
    if (err < 0) return err;
    *s = (struct param_stage){ .who = *who, .id = id, .rows = (uint16_t)rows, .open = true };
    sha256_begin(&s->digest);
    return 0;
}

int param_stage_put(struct meter *m, const struct who *who, const void *src, size_t n)
{
    struct param_stage *s = &m->stage;
    if (!is_mine(s, who)) return E_STATE;
    ensure(n == table[s->id].row_size);
    if (s->put == s->rows) return E_RANGE;
    int err = params_stage_put(&m->store, src, n);
    if (err < 0) return err;
    sha256_more(&s->digest, src, n);
    s->put++;
    return 0;
}

int param_stage_read(struct meter *m, unsigned row, void *dst, size_t n)
{
    int got = params_stage_read(&m->store, row * n, dst, n);
    return got < 0 ? got : 0;
}

void param_stage_abort(struct meter *m, const struct who *who)
{
    if (!is_mine(&m->stage, who)) return;
    params_stage_abort(&m->store);
    m->stage.open = false;
}

bool param_stage_is(struct meter *m, const struct who *who, uint16_t id)
{
    struct param_stage *s = &m->stage;
    uint8_t was[ROW_MAX], is[ROW_MAX];
    size_t n = table[s->id].row_size;
    if (!is_mine(s, who) || s->put < s->rows || param_rows(m, id) != s->rows) return false;
    for (unsigned i = 0; i < s->rows; i++)
        if (param_row_read(m, id, i, was, n) < 0 || param_stage_read(m, i, is, n) < 0 ||
            memcmp(was, is, n) != 0)
            return false;
    return true;
}

static void old_long_digest(struct meter *m, uint16_t id, uint8_t out[DIGEST])
{
    int n = params_length(&m->store, id);
    memset(out, 0, DIGEST);
    if (n >= DIGEST) params_read(&m->store, id, (size_t)n - DIGEST, out, DIGEST);
}

int param_begin_stage(struct meter *m, const struct who *who)
{
    struct param_stage *s = &m->stage;
    uint8_t whole[SHA256], was[DIGEST], body[2];
    if (!is_mine(s, who)) return E_STATE;
    if (s->put < s->rows) return E_MORE;
    if (store_is_busy(&m->store)) return E_BUSY;
    sha256_end(&s->digest, whole);
    s->open = false;
    int err = params_stage_put(&m->store, whole, DIGEST);
    if (err >= 0) err = change_begin(m);
    if (err >= 0) err = txn_put_stage(&m->store);
    if (err < 0) {
        params_stage_abort(&m->store);
        return err;
    }
    old_long_digest(m, s->id, was);
    le_put16(body, s->id);
    change_put(m, HOT_OCTETS, body, sizeof body);
    param_put_audit(m, who, s->id, was, whole);
    return 0;
}

/* -- coming back --------------------------------------------------------------------------- */

void scalar_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != 2 + SCALAR_SIZE || le_get16(body) >= PARAMS) return;
    uint16_t id = le_get16(body);
    int32_t value = (int32_t)le_get32(body + 2);
    if (table[id].kind != PARAM_SCALAR || value < table[id].min || value > table[id].max)
        return;
    m->scalar[id] = value;
    m->replan = true;
}

/* The value follows this record to its place; it is read when the change is over. */
void octets_take(struct meter *m, const uint8_t *body, size_t n)
{
    (void)body, (void)n;
    m->replan = true;
}

void param_init(struct meter *m)
{
    for (unsigned i = 0; i < PARAMS; i++)
        if (table[i].kind == PARAM_SCALAR) m->scalar[i] = table[i].def;
}

void param_mount(struct meter *m)
{
    uint8_t o[2 + SCALAR_SIZE];
    for (unsigned i = 0; i < PARAMS; i++) {
        if (table[i].kind != PARAM_SCALAR) continue;
        le_put16(o, (uint16_t)i);
        if (param_read(m, (uint16_t)i, o + 2, SCALAR_SIZE) == SCALAR_SIZE)
            scalar_take(m, o, sizeof o);
    }
}
