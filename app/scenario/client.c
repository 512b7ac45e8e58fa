/* client.c - somebody at a port: associates, asks, hangs up; a head-end that tells all meters the
 * time; and what management changes of keys and passwords. Octets go through the meter's own
 * server, by the wrapper. */
#include "app/scenario/client.h"

#include <string.h>

#include "app/scenario/act.h"
#include "app/scenario/world.h"
#include "base/bytes.h"
#include "base/err.h"
#include "dlms/cipher.h"
#include "dlms/wrapper.h"
#include "meter/secure/certs.h"
#include "model/roles.h"

enum {
    ANSWER_MS = 5000,
    SERVED_MS = 100,
    SAP_BROADCAST = 102,
    SAP_PUBLIC = 16,
    SAP_FACTORY = 112,
    PASSWORD_LEVELS = 3
};
enum {
    AARE = 0x61,
    GLO_INITIATE = 0x21,
    GLO_ACTION = 0xCB,
    GET_RESPONSE = 0xC4,
    ACTION_RESPONSE = 0xC7,
    EXCEPTION = 0xD8
};

static const struct who engineer = { .sap = 1, .link = LINK_OPTICAL, .assoc = 4 };

/* -- the line ------------------------------------------------------------------------------ */

static size_t room(void *ctx)
{
    return CLIENT_OUT - ((struct client *)ctx)->n;
}

static void take(void *ctx, const uint8_t *p, size_t n, bool more)
{
    struct client *c = ctx;
    (void)more;
    memcpy(c->out + c->n, p, n);
    c->n += n;
}

static void hang_up(void *ctx)
{
    ((struct client *)ctx)->hung_up = true;
}

static const struct link_ops ops = { .room = room, .send = take, .close = hang_up };

static void go(struct scenario *s, uint8_t channel)
{
    struct client *c = &s->client;
    memset(c, 0, sizeof *c);
    device_link_open(s->host.device, &c->link, DLMS_TCP, channel, (struct link_io){ &ops, c },
                     s->now);
    c->up = true;
    world_settle(s);
}

void client_gone(struct scenario *s)
{
    struct client *c = &s->client;
    if (c->up && s->powered) device_link_close(s->host.device, &c->link);
    c->up = false;
}

static void send(struct scenario *s, uint16_t sap, const uint8_t *apdu, size_t n)
{
    uint8_t frame[WRAPPER_HEAD + CLIENT_APDU];
    struct wrapper w = { sap, 1, (uint16_t)n };
    wrapper_write(frame, &w);
    memcpy(frame + WRAPPER_HEAD, apdu, n);
    s->client.n = 0;
    for (size_t at = 0; at < WRAPPER_HEAD + n; world_settle(s))
        at += device_feed_link(s->host.device, &s->client.link, frame + at,
                               WRAPPER_HEAD + n - at, s->now);
}

/* The APDU that came back, NULL where none did. */
static const uint8_t *answer(struct scenario *s)
{
    struct client *c = &s->client;
    struct wrapper w;
    for (unsigned ms = 0; ms < ANSWER_MS && !c->hung_up; ms++) {
        if (c->n > WRAPPER_HEAD && wrapper_read(c->out, &w) == 0 &&
            c->n >= WRAPPER_HEAD + (size_t)w.length)
            return c->out + WRAPPER_HEAD;
        world_pass(s, 1000);
    }
    return NULL;
}

/* -- associations -------------------------------------------------------------------------- */

static size_t put(uint8_t *dst, size_t at, const void *src, size_t n)
{
    memcpy(dst + at, src, n);
    return at + n;
}

static const uint8_t initiate[] = {
    1, 0, 0, 0, 6, 0x5F, 0x1F, 4, 0, 0, 0x7E, 0x1F, 0xFF, 0xFF
};

/* AARQ, logical names, plain; a password where there is one. */
static size_t aarq(uint8_t *o, const char *password)
{
    static const uint8_t context[] = { 0xA1, 9, 6, 7, 0x60, 0x85, 0x74, 5, 8, 1, 1 };
    static const uint8_t low[] = { 0x8A, 2, 7, 0x80, 0x8B, 7, 0x60, 0x85, 0x74, 5, 8, 2, 1 };
    static const uint8_t user[] = { 0xBE, 2 + sizeof initiate, 4, sizeof initiate };
    size_t n = put(o, 2, context, sizeof context), length = strlen(password);
    if (length) {
        n = put(o, n, low, sizeof low);
        n = put(o, n, (uint8_t[]){ 0xAC, (uint8_t)(length + 2), 0x80, (uint8_t)length }, 4);
        n = put(o, n, password, length);
    }
    n = put(o, n, user, sizeof user);
    n = put(o, n, initiate, sizeof initiate);
    o[0] = 0x60;
    o[1] = (uint8_t)(n - 2);
    return n;
}

