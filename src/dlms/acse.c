#include "dlms/acse.h"

#include <string.h>

#include "base/err.h"

/* BER lengths have the forms of A-XDR lengths, so its reader serves here too. */
enum {
    T_VERSION = 0x80,
    T_CONTEXT = 0xA1,
    T_AARQ_TITLE = 0xA6,
    T_AARQ_USER_ID = 0xA9,
    T_AARQ_REQUIREMENTS = 0x8A,
    T_AARQ_MECHANISM = 0x8B,
    T_AARQ_AUTH = 0xAC,
    T_AARE_RESULT = 0xA2,
    T_AARE_DIAGNOSTIC = 0xA3,
    T_AARE_TITLE = 0xA4,
    T_AARE_REQUIREMENTS = 0x88,
    T_AARE_MECHANISM = 0x89,
    T_AARE_AUTH = 0xAA,
    T_REASON = 0x80,
    T_USER = 0xBE,
    T_INTEGER = 0x02,
    T_OCTETS = 0x04,
    T_OID = 0x06,
    T_CHARSTRING = 0x80,
    T_PROVIDER = 0xA2,
    T_SERVICE_USER = 0xA1
};
enum { OID = 7, FAMILY_CONTEXT = 1, FAMILY_MECHANISM = 2 };
static const uint8_t family[5] = { 0x60, 0x85, 0x74, 0x05, 0x08 }; /* 2.16.756.5.8 */

/* -- reading ---------------------------------------------------------------------------- */

/* The next field: its tag, its contents. */
static uint8_t next_field(struct axdr_in *in, struct axdr_in *contents)
{
    uint8_t tag = (uint8_t)axdr_read_raw(in, 1);
    uint32_t n = axdr_read_length(in);
    const uint8_t *p = axdr_read_view(in, n);
    *contents = axdr_in(p, in->bad ? 0 : n);
    return tag;
}

/* A field inside a field that holds nothing else. */
static struct acse_view unwrap(struct axdr_in *in, struct axdr_in contents, uint8_t tag)
{
    struct axdr_in inner;
    in->bad |= next_field(&contents, &inner) != tag || !axdr_is_done(&contents);
    return (struct acse_view){ in->bad ? NULL : inner.p, in->bad ? 0 : inner.n };
}

/* Is it a name of that family? Its last number into *x. */
static bool read_name(const uint8_t *p, size_t n, uint8_t kind, uint8_t *x)
{
    if (n != OID || memcmp(p, family, sizeof family) || p[5] != kind) return false;
    *x = p[6];
    return true;
}

/* The whole APDU's contents; bad when the tag or the length is not right. */
static struct axdr_in open_apdu(const uint8_t *p, size_t n, uint8_t tag)
{
    struct axdr_in in = axdr_in(p, n), contents;
    uint8_t got = next_field(&in, &contents);
    contents.bad |= got != tag || !axdr_is_done(&in);
    return contents;
}

static uint8_t small_integer(struct axdr_in *in, struct axdr_in contents)
{
    struct acse_view v = unwrap(in, contents, T_INTEGER);
    in->bad |= v.n != 1;
    return in->bad ? 0 : v.p[0];
}

static void aarq_field(struct axdr_in *in, uint8_t tag, struct axdr_in c, struct acse_aarq *a)
{
    struct acse_view v;
    switch (tag) {
    case T_VERSION:
        a->version_ok = c.n >= 2 && c.p[1] & 0x80;
        break;
    case T_CONTEXT:
        v = unwrap(in, c, T_OID);
        a->has_context = !in->bad && read_name(v.p, v.n, FAMILY_CONTEXT, &a->context);
        break;
    case T_AARQ_TITLE:
        a->title = unwrap(in, c, T_OCTETS);
        break;
    case T_AARQ_USER_ID:
        a->user_id = unwrap(in, c, T_INTEGER);
        break;
    case T_AARQ_REQUIREMENTS:
        a->authentication = c.n >= 2 && c.p[1] & 0x80;
        break;
    case T_AARQ_MECHANISM:
        a->has_mechanism = read_name(c.p, c.n, FAMILY_MECHANISM, &a->mechanism);
        a->bad_mechanism = !a->has_mechanism;
        break;
    case T_AARQ_AUTH:
        a->auth = unwrap(in, c, T_CHARSTRING);
        break;
    case T_USER:
        a->user = unwrap(in, c, T_OCTETS);
        break;
    default: /* titles and ids that mean nothing here */
        break;
    }
}

