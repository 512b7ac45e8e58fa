#include "tools/client/names.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "dlms/acse.h"
#include "dlms/cipher.h"
#include "dlms/xdlms.h"
#include "tools/common/hex.h"
#include "tools/common/suggest.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* -- objects ---------------------------------------------------------------------------- */

static const struct object {
    uint8_t a, b, c, d, e, n;
    uint16_t class_id;
    uint8_t first; /* number of the first of a family */
    const char *name;
} objects[] = {
#define OBJECT(a, b, c, d, e, cls, name) { a, b, c, d, e, 1, cls, 0, name },
#define FAMILY(a, b, c, d, e, n, cls, first, name) { a, b, c, d, e, n, cls, first, name },
#include "tools/client/objects.def"
#undef OBJECT
#undef FAMILY
};

static const struct quantity {
    uint8_t c;
    const char *name;
} quantities[] = {
#define QUANTITY(c, name) { c, name },
#define PROCESSING(d, cls, tariffs, name)
#include "tools/client/quantities.def"
#undef QUANTITY
#undef PROCESSING
};

static const struct processing {
    uint8_t d;
    uint16_t class_id;
    bool tariffs;
    const char *name;
} processings[] = {
#define QUANTITY(c, name)
#define PROCESSING(d, cls, tariffs, name) { d, cls, tariffs, name },
#include "tools/client/quantities.def"
#undef QUANTITY
#undef PROCESSING
};

static const struct alias {
    const char *name;
    uint8_t a, b, c, d, e;
} aliases[] = {
#define ALIAS(name, a, b, c, d, e) { name, a, b, c, d, e },
#include "tools/client/aliases.def"
#undef ALIAS
};

const char *names_obis(char text[NAMES_OBIS_TEXT], struct obis ln)
{
    snprintf(text, NAMES_OBIS_TEXT, "%u-%u:%u.%u.%u.%u", ln.a, ln.b, ln.c, ln.d, ln.e, ln.f);
    return text;
}

static const struct object *find_object(struct obis ln)
{
    for (size_t i = 0; i < COUNT(objects); i++) {
        const struct object *o = &objects[i];
        if (o->a == ln.a && o->b == ln.b && o->c == ln.c && o->d == ln.d && ln.e >= o->e &&
            ln.e - o->e < o->n)
            return o;
    }
    return NULL;
}

/* The name with its '#' counted up. */
static void put_family(char text[NAMES_TEXT], const struct object *o, uint8_t e)
{
    const char *mark = o->n > 1 ? strchr(o->name, '#') : NULL;
    if (!mark)
        snprintf(text, NAMES_TEXT, "%s", o->name);
    else
        snprintf(text, NAMES_TEXT, "%.*s%d%s", (int)(mark - o->name), o->name,
                 o->first + e - o->e, mark + 1);
}

static const char *quantity_name(uint8_t c)
{
    for (size_t i = 0; i < COUNT(quantities); i++)
        if (quantities[i].c == c) return quantities[i].name;
    return NULL;
}

/* 31.7 is 11.7 of line 1: "current, any phase" then loses its phase. */
static bool put_quantity(char text[NAMES_TEXT], uint8_t c)
{
    unsigned line = c > 20 && c <= 80 ? (c - 1u) / 20 : 0;
    const char *name = quantity_name((uint8_t)(c - 20 * line));
    if (!name) return false;
    size_t n = strlen(name);
    const char *any = strstr(name, ", any phase");
    if (line && any) n = (size_t)(any - name);
    if (line)
        snprintf(text, NAMES_TEXT, "%.*s L%u", (int)n, name, line);
    else
        snprintf(text, NAMES_TEXT, "%s", name);
    return true;
}

