/* buf.h - octets that grow. Out of memory ends the program with a message.
 *
 * Context  host programs.
 */
#ifndef TOOLS_CLIENT_BUF_H
#define TOOLS_CLIENT_BUF_H
#include "dlms/axdr.h"

struct buf {
    uint8_t *p;
    size_t n, cap;
};

void buf_free(struct buf *b);

/* Empty it, keeping the memory. */
void buf_clear(struct buf *b);

/* Append n octets (of memory that is not b's own). */
void buf_put(struct buf *b, const void *p, size_t n);
void buf_put_u8(struct buf *b, uint8_t v);

/* A window for axdr_emit_* of room octets behind what is there, and the end of it: buf_took()
 * appends what was emitted. ensure: it fitted. */
struct axdr_out buf_room(struct buf *b, size_t room);
void buf_took(struct buf *b, const struct axdr_out *o);

/* Tag and count or length, as axdr_emit_head(). */
void buf_put_head(struct buf *b, uint8_t tag, uint32_t n);

/* Take n octets off the front. */
void buf_drop(struct buf *b, size_t n);

static inline struct axdr_in buf_in(const struct buf *b)
{
    return axdr_in(b->p, b->n);
}

/* malloc and realloc that do not come back empty. */
void *must_alloc(size_t n);
void *must_grow(void *p, size_t n);

#endif