int acse_read_aarq(const uint8_t *p, size_t n, struct acse_aarq *a)
{
    struct axdr_in in = open_apdu(p, n, ACSE_AARQ), contents;
    *a = (struct acse_aarq){ .version_ok = true };
    while (!in.bad && in.n) {
        uint8_t tag = next_field(&in, &contents);
        if (!in.bad) aarq_field(&in, tag, contents, a);
    }
    return in.bad ? E_FORMAT : 0;
}

static void read_diagnostic(struct axdr_in *in, struct axdr_in c, struct acse_aare *a)
{
    struct axdr_in inner;
    uint8_t source = next_field(&c, &inner);
    in->bad |= !axdr_is_done(&c) || (source != T_PROVIDER && source != T_SERVICE_USER);
    if (in->bad) return;
    a->provider = source == T_PROVIDER;
    a->diagnostic = small_integer(in, inner);
}

static void aare_field(struct axdr_in *in, uint8_t tag, struct axdr_in c, struct acse_aare *a)
{
    struct acse_view v;
    switch (tag) {
    case T_CONTEXT:
        v = unwrap(in, c, T_OID);
        a->has_context = !in->bad && read_name(v.p, v.n, FAMILY_CONTEXT, &a->context);
        break;
    case T_AARE_RESULT:
        a->result = small_integer(in, c);
        break;
    case T_AARE_DIAGNOSTIC:
        read_diagnostic(in, c, a);
        break;
    case T_AARE_TITLE:
        a->title = unwrap(in, c, T_OCTETS);
        break;
    case T_AARE_MECHANISM:
        a->has_mechanism = read_name(c.p, c.n, FAMILY_MECHANISM, &a->mechanism);
        break;
    case T_AARE_AUTH:
        a->auth = unwrap(in, c, T_CHARSTRING);
        break;
    case T_USER:
        a->user = unwrap(in, c, T_OCTETS);
        break;
    default:
        break;
    }
}

int acse_read_aare(const uint8_t *p, size_t n, struct acse_aare *a)
{
    struct axdr_in in = open_apdu(p, n, ACSE_AARE), contents;
    *a = (struct acse_aare){ .result = ACSE_REJECTED };
    while (!in.bad && in.n) {
        uint8_t tag = next_field(&in, &contents);
        if (!in.bad) aare_field(&in, tag, contents, a);
    }
    return in.bad ? E_FORMAT : 0;
}

int acse_read_release(const uint8_t *p, size_t n, uint8_t tag, struct acse_release *r)
{
    struct axdr_in in = open_apdu(p, n, tag), contents;
    *r = (struct acse_release){ 0 };
    while (!in.bad && in.n) {
        uint8_t t = next_field(&in, &contents);
        if (in.bad) break;
        if (t == T_USER) r->user = unwrap(&in, contents, T_OCTETS);
        if (t != T_REASON) continue;
        in.bad |= contents.n != 1;
        r->has_reason = true;
        if (!in.bad) r->reason = contents.p[0];
    }
    return in.bad ? E_FORMAT : 0;
}

/* -- writing: each APDU is emitted twice, to count and to write ------------------------- */

static size_t length_size(size_t n)
{
    struct axdr_out count = axdr_out(NULL, SIZE_MAX);
    axdr_emit_length(&count, (uint32_t)n);
    return count.len;
}

static void emit_field(struct axdr_out *o, uint8_t tag, const uint8_t *p, size_t n)
{
    axdr_emit_head(o, tag, (uint32_t)n);
    axdr_emit(o, p, n);
}

