/* ports.c - classes 19, 23, 124, 41 to 43 and 48: how a port speaks, and what guards it. What is set
 * holds from the next time a link comes to rest (dlms/host.h, port_get).
 */
#include <string.h>

#include "base/err.h"
#include "model/classes.h"

/* -- class 19: IEC 62056-21 on a local port ------------------------------------------------ */
static enum dar get_address(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint8_t b[LOCAL_ADDRESS];
    int n = param_read(meter_of(app), (uint16_t)(PARAM_LOCAL_1_ADDRESS + at->k), b, sizeof b);
    if (n < 0) return n;
    return axdr_emit_octets(o, b, (size_t)n);
}

/* What can be keyed in between "/?" and "!": printable, without those. */
static bool is_address(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] <= ' ' || p[i] > '~' || p[i] == '/' || p[i] == '!') return false;
    return n <= LOCAL_ADDRESS;
}

static enum dar set_address(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    size_t n = 0;
    const uint8_t *p = axdr_read_string(in, AXDR_OCTETS, &n);
    if (in->bad) return DAR_TYPE;
    if (!is_address(p, n)) return DAR_OTHER;
    return param_write(meter_of(app), at->who, (uint16_t)(PARAM_LOCAL_1_ADDRESS + at->k), p, n);
}

/* The sign-on is at 300 baud by the standard. Attributes 7 to 9 are passwords of a programming mode this meter has not: no way in. */
const struct cosem_attr local_port_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(3)] = { .get = get_first },
    [COSEM_ATTR(4)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(5)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(6)] = { .get = get_address, .set = set_address },
};

/* -- class 23: HDLC ------------------------------------------------------------------------ */
/* A row's bind.id is its link. */
static enum dar get_lower(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return axdr_emit_u16(o, device_lower_address(device_of(app), at->row->bind.id));
}

/* 0 would mean "from the serial number": that is not for writing. */
static enum dar set_lower(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint16_t v = axdr_read_u16(in);
    if (in->bad) return DAR_TYPE;
    if (v == device_lower_address(device_of(app), at->row->bind.id)) return DAR_OK;
    if (v < HDLC_LOWEST) return DAR_OTHER;
    return param_set(meter_of(app), at->who,
                     (uint16_t)(PARAM_HDLC_1_ADDRESS + at->row->bind.id * HDLCS), v);
}

const struct cosem_attr hdlc_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(3)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(4)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(5)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(6)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(7)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(8)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(9)] = { .get = get_lower, .set = set_lower },
};

/* -- class 124: what happens after failed attempts ----------------------------------------- */
/* Object E is the link; what it guards is the setup of that port. */
static enum dar get_port(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    bool wan = at->k == LINK_WAN;
    uint8_t ln[6] = { 0, 0, wan ? 25 : 20, 0, wan ? 0 : at->k, 255 };
    (void)app;
    return axdr_emit_octets(o, ln, sizeof ln);
}

enum { UNLOCKED, LOCKED_FOR_NOW, LOCKED };

static enum dar get_state(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    uint16_t mode = (uint16_t)(PARAM_GUARD_1_MODE + at->k * GUARDS);
    bool for_good = param_get(m, mode) == SECURE_PORT_LOCKED;
    bool locked = secure_is_locked(m, at->k);
    return axdr_emit_enum(o, for_good ? LOCKED : locked ? LOCKED_FOR_NOW : UNLOCKED);
}

static enum dar get_attempts(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct secure_lock *l = &meter_of(app)->secure.lock[at->k];
    return axdr_emit_u32(o, at->id == 9 ? l->failed : l->total);
}

static enum dar call_reset(void *app, const struct cosem_at *at, struct axdr_in *arg,
                           struct cosem_ret *ret)
{
    struct meter *m = meter_of(app);
    (void)arg, (void)ret;
    if (secure_reset(m, at->k)) event_post(m, EV_PORT_UNLOCKED, at->who, NULL);
    return DAR_OK;
}

const struct cosem_attr port_guard_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(3)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(4)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(5)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(6)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(7)] = { .get = get_port },
    [COSEM_ATTR(8)] = { .get = get_state },
    [COSEM_ATTR(9)] = { .get = get_attempts },
    [COSEM_ATTR(10)] = { .get = get_attempts },
};
const struct cosem_method guard_method[] = { [COSEM_METHOD(1)] = { .call = call_reset,
                                                                   .ret = &cosem_order } };

/* -- classes 41, 42, 43: the network: what was set, or as the port has it ------------------ */
/* The answer goes out by the network as it was. */
enum { NET_LATER_US = 1000000 };

static struct device_net net_of(void *app)
{
    struct device_net n;
    (void)device_net_get(device_of(app), &n);
    return n;
}

/* The network is as the parameters have it: none waits to take effect. */
static bool is_set_up(void *app)
{
    return device_of(app)->net_due.us == MONO_NEVER.us;
}

/* Attributes that show a member of the network as it is, and the parameter that sets it. */
static const struct net_field {
    uint8_t class_id, id;
    uint16_t param; /* 0: the port's own affair */
    struct axdr_field f;
} net_field[] = {
    { 41, 2, PARAM_NET_PORT, AXDR_FIELD(U16, struct device_net, port) },
    { 41, 4, 0, AXDR_FIELD(U16, struct device_net, mss) },
    { 41, 5, PARAM_NET_CONNECTIONS, AXDR_FIELD(U8, struct device_net, connections) },
    { 42, 3, PARAM_NET_ADDRESS, AXDR_FIELD(U32, struct device_net, address) },
    { 42, 6, PARAM_NET_MASK, AXDR_FIELD(U32, struct device_net, mask) },
    { 42, 7, PARAM_NET_GATEWAY, AXDR_FIELD(U32, struct device_net, gateway) },
    { 42, 8, 0, AXDR_FIELD(BOOL, struct device_net, dhcp) },
    { 42, 9, PARAM_NET_DNS_1, AXDR_FIELD(U32, struct device_net, dns[0]) },
    { 42, 10, PARAM_NET_DNS_2, AXDR_FIELD(U32, struct device_net, dns[1]) },
    { 43, 2, 0, AXDR_FIELD(OCTETS, struct device_net, mac) },
    { 48, 7, 0, AXDR_FIELD(OCTETS, struct device_net, dns6[0]) },
    { 48, 8, 0, AXDR_FIELD(OCTETS, struct device_net, dns6[1]) },
};

