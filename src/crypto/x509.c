#include "crypto/x509.h"

#include <string.h>

#include "base/bytes.h"
#include "base/cal.h"
#include "base/err.h"
#include "crypto/der.h"
#include "crypto/sha256.h"

enum { KEY_ID = 20 };

/* Whole AlgorithmIdentifiers and attribute types: there is one way to write each in DER, so
 * they are compared and copied as octets. */
static const uint8_t alg_sign[] = { 0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86,
                                    0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02 };
static const uint8_t alg_key[] = { 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48,
                                   0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A,
                                   0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
static const uint8_t oid_cn[] = { 0x06, 0x03, 0x55, 0x04, 0x03 };
static const uint8_t oid_usage[] = { 0x06, 0x03, 0x55, 0x1D, 0x0F };
static const uint8_t oid_basic[] = { 0x06, 0x03, 0x55, 0x1D, 0x13 };
static const uint8_t oid_subject_key[] = { 0x06, 0x03, 0x55, 0x1D, 0x0E };
static const uint8_t oid_issuer_key[] = { 0x06, 0x03, 0x55, 0x1D, 0x23 };
static const uint8_t true_der[] = { 0x01, 0x01, 0xFF };

/* Last octets of 2.5.29.x that may be critical though nothing here depends on them: subject key
 * identifier, alternative names, policies, authority key identifier, extended usage. */
static const uint8_t harmless[] = { 14, 17, 32, 35, 37 };

/* keyUsage, first octet of the bit string. */
static const struct {
    uint8_t bit, usage;
} usages[] = {
    { 0x80, X509_DIGITAL_SIGNATURE },
    { 0x08, X509_KEY_AGREEMENT },
    { 0x04, X509_KEY_CERT_SIGN },
};

/* ---- reading */

static bool is_octets(struct x509_view v, const uint8_t *p, size_t n)
{
    return v.n == n && memcmp(v.p, p, n) == 0;
}

static int two(const uint8_t p[2])
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9') return -1;
    return (p[0] - '0') * 10 + p[1] - '0';
}

/* YYMMDDhhmmssZ or YYYYMMDDhhmmssZ. A year beyond the calendar means: no end. */
static int read_time(struct der *in, utc_t *t)
{
    struct x509_view v;
    int century = -1, part[6];
    int tag = der_any(in, &v);
    if (tag == DER_UTC_TIME && v.n == 13)
        century = 0;
    else if (tag == DER_TIME && v.n == 15)
        century = two(v.p);
    if (century < 0 || v.p[v.n - 1] != 'Z') return E_FORMAT;
    for (int i = 0; i < 6; i++) {
        part[i] = two(v.p + v.n - 13 + 2 * i);
        if (part[i] < 0) return E_FORMAT;
    }
    if (tag == DER_UTC_TIME) century = part[0] < 50 ? 20 : 19;
    struct civil c = { .year = (uint16_t)(century * 100 + part[0]),
                       .month = (uint8_t)part[1],
                       .day = (uint8_t)part[2],
                       .hour = (uint8_t)part[3],
                       .minute = (uint8_t)part[4],
                       .second = (uint8_t)part[5] };
    if (c.year > CAL_YEAR_MAX)
        t->s = INT64_MAX;
    else if (!cal_is_valid(&c))
        return E_FORMAT;
    else
        t->s = cal_seconds(&c);
    return 0;
}

/* A Name is a sequence of sets of (type, value); the last common name counts. */
static int read_cn(struct x509_view name, struct x509_view *cn)
{
    struct der names = der_of(name), rdn, set, pair;
    struct x509_view type, value;
    *cn = (struct x509_view){ NULL, 0 };
    if (der_into(&names, DER_SEQUENCE, &rdn) || der_left(&names)) return E_FORMAT;
    while (der_left(&rdn)) {
        if (der_into(&rdn, DER_SET, &set)) return E_FORMAT;
        while (der_left(&set)) {
            if (der_into(&set, DER_SEQUENCE, &pair) || der_whole(&pair, &type) != DER_OID ||
                der_any(&pair, &value) < 0 || der_left(&pair))
                return E_FORMAT;
            if (is_octets(type, oid_cn, sizeof oid_cn)) *cn = value;
        }
    }
    return 0;
}

