#include "crypto/gcm.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "mbedtls/gcm.h"

_Static_assert(sizeof(mbedtls_gcm_context) <= sizeof(struct gcm), "struct gcm is too small");

static mbedtls_gcm_context *inside(struct gcm *g)
{
    return (mbedtls_gcm_context *)(void *)g->space;
}

static void begin(struct gcm *g, int mode, const uint8_t *key, size_t key_len,
                  const uint8_t iv[GCM_IV])
{
    ensure(key_len == 16 || key_len == 32);
    mbedtls_gcm_init(inside(g));
    ensure(mbedtls_gcm_setkey(inside(g), MBEDTLS_CIPHER_ID_AES, key, (unsigned)key_len * 8) ==
           0);
    ensure(mbedtls_gcm_starts(inside(g), mode, iv, GCM_IV) == 0);
}

void gcm_seal_begin(struct gcm *g, const uint8_t *key, size_t key_len, const uint8_t iv[GCM_IV])
{
    begin(g, MBEDTLS_GCM_ENCRYPT, key, key_len, iv);
}

void gcm_open_begin(struct gcm *g, const uint8_t *key, size_t key_len, const uint8_t iv[GCM_IV])
{
    begin(g, MBEDTLS_GCM_DECRYPT, key, key_len, iv);
}

void gcm_aad(struct gcm *g, const void *aad, size_t n)
{
    if (n) ensure(mbedtls_gcm_update_ad(inside(g), aad, n) == 0);
}

void gcm_more(struct gcm *g, uint8_t *out, const uint8_t *in, size_t n)
{
    size_t made = 0;
    if (n == 0) return;
    ensure(mbedtls_gcm_update(inside(g), in, n, out, n, &made) == 0);
    ensure(made == n);
}

void gcm_seal_end(struct gcm *g, uint8_t tag[GCM_TAG])
{
    size_t made = 0;
    ensure(mbedtls_gcm_finish(inside(g), NULL, 0, &made, tag, GCM_TAG) == 0);
    wipe(g, sizeof *g);
}

int gcm_open_end(struct gcm *g, const uint8_t tag[GCM_TAG])
{
    uint8_t right[GCM_TAG];
    gcm_seal_end(g, right);
    bool held = same(right, tag, sizeof right);
    wipe(right, sizeof right);
    return held ? 0 : E_AUTH;
}

void gcm_seal(uint8_t *out, uint8_t tag[GCM_TAG], const uint8_t *key, size_t key_len,
              const uint8_t iv[GCM_IV], const void *aad, size_t aad_len, const uint8_t *in,
              size_t n)
{
    struct gcm g;
    gcm_seal_begin(&g, key, key_len, iv);
    gcm_aad(&g, aad, aad_len);
    gcm_more(&g, out, in, n);
    gcm_seal_end(&g, tag);
}

int gcm_open(uint8_t *out, const uint8_t *key, size_t key_len, const uint8_t iv[GCM_IV],
             const void *aad, size_t aad_len, const uint8_t *in, size_t n,
             const uint8_t tag[GCM_TAG])
{
    struct gcm g;
    gcm_open_begin(&g, key, key_len, iv);
    gcm_aad(&g, aad, aad_len);
    gcm_more(&g, out, in, n);
    int err = gcm_open_end(&g, tag);
    if (err) wipe(out, n);
    return err;
}
