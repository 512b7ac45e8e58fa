/* ring.h - bytes from one producer to one consumer, an interrupt on either side.
 *
 * Indices run free and wrap at 2^16; the size is a power of two, at most 32768. The producer
 * writes only head, the consumer only tail, so no lock is needed on one core.
 *
 * Memory   the buffer is the caller's, bound until the owner dies.
 * Context  ring_put_isr() on one side, the rest on the other.
 */
#ifndef BASE_RING_H
#define BASE_RING_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    uint8_t *buf;
    uint16_t size; /* power of two */
    volatile uint16_t head, tail;
};

void ring_init(struct ring *r, uint8_t *buf, uint16_t size);
size_t ring_used(const struct ring *r);
size_t ring_room(const struct ring *r);

/* False when full: the byte is not taken and may be offered again. */
bool ring_put_isr(struct ring *r, uint8_t b);

/* Up to n bytes into dst; how many there were. */
size_t ring_take(struct ring *r, uint8_t *dst, size_t n);

#endif