static int read_key(struct der *in, uint8_t point[EC_POINT])
{
    struct der spki;
    struct x509_view alg, bits;
    if (der_into(in, DER_SEQUENCE, &spki) || der_whole(&spki, &alg) < 0) return E_FORMAT;
    if (der_any(&spki, &bits) != DER_BIT_STRING || der_left(&spki)) return E_FORMAT;
    if (!is_octets(alg, alg_key, sizeof alg_key)) return E_TYPE;
    if (bits.n != 2 + EC_POINT || bits.p[0] != 0 || bits.p[1] != 4) return E_TYPE;
    memcpy(point, bits.p + 2, EC_POINT);
    return 0;
}

/* A positive INTEGER, right-aligned in 32 octets. */
static int read_number(struct der *in, uint8_t out[32])
{
    struct x509_view v;
    if (der_any(in, &v) != DER_INTEGER || v.n == 0 || v.p[0] & 0x80) return E_FORMAT;
    if (v.n > 1 && v.p[0] == 0) {
        if ((v.p[1] & 0x80) == 0) return E_FORMAT; /* not the shortest form */
        v.p++;
        v.n--;
    }
    if (v.n > 32) return E_FORMAT;
    memset(out, 0, 32);
    memcpy(out + 32 - v.n, v.p, v.n);
    return 0;
}

static int read_signature(struct der *in, uint8_t sig[EC_SIG])
{
    struct x509_view alg, bits;
    struct der pair;
    if (der_whole(in, &alg) < 0) return E_FORMAT;
    if (!is_octets(alg, alg_sign, sizeof alg_sign)) return E_TYPE;
    if (der_any(in, &bits) != DER_BIT_STRING || bits.n < 1 || bits.p[0] != 0) return E_FORMAT;
    struct der inner = der_of((struct x509_view){ bits.p + 1, bits.n - 1 });
    if (der_into(&inner, DER_SEQUENCE, &pair) || der_left(&inner)) return E_FORMAT;
    if (read_number(&pair, sig) || read_number(&pair, sig + EC_SIG / 2)) return E_FORMAT;
    return der_left(&pair) || der_left(in) ? E_FORMAT : 0;
}

static int read_usage(struct x509 *x, struct x509_view value)
{
    struct der in = der_of(value);
    struct x509_view bits;
    if (der_any(&in, &bits) != DER_BIT_STRING || der_left(&in)) return E_FORMAT;
    if (bits.n < 2 || bits.p[0] > 7) return E_FORMAT;
    for (size_t i = 0; i < sizeof usages / sizeof *usages; i++)
        if (bits.p[1] & usages[i].bit) x->usage |= usages[i].usage;
    return 0;
}

/* SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL }: chains here are
 * one link long, so the path length says nothing. */
static int read_basic(struct x509 *x, struct x509_view value)
{
    struct der in = der_of(value), seq;
    struct x509_view v;
    if (der_into(&in, DER_SEQUENCE, &seq) || der_left(&in)) return E_FORMAT;
    if (der_peek(&seq) == DER_BOOLEAN) {
        if (der_any(&seq, &v) < 0 || v.n != 1) return E_FORMAT;
        x->is_ca = v.p[0] != 0;
    }
    if (der_left(&seq) && der_any(&seq, &v) != DER_INTEGER) return E_FORMAT;
    return der_left(&seq) ? E_FORMAT : 0;
}

static bool is_harmless(struct x509_view oid)
{
    if (oid.n != sizeof oid_usage || memcmp(oid.p, oid_usage, oid.n - 1) != 0) return false;
    return memchr(harmless, oid.p[oid.n - 1], sizeof harmless) != NULL;
}

static int read_extension(struct x509 *x, struct der *list)
{
    struct der ext;
    struct x509_view oid, value;
    bool is_critical = false;
    if (der_into(list, DER_SEQUENCE, &ext) || der_whole(&ext, &oid) != DER_OID) return E_FORMAT;
    if (der_peek(&ext) == DER_BOOLEAN) {
        if (der_any(&ext, &value) < 0 || value.n != 1) return E_FORMAT;
        is_critical = value.p[0] != 0;
    }
    if (der_any(&ext, &value) != DER_OCTET_STRING || der_left(&ext)) return E_FORMAT;
    if (is_octets(oid, oid_usage, sizeof oid_usage)) return read_usage(x, value);
    if (is_octets(oid, oid_basic, sizeof oid_basic)) return read_basic(x, value);
    return is_critical && !is_harmless(oid) ? E_TYPE : 0;
}

