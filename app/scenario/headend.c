/* headend.c - who is at the other end of what the meter sends of itself: nobody, somebody who
 * takes it and says nothing, or a head-end that opens it with the product's keys and confirms. */
#include "app/scenario/headend.h"

#include <string.h>

#include "app/scenario/act.h"
#include "app/scenario/world.h"
#include "base/bytes.h"
#include "base/err.h"
#include "dlms/cipher.h"
#include "dlms/wrapper.h"

enum { DATA_NOTIFICATION = 0x0F, CONFIRM = 0x10, GENERAL_GLO = 0xDB, WANTS_CONFIRM = 1 << 30 };
enum { CONFIRMATION = 6, REPLY = WRAPPER_HEAD + 64 };

/* -- the line ------------------------------------------------------------------------------ */

static size_t room(void *ctx)
{
    return HEADEND_IN - ((struct scenario *)ctx)->headend.n;
}

static void take(void *ctx, const uint8_t *p, size_t n, bool more)
{
    struct headend *h = &((struct scenario *)ctx)->headend;
    (void)more;
    memcpy(h->in + h->n, p, n);
    h->n += n;
}

void headend_gone(struct scenario *s)
{
    struct headend *h = &s->headend;
    if (h->up && s->powered) device_link_close(s->host.device, &h->link);
    h->up = false;
}

static void hang_up(void *ctx)
{
    headend_gone(ctx);
}

static const struct link_ops ops = { .room = room, .send = take, .close = hang_up };

static void dial(void *ctx, enum dlms_link_kind kind, const struct push_peer *to)
{
    struct scenario *s = ctx;
    struct headend *h = &s->headend;
    (void)to; /* every host is this one */
    if (h->manner == HEADEND_GONE) {
        device_reached(s->host.device, NULL);
        return;
    }
    headend_gone(s);
    h->up = true;
    h->n = 0;
    device_link_open(s->host.device, &h->link, kind, LINK_WAN, (struct link_io){ &ops, s },
                     s->now);
    device_reached(s->host.device, &h->link);
}

const struct device_dialler headend_dialler = { .dial = dial };

/* -- the network it is reached by ---------------------------------------------------------- */

static bool net_get(void *ctx, struct device_net *n)
{
    *n = ((struct scenario *)ctx)->headend.net;
    return true;
}

const struct device_net_ops headend_net = { .get = net_get };

/* network up|down; network ADDRESS */
const char *act_network(struct scenario *s, const struct words *w)
{
    struct device_net *n = &s->headend.net;
    struct text to = { .n = 0 };
    struct push_peer peer;
    bool up = word_is(w->word[1], "up");
    text_put(&to, w->word[1]);
    text_put(&to, ":1");
    if (up || word_is(w->word[1], "down"))
        n->up = up;
    else if (push_read_peer(&peer, (const uint8_t *)to.s, to.n) == 0 && !peer.v6)
        n->address = be_get32(peer.ip);
    else
        return "up, down, or an address like 10.0.0.16";
    if (!s->powered) return NULL;
    device_net_changed(s->host.device);
    world_settle(s);
    return NULL;
}

/* -- its answer ---------------------------------------------------------------------------- */

static struct cipher_key keys(void)
{
    struct cipher_key k = { .len = DEVICE_KEY };
    memcpy(k.ek, device_development.key[SECURE_UNICAST], DEVICE_KEY);
    memcpy(k.ak, device_development.key[SECURE_AUTH], DEVICE_KEY);
    return k;
}

/* The invoke id of a sealed data-notification; 0: none, or it is not the meter's. */
static uint32_t invoke_of(struct scenario *s, uint8_t *apdu, size_t n)
{
    struct cipher_box box;
    struct cipher_key k = keys();
    uint8_t title[CIPHER_TITLE];
    if (!cipher_is_box(apdu[0]) || cipher_read_box(apdu, n, &box) < 0) return 0;
    device_title(s->host.device, title);
    uint8_t *content = apdu + (box.content.p - apdu);
    if (cipher_open(content, box.content.n, &k, title, NULL, 0) < CONFIRMATION) return 0;
    const uint8_t *plain = content + CIPHER_HEAD;
    return plain[0] == DATA_NOTIFICATION ? be_get32(plain + 1) : 0;
}

