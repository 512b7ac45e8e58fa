/* describe.c - what carries APDUs, and APDUs down to their services. */
#include "tools/client/describe.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "dlms/acse.h"
#include "dlms/hdlc.h"
#include "dlms/wrapper.h"
#include "dlms/xdlms.h"
#include "tools/client/describe_apdu.h"
#include "tools/client/names.h"
#include "tools/common/json.h"

enum { GATHER_MAX = 64 << 20 };

void describe_init(struct describer *d, const struct keyring *keys)
{
    *d = (struct describer){ .hint = -1 };
    if (keys) d->keys = *keys;
}

void describe_end(struct describer *d)
{
    for (int i = 0; i < DESCRIBE_SIDES; i++) {
        buf_free(&d->side[i].segments);
        buf_free(&d->side[i].blocks);
        buf_free(&d->side[i].gbt);
    }
    protect_wipe(&d->keys);
}

/* -- protected APDUs -------------------------------------------------------------------- */

static const char *key_name(const struct layer *l)
{
    static const char *const names[] = { "global key", "dedicated key", "broadcast key",
                                         "agreed key", "signature" };
    return names[l->key];
}

static void describe_sc(struct note *x, uint8_t sc, uint32_t ic, size_t at)
{
    note_add(x, "security-control", at, 1, "%02X  suite %u%s%s%s%s", sc, sc & SC_SUITE,
             sc & SC_AUTH ? ", authenticated" : "", sc & SC_CRYPT ? ", encrypted" : "",
             sc & SC_BROADCAST ? ", broadcast key" : "",
             sc & SC_COMPRESSED ? ", compressed" : "");
    struct note *n = note_add(x, "invocation-counter", at + 1, 4, "%u", ic);
    n->value = json_integer(ic);
}

static void put_string_note(struct note *x, const char *name, struct cipher_view v,
                            const uint8_t *base)
{
    if (v.n == 0) return;
    struct note *n = note_add(x, name, (size_t)(v.p - base), v.n, NULL);
    n->value = json_hex(v.p, v.n);
    note_say(n, "%s", json_string_value(n->value));
}

static const char *keyinfo_name(const struct cipher_box *b)
{
    if (b->keyinfo == KEYINFO_IDENTIFIED)
        return b->key_id ? "identified key: global broadcast"
                         : "identified key: global unicast";
    if (b->keyinfo == KEYINFO_WRAPPED) return "wrapped key, under the master key";
    if (b->keyinfo == KEYINFO_AGREED)
        return b->key_id == 2 ? "agreed key C(0e,2s)" : "agreed key C(1e,1s)";
    return "absent: the key given last";
}

static void describe_box(struct note *x, const struct cipher_box *b, const uint8_t *p)
{
    put_string_note(x, "system-title", b->title, p);
    put_string_note(x, "transaction-id", b->transaction, p);
    put_string_note(x, "originator-system-title", b->originator, p);
    put_string_note(x, "recipient-system-title", b->recipient, p);
    put_string_note(x, "date-time", b->date_time, p);
    put_string_note(x, "other-information", b->other, p);
    if (b->tag == XDLMS_GENERAL_CIPHERING) note_add(x, "key-info", 0, 0, "%s", keyinfo_name(b));
    if (b->tag == XDLMS_GENERAL_CIPHERING) put_string_note(x, "key", b->key, p);
    if (b->tag == XDLMS_GENERAL_SIGNING) {
        put_string_note(x, "signature", b->signature, p);
        return;
    }
    uint8_t sc;
    uint32_t ic;
    size_t text_n, at = (size_t)(b->content.p - p);
    if (cipher_look(b->content.p, b->content.n, &sc, &ic, &text_n) < 0) {
        note_add(x, "error", at, b->content.n, "too short for its security control");
        return;
    }
    describe_sc(x, sc, ic, at);
    note_add(x, sc & SC_CRYPT ? "ciphertext" : "plaintext", at + CIPHER_HEAD, text_n,
             "%zu octets", text_n);
    if (sc & SC_AUTH)
        put_string_note(x, "tag",
                        (struct cipher_view){ b->content.p + CIPHER_HEAD + text_n, CIPHER_TAG },
                        p);
}

