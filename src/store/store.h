/* store.h - all that a meter remembers: journal, series, params and keys on one NOR flash.
 *
 * The store is told what to keep and never asks what it means. What it needs of its owner is
 * in struct store_app: the hot state in pieces for a checkpoint, a taker for records at mount
 * and for the fields of a transaction, and an ear for what happens to the flash.
 *
 * What lies on flash follows from the order of the calls, never from how long flash took: work
 * that writes (commits, checkpoints, turn-overs) goes on in store_step() while store_is_busy(),
 * and meanwhile the owner handles nothing else; only erases run in the background.
 *
 * Power cut  see journal.h, txn.h, series.h, params.h. Recovery is store_mount(); there is no
 *            repair tool.
 * Cost       store_step() starts or ends one flash operation and reads a sector at most.
 *            Mount: one segment of the journal, the heads of the rings by binary search and the
 *            rows of one sector of each, the entries of the params.
 * Memory     struct store about 2.3 KiB (params 400 ids), struct store_scratch 3.2 KiB; the
 *            scratch may be shared where the port completes at once.
 * Context    meter loop only.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "store/flash.h"
#include "store/journal.h"
#include "store/part.h"
#include "store/series.h"
#include "store/txn.h"

/* What the store tells its owner; detail is a sector, a series id, a type of record, or 0. */
enum store_note {
    STORE_RETIRED, /* sector `detail` failed and is out of use (event 342) */
    STORE_MENDED,  /* a value, a row, or a record of type `detail` had one wrong bit and was
                      restored (event 340, of a wallet 439) */
    STORE_FORGOT,  /* params (0) or keys (1) were not found and begin anew: all defaults */
    STORE_FULL,    /* series `detail`: no good sector left; it takes no more rows */
    STORE_LOST,    /* the journal has no good segment left: nothing more is kept (event 341) */
};

struct store_app {
    void *ctx;

    /* Piece number `piece` of the hot state, as a record: its type into *type, its octets into
     * body; the length is returned, 0 where there is nothing to take after store_init(): then
     * there is no record. E_NONE after the last piece. Called for 0, 1, 2, ... while nothing
     * else is handled; what a piece says may not depend on the others. */
    int (*checkpoint)(void *ctx, unsigned piece, uint8_t *type, uint8_t body[JOURNAL_BODY_MAX]);

    /* Take these new values: at mount in order, all records of the newest segment; in life, the
     * fields of a transaction that was committed. Octets come from flash: check them. */
    void (*replay)(void *ctx, uint8_t type, const uint8_t *body, size_t n);

    void (*note)(void *ctx, enum store_note note, uint32_t detail);

    /* A row of series `chained` is on its way in a transaction: write into it what hangs on the
     * row before, which is `before`, or the newest there is. Called while nothing else is
     * handled, one row a step. NULL: no series hangs together so. */
    void (*chain)(void *ctx, const uint8_t *before, uint8_t *row);
    uint8_t chained;
};

struct store_scratch {
    struct flash_fifo fifo;
    uint8_t txn[TXN_BYTES];
};

enum { STORE_RETIRED_MAX = 32 };

struct kv {              /* params.h, keys.h: a log of values in two halves */
    uint32_t generation; /* of the next entry */
    uint32_t at, start; /* next free octet of the active half; where it was after a turn-over */
    uint32_t copied;    /* next free octet of the other half at a turn-over */
    uint32_t live;      /* octets that a turn-over would copy */
    uint32_t half_number;
    int32_t wrong_bit;       /* of the value that is copied; -1: none */
    uint16_t cursor, offset; /* at a turn-over: id, octets of its value copied */
    uint16_t bad_sector;     /* of the active half: a program failed there */
    uint16_t entries;        /* of the active half */
    uint8_t active, state, wipe_state, wipe_sector;
    bool is_bad, is_wanted, is_low, retry;
};

struct stage { /* params.h: a long value while it comes in */
    uint32_t at, generation;
    uint16_t id, max, length;
    bool open;
};

struct store {
    const struct store_map *map;
    const struct store_app *app;
    struct store_scratch *scratch;
    struct flash flash;
    struct journal journal;
    struct kv params, keys;
    struct stage stage;
    uint32_t read_generation; /* of the value read last in parts; 0 none */
    int32_t read_bit;         /* the wrong bit in it, or -1 */
    struct series series[STORE_SERIES_MAX];
    struct counter {
        uint32_t next, ceiling;
    } counter[STORE_COUNTERS];
    uint16_t params_index[STORE_PARAMS_MAX], keys_index[STORE_KEYS_MAX];
    uint16_t retired[STORE_RETIRED_MAX];
    uint32_t work;                           /* who has something to erase, a bit each */
    uint32_t tight;                          /* series whose next append would wait */
    uint16_t txn_number, txn_length, txn_at; /* octets put; octets programmed or redone */
    uint8_t txn_state, txn_page;
    uint8_t retired_count;
    uint8_t worker; /* who erased something last */
    bool is_mounting;
};

/* Memory only; all four are kept until the owner dies. ensure()s the map. */
void store_init(struct store *s, const struct store_map *map, const struct nor *nor,
                struct store_scratch *scratch, const struct store_app *app);

/* Read flash: find the newest state, hand it to replay(), finish what was committed. Waits for
 * flash where it must. 0: the state is back. 1: the chip is blank, or was cut before its
 * first checkpoint was whole: the store was started anew, and a checkpoint asked for. E_FORMAT:
 * it holds something else, which is left alone. E_IO: it takes no journal. */
int store_mount(struct store *s);

/* Do the next bit of work. Cheap when there is none. */
void store_step(struct store *s);

/* A commit, checkpoint or turn-over is under way, or the queue is too full for another event:
 * handle nothing but the failing supply, call store_step() again in a millisecond. */
bool store_is_busy(const struct store *s);

/* Nothing queued, nothing to be done, no erase: the flash holds what it will hold. */
bool store_is_at_rest(const struct store *s);

/* Everything queued is on flash; false only while programs are under way. The last gasp waits
 * for this before dark. */
bool store_is_down(const struct store *s);

/* Step until at rest, waiting for flash: for tests and tools, and before a controlled end. */
void store_rest(struct store *s);

#endif