static bool put_electricity(char text[NAMES_TEXT], struct obis ln, uint16_t *class_id)
{
    char quantity[NAMES_TEXT], rate[24] = "";
    if (ln.a != 1 || !put_quantity(quantity, ln.c)) return false;
    for (size_t i = 0; i < COUNT(processings); i++) {
        const struct processing *p = &processings[i];
        if (p->d != ln.d) continue;
        if (ln.e && p->tariffs && ln.e <= 63)
            snprintf(rate, sizeof rate, ", tariff %u", ln.e);
        else if (ln.e == 124)
            snprintf(rate, sizeof rate, ", THD");
        else if (ln.e)
            snprintf(rate, sizeof rate, ", harmonic %u", ln.e);
        snprintf(text, NAMES_TEXT, "%.90s, %s%s", quantity, p->name, rate);
        *class_id = p->class_id;
        return true;
    }
    return false;
}

const char *names_object(char text[NAMES_TEXT], struct obis ln, uint16_t *class_id)
{
    const struct object *o = find_object(ln);
    *class_id = o ? o->class_id : 0;
    text[0] = 0;
    if (o)
        put_family(text, o, ln.e);
    else
        put_electricity(text, ln, class_id);
    return text;
}

/* -- classes ---------------------------------------------------------------------------- */

static const struct class_row {
    uint16_t id;
    const char *name, *attrs, *methods;
} classes[] = {
#define CLASS(id, name, attrs, methods) { id, name, attrs, methods },
#include "tools/client/classes.def"
#undef CLASS
};

static const struct class_row *find_class(uint16_t id)
{
    for (size_t i = 0; i < COUNT(classes); i++)
        if (classes[i].id == id) return &classes[i];
    return NULL;
}

/* The n-th word of a list, from 1; its length, 0 when there is none. */
static size_t word(const char *list, int n, const char **start)
{
    while (n > 1 && *list) {
        list += strcspn(list, " ");
        list += *list == ' ';
        n--;
    }
    *start = list;
    return n == 1 ? strcspn(list, " ") : 0;
}

static int words(const char *list)
{
    int n = *list != 0;
    for (; *list; list++) n += *list == ' ';
    return n;
}

static int find_word(const char *list, const char *name)
{
    const char *start;
    size_t n;
    for (int i = 1; (n = word(list, i, &start)) > 0; i++)
        if (n == strlen(name) && strncasecmp(start, name, n) == 0) return i;
    return E_NONE;
}

const char *names_class(char text[NAMES_TEXT], uint16_t class_id)
{
    const struct class_row *c = find_class(class_id);
    if (c) return c->name;
    snprintf(text, NAMES_TEXT, "class %u", class_id);
    return text;
}

static const char *put_word(char text[NAMES_TEXT], const char *list, int n, const char *kind,
                            int number)
{
    const char *start;
    size_t length = list ? word(list, n, &start) : 0;
    if (length)
        snprintf(text, NAMES_TEXT, "%.*s", (int)length, start);
    else
        snprintf(text, NAMES_TEXT, "%s %d", kind, number);
    return text;
}

const char *names_attr(char text[NAMES_TEXT], uint16_t class_id, int attr)
{
    const struct class_row *c = find_class(class_id);
    if (attr == 1) return "logical_name";
    if (attr == 0) return "all attributes";
    return put_word(text, c ? c->attrs : NULL, attr - 1, "attribute", attr);
}

const char *names_method(char text[NAMES_TEXT], uint16_t class_id, int method)
{
    const struct class_row *c = find_class(class_id);
    return put_word(text, c ? c->methods : NULL, method, "method", method);
}

int names_attrs(uint16_t class_id)
{
    const struct class_row *c = find_class(class_id);
    return c ? 1 + words(c->attrs) : 0;
}

static const struct enum_row {
    uint16_t class_id;
    int attr;
    const char *text[11];
} enums[] = {
#define ENUM(cls, attr, ...) { cls, attr, { __VA_ARGS__ } },
#include "tools/client/enums.def"
#undef ENUM
};

const char *names_enum(uint16_t class_id, int attr, int64_t value)
{
    for (size_t i = 0; i < COUNT(enums); i++)
        if (enums[i].class_id == class_id && enums[i].attr == attr)
            return value >= 0 && value < (int64_t)COUNT(enums[i].text) ? enums[i].text[value]
                                                                       : NULL;
    return NULL;
}

/* -- parsing ---------------------------------------------------------------------------- */