static void confirm(struct scenario *s, const struct wrapper *to, uint32_t invoke)
{
    static const uint8_t title[CIPHER_TITLE] = { 'M', 'G', 'C' };
    struct cipher_key k = keys();
    struct cipher_box box = { .tag = GENERAL_GLO, .title = { title, CIPHER_TITLE } };
    uint8_t b[REPLY], plain[CONFIRMATION] = { CONFIRM };
    struct axdr_out o = axdr_out(b + WRAPPER_HEAD, sizeof b - WRAPPER_HEAD);
    be_put32(plain + 1, invoke);
    cipher_emit_box(&o, &box, sizeof plain + cipher_extra(SC_AUTH | SC_CRYPT));
    uint8_t *content = b + WRAPPER_HEAD + o.len;
    memcpy(content + CIPHER_HEAD, plain, sizeof plain);
    o.len += cipher_seal(content, sizeof plain, SC_AUTH | SC_CRYPT, ++s->headend.counter, &k,
                         title, NULL, 0);
    wrapper_write(b, &(struct wrapper){ to->destination, to->source, (uint16_t)o.len });
    device_feed_link(s->host.device, &s->headend.link, b, WRAPPER_HEAD + o.len, s->now);
}

bool headend_speaks(struct scenario *s)
{
    struct headend *h = &s->headend;
    struct wrapper w;
    if (!h->up || h->n <= WRAPPER_HEAD || wrapper_read(h->in, &w) < 0 ||
        h->n < (size_t)WRAPPER_HEAD + w.length)
        return false;
    h->n = 0; /* one notice a connection */
    uint32_t invoke = invoke_of(s, h->in + WRAPPER_HEAD, w.length);
    if (h->manner != HEADEND_CONFIRMS || !(invoke & WANTS_CONFIRM)) return false;
    confirm(s, &w, invoke);
    return true;
}

/* -- statements ---------------------------------------------------------------------------- */

/* head-end gone|silent|confirms */
const char *act_headend(struct scenario *s, const struct words *w)
{
    static const char *const name[] = { "gone", "silent", "confirms" };
    for (unsigned i = 0; i < sizeof name / sizeof *name; i++) {
        if (!word_is(w->word[1], name[i])) continue;
        s->headend.manner = (uint8_t)i;
        return NULL;
    }
    return "gone, silent or confirms";
}

/* push NAME HOST: where it goes, over TCP; the rest as it was set up. */
const char *act_push(struct scenario *s, const struct words *w)
{
    static const char *const name[PUSHES] = { "connectivity", "interval-1",  "interval-2",
                                              "interval-3",   "alarm",       "power-down",
                                              "consumer",     "installation" };
    static const struct who engineer = { .sap = 1, .link = LINK_OPTICAL, .assoc = 4 };
    enum { HOST = 5 }; /* {structure of 3: enum, octet string, enum}, all the others behind */
    struct device *d = s->host.device;
    uint8_t had[PUSH_SETUP], octets[PUSH_SETUP] = { 0x02, 3, 0x16, PUSH_TCP, 0x09 };
    size_t n = 0, host_n = strlen(w->word[2]);
    while (n < PUSHES && !word_is(w->word[1], name[n])) n++;
    if (n == PUSHES || host_n > PUSH_HOST) return "which push, and where to";
    unsigned push = (unsigned)n;
    size_t had_n = push_setup_octets(d, push, had), rest = HOST + 1u + had[HOST];
    octets[HOST] = (uint8_t)host_n;
    memcpy(octets + HOST + 1, w->word[2], host_n);
    memcpy(octets + HOST + 1 + host_n, had + rest, had_n - rest);
    meter_at(&d->meter, s->now);
    int err = param_write(&d->meter, &engineer, (uint16_t)(PARAM_PUSH_1 + push), octets,
                          HOST + 1 + host_n + had_n - rest);
    if (err < 0) return err_text(err);
    world_settle(s);
    return NULL;
}
