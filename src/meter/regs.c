#include "meter/regs.h"

#include "base/sys.h"

enum source {
    CELL_SUM,
    CELL_SUM_SINCE,
    LAST_VALUE,
    MAXIMUM_VALUE,
    MAXIMUM_DATE,
    RUNNING,
    DATE
};
enum view { AS_IS, SIGNED, POSITIVE, NEGATIVE, SIZE };

struct reg_row {
    uint16_t id, of;
    uint8_t source, which, a, b,
        unit; /* a, b: quadrants added and taken off; view and decimals */
    int8_t scaler;
};

#define ENERGY(id, unit, cell, plus, minus) { id, 0, CELL_SUM, cell, plus, minus, unit, 0 },
#define SINCE(id, of, base, members) { id, of, CELL_SUM_SINCE, base, 0, 0, 0, 0 },
#define QUANTITY(id, unit, scaler, index, view, decimals)                                      \
    { id, 0, LAST_VALUE, index, view, decimals, unit, scaler },
#define MAXIMUM(id, unit, demand) { id, 0, MAXIMUM_VALUE, demand, 0, 0, unit, 0 },
#define MAXIMUM_TIME(id, demand) { id, 0, MAXIMUM_DATE, demand, 0, 0, UNIT_NONE, 0 },
#define COUNTER(id, unit, index) { id, 0, RUNNING, index, 0, 0, unit, 0 },
#define STAMP(id, index) { id, 0, DATE, index, 0, 0, UNIT_NONE, 0 },
static const struct reg_row rows[] = {
#include "meter/registers.def"
};
#undef ENERGY
#undef SINCE
#undef QUANTITY
#undef MAXIMUM
#undef MAXIMUM_TIME
#undef COUNTER
#undef STAMP

/* What follows asks for ids and members alone. */
#define ENERGY(id, unit, cell, plus, minus) EACH(id, 9)
#define SINCE(id, of, base, members) EACH(id, members)
#define QUANTITY(id, unit, scaler, index, view, decimals) EACH(id, 1)
#define MAXIMUM(id, unit, demand) EACH(id, 9)
#define MAXIMUM_TIME(id, demand) EACH(id, 9)
#define COUNTER(id, unit, index) EACH(id, 1)
#define STAMP(id, index) EACH(id, 1)
#define EACH(id, members) ROW_##id,
enum {
#include "meter/registers.def"
    ROWS
};
#undef EACH

/* Where the row of an id stands: whoever reads a profile asks for each column of each row. */
#define ROWS_1(row) row,
#define ROWS_9(row) row, row, row, row, row, row, row, row, row,
#define EACH(id, members) ROWS_##members(ROW_##id)
static const uint8_t place[] = {
#include "meter/registers.def"
};
#undef EACH

_Static_assert(FAMILY == 9 && sizeof place == REG_COUNT, "every id has its place");
_Static_assert(ROWS <= UINT8_MAX, "a place is an octet");
_Static_assert(VAL_DEMAND_LAST - VAL_DEMAND_NOW == DEMANDS, "a value for each demand");
_Static_assert(COUNTERS - CNT_TAMPER_S == TAMPERS, "a counter for each tamper");

static const struct reg_row *row_of(uint16_t id)
{
    ensure(id < REG_COUNT);
    return &rows[place[id]];
}

static uint64_t sum(const struct regs *r, unsigned cell, unsigned quadrants, unsigned member)
{
    uint64_t s = 0;
    for (unsigned q = 0; q < QUADRANTS; q++) {
        if (!(quadrants >> q & 1)) continue;
        if (member) {
            s += r->cell[cell][q][member - 1];
            continue;
        }
        for (unsigned t = 0; t < TARIFFS; t++) s += r->cell[cell][q][t];
    }
    return s;
}

static int64_t net(const struct regs *r, const struct reg_row *x, unsigned member)
{
    return (int64_t)(sum(r, x->which, x->a, member) - sum(r, x->which, x->b, member));
}

static int64_t since(const struct regs *r, const struct reg_row *x, unsigned member)
{
    const struct reg_row *of = row_of(x->of);
    uint32_t used = (uint32_t)net(r, of, member) - r->base[x->which + member];
    return of->b ? (int32_t)used : (int64_t)used;
}

static int64_t rounded(int64_t v, unsigned decimals)
{
    static const int16_t ten[] = { 1, 10, 100, 1000 };
    int64_t half = ten[decimals] / 2;
    return (v < 0 ? v - half : v + half) / ten[decimals];
}

static int64_t seen(int64_t v, unsigned view)
{
    if (view == POSITIVE) return v > 0 ? v : 0;
    if (view == NEGATIVE) return v < 0 ? -v : 0;
    if (view == SIZE) return v < 0 ? -v : v;
    return view == AS_IS ? (uint32_t)v : v;
}

int64_t reg_at(const struct regs *r, uint16_t id)
{
    const struct reg_row *x = row_of(id);
    unsigned member = (unsigned)(id - x->id);
    switch ((enum source)x->source) {
    case CELL_SUM:
        return net(r, x, member);
    case CELL_SUM_SINCE:
        return since(r, x, member);
    case LAST_VALUE:
        return rounded(seen(r->quantity[x->which], x->a), x->b);
    case MAXIMUM_VALUE:
        return r->maximum[x->which][member].value;
    case MAXIMUM_DATE:
        return r->maximum[x->which][member].utc_s;
    case RUNNING:
        return r->counter[x->which];
    case DATE:
        break;
    }
    return r->stamp[x->which];
}

struct reg_unit reg_unit_at(uint16_t id)
{
    const struct reg_row *x = row_of(id);
    if (x->source == CELL_SUM_SINCE) x = row_of(x->of);
    return (struct reg_unit){ x->scaler, x->unit };
}

enum reg_kind reg_kind_at(uint16_t id)
{
    const struct reg_row *x = row_of(id);
    if (x->source == MAXIMUM_DATE || x->source == DATE) return REG_TIME;
    if (x->source == LAST_VALUE) return x->a == SIGNED ? REG_SIGNED : REG_UNSIGNED;
    if (x->source == CELL_SUM_SINCE) x = row_of(x->of);
    return x->source == CELL_SUM && x->b ? REG_SIGNED : REG_UNSIGNED;
}

const char *reg_name_at(uint16_t id, unsigned *member)
{
#define EACH(id, members) #id,
    static const char *const name[] = {
#include "meter/registers.def"
    };
    const struct reg_row *x = row_of(id);
    *member = (unsigned)(id - x->id);
    return name[x - rows];
}
