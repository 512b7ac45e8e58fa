#include "meter/secure/certs.h"

#include <string.h>

#include "base/err.h"
#include "base/sys.h"
#include "meter/meter.h"
#include "store/params.h"

/* {entity 1, use 1, title 8, DER}; an empty value is nobody's */
enum { HEAD = 2 + CERT_TITLE };
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

static int first_free(struct meter *m)
{
    struct cert c;
    for (unsigned i = 0; i < CERTS; i++)
        if (cert_get(m, i, &c) < 0) return (int)i;
    return E_SPACE;
}

int cert_put(struct meter *m, const struct who *who, const struct cert *c, const uint8_t *der,
             size_t n, const struct secure_key *key, unsigned n_keys)
{
    uint8_t value[HEAD + CERT_MAX] = { c->entity, c->use };
    int slot = cert_find(m, c);
    if (slot < 0) slot = first_free(m);
    if (slot < 0 || n > CERT_MAX) return E_SPACE;
    memcpy(value + 2, c->title, CERT_TITLE);
    memcpy(value + HEAD, der, n);
    struct secure_cert cert = { param_of((unsigned)slot), value, (uint16_t)(HEAD + n) };
    return secure_keys_set(m, who, key, n_keys, &cert);
}

int cert_remove(struct meter *m, const struct who *who, unsigned slot)
{
    static const uint8_t nothing;
    struct secure_cert cert = { param_of(slot), &nothing, 0 };
    return secure_keys_set(m, who, NULL, 0, &cert);
}
