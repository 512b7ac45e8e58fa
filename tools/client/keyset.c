#include "tools/client/keyset.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/ec.h"
#include "crypto/sha256.h"
#include "crypto/x509.h"
#include "tools/client/keyfile.h"
#include "tools/common/file.h"
#include "tools/common/hex.h"
#include "tools/common/when.h"

enum { PATH_LENGTH = 1024, JSON_MAX = 65536, DAY_S = 86400, AUTHORITY_DAYS = 3650 };

/* -- reading ---------------------------------------------------------------------------- */

static int take_key(const json_t *j, const char *name, uint8_t key[16], bool *has,
                    const char *path, struct trouble *t)
{
    const json_t *v = json_object_get(j, name);
    const char *text = json_string_value(v);
    if (!v) return 0;
    if (!text || hex_parse(text, 16, key) != 16)
        return trouble(t, E_FORMAT, "%s: \"%s\" should be 32 hex digits", path, name);
    *has = true;
    return 0;
}

static int take_title(const json_t *j, struct keyset *k, const char *path, struct trouble *t)
{
    const char *text = json_string_value(json_object_get(j, "client_title"));
    if (!text) return 0;
    if (hex_parse(text, 8, k->ring.client_title) != 8)
        return trouble(t, E_FORMAT, "%s: \"client_title\" should be 16 hex digits", path);
    k->ring.has_client_title = true;
    return 0;
}

static void take_passwords(const json_t *j, struct keyset *k)
{
    const json_t *list = json_object_get(j, "passwords");
    for (size_t i = 0; i < KEYSET_PASSWORDS; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        size_t n = text ? strlen(text) : 0;
        if (n && n <= KEYSET_PASSWORD_MAX) memcpy(k->password[i], text, n + 1);
    }
}

static int read_json(struct keyset *k, const char *path, struct trouble *t)
{
    struct file f;
    json_error_t why;
    bool unicast = false, authentication = false;
    int e = file_read(&f, path, JSON_MAX, t);
    if (e < 0) return e;
    json_t *j = json_loadb(f.text, f.size, JSON_REJECT_DUPLICATES, &why);
    wipe(f.text, f.size);
    file_free(&f);
    if (!json_is_object(j)) e = trouble(t, E_FORMAT, "%s:%d: %s", path, why.line, why.text);
    struct keyring *r = &k->ring;
    if (e == 0) e = take_key(j, "unicast", r->global.ek, &unicast, path, t);
    if (e == 0) e = take_key(j, "authentication", r->global.ak, &authentication, path, t);
    if (e == 0) e = take_key(j, "broadcast", r->broadcast.ek, &r->has_broadcast, path, t);
    if (e == 0) e = take_key(j, "master", r->master, &r->has_master, path, t);
    if (e == 0) e = take_title(j, k, path, t);
    if (e == 0) take_passwords(j, k);
    json_decref(j);
    r->has_global = unicast && authentication;
    r->global.len = r->broadcast.len = 16;
    memcpy(r->broadcast.ak, r->global.ak, 16);
    return e;
}

static void put_path(char path[PATH_LENGTH], const char *folder, const char *name)
{
    snprintf(path, PATH_LENGTH, "%s/%s", folder, name);
}

/* What is not there is left out; what is there must be good. */
static int read_folder(struct keyset *k, const char *folder, struct trouble *t)
{
    struct keyring *r = &k->ring;
    char path[PATH_LENGTH];
    int e = 0;
    put_path(path, folder, "client-sign-key.pem");
    if (access(path, F_OK) == 0) e = keyfile_private(path, r->sign, t), r->has_sign = e == 0;
    put_path(path, folder, "client-agree-key.pem");
    if (e == 0 && access(path, F_OK) == 0)
        e = keyfile_private(path, r->agree, t), r->has_agree = e == 0;
    put_path(path, folder, "meter-sign.pem");
    if (e == 0 && access(path, F_OK) == 0) e = keyfile_peer(path, r, t);
    put_path(path, folder, "meter-agree.pem");
    if (e == 0 && access(path, F_OK) == 0) e = keyfile_peer(path, r, t);
    return e;
}