/* A-B:C.D.E, A.B.C.D.E, and F behind '.' or '*'; 255 when it is left out. */
static bool parse_numbers(const char *text, struct obis *ln)
{
    static const char *const separators[6] = { "-.", ":.", ".", ".", ".*", "" };
    uint8_t part[6] = { 0, 0, 0, 0, 0, 255 };
    int n = 0;
    for (;;) {
        char *end;
        if (n == 6 || !isdigit((unsigned char)*text)) return false;
        unsigned long v = strtoul(text, &end, 10);
        if (v > 255) return false;
        part[n++] = (uint8_t)v;
        if (*end == 0) break;
        if (!strchr(separators[n - 1], *end)) return false;
        text = end + 1;
    }
    if (n < 5) return false;
    *ln = (struct obis){ part[0], part[1], part[2], part[3], part[4], part[5] };
    return true;
}

static bool parse_hex_name(const char *text, struct obis *ln)
{
    uint8_t p[6];
    if (strlen(text) != 12 || hex_parse(text, 6, p) != 6) return false;
    *ln = (struct obis){ p[0], p[1], p[2], p[3], p[4], p[5] };
    return true;
}

static bool parse_alias(const char *text, struct obis *ln)
{
    for (size_t i = 0; i < COUNT(aliases); i++) {
        const struct alias *a = &aliases[i];
        if (strcasecmp(a->name, text) != 0) continue;
        *ln = (struct obis){ a->a, a->b, a->c, a->d, a->e, 255 };
        return true;
    }
    return false;
}

static int unknown_object(const char *text, struct trouble *t)
{
    const char *near = NULL;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < COUNT(aliases); i++) {
        size_t d = suggest_distance(text, aliases[i].name);
        if (d < best) best = d, near = aliases[i].name;
    }
    if (near && isalpha((unsigned char)*text) && suggest_is_near(text, best))
        return trouble(t, E_FORMAT, "'%s' is no object; did you mean '%s'?", text, near);
    return trouble(t, E_FORMAT,
                   "'%s' is no object; write 1-0:1.8.0, 1.0.1.8.0.255 or a name like 'energy'",
                   text);
}

/* The attribute stands behind the last ':' that does not belong to a logical name: in
 * "1-0:1.8.0" it does, in "1-0:1.8.0:2" and "energy:2" it does not. */
static char *find_attr(char *text)
{
    struct obis ln;
    char *colon = strrchr(text, ':');
    if (!colon || parse_numbers(text, &ln) || parse_hex_name(text, &ln)) return NULL;
    return colon;
}

static int parse_attr(struct target *o, const char *text, bool method, struct trouble *t)
{
    char *end;
    long v = strtol(text, &end, 10);
    if (*text && *end == 0 && v >= -128 && v <= 127) return o->attr = (int8_t)v, 0;
    const struct class_row *c = find_class(o->class_id);
    int n = c ? find_word(method ? c->methods : c->attrs, text) : E_NONE;
    if (n < 0 && !method && strcasecmp(text, "logical_name") == 0) n = 0;
    if (n < 0)
        return trouble(t, E_FORMAT, "'%s' is no %s of %s; a number always works", text,
                       method ? "method" : "attribute",
                       c ? c->name : "an object of unknown class");
    o->attr = (int8_t)(method ? n : n + 1);
    return 0;
}

int names_parse(struct target *o, const char *text, bool method, struct trouble *t)
{
    char copy[NAMES_TEXT], name[NAMES_TEXT], *at = copy, *end;
    *o = (struct target){ 0 };
    if (strlen(text) >= sizeof copy) return trouble(t, E_FORMAT, "an object has no such name");
    snprintf(copy, sizeof copy, "%s", text);
    unsigned long cls = strtoul(copy, &end, 10);
    if (end > copy && *end == '/') {
        if (cls == 0 || cls > 65535) return trouble(t, E_FORMAT, "'%s': no such class", text);
        o->class_id = (uint16_t)cls;
        at = end + 1;
    }
    char *attr = find_attr(at);
    if (attr) *attr++ = 0;
    if (!parse_numbers(at, &o->ln) && !parse_hex_name(at, &o->ln) && !parse_alias(at, &o->ln))
        return unknown_object(at, t);
    uint16_t usual;
    names_object(name, o->ln, &usual);
    if (o->class_id == 0) o->class_id = usual;
    return attr ? parse_attr(o, attr, method, t) : 0;
}

