/* test_powercut_functions.c - all that class 122 can switch is switched off in one order and on in the
 * next, with the lights going out at every flash operation, torn in every way.
 *
 * What came up has done the order under way as a whole or nothing of it, and has the rows of its
 * audit or none of them; the other order can be given to it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "desk.h"
#include "meter/function.h"
#include "powercut/cuts.h"

enum { SECTORS = 2048, TURNS = 4, ALL = (1 << FUNCTIONS) - 1 };
static const int64_t UTC = 1795305600;
static const struct who head_end = { .sap = 1, .link = LINK_WAN, .assoc = ROLE_MANAGEMENT };

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}
#define must(c) ((c) ? (void)0 : fail(__func__, #c))

struct life {
    struct cuts cuts;
    unsigned before, after; /* what is on */
    uint32_t rows, more;    /* of the audit, before, and what the order adds */
    bool under_way;
};

static unsigned long done, undone, others;

static void judge(void *ctx, struct nor_sim *chip, enum torn model)
{
    const struct life *f = ctx;
    (void)model;
    if (!f->under_way) return;
    struct desk *k = desk_on(&chip->nor, UTC + 60);
    struct meter *m = &k->d.meter;
    unsigned on = functions_get(m);
    must(on == f->before || on == f->after);
    must(audit_span(m).next == f->rows + (on == f->after ? f->more : 0));
    done += on == f->after;
    undone += on == f->before;
    if (f->cuts.again) { /* what a judge writes is cut again, but not here */
        must(functions_set(m, &head_end, on ^ ALL) == 0);
        desk_settle(k);
        must(functions_get(m) == (on ^ ALL));
        others++;
    }
    desk_free(k);
}

int main(void)
{
    static struct nor_sim sim;
    static struct life f;
    f.cuts = (struct cuts){ .every = 10, .of = 5, .judge = judge, .ctx = &f, .random = 1 };
    nor_sim_init(&sim, SECTORS, (struct nor_times){ 0, 0 }, 1);
    struct desk *k = desk_on(&sim.nor, UTC);
    desk_run_s(k, 60);
    cuts_watch(&f.cuts, &sim);
    for (unsigned i = 0; i < TURNS; i++) {
        f.before = functions_get(&k->d.meter);
        f.after = f.before ^ ALL;
        f.rows = audit_span(&k->d.meter).next;
        f.more =
            FUNCTION_PREPAYMENT; /* which has a row where the mode of the relay follows it */
        f.more += f.after && param_get(&k->d.meter, PARAM_SUPPLY_MODE) == 4;
        f.under_way = true;
        must(functions_set(&k->d.meter, &head_end, f.after) == 0);
        desk_settle(k);
        f.under_way = false;
        must(functions_get(&k->d.meter) == f.after);
        desk_run_s(k, 60);
    }
    printf("%lu operations, %lu power-ups judged: %lu had done it, %lu had not; "
           "%lu took the other order\n",
           (unsigned long)f.cuts.operations, done + undone, done, undone, others);
    must(done > 0 && undone > 0 && others > 0);
    desk_free(k);
    return 0;
}
