#include "tools/client/describe_apdu.h"

#include <string.h>

#include "base/bytes.h"
#include "dlms/xdlms.h"
#include "tools/client/names.h"
#include "tools/client/value.h"
#include "tools/common/json.h"

enum { GATHER_MAX = 64 << 20, ITEMS_SHOWN = 10000 };

/* An APDU being read; offsets count from its first octet. */
struct text {
    struct describer *d;
    struct note *x;
    struct axdr_in in;
    const uint8_t *base;
};

static size_t at(const struct text *s)
{
    return (size_t)(s->in.p - s->base);
}

/* -- data ------------------------------------------------------------------------------- */

static void describe_items(struct note *x, struct axdr_in value, const uint8_t *base)
{
    uint32_t n = axdr_read_head(&value, (uint8_t)axdr_peek(&value));
    for (uint32_t i = 0; i < n && !value.bad; i++) {
        if (i == ITEMS_SHOWN) {
            note_add(x, "more", 0, 0, "%u further elements", n - i);
            return;
        }
        describe_data(x, "", &value, base);
    }
}

void describe_data(struct note *above, const char *name, struct axdr_in *in,
                   const uint8_t *base)
{
    struct buf line = { 0 };
    size_t from = base ? (size_t)(in->p - base) : 0;
    struct axdr_in one = axdr_read_value(in);
    if (one.bad) {
        note_add(above, "error", from, in->n, "no value can be read here");
        return;
    }
    uint8_t tag = (uint8_t)axdr_peek(&one);
    struct note *x = note_add(above, *name ? name : names_type(tag), from, one.n, NULL);
    x->value = json_object();
    value_to_object(x->value, one, false);
    if (tag == AXDR_ARRAY || tag == AXDR_STRUCTURE) {
        struct axdr_in head = one;
        json_decref(x->value);
        x->value = NULL;
        note_say(x, *name ? "%s of %u" : "%.0s%u", names_type(tag), axdr_read_head(&head, tag));
        describe_items(x, one, base);
    } else if (tag == AXDR_COMPACT) {
        struct buf plain = { 0 };
        note_say(x, "compact-array");
        if (value_expand(&plain, one) == 0)
            describe_items(x, buf_in(&plain), NULL);
        else
            note_add(x, "error", from, one.n, "its contents do not fit its type");
        buf_free(&plain);
    } else {
        value_print(&line, one, 0, "");
        note_say(x, *name ? "%s %.*s" : "%.0s%.*s", names_type(tag), (int)line.n,
                 (char *)line.p);
    }
    buf_free(&line);
}

/* -- parts ------------------------------------------------------------------------------ */

static void put_invoke(struct text *s)
{
    size_t from = at(s);
    uint8_t v = (uint8_t)axdr_read_raw(&s->in, 1);
    note_add(s->x, "invoke-id-and-priority", from, 1, "%02X  id %u, %s, %s", v, v & INVOKE_ID,
             v & INVOKE_CONFIRMED ? "confirmed" : "unconfirmed",
             v & INVOKE_HIGH ? "high priority" : "normal priority");
}

static void put_long_invoke(struct text *s)
{
    size_t from = at(s);
    uint32_t v = (uint32_t)axdr_read_raw(&s->in, 4);
    note_add(s->x, "long-invoke-id-and-priority", from, 4, "%08X  id %u, %s, %s%s%s", v,
             v & LONG_INVOKE_ID, v & LONG_INVOKE_CONFIRMED ? "confirmed" : "unconfirmed",
             v & LONG_INVOKE_HIGH ? "high priority" : "normal priority",
             v & LONG_INVOKE_BREAK ? ", break on error" : "",
             v & LONG_INVOKE_SELF_DESCRIPTIVE ? ", self-descriptive" : "");
}

static void put_date_time(struct text *s)
{
    char text[VALUE_TIME];
    size_t from = at(s), n = axdr_read_length(&s->in);
    const uint8_t *p = axdr_read_view(&s->in, n);
    if (s->in.bad || n == 0) return;
    note_add(s->x, "date-time", from, n + 1, n == 12 ? "%s" : "%.0snot of 12 octets",
             n == 12 ? value_time_text(text, p) : "");
}

