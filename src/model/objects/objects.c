#include "base/err.h"
#include "model/objects/objects.h"

static const struct cosem_group *const groups[] = {
    &objects_identity, &objects_clock,   &objects_security, &objects_energy,
    &objects_live,     &objects_profile, &objects_event,
};

const struct cosem_model device_model = {
    .group = groups,
    .acl = device_acl,
    .demand = device_demand,
    .n_group = COUNT(groups),
    .n_role = ROLES,
};

/* -- columns of profiles and the objects that show them
 * ------------------------------------------ */

/* Columns that are not the value of a register. */
static const struct {
    uint16_t column, class_id;
    struct obis ln;
} special[] = {
    { COLUMN_CLOCK, 8, { 0, 0, 1, 0, 0, 255 } },
    { COLUMN_POWER_STATE, 1, { 0, 0, 96, 50, 40, 255 } },
    { COLUMN_CLIENT, 1, { 0, 0, 96, 50, 41, 255 } },
    { COLUMN_CHANNEL, 1, { 0, 0, 96, 50, 42, 255 } },
    { COLUMN_WHAT, 1, { 0, 0, 96, 50, 43, 255 } },
    { COLUMN_MAGNITUDE, 1, { 0, 0, 96, 50, 44, 255 } },
    { COLUMN_DURATION, 1, { 0, 0, 96, 50, 45, 255 } },
    { COLUMN_ENERGY, 1, { 0, 0, 96, 50, 46, 255 } },
};

static bool shows_register(const struct cosem_row *r)
{
    return r->cls == &class_register || r->cls == &class_data || r->cls == &class_extended ||
           r->cls == &class_data_time;
}

/* The row that shows a register, or NULL: the first one, in table order. */
static const struct cosem_row *row_of_register(uint16_t reg, uint8_t *k)
{
    for (unsigned g = 0; g < COUNT(groups); g++)
        for (const struct cosem_row *r = groups[g]->row; r < groups[g]->row + groups[g]->n; r++)
            if (shows_register(r) && (uint16_t)(reg - r->bind.id) < r->span) {
                *k = (uint8_t)(reg - r->bind.id);
                return r;
            }
    return NULL;
}

/* The time of a maximum is attribute 5 of the extended register that shows the maximum. */
static bool is_maximum_time(uint16_t reg)
{
    return reg >= REG_MDT_P_IMPORT && reg <= REG_MDT_S_IMPORT_last;
}

static struct cosem_capture capture_of_register(uint16_t reg)
{
    uint8_t k = 0;
    bool time = is_maximum_time(reg);
    uint16_t shown = time ? (uint16_t)(reg - REG_MDT_P_IMPORT + REG_MD_P_IMPORT) : reg;
    const struct cosem_row *r = row_of_register(shown, &k);
    if (!r) return (struct cosem_capture){ .attr = 2 };
    struct cosem_at at = { .row = r, .k = k };
    return (struct cosem_capture){ .class_id = r->cls->id,
                                   .ln = cosem_ln(&at),
                                   .attr = time ? 5 : 2 };
}

struct cosem_capture model_capture_of(uint16_t column, const struct profile_view *v)
{
    if (column == COLUMN_STATUS)
        return capture_of_register((uint16_t)(REG_STATUS_1 + v->which));
    if (column == COLUMN_EVENT)
        return (struct cosem_capture){ 1, { 0, 0, 96, 11, v->which, 255 }, 2, 0 };
    for (unsigned i = 0; i < COUNT(special); i++)
        if (special[i].column == column)
            return (struct cosem_capture){ special[i].class_id, special[i].ln, 2, 0 };
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
        if (c->attr == 2 && c->class_id == special[i].class_id && is_same(c->ln, special[i].ln))
            return special[i].column;
    static const struct who factory = { .assoc = ROLE_MANAGEMENT };
    struct cosem_at at = { .who = &factory };
    if (cosem_find(&device_model, c->class_id, c->ln, &at) != DAR_OK) return E_NONE;
    if (!shows_register(at.row)) return E_NONE;
    uint16_t reg = (uint16_t)(at.row->bind.id + at.k);
    if (reg >= REG_STATUS_1 && reg <= REG_STATUS_3) return COLUMN_STATUS;
    if (c->attr == 5 && at.row->cls == &class_extended)
        return reg - REG_MD_P_IMPORT + REG_MDT_P_IMPORT;
    return c->attr == 2 ? reg : E_NONE;
}

uint8_t model_reg_tag(uint16_t reg)
{
    uint8_t k = 0;
    const struct cosem_row *r = row_of_register(reg, &k);
    return r && r->bind.tag ? r->bind.tag : AXDR_U32;
}