static void describe_protected(struct describer *d, struct note *x, const uint8_t *p, size_t n,
                               int from_server)
{
    struct cipher_box b;
    struct buf plain = { 0 };
    struct layers found;
    struct trouble t;
    if (cipher_read_box(p, n, &b) < 0) {
        note_add(x, "error", 0, n, "this container is broken");
        return;
    }
    describe_box(x, &b, p);
    int e = protect_open(&d->keys, p, n, &plain, &found, &t);
    if (e < 0 && b.tag == XDLMS_GENERAL_SIGNING) { /* what is signed can be read all the same */
        note_add(x, "error", 0, n, "%s", t.text);
        buf_put(&plain, b.content.p, b.content.n);
    } else if (e < 0) {
        note_add(x, e == E_NONE ? "not-deciphered" : "error", 0, n, "%s", t.text);
    } else {
        const struct layer *l = &found.layer[0];
        if (l->key == KEY_SIGNATURE)
            note_add(x, "verified", 0, 0, "%s",
                     l->verified ? "the signature holds"
                                 : "not checked: the signer's public key was not given");
        else
            note_add(x, "deciphered", 0, 0, "with the %s", key_name(l));
        if (d->plain) d->plain(d->ctx, d, plain.p, plain.n);
    }
    if (plain.n)
        describe_apdu(d, x, plain.p, plain.n,
                      from_server >= 0 ? from_server
                      : found.n        ? found.layer[0].from_server
                                       : -1);
    buf_free(&plain);
}

/* -- general blocks --------------------------------------------------------------------- */

static void describe_gbt(struct describer *d, struct note *x, const uint8_t *p, size_t n,
                         int from_server)
{
    struct axdr_in in = axdr_in(p, n);
    struct gbt b;
    if (gbt_read(&in, &b) < 0) {
        note_add(x, "error", 0, n, "this block is broken");
        return;
    }
    note_add(x, "control", 1, 1, "%02X  %s%swindow %u", p[1], b.last ? "last block, " : "",
             b.streaming ? "streaming, " : "", b.window);
    note_add(x, "block-number", 2, 2, "%u", b.number);
    note_add(x, "acknowledged", 4, 2, "%u", b.acknowledged);
    note_add(x, "data", n - b.n, b.n, "%zu octets", b.n);
    struct describe_side *s = &d->side[from_server > 0];
    if (b.number == 1) buf_clear(&s->gbt), s->gbt_block = 0;
    if (b.n && b.number == s->gbt_block + 1 && s->gbt.n < GATHER_MAX) {
        buf_put(&s->gbt, b.data, b.n);
        s->gbt_block = b.number;
        if (!b.last) return;
        struct note *whole = note_add(x, "reassembled", 0, s->gbt.n, "%zu octets", s->gbt.n);
        struct buf apdu = s->gbt;
        s->gbt = (struct buf){ 0 };
        if (apdu.p[0] == XDLMS_GBT)
            note_add(whole, "error", 0, apdu.n, "a block inside blocks");
        else
            describe_apdu(d, whole, apdu.p, apdu.n, from_server);
        buf_free(&apdu);
    }
}

/* -- association ------------------------------------------------------------------------ */

static void put_view(struct note *x, const char *name, struct acse_view v, const uint8_t *base)
{
    if (v.p) put_string_note(x, name, (struct cipher_view){ v.p, v.n }, base);
}

static void keep_title(struct acse_view v, uint8_t title[8], bool *has)
{
    if (!v.p || v.n != 8) return;
    memcpy(title, v.p, 8);
    *has = true;
}