int keyset_read(struct keyset *k, const char *path, struct trouble *t)
{
    struct stat s;
    char json[PATH_LENGTH];
    *k = (struct keyset){ 0 };
    if (stat(path, &s) < 0)
        return trouble(t, E_IO, "cannot open %s: %s", path, strerror(errno));
    if (!S_ISDIR(s.st_mode)) return read_json(k, path, t);
    put_path(json, path, "keys.json");
    int e = read_json(k, json, t);
    return e < 0 ? e : read_folder(k, path, t);
}

/* -- writing ---------------------------------------------------------------------------- */

static FILE *create(const char *folder, const char *name, struct trouble *t)
{
    char path[PATH_LENGTH];
    put_path(path, folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f) trouble(t, E_IO, "cannot make %s: %s", path, strerror(errno));
    return f;
}

int keyset_save(const char *folder, const char *name, const char *label, const struct buf *der,
                struct trouble *t)
{
    FILE *f = create(folder, name, t);
    if (!f) return E_IO;
    keyfile_pem_write(f, label, der->p, der->n);
    return fclose(f) == 0
               ? 0
               : trouble(t, E_IO, "cannot write %s/%s: %s", folder, name, strerror(errno));
}

static void put_random_key(json_t *j, const char *name, size_t n)
{
    uint8_t key[32];
    char text[65];
    protect_random(key, n);
    hex_format(text, key, n);
    json_object_set_new(j, name, json_string(text));
    wipe(key, sizeof key);
    wipe(text, sizeof text);
}

/* Letters and digits that are not mixed up when read aloud. */
static json_t *make_password(void)
{
    static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"; /* 32: five bits each */
    uint8_t r[12];
    char text[13] = "";
    protect_random(r, sizeof r);
    for (int i = 0; i < 12; i++) text[i] = letters[r[i] & 31];
    return json_string(text);
}

static int make_json(const char *folder, const uint8_t title[8], struct trouble *t)
{
    char text[17];
    FILE *f = create(folder, "keys.json", t);
    if (!f) return E_IO;
    json_t *j = json_object(), *passwords = json_array();
    put_random_key(j, "unicast", 16);
    put_random_key(j, "broadcast", 16);
    put_random_key(j, "authentication", 16);
    put_random_key(j, "master", 16);
    for (int i = 0; i < KEYSET_PASSWORDS; i++)
        json_array_append_new(passwords, make_password());
    json_object_set_new(j, "passwords", passwords);
    hex_format(text, title, 8);
    json_object_set_new(j, "client_title", json_string(text));
    int e = json_dumpf(j, f, JSON_INDENT(2));
    fputc('\n', f);
    json_decref(j);
    return fclose(f) == 0 && e == 0 ? 0 : trouble(t, E_IO, "cannot write %s/keys.json", folder);
}

/* -- curves ----------------------------------------------------------------------------- */

struct pair {
    uint8_t key[EC_KEY], point[EC_POINT];
};

static int make_pair(struct pair *p, struct trouble *t)
{
    uint8_t seed[EC_SEED];
    protect_random(seed, sizeof seed);
    int e = ec_keygen(p->key, p->point, seed);
    wipe(seed, sizeof seed);
    return e < 0 ? trouble(t, e, "no key pair could be made") : 0;
}

static int save_key(const char *folder, const char *name, const struct pair *p,
                    struct trouble *t)
{
    struct buf der = { 0 };
    int e = keyfile_private_der(&der, p->key, t);
    if (e == 0) e = keyset_save(folder, name, "EC PRIVATE KEY", &der, t);
    if (der.p) wipe(der.p, der.n);
    buf_free(&der);
    return e;
}

