#include "base/err.h"
#include "model/objects/objects.h"

static const struct cosem_group *const groups[] = {
    &objects_identity, &objects_clock,  &objects_security, &objects_energy,
    &objects_demand,   &objects_live,   &objects_profile,  &objects_billing,
    &objects_tou,      &objects_event,  &objects_alarm,    &objects_port,
    &objects_quality,  &objects_supply, &objects_prepay,   &objects_display,
};

#define CLASS(name, id, version, attrs, n) { id, version, n, 0, attrs, NULL },
#define CLASS_WITH(name, id, version, attrs, n, methods, m)                                    \
    { id, version, n, m, attrs, methods },
static const struct cosem_class classes[] = {
#include "model/classes.def"
};
#undef CLASS
#undef CLASS_WITH

const struct cosem_model device_model = {
    .group = groups,
    .cls = classes,
    .acl = device_acl,
    .demand = device_demand,
    .n_group = COUNT(groups),
    .n_role = ROLES,
    .gate = model_gate,
};

/* -- columns of profiles and the objects that show them ------------------------------------ */

/* Columns that are not the value of a register. */
static const struct {
    uint16_t column;
    uint8_t class_id;
    struct obis_row ln;
    int8_t attr;
} special[] = {
    { COLUMN_CLOCK, 8, { 0, 0, 1, 0, 0 }, 2 },
    { COLUMN_POWER_STATE, 1, { 0, 0, 96, 50, 40 }, 2 },
    { COLUMN_CLIENT, 1, { 0, 0, 96, 50, 41 }, 2 },
    { COLUMN_CHANNEL, 1, { 0, 0, 96, 50, 42 }, 2 },
    { COLUMN_WHAT, 1, { 0, 0, 96, 50, 43 }, 2 },
    { COLUMN_MAGNITUDE, 1, { 0, 0, 96, 50, 44 }, 2 },
    { COLUMN_DURATION, 1, { 0, 0, 96, 50, 45 }, 2 },
    { COLUMN_ENERGY, 1, { 0, 0, 96, 50, 46 }, 2 },
    { COLUMN_CHANGED, 65, { 0, 0, 16, 2, 0 }, 2 },
    { COLUMN_DIGEST, 65, { 0, 0, 16, 2, 0 }, 7 },
    { COLUMN_TOKEN, 115, { 0, 0, 19, 40, 0 }, 2 },
    { COLUMN_TOKEN_DELIVERY, 115, { 0, 0, 19, 40, 0 }, 5 },
    { COLUMN_TOKEN_STATUS, 115, { 0, 0, 19, 40, 0 }, 6 },
    { COLUMN_TOKEN_WALLET, 1, { 0, 0, 96, 50, 47 }, 2 },
    { COLUMN_TOKEN_TID, 1, { 0, 0, 96, 50, 48 }, 2 },
    { COLUMN_TOKEN_AMOUNT, 1, { 0, 0, 96, 50, 49 }, 2 },
    { COLUMN_TOKEN_KIND, 1, { 0, 0, 96, 50, 51 }, 2 },
};

static bool shows_register(const struct cosem_row *r)
{
    return r->cls == INDEX_class_register || r->cls == INDEX_class_data ||
           r->cls == INDEX_class_extended || r->cls == INDEX_class_data_time ||
           r->cls == INDEX_class_demand || r->cls == INDEX_class_alarm ||
           r->cls == INDEX_class_error;
}

/* The row that shows a register, or NULL: the first one, in table order. */
static const struct cosem_row *row_of_register(uint16_t reg, uint8_t *k)
{
    for (unsigned g = 0; g < COUNT(groups); g++)
        for (const struct cosem_row *r = groups[g]->row; r < groups[g]->row + groups[g]->n; r++)
            if ((uint16_t)(reg - r->bind.id) < r->span && shows_register(r)) {
                *k = (uint8_t)(reg - r->bind.id);
                return r;
            }
    return NULL;
}

/* Attributes beside 2 that show a register: of the one that attribute 2 of class `cls` shows,
 * the register `ahead` of it. */
static const struct {
    uint8_t cls;
    int8_t attr;
    uint16_t first, last, ahead;
} beside[] = {
    { INDEX_class_extended, 5, REG_MDT_P_IMPORT, REG_MDT_S_IMPORT_last,
      REG_MDT_P_IMPORT - REG_MD_P_IMPORT }, /* the time of a maximum */
    { INDEX_class_demand, 3, REG_LD_P_IMPORT, REG_LD_S_IMPORT,
      REG_LD_P_IMPORT - REG_D_P_IMPORT },
};

