#include "indoor.h"

#include <string.h>

#include "base/bytes.h"
#include "base/sys.h"
#include "dlms/xdlms.h"

enum { WAIT_MS = 3000, INVOKE = 0xC1 };

static size_t room(void *ctx)
{
    (void)ctx;
    return COURIER_OUT;
}

/* On a bus it hears what others are told as well, and its key does not open that. */
static void hear(void *ctx, const uint8_t *p, size_t n, bool more)
{
    struct indoor *u = ctx;
    struct ciu_frame f;
    size_t size = n;
    ensure(!more && meter_is_ready(&u->k->d.meter));
    if (ciu_get(&f, u->key, p, &size)) return;
    ensure(size == n && f.unit == u->serial && f.meter == u->k->meter.serial);
    u->heard = f;
    u->answers++;
}

static const struct link_ops ops = { .room = room, .send = hear };

void indoor_open(struct indoor *u, struct desk *k, uint32_t serial, struct indoor *beside)
{
    *u = (struct indoor){ .k = k, .serial = serial, .counter = 1 };
    u->on = beside ? beside->on : &u->line;
    ciu_key(u->key, device_development.key[SECURE_UNICAST], k->meter.serial, serial);
    if (!beside) device_courier_open(&k->d, &u->line, COURIER_CIU, (struct link_io){ &ops, u });
}

void indoor_close(struct indoor *u)
{
    device_courier_close(&u->k->d, &u->line);
}

void indoor_pair(struct desk *k, uint32_t serial, uint32_t other)
{
    static const struct who engineer = { .sap = 1, .link = LINK_WAN, .assoc = ROLE_MANAGEMENT };
    const struct unit_entry e[UNIT_PLACES] = { { serial, UNIT_RF_868 }, { other, UNIT_PLC } };
    ensure(unit_set(&k->d.meter, &engineer, e, other ? 2 : 1) == 0);
    desk_settle(k);
}

bool indoor_again(struct indoor *u)
{
    struct desk *k = u->k;
    unsigned answers = u->answers;
    u->on->io.ctx = u; /* whose ears they are now */
    for (size_t at = 0; at < u->frame_n; desk_settle(k))
        at += device_feed_courier(&k->d, u->on, u->frame + at, u->frame_n - at, k->now);
    for (unsigned ms = 0; ms < WAIT_MS && u->answers == answers; ms++) {
        k->now = mono_after(k->now, 1000);
        desk_settle(k);
    }
    return u->answers != answers;
}

bool indoor_ask(struct indoor *u, uint8_t type, const void *payload, size_t n)
{
    unsigned answers = u->answers;
    struct ciu_frame f = { .unit = u->serial,
                           .meter = u->k->meter.serial,
                           .counter = u->counter++,
                           .type = type,
                           .n = (uint8_t)n };
    ensure(n <= CIU_PAYLOAD);
    memcpy(f.payload, payload, n);
    u->frame_n = ciu_put(&f, u->key, u->frame);
    if (!indoor_again(u)) return false;
    ensure(u->answers == answers + 1 && u->heard.counter == f.counter);
    ensure(u->heard.type == (type | CIU_ANSWER));
    return true;
}

int indoor_apdu(struct indoor *u, const uint8_t *apdu, size_t n)
{
    return indoor_ask(u, CIU_APDU, apdu, n) ? u->heard.n : -1;
}

size_t indoor_head(uint8_t dst[INDOOR_HEAD], uint8_t tag, uint16_t cls, struct obis ln,
                   uint8_t id)
{
    const uint8_t head[INDOOR_HEAD] = { tag,          1,    INVOKE, (uint8_t)(cls >> 8),
                                        (uint8_t)cls, ln.a, ln.b,   ln.c,
                                        ln.d,         ln.e, ln.f,   id };
    memcpy(dst, head, sizeof head);
    return sizeof head;
}

/* A block's data, from octet `at` of the answer on; true: the last. */
static bool block(const struct indoor *u, uint32_t number, struct desk_value *v, size_t room_n)
{
    const uint8_t *p = u->heard.payload;
    struct axdr_in in = axdr_in(p + 9, (size_t)u->heard.n - 9);
    ensure(u->heard.n > 10 && p[1] == GET_RES_BLOCK && be_get32(p + 4) == number && !p[8]);
    uint32_t n = axdr_read_length(&in);
    ensure(!in.bad && n == in.n && v->n + n <= room_n);
    memcpy(v->p + v->n, in.p, n);
    v->n += n;
    return p[3];
}

enum dar indoor_get(struct indoor *u, uint16_t cls, struct obis ln, uint8_t attr,
                    struct desk_value *v)
{
    uint8_t ask[INDOOR_HEAD + 1] = { 0 };
    const uint8_t *p = u->heard.payload;
    size_t room_n = v->n;
    indoor_head(ask, XDLMS_GET_REQ, cls, ln, attr);
    int n = indoor_apdu(u, ask, sizeof ask);
    ensure(n >= 5 && p[0] == XDLMS_GET_RES && p[2] == INVOKE);
    v->n = 0;
    if (p[1] == GET_RES_NORMAL) {
        if (p[3]) return (enum dar)p[4];
        v->n = (size_t)n - 4;
        ensure(v->n <= room_n);
        memcpy(v->p, p + 4, v->n);
        return DAR_OK;
    }
    for (uint32_t number = 1; !block(u, number, v, room_n); number++) {
        uint8_t next[7] = { XDLMS_GET_REQ, 2, INVOKE };
        be_put32(next + 3, number);
        ensure(indoor_apdu(u, next, sizeof next) > 0 && p[0] == XDLMS_GET_RES);
    }
    return DAR_OK;
}

enum dar indoor_set(struct indoor *u, uint16_t cls, struct obis ln, uint8_t attr, const void *p,
                    size_t n)
{
    uint8_t ask[CIU_PAYLOAD] = { 0 };
    size_t head = indoor_head(ask, XDLMS_SET_REQ, cls, ln, attr) + 1;
    ensure(head + n <= sizeof ask);
    memcpy(ask + head, p, n);
    ensure(indoor_apdu(u, ask, head + n) == 4 && u->heard.payload[0] == XDLMS_SET_RES);
    return (enum dar)u->heard.payload[3];
}

enum dar indoor_call(struct indoor *u, uint16_t cls, struct obis ln, uint8_t method,
                     const void *p, size_t n)
{
    uint8_t ask[CIU_PAYLOAD] = { 0 };
    size_t head = indoor_head(ask, XDLMS_ACTION_REQ, cls, ln, method);
    ask[head++] = 1;
    ensure(head + n <= sizeof ask);
    memcpy(ask + head, p, n);
    ensure(indoor_apdu(u, ask, head + n) >= 5 && u->heard.payload[0] == XDLMS_ACTION_RES);
    return (enum dar)u->heard.payload[3];
}