static int certify(struct x509_plan *plan, const uint8_t key[EC_KEY], struct buf *der,
                   struct trouble *t)
{
    uint8_t sig[EC_SIG], point[EC_POINT];
    struct axdr_out o = buf_room(der, X509_MAX);
    if (protect_public(point, key) < 0)
        return trouble(t, E_RANGE, "the authority's key is no key");
    plan->issuer_point = point;
    int n = x509_put_cert(o.buf, o.cap, plan);
    if (n < 0 || protect_sign(sig, key, o.buf, (size_t)n) < 0 ||
        (n = x509_seal(o.buf, (size_t)n, o.cap, sig)) < 0)
        return trouble(t, E_SPACE, "the certificate could not be made");
    der->n += (size_t)n;
    return 0;
}

static struct x509_plan plan_of(const char *issuer, const char *subject, unsigned days,
                                uint8_t usage, const uint8_t point[EC_POINT])
{
    utc_t now = when_now();
    struct x509_plan p = { .issuer_cn = issuer,
                           .subject_cn = subject,
                           .usage = usage,
                           .not_before = { now.s - DAY_S },
                           .not_after = { now.s + (int64_t)days * DAY_S } };
    protect_random(p.serial, sizeof p.serial);
    p.serial[0] &= 0x7F;
    p.serial[0] |= 1; /* never short, never zero */
    memcpy(p.point, point, EC_POINT);
    return p;
}

static const char authority[] = "Magno 22 development CA";

int keyset_certify(const char *folder, const uint8_t title[8], const uint8_t point[64],
                   uint8_t usage, unsigned days, struct buf *der, struct trouble *t)
{
    char path[PATH_LENGTH], cn[X509_CN + 1];
    uint8_t key[EC_KEY];
    put_path(path, folder, "ca-key.pem");
    int e = keyfile_private(path, key, t);
    if (e < 0) return e;
    x509_title_text(cn, title);
    struct x509_plan plan = plan_of(authority, cn, days, usage, point);
    e = certify(&plan, key, der, t);
    wipe(key, sizeof key);
    return e;
}

static int make_authority(const char *folder, struct trouble *t)
{
    struct pair p;
    struct buf der = { 0 };
    int e = make_pair(&p, t);
    if (e < 0) return e;
    struct x509_plan plan =
        plan_of(authority, authority, AUTHORITY_DAYS, X509_KEY_CERT_SIGN, p.point);
    e = certify(&plan, p.key, &der, t);
    if (e == 0) e = keyset_save(folder, "ca.pem", "CERTIFICATE", &der, t);
    if (e == 0) e = save_key(folder, "ca-key.pem", &p, t);
    wipe(&p, sizeof p);
    buf_free(&der);
    return e;
}

static int make_identity(const char *folder, const char *name, const uint8_t title[8],
                         uint8_t usage, unsigned days, struct trouble *t)
{
    struct pair p;
    struct buf der = { 0 };
    char file[64];
    int e = make_pair(&p, t);
    if (e == 0) e = keyset_certify(folder, title, p.point, usage, days, &der, t);
    snprintf(file, sizeof file, "%s.pem", name);
    if (e == 0) e = keyset_save(folder, file, "CERTIFICATE", &der, t);
    snprintf(file, sizeof file, "%s-key.pem", name);
    if (e == 0) e = save_key(folder, file, &p, t);
    wipe(&p, sizeof p);
    buf_free(&der);
    return e;
}

int keyset_make(const char *folder, const uint8_t client_title[8], unsigned days,
                struct trouble *t)
{
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return trouble(t, E_IO, "cannot make the folder %s: %s", folder, strerror(errno));
    int e = make_json(folder, client_title, t);
    if (e == 0) e = make_authority(folder, t);
    if (e == 0)
        e = make_identity(folder, "client-sign", client_title, X509_DIGITAL_SIGNATURE, days, t);
    if (e == 0)
        e = make_identity(folder, "client-agree", client_title, X509_KEY_AGREEMENT, days, t);
    return e;
}