/* An attribute or a method; its class and number for what follows. */
static struct target put_target(struct text *s, struct note *x, bool method)
{
    char obis[NAMES_OBIS_TEXT], object[NAMES_TEXT], cls[NAMES_TEXT], id[NAMES_TEXT];
    struct target o = { 0 };
    uint16_t usual;
    size_t from = at(s);
    o.class_id = (uint16_t)axdr_read_raw(&s->in, 2);
    const uint8_t *ln = axdr_read_view(&s->in, 6);
    o.attr = (int8_t)axdr_read_raw(&s->in, 1);
    if (s->in.bad) return o;
    memcpy(&o.ln, ln, 6);
    names_object(object, o.ln, &usual);
    struct note *n = note_add(
        x, method ? "method" : "attribute", from, 9, "%s%s%s, class %u (%s), %d (%s)",
        names_obis(obis, o.ln), *object ? " " : "", object, o.class_id,
        names_class(cls, o.class_id), o.attr,
        method ? names_method(id, o.class_id, o.attr) : names_attr(id, o.class_id, o.attr));
    n->value = json_pack("{s:s,s:i,s:i}", "object", obis, "class", o.class_id,
                         method ? "method" : "attr", o.attr);
    return o;
}

static void put_selection(struct text *s, struct note *x)
{
    if (axdr_read_raw(&s->in, 1) == 0) return;
    size_t from = at(s);
    uint8_t selector = (uint8_t)axdr_read_raw(&s->in, 1);
    struct note *n = note_add(x, "access-selection", from, 1, "selector %u%s", selector,
                              selector == 1   ? " (range)"
                              : selector == 2 ? " (entry)"
                                              : "");
    describe_data(n, "parameters", &s->in, s->base);
}

static void put_result(struct text *s, struct note *x, const char *name)
{
    size_t from = at(s);
    unsigned v = (unsigned)axdr_read_raw(&s->in, 1);
    struct note *n = note_add(x, name, from, 1, "%u  %s", v, names_dar(v));
    n->value = json_string(names_dar(v));
}

static void put_number(struct text *s, const char *name, unsigned octets)
{
    size_t from = at(s);
    struct note *n = note_add(s->x, name, from, octets, NULL);
    uint64_t v = axdr_read_raw(&s->in, octets);
    note_say(n, "%llu", (unsigned long long)v);
    n->value = json_integer((json_int_t)v);
}

static void put_kind(struct text *s, const char *const names[], size_t n, uint8_t *kind)
{
    *kind = (uint8_t)axdr_read_raw(&s->in, 1);
    note_add(s->x, "kind", 1, 1, "%u  %s", *kind,
             *kind < n && names[*kind] ? names[*kind] : "unknown");
}

/* Whole data of several blocks: what kind of data it is depends on what it answers. */
static void put_gathered(struct text *s, struct describe_side *side, bool last)
{
    if (!last) return;
    struct note *x =
        note_add(s->x, "reassembled", 0, side->blocks.n, "%zu octets", side->blocks.n);
    struct axdr_in in = buf_in(&side->blocks);
    if (axdr_length(in.p, in.n) == (int)in.n && in.n)
        describe_data(x, "data", &in, side->blocks.p);
    buf_clear(&side->blocks);
}

static void put_block(struct text *s, bool choice, bool from_server)
{
    struct describe_side *side = &s->d->side[from_server];
    size_t from = at(s);
    bool last = axdr_read_raw(&s->in, 1) != 0;
    note_add(s->x, "last-block", from, 1, last ? "yes" : "no");
    uint32_t number = s->in.n >= 4 ? be_get32(s->in.p) : 0;
    put_number(s, "block-number", 4);
    if (choice && axdr_read_raw(&s->in, 1)) {
        put_result(s, s->x, "data-access-result");
        return;
    }
    from = at(s);
    size_t n = axdr_read_length(&s->in);
    const uint8_t *p = axdr_read_view(&s->in, n);
    note_add(s->x, "raw-data", from, n, "%zu octets", n);
    if (s->in.bad) return;
    if (number == 1) buf_clear(&side->blocks), side->block = 0;
    if (number != side->block + 1 || side->blocks.n > GATHER_MAX) return;
    side->block = number;
    buf_put(&side->blocks, p, n);
    put_gathered(s, side, last);
}

/* count x part */
static void put_list(struct text *s, const char *name,
                     void (*part)(struct text *, struct note *))
{
    uint32_t n = axdr_read_length(&s->in);
    struct note *x = note_add(s->x, name, at(s), 0, "%u", n);
    for (uint32_t i = 0; i < n && !s->in.bad && s->in.n; i++) part(s, x);
}