static int level_of(const char *word)
{
    static const char *const name[] = { "public", "reader", "operator", "supervisor" };
    for (int i = 0; i < 4; i++)
        if (word_is(word, name[i])) return i;
    return -1;
}

static int channel_of(const char *word)
{
    static const char *const name[] = { "optical", "rs485", "wan" };
    for (int i = 0; i < 3; i++)
        if (word_is(word, name[i])) return i;
    return -1;
}

/* The result is the third octet of {A2 03 02 01 result}. */
static bool is_accepted(const uint8_t *a)
{
    for (unsigned i = 2; i + 4 < 2u + a[1]; i++)
        if (a[i] == 0xA2 && a[i + 1] == 3) return a[i + 4] == 0;
    return false;
}

/* -- the factory: high level security, GMAC, under the product's keys ---------------------- */

static const uint8_t title[CIPHER_TITLE] = { 'M', 'G', 'C', 0, 0, 0, 0, 1 };
static const uint8_t challenge[] = "factory.";

static void product_keys(struct cipher_key *k, enum secure_slot slot)
{
    *k = (struct cipher_key){ .len = DEVICE_KEY };
    memcpy(k->ek, device_development.key[slot], DEVICE_KEY);
    memcpy(k->ak, device_development.key[SECURE_AUTH], DEVICE_KEY);
}

/* tag, length, content: n octets of text sealed. */
static size_t sealed(uint8_t *o, uint8_t tag, const uint8_t *text, size_t n, uint32_t ic)
{
    struct cipher_key k;
    product_keys(&k, SECURE_UNICAST);
    memcpy(o + 2 + CIPHER_HEAD, text, n);
    n = cipher_seal(o + 2, n, SC_AUTH | SC_CRYPT, ic, &k, title, NULL, 0);
    o[0] = tag;
    o[1] = (uint8_t)n;
    return 2 + n;
}

static size_t secret_aarq(uint8_t *o, uint32_t ic)
{
    static const uint8_t names[] = { 0xA1, 9, 6,    7,    0x60, 0x85, 0x74, 5,    8, 1, 3, 0x8A,
                                     2,    7, 0x80, 0x8B, 7,    0x60, 0x85, 0x74, 5, 8, 2, 5 };
    size_t n = put(o, 2, names, 11);
    n = put(o, n, (uint8_t[]){ 0xA6, 2 + sizeof title, 4, sizeof title }, 4);
    n = put(o, n, title, sizeof title);
    n = put(o, n, names + 11, sizeof names - 11);
    n = put(o, n, (uint8_t[]){ 0xAC, 2 + CHALLENGE_MIN, 0x80, CHALLENGE_MIN }, 4);
    n = put(o, n, challenge, CHALLENGE_MIN);
    size_t user = sealed(o + n + 4, GLO_INITIATE, initiate, sizeof initiate, ic);
    n = put(o, n, (uint8_t[]){ 0xBE, (uint8_t)(user + 2), 4, (uint8_t)user }, 4) + user;
    o[0] = 0x60;
    o[1] = (uint8_t)(n - 2);
    return n;
}

/* What the meter wants to be answered: {AA, length, 80, length, challenge} of an AARE. */
static const uint8_t *meter_challenge(const uint8_t *a, size_t *n)
{
    for (unsigned i = 2; i < 2u + a[1]; i += 2u + a[i + 1])
        if (a[i] == 0xAA) {
            *n = a[i + 3];
            return a + i + 4;
        }
    return NULL;
}

/* reply_to_HLS_authentication of the association in use. */
static size_t reply(uint8_t *o, const uint8_t *theirs, size_t n, uint32_t ic)
{
    uint8_t call[] = { 0xC3, 1, 0xC1, 0, 15, 0, 0, 40, 0, 0, 255, 1, 1, 9, HLS5_ANSWER };
    uint8_t text[sizeof call + HLS5_ANSWER];
    struct cipher_key k;
    product_keys(&k, SECURE_UNICAST);
    memcpy(text, call, sizeof call);
    hls5_answer(text + sizeof call, 0, ic, &k, title, theirs, n);
    return sealed(o, GLO_ACTION, text, sizeof text, ic + 1);
}