static void describe_user(struct describer *d, struct note *x, struct acse_view v,
                          int from_server)
{
    if (!v.p) return;
    struct note *info = note_add(x, "user-information", 0, v.n, NULL);
    if (v.n && v.p[0] >= ACSE_AARQ && v.p[0] <= ACSE_RLRE)
        note_add(info, "error", 0, v.n, "an association inside an association");
    else
        describe_apdu(d, info, v.p, v.n, from_server);
}

static void describe_aarq(struct describer *d, struct note *x, const uint8_t *p, size_t n)
{
    struct acse_aarq a;
    if (acse_read_aarq(p, n, &a) < 0) {
        note_add(x, "error", 0, n, "this AARQ is broken");
        return;
    }
    if (!a.version_ok) note_add(x, "protocol-version", 0, 0, "not version 1");
    note_add(x, "application-context", 0, 0, "%u  %s", a.context, names_context(a.context));
    put_view(x, "calling-AP-title", a.title, p);
    put_view(x, "calling-AE-invocation-id", a.user_id, p);
    if (a.authentication) note_add(x, "sender-acse-requirements", 0, 0, "authentication");
    if (a.has_mechanism)
        note_add(x, "mechanism", 0, 0, "%u  %s", a.mechanism, names_mechanism(a.mechanism));
    if (a.mechanism == MECH_LLS && a.auth.p)
        note_add(x, "password", (size_t)(a.auth.p - p), a.auth.n, "%zu octets, not shown",
                 a.auth.n);
    else
        put_view(x, "challenge-client-to-server", a.auth, p);
    keep_title(a.title, d->keys.client_title, &d->keys.has_client_title);
    describe_user(d, x, a.user, 0);
}

static void describe_aare(struct describer *d, struct note *x, const uint8_t *p, size_t n)
{
    static const char *const results[] = { "accepted", "rejected-permanent",
                                           "rejected-transient" };
    struct acse_aare a;
    if (acse_read_aare(p, n, &a) < 0) {
        note_add(x, "error", 0, n, "this AARE is broken");
        return;
    }
    note_add(x, "application-context", 0, 0, "%u  %s", a.context, names_context(a.context));
    note_add(x, "result", 0, 0, "%u  %s", a.result,
             a.result < 3 ? results[a.result] : "unknown");
    bool pending =
        a.result == ACSE_ACCEPTED && a.diagnostic == ACSE_D_AUTH_REQUIRED && !a.provider;
    note_add(x, "diagnostic", 0, 0, "%s %u  %s", a.provider ? "provider" : "user", a.diagnostic,
             pending ? "high level authentication follows"
                     : names_diagnostic(a.provider, a.diagnostic));
    put_view(x, "responding-AP-title", a.title, p);
    if (a.has_mechanism)
        note_add(x, "mechanism", 0, 0, "%u  %s", a.mechanism, names_mechanism(a.mechanism));
    put_view(x, "challenge-server-to-client", a.auth, p);
    keep_title(a.title, d->keys.server_title, &d->keys.has_server_title);
    describe_user(d, x, a.user, 1);
}

static void describe_release(struct describer *d, struct note *x, const uint8_t *p, size_t n)
{
    struct acse_release r;
    if (acse_read_release(p, n, p[0], &r) < 0) {
        note_add(x, "error", 0, n, "this release is broken");
        return;
    }
    const char *reason = r.reason == 0   ? "normal"
                         : r.reason == 1 ? "urgent or not finished"
                                         : "user defined";
    if (r.has_reason) note_add(x, "reason", 0, 0, "%u  %s", r.reason, reason);
    describe_user(d, x, r.user, p[0] == ACSE_RLRE);
}

/* -- APDUs ------------------------------------------------------------------------------ */