/* -- codes ------------------------------------------------------------------------------ */

static const struct code {
    unsigned value;
    const char *name;
} units[] = {
    { 1, "a" },       { 2, "mo" },      { 3, "wk" },     { 4, "d" },         { 5, "h" },
    { 6, "min" },     { 7, "s" },       { 8, "deg" },    { 9, "degC" },      { 10, "currency" },
    { 11, "m" },      { 12, "m/s" },    { 13, "m3" },    { 14, "m3" },       { 15, "m3/h" },
    { 16, "m3/h" },   { 17, "m3/d" },   { 18, "m3/d" },  { 19, "l" },        { 20, "kg" },
    { 21, "N" },      { 22, "Nm" },     { 23, "Pa" },    { 24, "bar" },      { 25, "J" },
    { 26, "J/h" },    { 27, "W" },      { 28, "VA" },    { 29, "var" },      { 30, "Wh" },
    { 31, "VAh" },    { 32, "varh" },   { 33, "A" },     { 34, "C" },        { 35, "V" },
    { 36, "V/m" },    { 37, "F" },      { 38, "ohm" },   { 39, "ohm m2/m" }, { 40, "Wb" },
    { 41, "T" },      { 42, "A/m" },    { 43, "H" },     { 44, "Hz" },       { 45, "1/Wh" },
    { 46, "1/varh" }, { 47, "1/VAh" },  { 48, "V2h" },   { 49, "A2h" },      { 50, "kg/s" },
    { 51, "S" },      { 52, "K" },      { 53, "1/V2h" }, { 54, "1/A2h" },    { 55, "1/m3" },
    { 56, "%" },      { 57, "Ah" },     { 60, "Wh/m3" }, { 61, "J/m3" },     { 62, "Mol%" },
    { 63, "g/m3" },   { 64, "Pa s" },   { 65, "J/kg" },  { 70, "dBm" },      { 71, "dBuV" },
    { 72, "dB" },     { 254, "other" }, { 255, "" },
};

static const char *find_code(const struct code *row, size_t n, unsigned value)
{
    for (size_t i = 0; i < n; i++)
        if (row[i].value == value) return row[i].name;
    return NULL;
}

const char *names_unit(char text[NAMES_TEXT], uint8_t unit)
{
    const char *name = find_code(units, COUNT(units), unit);
    if (name) return name;
    snprintf(text, NAMES_TEXT, "unit %u", unit);
    return text;
}

static const struct code types[] = {
    { AXDR_NULL, "null-data" },
    { AXDR_ARRAY, "array" },
    { AXDR_STRUCTURE, "structure" },
    { AXDR_BOOL, "boolean" },
    { AXDR_BITS, "bit-string" },
    { AXDR_I32, "double-long" },
    { AXDR_U32, "double-long-unsigned" },
    { AXDR_OCTETS, "octet-string" },
    { AXDR_VISIBLE, "visible-string" },
    { AXDR_UTF8, "utf8-string" },
    { AXDR_BCD, "bcd" },
    { AXDR_I8, "integer" },
    { AXDR_I16, "long" },
    { AXDR_U8, "unsigned" },
    { AXDR_U16, "long-unsigned" },
    { AXDR_COMPACT, "compact-array" },
    { AXDR_I64, "long64" },
    { AXDR_U64, "long64-unsigned" },
    { AXDR_ENUM, "enum" },
    { AXDR_F32, "float32" },
    { AXDR_F64, "float64" },
    { AXDR_DATETIME, "date-time" },
    { AXDR_DATE, "date" },
    { AXDR_TIME, "time" },
    { AXDR_DELTA_I8, "delta-integer" },
    { AXDR_DELTA_I16, "delta-long" },
    { AXDR_DELTA_I32, "delta-double-long" },
    { AXDR_DELTA_U8, "delta-unsigned" },
    { AXDR_DELTA_U16, "delta-long-unsigned" },
    { AXDR_DELTA_U32, "delta-double-long-unsigned" },
    { AXDR_DONT_CARE, "dont-care" },
};

