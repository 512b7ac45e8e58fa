/* test_powercut_arrays.c - special days entered, changed and removed one by one through the array
 * manager, with the lights going out at every flash operation, torn in every way.
 *
 * What came up has the list from before or the one from after, whole, and takes the next entry.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk.h"
#include "powercut/cuts.h"

enum { SECTORS = 2048, LIST = 4096, DAYS = 12, DAY_OCTETS = 14, INSERT = 3, UPDATE, REMOVE };
static const int64_t UTC = 1795305600;

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}
#define must(c) ((c) ? (void)0 : fail(__func__, #c))

struct list {
    uint8_t p[LIST];
    size_t n;
};

struct life {
    struct desk *k;
    struct cuts cuts;
    struct list before, after; /* the step under way */
    bool under_way;
};

static unsigned long olds, news;

static void read_list(struct desk *k, struct list *x)
{
    struct desk_value v = { x->p, sizeof x->p };
    must(desk_get(k, ROLE_SUPERVISOR, 11, desk_ln("0-0:11.0.0"), 2, NULL, 0, &v) == DAR_OK);
    x->n = v.n;
}

static bool are_equal(const struct list *a, const struct list *b)
{
    return a->n == b->n && !memcmp(a->p, b->p, a->n);
}

/* Method of list 1, with {index, day} or {from, to}. */
static enum dar call(struct desk *k, uint8_t method, unsigned index, unsigned what)
{
    uint8_t arg[64];
    struct axdr_out o = axdr_out(arg, sizeof arg);
    uint8_t date[5] = { 0xFF, 0xFF, (uint8_t)(what % 12 + 1), 1, 0xFF };
    axdr_emit_struct(&o, 2);
    axdr_emit_u8(&o, 1);
    axdr_emit_struct(&o, 2);
    axdr_emit_u16(&o, (uint16_t)index);
    if (method != REMOVE) axdr_emit_struct(&o, 3);
    axdr_emit_u16(&o, (uint16_t)what);
    if (method != REMOVE) {
        axdr_emit_octets(&o, date, sizeof date);
        axdr_emit_u8(&o, (uint8_t)what);
    }
    return desk_call(k, ROLE_SUPERVISOR, 123, desk_ln("0-0:18.0.0"), method, arg, o.len, NULL);
}

static void judge(void *ctx, struct nor_sim *chip, enum torn model)
{
    const struct life *f = ctx;
    struct list is;
    (void)model;
    if (!f->under_way) return;
    struct desk *k = desk_on(&chip->nor, UTC + 60);
    chip->watch = NULL; /* it is the power-up that may be cut again */
    read_list(k, &is);
    bool old = are_equal(&is, &f->before), new = are_equal(&is, &f->after);
    must(old || new);
    olds += old;
    news += new;
    must(call(k, INSERT, 0, 999) == DAR_OK);
    size_t n = is.n;
    read_list(k, &is);
    must(is.n == n + DAY_OCTETS);
    desk_free(k);
}

/* What it is to come to is seen on a second device, which nobody cuts. */
static void step(struct life *f, struct desk *calm, uint8_t method, unsigned index,
                 unsigned what)
{
    must(call(calm, method, index, what) == DAR_OK);
    read_list(f->k, &f->before);
    read_list(calm, &f->after);
    must(!are_equal(&f->before, &f->after));
    f->under_way = true;
    must(call(f->k, method, index, what) == DAR_OK);
    f->under_way = false;
    struct list is;
    read_list(f->k, &is);
    must(are_equal(&is, &f->after));
}

int main(void)
{
    static struct nor_sim sim;
    static struct life f;
    f.cuts = (struct cuts){ .every = 50, .of = 20, .judge = judge, .ctx = &f, .random = 1 };
    nor_sim_init(&sim, SECTORS, (struct nor_times){ 0, 0 }, 1);
    f.k = desk_on(&sim.nor, UTC);
    struct desk *calm = desk_new(UTC);
    cuts_watch(&f.cuts, &sim);
    for (unsigned i = 0; i < DAYS; i++) step(&f, calm, INSERT, i / 2, i);
    for (unsigned i = 1; i <= DAYS; i += 3) step(&f, calm, UPDATE, i, 100 + i);
    for (unsigned i = 1; i <= 3; i++) step(&f, calm, REMOVE, i, i + 2);
    printf("%lu operations, %lu power-ups judged: the list of before %lu times, of after %lu\n",
           (unsigned long)f.cuts.operations, olds + news, olds, news);
    must(olds > 100 && news > 100);
    desk_free(calm);
    desk_free(f.k);
    nor_sim_free(&sim);
    return 0;
}
