#include "model/courier.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "crypto/gcm.h"
#include "crypto/sha256.h"
#include "meter/display/code.h"
#include "meter/display/sum.h"
#include "model/classes.h"

enum { SILENCE_US = 1000000 };

/* -- answers ------------------------------------------------------------------------------- */

static void say(struct courier *c, const char *text, size_t n)
{
    if (n > (size_t)(COURIER_OUT - c->out_n)) n = (size_t)(COURIER_OUT - c->out_n);
    memcpy(c->out + c->out_n, text, n);
    c->out_n = (uint16_t)(c->out_n + n);
}

static void say_text(struct courier *c, const char *text)
{
    say(c, text, strlen(text));
}

/* With `decimals` digits right of the point. */
static void say_number(struct courier *c, int64_t v, unsigned decimals)
{
    char digits[24];
    unsigned i = sizeof digits, k = 0;
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        if (decimals && k == decimals) digits[--i] = '.';
        digits[--i] = (char)('0' + left % 10);
        left /= 10;
        k++;
    } while (left || k <= decimals);
    if (v < 0) digits[--i] = '-';
    say(c, digits + i, sizeof digits - i);
}

static void say_result(struct courier *c, int result)
{
    const char *name = result < 0 ? NULL : sts_result_name(result);
    if (!name) {
        say_text(c, "ERROR");
        return;
    }
    say_text(c, "RESULT ");
    say_number(c, result, 0);
    say_text(c, " ");
    say_text(c, name);
}

/* -- words of a line ----------------------------------------------------------------------- */

struct piece {
    const char *p;
    size_t n;
};

