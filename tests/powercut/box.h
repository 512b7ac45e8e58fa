/* box.h - a store in a box for unit tests: a simulated chip, and an owner that writes down what
 * the store tells it.
 *
 * Context  tests.
 */
#ifndef TESTS_POWERCUT_BOX_H
#define TESTS_POWERCUT_BOX_H
#include "powercut/nor_sim.h"
#include "store/keys.h"
#include "store/params.h"
#include "store/store.h"

enum { BOX_RECORDS = 4096, BOX_STATE = 16 };

struct box {
    struct nor_sim sim;
    struct store store;
    struct store_scratch scratch;
    struct store_app app;
    uint32_t state[BOX_STATE]; /* the hot state: record type JOURNAL_APP + i holds state[i] */
    struct {
        uint8_t type;
        uint16_t n;
        uint32_t first;  /* four octets of the body */
    } seen[BOX_RECORDS]; /* replayed since the last mount */
    unsigned records, notes[8];
};

/* times of zero: the chip is always done at once. */
struct box *box_new(const struct store_map *map, uint32_t sectors, struct nor_times times);
void box_free(struct box *b);

/* Power off and on; what store_mount() returns. */
int box_mount(struct box *b);

/* state[i] = v, and a record that says so. */
int box_set(struct box *b, unsigned i, uint32_t v);

/* Octets that differ by seed; are they still there? */
void box_fill(uint8_t *p, size_t n, uint32_t seed);
int box_is_filled(const uint8_t *p, size_t n, uint32_t seed);

#endif
