/* keys.c - `magno keys`: the keys and certificates of a meter and its clients. */
#include <argp.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/x509.h"
#include "tools/client/keyfile.h"
#include "tools/client/keyset.h"
#include "tools/client/names.h"
#include "tools/commands.h"
#include "tools/common/file.h"
#include "tools/common/hex.h"
#include "tools/common/json.h"
#include "tools/common/say.h"
#include "tools/common/when.h"
#include "tools/exit.h"

enum { O_TITLE = 0x200, O_DAYS, O_DER, O_JSON, O_AS };

struct request {
    char *word[4];
    int words;
    uint8_t title[8];
    unsigned days;
    bool der, json;
    const char *as;
};

static const struct argp_option options[] = {
    { "title", O_TITLE, "HEX", 0, "make: the client's system title (4D47430000000001)", 0 },
    { "days", O_DAYS, "N", 0, "make, certify: how long the certificates are valid (730)", 0 },
    { "der", O_DER, NULL, 0, "export: DER instead of PEM", 0 },
    { "as", O_AS, "NAME", 0,
      "import, certify: meter-sign, meter-agree, client-sign, ... (by the certificate)", 0 },
    { "json", O_JSON, NULL, 0, "One JSON object a line on standard output", 0 },
    { 0 },
};

static const char doc[] =
    "Make, show, convert and collect keys and certificates.\v"
    "make FOLDER      new symmetric keys and passwords (keys.json), an authority, and the "
    "client's certificates for signatures and key agreement\n"
    "show FOLDER|FILE what a folder or certificate holds; secrets are not shown\n"
    "export FILE      a certificate or key as PEM, or with --der as DER, on standard output\n"
    "certify FOLDER FILE  sign a meter's request (PEM, DER or hex, or the hex digits "
    "themselves) with the folder's authority; --as meter-sign or meter-agree\n"
    "import FOLDER FILE   put a certificate (PEM, DER or hex) of the meter into a folder\n\n"
    "The folder serves both sides: `magno run --keys FOLDER/keys.json` gives the keys to a "
    "meter, "
    "`magno read --keys FOLDER` uses them.\n\n"
    "Examples:\n"
    "  magno keys make site7\n"
    "  magno run --keys site7/keys.json --listen 0.0.0.0\n"
    "  magno read --keys site7 --host 10.0.0.7 energy\n"
    "  magno keys export --der site7/client-sign.pem > client-sign.der";

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct request *r = state->input;
    char *end;
    switch (key) {
    case ARGP_KEY_ARG:
        if (r->words == 4) argp_usage(state);
        r->word[r->words++] = arg;
        return 0;
    case O_TITLE:
        if (hex_parse(arg, 8, r->title) != 8) argp_error(state, "--title wants 16 hex digits");
        return 0;
    case O_DAYS:
        r->days = (unsigned)strtoul(arg, &end, 10);
        if (*end || r->days < 1 || r->days > 20000)
            argp_error(state, "--days is from 1 to 20000");
        return 0;
    case O_DER:
        return r->der = true, 0;
    case O_AS:
        return r->as = arg, 0;
    case O_JSON:
        return r->json = true, 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* -- certificates ----------------------------------------------------------------------- */

static const char *usage_text(const struct x509 *x)
{
    if (x->is_ca) return "authority";
    if (x->usage & X509_DIGITAL_SIGNATURE) return "digital signature";
    return x->usage & X509_KEY_AGREEMENT ? "key agreement" : "any";
}

/* Octets in hex; how many, or none. */
static int take_hex(const char *text, size_t size, struct buf *der)
{
    struct buf octets = { 0 };
    struct axdr_out o = buf_room(&octets, size / 2 + 1);
    int n = hex_parse(text, o.cap, o.buf);
    if (n > 0) buf_put(der, o.buf, (size_t)n);
    buf_free(&octets);
    return n;
}

/* What a file holds, as DER: from PEM, DER, or hex. */
static int read_der(const char *path, const char *label, struct buf *der, struct trouble *t)
{
    struct file f;
    int e = file_read(&f, path, KEYFILE_MAX, t);
    if (e < 0) return e;
    if (take_hex(f.text, f.size, der) <= 0) e = keyfile_pem(f.text, f.size, label, der, t);
    file_free(&f);
    return e;
}

static int read_certificate(const char *path, struct buf *der, struct x509 *x,
                            struct trouble *t)
{
    int e = read_der(path, "CERTIFICATE", der, t);
    if (e == 0 && x509_read(x, der->p, der->n) < 0)
        e = trouble(t, E_FORMAT, "%s holds no certificate of a P-256 key", path);
    return e;
}

/* A request, signed by the key that it asks for. */
static int read_request(const char *path, struct buf *der, struct x509 *x, struct trouble *t)
{
    int e = take_hex(path, strlen(path), der) > 0
                ? 0
                : read_der(path, "CERTIFICATE REQUEST", der, t);
    if (e == 0 && x509_read_request(x, der->p, der->n) < 0)
        e = trouble(t, E_FORMAT, "this is no certificate request of a P-256 key");
    if (e == 0 && !protect_verify(x->sig, x->point, x->tbs.p, x->tbs.n))
        e = trouble(t, E_AUTH, "the request is not signed by the key that it asks for");
    return e;
}

static void show_certificate(const struct request *r, const char *path, const struct x509 *x)
{
    char cn[65], from[WHEN_TEXT], to[WHEN_TEXT], *serial = hex_text(x->serial.p, x->serial.n);
    snprintf(cn, sizeof cn, "%.*s", (int)(x->cn.n < 64 ? x->cn.n : 64),
             (const char *)(x->cn.p ? x->cn.p : (const uint8_t *)""));
    when_format(from, x->not_before);
    when_format(to, x->not_after);
    bool valid = x509_is_valid_at(x, when_now());
    if (r->json)
        json_line(json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:b}", "file", path, "subject", cn,
                            "usage", usage_text(x), "serial", serial, "not_before", from,
                            "not_after", to, "valid", valid));
    else
        printf("%-32s %-24s %-18s %s to %s%s\n", path, cn, usage_text(x), from, to,
               valid ? "" : "  NOT VALID NOW");
    free(serial);
}