static int read_extensions(struct x509 *x, struct der *tbs)
{
    struct der tagged, list;
    struct x509_view v;
    while (der_peek(tbs) == DER_CONTEXT(1) || der_peek(tbs) == DER_CONTEXT(2))
        if (der_any(tbs, &v) < 0) return E_FORMAT; /* unique identifiers: nobody has them */
    if (der_left(tbs) == 0) return 0;
    if (der_into(tbs, DER_NESTED(3), &tagged) || der_left(tbs)) return E_FORMAT;
    if (der_into(&tagged, DER_SEQUENCE, &list) || der_left(&tagged)) return E_FORMAT;
    while (der_left(&list)) {
        int err = read_extension(x, &list);
        if (err) return err;
    }
    return 0;
}

static int read_version(struct der *tbs)
{
    struct der tagged;
    struct x509_view v;
    if (der_peek(tbs) != DER_NESTED(0)) return E_TYPE; /* v1 */
    if (der_into(tbs, DER_NESTED(0), &tagged) || der_any(&tagged, &v) != DER_INTEGER)
        return E_FORMAT;
    return v.n == 1 && v.p[0] == 2 && !der_left(&tagged) ? 0 : E_TYPE;
}

static int read_subject(struct x509 *x, struct der *tbs)
{
    if (der_whole(tbs, &x->subject) < 0) return E_FORMAT;
    int err = read_cn(x->subject, &x->cn);
    return err ? err : read_key(tbs, x->point);
}

static int read_tbs(struct x509 *x, struct der *tbs)
{
    struct x509_view alg;
    struct der validity;
    int err = read_version(tbs);
    if (err) return err;
    if (der_any(tbs, &x->serial) != DER_INTEGER || x->serial.n == 0) return E_FORMAT;
    if (der_whole(tbs, &alg) < 0) return E_FORMAT;
    if (!is_octets(alg, alg_sign, sizeof alg_sign)) return E_TYPE;
    if (der_whole(tbs, &x->issuer) < 0 || read_cn(x->issuer, &x->cn)) return E_FORMAT;
    if (der_into(tbs, DER_SEQUENCE, &validity) || read_time(&validity, &x->not_before) ||
        read_time(&validity, &x->not_after) || der_left(&validity))
        return E_FORMAT;
    err = read_subject(x, tbs);
    return err ? err : read_extensions(x, tbs);
}

/* SEQUENCE { signed part, algorithm, signature }: certificates and requests alike. */
static int read_signed(struct x509 *x, const uint8_t *der, size_t n, struct der *tbs,
                       struct der *rest)
{
    struct der outer;
    *x = (struct x509){ .whole = { der, n } };
    if (n > X509_MAX) return E_SPACE;
    struct der in = der_of(x->whole);
    if (der_into(&in, DER_SEQUENCE, &outer) || der_left(&in)) return E_FORMAT;
    *rest = outer;
    if (der_whole(rest, &x->tbs) < 0 || der_into(&outer, DER_SEQUENCE, tbs)) return E_FORMAT;
    return 0;
}

int x509_read(struct x509 *x, const uint8_t *der, size_t n)
{
    struct der tbs, rest;
    int err = read_signed(x, der, n, &tbs, &rest);
    if (err == 0) err = read_tbs(x, &tbs);
    return err ? err : read_signature(&rest, x->sig);
}

int x509_read_request(struct x509 *x, const uint8_t *der, size_t n)
{
    struct der tbs, rest;
    struct x509_view version;
    int err = read_signed(x, der, n, &tbs, &rest);
    if (err) return err;
    if (der_any(&tbs, &version) != DER_INTEGER || version.n != 1 || version.p[0] != 0)
        return E_FORMAT;
    err = read_subject(x, &tbs);
    if (err) return err;
    if (der_left(&tbs) && der_any(&tbs, &version) != DER_NESTED(0)) return E_FORMAT;
    return der_left(&tbs) ? E_FORMAT : read_signature(&rest, x->sig);
}

