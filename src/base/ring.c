#include "base/ring.h"

#include "base/sys.h"

void ring_init(struct ring *r, uint8_t *buf, uint16_t size)
{
    ensure(size && (size & (size - 1)) == 0 && size <= 32768);
    r->buf = buf;
    r->size = size;
    r->head = r->tail = 0;
}

size_t ring_used(const struct ring *r)
{
    return (uint16_t)(r->head - r->tail);
}

size_t ring_room(const struct ring *r)
{
    return r->size - ring_used(r);
}

bool ring_put_isr(struct ring *r, uint8_t b)
{
    if (ring_room(r) == 0) return false;
    r->buf[r->head & (r->size - 1)] = b;
    r->head++; /* after the byte: the consumer sees it whole or not at all */
    return true;
}

size_t ring_take(struct ring *r, uint8_t *dst, size_t n)
{
    size_t used = ring_used(r);
    if (n > used) n = used;
    for (size_t i = 0; i < n; i++) dst[i] = r->buf[(uint16_t)(r->tail + i) & (r->size - 1)];
    r->tail = (uint16_t)(r->tail + n);
    return n;
}