/* -- the verbs -------------------------------------------------------------------------- */

static int make(const struct request *r, struct trouble *t)
{
    int e = keyset_make(r->word[1], r->title, r->days, t);
    if (e == 0 && r->json)
        json_line(json_pack("{s:s,s:s}", "made", r->word[1], "keys", "keys.json"));
    if (e == 0 && !r->json)
        printf("%s holds new keys. Keep it secret; `magno keys show %s` lists it.\n",
               r->word[1], r->word[1]);
    return e;
}

static int show_file(const struct request *r, const char *path, struct trouble *t)
{
    struct buf der = { 0 };
    struct x509 x;
    int e = read_certificate(path, &der, &x, t);
    if (e == 0) show_certificate(r, path, &x);
    buf_free(&der);
    return e;
}

static void show_secrets(const struct request *r, const struct keyset *k)
{
    const struct keyring *g = &k->ring;
    char title[17] = "";
    if (g->has_client_title) hex_format(title, g->client_title, 8);
    if (r->json)
        json_line(json_pack("{s:s,s:b,s:b,s:b,s:b,s:b}", "client_title", title, "global",
                            g->has_global, "broadcast", g->has_broadcast, "master",
                            g->has_master, "sign_key", g->has_sign, "agree_key", g->has_agree));
    else
        printf("client %s: %s%s%s%s%s\n", *title ? title : "-",
               g->has_global ? "global keys" : "no global keys",
               g->has_broadcast ? ", broadcast key" : "", g->has_master ? ", master key" : "",
               g->has_sign ? ", signature key" : "", g->has_agree ? ", agreement key" : "");
}

static int show(const struct request *r, struct trouble *t)
{
    static const char *const names[] = { "ca.pem", "client-sign.pem", "client-agree.pem",
                                         "meter-sign.pem", "meter-agree.pem" };
    struct keyset k;
    char path[1024];
    snprintf(path, sizeof path, "%s/keys.json", r->word[1]);
    if (access(path, F_OK) != 0) return show_file(r, r->word[1], t);
    int e = keyset_read(&k, r->word[1], t);
    if (e == 0) show_secrets(r, &k);
    protect_wipe(&k.ring);
    wipe(&k, sizeof k);
    for (size_t i = 0; i < sizeof names / sizeof *names && e == 0; i++) {
        snprintf(path, sizeof path, "%s/%s", r->word[1], names[i]);
        if (access(path, F_OK) == 0) e = show_file(r, path, t);
    }
    return e;
}

static void put_out(const struct request *r, const char *label, const struct buf *der)
{
    if (r->der)
        fwrite(der->p, 1, der->n, stdout);
    else
        keyfile_pem_write(stdout, label, der->p, der->n);
}