const char *names_type(uint8_t tag)
{
    const char *name = find_code(types, COUNT(types), tag);
    return name ? name : "unknown";
}

int names_type_find(const char *name)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (strcasecmp(types[i].name, name) == 0) return (int)types[i].value;
    return E_NONE;
}

static const struct {
    unsigned value;
    const char *name, *help;
} dars[] = {
    { 0, "success", "done" },
    { 1, "hardware-fault", "the meter's memory refused; its own logs tell more" },
    { 2, "temporary-failure", "not in the present state; try again later" },
    { 3, "read-write-denied", "this client has no right to it, or it wants more protection" },
    { 4, "object-undefined", "this client sees no such object or attribute; `--list` tells" },
    { 9, "object-class-inconsistent", "the object is of another class; `--list` tells which" },
    { 11, "object-unavailable", "the function is switched off" },
    { 12, "type-unmatched", "the value is of another type or structure" },
    { 13, "scope-of-access-violated", "this attribute knows no such selection" },
    { 14, "data-block-unavailable", "the data is too long, or its rows are gone" },
    { 15, "long-action-aborted", "the transfer in blocks was broken off" },
    { 16, "no-long-get-in-progress", "the meter knows of no transfer in blocks" },
    { 17, "long-set-aborted", "the transfer in blocks was broken off" },
    { 18, "no-long-set-in-progress", "the meter knows of no transfer in blocks" },
    { 19, "data-block-number-invalid", "the blocks got out of step" },
    { 250, "other-reason", "the value is refused: out of range, or not allowed now" },
};

const char *names_dar(unsigned dar)
{
    for (size_t i = 0; i < COUNT(dars); i++)
        if (dars[i].value == dar) return dars[i].name;
    return "unknown-result";
}

const char *names_dar_help(unsigned dar)
{
    for (size_t i = 0; i < COUNT(dars); i++)
        if (dars[i].value == dar) return dars[i].help;
    return "the standard knows no such result";
}

static const struct code apdus[] = {
    { 0x01, "initiate-request" },
    { 0x08, "initiate-response" },
    { 0x0E, "confirmed-service-error" },
    { 0x0F, "data-notification" },
    { 0x10, "data-notification-confirm" },
    { 0x21, "glo-initiate-request" },
    { 0x28, "glo-initiate-response" },
    { 0x2E, "glo-confirmed-service-error" },
    { 0x41, "ded-initiate-request" },
    { 0x48, "ded-initiate-response" },
    { 0x4E, "ded-confirmed-service-error" },
    { 0x60, "aarq" },
    { 0x61, "aare" },
    { 0x62, "rlrq" },
    { 0x63, "rlre" },
    { 0xC0, "get-request" },
    { 0xC1, "set-request" },
    { 0xC2, "event-notification-request" },
    { 0xC3, "action-request" },
    { 0xC4, "get-response" },
    { 0xC5, "set-response" },
    { 0xC7, "action-response" },
    { 0xC8, "glo-get-request" },
    { 0xC9, "glo-set-request" },
    { 0xCA, "glo-event-notification-request" },
    { 0xCB, "glo-action-request" },
    { 0xCC, "glo-get-response" },
    { 0xCD, "glo-set-response" },
    { 0xCF, "glo-action-response" },
    { 0xD0, "ded-get-request" },
    { 0xD1, "ded-set-request" },
    { 0xD2, "ded-event-notification-request" },
    { 0xD3, "ded-action-request" },
    { 0xD4, "ded-get-response" },
    { 0xD5, "ded-set-response" },
    { 0xD7, "ded-action-response" },
    { 0xD8, "exception-response" },
    { 0xD9, "access-request" },
    { 0xDA, "access-response" },
    { 0xDB, "general-glo-ciphering" },
    { 0xDC, "general-ded-ciphering" },
    { 0xDD, "general-ciphering" },
    { 0xDF, "general-signing" },
    { 0xE0, "general-block-transfer" },
    { 0xE6, "gateway-request" },
    { 0xE7, "gateway-response" },
};

