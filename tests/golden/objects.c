/* objects.c - what each object shows, as a living device answers: one line an object.
 *
 *     obis class version type scaler unit        type of attribute 2; unit 255 and scaler 0:
 * none
 */
#include <stdio.h>

#include "desk.h"

static uint8_t octets[DESK_VALUE];

static const char *type_name(int tag)
{
    static const struct {
        int tag;
        const char *name;
    } names[] = {
        { AXDR_NULL, "null-data" },
        { AXDR_ARRAY, "array" },
        { AXDR_STRUCTURE, "structure" },
        { AXDR_BOOL, "boolean" },
        { AXDR_BITS, "bit-string" },
        { AXDR_I32, "double-long" },
        { AXDR_U32, "double-long-unsigned" },
        { AXDR_OCTETS, "octet-string" },
        { AXDR_I8, "integer" },
        { AXDR_I16, "long" },
        { AXDR_U8, "unsigned" },
        { AXDR_U16, "long-unsigned" },
        { AXDR_ENUM, "enum" },
    };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].tag == tag) return names[i].name;
    return "-";
}

static struct desk_value get(struct desk *k, const struct cosem_at *at, uint8_t attr)
{
    struct desk_value v = { octets, sizeof octets };
    enum dar dar = desk_get(k, ROLE_MANAGEMENT, at->cls->id, cosem_ln(at), attr, NULL, 0, &v);
    if (dar != DAR_OK) v.n = 0;
    return v;
}

static void print_object(struct desk *k, const struct cosem_at *at)
{
    uint16_t cls = at->cls->id;
    struct obis ln = cosem_ln(at);
    int scaler = 0, unit = 255;
    struct desk_value v = get(k, at, 2);
    int tag = v.n ? v.p[0] : -1;
    if (cls >= 3 && cls <= 5) {
        v = get(k, at, cls == 5 ? 4 : 3);
        struct axdr_in in = axdr_in(v.p, v.n);
        axdr_read_struct(&in, 2);
        scaler = axdr_read_i8(&in);
        unit = axdr_read_enum(&in);
    }
    printf("%u-%u:%u.%u.%u.%u %u %u %s %d %d\n", ln.a, ln.b, ln.c, ln.d, ln.e, ln.f, cls,
           at->cls->version, type_name(tag), scaler, unit);
}

int main(void)
{
    struct desk *k = desk_new(1767225600);
    struct who who = { .assoc = ROLE_MANAGEMENT };
    struct cosem_at at = { .who = &who };
    for (uint32_t i = 0; cosem_nth(&device_model, i, &at); i++) print_object(k, &at);
    desk_free(k);
    return 0;
}