/* ---- judging */

bool x509_is_valid_at(const struct x509 *x, utc_t now)
{
    return x->not_before.s <= now.s && now.s <= x->not_after.s;
}

void x509_title_text(char text[X509_CN + 1], const uint8_t title[8])
{
    static const char hex[] = "0123456789ABCDEF";
    for (int i = 0; i < 8; i++) {
        text[2 * i] = hex[title[i] >> 4];
        text[2 * i + 1] = hex[title[i] & 15];
    }
    text[X509_CN] = 0;
}

bool x509_is_titled(const struct x509 *x, const uint8_t title[8])
{
    char text[X509_CN + 1];
    x509_title_text(text, title);
    if (x->cn.n != X509_CN) return false;
    for (int i = 0; i < X509_CN; i++) {
        char c = (char)x->cn.p[i];
        if (c >= 'a' && c <= 'f') c = (char)(c - 'a' + 'A');
        if (c != text[i]) return false;
    }
    return true;
}

bool x509_issued(const struct x509 *ca, const struct x509 *x)
{
    return ca->is_ca && ca->usage & X509_KEY_CERT_SIGN &&
           is_octets(x->issuer, ca->subject.p, ca->subject.n);
}

void x509_hash(const struct x509 *x, uint8_t hash[EC_HASH])
{
    sha256(hash, x->tbs.p, x->tbs.n);
}

/* ---- writing, from the end to the front: a length is known when its contents stand */

static void put_name(struct der_out *o, const char *cn)
{
    size_t set = o->left, n = strlen(cn);
    der_put_one(o, DER_UTF8, cn, n);
    der_put(o, oid_cn, sizeof oid_cn);
    der_wrap(o, DER_SEQUENCE, set);
    der_wrap(o, DER_SET, set);
    der_wrap(o, DER_SEQUENCE, set);
}

static void put_key(struct der_out *o, const uint8_t point[EC_POINT])
{
    static const uint8_t head[2] = { 0, 4 };
    size_t key = o->left;
    der_put(o, point, EC_POINT);
    der_put(o, head, sizeof head);
    der_wrap(o, DER_BIT_STRING, key);
    der_put(o, alg_key, sizeof alg_key);
    der_wrap(o, DER_SEQUENCE, key);
}

static void put_number(struct der_out *o, const uint8_t *p, size_t n)
{
    static const uint8_t zero = 0;
    size_t number = o->left;
    while (n > 1 && *p == 0) p++, n--;
    der_put(o, p, n);
    if (*p & 0x80) der_put(o, &zero, 1);
    der_wrap(o, DER_INTEGER, number);
}

/* What was written stands at the end of the buffer: bring it to the front. */
static int finish(struct der_out *o, size_t size)
{
    if (o->is_full) return E_SPACE;
    memmove(o->start, o->start + o->left, size - o->left);
    return (int)(size - o->left);
}

int x509_put_request(uint8_t *out, size_t size, const uint8_t title[8],
                     const uint8_t point[EC_POINT])
{
    static const uint8_t version[] = { DER_INTEGER, 1, 0 }, attributes[] = { DER_NESTED(0), 0 };
    struct der_out o = der_out(out, size);
    char cn[X509_CN + 1];
    x509_title_text(cn, title);
    der_put(&o, attributes, sizeof attributes);
    put_key(&o, point);
    put_name(&o, cn);
    der_put(&o, version, sizeof version);
    der_wrap(&o, DER_SEQUENCE, size);
    return finish(&o, size);
}

/* RFC 5280 4.1.2.5: two digits of the year up to 2049. */
static void put_time(struct der_out *o, utc_t t)
{
    struct civil c = cal_civil(t.s);
    int part[7] = { c.year / 100, c.year % 100, c.month, c.day, c.hour, c.minute, c.second };
    bool is_short = c.year >= 1950 && c.year < 2050;
    char text[15];
    for (int i = 0; i < 7; i++) {
        text[2 * i] = (char)('0' + part[i] / 10);
        text[2 * i + 1] = (char)('0' + part[i] % 10);
    }
    text[14] = 'Z';
    if (is_short)
        der_put_one(o, DER_UTC_TIME, text + 2, 13);
    else
        der_put_one(o, DER_TIME, text, 15);
}