static void describe_known(struct describer *d, struct note *x, const uint8_t *p, size_t n,
                           int from_server)
{
    if (p[0] == XDLMS_GBT)
        describe_gbt(d, x, p, n, from_server);
    else if (cipher_is_box(p[0]))
        describe_protected(d, x, p, n, from_server);
    else if (p[0] == ACSE_AARQ)
        describe_aarq(d, x, p, n);
    else if (p[0] == ACSE_AARE)
        describe_aare(d, x, p, n);
    else if (p[0] == ACSE_RLRQ || p[0] == ACSE_RLRE)
        describe_release(d, x, p, n);
    else
        describe_service(d, x, p, n);
}

void describe_apdu(struct describer *d, struct note *above, const uint8_t *p, size_t n,
                   int from_server)
{
    const char *name = n ? names_apdu(p[0]) : NULL;
    if (n == 0) {
        note_add(above, "error", 0, 0, "no octet at all");
    } else if (d->depth == DESCRIBE_DEPTH) {
        note_add(above, "error", 0, n, "too many APDUs inside each other");
    } else if (!name) {
        struct note *x = note_add(above, "unknown-apdu", 0, n, "%zu octets, tag %02X", n, p[0]);
        note_add(x, "error", 0, n, "no APDU begins like that");
    } else {
        d->depth++;
        describe_known(d, note_add(above, name, 0, n, "%zu octets", n), p, n, from_server);
        d->depth--;
    }
}

/* -- HDLC ------------------------------------------------------------------------------- */

static void put_control(struct note *x, uint8_t control, size_t at)
{
    static const struct {
        uint8_t control;
        const char *name;
    } kinds[] = { { HDLC_SNRM, "SNRM" }, { HDLC_UA, "UA" },     { HDLC_DISC, "DISC" },
                  { HDLC_DM, "DM" },     { HDLC_FRMR, "FRMR" }, { HDLC_UI, "UI" } };
    const char *pf = control & HDLC_PF ? ", P/F" : "", *name = "unknown";
    if (hdlc_is_i(control)) {
        note_add(x, "control", at, 1, "%02X  I, N(S) %u, N(R) %u%s", control, hdlc_ns(control),
                 hdlc_nr(control), pf);
        return;
    }
    if (hdlc_is_s(control)) {
        static const char *const s[] = { "RR", "RNR", "REJ", "SREJ" };
        note_add(x, "control", at, 1, "%02X  %s, N(R) %u%s", control, s[control >> 2 & 3],
                 hdlc_nr(control), pf);
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].control == (control & ~HDLC_PF)) name = kinds[i].name;
    note_add(x, "control", at, 1, "%02X  %s%s", control, name, pf);
}

static void put_address(struct note *x, const char *name, const struct hdlc_addr *a)
{
    if (a->len == 1)
        note_add(x, name, 0, 1, "%u", a->upper);
    else
        note_add(x, name, 0, a->len, "upper %u, lower %u", a->upper, a->lower);
}

static void put_params(struct note *x, const struct hdlc_frame *f)
{
    struct hdlc_params p;
    if (hdlc_params_read(f->info, f->n, &p) < 0) {
        note_add(x, "error", 0, f->n, "these parameters are broken");
        return;
    }
    note_add(x, "parameters", 0, f->n, "information %u out, %u in; window %u out, %u in",
             p.info_tx, p.info_rx, p.window_tx, p.window_rx);
}

static bool has_llc(const struct hdlc_frame *f)
{
    return f->n >= HDLC_LLC && f->info[0] == 0xE6 && (f->info[1] == 0xE6 || f->info[1] == 0xE7);
}

/* Frames that were sent again, or came out of order, are not put together: only the segment
 * that is due is, or one that begins an APDU anew. */
static bool keep_segment(struct describe_side *s, const struct hdlc_frame *f)
{
    bool due = s->segments.n && hdlc_ns(f->control) == s->ns;
    if (!due && !has_llc(f)) return false;
    if (!due || s->segments.n + f->n > GATHER_MAX) buf_clear(&s->segments);
    s->ns = (hdlc_ns(f->control) + 1) & 7;
    buf_put(&s->segments, f->info, f->n);
    return true;
}

