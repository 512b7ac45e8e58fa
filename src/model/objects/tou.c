/* tou.c - tariffs and load by the calendar: what is in force, what is to come, what each tariff
 * counts. */
#include "model/objects/objects.h"

static const struct calendar_view tariff = { { 0, 0, 10, 0, 100, 255 }, CALENDAR_TARIFF };
static const struct calendar_view load = { SUPPLY_SCRIPTS, CALENDAR_LOAD };

/* Script n writes the name of mask n into both activations. */
#define TARIFF_SCRIPT(n, text)                                                                 \
    {                                                                                          \
        1, 6, { 0, 0, 14, 0, 0 }, 4, text, CMD_TARIFF, n                                       \
    }
static const struct script script[] = {
    TARIFF_SCRIPT(1, "1"), TARIFF_SCRIPT(2, "2"), TARIFF_SCRIPT(3, "3"), TARIFF_SCRIPT(4, "4"),
    TARIFF_SCRIPT(5, "5"), TARIFF_SCRIPT(6, "6"), TARIFF_SCRIPT(7, "7"), TARIFF_SCRIPT(8, "8"),
};
static const struct script_table scripts = { script, COUNT(script), 2, COUNT(script),
                                             PARAM_TARIFF_SCRIPTS };

/* The families that objects/energy.c and objects/demand.c show, in their order. */
static const uint8_t energy_c[] = { 1, 2, 15, 16, 17, 18, 19,  20,  3,   4,   128,
                                    5, 6, 7,  8,  9,  10, 129, 133, 134, 135, 136 };
static const uint8_t demand_c[] = { 1, 2, 15, 3, 4, 9 };
static const struct activation energy = { 3, REG_TARIFF, 8, COUNT(energy_c), energy_c };
static const struct activation demand = { 4, REG_DEMAND_TARIFF, 6, COUNT(demand_c), demand_c };

/* Their place is their array_object_id: new ones go to the end. The unit's past is read alone. */
static const struct capture_row list[] = {
    { 11, { 0, 0, 11, 0, 0 }, 2, 0 }, { 11, { 0, 0, 11, 0, 1 }, 2, 0 },
    { 11, { 0, 0, 11, 0, 2 }, 2, 0 }, { 1, { 0, 0, 96, 62, 3 }, 2, 0 },
    { 1, { 0, 0, 96, 62, 5 }, 2, 0 }, { 10, { 0, 0, 12, 0, 0 }, 2, 0 },
};
static const struct arrays arrays = { list, COUNT(list) };

static const struct cosem_row rows[] = {
    ROW(0, 0, 13, 0, 0, 1, ACL_CALENDAR, class_calendar, .ext = &tariff),
    ROW(0, 0, 11, 0, 0, 1, ACL_SPECIAL_DAYS, class_special_days, .ext = &tariff),
    ROW(0, 0, 13, 0, 1, 1, ACL_FRIENDLY, class_calendar, .ext = &load),
    ROW(0, 0, 11, 0, 2, 1, ACL_CONFIG, class_special_days, .ext = &load),
    ROW(0, 0, 18, 0, 0, 1, ACL_SPECIAL_DAYS, class_arrays, .ext = &arrays),
    ROW(0, 0, 12, 0, 0, 1, ACL_CONFIG, class_timetable, .ext = NULL),
    ROW(0, 0, 10, 0, 100, 1, ACL_SCRIPT, class_script_table, .ext = &scripts),
    ROW(0, 0, 14, 0, 0, 1, ACL_SEALED, class_activation, .ext = &energy),
    ROW(0, 0, 14, 0, 1, 1, ACL_SEALED, class_activation, .ext = &demand),
    OBJECT(1, 0, 0, 2, 2, ACL_METER, class_calendar_name, SIDE_ACTIVE),
    OBJECT(1, 0, 0, 2, 7, ACL_METER, class_calendar_name, SIDE_PASSIVE),
    NUMBER(0, 96, 14, 1, ACL_CUSTOMER, REG_DEMAND_TARIFF, AXDR_U8),
    MOMENT(0, 96, 2, 2, ACL_METER, REG_AT_TOU_CHANGE),
    MOMENT(0, 96, 2, 7, ACL_METER, REG_AT_CALENDAR),
};
const struct cosem_group objects_tou = { rows, COUNT(rows) };