static void part_attribute(struct text *s, struct note *x)
{
    put_target(s, x, false);
    put_selection(s, x);
}

static void part_method(struct text *s, struct note *x)
{
    put_target(s, x, true);
}

static void part_data(struct text *s, struct note *x)
{
    describe_data(x, "", &s->in, s->base);
}

static void part_get_result(struct text *s, struct note *x)
{
    if (axdr_read_raw(&s->in, 1))
        put_result(s, x, "data-access-result");
    else
        describe_data(x, "data", &s->in, s->base);
}

static void part_set_result(struct text *s, struct note *x)
{
    put_result(s, x, "data-access-result");
}

static void part_action_result(struct text *s, struct note *x)
{
    put_result(s, x, "action-result");
    if (axdr_read_raw(&s->in, 1)) part_get_result(s, x);
}

/* -- GET, SET, ACTION ------------------------------------------------------------------- */

static void get_request(struct text *s)
{
    static const char *const kinds[] = { NULL, "normal", "next", "with-list" };
    uint8_t kind;
    put_kind(s, kinds, 4, &kind);
    put_invoke(s);
    if (kind == GET_NORMAL) part_attribute(s, s->x);
    if (kind == GET_NEXT) put_number(s, "block-number", 4);
    if (kind == GET_LIST) put_list(s, "attributes", part_attribute);
}

static void get_response(struct text *s)
{
    static const char *const kinds[] = { NULL, "normal", "with-datablock", "with-list" };
    uint8_t kind;
    put_kind(s, kinds, 4, &kind);
    put_invoke(s);
    if (kind == GET_RES_NORMAL) part_get_result(s, s->x);
    if (kind == GET_RES_BLOCK) put_block(s, true, true);
    if (kind == GET_RES_LIST) put_list(s, "results", part_get_result);
}

static void set_request(struct text *s)
{
    static const char *const kinds[] = { NULL,
                                         "normal",
                                         "with-first-datablock",
                                         "with-datablock",
                                         "with-list",
                                         "with-list-and-first-datablock" };
    uint8_t kind;
    put_kind(s, kinds, 6, &kind);
    put_invoke(s);
    if (kind == SET_NORMAL || kind == SET_FIRST) part_attribute(s, s->x);
    if (kind == SET_LIST || kind == SET_LIST_FIRST) put_list(s, "attributes", part_attribute);
    if (kind == SET_NORMAL) describe_data(s->x, "data", &s->in, s->base);
    if (kind == SET_LIST) put_list(s, "values", part_data);
    if (kind == SET_FIRST || kind == SET_BLOCK || kind == SET_LIST_FIRST)
        put_block(s, false, false);
}

static void set_response(struct text *s)
{
    static const char *const kinds[] = { NULL,
                                         "normal",
                                         "with-datablock",
                                         "with-last-datablock",
                                         "with-last-datablock-and-list",
                                         "with-list" };
    uint8_t kind;
    put_kind(s, kinds, 6, &kind);
    put_invoke(s);
    if (kind == SET_RES_NORMAL || kind == SET_RES_LAST)
        put_result(s, s->x, "data-access-result");
    if (kind == SET_RES_LIST || kind == SET_RES_LAST_LIST)
        put_list(s, "results", part_set_result);
    if (kind == SET_RES_BLOCK || kind == SET_RES_LAST || kind == SET_RES_LAST_LIST)
        put_number(s, "block-number", 4);
}

static void action_request(struct text *s)
{
    static const char *const kinds[] = { NULL,
                                         "normal",
                                         "next-pblock",
                                         "with-list",
                                         "with-first-pblock",
                                         "with-list-and-first-pblock",
                                         "with-pblock" };
    uint8_t kind;
    put_kind(s, kinds, 7, &kind);
    put_invoke(s);
    if (kind == ACTION_NORMAL || kind == ACTION_FIRST) part_method(s, s->x);
    if (kind == ACTION_LIST || kind == ACTION_LIST_FIRST) put_list(s, "methods", part_method);
    if (kind == ACTION_NORMAL && axdr_read_raw(&s->in, 1))
        describe_data(s->x, "parameters", &s->in, s->base);
    if (kind == ACTION_NEXT) put_number(s, "block-number", 4);
    if (kind == ACTION_LIST) put_list(s, "parameters", part_data);
    if (kind == ACTION_FIRST || kind == ACTION_LIST_FIRST || kind == ACTION_BLOCK)
        put_block(s, false, false);
}