const char *names_apdu(uint8_t tag)
{
    return find_code(apdus, COUNT(apdus), tag);
}

const char *names_exception(uint8_t state, uint8_t service)
{
    switch (service) {
    case SERVICE_NOT_POSSIBLE:
        return "not possible now: an association is needed first, or another step of it";
    case SERVICE_NOT_SUPPORTED:
        return state == STATE_UNKNOWN ? "the meter does not know this service"
                                      : "this association did not agree on this service";
    case SERVICE_OTHER:
        return "the meter could not read the request";
    case SERVICE_TOO_LONG:
        return "the request or the answer is longer than was agreed";
    case SERVICE_DECIPHERING:
        return "the meter could not decipher the request, or wants protection it did not have; "
               "check the keys, the client's title and the security suite";
    case SERVICE_COUNTER:
        return "the invocation counter was used before";
    default:
        return "the meter refuses the request";
    }
}

static const struct code diagnostics[] = {
    { 0, "no diagnostic" },
    { 1, "no reason given" },
    { 2, "the meter does not offer this application context to this client (ciphered or not)" },
    { 3, "the meter does not know this client's system title" },
    { 4, "calling AP invocation identifier not recognised" },
    { 5, "calling AE qualifier not recognised" },
    { 6, "calling AE invocation identifier not recognised" },
    { 7, "called AP title not recognised" },
    { 8, "called AP invocation identifier not recognised" },
    { 9, "called AE qualifier not recognised" },
    { 10, "called AE invocation identifier not recognised" },
    { 11, "the meter does not offer this authentication mechanism to this client" },
    { 12, "this client needs an authentication mechanism; choose one with --auth" },
    { 13, "wrong password or key" },
    { 14, "this client must authenticate; choose a mechanism with --auth" },
};

const char *names_diagnostic(bool provider, uint8_t diagnostic)
{
    if (provider) return diagnostic == 2 ? "no common ACSE version" : "refused by the provider";
    const char *name = find_code(diagnostics, COUNT(diagnostics), diagnostic);
    return name ? name : "unknown diagnostic";
}

const char *names_mechanism(uint8_t mechanism)
{
    static const char *const names[MECHS] = { "none",         "low",        "manufacturer",
                                              "high MD5",     "high SHA-1", "high GMAC",
                                              "high SHA-256", "high ECDSA" };
    return mechanism < MECHS ? names[mechanism] : "unknown";
}

const char *names_context(uint8_t context)
{
    static const char *const names[] = { "unknown", "logical names", "short names",
                                         "logical names, ciphered", "short names, ciphered" };
    return context < COUNT(names) ? names[context] : "unknown";
}

const char *names_conformance(unsigned n)
{
    static const char *const names[24] = {
        NULL,
        "general-protection",
        "general-block-transfer",
        "read",
        "write",
        "unconfirmed-write",
        "delta-value-encoding",
        NULL,
        "attribute0-with-set",
        "priority-mgmt",
        "attribute0-with-get",
        "block-transfer-with-get",
        "block-transfer-with-set",
        "block-transfer-with-action",
        "multiple-references",
        "information-report",
        "data-notification",
        "access",
        "parameterized-access",
        "get",
        "set",
        "selective-access",
        "event-notification",
        "action",
    };
    return n < 24 ? names[n] : NULL;
}

const char *names_service_error(uint8_t group, uint8_t value)
{
    static const char *const initiate[] = { "other reason", "the DLMS version is too low",
                                            "no common service (conformance)",
                                            "the client's PDU size is too short",
                                            "refused by the VDE handler" };
    static const char *const groups[] = { "application-reference",
                                          "hardware-resource",
                                          "vde-state-error",
                                          "service",
                                          "definition",
                                          "access",
                                          "initiate" };
    if (group == INITIATE_GROUP_INITIATE && value < COUNT(initiate)) return initiate[value];
    if (group == INITIATE_GROUP_REFERENCE && value == REFERENCE_DECIPHERING)
        return "the meter could not decipher the initiate request; check keys and suite";
    return group < COUNT(groups) ? groups[group] : "unknown error";
}