static const char *open_factory(struct scenario *s, uint8_t channel)
{
    uint8_t apdu[CLIENT_APDU];
    size_t n = 0;
    uint32_t ic = secure_floor_get(&s->host.device->meter, ROLE_FACTORY);
    if (!s->client.up) go(s, channel);
    s->client.sap = SAP_FACTORY;
    size_t asked = secret_aarq(apdu, ic);
    send(s, s->client.sap, apdu, asked);
    const uint8_t *a = answer(s);
    if (!a) return "no answer";
    if (a[0] != AARE || !is_accepted(a)) return "the meter does not associate";
    const uint8_t *theirs = meter_challenge(a, &n);
    if (!theirs) return "the meter asks nothing";
    send(s, s->client.sap, apdu, reply(apdu, theirs, n, ic + 1));
    a = answer(s);
    return a && a[0] == GLO_ACTION + 4 ? NULL : "the meter does not believe it";
}

/* open optical|rs485|wan public|reader|operator|supervisor [PASSWORD]; factory */
const char *act_open(struct scenario *s, const struct words *w)
{
    static const char *const product[] = { "", "00000001", "00000002", "00000003" };
    uint8_t apdu[CLIENT_APDU];
    int channel = channel_of(w->word[1]), level = level_of(w->word[2]);
    if (channel >= 0 && word_is(w->word[2], "factory"))
        return open_factory(s, (uint8_t)channel);
    if (channel < 0 || level < 0)
        return "optical, rs485 or wan; public, reader, operator, supervisor or factory";
    const char *password = w->n > 3 ? w->word[3] : product[level];
    if (strlen(password) > 31) return "a shorter password";
    if (!s->client.up) go(s, (uint8_t)channel);
    s->client.sap = (uint16_t)(level ? 31 + level : SAP_PUBLIC);
    send(s, s->client.sap, apdu, aarq(apdu, password));
    const uint8_t *a = answer(s);
    if (!a) return "no answer";
    return a[0] == AARE && is_accepted(a) ? NULL : "the meter does not associate";
}

const char *act_close(struct scenario *s, const struct words *w)
{
    static const uint8_t release[] = { 0x62, 3, 0x80, 1, 0 };
    if (!s->client.up) return "nobody is there";
    if (w->n > 1 && word_is(w->word[1], "association")) {
        send(s, s->client.sap, release, sizeof release);
        return answer(s) ? NULL : "no answer";
    }
    client_gone(s);
    world_settle(s);
    return NULL;
}

/* "1-0:1.8.0" with F 255. */
static bool name_of(const char *p, uint8_t ln[6])
{
    static const char after[] = "-:..";
    for (unsigned i = 0; i < 5; i++, p += i < 5) {
        unsigned v = 0, digits = 0;
        for (; *p >= '0' && *p <= '9' && digits < 3; p++, digits++)
            v = v * 10 + (unsigned)(*p - '0');
        if (!digits || v > 255 || *p != (i < 4 ? after[i] : '\0')) return false;
        ln[i] = (uint8_t)v;
    }
    ln[5] = 255;
    return true;
}

/* The GET that three words ask for: class, name, attribute. */
enum { GET_SIZE = 13 };
static const char *put_get(uint8_t get[GET_SIZE], const char *const word[3])
{
    static const uint8_t head[GET_SIZE] = { 0xC0, 1, 0xC1 };
    int64_t class_id, attr;
    memcpy(get, head, sizeof head);
    if (!word_int(word[0], &class_id) || class_id < 1 || class_id > 255 ||
        !name_of(word[1], get + 5) || !word_int(word[2], &attr) || attr < 1 || attr > 127)
        return "a class, a name like 1-0:1.8.0, an attribute";
    get[4] = (uint8_t)class_id;
    get[11] = (uint8_t)attr;
    return NULL;
}

/* Did it do what was asked? */
static const char *judged(const uint8_t *a)
{
    if (!a) return "no answer";
    if (a[0] == EXCEPTION) return "an exception";
    return (a[0] == GET_RESPONSE || a[0] == ACTION_RESPONSE) && a[3] == 0 ? NULL
                                                                          : "access is refused";
}

/* ask CLASS NAME ATTRIBUTE */
const char *act_ask(struct scenario *s, const struct words *w)
{
    uint8_t get[GET_SIZE];
    if (!s->client.up) return "nobody is there";
    const char *e = put_get(get, (const char *const *)w->word + 1);
    if (e) return e;
    send(s, s->client.sap, get, sizeof get);
    return judged(answer(s));
}

