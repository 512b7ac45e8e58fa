/* security.c - class 64: the policy, suite and titles of the ciphered associations. */
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/suite.h"
#include "dlms/cipher.h"
#include "model/classes.h"
#include "model/curve.h"
#include "model/security.h"

#define SIGNED (PROT_SIGN_REQ | PROT_SIGN_RES)

static struct dlms_security setup_of(void *app)
{
    struct dlms_security s;
    device_host.security_get(app, ROLE_MANAGEMENT, &s);
    return s;
}

static enum dar get_policy(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return axdr_emit_enum(o, setup_of(app).policy);
}

static enum dar get_suite(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return axdr_emit_enum(o, setup_of(app).suite);
}

static enum dar get_client_title(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct dlms_info info = { .title = NULL };
    const struct dlms_session *s = at->session;
    if (at->who->assoc != ROLE_MANAGEMENT)
        s = dlms_find_session(&device_of(app)->server, ROLE_MANAGEMENT);
    if (s) dlms_info_get(s, &info);
    return axdr_emit_octets(o, info.title, info.title ? DLMS_TITLE : 0);
}

static enum dar get_server_title(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct dlms_security s = setup_of(app);
    (void)at;
    return axdr_emit_octets(o, s.server_title, DLMS_TITLE);
}

/* Key number i of the array. E_TYPE: it is no such array; E_NONE: there are no more. */
static int read_key(struct axdr_in arg, uint32_t i, uint8_t *id, const uint8_t **wrapped)
{
    uint32_t n = axdr_read_head(&arg, AXDR_ARRAY);
    int err = i < n ? 0 : E_NONE;
    if (n == 0 || n > DEVICE_KEYS) return E_TYPE;
    for (uint32_t k = 0; k < n; k++) {
        size_t len = 0;
        axdr_read_struct(&arg, 2);
        uint8_t id_k = axdr_read_enum(&arg);
        const uint8_t *p = axdr_read_string(&arg, AXDR_OCTETS, &len);
        if (arg.bad || len != DEVICE_KEY + KW_EXTRA) return E_TYPE;
        if (k == i) *id = id_k, *wrapped = p;
    }
    return axdr_is_done(&arg) ? err : E_TYPE;
}

/* Unwrap each, one a step, then store all: the device decides as a whole. What is wrapped for the
 * key store already waits in the span, which nothing else needs here. */
static enum dar call_key_transfer(void *app, const struct cosem_at *at, struct axdr_in *arg,
                                  struct cosem_ret *ret)
{
    struct device *d = device_of(app);
    struct device_keys keys;
    const uint8_t *wrapped = NULL;
    uint8_t id = 0;
    _Static_assert(sizeof keys <= sizeof ret->span, "kept there");
    memcpy(&keys, &ret->span, sizeof keys);
    int err = read_key(*arg, keys.n, &id, &wrapped);
    if (err == E_NONE) return device_keys_store(d, at->who, &keys);
    if (!err) err = device_keys_unwrap(d, &keys, id, wrapped);
    memcpy(&ret->span, &keys, sizeof keys);
    return err ? err : DAR_PENDING;
}

/* Only to a suite that can be used, and none that the policy has grown beyond. */
static enum dar set_suite(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct device *d = device_of(app);
    uint8_t suite = axdr_read_enum(in);
    if (in->bad) return DAR_TYPE;
    if (suite > CFG_SUITE1) return DAR_OTHER;
    enum dar dar = CFG_SUITE1 && suite             ? suite1_is_complete(d, at)
                   : setup_of(app).policy & SIGNED ? DAR_DENIED
                                                   : DAR_OK;
    if (dar != DAR_OK) return dar;
    return secure_setup_set(&d->meter, at->who, PARAM_SECURITY_SUITE, suite);
}

/* Policies only grow; signatures need suite 1, and a client that can sign. */
static enum dar call_activate(void *app, const struct cosem_at *at, struct axdr_in *arg,
                              struct cosem_ret *ret)
{
    struct device *d = device_of(app);
    struct dlms_security is = setup_of(app);
    uint8_t policy = axdr_read_enum(arg);
    (void)ret;
    if (arg->bad) return DAR_TYPE;
    bool weaker = is.policy & ~policy, unknown = policy & ~(PROT_REQ | PROT_RES);
    if (weaker || unknown || (policy & SIGNED && is.suite == 0)) return DAR_DENIED;
    enum dar dar = CFG_SUITE1 && policy & SIGNED ? suite1_is_complete(d, at) : DAR_OK;
    if (dar != DAR_OK) return dar;
    return secure_setup_set(&d->meter, at->who, PARAM_SECURITY_POLICY, policy);
}

const struct cosem_attr security_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_policy },
    [COSEM_ATTR(3)] = { .get = get_suite, .set = set_suite },
    [COSEM_ATTR(4)] = { .get = get_client_title },
    [COSEM_ATTR(5)] = { .get = get_server_title },
    [COSEM_ATTR(6)] = { .get = CFG_SUITE1 ? NULL : get_empty,
                        .seq = CFG_SUITE1 ? &seq_certificates : NULL },
};
const struct cosem_method suite0_method[] = {
    [COSEM_METHOD(1)] = { .call = call_activate },
    [COSEM_METHOD(2)] = { .call = call_key_transfer },
};
const struct cosem_method suite1_method[] = {
    [COSEM_METHOD(1)] = { .call = call_activate },
    [COSEM_METHOD(2)] = { .call = call_key_transfer },
    [COSEM_METHOD(3)] = { .call = call_agree },
    [COSEM_METHOD(4)] = { .call = call_generate },
    [COSEM_METHOD(5)] = { .call = call_request },
    [COSEM_METHOD(6)] = { .call = call_import },
    [COSEM_METHOD(7)] = { .call = call_export },
    [COSEM_METHOD(8)] = { .call = call_remove },
};