static struct cosem_capture capture_of_register(uint16_t reg)
{
    uint8_t k = 0;
    int8_t attr = 2;
    uint16_t shown = reg;
    for (unsigned i = 0; i < COUNT(beside); i++)
        if (reg >= beside[i].first && reg <= beside[i].last) {
            shown = (uint16_t)(reg - beside[i].ahead);
            attr = beside[i].attr;
        }
    const struct cosem_row *r = row_of_register(shown, &k);
    if (!r) return (struct cosem_capture){ .attr = 2 };
    struct cosem_at at = { .row = r, .k = k };
    return (struct cosem_capture){ .class_id = classes[r->cls].id,
                                   .ln = cosem_ln(&at),
                                   .attr = attr };
}

struct cosem_capture model_capture_of(uint16_t column, const struct profile_view *v)
{
    if (column == COLUMN_STATUS && v->kind == &profile_billing)
        return (struct cosem_capture){
            1, { 0, 0, 96, 10, (uint8_t)(BILLING_STATUS + v->which), 255 }, 2, 0
        };
    if (column == COLUMN_STATUS)
        return capture_of_register((uint16_t)(REG_STATUS_1 + v->which));
    if (column == COLUMN_EVENT)
        return (struct cosem_capture){ 1, { 0, 0, 96, 11, v->which, 255 }, 2, 0 };
    for (unsigned i = 0; i < COUNT(special); i++)
        if (special[i].column == column)
            return (struct cosem_capture){ special[i].class_id, cosem_obis(&special[i].ln),
                                           special[i].attr, 0 };
    return capture_of_register(column);
}

static bool is_same(struct obis a, struct obis b)
{
    return a.a == b.a && a.b == b.b && a.c == b.c && a.d == b.d && a.e == b.e && a.f == b.f;
}

int model_column_of(const struct cosem_capture *c)
{
    if (c->index != 0) return E_NONE;
    for (unsigned i = 0; i < COUNT(special); i++)
        if (c->attr == special[i].attr && c->class_id == special[i].class_id &&
            is_same(c->ln, cosem_obis(&special[i].ln)))
            return special[i].column;
    static const struct who factory = { .assoc = ROLE_MANAGEMENT };
    struct cosem_at at = { .who = &factory };
    if (cosem_find(&device_model, c->class_id, c->ln, &at) != DAR_OK) return E_NONE;
    if (!shows_register(at.row)) return E_NONE;
    uint16_t reg = (uint16_t)(at.row->bind.id + at.k);
    if (reg >= REG_STATUS_1 && reg <= REG_STATUS_3 && c->attr == 2) return COLUMN_STATUS;
    for (unsigned i = 0; i < COUNT(beside); i++)
        if (c->attr == beside[i].attr && at.row->cls == beside[i].cls)
            return reg + beside[i].ahead;
    return c->attr == 2 ? reg : E_NONE;
}

/* A row of a profile asks for the types of all its columns: this is what the object tables say,
 * without a search of them (tests/unit/test_model_objects.c compares). */
uint8_t model_reg_tag(uint16_t reg)
{
    static const struct {
        uint16_t first, last;
        uint8_t tag;
    } narrow[] = {
        { REG_U, REG_U, AXDR_U16 },
        { REG_PF, REG_PF, AXDR_I16 },
        { REG_F, REG_F, AXDR_U16 },
        { REG_ANGLE_I, REG_ANGLE_N, AXDR_I16 },
        { REG_THD_U, REG_THD_I, AXDR_U16 },
        { REG_TEMP, REG_TEMP, AXDR_I16 },
        { REG_QUADRANT, REG_QUADRANT, AXDR_ENUM },
        { REG_U_AVG, REG_U_AVG, AXDR_U16 },
        { REG_PF_AVG, REG_PF_AVG, AXDR_I16 },
        { REG_F_AVG, REG_U_MAX, AXDR_U16 },
        { REG_TARIFF, REG_DEMAND_TARIFF, AXDR_U8 },
        { REG_SOURCE, REG_SOURCE, AXDR_ENUM },
        { REG_STATUS_1, REG_BATTERY, AXDR_U16 },
        { REG_SUPPLY_CAUSE, REG_SUPPLY_CAUSE, AXDR_ENUM },
    };
    for (unsigned i = 0; i < COUNT(narrow) && reg >= narrow[i].first; i++) /* ascending */
        if (reg <= narrow[i].last) return narrow[i].tag;
    return reg_kind_at(reg) == REG_SIGNED ? AXDR_I32 : AXDR_U32;
}