/* -- a head-end that tells everybody the time ---------------------------------------------- */

/* SET of the clock, unconfirmed, in UTC. */
static size_t set_clock(uint8_t *o, int64_t utc_s)
{
    static const uint8_t head[] = { 0xC1, 1, 1, 0, 8, 0, 0, 1, 0, 0, 255, 2, 0, 9, 12 };
    struct civil c = cal_civil(utc_s);
    uint8_t dt[12] = { 0, 0, c.month, c.day, 0xFF, c.hour, c.minute, c.second, 0, 0, 0, 0 };
    be_put16(dt, c.year);
    return put(o, put(o, 0, head, sizeof head), dt, sizeof dt);
}

/* broadcast COUNTER [spoiled]: the time, sealed under the broadcast key of the product */
const char *act_broadcast(struct scenario *s, const struct words *w)
{
    static const uint8_t nobody[CIPHER_TITLE]; /* the meter knows no other of this client */
    uint8_t apdu[CLIENT_APDU] = { 0xDB, CIPHER_TITLE }, *content = apdu + 3 + CIPHER_TITLE;
    struct cipher_key k;
    int64_t counter;
    if (!word_int(w->word[1], &counter) || counter < 0 || counter > UINT32_MAX)
        return "a counter";
    product_keys(&k, SECURE_BROADCAST);
    memcpy(apdu + 2, nobody, CIPHER_TITLE);
    size_t n = set_clock(content + CIPHER_HEAD, (int64_t)(s->true_us / 1000000));
    n = cipher_seal(content, n, SC_AUTH | SC_CRYPT | SC_BROADCAST, (uint32_t)counter, &k,
                    nobody, NULL, 0);
    apdu[2 + CIPHER_TITLE] = (uint8_t)n;
    if (w->n > 2 && word_is(w->word[2], "spoiled")) content[n - 1] ^= 1;
    bool was_up = s->client.up;
    if (!was_up) go(s, LINK_WAN);
    send(s, SAP_BROADCAST, apdu, 3 + CIPHER_TITLE + n);
    world_pass(s, 100000);
    if (!was_up) client_gone(s);
    return NULL;
}

/* -- what management changes --------------------------------------------------------------- */

static const char *ordered(struct scenario *s, int err)
{
    if (err < 0) return err_text(err);
    world_settle(s);
    return NULL;
}

/* password LEVEL WORD */
const char *act_password(struct scenario *s, const struct words *w)
{
    int64_t level;
    if (!word_int(w->word[1], &level) || level < 1 || level > PASSWORD_LEVELS)
        return "a level, 1 to 3, and a password";
    meter_at(&s->host.device->meter, s->now);
    return ordered(s, device_set_secret(s->host.device, &engineer, (uint8_t)level,
                                        (const uint8_t *)w->word[2], strlen(w->word[2])));
}

/* key unicast|broadcast|authentication|master WORD: sixteen characters are its octets */
const char *act_key(struct scenario *s, const struct words *w)
{
    static const char *const name[] = { "unicast", "broadcast", "authentication", "master" };
    struct secure_key k = { .length = DEVICE_KEY };
    unsigned slot = 0;
    while (slot < 4 && !word_is(w->word[1], name[slot])) slot++;
    if (slot == 4 || strlen(w->word[2]) != DEVICE_KEY) return "which key, and 16 characters";
    k.slot = (enum secure_slot)slot;
    memcpy(k.octets, w->word[2], DEVICE_KEY);
    meter_at(&s->host.device->meter, s->now);
    return ordered(s, device_keys_set(s->host.device, &engineer, &k, 1));
}

/* security policy|suite N */
const char *act_security(struct scenario *s, const struct words *w)
{
    int64_t v;
    bool policy = word_is(w->word[1], "policy");
    if ((!policy && !word_is(w->word[1], "suite")) || !word_int(w->word[2], &v) || v < 0 ||
        v > 255)
        return "policy or suite, and a number";
    meter_at(&s->host.device->meter, s->now);
    return ordered(s, secure_setup_set(&s->host.device->meter, &engineer,
                                       policy ? PARAM_SECURITY_POLICY : PARAM_SECURITY_SUITE,
                                       (uint8_t)v));
}