static void put_extension(struct der_out *o, const uint8_t oid[5], size_t from, bool critical)
{
    der_wrap(o, DER_OCTET_STRING, from);
    if (critical) der_put(o, true_der, sizeof true_der);
    der_put(o, oid, 5);
    der_wrap(o, DER_SEQUENCE, from);
}

/* RFC 7093 method 1: the first 160 bits of SHA-256 over the key's bit string. */
static void put_key_id(struct der_out *o, const uint8_t oid[5], int tag,
                       const uint8_t point[EC_POINT])
{
    static const uint8_t uncompressed = 4;
    size_t from = o->left;
    uint8_t hash[SHA256];
    struct sha256 s;
    sha256_begin(&s);
    sha256_more(&s, &uncompressed, 1);
    sha256_more(&s, point, EC_POINT);
    sha256_end(&s, hash);
    der_put_one(o, tag, hash, KEY_ID);
    if (tag != DER_OCTET_STRING) der_wrap(o, DER_SEQUENCE, from);
    put_extension(o, oid, from, false);
}

static void put_extensions(struct der_out *o, const struct x509_plan *plan)
{
    size_t all = o->left;
    uint8_t bits[2] = { 0, 0 }, usage = plan->usage;
    put_key_id(o, oid_issuer_key, DER_CONTEXT(0),
               plan->issuer_point ? plan->issuer_point : plan->point);
    put_key_id(o, oid_subject_key, DER_OCTET_STRING, plan->point);
    if (usage & X509_KEY_CERT_SIGN) {
        size_t basic = o->left;
        der_put(o, true_der, sizeof true_der);
        der_wrap(o, DER_SEQUENCE, basic);
        put_extension(o, oid_basic, basic, true);
    }
    for (size_t i = 0; i < sizeof usages / sizeof *usages; i++)
        if (usage & usages[i].usage) bits[1] |= usages[i].bit;
    while ((bits[1] >> bits[0] & 1) == 0 && bits[0] < 7) bits[0]++; /* DER: no trailing zeros */
    size_t one = o->left;
    der_put_one(o, DER_BIT_STRING, bits, sizeof bits);
    put_extension(o, oid_usage, one, true);
    der_wrap(o, DER_SEQUENCE, all);
    der_wrap(o, DER_NESTED(3), all);
}

int x509_put_cert(uint8_t *out, size_t size, const struct x509_plan *plan)
{
    static const uint8_t version[] = { DER_NESTED(0), 3, DER_INTEGER, 1, 2 };
    struct der_out o = der_out(out, size);
    put_extensions(&o, plan);
    put_key(&o, plan->point);
    put_name(&o, plan->subject_cn);
    size_t validity = o.left;
    put_time(&o, plan->not_after);
    put_time(&o, plan->not_before);
    der_wrap(&o, DER_SEQUENCE, validity);
    put_name(&o, plan->issuer_cn);
    der_put(&o, alg_sign, sizeof alg_sign);
    put_number(&o, plan->serial, sizeof plan->serial);
    der_put(&o, version, sizeof version);
    der_wrap(&o, DER_SEQUENCE, size);
    return finish(&o, size);
}

int x509_seal(uint8_t *buf, size_t n, size_t size, const uint8_t sig[EC_SIG])
{
    static const uint8_t unused = 0;
    struct der_out o = der_out(buf, size);
    if (n > size) return E_SPACE;
    o.floor = n; /* the part that was signed lies at the front until it is put */
    put_number(&o, sig + EC_SIG / 2, EC_SIG / 2);
    put_number(&o, sig, EC_SIG / 2);
    der_wrap(&o, DER_SEQUENCE, size);
    der_put(&o, &unused, 1);
    der_wrap(&o, DER_BIT_STRING, size);
    der_put(&o, alg_sign, sizeof alg_sign);
    if (o.is_full) return E_SPACE;
    o.floor = 0;
    der_put(&o, buf, n);
    der_wrap(&o, DER_SEQUENCE, size);
    return finish(&o, size);
}