/* LLC E6 E6 00 comes from a client, E6 E7 00 from a meter; it stands in the first segment. */
static void describe_information(struct describer *d, struct note *x,
                                 const struct hdlc_frame *f, int from_server)
{
    struct describe_side *s = &d->side[from_server > 0];
    bool first = s->segments.n == 0, alone = !f->segmented && !s->segments.n;
    if (!keep_segment(s, f)) {
        note_add(x, alone ? "error" : "segment", 0, f->n,
                 alone ? "no LLC (E6 E6 00 or E6 E7 00) in front"
                       : "out of order, or sent again: not used");
        return;
    }
    if (f->segmented) {
        note_add(x, "segment", 0, f->n, "%zu octets%s", f->n, first ? ", the first" : "");
        return;
    }
    struct buf apdu = s->segments;
    s->segments = (struct buf){ 0 };
    if (apdu.n != f->n)
        note_add(x, "segment", 0, f->n, "%zu octets, the last of %zu", f->n, apdu.n);
    note_add(x, "llc", 0, HDLC_LLC, "%02X %02X %02X  from the %s", apdu.p[0], apdu.p[1],
             apdu.p[2], apdu.p[1] == 0xE7 ? "meter" : "client");
    describe_apdu(d, x, apdu.p + HDLC_LLC, apdu.n - HDLC_LLC, apdu.p[1] == 0xE7);
    buf_free(&apdu);
}

static void describe_frame(struct describer *d, struct note *above, const struct hdlc_frame *f,
                           size_t n)
{
    struct note *x =
        note_add(above, "hdlc", 0, n, "%zu octets%s", n, f->segmented ? ", segmented" : "");
    uint8_t kind = f->control & (uint8_t)~HDLC_PF;
    d->source = f->src.upper;
    d->destination = f->dst.upper;
    put_address(x, "destination", &f->dst);
    put_address(x, "source", &f->src);
    put_control(x, f->control, 0);
    /* servers have the longer address; with both short, the even client numbers decide nothing
     */
    int from_server = f->src.len > f->dst.len ? 1 : f->src.len < f->dst.len ? 0 : -1;
    if (has_llc(f)) from_server = f->info[1] == 0xE7;
    if (from_server < 0) from_server = d->hint;
    if (from_server < 0)
        from_server = d->side[1].segments.n && d->side[1].ns == hdlc_ns(f->control);
    if (kind == HDLC_SNRM || kind == HDLC_UA)
        put_params(x, f);
    else if (kind == HDLC_FRMR && f->n >= 3)
        note_add(x, "reject", 0, 3, "control %02X, N(R) %u, N(S) %u, %s%s%s%s", f->info[0],
                 f->info[1] >> 5, f->info[1] >> 1 & 7, f->info[2] & 1 ? "W" : "",
                 f->info[2] & 2 ? "X" : "", f->info[2] & 4 ? "Y" : "",
                 f->info[2] & 8 ? "Z" : "");
    else if (f->n)
        describe_information(d, x, f, from_server);
}

static void describe_hdlc(struct describer *d, struct note *above, const uint8_t *p, size_t n)
{
    size_t at = 0, used, frames = 0;
    struct hdlc_frame f;
    while (at < n) {
        int got = hdlc_frame_read(p + at, n - at, &f, &used);
        if (got <= 0) break;
        describe_frame(d, above, &f, (size_t)got);
        frames++;
        at += (size_t)got;
    }
    while (at < n && p[at] == HDLC_FLAG) at++; /* the closing flag of the last one */
    if (at < n)
        note_add(above, "error", at, n - at,
                 frames ? "%zu octets behind the last good frame"
                        : "no good frame in %zu octets: length, HCS or FCS is wrong",
                 n - at);
}

/* -- wrapper ---------------------------------------------------------------------------- */

