/* toy.h - a meter small enough to know by heart, on the real store, and the one who knows it.
 *
 * The toy does what a meter does to its store: energy records each "minute", rows after them,
 * transactions of credit, rows, values and keys, counters, a gasp now and then. Its diary says
 * what must be on flash (what was acknowledged) and what may be (what was begun). toy_check()
 * mounts nothing; it compares a mounted toy with a diary and names the first difference.
 *
 * What it does follows from (seed, step) alone, so a life can go on after a cut.
 */
#ifndef TESTS_POWERCUT_TOY_H
#define TESTS_POWERCUT_TOY_H
#include "powercut/nor_sim.h"
#include "store/keys.h"
#include "store/params.h"
#include "store/store.h"

enum { TOY_CELLS = 6, TOY_PARAMS = 6, TOY_KEYS = 3, TOY_COUNTERS = 2, TOY_ROWS = 1024 };
enum { TOY_A, TOY_B, TOY_C }; /* plain rows; one a transaction; large ones */

extern const struct store_map toy_map;       /* 20 sectors */
extern const struct store_map toy_spare_map; /* 48 sectors: some may fail */
extern const struct store_map toy_fuzz_map;  /* 16 sectors */

/* What transactions decide. */
struct toy_mind {
    uint32_t wallet, txns, larges;
    uint32_t a_first;
    uint16_t param_n[TOY_PARAMS]; /* length + 1; 0: never written */
    uint16_t key_n[TOY_KEYS];
    uint32_t param_seed[TOY_PARAMS], key_seed[TOY_KEYS];
};

struct toy_diary {
    struct toy_mind must, may;
    uint32_t energy_must[TOY_CELLS], energy_may[TOY_CELLS];
    uint32_t a_must, a_may; /* next row of A */
    uint32_t boots_must, boots_may;
    uint32_t taken[TOY_COUNTERS];
    uint32_t cuts, failures;     /* lived through */
    uint32_t row_seed[TOY_ROWS]; /* of row n of A, modulo */
    uint32_t row_energy[TOY_ROWS];
};

struct toy {
    struct store store;
    struct store_scratch scratch;
    struct store_app app;
    struct toy_diary *diary;
    uint32_t wallet, txns, larges;
    uint32_t energy[TOY_CELLS], boots, time;
    unsigned notes[8];
    bool is_lost; /* the store said so */
};

/* Power-up on a chip: mount and write the boot record. What store_mount() returned. */
int toy_mount(struct toy *t, const struct store_map *map, const struct nor *nor,
              struct toy_diary *diary);

/* Mount only. */
int toy_look(struct toy *t, const struct store_map *map, const struct nor *nor,
             struct toy_diary *diary);

/* Do what (seed, step) says, and let the store go on, to rest or a little. */
void toy_live(struct toy *t, uint64_t seed, unsigned step);

/* NULL, or what the diary does not allow. */
const char *toy_check(struct toy *t, const struct toy_diary *diary);

/* After a cut: what is on flash is what was written. */
void toy_accept(struct toy *t, struct toy_diary *diary);

#endif