/* certificate imported|removed: of the first place */
const char *act_certificate(struct scenario *s, const struct words *w)
{
    static const uint8_t der[] = "0123456789 some certificate";
    bool in = word_is(w->word[1], "imported");
    struct cert c = { .entity = CERT_CLIENT };
    struct cert_sum sum = { .slot = 0 };
    struct meter *m = &s->host.device->meter;
    if (!in && !word_is(w->word[1], "removed")) return "imported or removed";
    meter_at(m, s->now);
    while (cert_sum(m, in ? &c : NULL, der, sizeof der, &sum) == E_BUSY) continue;
    return ordered(s, cert_put(m, &engineer, in ? &c : NULL, der, sizeof der, &sum, NULL, 0));
}

/* -- at the keypad ------------------------------------------------------------------------- */

/* Of the meters of stories: the counting of 17 from 3, supply group 123456. */
const struct sts_key client_decoder = { .key = { 3, 20, 37, 54, 71, 88, 105, 122 },
                                        .sgc = 123456,
                                        .ea = STS_EA_STA,
                                        .kt = STS_KT_UNIQUE,
                                        .krn = 1,
                                        .ken = STS_KEN_NEVER };

/* token DIGITS [WALLET] */
const char *act_token(struct scenario *s, const struct words *w)
{
    static const struct who keypad = { .link = LINK_KEYPAD };
    struct meter *m = &s->host.device->meter;
    int64_t wallet = 1;
    if (w->n > 2 && (!word_int(w->word[2], &wallet) || wallet < 1 || wallet > WALLETS))
        return "a wallet, 1 or 2";
    meter_at(m, s->now);
    int result =
        prepay_enter_text(m, &keypad, (unsigned)wallet - 1, w->word[1], strlen(w->word[1]));
    world_settle(s);
    if (result < 0) return err_text(result);
    bool took = result == STS_ACCEPT || result == STS_KCT1 || result == STS_KCT2 ||
                result == STS_KCT3 || result == STS_KCT4;
    return took ? NULL : sts_result_name(result);
}

/* -- short messages ------------------------------------------------------------------------ */

static const struct link_ops quiet = { .room = room, .send = take };

/* An order on a carrier's line, and what it is answered, into the client's octets. */
static void carry(struct scenario *s, enum courier_kind kind, const void *p, size_t n)
{
    struct device *d = s->host.device;
    struct courier c = { .kind = (uint8_t)kind };
    s->client.n = 0;
    device_courier_open(d, &c, kind, (struct link_io){ &quiet, &s->client });
    device_feed_courier(d, &c, p, n, s->now);
    for (unsigned i = 0; i < 4 && !s->client.n; i++)
        world_settle(s); /* the order, its answer */
    for (unsigned ms = 0; ms < SERVED_MS && !s->client.n && kind == COURIER_CIU; ms++)
        world_pass(s, 1000); /* the server's */
    device_courier_close(d, &c);
}

/* message known NUMBER: the white list becomes this one number, with all orders; message NUMBER
 * WORDS: it comes in, and what is answered must begin with the number. */
const char *act_message(struct scenario *s, const struct words *w)
{
    struct device *d = s->host.device;
    struct text line = { .n = 0 };
    if (word_is(w->word[1], "known")) {
        uint8_t setup[1 + SMS_NUMBER] = { SMS_TAKES_TOKENS | SMS_TAKES_WAKE | SMS_REPLIES };
        if (strlen(w->word[2]) > SMS_NUMBER) return "a shorter number";
        memcpy(setup + 1, w->word[2], strlen(w->word[2]));
        meter_at(&d->meter, s->now);
        return ordered(s, param_write(&d->meter, &engineer, PARAM_SMS, setup, sizeof setup));
    }
    for (unsigned i = 1; i < w->n; i++) {
        if (i > 1) text_put(&line, " ");
        text_put(&line, w->word[i]);
    }
    text_put(&line, "\n");
    carry(s, COURIER_SMS, line.s, line.n);
    size_t n = strlen(w->word[1]);
    bool answered = s->client.n > n && !memcmp(s->client.out, w->word[1], n);
    return answered ? NULL : "no answer";
}

