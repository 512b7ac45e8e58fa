/* counters.h - invocation counters that outlive this program.
 *
 * A key and a title may seal with each counter once, for ever. What was used is kept in a file
 * of the user's state folder ($XDG_STATE_HOME/magno/counters), under a digest of key and title,
 * never the key. A range is claimed on disk before any of it is used, under a lock, so that
 * neither a crash nor two programs at once use a counter twice.
 *
 * Context  host programs.
 */
#ifndef TOOLS_CLIENT_COUNTERS_H
#define TOOLS_CLIENT_COUNTERS_H
#include <stdbool.h>
#include <stdint.h>

#include "dlms/cipher.h"
#include "tools/common/trouble.h"

enum { COUNTERS_CLAIM = 256, COUNTERS_NAME = 17 };

struct seal_counter {
    uint32_t next, end; /* claimed: [next, end) */
    char name[COUNTERS_NAME];
    bool kept; /* false: in memory only, the meter tells where to start */
};

/* For this key and title; nothing is claimed yet. keep false: no file is touched. */
void counter_init(struct seal_counter *c, const struct cipher_key *key, const uint8_t title[8],
                  bool keep);

/* The next one. E_RANGE: the key is used up. A file that cannot be written is no error: the
 * counter then lives in memory, and the meter refuses what it has seen. */
int counter_take(struct seal_counter *c, uint32_t *ic, struct trouble *t);

/* None below floor from now on. */
void counter_raise(struct seal_counter *c, uint32_t floor);

#endif
