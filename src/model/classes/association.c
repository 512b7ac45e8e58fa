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
    for (uint8_t m = 8; m-- > 0;) /* the usual one */
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
 * Classes, or where objects stand in the table, are kept in the span, whose columns a list has
 * no use for: LIST_ITEMS of them. */
enum { W_SELECTOR = 2, W_ITEMS, LIST_ITEMS = CFG_COLUMNS / 16 };

static void item_add(struct span *s, uint16_t v)
{
    memcpy((uint8_t *)s->cols.word + s->work[W_ITEMS]++ * sizeof v, &v, sizeof v);
}

static uint16_t item_at(const struct span *s, uint32_t n)
{
    uint16_t v;
    memcpy(&v, (const uint8_t *)s->cols.word + n * sizeof v, sizeof v);
    return v;
}

/* A class that is named twice counts once. */
static enum dar pick_classes(struct axdr_in *arg, const struct cosem_at *seen, struct span *s)
{
    uint32_t n = axdr_read_head(arg, AXDR_ARRAY);
    if (n > LIST_ITEMS) return DAR_OTHER;
    for (uint32_t i = 0; i < n; i++) {
        uint16_t cls = axdr_read_u16(arg);
        bool again = false;
        for (uint32_t k = 0; k < s->work[W_ITEMS]; k++) again |= item_at(s, k) == cls;
        if (again) continue;
        item_add(s, cls);
        s->end += cosem_list_count(&device_model, seen, cls);
    }
    return arg->bad ? DAR_TYPE : DAR_OK;
}

/* Place in the table of what {class, name} is for this client; false: nothing. */
static bool place_of(uint16_t cls, struct obis ln, const struct cosem_at *seen, uint32_t *place)
{
    struct cosem_at at = *seen, it = *seen;
    if (cosem_find(&device_model, cls, ln, &at) != DAR_OK) return false;
    for (*place = 0; cosem_nth(&device_model, *place, &it); ++*place)
        if (it.row == at.row && it.k == at.k) return true;
    return false;
}

static void pick_object(struct axdr_in *arg, const struct cosem_at *seen, struct span *s)
{
    struct obis ln;
    uint32_t place;
    axdr_read_struct(arg, 2);
    uint16_t cls = axdr_read_u16(arg);
    axdr_read_octets(arg, &ln, 6);
    if (!arg->bad && place_of(cls, ln, seen, &place)) item_add(s, (uint16_t)place);
}

/* Objects the client does not have are left out of a list; alone, they are undefined. */
static enum dar pick_objects(struct axdr_in *arg, const struct cosem_at *seen, bool one,
                             struct span *s)
{
    uint32_t n = one ? 1 : axdr_read_head(arg, AXDR_ARRAY);
    if (n > LIST_ITEMS) return DAR_OTHER;
    for (uint32_t i = 0; i < n; i++) pick_object(arg, seen, s);
    s->end = s->work[W_ITEMS];
    if (arg->bad) return DAR_TYPE;
    return one && !s->end ? DAR_UNDEFINED : DAR_OK;
}

static enum dar list_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                          struct span *s)
{
    struct who who;
    struct cosem_at seen = as_client(at, &who);
    struct axdr_in arg = sel->arg;
    (void)app;
    s->work[W_SELECTOR] = sel->selector;
    if (sel->selector == 2) return pick_classes(&arg, &seen, s);
    if (sel->selector >= 3) return pick_objects(&arg, &seen, sel->selector == 4, s);
    if (sel->selector == 1 && !cosem_no_arg(&arg)) return DAR_TYPE;
    s->end = cosem_list_count(&device_model, &seen, -1);
    return DAR_OK;
}

static enum dar list_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                         struct axdr_out *o)
{
    struct who who;
    uint16_t cls[LIST_ITEMS];
    struct cosem_at seen = as_client(at, &who);
    struct cosem_pick pick = { cls, (uint8_t)s->work[W_ITEMS] };
    (void)app;
    memcpy(cls, s->cols.word, sizeof cls);
    if (s->work[W_SELECTOR] < 3)
        return cosem_list_emit(&device_model, &seen, i, s->work[W_SELECTOR] == 2 ? &pick : NULL,
                               s->work[W_SELECTOR] == 0, s, o);
    if (!cosem_nth(&device_model, item_at(s, i), &seen)) return DAR_BLOCK;
    cosem_list_emit_one(&device_model, &seen, true, o);
    return DAR_OK;
}

static const struct cosem_seq list_seq = { .selectors = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
                                           .open = list_open,
                                           .row = list_row };

/* -- the partners and what they agreed --------------------------------------------------------
 */
static enum dar get_partners(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct dlms_info info = info_of(app, at);
    axdr_emit_struct(o, 2);
    axdr_emit_i8(o, (int8_t)info.client_sap);
    return axdr_emit_u16(o, info.server_sap);
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
    axdr_emit_struct(o, 6);
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
    if (in->bad) return DAR_TYPE;
    return device_set_secret(device_of(app), at->who, role_of(at), p, n);
}

static enum dar get_status(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return axdr_emit_enum(o, info_of(app, at).status);
}

static enum dar get_security_setup(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    static const uint8_t setup[6] = { 0, 0, 43, 0, 0, 255 }, none[6] = { 0 };
    bool ciphered = device_assoc[role_of(at)].flags & ASSOC_CIPHERED;
    (void)app;
    return axdr_emit_octets(o, ciphered ? setup : none, 6);
}

static enum dar get_user(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_struct(o, 2);
    axdr_emit_u8(o, info_of(app, at).user_id);
    return axdr_emit_string(o, AXDR_VISIBLE, "", 0);
}

/* The server answers pass 3 itself; who calls it in an open association has nothing to prove.
 */
static enum dar call_reply(void *app, const struct cosem_at *at, struct axdr_in *arg,
                           struct cosem_ret *ret)
{
    (void)app, (void)at, (void)arg, (void)ret;
    return DAR_TEMPORARY;
}

const struct cosem_attr association_attr[] = {
    [COSEM_ATTR(2)] = { .seq = &list_seq },
    [COSEM_ATTR(3)] = { .get = get_partners },
    [COSEM_ATTR(4)] = { .get = get_context },
    [COSEM_ATTR(5)] = { .get = get_xdlms },
    [COSEM_ATTR(6)] = { .get = get_mechanism },
    [COSEM_ATTR(7)] = { .get = cosem_hidden, .set = set_secret },
    [COSEM_ATTR(8)] = { .get = get_status },
    [COSEM_ATTR(9)] = { .get = get_security_setup },
    [COSEM_ATTR(10)] = { .get = get_empty },
    [COSEM_ATTR(11)] = { .get = get_user },
};
const struct cosem_method association_method[] = { [COSEM_METHOD(1)] = { .call = call_reply } };

/* -- class 17 ---------------------------------------------------------------------------------
 */
static enum dar get_saps(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    static const struct cosem_row name = TEXT(0, 0, 42, 0, 0, ACL_ALL, TEXT_DEVICE_NAME);
    struct cosem_at it = {
        .row = &name, .cls = &device_model.cls[INDEX_class_text], .who = at->who, .id = 2
    };
    axdr_emit_array(o, 1);
    axdr_emit_struct(o, 2);
    axdr_emit_u16(o, DEVICE_SAP);
    return cosem_attr(&it)->get(app, &it, o);
}

const struct cosem_attr sap_attr[] = { [COSEM_ATTR(2)] = { .get = get_saps } };
