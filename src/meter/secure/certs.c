#include "meter/secure/certs.h"

#include <string.h>

#include "base/err.h"
#include "base/sys.h"
#include "meter/meter.h"
#include "store/params.h"

/* {entity 1, use 1, title 8, DER}; an empty value is nobody's */
enum { HEAD = 2 + CERT_TITLE, PIECE = 512 };
_Static_assert(HEAD + CERT_MAX == 768, "what params.def allows");

static uint16_t param_of(unsigned slot)
{
    ensure(slot < CERTS);
    return (uint16_t)(PARAM_CERT_1 + slot);
}

int cert_get(struct meter *m, unsigned slot, struct cert *c)
{
    uint8_t head[HEAD];
    if (params_peek(&m->store, param_of(slot), 0, head, sizeof head) < 0) return E_NONE;
    c->entity = head[0];
    c->use = head[1];
    memcpy(c->title, head + 2, CERT_TITLE);
    return 0;
}

int cert_find(struct meter *m, const struct cert *c)
{
    for (unsigned i = 0; i < CERTS; i++) {
        struct cert is;
        if (cert_get(m, i, &is) < 0 || is.entity != c->entity) continue;
        if (is.use == c->use && !memcmp(is.title, c->title, CERT_TITLE)) return (int)i;
    }
    return E_NONE;
}

int cert_read(struct meter *m, unsigned slot, uint8_t der[CERT_MAX])
{
    int n = params_read(&m->store, param_of(slot), HEAD, der, CERT_MAX);
    return n ? n : E_NONE;
}

int cert_room(struct meter *m, const struct cert *c)
{
    struct cert other;
    int slot = cert_find(m, c);
    for (unsigned i = 0; i < CERTS && slot < 0; i++)
        if (cert_get(m, i, &other) < 0) slot = (int)i;
    return slot < 0 ? E_SPACE : slot;
}

static void put_head(uint8_t head[HEAD], const struct cert *c)
{
    head[0] = c->entity;
    head[1] = c->use;
    memcpy(head + 2, c->title, CERT_TITLE);
}

/* The next piece of the value that comes; *p points to it. */
static int piece_of(const struct cert *c, const uint8_t *der, size_t n, size_t at,
                    uint8_t part[PIECE], const uint8_t **p)
{
    *p = part;
    if (!c) return 0;
    if (at == 0) put_head(part, c);
    if (at == 0) return HEAD;
    *p = der + (at - HEAD);
    n -= at - HEAD;
    return (int)(n < PIECE ? n : PIECE);
}

int cert_sum(struct meter *m, const struct cert *c, const uint8_t *der, size_t n,
             struct cert_sum *s)
{
    uint8_t part[PIECE];
    const uint8_t *p = part;
    int got = s->which ? piece_of(c, der, n, s->at, part, &p)
                       : params_read(&m->store, param_of(s->slot), s->at, part, sizeof part);
    if (s->at == 0) sha256_begin(&s->sum);
    if (got > 0) {
        sha256_more(&s->sum, p, (size_t)got);
        s->at = (uint16_t)(s->at + got);
        return E_BUSY;
    }
    sha256_end(&s->sum, part);
    memcpy(s->digest[s->which], part, sizeof s->digest[0]);
    s->at = 0;
    return s->which++ ? 0 : E_BUSY;
}

int cert_put(struct meter *m, const struct who *who, const struct cert *c, const uint8_t *der,
             size_t n, const struct cert_sum *s, struct secure_key *key, unsigned n_keys)
{
    uint8_t value[HEAD + CERT_MAX];
    struct secure_cert cert = { param_of(s->slot), value, 0, s->digest[0], s->digest[1] };
    if (n > CERT_MAX) return E_SPACE;
    if (c) {
        put_head(value, c);
        memcpy(value + HEAD, der, n);
        cert.n = (uint16_t)(HEAD + n);
    }
    return secure_keys_set(m, who, key, n_keys, &cert);
}
