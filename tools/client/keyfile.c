#include "tools/client/keyfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/x509.h"
#include "tools/common/file.h"
#include "tools/common/hex.h"

/* -- PEM -------------------------------------------------------------------------------- */

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
}

static bool base64(const char *p, const char *end, struct buf *out)
{
    uint32_t bits = 0;
    int n = 0;
    for (; p < end && *p != '='; p++) {
        int v = base64_value(*p);
        if (v < 0 && strchr(" \t\r\n", *p)) continue;
        if (v < 0) return false;
        bits = bits << 6 | (uint32_t)v;
        if (++n % 4 == 0)
            buf_put(out,
                    (uint8_t[]){ (uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits },
                    3);
    }
    if (n % 4 == 1) return false;
    if (n % 4 == 2) buf_put_u8(out, (uint8_t)(bits >> 4));
    if (n % 4 == 3) buf_put(out, (uint8_t[]){ (uint8_t)(bits >> 10), (uint8_t)(bits >> 2) }, 2);
    return true;
}

int keyfile_pem(const char *text, size_t n, const char *label, struct buf *der,
                struct trouble *t)
{
    char begin[64], end[64];
    if (n == 0 || !memmem(text, n, "-----BEGIN ", 11)) {
        buf_put(der, text, n);
        return 0;
    }
    snprintf(begin, sizeof begin, "-----BEGIN %s-----", label);
    snprintf(end, sizeof end, "-----END %s-----", label);
    const char *from = memmem(text, n, begin, strlen(begin));
    const char *to = from ? memmem(from, n - (size_t)(from - text), end, strlen(end)) : NULL;
    if (!to) return trouble(t, E_NONE, "no PEM block '%s'", label);
    if (!base64(from + strlen(begin), to, der))
        return trouble(t, E_FORMAT, "the PEM block '%s' is broken", label);
    return 0;
}

void keyfile_pem_write(FILE *f, const char *label, const uint8_t *der, size_t n)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    fprintf(f, "-----BEGIN %s-----\n", label);
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)der[i] << 16 | (i + 1 < n ? (uint32_t)der[i + 1] << 8 : 0) |
                     (i + 2 < n ? der[i + 2] : 0);
        fputc(digits[v >> 18], f);
        fputc(digits[v >> 12 & 63], f);
        fputc(i + 1 < n ? digits[v >> 6 & 63] : '=', f);
        fputc(i + 2 < n ? digits[v & 63] : '=', f);
        if (i % 48 == 45 || i + 3 >= n) fputc('\n', f);
    }
    fprintf(f, "-----END %s-----\n", label);
}

/* -- private keys ----------------------------------------------------------------------- */

/* One DER element of this tag off *in, its contents in *out. */
static bool take(struct axdr_in *in, uint8_t tag, struct axdr_in *out)
{
    in->bad |= axdr_read_raw(in, 1) != tag;
    uint32_t n = axdr_read_length(in); /* the forms of BER are those of A-XDR */
    const uint8_t *p = axdr_read_view(in, n);
    *out = axdr_in(p, in->bad ? 0 : n);
    return !in->bad;
}

/* ECPrivateKey: version 1, the octets of the key. */
static bool read_sec1(struct axdr_in in, uint8_t key[32])
{
    struct axdr_in sequence, version, octets;
    if (!take(&in, 0x30, &sequence) || !take(&sequence, 0x02, &version) || version.n != 1 ||
        version.p[0] != 1)
        return false;
    if (!take(&sequence, 0x04, &octets) || octets.n != 32) return false;
    memcpy(key, octets.p, 32);
    return true;
}

