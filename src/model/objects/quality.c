/* quality.c - limits of the supply and how often they were passed; neutral current; the
 * battery. */
#include "model/objects/objects.h"

static const struct setting_row mismatch[] = {
    { PARAM_MISMATCH_MA, AXDR_U32 },      { PARAM_MISMATCH_PERCENT, AXDR_U8 },
    { PARAM_MISMATCH_START_S, AXDR_U16 }, { PARAM_MISMATCH_END_S, AXDR_U16 },
    { PARAM_BILL_HIGHER, AXDR_BOOL },
};

/* How long the last one lasted, and how far it went. */
#define LAST(c, d, what, which) MADE(1, c, d, 0, class_made_register, what, AXDR_U16, which)

static const struct cosem_row rows[] = {
    SETTING(1, 32, 31, 0, ACL_CONFIG, PARAM_UNDER_DV, AXDR_U16, UNIT_V, -1),
    NUMBER(1, 32, 32, 0, ACL_METER, REG_SAGS, AXDR_U32),
    LAST(32, 33, MADE_LAST_DURATION, LAST_SAG),
    LAST(32, 34, MADE_LAST_MAGNITUDE_V, LAST_SAG),
    SETTING(1, 32, 35, 0, ACL_CONFIG, PARAM_OVER_DV, AXDR_U16, UNIT_V, -1),
    NUMBER(1, 32, 36, 0, ACL_METER, REG_SWELLS, AXDR_U32),
    LAST(32, 37, MADE_LAST_DURATION, LAST_SWELL),
    LAST(32, 38, MADE_LAST_MAGNITUDE_V, LAST_SWELL),
    SETTING(1, 32, 39, 0, ACL_CONFIG, PARAM_MISSING_DV, AXDR_U16, UNIT_V, -1),
    NUMBER(1, 32, 40, 0, ACL_METER, REG_MISSING, AXDR_U32),
    SETTING(1, 32, 43, 0, ACL_CONFIG, PARAM_UNDER_S, AXDR_U16, UNIT_S, 0),
    SETTING(1, 32, 44, 0, ACL_CONFIG, PARAM_OVER_S, AXDR_U16, UNIT_S, 0),
    SETTING(1, 31, 35, 0, ACL_CONFIG, PARAM_OVERCURRENT_MA, AXDR_U32, UNIT_A, -3),
    NUMBER(1, 31, 36, 0, ACL_METER, REG_OVERCURRENT, AXDR_U32),
    LAST(31, 37, MADE_LAST_DURATION, LAST_OVER_CURRENT),
    LAST(31, 38, MADE_LAST_MAGNITUDE_A, LAST_OVER_CURRENT),
    SETTING(1, 31, 44, 0, ACL_CONFIG, PARAM_OVERCURRENT_S, AXDR_U16, UNIT_S, 0),
    SETTINGS(96, 50, 1, ACL_CONFIG, mismatch, 0),
    ABSTRACT(96, 6, 0, REG_BATTERY_S, AXDR_U32),
    MADE(0, 96, 6, 1, class_made_register, MADE_BATTERY_PERCENT, AXDR_U8, 0),
    OBJECT(0, 0, 96, 6, 2, ACL_CONFIG, class_battery_date, 0),
    ABSTRACT(96, 6, 3, REG_BATTERY, AXDR_U16),
    MOMENT(0, 96, 6, 5, ACL_METER, REG_AT_BATTERY),
    MADE(0, 96, 6, 6, class_made_register, MADE_BATTERY_LEFT, AXDR_U32, 0),
    ABSTRACT(96, 9, 0, REG_TEMP, AXDR_I16),
};
const struct cosem_group objects_quality = { rows, COUNT(rows) };
