/* nor_sim.h - a NOR flash for tests: it can be forked, torn, worn out and watched.
 *
 * A simulated chip holds only the sectors that were touched; all else reads as its parent or as
 * FF. nor_sim_fork() makes a child that sees the parent as it stands and writes into copies of
 * its own: a cut is tried on a child from within the parent's operation, and the parent goes
 * on. port/common/nor_rules.h watches every access; besides, a program that asks for a 1 where
 * a 0 stands is counted as broken.
 *
 * Torn models, for the operation under way when the power goes:
 *   NOTHING    it did not begin
 *   PREFIX     its first octets happened
 *   BITS       any of its bits did
 *   ORDER      some of its octets did, in any order
 *   HALF       of an erase, any bits did, and bits of the sector read at random until it is
 *              erased again or they are programmed; a program as BITS
 *   NEIGHBOUR  as PREFIX, one octet at least; besides, in each page beside it (same sector) one
 * bit, of whatever was written there or not, falls from 1 to 0
 *
 * Context  tests; one thread a family of chips.
 */
#ifndef TESTS_POWERCUT_NOR_SIM_H
#define TESTS_POWERCUT_NOR_SIM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port/common/nor_rules.h"

enum torn {
    TORN_NOTHING,
    TORN_PREFIX,
    TORN_BITS,
    TORN_ORDER,
    TORN_HALF,
    TORN_NEIGHBOUR,
    TORN_MODELS
};
extern const char *const torn_name[TORN_MODELS];

enum { SIM_SECTORS_MAX = 2048 };

/* What becomes of an operation: it happens; it fails and says so; it fails and says nothing. */
enum sim_fate { SIM_DONE, SIM_FAILS, SIM_LIES };

struct sim_op {
    enum nor_op op;
    uint32_t at;
    const uint8_t *src; /* NULL: an erase */
    size_t n;
};

struct sim_sector {
    uint8_t data[NOR_SECTOR];
    uint8_t *weak; /* bits that read at random; NULL: none */
};

struct nor_sim;
typedef enum sim_fate sim_watcher(void *ctx, struct nor_sim *sim, const struct sim_op *op);

struct nor_sim {
    struct nor nor; /* hand this to the store */
    struct nor_rules rules;
    const struct nor_sim *parent;
    struct sim_sector *sector[SIM_SECTORS_MAX];
    const uint8_t *src;
    uint64_t random;

    /* Asked just before an operation takes effect; NULL: all are done. */
    sim_watcher *watch;
    void *watch_ctx;

    uint32_t endurance; /* erases a sector stands; 0: any number */
    uint32_t wear[SIM_SECTORS_MAX];
    uint64_t operations, programs, programmed, erases, reads, read_octets;
    uint64_t broken; /* programs that wanted a 1 back */
};

/* A blank chip. times of zero: operations are over when begun. */
void nor_sim_init(struct nor_sim *sim, uint32_t sectors, struct nor_times times, uint64_t seed);

/* A child of parent as it stands; nothing is watched, nothing wears. */
void nor_sim_fork(struct nor_sim *child, const struct nor_sim *parent, uint64_t seed);

/* Give back its memory. */
void nor_sim_free(struct nor_sim *sim);

/* Leave of op what the model says, and forget what was under way: power is back. */
void nor_sim_tear(struct nor_sim *sim, const struct sim_op *op, enum torn model);
void nor_sim_power_up(struct nor_sim *sim);

/* Octets as they are, without any rule. */
void nor_sim_peek(const struct nor_sim *sim, uint32_t at, void *dst, size_t n);
void nor_sim_poke(struct nor_sim *sim, uint32_t at, const void *src, size_t n);

uint64_t sim_random(uint64_t *state);

#endif
