#include "crypto/der.h"

#include <string.h>

#include "base/err.h"

int der_peek(const struct der *in)
{
    return in->p < in->end ? *in->p : -1;
}

/* The length octets after the tag: how many there are, or E_FORMAT. */
static int read_length(const struct der *in, size_t *length)
{
    const uint8_t *p = in->p + 1;
    size_t left = der_left(in);
    if (left < 2) return E_FORMAT;
    *length = p[0];
    if (p[0] < 0x80) return 1;
    if (p[0] == 0x81 && left >= 3 && p[1] >= 0x80) {
        *length = p[1];
        return 2;
    }
    if (p[0] == 0x82 && left >= 4 && p[1] != 0) {
        *length = (size_t)p[1] << 8 | p[2];
        return 3;
    }
    return E_FORMAT;
}

int der_whole(struct der *in, struct x509_view *element)
{
    size_t length;
    int n = read_length(in, &length);
    if (n < 0 || (*in->p & 0x1F) == 0x1F) return E_FORMAT;
    size_t head = 1 + (size_t)n;
    if (length > der_left(in) - head) return E_FORMAT;
    *element = (struct x509_view){ in->p, head + length };
    in->p += head + length;
    return element->p[0];
}

int der_any(struct der *in, struct x509_view *contents)
{
    struct x509_view v;
    int tag = der_whole(in, &v);
    if (tag < 0) return tag;
    size_t length, head = 1 + (size_t)read_length(&(struct der){ v.p, v.p + v.n }, &length);
    *contents = (struct x509_view){ v.p + head, v.n - head };
    return tag;
}

int der_into(struct der *in, int tag, struct der *inside)
{
    struct x509_view v = { NULL, 0 };
    if (der_any(in, &v) != tag) return E_FORMAT;
    *inside = der_of(v);
    return 0;
}

void der_put(struct der_out *o, const void *p, size_t n)
{
    if (o->is_full || n > o->left - o->floor) {
        o->is_full = true;
        return;
    }
    o->left -= n;
    memmove(o->start + o->left, p, n);
}

void der_wrap(struct der_out *o, int tag, size_t from)
{
    size_t n = from - o->left;
    uint8_t head[4] = { (uint8_t)tag, (uint8_t)n };
    size_t used = 2;
    if (n >= 0x100) {
        head[1] = 0x82;
        head[2] = (uint8_t)(n >> 8);
        head[3] = (uint8_t)n;
        used = 4;
    } else if (n >= 0x80) {
        head[1] = 0x81;
        head[2] = (uint8_t)n;
        used = 3;
    }
    der_put(o, head, used);
}

void der_put_one(struct der_out *o, int tag, const void *p, size_t n)
{
    size_t from = o->left;
    der_put(o, p, n);
    der_wrap(o, tag, from);
}
