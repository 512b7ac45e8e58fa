/* nor_rules.h - the rules and the pace of a NOR flash, the same for every port.
 *
 * What nor.h forbids stops the meter here (ensure), on Linux as on the Cortex-M, so that no
 * mistake waits for real silicon to be found:
 *
 *   - a program that leaves its page, or the chip; an erase that is not one whole sector;
 *   - a second program while one is under way, a second erase while one is;
 *   - reading or programming the sector that is being erased;
 *   - polling what was never begun.
 *
 * Time: an operation takes what struct nor_times says; a program during an erase suspends it,
 * and the erase ends that much later. Time is the caller's clock in microseconds. Where there
 * is none (a pulled clock stands still inside a step), every poll counts as a millisecond.
 *
 * Cost     a few comparisons an operation, whatever is under way.
 * Memory   struct nor_rules, 56 octets.
 * Context  one caller.
 */
#ifndef PORT_COMMON_NOR_RULES_H
#define PORT_COMMON_NOR_RULES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/nor.h"

#define NOR_POLL_US 1000   /* what a poll counts where there is no clock */
#define NOR_SUSPEND_US 100 /* to suspend an erase and take it up again */

struct nor_times {
    uint32_t prog_us, erase_us; /* 0: over when begun */
};

/* Typical figures of an 8-MiB serial NOR. */
#define NOR_TIMES_TYPICAL ((struct nor_times){ .prog_us = 700, .erase_us = 60000 })

struct nor_rules {
    uint32_t size;
    struct nor_times times;
    uint64_t polled_us; /* added to the clock */
    struct nor_running {
        bool on;
        uint32_t at, n;
        uint64_t due_us;
    } running[2]; /* by enum nor_op */
};

void nor_rules_init(struct nor_rules *r, uint32_t size, struct nor_times times);

/* ensure()s that [at, at + n) may be read now. */
void nor_rules_read(const struct nor_rules *r, uint32_t at, size_t n);

/* ensure()s that the operation may begin now, and begins it. */
void nor_rules_start(struct nor_rules *r, enum nor_op op, uint32_t at, size_t n,
                     uint64_t now_us);

/* E_BUSY, or 0: over, and now is when it takes effect. has_clock false: now_us stands still. */
int nor_rules_poll(struct nor_rules *r, enum nor_op op, uint64_t now_us, bool has_clock);

/* Of n octets read from at, makes those wrong that the program under way has in hand. */
void nor_rules_blur(const struct nor_rules *r, uint32_t at, void *dst, size_t n);

#endif
