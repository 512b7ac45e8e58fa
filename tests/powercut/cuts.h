/* cuts.h - a life whose chip loses its power at every operation, in every torn model.
 *
 * Before each operation of a watched chip the power is cut on a copy of it, once in each way of
 * tearing the write; the life goes on untouched. Whoever lives says with `judge` what must be
 * true of such a copy. One cut in `every` has its power-up cut again, at one operation in `of`.
 */
#ifndef TESTS_POWERCUT_CUTS_H
#define TESTS_POWERCUT_CUTS_H
#include "powercut/nor_sim.h"

struct cuts {
    unsigned every, of;
    void (*judge)(void *ctx, struct nor_sim *chip, enum torn model);
    void *ctx;
    uint64_t random;
    uint64_t operations, cuts, second_cuts; /* so far */
    bool again;                             /* the copy judged is one of a power-up */
};

void cuts_watch(struct cuts *c, struct nor_sim *sim);

#endif
