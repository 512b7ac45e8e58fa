#include "meter/event/output.h"

#include <string.h>

#include "base/err.h"
#include "meter/meter.h"

enum { ROW = 8 };

/* What burns first, then what is being stolen, then what is broken. */
static const struct output_row product[] = {
    { 3, 13, OUTPUT_FAST, OUTPUT_FAST, OUTPUT_FAST, OUTPUT_FAST, 1, 0 },
    { 3, 0, OUTPUT_FAST, OUTPUT_OFF, OUTPUT_STEADY, OUTPUT_OFF, 2, 0 },
    { 3, 1, OUTPUT_FAST, OUTPUT_OFF, OUTPUT_STEADY, OUTPUT_OFF, 2, 0 },
    { 3, 2, OUTPUT_FAST, OUTPUT_OFF, OUTPUT_STEADY, OUTPUT_OFF, 2, 0 },
    { 3, 3, OUTPUT_FAST, OUTPUT_OFF, OUTPUT_STEADY, OUTPUT_OFF, 2, 0 },
    { 3, 4, OUTPUT_FAST, OUTPUT_OFF, OUTPUT_STEADY, OUTPUT_OFF, 2, 0 },
    { 3, 5, OUTPUT_FAST, OUTPUT_OFF, OUTPUT_STEADY, OUTPUT_OFF, 2, 0 },
    { 3, 11, OUTPUT_FAST, OUTPUT_OFF, OUTPUT_STEADY, OUTPUT_OFF, 2, 0 },
    { 3, 12, OUTPUT_SLOW, OUTPUT_OFF, OUTPUT_SLOW, OUTPUT_OFF, 3, 0 },
    { 1, 11, OUTPUT_SLOW, OUTPUT_OFF, OUTPUT_SLOW, OUTPUT_OFF, 3, 0 },
    { 1, 10, OUTPUT_SLOW, OUTPUT_OFF, OUTPUT_SLOW, OUTPUT_OFF, 3, 0 },
    { 1, 9, OUTPUT_SLOW, OUTPUT_OFF, OUTPUT_SLOW, OUTPUT_OFF, 3, 0 },
    { 1, 8, OUTPUT_SLOW, OUTPUT_OFF, OUTPUT_SLOW, OUTPUT_OFF, 3, 0 },
    { 3, 6, OUTPUT_SLOW, OUTPUT_SLOW, OUTPUT_SLOW, OUTPUT_SLOW, 4, 60 },
    { 3, 7, OUTPUT_SLOW, OUTPUT_SLOW, OUTPUT_SLOW, OUTPUT_SLOW, 4, 60 },
    { 1, 0, OUTPUT_MINUTE, OUTPUT_OFF, OUTPUT_OFF, OUTPUT_OFF, 5, 0 },
    { 1, 1, OUTPUT_MINUTE, OUTPUT_OFF, OUTPUT_OFF, OUTPUT_OFF, 6, 0 },
};

unsigned output_rows(struct meter *m, struct output_row row[OUTPUT_ROWS])
{
    uint8_t o[OUTPUT_ROWS * ROW];
    int n = param_read(m, PARAM_OUTPUTS, o, sizeof o);
    if (n < ROW || n % ROW) {
        memcpy(row, product, sizeof product);
        return sizeof product / sizeof *product;
    }
    for (unsigned i = 0; i < (unsigned)n / ROW; i++) {
        const uint8_t *p = o + i * ROW;
        row[i] = (struct output_row){ p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7] };
    }
    return (unsigned)n / ROW;
}

static bool is_row(const struct output_row *x)
{
    return x->alarm >= 1 && x->alarm <= ALARMS && x->bit < 32 && x->led < OUTPUT_PATTERNS &&
           x->buzzer < OUTPUT_PATTERNS && x->ciu_led < OUTPUT_PATTERNS &&
           x->ciu_buzzer < OUTPUT_PATTERNS;
}

int output_set_rows(struct meter *m, const struct who *who, const struct output_row *row,
                    unsigned n)
{
    uint8_t o[OUTPUT_ROWS * ROW];
    if (n > OUTPUT_ROWS) return E_RANGE;
    for (unsigned i = 0; i < n; i++) {
        const struct output_row *x = &row[i];
        if (!is_row(x)) return E_RANGE;
        memcpy(o + i * ROW,
               (uint8_t[]){ x->alarm, x->bit, x->led, x->buzzer, x->ciu_led, x->ciu_buzzer,
                            x->text, x->repeat_s },
               ROW);
    }
    return param_write(m, who, PARAM_OUTPUTS, o, n * ROW);
}

static struct output_row first_set(struct meter *m)
{
    struct output_row row[OUTPUT_ROWS];
    static const struct output_row test = {
        0, 0, OUTPUT_STEADY, OUTPUT_STEADY, OUTPUT_STEADY, OUTPUT_STEADY, 0, 0
    };
    if (m->tokens.sounds.us) return test;
    unsigned n = output_rows(m, row);
    for (unsigned i = 0; i < n; i++)
        if (m->alarms.set[row[i].alarm - 1] >> row[i].bit & 1) return row[i];
    struct output_row credit = { 0 };
    credit_output(m, &credit);
    return credit;
}

/* What counts down to a cut is heard beside all alarms. */
struct output_row output_now(struct meter *m)
{
    struct output_row row = first_set(m);
    if (credit_counts(m)) row.buzzer = row.ciu_buzzer = OUTPUT_STEADY;
    return row;
}

const char *output_text(unsigned text)
{
    static const char *const cells[] = { "FirE", "tAnPEr", "FAiLUrE", "LoAd", "cLoc", "bAtt" };
    return text && text <= sizeof cells / sizeof *cells ? cells[text - 1] : NULL;
}

static void pause_after(struct meter *m, unsigned s)
{
    timer_set(m, TIMER_OUTPUT, mono_after(m->t, s * UINT64_C(1000000)));
}

void output_due(struct meter *m, utc_t due)
{
    struct outputs *o = &m->outputs;
    struct output_row row = output_now(m);
    (void)due;
    o->pauses = !o->pauses;
    m->outputs_stale = true;
    pause_after(m, o->pauses ? row.repeat_s : OUTPUT_SOUND_S);
}

/* A sound begins with the row that makes it. */
static uint8_t sound_of(struct meter *m, const struct output_row *row)
{
    struct outputs *o = &m->outputs;
    uint16_t now = row->repeat_s ? (uint16_t)(row->alarm * 32 + row->bit) : 0;
    if (now != o->sounds) {
        *o = (struct outputs){ .sounds = now };
        timer_stop(m, TIMER_OUTPUT);
        if (now) pause_after(m, OUTPUT_SOUND_S);
    }
    return o->pauses && !credit_counts(m) ? (uint8_t)OUTPUT_OFF : row->buzzer;
}

static void drive(struct meter *m, enum lamp lamp, uint8_t pattern, uint8_t *was)
{
    if (*was == pattern) return;
    *was = pattern;
    if (m->io->lamp) m->io->lamp(m->io->ctx, m->t, lamp, pattern);
}

void output_drive(struct meter *m)
{
    if (!m->outputs_stale) return;
    m->outputs_stale = false;
    struct output_row row = output_now(m);
    drive(m, LAMP_ALARM, row.led, &m->lamp[LAMP_ALARM]);
    drive(m, LAMP_BUZZER, sound_of(m, &row), &m->lamp[LAMP_BUZZER]);
}