/* PrivateKeyInfo: version 0, algorithm with its curve, an ECPrivateKey as octets. */
static bool read_pkcs8(struct axdr_in in, uint8_t key[32])
{
    static const uint8_t p256[] = { 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06,
                                    0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
    struct axdr_in sequence, version, algorithm, octets;
    if (!take(&in, 0x30, &sequence) || !take(&sequence, 0x02, &version) || version.n != 1 ||
        version.p[0] != 0)
        return false;
    if (!take(&sequence, 0x30, &algorithm) || algorithm.n != sizeof p256 ||
        memcmp(algorithm.p, p256, sizeof p256))
        return false;
    return take(&sequence, 0x04, &octets) && read_sec1(octets, key);
}

static int read_bytes(const char *path, size_t size, struct buf *out, struct trouble *t)
{
    struct file f;
    uint8_t octets[64];
    int n = hex_parse(path, size, octets);
    if (n == (int)size) return buf_put(out, octets, size), 0;
    int e = file_read(&f, path, KEYFILE_MAX, t);
    if (e < 0) return e;
    n = hex_parse(f.text, size, octets);
    if (n == (int)size)
        buf_put(out, octets, size);
    else
        buf_put(out, f.text, f.size);
    file_free(&f);
    return 0;
}

int keyfile_private(const char *path, uint8_t key[32], struct trouble *t)
{
    struct buf text = { 0 }, der = { 0 };
    struct trouble none;
    int e = read_bytes(path, 32, &text, t);
    bool good = e == 0 && text.n == 32;
    if (good) memcpy(key, text.p, 32);
    if (e == 0 && !good) {
        int found = keyfile_pem((char *)text.p, text.n, "EC PRIVATE KEY", &der, &none);
        if (found < 0) found = keyfile_pem((char *)text.p, text.n, "PRIVATE KEY", &der, &none);
        good = found == 0 && (read_sec1(buf_in(&der), key) || read_pkcs8(buf_in(&der), key));
        if (!good)
            e = trouble(t, E_FORMAT,
                        "%s holds no P-256 private key (PKCS#8, SEC1 or 64 hex digits)", path);
    }
    if (text.p) wipe(text.p, text.n);
    if (der.p) wipe(der.p, der.n);
    buf_free(&text);
    buf_free(&der);
    return e;
}

int keyfile_private_der(struct buf *der, const uint8_t key[32], struct trouble *t)
{
    static const uint8_t head[] = { 0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20 };
    static const uint8_t curve[] = { 0xA0, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D,
                                     0x03, 0x01, 0x07, 0xA1, 0x44, 0x03, 0x42, 0x00, 0x04 };
    uint8_t point[EC_POINT];
    if (protect_public(point, key) < 0) return trouble(t, E_RANGE, "no private key of P-256");
    buf_put(der, head, sizeof head);
    buf_put(der, key, EC_KEY);
    buf_put(der, curve, sizeof curve);
    buf_put(der, point, sizeof point);
    return 0;
}

/* -- certificates ----------------------------------------------------------------------- */

static void take_point(struct keyring *k, const uint8_t point[64], bool sign, bool agree)
{
    if (sign) memcpy(k->peer_sign, point, 64), k->has_peer_sign = true;
    if (agree) memcpy(k->peer_agree, point, 64), k->has_peer_agree = true;
}

static void take_title(struct keyring *k, const struct x509 *x)
{
    char text[X509_CN + 1] = "";
    uint8_t title[8];
    if (x->cn.n != X509_CN || k->has_server_title) return;
    memcpy(text, x->cn.p, X509_CN);
    if (hex_parse(text, sizeof title, title) != 8) return;
    memcpy(k->server_title, title, 8);
    k->has_server_title = true;
}

int keyfile_peer(const char *path, struct keyring *k, struct trouble *t)
{
    struct buf text = { 0 }, der = { 0 };
    struct x509 x;
    int e = read_bytes(path, 64, &text, t);
    if (e == 0 && text.n == 64) {
        take_point(k, text.p, true, true);
    } else if (e == 0) {
        e = keyfile_pem((char *)text.p, text.n, "CERTIFICATE", &der, t);
        if (e == 0 && (e = x509_read(&x, der.p, der.n)) < 0)
            trouble(t, E_FORMAT, "%s holds no certificate of a P-256 key: %s", path,
                    err_text(e));
        if (e == 0) {
            bool open = x.usage == 0;
            take_point(k, x.point, open || x.usage & X509_DIGITAL_SIGNATURE,
                       open || x.usage & X509_KEY_AGREEMENT);
            take_title(k, &x);
        }
    }
    buf_free(&text);
    buf_free(&der);
    return e < 0 && e != E_IO && e != E_SPACE ? E_FORMAT : e;
}