static void action_response(struct text *s)
{
    static const char *const kinds[] = { NULL, "normal", "with-pblock", "with-list",
                                         "next-pblock" };
    uint8_t kind;
    put_kind(s, kinds, 5, &kind);
    put_invoke(s);
    if (kind == ACTION_RES_NORMAL) part_action_result(s, s->x);
    if (kind == ACTION_RES_BLOCK) put_block(s, false, true);
    if (kind == ACTION_RES_LIST) put_list(s, "results", part_action_result);
    if (kind == ACTION_RES_NEXT) put_number(s, "block-number", 4);
}

/* -- ACCESS ----------------------------------------------------------------------------- */

static const char *const specifications[] = {
    NULL, "get", "set", "action", "get-with-selection", "set-with-selection"
};

static const char *specification(uint8_t kind)
{
    return kind >= 1 && kind <= 5 ? specifications[kind] : "unknown";
}

static void part_specification(struct text *s, struct note *x)
{
    size_t from = at(s);
    uint8_t kind = (uint8_t)axdr_read_raw(&s->in, 1);
    struct note *n = note_add(x, "specification", from, 1, "%u  %s", kind, specification(kind));
    put_target(s, n, kind == ACCESS_ACTION);
    if (kind < ACCESS_GET_SEL) return;
    note_add(n, "selector", at(s), 1, "%u", (unsigned)axdr_read_raw(&s->in, 1));
    describe_data(n, "parameters", &s->in, s->base);
}

static void part_access_result(struct text *s, struct note *x)
{
    uint8_t kind = (uint8_t)axdr_read_raw(&s->in, 1);
    put_result(s, x, kind == ACCESS_ACTION ? "action-result" : specification(kind));
}

static void access_request(struct text *s)
{
    put_long_invoke(s);
    put_date_time(s);
    put_list(s, "specifications", part_specification);
    put_list(s, "data", part_data);
}

static void access_response(struct text *s)
{
    put_long_invoke(s);
    put_date_time(s);
    if (axdr_read_raw(&s->in, 1)) put_list(s, "specifications", part_specification);
    put_list(s, "data", part_data);
    put_list(s, "results", part_access_result);
}

/* -- initiate and errors ---------------------------------------------------------------- */

static void put_conformance(struct text *s, uint32_t v)
{
    struct note *x = note_add(s->x, "conformance", 0, 3, "%06X", v);
    for (unsigned i = 0; i < 24; i++)
        if (v & XDLMS_C(i))
            note_add(x, names_conformance(i) ? names_conformance(i) : "reserved", 0, 0, NULL);
}

static void initiate_request(struct text *s)
{
    struct initiate_req r;
    struct axdr_in whole = axdr_in(s->base, s->in.n + 1);
    s->in.bad |= initiate_read_req(&whole, &r) < 0;
    if (s->in.bad) return;
    s->in.n = 0;
    if (r.dedicated) {
        note_add(s->x, "dedicated-key", 0, r.key_len, "%u octets, not shown", r.key_len);
        struct keyring *k = &s->d->keys;
        memcpy(k->dedicated.ek, r.key, r.key_len);
        memcpy(k->dedicated.ak, k->global.ak, sizeof k->dedicated.ak);
        k->dedicated.len = r.key_len == 32 ? 32 : 16;
        k->has_dedicated = true;
    }
    if (!r.response) note_add(s->x, "response-allowed", 0, 1, "no");
    if (r.has_quality) note_add(s->x, "quality-of-service", 0, 1, "%d", r.quality);
    note_add(s->x, "dlms-version", 0, 1, "%u", r.version);
    put_conformance(s, r.conformance);
    note_add(s->x, "client-max-receive-pdu-size", 0, 2, "%u", r.max_pdu);
    wipe(&r, sizeof r);
}

static void initiate_response(struct text *s)
{
    struct initiate_res r;
    struct axdr_in whole = axdr_in(s->base, s->in.n + 1);
    s->in.bad |= initiate_read_res(&whole, &r) < 0;
    if (s->in.bad) return;
    s->in.n = 0;
    if (r.has_quality) note_add(s->x, "quality-of-service", 0, 1, "%d", r.quality);
    note_add(s->x, "dlms-version", 0, 1, "%u", r.version);
    put_conformance(s, r.conformance);
    note_add(s->x, "server-max-receive-pdu-size", 0, 2, "%u", r.max_pdu);
    note_add(s->x, "vaa-name", 0, 2, "%04X", r.vaa);
}