static void describe_wrapper(struct describer *d, struct note *above, const uint8_t *p,
                             size_t n)
{
    struct wrapper w;
    for (size_t at = 0; at < n;) {
        if (n - at < WRAPPER_HEAD || wrapper_read(p + at, &w) < 0) {
            note_add(above, "error", at, n - at, "%zu octets are no wrapper header", n - at);
            return;
        }
        struct note *x =
            note_add(above, "wrapper", at, WRAPPER_HEAD, "from %u to %u, %u octets", w.source,
                     w.destination, w.length);
        d->source = w.source;
        d->destination = w.destination;
        at += WRAPPER_HEAD;
        if (w.length > n - at) {
            note_add(x, "error", at, n - at, "only %zu of them are there", n - at);
            return;
        }
        int from_server = d->hint; /* a client may be 1, too */
        if (w.source != w.destination && w.source == 1) from_server = 1;
        if (w.source != w.destination && w.destination == 1) from_server = 0;
        describe_apdu(d, x, p + at, w.length, from_server);
        at += w.length;
    }
}

/* -- lines of IEC 62056-21 -------------------------------------------------------------- */

static bool is_line(const uint8_t *p, size_t n)
{
    bool start = n >= 3 && ((p[0] & 0x7F) == '/' || (p[0] == 0x06 && n >= 6));
    return start && (p[n - 1] & 0x7F) == '\n';
}

static void describe_line(struct note *above, const uint8_t *p, size_t n)
{
    char text[128] = "";
    for (size_t i = 0, k = 0; i < n && k < sizeof text - 1; i++)
        if ((p[i] & 0x7F) >= 0x20) text[k++] = (char)(p[i] & 0x7F);
    if (p[0] == 0x06) {
        const char *how = p[1] == '2' ? "HDLC (mode E)" : "mode C";
        note_add(above, "acknowledgement", 0, n, "%s  %s, baud character %c", text, how,
                 p[2] & 0x7F);
    } else if (text[1] == '?') {
        note_add(above, "sign-on-request", 0, n, "%s", text);
    } else {
        note_add(above, "identification", 0, n, "%s", text);
    }
}

/* -- all -------------------------------------------------------------------------------- */

static enum describe_kind guess(const uint8_t *p, size_t n)
{
    if (p[0] == HDLC_FLAG) return DESCRIBE_HDLC;
    if (n >= WRAPPER_HEAD && p[0] == 0 && p[1] == 1) return DESCRIBE_WRAPPER;
    /* 01, 0F, 10 are tags of APDUs and of data: data that fits to the last octet is data */
    bool both = p[0] == XDLMS_INITIATE_REQ || p[0] == XDLMS_DATA_NOTIFICATION ||
                p[0] == XDLMS_DATA_NOTIFICATION_CONFIRM;
    if (names_apdu(p[0]) && !(both && axdr_length(p, n) == (int)n)) return DESCRIBE_APDU;
    return DESCRIBE_DATA;
}

struct note *describe(struct describer *d, const uint8_t *p, size_t n, enum describe_kind kind)
{
    struct note *x = note_new("octets");
    x->n = n;
    if (n == 0) {
        note_add(x, "error", 0, 0, "no octet at all");
        return x;
    }
    if (kind == DESCRIBE_AUTO && is_line(p, n)) {
        describe_line(x, p, n);
        return x;
    }
    if (kind == DESCRIBE_AUTO) kind = guess(p, n);
    if (kind == DESCRIBE_HDLC) describe_hdlc(d, x, p, n);
    if (kind == DESCRIBE_WRAPPER) describe_wrapper(d, x, p, n);
    if (kind == DESCRIBE_APDU) describe_apdu(d, x, p, n, -1);
    if (kind == DESCRIBE_DATA) {
        struct axdr_in in = axdr_in(p, n);
        describe_data(x, "data", &in, p);
        if (in.n && !in.bad)
            note_add(x, "error", n - in.n, in.n, "%zu octets behind the value", in.n);
    }
    return x;
}
