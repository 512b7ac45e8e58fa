#include "dlms/serve.h"

#include <string.h>

/* IEC 62056-21 at the optical head: sign-on at 300 baud, then HDLC (mode E) or a readout of
 * text (mode C). The first octet at rest decides: 2F begins a sign-on, anything else is HDLC's.
 * Octets are looked at without their parity bit; answers wait for the reaction time. */

enum state {
    REST,
    REQUEST,
    IDENTIFY,
    AWAIT_ACK,
    ACK,
    SWITCH,
    READOUT,
    REFUSE,
    AWAIT_NAK,
    HDLC
};
enum { CR = 0x0D, LF = 0x0A, SOH = 0x01, STX = 0x02, ETX = 0x03, ACK_CHAR = 0x06, NAK = 0x15 };
enum { WAIT_US = 1500000, REST_US = 120000000, TRIES = 3, BAUD_MAX = 9, LINE_MAX = 100 };

uint32_t link_baud(unsigned code)
{
    static const uint32_t baud[BAUD_MAX + 1] = { 300,  600,   1200,  2400,  4800,
                                                 9600, 19200, 38400, 57600, 115200 };
    return baud[code <= BAUD_MAX ? code : BAUD_MAX];
}
static const uint8_t break_message[] = { SOH, 'B', '0', ETX, 0x71 };

/* -- states ----------------------------------------------------------------------------- */

void mode_e_rest(struct dlms_server *d, struct dlms_link *l)
{
    struct dlms_port port;
    port_of(d, l, &port);
    *l->sign = (struct dlms_sign_on){ .state = REST };
    link_line(l, port.direct ? port.baud : 300, port.direct ? LINE_8N1 : LINE_7E1);
}

/* Something is to be said after the reaction time. */
static void react(struct dlms_server *d, struct dlms_link *l, enum state then)
{
    struct dlms_port port;
    port_of(d, l, &port);
    l->sign->state = (uint8_t)then;
    l->sign->n = 0;
    l->sign->due = server_in(d, port.fast_reaction ? 20000 : 200000);
}

static void await(struct dlms_server *d, struct dlms_link *l, enum state state)
{
    l->sign->state = (uint8_t)state;
    l->sign->n = 0;
    l->sign->due = server_in(d, WAIT_US);
}

/* -- request and acknowledgement -------------------------------------------------------- */

/* Ours, or nobody's in particular? Leading zeros do not count. */
static bool is_addressed(const struct dlms_port *port, const uint8_t *p, size_t n)
{
    const uint8_t *q = port->address;
    size_t m = port->address_len;
    if (n == 0) return true;
    while (n > 1 && *p == '0') p++, n--;
    while (m > 1 && *q == '0') q++, m--;
    return n == m && memcmp(p, q, n) == 0;
}

/* /? address ! CR LF */
static void take_request(struct dlms_server *d, struct dlms_link *l)
{
    struct dlms_sign_on *x = l->sign;
    struct dlms_port port;
    port_of(d, l, &port);
    bool good = x->n >= 5 && x->text[1] == '?' && x->text[x->n - 3] == '!' &&
                x->text[x->n - 2] == CR && is_addressed(&port, x->text + 2, x->n - 5u);
    if (good)
        react(d, l, IDENTIFY);
    else
        mode_e_rest(d, l);
}

static void send_identification(struct dlms_server *d, struct dlms_link *l)
{
    uint8_t b[1 + 3 + 1 + 2 + 16 + 2], n = 0;
    struct dlms_port port;
    port_of(d, l, &port);
    b[n++] = '/';
    for (unsigned i = 0; i < 3; i++) b[n++] = (uint8_t)port.maker[i];
    if (port.fast_reaction) b[3] |= 0x20; /* lower case: 20 ms */
    b[n++] = (uint8_t)('0' + port.prop_baud);
    b[n++] = '\\';
    b[n++] = '2';
    for (unsigned i = 0; i < 16 && port.ident[i]; i++) b[n++] = (uint8_t)port.ident[i];
    b[n++] = CR;
    b[n++] = LF;
    link_send(l, b, n, false);
    await(d, l, AWAIT_ACK);
}