static const struct net_field *field_of(const struct cosem_at *at)
{
    const struct net_field *x = net_field;
    while (x->class_id != at->cls->id || x->id != at->id) x++;
    return x;
}

static enum dar get_net(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct device_net n = net_of(app);
    return axdr_emit_fields(o, &field_of(at)->f, 1, &n);
}

/* At least two clients at once; a mask is ones, then zeros. */
static bool is_possible(uint16_t param, uint32_t v)
{
    if (param == PARAM_NET_MASK) return !(~v & (~v + 1));
    return param == PARAM_NET_CONNECTIONS ? v >= 2 : param != PARAM_NET_PORT || v;
}

static enum dar set_net(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct device *d = device_of(app);
    const struct net_field *x = field_of(at);
    struct device_net n = net_of(app);
    struct axdr_in number = *in;
    uint8_t is[5];
    struct axdr_out o = axdr_out(is, sizeof is);
    axdr_emit_fields(&o, &x->f, 1, &n);
    (void)axdr_read_fields(in, &x->f, 1, &n);
    if (in->bad) return DAR_TYPE;
    if (!memcmp(is, number.p, o.len) && is_set_up(app)) return DAR_OK;
    uint32_t v = (uint32_t)axdr_read_number(&number, NULL);
    if (!is_possible(x->param, v)) return DAR_OTHER;
    enum dar dar = param_set(&d->meter, at->who, x->param, (int32_t)v);
    if (dar == DAR_OK) d->net_due = mono_after(d->meter.t, NET_LATER_US);
    return dar;
}

/* What it stands on: 0-0:25.d.0. */
static enum dar get_below(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    return axdr_emit_octets(o, (uint8_t[]){ 0, 0, 25, (uint8_t)at->row->bind.id, 0, 255 }, 6);
}

const struct cosem_attr tcp_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_net, .set = set_net },
    [COSEM_ATTR(3)] = { .get = get_below },
    [COSEM_ATTR(4)] = { .get = get_net },
    [COSEM_ATTR(5)] = { .get = get_net, .set = set_net },
    [COSEM_ATTR(6)] = { .get = get_shown, .set = set_shown },
};

const struct cosem_attr ipv4_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_below },
    [COSEM_ATTR(3)] = { .get = get_net, .set = set_net },
    [COSEM_ATTR(4)] = { .get = get_empty },
    [COSEM_ATTR(5)] = { .get = get_empty },
    [COSEM_ATTR(6)] = { .get = get_net, .set = set_net },
    [COSEM_ATTR(7)] = { .get = get_net, .set = set_net },
    [COSEM_ATTR(8)] = { .get = get_net },
    [COSEM_ATTR(9)] = { .get = get_net, .set = set_net },
    [COSEM_ATTR(10)] = { .get = get_net, .set = set_net },
};

/* -- class 48: addresses come from the link and its routers -------------------------------- */

static const struct axdr_field ip6_field = { .kind = AXDR_K_OCTETS, .arg = 16 };
static const struct row_shape ip6_shape = { &ip6_field, 1, 16, 0 };

static enum dar get_ip6(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct device_net n = net_of(app);
    (void)at;
    return emit_rows(o, &ip6_shape, n.ip6, n.ip6_n);
}

static enum dar get_gateway6(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    static const uint8_t none[16];
    struct device_net n = net_of(app);
    (void)at;
    return emit_rows(o, &ip6_shape, n.gateway6, memcmp(n.gateway6, none, sizeof none) != 0);
}

static enum dar get_traffic(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    return axdr_emit_u8(o, 0);
}

const struct cosem_attr ipv6_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_below },    [COSEM_ATTR(3)] = { .get = get_first },
    [COSEM_ATTR(4)] = { .get = get_ip6 },      [COSEM_ATTR(5)] = { .get = get_empty },
    [COSEM_ATTR(6)] = { .get = get_gateway6 }, [COSEM_ATTR(7)] = { .get = get_net },
    [COSEM_ATTR(8)] = { .get = get_net },      [COSEM_ATTR(9)] = { .get = get_traffic },
    [COSEM_ATTR(10)] = { .get = get_empty },
};

const struct cosem_attr mac_attr[] = { [COSEM_ATTR(2)] = { .get = get_net } };

/* What a port has not wired is not there: a network, the cell's voltage, a thermometer. */
enum dar model_gate(void *app, const struct cosem_at *at)
{
    unsigned c = at->row->cls;
    const struct meter_io *io = meter_of(app)->io;
    struct device_net net;
    bool wired = c == INDEX_class_tcp || c == INDEX_class_ipv4 || c == INDEX_class_ipv6 ||
                 c == INDEX_class_mac;
    bool missing = wired && !device_net_get(device_of(app), &net);
    if (c == INDEX_class_register)
        missing = (at->row->bind.id == REG_BATTERY && !io->battery_mv) ||
                  (at->row->bind.id == REG_TEMP && !io->temperature_dc);
    return missing ? DAR_UNAVAILABLE : DAR_OK;
}