/* A view inside inner inside outer; nothing when it is absent. */
static void emit_wrapped(struct axdr_out *o, uint8_t outer, uint8_t inner, struct acse_view v)
{
    if (!v.p) return;
    axdr_emit_head(o, outer, (uint32_t)(1 + length_size(v.n) + v.n));
    emit_field(o, inner, v.p, v.n);
}

static void emit_context(struct axdr_out *o, uint8_t context)
{
    uint8_t name[OID] = { 0x60, 0x85, 0x74, 0x05, 0x08, FAMILY_CONTEXT, context };
    emit_wrapped(o, T_CONTEXT, T_OID, (struct acse_view){ name, OID });
}

static void emit_mechanism(struct axdr_out *o, uint8_t requirements, uint8_t tag, uint8_t m)
{
    uint8_t name[OID] = { 0x60, 0x85, 0x74, 0x05, 0x08, FAMILY_MECHANISM, m };
    emit_field(o, requirements, (const uint8_t[]){ 0x07, 0x80 }, 2);
    emit_field(o, tag, name, OID);
}

static void emit_aarq(struct axdr_out *o, const struct acse_aarq *a)
{
    if (a->has_context) emit_context(o, a->context);
    emit_wrapped(o, T_AARQ_TITLE, T_OCTETS, a->title);
    emit_wrapped(o, T_AARQ_USER_ID, T_INTEGER, a->user_id);
    if (a->has_mechanism)
        emit_mechanism(o, T_AARQ_REQUIREMENTS, T_AARQ_MECHANISM, a->mechanism);
    emit_wrapped(o, T_AARQ_AUTH, T_CHARSTRING, a->auth);
    emit_wrapped(o, T_USER, T_OCTETS, a->user);
}

static void emit_aare(struct axdr_out *o, const struct acse_aare *a)
{
    uint8_t source = a->provider ? T_PROVIDER : T_SERVICE_USER;
    if (a->has_context) emit_context(o, a->context);
    emit_wrapped(o, T_AARE_RESULT, T_INTEGER, (struct acse_view){ &a->result, 1 });
    axdr_emit_head(o, T_AARE_DIAGNOSTIC, 5);
    emit_wrapped(o, source, T_INTEGER, (struct acse_view){ &a->diagnostic, 1 });
    emit_wrapped(o, T_AARE_TITLE, T_OCTETS, a->title);
    if (a->has_mechanism)
        emit_mechanism(o, T_AARE_REQUIREMENTS, T_AARE_MECHANISM, a->mechanism);
    emit_wrapped(o, T_AARE_AUTH, T_CHARSTRING, a->auth);
    emit_wrapped(o, T_USER, T_OCTETS, a->user);
}

static void emit_release(struct axdr_out *o, const struct acse_release *r)
{
    if (r->has_reason) emit_field(o, T_REASON, &r->reason, 1);
    emit_wrapped(o, T_USER, T_OCTETS, r->user);
}

static int done(const struct axdr_out *o)
{
    return o->full ? E_SPACE : (int)o->len;
}

int acse_write_aarq(uint8_t *dst, size_t cap, const struct acse_aarq *a)
{
    struct axdr_out count = axdr_out(NULL, SIZE_MAX), o = axdr_out(dst, cap);
    emit_aarq(&count, a);
    axdr_emit_head(&o, ACSE_AARQ, (uint32_t)count.len);
    emit_aarq(&o, a);
    return done(&o);
}

int acse_write_aare(uint8_t *dst, size_t cap, const struct acse_aare *a)
{
    struct axdr_out count = axdr_out(NULL, SIZE_MAX), o = axdr_out(dst, cap);
    emit_aare(&count, a);
    axdr_emit_head(&o, ACSE_AARE, (uint32_t)count.len);
    emit_aare(&o, a);
    return done(&o);
}

int acse_write_release(uint8_t *dst, size_t cap, uint8_t tag, const struct acse_release *r)
{
    struct axdr_out count = axdr_out(NULL, SIZE_MAX), o = axdr_out(dst, cap);
    emit_release(&count, r);
    axdr_emit_head(&o, tag, (uint32_t)count.len);
    emit_release(&o, r);
    return done(&o);
}