static void begin_readout(struct dlms_server *d, struct dlms_link *l)
{
    l->sign->tries = 0;
    react(d, l, READOUT);
}

/* ACK V Z Y CR LF */
static void take_ack(struct dlms_server *d, struct dlms_link *l)
{
    struct dlms_sign_on *x = l->sign;
    struct dlms_port port;
    port_of(d, l, &port);
    uint8_t v = x->text[1], z = (uint8_t)(x->text[2] - '0'), y = x->text[3];
    if (z > port.prop_baud) z = port.prop_baud;
    x->baud = z;
    if (v == '2' && y == '2') {
        react(d, l, SWITCH);
    } else if (v == '0' && y == '1') {
        react(d, l, REFUSE);
    } else {
        if (v == '0' && y == '0') link_line(l, link_baud(z), LINE_7E1);
        begin_readout(d, l);
    }
}

/* -- answers ---------------------------------------------------------------------------- */

/* Mode E: the acknowledgement comes back at 300 baud, then both change. */
static void send_switch(struct dlms_server *d, struct dlms_link *l)
{
    const uint8_t z = (uint8_t)('0' + l->sign->baud);
    link_send(l, (const uint8_t[]){ ACK_CHAR, '2', z, '2', CR, LF }, 6, false);
    link_line(l, link_baud(l->sign->baud), LINE_8N1);
    l->sign->state = HDLC;
    l->sign->due = server_in(d, REST_US);
    memset(l->frame, 0, sizeof *l->frame);
}

static void send_refusal(struct dlms_server *d, struct dlms_link *l)
{
    link_line(l, link_baud(l->sign->baud), LINE_7E1);
    link_send(l, break_message, sizeof break_message, false);
    mode_e_rest(d, l);
}

static void put(struct dlms_link *l, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) l->sign->bcc ^= p[i];
    link_send(l, p, n, true);
}

static void end_readout(struct dlms_server *d, struct dlms_link *l)
{
    put(l, (const uint8_t[]){ '!', CR, LF, ETX }, 4);
    link_send(l, &l->sign->bcc, 1, false);
    await(d, l, AWAIT_NAK);
    size_t unsent = l->io.ops->unsent ? l->io.ops->unsent(l->io.ctx) : 0;
    l->sign->due = mono_after(l->sign->due, unsent * (UINT64_C(10000000) / l->baud));
}

/* One line a call, as the port has room: STX, lines, !, ETX, check character. */
static void send_readout(struct dlms_server *d, struct dlms_link *l)
{
    enum { ROOM_US = 2000 };
    uint8_t line[LINE_MAX + 2];
    struct dlms_sign_on *x = l->sign;
    if (link_room(l) < sizeof line + 8) {
        x->due = mono_after(d->now, ROOM_US);
        return;
    }
    if (x->line == 0) link_send(l, (const uint8_t[]){ STX }, 1, true);
    if (x->line == 0) x->bcc = 0;
    int n = host_of(d)->readout(d->app, x->line, line, LINE_MAX);
    if (n < 0) {
        end_readout(d, l);
        return;
    }
    line[n] = CR;
    line[n + 1] = LF;
    put(l, line, (size_t)n + 2);
    x->line++;
    x->due = d->now;
}

static void repeat_readout(struct dlms_server *d, struct dlms_link *l)
{
    if (++l->sign->tries >= TRIES) {
        mode_e_rest(d, l);
        return;
    }
    l->sign->line = 0;
    react(d, l, READOUT);
}

/* Is the line one on which frames are heard? At rest it is where HDLC needs no sign-on. */
bool mode_e_is_hdlc(const struct dlms_link *l)
{
    return l->sign->state == HDLC || (l->sign->state == REST && l->baud != 300);
}