static struct piece trimmed(struct piece t)
{
    while (t.n && *t.p == ' ') t.p++, t.n--;
    while (t.n && t.p[t.n - 1] == ' ') t.n--;
    return t;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The first word of *t, taken off it. */
static struct piece word(struct piece *t)
{
    struct piece w = { t->p, 0 };
    while (w.n < t->n && w.p[w.n] != ' ') w.n++;
    *t = trimmed((struct piece){ t->p + w.n, t->n - w.n });
    return w;
}

static bool is_word(struct piece w, const char *name)
{
    if (w.n != strlen(name)) return false;
    for (size_t i = 0; i < w.n; i++)
        if (upper(w.p[i]) != name[i]) return false;
    return true;
}

static int enter(struct device *d, uint8_t link, struct piece digits)
{
    struct who who = { .link = link };
    return prepay_enter_text(&d->meter, &who, wallet_active(&d->meter), digits.p, digits.n);
}

/* -- the virtual token carrier ------------------------------------------------------------- */

static void vtc_order(struct device *d, struct courier *c, struct piece line)
{
    struct piece first = word(&line);
    if (!first.n || !param_get(&d->meter, PARAM_VTC_ENABLED)) return;
    if (is_word(first, "RESULT") || is_word(first, "ERROR")) return; /* two wires: its own */
    if (is_word(first, "TOKEN"))
        say_result(c, enter(d, LINK_VTC, line));
    else
        say_text(c, "ERROR");
    say_text(c, "\r\n");
}

/* -- messages ------------------------------------------------------------------------------ */

/* What this sender may order, bits of enum sms_orders; 0: nobody we know. */
static unsigned sms_orders_of(struct device *d, struct piece number)
{
    uint8_t setup[SMS_SETUP];
    int n = param_read(&d->meter, PARAM_SMS, setup, sizeof setup);
    if (!number.n || number.n > SMS_NUMBER) return 0;
    for (int i = 1; i + SMS_NUMBER <= n; i += SMS_NUMBER) {
        const uint8_t *known = setup + i;
        bool whole = number.n == SMS_NUMBER || known[number.n] == 0;
        if (whole && memcmp(known, number.p, number.n) == 0) return setup[0] | 0x100u;
    }
    return 0;
}

static void say_balances(struct device *d, struct courier *c)
{
    struct meter *m = &d->meter;
    say_text(c, "BAL");
    for (unsigned w = 0; w < WALLETS; w++) {
        if (!wallet_is_used(m, w)) continue;
        say_text(c, " ");
        say_number(c, wallet_published(m, w, wallet_balance(m, w)),
                   wallet_is_money(m, w) ? 2 : 3);
        if (!wallet_is_money(m, w)) say_text(c, " kWh");
    }
}

static const struct who modem = { .link = LINK_SMS };

/* The message begins with the PIN, or there is none. During a lock-out nobody can try. */
static bool has_pin(struct device *d, struct piece *text)
{
    uint8_t pin[SECURE_PASSWORD_MAX];
    int n = secure_key_get(&d->meter, SECURE_SMS_PIN, pin, sizeof pin);
    if (n == E_NONE) return true;
    if (n < 0 || prepay_locked_s(&d->meter, LINK_SMS)) return false;
    struct piece said = word(text);
    bool is = said.n == (size_t)n && same(said.p, pin, said.n);
    wipe(pin, sizeof pin);
    return is;
}

static void refuse(struct device *d)
{
    if (prepay_locked_s(&d->meter, LINK_SMS) ||
        prepay_count_wrong(&d->meter, &modem, EV_SMS_REFUSED) < 0)
        event_post(&d->meter, EV_SMS_REFUSED, &modem, NULL);
}

/* What a message asks for; false: it is none of ours, or not permitted. */
static bool sms_text(struct device *d, struct courier *c, unsigned orders, struct piece text)
{
    char digits[STS_DIGITS];
    struct piece rest = text, first = word(&rest);
    bool is_token = is_word(first, "TOKEN");
    if (!is_token && !sts_token_clean(digits, text.p, text.n)) {
        is_token = true;
        rest = text;
    }
    if (is_token && orders & SMS_TAKES_TOKENS) {
        say_result(c, enter(d, LINK_SMS, rest));
        event_post(&d->meter, EV_SMS_TOKEN, &modem, NULL);
    } else if (is_word(first, "WAKE") && !rest.n && orders & SMS_TAKES_WAKE) {
        event_post(&d->meter, EV_SMS_WAKE_UP, &modem, NULL);
        say_text(c, "OK");
    } else if (is_word(first, "BAL") && !rest.n) {
        say_balances(d, c);
    } else {
        return false;
    }
    return true;
}

static void sms_order(struct device *d, struct courier *c, struct piece line)
{
    struct piece number = word(&line);
    unsigned orders = sms_orders_of(d, number);
    if (!number.n) return;
    if (!orders) {
        event_post(&d->meter, EV_SMS_REFUSED, &modem, NULL);
        return;
    }
    if (!has_pin(d, &line)) {
        refuse(d);
        return;
    }
    say(c, number.p, number.n);
    say_text(c, " ");
    if (!sms_text(d, c, orders, line)) say_text(c, "ERROR");
    say_text(c, "\r\n");
    if (!(orders & SMS_REPLIES)) c->out_n = 0;
}

/* -- the customer's unit ------------------------------------------------------------------- */

void ciu_key(uint8_t key[16], const uint8_t unicast[16], uint32_t meter, uint32_t unit)
{
    uint8_t label[11] = { 'C', 'I', 'U' }, mac[SHA256];
    be_put32(label + 3, meter);
    be_put32(label + 7, unit);
    hmac(mac, unicast, 16, label, sizeof label);
    memcpy(key, mac, 16);
    wipe(mac, sizeof mac);
}

/* Both numbers and the counter, with the direction in the topmost bit: never twice. */
static void ciu_iv(uint8_t iv[GCM_IV], const uint8_t head[CIU_HEAD])
{
    memcpy(iv, head + 3, GCM_IV);
    if (head[CIU_HEAD - 1] & CIU_ANSWER) iv[0] |= 0x80;
}

size_t ciu_put(const struct ciu_frame *f, const uint8_t key[16], uint8_t dst[CIU_MOST])
{
    uint8_t iv[GCM_IV], *payload = dst + CIU_HEAD;
    size_t n = CIU_LEAST + (size_t)f->n;
    dst[0] = CIU_START;
    be_put16(dst + 1, (uint16_t)(n - 3));
    be_put32(dst + 3, f->unit);
    be_put32(dst + 7, f->meter);
    be_put32(dst + 11, f->counter);
    dst[15] = f->type;
    ciu_iv(iv, dst);
    gcm_seal(payload, payload + f->n, key, 16, iv, dst, CIU_HEAD, f->payload, f->n);
    be_put16(dst + n - CIU_CRC, crc16(dst, n - CIU_CRC));
    return n;
}

int ciu_get(struct ciu_frame *f, const uint8_t key[16], const uint8_t *p, size_t *n)
{
    uint8_t iv[GCM_IV];
    if (*n < 1) return E_MORE;
    if (p[0] != CIU_START) return E_FORMAT;
    if (*n < 3) return E_MORE;
    size_t size = 3 + (size_t)be_get16(p + 1);
    if (size < CIU_LEAST || size > CIU_MOST) return E_FORMAT;
    if (*n < size) return E_MORE;
    if (be_get16(p + size - CIU_CRC) != crc16(p, size - CIU_CRC)) return E_FORMAT;
    *n = size;
    *f = (struct ciu_frame){ .unit = be_get32(p + 3),
                             .meter = be_get32(p + 7),
                             .counter = be_get32(p + 11),
                             .type = p[15],
                             .n = (uint8_t)(size - CIU_LEAST) };
    ciu_iv(iv, p);
    return gcm_open(f->payload, key, 16, iv, p, CIU_HEAD, p + CIU_HEAD, f->n,
                    p + CIU_HEAD + f->n);
}

static bool pair_key(struct device *d, uint32_t unit, uint8_t key[16])
{
    uint8_t unicast[DLMS_SECRET_MAX];
    int n = device_host.key_get(d, ROLE_CIU, DLMS_KEY_UNICAST, unicast);
    if (n == 16) ciu_key(key, unicast, d->cfg->meter->serial, unit);
    wipe(unicast, sizeof unicast);
    return n == 16;
}

static const struct who unit = { .link = LINK_CIU };

/* -- the unit as a client of the server ---------------------------------------------------- */

void courier_session_end(void *ctx)
{
    struct device *d = ctx;
    device_link_close(d, &d->unit.link);
    d->unit.line = NULL;
}

static size_t unit_room(void *ctx)
{
    const struct device *d = ctx;
    return d->unit.line->out_n ? 0 : CIU_PAYLOAD;
}

/* The answer is sealed under the counter of the request, once. */
static void unit_send(void *ctx, const uint8_t *p, size_t n, bool more)
{
    struct device *d = ctx;
    struct unit_line *u = &d->unit;
    uint8_t key[16];
    struct ciu_frame f = { .unit = u->serial,
                           .meter = d->cfg->meter->serial,
                           .counter = u->counter,
                           .type = CIU_ANSWERS,
                           .n = (uint8_t)n };
    (void)more; /* without general blocks the server has one piece */
    if (u->counter == UINT32_MAX || !pair_key(d, u->serial, key)) return;
    memcpy(f.payload, p, n);
    u->counter = UINT32_MAX;
    u->line->out_n = (uint16_t)ciu_put(&f, key, u->line->out);
    wipe(key, sizeof key);
}

static const struct link_ops unit_ops = { .room = unit_room,
                                          .send = unit_send,
                                          .close = courier_session_end };

/* An APDU goes to the server, who answers in a later step. False: not now. */
static bool is_served(struct device *d, struct courier *c, const struct ciu_frame *f)
{
    struct unit_line *u = &d->unit;
    if (u->line != c || u->serial != f->unit) {
        if (u->line && !dlms_is_at_rest(&u->link)) return false;
        courier_session_end(d);
        device_link_open(d, &u->link, DLMS_SEALED, LINK_CIU, (struct link_io){ &unit_ops, d },
                         c->heard);
        u->line = c;
        u->serial = f->unit;
    }
    if (!device_feed_link(d, &u->link, f->payload, f->n, c->heard)) return false;
    u->counter = f->counter;
    return true;
}

/* -- orders of its own --------------------------------------------------------------------- */

/* Each takes the payload of a frame and leaves that of the answer. */
static void ciu_token(struct device *d, struct ciu_frame *f)
{
    struct meter *m = &d->meter;
    int result = prepay_enter_text(m, &unit, wallet_active(m), (const char *)f->payload, f->n);
    const char *name = result < 0 ? NULL : sts_result_name(result);
    size_t length = name ? strlen(name) : 0;
    f->payload[0] = name ? (uint8_t)result : 0;
    if (name) memcpy(f->payload + 1, name, length);
    f->n = (uint8_t)(1 + length);
}

/* Who is paired anew begins anew. An APDU comes here when it is not its turn. */
static void ciu_nothing(struct device *d, struct ciu_frame *f)
{
    if (f->type == CIU_PAIR && d->unit.serial == f->unit) courier_session_end(d);
    f->n = 0;
}

static void ciu_state(struct device *d, struct ciu_frame *f)
{
    struct meter *m = &d->meter;
    unsigned w = wallet_active(m);
    uint8_t *p = f->payload;
    if (f->n == CIU_VERSION) unit_tells(m, f->unit, p);
    struct output_row alarm = output_now(m);
    p[0] = (uint8_t)w;
    p[1] = m->wallets.wallet[w].fund.level;
    p[2] = (uint8_t)supply_state(m);
    be_put64(p + 3, (uint64_t)wallet_published(m, w, wallet_balance(m, w)));
    be_put32(p + 11, (uint32_t)m->utc.s);
    p[15] = alarm.ciu_led;
    p[16] = alarm.ciu_buzzer;
    p[17] = alarm.repeat_s;
    p[18] = alarm.text;
    p[19] = (uint8_t)m->now.quantity[VAL_SUPPLY_HOLDER];
    be_put16(p + 20, (uint16_t)clock_stamp(&m->clock, m->utc).deviation_min);
    be_put16(p + 22, (uint16_t)m->now.counter[CNT_CHANGES]);
    f->n = CIU_STATE_SIZE;
}

static size_t put_link(struct meter *m, uint8_t *p)
{
    static const struct {
        uint16_t id;
        uint8_t octets;
    } of[] = { { PARAM_UNIT_RADIO, 1 },     { PARAM_UNIT_POLL_S, 2 },
               { PARAM_UNIT_POWER_DBM, 1 }, { PARAM_UNIT_CHANNEL, 1 },
               { PARAM_UNIT_PAN, 2 },       { PARAM_UNIT_KEYPAD, 1 },
               { PARAM_UNIT_LANGUAGES, 2 } };
    size_t n = 0;
    for (unsigned i = 0; i < COUNT(of); i++) {
        uint32_t v = (uint32_t)param_get(m, of[i].id);
        if (of[i].octets == 2) p[n++] = (uint8_t)(v >> 8);
        p[n++] = (uint8_t)v;
    }
    return n;
}

static size_t put_list(struct meter *m, uint8_t *p)
{
    uint16_t code[UNIT_CODES];
    unsigned n = unit_codes(m, code);
    for (unsigned i = 0; i < n; i++) be_put16(p + i * 2, code[i]);
    return n * 2u;
}

static size_t put_levels(struct meter *m, uint8_t *p)
{
    enum { LEVEL = 9 };
    const struct level_row *row = m->wallets.watchman.level + wallet_active(m) * CREDIT_LEVELS;
    for (unsigned i = 0; i < CREDIT_LEVELS; i++, row++, p += LEVEL) {
        be_put32(p, (uint32_t)row->threshold);
        p[4] = row->buzzer;
        p[5] = row->led;
        be_put16(p + 6, row->repeat_s);
        p[8] = row->blip;
    }
    return (size_t)CREDIT_LEVELS * LEVEL;
}

static size_t put_prices(struct meter *m, uint8_t *p)
{
    struct scheme s;
    size_t n = 0;
    model_scheme(m, SCHEME_ACTIVE, &s);
    while (n < sizeof s.name && s.name[n]) p[n] = (uint8_t)s.name[n], n++;
    return n;
}

static void ciu_setup(struct device *d, struct ciu_frame *f)
{
    static size_t (*const put[])(struct meter * m, uint8_t * p) = { put_link, put_list,
                                                                    put_levels, put_prices };
    if (f->n != 1 || f->payload[0] >= CIU_PARTS)
        f->n = 0;
    else
        f->n = (uint8_t)(1 + put[f->payload[0]](&d->meter, f->payload + 1));
}

static void ciu_code(struct device *d, struct ciu_frame *f)
{
    enum { HEAD = 4 };
    struct meter *m = &d->meter;
    struct display_page page = { .page = 0 };
    struct short_code x = { .number = 0 };
    uint8_t *p = f->payload;
    bool may = param_get(m, PARAM_UNIT_KEYPAD) != 0;
    int err = may && f->n == 3 ? code_tell(m, &unit, be_get16(p), p[2], &x, &page) : E_NONE;
    p[0] = !may ? CIU_NOT_HERE : err == E_NONE ? CIU_NO_CODE : err ? CIU_NOT_NOW : CIU_DONE;
    f->n = 1;
    if (err == E_NONE) return;
    p[1] = (uint8_t)display_parts(x.item.column);
    p[2] = (uint8_t)(page.point | (page.item.kilo ? CIU_KILO : 0));
    p[3] = page.unit;
    memcpy(p + HEAD, page.cell, DISPLAY_CELLS);
    memcpy(p + HEAD + DISPLAY_CELLS, x.words, x.words_n);
    f->n = (uint8_t)(HEAD + DISPLAY_CELLS + x.words_n);
}

static void (*const ciu_orders[])(struct device *d, struct ciu_frame *f) = {
    [CIU_TOKEN] = ciu_token, [CIU_PAIR] = ciu_nothing, [CIU_POLL] = ciu_state,
    [CIU_SETUP] = ciu_setup, [CIU_CODE] = ciu_code,    [CIU_APDU] = ciu_nothing,
};

/* May this frame, authentic as it is, be taken? Its counter is used up then. */
static bool ciu_takes(struct device *d, const struct ciu_frame *f)
{
    struct meter *m = &d->meter;
    struct event_detail from = { .magnitude = f->unit };
    if (f->counter < unit_floor(m, f->unit) || f->counter == UINT32_MAX) {
        event_post(m, EV_REPLAY, &unit, &from);
        return false;
    }
    if (f->type == CIU_PAIR) {
        if (unit_pair(m, &unit, f->unit, f->counter) == 0) return true;
    } else if (unit_is_paired(m, f->unit)) {
        unit_heard(m, f->unit, f->counter);
        return true;
    }
    event_post(m, EV_ACCESS_DENIED, &unit, &from);
    return false;
}

/* A frame to this meter, authentic, new and of a paired unit, is an order; all else is told, or
 * passed over. */
static void ciu_order(struct device *d, struct courier *c)
{
    uint8_t key[16];
    struct ciu_frame f = { .type = 0 };
    size_t n = c->n;
    uint32_t from = be_get32(c->in + 3);
    bool is_ours =
        from >= 1 && from <= UNIT_SERIAL_MAX && be_get32(c->in + 7) == d->cfg->meter->serial;
    if (!is_ours || !pair_key(d, from, key)) return;
    int err = ciu_get(&f, key, c->in, &n);
    if (err == E_AUTH) {
        event_post(&d->meter, EV_DECRYPTION_FAILED, &unit, NULL);
    } else if (err == 0 && f.type >= CIU_TOKEN && f.type <= CIU_APDU && ciu_takes(d, &f) &&
               !(f.type == CIU_APDU && is_served(d, c, &f))) {
        ciu_orders[f.type](d, &f);
        f.type |= CIU_ANSWER;
        c->out_n = (uint16_t)ciu_put(&f, key, c->out);
    }
    wipe(key, sizeof key);
    wipe(&f, sizeof f);
}

/* -- octets in ----------------------------------------------------------------------------- */

/* How a line's octets become an order: true when one is whole. */
static bool take_text(struct courier *c, uint8_t octet)
{
    bool is_end = octet == '\r' || octet == '\n';
    if (is_end && c->too_long) {
        c->too_long = false;
        c->n = 1; /* it is answered as what it is: no order */
        c->in[0] = '?';
        return true;
    }
    if (is_end) return c->n > 0;
    if (c->too_long) return false;
    if (c->n == COURIER_IN) {
        c->too_long = true;
        return false;
    }
    c->in[c->n++] = octet;
    return false;
}

/* No key is needed to know a frame from noise. */
static bool take_frame(struct courier *c, uint8_t octet)
{
    c->in[c->n++] = octet;
    while (c->n) {
        size_t size = c->n < 3 ? CIU_LEAST : 3 + (size_t)be_get16(c->in + 1);
        bool is_frame = c->in[0] == CIU_START && size >= CIU_LEAST && size <= CIU_MOST;
        if (is_frame && c->n < size) return false;
        if (is_frame && be_get16(c->in + size - CIU_CRC) == crc16(c->in, size - CIU_CRC))
            return true;
        memmove(c->in, c->in + 1, --c->n);
    }
    return false;
}

size_t device_feed_courier(struct device *d, struct courier *c, const uint8_t *p, size_t n,
                           mono_t at)
{
    size_t taken = 0;
    if (c->is_bus && device_is_off(d, LINK_RS485)) return n;
    if (!c->is_whole && !c->out_n && at.us - c->heard.us > SILENCE_US && c->kind == COURIER_CIU)
        c->n = 0; /* the rest of that frame does not come any more */
    c->heard = at;
    while (taken < n && !c->is_whole && !c->out_n) {
        uint8_t octet = p[taken++];
        c->is_whole = c->kind == COURIER_CIU ? take_frame(c, octet) : take_text(c, octet);
    }
    return taken;
}

/* -- the lines of a device ----------------------------------------------------------------- */

enum courier_kind device_rs485(const struct device *d)
{
    static const uint8_t kind[] = {
        [RS485_DLMS] = COURIER_KINDS, [RS485_UNITS] = COURIER_CIU, [RS485_VTC] = COURIER_VTC
    };
    return (enum courier_kind)kind[param_get(&d->meter, PARAM_RS485_ROLE)];
}

void device_courier_open(struct device *d, struct courier *c, enum courier_kind kind,
                         struct link_io io)
{
    *c = (struct courier){ .next = d->couriers, .io = io, .kind = (uint8_t)kind };
    d->couriers = c;
}

void device_courier_close(struct device *d, struct courier *c)
{
    if (d->unit.line == c) courier_session_end(d);
    for (struct courier **at = &d->couriers; *at; at = &(*at)->next) {
        if (*at != c) continue;
        *at = c->next;
        break;
    }
    wipe(c, sizeof *c);
}

static uint8_t baud_of(const struct device *d)
{
    return (uint8_t)(param_get(&d->meter, PARAM_VTC_BAUD) + 1);
}

/* What was answered goes out at the old speed. */
static bool is_due(const struct device *d, const struct courier *c)
{
    if (c->out_n) return c->is_whole || c->io.ops->room(c->io.ctx) >= c->out_n;
    return c->is_whole || (c->kind == COURIER_VTC && c->baud != baud_of(d));
}

bool couriers_are_due(const struct device *d)
{
    for (const struct courier *c = d->couriers; c; c = c->next)
        if (is_due(d, c)) return true;
    return false;
}

static void order(struct device *d, struct courier *c)
{
    struct piece line = trimmed((struct piece){ (const char *)c->in, c->n });
    meter_at(&d->meter, c->heard);
    if (c->kind == COURIER_VTC)
        vtc_order(d, c, line);
    else if (c->kind == COURIER_SMS)
        sms_order(d, c, line);
    else
        ciu_order(d, c);
    wipe(c->in, sizeof c->in);
    c->n = 0;
    c->is_whole = false;
}

void couriers_step(struct device *d)
{
    struct courier *c = d->couriers;
    while (c && !is_due(d, c)) c = c->next;
    if (!c) return;
    if (c->is_whole) {
        order(d, c);
    } else if (c->out_n) {
        c->io.ops->send(c->io.ctx, c->out, c->out_n, false);
        c->out_n = 0;
    } else {
        c->baud = baud_of(d);
        if (c->io.ops->set_line)
            c->io.ops->set_line(c->io.ctx, link_baud(c->baud - 1u), LINE_8N1);
    }
}
