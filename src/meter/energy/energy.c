#include "meter/energy/energy.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "meter/hot.h"
#include "meter/meter.h"

enum { REST = 6, CELL = 6, LOW = 5, CELLS_MAX = 30, HEAD = 7 };
_Static_assert(HEAD + CELLS * DIRECTIONS * REST + CELLS_MAX * LOW + DRAWN_MAX * DRAWN <=
                   JOURNAL_BODY_MAX,
               "a record of everything");

/* A rest reaches a unit every few windows at most, so the subtraction beats the division. */
static void move(struct energy *e, struct regs *r, unsigned cell, unsigned index,
                 uint64_t units)
{
    unsigned bit = cell * QUADRANTS * TARIFFS + index;
    uint32_t *word = &e->dirty[bit / 32];
    uint32_t mask = UINT32_C(1) << bit % 32;
    (&r->cell[cell][0][0])[index] += units;
    e->dirty_cells = (uint8_t)(e->dirty_cells + !(*word & mask));
    *word |= mask;
}

static void book(struct energy *e, struct regs *r, unsigned cell, unsigned direction,
                 unsigned index, uint64_t nj)
{
    if (!nj) return;
    uint64_t rest = (uint64_t)e->rest_nj[cell][direction] + nj;
    e->dirty_rests |= (uint8_t)(1u << (cell * DIRECTIONS + direction));
    if (rest >= (uint64_t)ENERGY_UNIT_NJ) {
        uint64_t units = rest / (uint64_t)ENERGY_UNIT_NJ;
        rest -= units * (uint64_t)ENERGY_UNIT_NJ;
        e->phase[cell][direction] = (uint16_t)((e->phase[cell][direction] + units) % 1000);
        move(e, r, cell, index, units);
    }
    e->rest_nj[cell][direction] = (int64_t)rest;
}

void energy_book(struct energy *e, struct regs *r, const struct share *s, unsigned tariff)
{
    unsigned q = s->quadrant, index = q * TARIFFS + tariff;
    unsigned back = q == 1 || q == 2, capacitive = q >= 2;
    ensure(q < QUADRANTS && tariff < TARIFFS);
    e->quadrant = (uint8_t)q;
    book(e, r, CELL_WH, back, index, s->wh_nj);
    book(e, r, CELL_VARH, capacitive, index, s->varh_nj);
    book(e, r, CELL_VAH, back, index, s->vah_nj);
}

/* Which quadrants count in a direction: Wh and VAh by the sign of P, varh by that of Q. */
static unsigned quadrants_of(unsigned cell, unsigned direction)
{
    if (cell == CELL_VARH) return direction == FORWARD ? Q1 | Q2 : Q3 | Q4;
    return direction == FORWARD ? Q1 | Q4 : Q2 | Q3;
}

uint64_t energy_nj(const struct energy *e, const struct regs *r, unsigned cell,
                   unsigned direction)
{
    uint64_t units = 0;
    for (unsigned q = 0; q < QUADRANTS; q++)
        for (unsigned t = 0; quadrants_of(cell, direction) >> q & 1 && t < TARIFFS; t++)
            units += r->cell[cell][q][t];
    return units * (uint64_t)ENERGY_UNIT_NJ + (uint64_t)e->rest_nj[cell][direction];
}

void energy_restored(struct energy *e, const struct regs *r)
{
    for (unsigned i = 0; i < CELLS * DIRECTIONS; i++) {
        unsigned cell = i / DIRECTIONS, direction = i % DIRECTIONS;
        uint64_t nj = energy_nj(e, r, cell, direction) - (uint64_t)e->rest_nj[cell][direction];
        e->phase[cell][direction] = (uint16_t)(nj / (uint64_t)ENERGY_UNIT_NJ % 1000);
    }
}

/* -- records ------------------------------------------------------------------------------- */

static void put48(uint8_t *p, uint64_t v)
{
    le_put32(p, (uint32_t)v);
    le_put16(p + 4, (uint16_t)(v >> 32));
}

static uint64_t get48(const uint8_t *p)
{
    return le_get32(p) | (uint64_t)le_get16(p + 4) << 32;
}

int cells_put(const struct meter *m, unsigned k, uint8_t *body)
{
    const uint64_t *cell = &m->now.cell[k][0][0];
    body[0] = (uint8_t)k;
    for (unsigned i = 0; i < QUADRANTS * TARIFFS; i++) put48(body + 1 + i * CELL, cell[i]);
    return 1 + QUADRANTS * TARIFFS * CELL;
}

void cells_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != 1 + QUADRANTS * TARIFFS * CELL || body[0] >= CELLS) return;
    uint64_t *cell = &m->now.cell[body[0]][0][0];
    for (unsigned i = 0; i < QUADRANTS * TARIFFS; i++) cell[i] = get48(body + 1 + i * CELL);
}

static uint8_t *put_rests(const struct energy *e, unsigned which, uint8_t *p)
{
    for (unsigned i = 0; i < CELLS * DIRECTIONS; i++) {
        if (!(which >> i & 1)) continue;
        put48(p, (uint64_t)e->rest_nj[i / DIRECTIONS][i % DIRECTIONS]);
        p += REST;
    }
    return p;
}

static uint8_t *put_cells(const struct meter *m, uint8_t *p, uint8_t *count)
{
    const struct energy *e = &m->energy;
    const uint64_t *cell = &m->now.cell[0][0][0];
    for (unsigned w = 0; w < 3; w++) {
        for (uint32_t left = e->dirty[w]; left; left &= left - 1) {
            unsigned i = w * 32 + (unsigned)__builtin_ctz(left);
            *p = (uint8_t)i;
            le_put32(p + 1, (uint32_t)cell[i]);
            p += LOW;
            ++*count;
        }
    }
    return p;
}