/* -- octets ----------------------------------------------------------------------------- */

/* The break that sends everybody back to rest. */
static bool is_break(struct dlms_sign_on *x, uint8_t b)
{
    x->broken = b == break_message[x->broken] ? (uint8_t)(x->broken + 1) : b == SOH;
    if (x->broken < sizeof break_message) return false;
    x->broken = 0;
    return true;
}

static void collect(struct dlms_sign_on *x, uint8_t b)
{
    if (x->n == sizeof x->text) x->n = 0; /* no request is that long */
    x->text[x->n++] = b;
}

static void take_octet(struct dlms_server *d, struct dlms_link *l, uint8_t b)
{
    struct dlms_sign_on *x = l->sign;
    if (is_break(x, b)) {
        mode_e_rest(d, l);
        return;
    }
    switch (x->state) {
    case REST:
        if (b != '/') break;
        await(d, l, REQUEST);
        collect(x, b);
        break;
    case REQUEST:
        if (b == '/') x->n = 0;
        collect(x, b);
        x->due = mono_after(d->now, WAIT_US);
        if (b == LF) take_request(d, l);
        break;
    case AWAIT_ACK:
        if (b != ACK_CHAR) break;
        await(d, l, ACK);
        collect(x, b);
        break;
    case ACK:
        collect(x, b);
        if (b == LF && x->n == 6)
            take_ack(d, l);
        else if (b == LF || x->n > 6)
            begin_readout(d, l);
        break;
    case AWAIT_NAK:
        if (b == NAK) repeat_readout(d, l);
        if (b == ACK_CHAR) mode_e_rest(d, l);
        break;
    default: /* the meter is about to speak, or speaks */
        break;
    }
}

/* With no data link up a sign-on may begin again; a port at rest may be spoken to by HDLC. */
static bool is_hdlc(struct dlms_server *d, struct dlms_link *l, uint8_t b)
{
    struct dlms_sign_on *x = l->sign;
    bool between = l->frame->state <= 1 && l->frame->head_n == 0; /* frames */
    if (x->state == REST && b == HDLC_FLAG) {
        x->state = HDLC;
        if (l->io.ops->set_line) { /* a real line is at 300 baud 7E1 unless it is direct */
            struct dlms_port port;
            port_of(d, l, &port);
            link_line(l, port.baud, LINE_8N1);
        }
        memset(l->frame, 0, sizeof *l->frame);
    }
    if (x->state == HDLC && (b & 0x7F) == '/' && between && !l->first) mode_e_rest(d, l);
    return x->state == HDLC;
}

void mode_e_feed(struct dlms_server *d, struct dlms_link *l, const uint8_t *p, size_t n)
{
    while (n) {
        if (is_hdlc(d, l, *p)) {
            size_t run = l->first || l->frame->state > 1 ? n : 1;
            hdlc_feed(d, l, p, run);
            l->sign->due = mono_after(d->now, REST_US);
            p += run;
            n -= run;
        } else {
            take_octet(d, l, *p++ & 0x7F);
            n--;
        }
    }
}

mono_t mode_e_timer(struct dlms_server *d, struct dlms_link *l)
{
    struct dlms_sign_on *x = l->sign;
    if (x->state == REST) return MONO_NEVER;
    if (!is_due(d, x->due)) return x->due;
    switch (x->state) {
    case IDENTIFY:
        send_identification(d, l);
        break;
    case SWITCH:
        send_switch(d, l);
        break;
    case REFUSE:
        send_refusal(d, l);
        break;
    case READOUT:
        send_readout(d, l);
        break;
    case AWAIT_ACK:
    case ACK: /* none came: the text at 300 baud */
        begin_readout(d, l);
        break;
    case HDLC:
        if (l->first)
            x->due = mono_after(d->now, REST_US);
        else
            mode_e_rest(d, l);
        break;
    default:
        mode_e_rest(d, l);
    }
    return x->state == REST ? MONO_NEVER : x->due;
}
