/* nor_mem.h - a NOR flash whose cells are octets of memory: a file's mapping, a window, an
 * array.
 *
 * Implements store/nor.h under the rules of nor_rules.h. An operation takes effect when poll()
 * says that it is over; until then its octets read as neither old nor new, as on silicon.
 * Programming ands, erasing fills with FF.
 *
 * A test, or a chip that wears out, puts itself between: `intercept` is asked as an operation
 * is about to take effect and may fail it, having left in the image what a torn one leaves.
 *
 * Power cut  whoever stops between two stores of an operation leaves it in part, which is what
 *            nor.h permits.
 * Cost       one memcpy; a program is at most 256 stores, an erase 1024.
 * Memory     struct nor_mem; the image is the caller's, bound until the owner dies.
 * Context    meter loop.
 */
#ifndef PORT_COMMON_NOR_MEM_H
#define PORT_COMMON_NOR_MEM_H
#include "port/common/nor_rules.h"

struct nor_mem {
    struct nor nor; /* hand this to the store */
    struct nor_rules rules;
    uint8_t *image;
    const uint8_t *src; /* of the program under way */

    uint64_t (*clock_us)(void *clock_ctx); /* NULL: polls are time */
    void *clock_ctx;

    /* 0: let it happen. Negative: it fails with this, the image is as the interceptor left it.
     */
    int (*intercept)(void *ctx, enum nor_op op, uint32_t at, const uint8_t *src, size_t n);
    void *intercept_ctx;

    uint64_t programs, programmed_bytes, erases; /* that took effect */
};

/* size octets at image, aligned as a word; clock and interceptor absent. */
void nor_mem_init(struct nor_mem *m, uint8_t *image, uint32_t size, struct nor_times times);

#endif
