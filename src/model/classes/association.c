/* association.c - classes 15 and 17: who is talking, what it may see, where the devices are. */
#include "model/classes.h"

#include <string.h>

#include "base/bytes.h"
#include "base/sys.h"

/* Row bind.id is a role; ROLES means the association in use, 0-0:40.0.0. */
static uint8_t role_of(const struct cosem_at *at)
{
    return at->row->bind.id == ROLES ? at->who->assoc : (uint8_t)at->row->bind.id;
}

/* The session an instance speaks of: the asker's own, or that of the client it describes. */
static const struct dlms_session *session_of(void *app, const struct cosem_at *at)
{
    if (role_of(at) == at->who->assoc) return at->session;
    return dlms_find_session(&device_of(app)->server, role_of(at));
}

static struct dlms_info info_of(void *app, const struct cosem_at *at)
{
    const struct dlms_assoc *a = &device_assoc[role_of(at)];
    const struct dlms_session *s = session_of(app, at);
    struct dlms_info info = {
        .context = a->flags & ASSOC_CIPHERED ? 3 : 1,
        .version = 6,
        .conformance = a->conformance,
        .client_sap = a->client_sap,
        .server_sap = DEVICE_SAP,
    };
    for (uint8_t m = 0; m < 8; m++)
        if (a->mechanisms >> m & 1) info.mechanism = m;
    if (s) dlms_info_get(s, &info);
    return info;
}

/* -- object_list ------------------------------------------------------------------------------
 */
/* Seen with the eyes of the client the instance belongs to. */
static struct cosem_at as_client(const struct cosem_at *at, struct who *who)
{
    struct cosem_at seen = *at;
    *who = *at->who;
    who->assoc = role_of(at);
    seen.who = who;
    return seen;
}

/* Selector 1: all, without rights; 2: some classes, without rights; 3: some objects; 4: one.
 * The parameters are read again for each element, from the request that the session still
 * holds. */
enum { W_SELECTOR = 4, W_ARG = 5 };

static enum dar list_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                          struct span *s)
{
    struct who who;
    struct cosem_at seen = as_client(at, &who);
    (void)app;
    if (sel->selector > 1) return DAR_SCOPE;
    struct axdr_in arg = sel->arg;
    if (sel->selector == 1 && !cosem_no_arg(&arg)) return DAR_TYPE;
    s->work[W_SELECTOR] = sel->selector;
    s->end = cosem_list_count(&device_model, &seen, -1);
    return DAR_OK;
}

static enum dar list_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                         struct axdr_out *o)
{
    struct who who;
    struct cosem_at seen = as_client(at, &who);
    (void)app;
    return cosem_list_emit(&device_model, &seen, i, s->work[W_SELECTOR] != 1, s, o);
}

static const struct cosem_seq list_seq = { .open = list_open, .row = list_row };

/* -- the partners and what they agreed --------------------------------------------------------
 */
static enum dar get_partners(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct dlms_info info = info_of(app, at);
    axdr_emit_head(o, AXDR_STRUCTURE, 2);
    axdr_emit_i8(o, (int8_t)info.client_sap);
    axdr_emit_u16(o, info.server_sap);
    return DAR_OK;
}

static void emit_name(struct axdr_out *o, uint8_t kind, uint8_t number)
{
    axdr_emit_octets(o, (uint8_t[]){ 0x60, 0x85, 0x74, 0x05, 0x08, kind, number }, 7);
}

static enum dar get_context(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    emit_name(o, 1, info_of(app, at).context);
    return DAR_OK;
}

static enum dar get_xdlms(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct dlms_info info = info_of(app, at);
    uint8_t bits[3] = { (uint8_t)(info.conformance >> 16), (uint8_t)(info.conformance >> 8),
                        (uint8_t)info.conformance };
    axdr_emit_head(o, AXDR_STRUCTURE, 6);
    axdr_emit_bits(o, bits, 24);
    axdr_emit_u16(o, info.max_receive);
    axdr_emit_u16(o, info.max_send);
    axdr_emit_u8(o, info.version);
    axdr_emit_i8(o, info.quality);
    axdr_emit_octets(o, "", 0); /* the dedicated key is nobody's to read */
    return DAR_OK;
}

static enum dar get_mechanism(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    emit_name(o, 2, info_of(app, at).mechanism);
    return DAR_OK;
}

static enum dar set_secret(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    size_t n = 0;
    const uint8_t *p = axdr_read_string(in, AXDR_OCTETS, &n);
    if (!axdr_is_done(in)) return DAR_TYPE;
    return dar_of(device_set_secret(device_of(app), at->who, role_of(at), p, n));
}

static enum dar get_status(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_enum(o, info_of(app, at).status);
    return DAR_OK;
}

static enum dar get_security_setup(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    static const uint8_t setup[6] = { 0, 0, 43, 0, 0, 255 }, none[6] = { 0 };
    bool ciphered = device_assoc[role_of(at)].flags & ASSOC_CIPHERED;
    (void)app;
    axdr_emit_octets(o, ciphered ? setup : none, 6);
    return DAR_OK;
}

static enum dar get_users(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    axdr_emit_head(o, AXDR_ARRAY, 0);
    return DAR_OK;
}

static enum dar get_user(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_head(o, AXDR_STRUCTURE, 2);
    axdr_emit_u8(o, info_of(app, at).user_id);
    axdr_emit_string(o, AXDR_VISIBLE, "", 0);
    return DAR_OK;
}

/* The server answers pass 3 itself; who calls it in an open association has nothing to prove.
 */
static enum dar call_reply(void *app, const struct cosem_at *at, struct axdr_in *arg,
                           struct cosem_ret *ret)
{
    (void)app, (void)at, (void)arg, (void)ret;
    return DAR_TEMPORARY;
}

static const struct cosem_attr association_attr[] = {
    { .id = 1, .get = get_ln },
    { .id = 2, .selectors = 1 << 1, .seq = &list_seq },
    { .id = 3, .get = get_partners },
    { .id = 4, .get = get_context },
    { .id = 5, .get = get_xdlms },
    { .id = 6, .get = get_mechanism },
    { .id = 7, .set = set_secret },
    { .id = 8, .get = get_status },
    { .id = 9, .get = get_security_setup },
    { .id = 10, .get = get_users },
    { .id = 11, .get = get_user },
};
static const struct cosem_method association_method[] = { { .id = 1, .call = call_reply } };
const struct cosem_class class_association = {
    .id = 15,
    .version = 3,
    .n_attr = COUNT(association_attr),
    .attr = association_attr,
    .n_method = COUNT(association_method),
    .method = association_method,
};

/* -- class 17 ---------------------------------------------------------------------------------
 */
static enum dar get_saps(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    static const struct cosem_row name = {
        { 0, 0, 42, 0, 0, 255 }, 1, ACL_ALL, &class_text, { { .id = TEXT_DEVICE_NAME } }
    };
    struct cosem_at it = { .row = &name, .who = at->who, .id = 2 };
    axdr_emit_head(o, AXDR_ARRAY, 1);
    axdr_emit_head(o, AXDR_STRUCTURE, 2);
    axdr_emit_u16(o, DEVICE_SAP);
    return class_text.attr[1].get(app, &it, o);
}

static const struct cosem_attr sap_attr[] = { { .id = 1, .get = get_ln },
                                              { .id = 2, .get = get_saps } };
const struct cosem_class class_sap = { .id = 17, .n_attr = COUNT(sap_attr), .attr = sap_attr };