/* {date 4, quadrant 1 and how many drawn << 4, which rests 1, cells 1, rests 6 each, cells
 * (which 1, low 4), drawn (prepay/wallet.h)} */
static int record(const struct meter *m, unsigned rests, uint8_t *body)
{
    const struct energy *e = &m->energy;
    unsigned drawn = drawn_count(m);
    le_put32(body, (uint32_t)m->utc.s);
    body[4] = (uint8_t)(e->quadrant | drawn << 4);
    body[5] = (uint8_t)rests;
    body[6] = 0;
    uint8_t *p = put_rests(e, rests, body + HEAD);
    p = put_cells(m, p, &body[6]);
    return (int)(drawn_save(m, p) - body);
}

int energy_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    return record(m, (1u << (CELLS * DIRECTIONS)) - 1, body);
}

static void take_cell(struct regs *r, unsigned i, uint32_t low)
{
    uint64_t *cell = &r->cell[0][0][0] + i;
    uint64_t v = (*cell & ~UINT64_C(0xFFFFFFFF)) | low;
    if (v + (UINT64_C(1) << 31) < *cell) v += UINT64_C(1) << 32; /* a cell only grows */
    if (v > *cell) *cell = v;
}

/* How long a record of that head is; 0: no such record. */
static size_t length(const uint8_t *body, size_t n)
{
    if (n < HEAD || body[5] >> (CELLS * DIRECTIONS) || body[4] >> 4 > DRAWN_MAX) return 0;
    unsigned rests = 0, drawn = body[4] >> 4;
    for (unsigned bits = body[5]; bits; bits &= bits - 1) rests++;
    size_t whole = HEAD + rests * REST + (size_t)body[6] * LOW + drawn * DRAWN;
    return whole <= n ? whole : 0;
}

/* Sums of open intervals hold only as long as nothing came after them. */
void energy_take(struct meter *m, const uint8_t *body, size_t n)
{
    struct energy *e = &m->energy;
    unsigned cells = n >= HEAD ? body[6] : 0;
    if (length(body, n) != n || !n) return;
    for (unsigned k = 0; k < CFG_SURVEYS; k++)
        average_begin(&m->average, &m->survey[k].interval);
    m->last.s = le_get32(body);
    e->quadrant = body[4] & 3;
    const uint8_t *p = body + HEAD;
    for (unsigned i = 0; i < CELLS * DIRECTIONS; i++) {
        if (!(body[5] >> i & 1)) continue;
        e->rest_nj[i / DIRECTIONS][i % DIRECTIONS] = (int64_t)get48(p);
        p += REST;
    }
    for (unsigned i = 0; i < cells; i++, p += LOW)
        if (p[0] < CELLS * QUADRANTS * TARIFFS) take_cell(&m->now, p[0], le_get32(p + 1));
    drawn_load(m, p, n - (size_t)(p - body));
}

void gasp_take(struct meter *m, const uint8_t *body, size_t n)
{
    size_t whole = length(body, n);
    if (!whole || (n - whole) % AVERAGE_BODY || (n - whole) / AVERAGE_BODY > CFG_SURVEYS)
        return;
    energy_take(m, body, whole);
    for (unsigned k = 0; whole < n; k++, whole += AVERAGE_BODY)
        average_load(&m->average, &m->survey[k].interval, body + whole);
}

static void clean(struct energy *e)
{
    e->dirty[0] = e->dirty[1] = e->dirty[2] = 0;
    e->dirty_cells = e->dirty_rests = 0;
}

void energy_record(struct meter *m)
{
    uint8_t body[JOURNAL_BODY_MAX];
    int n = record(m, m->energy.dirty_rests, body);
    drawn_done(m);
    clean(&m->energy);
    journal_put(&m->store, HOT_ENERGY, body, (size_t)n);
}

/* One page: as many open intervals as fit behind the energy. */
void energy_gasp(struct meter *m)
{
    uint8_t body[JOURNAL_BODY_MAX];
    int n = record(m, m->energy.dirty_rests, body);
    for (unsigned k = 0; k < CFG_SURVEYS && n + AVERAGE_BODY <= JOURNAL_BODY_MAX; k++) {
        average_save(&m->average, &m->survey[k].interval, body + n);
        n += AVERAGE_BODY;
    }
    journal_gasp(&m->store, HOT_GASP, body, (size_t)n);
}

int energy_gasp_test(struct meter *m, const struct who *who)
{
    if (store_is_busy(&m->store)) return E_BUSY;
    energy_gasp(m);
    event_post(m, EV_LAST_GASP_TEST, who, NULL);
    return 0;
}

bool energy_is_full(const struct energy *e)
{
    return e->dirty_cells > CELLS_MAX - CELLS;
}

void energy_minute(struct meter *m, utc_t u)
{
    energy_record(m);
    event_minute(m);
    protect_minute(m);
    token_minute(m);
    unit_minute(m);
    timer_set_utc(m, TIMER_MINUTE, (utc_t){ u.s + m->cfg->checkpoint_s });
}

void energy_plan(struct meter *m)
{
    int64_t s = m->cfg->checkpoint_s;
    timer_set_utc(m, TIMER_MINUTE, (utc_t){ (m->utc.s / s + 1) * s });
}
