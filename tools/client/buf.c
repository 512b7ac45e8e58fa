#include "tools/client/buf.h"

#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "tools/common/say.h"
#include "tools/exit.h"

void *must_grow(void *p, size_t n)
{
    void *q = realloc(p, n ? n : 1);
    if (!q) exit(say_fail(EXIT_REFUSED, "out of memory"));
    return q;
}

void *must_alloc(size_t n)
{
    return memset(must_grow(NULL, n), 0, n);
}

void buf_free(struct buf *b)
{
    free(b->p);
    *b = (struct buf){ 0 };
}

void buf_clear(struct buf *b)
{
    b->n = 0;
}

static void reserve(struct buf *b, size_t more)
{
    if (more <= b->cap - b->n) return;
    size_t cap = b->cap * 2 > b->n + more ? b->cap * 2 : b->n + more + 64;
    b->p = must_grow(b->p, cap);
    b->cap = cap;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
    reserve(b, n);
    if (n) memcpy(b->p + b->n, p, n);
    b->n += n;
}

void buf_put_u8(struct buf *b, uint8_t v)
{
    buf_put(b, &v, 1);
}

struct axdr_out buf_room(struct buf *b, size_t room)
{
    reserve(b, room);
    return axdr_out(b->p + b->n, room);
}

void buf_took(struct buf *b, const struct axdr_out *o)
{
    ensure(!o->full);
    b->n += o->len;
}

void buf_put_head(struct buf *b, uint8_t tag, uint32_t n)
{
    struct axdr_out o = buf_room(b, 8);
    axdr_emit_head(&o, tag, n);
    buf_took(b, &o);
}

void buf_drop(struct buf *b, size_t n)
{
    if (n > b->n) n = b->n;
    b->n -= n;
    if (b->n) memmove(b->p, b->p + n, b->n);
}