/* A certificate, or else a private key as it stands in its file. */
static int export(const struct request *r, struct trouble *t)
{
    struct buf der = { 0 };
    struct x509 x;
    struct trouble none;
    uint8_t key[32];
    int e = read_certificate(r->word[1], &der, &x, &none);
    if (e == 0) {
        put_out(r, "CERTIFICATE", &der);
    } else if ((e = keyfile_private(r->word[1], key, t)) == 0) {
        buf_clear(&der);
        e = keyfile_private_der(&der, key, t);
        if (e == 0) put_out(r, "EC PRIVATE KEY", &der);
    }
    wipe(key, sizeof key);
    if (der.p) wipe(der.p, der.n);
    buf_free(&der);
    return e;
}

static int import(const struct request *r, struct trouble *t)
{
    struct buf der = { 0 };
    struct x509 x;
    char name[64];
    if (!r->word[2]) return trouble(t, E_STATE, "give the folder and the certificate's file");
    if (r->as && strchr(r->as, '/')) return trouble(t, E_STATE, "--as is a name, not a path");
    int e = read_certificate(r->word[2], &der, &x, t);
    const char *usual =
        e == 0 && x.usage & X509_KEY_AGREEMENT && !(x.usage & X509_DIGITAL_SIGNATURE)
            ? "meter-agree"
            : "meter-sign";
    snprintf(name, sizeof name, "%.50s.pem", r->as ? r->as : usual);
    if (e == 0) e = keyset_save(r->word[1], name, "CERTIFICATE", &der, t);
    if (e == 0) show_certificate(r, name, &x);
    buf_free(&der);
    return e;
}

static int certify(const struct request *r, struct trouble *t)
{
    struct buf request = { 0 }, der = { 0 };
    struct x509 x;
    uint8_t title[8];
    char cn[X509_CN + 1], name[64];
    if (!r->word[2]) return trouble(t, E_STATE, "give the folder and the request");
    bool agree = r->as && !strcmp(r->as, "meter-agree");
    if (!agree && (!r->as || strcmp(r->as, "meter-sign") != 0))
        return trouble(t, E_STATE, "say what it is for: --as meter-sign or meter-agree");
    int e = read_request(r->word[2], &request, &x, t);
    snprintf(cn, sizeof cn, "%.*s", e == 0 ? (int)x.cn.n : 0,
             e == 0 ? (const char *)x.cn.p : "");
    if (e == 0 && (x.cn.n != X509_CN || hex_parse(cn, 8, title) != 8))
        e = trouble(t, E_FORMAT, "the request does not name a system title");
    if (e == 0)
        e = keyset_certify(r->word[1], title, x.point,
                           agree ? X509_KEY_AGREEMENT : X509_DIGITAL_SIGNATURE, r->days, &der,
                           t);
    snprintf(name, sizeof name, "%s.pem", agree ? "meter-agree" : "meter-sign");
    if (e == 0) e = keyset_save(r->word[1], name, "CERTIFICATE", &der, t);
    if (e == 0 && x509_read(&x, der.p, der.n) == 0) show_certificate(r, name, &x);
    buf_free(&request);
    buf_free(&der);
    return e;
}

int keys_main(int argc, char **argv)
{
    static const struct argp argp = {
        options, parse, "make|show|export|import|certify FOLDER|FILE", doc, NULL, NULL, NULL
    };
    static const struct {
        const char *name;
        int (*act)(const struct request *r, struct trouble *t);
    } verbs[] = { { "make", make },
                  { "show", show },
                  { "export", export },
                  { "import", import },
                  { "certify", certify } };
    struct request r = { .title = { 0x4D, 0x47, 0x43, 0, 0, 0, 0, 1 }, .days = 730 };
    struct trouble t;
    if (argp_parse(&argp, argc, argv, 0, NULL, &r)) return EXIT_USAGE;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs && r.words > 1; i++) {
        if (strcmp(r.word[0], verbs[i].name)) continue;
        int e = verbs[i].act(&r, &t);
        return e < 0 ? say_fail(e == E_STATE ? EXIT_USAGE : EXIT_REFUSED, "%s", t.text)
                     : EXIT_DONE;
    }
    return say_fail(EXIT_USAGE, "say make, show, export, import or certify, and a folder or "
                                "file; see `magno keys --help`");
}
