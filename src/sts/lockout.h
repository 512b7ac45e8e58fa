/* lockout.h - how long wrong tokens keep the next one waiting.
 *
 * Only CRC errors count, and those of class 1 not: such tokens bring no credit. The fifth locks
 * for 300 s, each further one for twice as long, up to an hour: at most 31 tries a day and
 * channel, whatever the power does, because both numbers are kept on flash. A policy may be
 * harder than that, not softer. Any accepted token of classes 0 and 2 clears it. Time without
 * power counts only where the clock knows how long it was.
 *
 * Power cut  the owner writes the struct in the same transaction as the failed entry.
 * Memory     8 octets.
 * Context    meter loop.
 */
#ifndef STS_LOCKOUT_H
#define STS_LOCKOUT_H
#include <stdint.h>

/* The softest policy, and the longest time a policy may say. */
enum {
    STS_LOCK_WRONG = 5,
    STS_LOCK_FIRST_S = 300,
    STS_LOCK_LONGEST_S = 3600,
    STS_LOCK_MOST_S = 86400
};

struct sts_lock_policy {
    uint32_t wrong; /* so many lock, 1 or more */
    uint32_t first_s, longest_s;
};

struct sts_lockout {
    uint32_t left_s; /* 0: open */
    uint32_t wrong;  /* CRC errors since the last accepted token */
};

/* Count what a token came to: enum sts_result and the token's class. */
void sts_lockout_note(struct sts_lockout *l, const struct sts_lock_policy *p, int result,
                      uint8_t class);

/* So much time went by. */
void sts_lockout_pass(struct sts_lockout *l, uint32_t seconds);

#endif