static void service_error(struct text *s)
{
    uint8_t service = (uint8_t)axdr_read_raw(&s->in, 1),
            group = (uint8_t)axdr_read_raw(&s->in, 1),
            value = (uint8_t)axdr_read_raw(&s->in, 1);
    const char *name = service == 1   ? "initiate"
                       : service == 5 ? "read"
                       : service == 6 ? "write"
                                      : "unknown";
    note_add(s->x, "service", 1, 1, "%u  %s", service, name);
    note_add(s->x, "error-code", 2, 2, "%u %u  %s", group, value,
             names_service_error(group, value));
}

static void exception(struct text *s)
{
    uint8_t state = (uint8_t)axdr_read_raw(&s->in, 1),
            service = (uint8_t)axdr_read_raw(&s->in, 1);
    static const char *const services[] = {
        "unknown",      "operation-not-possible", "service-not-supported",   "other-reason",
        "pdu-too-long", "deciphering-error",      "invocation-counter-error"
    };
    note_add(s->x, "state-error", 1, 1, "%u  %s", state,
             state == STATE_NOT_ALLOWED ? "service-not-allowed"
             : state == STATE_UNKNOWN   ? "service-unknown"
                                        : "unknown");
    note_add(s->x, "service-error", 2, 1, "%u  %s: %s", service,
             service < 7 ? services[service] : "unknown", names_exception(state, service));
    if (service == SERVICE_COUNTER && s->in.n) put_number(s, "lowest-counter-taken-next", 4);
}

/* -- unsolicited ------------------------------------------------------------------------ */

static void data_notification(struct text *s)
{
    put_long_invoke(s);
    put_date_time(s);
    describe_data(s->x, "body", &s->in, s->base);
}

static void notification_confirm(struct text *s)
{
    put_long_invoke(s);
    put_date_time(s);
}

static void event_notification(struct text *s)
{
    if (axdr_read_raw(&s->in, 1)) put_date_time(s);
    put_target(s, s->x, false);
    describe_data(s->x, "value", &s->in, s->base);
}

static void gateway(struct text *s)
{
    put_number(s, "network-id", 1);
    size_t from = at(s), n = axdr_read_length(&s->in);
    const uint8_t *p = axdr_read_view(&s->in, n);
    if (s->in.bad) return;
    struct note *x = note_add(s->x, "physical-device-address", from, n, NULL);
    x->value = json_hex(p, n);
    note_say(x, "%s", json_string_value(x->value));
    if (s->in.n && s->in.p[0] != XDLMS_GATEWAY_REQ && s->in.p[0] != XDLMS_GATEWAY_RES)
        describe_apdu(s->d, s->x, s->in.p, s->in.n, -1);
    s->in.n = 0;
}

void describe_service(struct describer *d, struct note *x, const uint8_t *p, size_t n)
{
    static const struct {
        uint8_t tag;
        void (*explain)(struct text *s);
    } services[] = {
        { XDLMS_INITIATE_REQ, initiate_request },
        { XDLMS_INITIATE_RES, initiate_response },
        { XDLMS_SERVICE_ERROR, service_error },
        { XDLMS_DATA_NOTIFICATION, data_notification },
        { XDLMS_DATA_NOTIFICATION_CONFIRM, notification_confirm },
        { XDLMS_GET_REQ, get_request },
        { XDLMS_SET_REQ, set_request },
        { XDLMS_EVENT_NOTIFICATION, event_notification },
        { XDLMS_ACTION_REQ, action_request },
        { XDLMS_GET_RES, get_response },
        { XDLMS_SET_RES, set_response },
        { XDLMS_ACTION_RES, action_response },
        { XDLMS_EXCEPTION, exception },
        { XDLMS_ACCESS_REQ, access_request },
        { XDLMS_ACCESS_RES, access_response },
        { XDLMS_GATEWAY_REQ, gateway },
        { XDLMS_GATEWAY_RES, gateway },
    };
    struct text s = { d, x, axdr_in(p + 1, n - 1), p };
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        if (services[i].tag == p[0]) {
            services[i].explain(&s);
            if (s.in.bad)
                note_add(x, "error", at(&s), 0, "it ends too early, or is broken here");
            else if (s.in.n)
                note_add(x, "error", at(&s), s.in.n, "%zu octets behind its end", s.in.n);
            return;
        }
}
