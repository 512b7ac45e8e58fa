/* function.c - class 122: what can be switched off as a whole. Its functions are those the product
 * has (meter/function.h): a list of objects that somebody adds has nothing that could be switched, so
 * methods 2 and 3 are not offered. */
#include <string.h>

#include "meter/function.h"
#include "model/classes.h"

static const char name[FUNCTIONS][20] = {
    [FUNCTION_OPTICAL] = "local optical",
    [FUNCTION_KEYPAD] = "keypad",
    [FUNCTION_VTC] = "VTC",
    [FUNCTION_RS485] = "RS485",
    [FUNCTION_EXPORT] = "export registration",
    [FUNCTION_PREPAYMENT] = "prepayment",
};

/* What each is of, in the order of the functions. */
static const struct {
    uint8_t function, class_id;
    struct obis_row ln;
} part[] = {
    { FUNCTION_OPTICAL, 19, { 0, 0, 20, 0, 0 } },
    { FUNCTION_OPTICAL, 23, { 0, 0, 22, 0, 0 } },
    { FUNCTION_OPTICAL, 124, { 0, 0, 44, 2, 0 } },
    { FUNCTION_KEYPAD, 1, { 0, 0, 96, 62, 7 } },
    { FUNCTION_VTC, 1, { 0, 0, 96, 64, 4 } },
    { FUNCTION_RS485, 19, { 0, 0, 20, 0, 1 } },
    { FUNCTION_RS485, 23, { 0, 1, 22, 0, 0 } },
    { FUNCTION_RS485, 124, { 0, 0, 44, 2, 1 } },
    { FUNCTION_RS485, 1, { 0, 0, 96, 64, 5 } },
    { FUNCTION_EXPORT, 1, { 0, 0, 96, 50, 0 } },
    { FUNCTION_PREPAYMENT, 111, { 0, 0, 19, 0, 0 } },
    { FUNCTION_PREPAYMENT, 111, { 0, 0, 19, 1, 0 } },
    { FUNCTION_PREPAYMENT, 1, { 0, 0, 96, 61, 3 } },
};

static size_t name_n(unsigned f)
{
    return strlen(name[f]);
}

static void emit_parts(struct axdr_out *o, unsigned f)
{
    unsigned n = 0;
    for (unsigned i = 0; i < COUNT(part); i++) n += part[i].function == f;
    axdr_emit_array(o, n);
    for (unsigned i = 0; i < COUNT(part); i++) {
        if (part[i].function != f) continue;
        struct obis ln = cosem_obis(&part[i].ln);
        axdr_emit_struct(o, 2);
        axdr_emit_u16(o, part[i].class_id);
        axdr_emit_octets(o, &ln, sizeof ln);
    }
}

/* Attribute 2 says which are on, 3 what they are of. */
static enum dar get_functions(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    unsigned on = functions_get(meter_of(app));
    axdr_emit_array(o, FUNCTIONS);
    for (unsigned f = 0; f < FUNCTIONS; f++) {
        axdr_emit_struct(o, 2);
        axdr_emit_octets(o, name[f], name_n(f));
        if (at->id == 2)
            axdr_emit_bool(o, on >> f & 1);
        else
            emit_parts(o, f);
    }
    return DAR_OK;
}

/* Each at most once, or it would not be known which is meant. */
static enum dar call_set(void *app, const struct cosem_at *at, struct axdr_in *arg,
                         struct cosem_ret *ret)
{
    struct meter *m = meter_of(app);
    unsigned on = functions_get(m), named = 0;
    uint32_t n = axdr_read_head(arg, AXDR_ARRAY);
    bool good = true;
    (void)ret;
    for (uint32_t i = 0; i < n && !arg->bad; i++) {
        size_t len = 0;
        unsigned f = 0;
        axdr_read_struct(arg, 2);
        const uint8_t *p = axdr_read_string(arg, AXDR_OCTETS, &len);
        bool is_on = axdr_read_bool(arg);
        if (arg->bad) break;
        while (f < FUNCTIONS && (len != name_n(f) || memcmp(p, name[f], len) != 0)) f++;
        good = good && f < FUNCTIONS && !(named >> f & 1);
        named |= 1u << f;
        on = (on & ~(1u << f)) | (unsigned)is_on << f;
    }
    if (!axdr_is_done(arg)) return DAR_TYPE;
    return good ? functions_set(m, at->who, on) : DAR_OTHER;
}

const struct cosem_attr function_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_functions },
    [COSEM_ATTR(3)] = { .get = get_functions },
};
const struct cosem_method function_method[] = { [COSEM_METHOD(1)] = { .call = call_set } };
