/* push.c - class 40: what is sent without being asked; and what stands around it: the alarm
 * monitors (class 21) and the state of the installation push. */
#include "base/err.h"
#include "model/classes.h"

#include <string.h>

enum { FIRST = 3 }; /* attribute that the octets of a setup begin with */

static unsigned push_of(const struct cosem_at *at)
{
    return at->row->bind.id;
}

/* -- attributes 2 to 13 -------------------------------------------------------------------- */

static enum dar get_list(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint8_t list[PUSH_LIST];
    return axdr_emit(o, list, push_list_octets(device_of(app), push_of(at), list));
}

static enum dar set_list(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct push_entry e;
    uint8_t was[PUSH_LIST];
    const struct axdr_in whole = *in;
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    int err = n > PUSH_ENTRIES ? E_RANGE : 0;
    for (uint32_t i = 0; i < n && !err; i++) err = push_read_entry(&e, in);
    if (!err && in->bad) err = E_TYPE;
    if (!err && whole.n > PUSH_LIST) err = E_RANGE;
    if (err) return err;
    size_t had = push_list_octets(device_of(app), push_of(at), was);
    if (had == whole.n && !memcmp(was, whole.p, had)) return DAR_OK;
    return param_write(meter_of(app), at->who, (uint16_t)(PARAM_PUSH_1_LIST + push_of(at)),
                       whole.p, whole.n);
}

/* The value of attribute at->id within the octets of the setup. */
static struct axdr_in value_of(const struct cosem_at *at, const uint8_t *p, size_t n)
{
    struct axdr_in in = axdr_in(p, n), v = in;
    for (uint8_t id = FIRST; id <= at->id; id++) v = axdr_read_value(&in);
    return v;
}

static enum dar get_value(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint8_t octets[PUSH_SETUP];
    size_t n = push_setup_octets(device_of(app), push_of(at), octets);
    struct axdr_in v = value_of(at, octets, n);
    return axdr_emit(o, v.p, v.n);
}

/* The setup with this value in the place of the old one must be one that can be read. */
static enum dar set_value(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint8_t octets[PUSH_SETUP];
    struct push_setup s;
    struct device *d = device_of(app);
    size_t n = push_setup_octets(d, push_of(at), octets);
    struct axdr_in v = value_of(at, octets, n);
    size_t from = (size_t)(v.p - octets), to = from + v.n;
    if (v.n == in->n && !memcmp(v.p, in->p, v.n)) return DAR_OK;
    if (n - v.n + in->n > sizeof octets) return DAR_OTHER;
    memmove(octets + from + in->n, octets + to, n - to);
    memcpy(octets + from, in->p, in->n);
    n = n - v.n + in->n;
    int err = push_read_setup(&s, octets, n);
    if (err) return err;
    bool signs = push_of(at) != PUSH_POWER_DOWN && param_get(&d->meter, PARAM_SECURITY_SUITE);
    if (s.guard & PROT_SIGN_RES && !signs) return DAR_OTHER;
    unsigned part = (unsigned)(at->id - FIRST) * PARAM_PART;
    uint16_t param = (uint16_t)(PARAM_PUSH_1 + push_of(at) + part);
    err = param_write(&d->meter, at->who, param, octets, n);
    if (!err && push_of(at) == PUSH_INSTALLATION && !d->meter.pushes.registered)
        (void)push_order(&d->meter, PUSH_INSTALLATION);
    return err;
}

static enum dar get_confirmed(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    return emit_moment(m, o, (utc_t){ m->pushes.confirmed[push_of(at)] });
}

/* -- methods ------------------------------------------------------------------------------- */

static enum dar call_push(void *app, const struct cosem_at *at, struct axdr_in *arg,
                          struct cosem_ret *ret)
{
    (void)arg, (void)ret;
    return push_order(meter_of(app), push_of(at));
}

static enum dar call_reset(void *app, const struct cosem_at *at, struct axdr_in *arg,
                           struct cosem_ret *ret)
{
    (void)arg, (void)ret;
    push_reset(device_of(app), push_of(at));
    return DAR_OK;
}

const struct cosem_attr push_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_list, .set = set_list },
    [COSEM_ATTR(3)] = { .get = get_value, .set = set_value },
    [COSEM_ATTR(4)] = { .get = get_value, .set = set_value },
    [COSEM_ATTR(5)] = { .get = get_value, .set = set_value },
    [COSEM_ATTR(6)] = { .get = get_value, .set = set_value },
    [COSEM_ATTR(7)] = { .get = get_value, .set = set_value },
    [COSEM_ATTR(8)] = { .get = get_value, .set = set_value },
    [COSEM_ATTR(9)] = { .get = get_value, .set = set_value },
    [COSEM_ATTR(10)] = { .get = get_value, .set = set_value },
    [COSEM_ATTR(11)] = { .get = get_value, .set = set_value },
    [COSEM_ATTR(12)] = { .get = get_value, .set = set_value },
    [COSEM_ATTR(13)] = { .get = get_confirmed },
};
const struct cosem_method push_method[] = {
    [COSEM_METHOD(1)] = { .call = call_push, .ret = &cosem_order },
    [COSEM_METHOD(2)] = { .call = call_reset, .ret = &cosem_order }
};

/* -- 0-0:96.64.2: {registered, attempts, next try}; written, registered decides ------------ */

static enum dar get_installation(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct device *d = device_of(app);
    const struct push_job *j = &d->push.job[PUSH_INSTALLATION];
    int64_t wait_us = (int64_t)(j->due.us - d->meter.t.us);
    (void)at;
    axdr_emit_struct(o, 3);
    axdr_emit_bool(o, d->meter.pushes.registered);
    axdr_emit_u8(o, j->tries);
    return emit_moment(&d->meter, o,
                       (utc_t){ j->waiting ? d->meter.utc.s + wait_us / 1000000 : 0 });
}

static enum dar set_installation(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct device *d = device_of(app);
    uint8_t next[12];
    (void)at;
    axdr_read_struct(in, 3);
    bool registered = axdr_read_bool(in);
    (void)axdr_read_u8(in);
    axdr_read_datetime(in, next);
    if (in->bad) return DAR_TYPE;
    push_reset(d, PUSH_INSTALLATION);
    push_register(&d->meter, registered);
    if (!registered) (void)push_order(&d->meter, PUSH_INSTALLATION);
    return DAR_OK;
}

const struct cosem_attr installation_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_installation, .set = set_installation },
};
