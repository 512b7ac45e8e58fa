/* readout.c - IEC 62056-21 mode C: the errors, then a list that a utility may write; as delivered
 * what the display turns through by itself, and nothing that a person before the meter could not read
 * there. */
#include <string.h>

#include "base/err.h"
#include "meter/display/display.h"
#include "model/classes.h"
#include "model/readout.h"

enum { VALUE_MAX = 24 };

static const struct {
    uint8_t unit;
    const char *name;
} units[] = {
    { UNIT_WH, "Wh" },   { UNIT_VARH, "varh" }, { UNIT_VAH, "VAh" }, { UNIT_W, "W" },
    { UNIT_VAR, "var" }, { UNIT_VA, "VA" },     { UNIT_V, "V" },     { UNIT_A, "A" },
    { UNIT_HZ, "Hz" },   { UNIT_S, "s" },
};

struct line {
    uint8_t *p;
    size_t n, cap;
};

static void put(struct line *t, const char *s, size_t n)
{
    if (n > t->cap - t->n) n = t->cap - t->n;
    memcpy(t->p + t->n, s, n);
    t->n += n;
}

static void put_text(struct line *t, const char *s)
{
    put(t, s, strlen(s));
}

/* At least `digits` digits, a point before the last `decimals` of them. */
static void put_number(struct line *t, uint64_t v, unsigned digits, unsigned decimals)
{
    char s[VALUE_MAX];
    unsigned at = sizeof s;
    for (unsigned i = 0; (v || i < digits || i <= decimals) && at > 1; i++, v /= 10) {
        if (decimals && i == decimals) s[--at] = '.';
        s[--at] = (char)('0' + v % 10);
    }
    put(t, s + at, sizeof s - at);
}

/* n numbers of so many digits, each with a sign of `signs` behind it. */
static void put_fields(struct line *t, const uint16_t *field, unsigned n, unsigned digits,
                       const char *signs)
{
    for (unsigned i = 0; i < n; i++) {
        put_number(t, field[i], digits, 0);
        if (signs[i]) put(t, &signs[i], 1);
    }
}

static void put_label(struct line *t, struct obis of, const uint8_t label[3])
{
    uint16_t field[] = { of.a, of.b, label[0], label[1], label[2] };
    put_fields(t, field, COUNT(field), 1, "-:..(");
}

/* value x 10^scaler, cut off behind the decimals that the item shows. */
static uint64_t shown_value(uint64_t v, int exponent)
{
    for (; exponent > 0; exponent--) v *= 10;
    for (; exponent < 0; exponent++) v /= 10;
    return v;
}

static void put_register(struct line *t, const struct regs *r, const struct display_item *x)
{
    struct reg_unit u = reg_unit_at(x->column);
    int64_t v = reg_at(r, x->column);
    if (v < 0) put(t, "-", 1);
    int exponent = u.scaler + x->decimals - (x->kilo ? 3 : 0);
    put_number(t, shown_value((uint64_t)(v < 0 ? -v : v), exponent), x->kilo ? 8 : 1,
               x->decimals);
    for (unsigned i = 0; i < COUNT(units); i++) {
        if (units[i].unit != u.unit) continue;
        put_text(t, x->kilo ? "*k" : "*");
        put_text(t, units[i].name);
    }
}

/* False: an item that is no value. */
static bool put_item(struct line *t, struct device *d, const struct display_item *x)
{
    struct civil c = clock_stamp(&d->meter.clock, meter_utc(&d->meter)).local;
    bool is_register = x->column < REG_COUNT && reg_kind_at(x->column) != REG_TIME;
    if (!is_register && (x->column < DISPLAY_TIME || x->column > DISPLAY_SERIAL)) return false;
    put_label(t, model_capture_of_item(x->column).ln, x->label);
    if (is_register) put_register(t, &d->meter.now, x);
    if (x->column == DISPLAY_TIME)
        put_fields(t, (uint16_t[]){ c.hour, c.minute, c.second }, 3, 2, "::");
    if (x->column == DISPLAY_DATE)
        put_fields(t, (uint16_t[]){ c.year, c.month, c.day }, 3, 2, "--");
    if (x->column == DISPLAY_SERIAL) put_number(t, d->cfg->meter->serial, 8, 0);
    put(t, ")", 1);
    return true;
}

static void put_errors(struct line *t, const struct meter *m)
{
    put_text(t, "F.F(");
    for (unsigned i = 8; i-- > 0;)
        put(t, &"0123456789ABCDEF"[m->alarms.error[0] >> 4 * i & 15], 1);
    put(t, ")", 1);
}

int model_readout(struct device *d, unsigned line, uint8_t *dst, size_t cap)
{
    struct display_item item[DISPLAY_ITEMS];
    unsigned n = display_items(&d->meter, DISPLAY_READOUT, item);
    struct line t = { dst, 0, cap };
    if (line == 0) {
        put_errors(&t, &d->meter);
        return (int)t.n;
    }
    for (unsigned i = 0, printed = 0; i < n; i++) {
        t.n = 0;
        if (put_item(&t, d, &item[i]) && ++printed == line) return (int)t.n;
    }
    return E_NONE;
}