/* What a unit says, by the words behind its number. */
static const char *put_words(struct ciu_frame *f, const struct words *w)
{
    static const uint8_t enter[] = { 0xC3, 1, 0xC1, 0, 115, 0, 0,         19,
                                     40,   0, 255,  1, 1,   9, STS_DIGITS };
    const char *what = w->word[2];
    if (word_is(what, "asks")) {
        f->type = CIU_PAIR;
    } else if (word_is(what, "speaks")) {
        f->type = CIU_POLL;
    } else if (word_is(what, "reads") && w->n == 6) {
        f->type = CIU_APDU;
        f->n = GET_SIZE;
        return put_get(f->payload, (const char *const *)w->word + 3);
    } else if (word_is(what, "enters") && w->n == 4 && strlen(w->word[3]) == STS_DIGITS) {
        f->type = CIU_APDU;
        f->n = sizeof enter + STS_DIGITS;
        memcpy(f->payload, enter, sizeof enter);
        memcpy(f->payload + sizeof enter, w->word[3], STS_DIGITS);
    } else {
        return "asks, speaks, reads CLASS NAME ATTRIBUTE, or enters DIGITS";
    }
    return NULL;
}

/* unit SERIAL asks: a customer's unit wants to be paired; speaks: it wants to know how things stand;
 * reads CLASS NAME ATTRIBUTE, enters DIGITS: as client 96. Its frames are authentic and new, and must
 * be answered. */
const char *act_unit(struct scenario *s, const struct words *w)
{
    struct device *d = s->host.device;
    uint8_t key[16], frame[CIU_MOST];
    int64_t serial;
    if (!word_int(w->word[1], &serial) || serial < 1 || serial > UNIT_SERIAL_MAX)
        return "a serial number";
    struct ciu_frame f = { .unit = (uint32_t)serial,
                           .meter = s->meter.serial,
                           .counter = unit_floor(&d->meter, (uint32_t)serial) };
    const char *e = put_words(&f, w);
    if (e) return e;
    ciu_key(key, device_development.key[SECURE_UNICAST], f.meter, f.unit);
    carry(s, COURIER_CIU, frame, ciu_put(&f, key, frame));
    size_t n = s->client.n;
    if (!n || ciu_get(&f, key, s->client.out, &n) < 0) return "no answer";
    return f.type == CIU_ANSWERS ? judged(f.n ? f.payload : NULL) : NULL;
}

/* -- prices -------------------------------------------------------------------------------- */

static const char *in_force(struct scenario *s, const struct scheme *x)
{
    struct meter *m = &s->host.device->meter;
    enum scheme_fault fault;
    meter_at(m, s->now);
    const char *e = ordered(s, expense_scheme_set(m, &engineer, x, &fault));
    return e ? e : ordered(s, expense_activate(m, &engineer));
}

/* prices A-DAY PRICE [KWH PRICE ...]: a scheme of so much a day and steps up to so many kWh of the
 * month, 1e-6 of the currency exact, in force at once */
const char *act_prices(struct scenario *s, const struct words *w)
{
    struct scheme x = { .name = "story", .services = 0 };
    int64_t v, kwh = 0;
    if (w->n % 2 == 0 || !word_fixed(w->word[1], 6, &v)) return "an amount a day, then prices";
    x.fixed[0] = (struct price_fixed){ v ? FIXED_DAY : FIXED_OFF, v };
    for (unsigned i = 2; i < w->n; i += 2, x.steps++) {
        struct price_step *p = &x.step[x.steps];
        if (x.steps == SCHEME_STEPS || !word_fixed(w->word[i], 6, &v) || v < 0 ||
            v > UINT32_MAX)
            return "a price like 0.25";
        for (unsigned t = 0; t < TARIFFS; t++) p->price[t] = (uint32_t)v;
        if (i + 1 == w->n) continue;
        if (!word_int(w->word[i + 1], &kwh) || kwh < 1 || kwh > 1000000) return "kWh";
        p->limit_wh = (uint32_t)kwh * 1000;
    }
    return in_force(s, &x);
}

/* subsidy AMOUNT KWH: a month that uses something has it, up to so many kWh, beyond not at all;
 * the first of the scheme, in force at once */
const char *act_subsidy(struct scenario *s, const struct words *w)
{
    struct scheme x;
    int64_t v, kwh;
    if (!word_fixed(w->word[1], 6, &v) || !word_int(w->word[2], &kwh) || kwh < 1 ||
        kwh > 1000000)
        return "an amount, and kWh";
    int err = expense_scheme_get(&s->host.device->meter, SCHEME_ACTIVE, &x);
    if (err < 0) return err_text(err);
    x.subsidy[0] =
        (struct price_subsidy){ .kind = SUBSIDY_LUMP, .value = v, .to_kwh = (uint32_t)kwh };
    return in_force(s, &x);
}
