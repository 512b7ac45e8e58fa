/* identity.c - names, versions, ratings, and how often the meter was changed. */
#include "model/objects/objects.h"

static const struct param_unit led_wh = { PARAM_LED_WH, AXDR_U16, 45, -3 };
static const struct param_unit led_varh = { PARAM_LED_VARH, AXDR_U16, 46, -3 };
static const struct param_unit pulse_wh = { PARAM_PULSE_WH, AXDR_U16, 45, -3 };
static const struct param_unit pulse_varh = { PARAM_PULSE_VARH, AXDR_U16, 46, -3 };
static const struct param_unit pulse_ms = { PARAM_PULSE_MS, AXDR_U16, UNIT_S, -3 };
static const struct param_unit reference_v = { PARAM_REFERENCE_V, AXDR_U16, UNIT_V, 0 };

static const struct cosem_row rows[] = {
    /*   A  B   C  D  E   policy         what */
    TEXT(0, 0, 42, 0, 0, ACL_ALL, TEXT_DEVICE_NAME),
    TEXT(0, 0, 96, 1, 0, ACL_ALL, TEXT_SERIAL),
    OCTETS(0, 96, 1, 1, ACL_DEVICE_ID, PARAM_ASSET_NUMBER),
    TEXT(0, 0, 96, 1, 2, ACL_METER, TEXT_VARIANT),
    TEXT(0, 0, 96, 1, 3, ACL_METER, TEXT_HARDWARE),
    OCTETS(0, 96, 1, 4, ACL_MADE, PARAM_PRODUCTION),
    TEXT(0, 0, 96, 1, 5, ACL_OPEN_CIU, TEXT_DRN),
    OCTETS(0, 96, 1, 6, ACL_MADE, PARAM_CERTIFICATE),
    OCTETS(0, 96, 1, 10, ACL_POINT, PARAM_METERING_POINT),
    TEXT(1, 0, 0, 0, 0, ACL_ALL, TEXT_SERIAL),
    TEXT(1, 0, 0, 2, 0, ACL_ALL, TEXT_FIRMWARE),
    PARAM(1, 0, 2, 4, ACL_MADE, PARAM_DIAGRAM, AXDR_ENUM),
    OCTETS(0, 96, 50, 70, ACL_MADE, PARAM_CALIBRATION),
    TEXT(0, 0, 0, 2, 0, ACL_ALL, TEXT_FIRMWARE),
    TEXT(1, 3, 0, 2, 0, ACL_METER, TEXT_UNIT),
    SETTING(1, 0, 3, 0, ACL_LED, &led_wh),
    SETTING(1, 0, 3, 1, ACL_LED, &led_varh),
    SETTING(1, 0, 3, 3, ACL_CONFIG, &pulse_wh),
    SETTING(1, 0, 3, 4, ACL_CONFIG, &pulse_varh),
    SETTING(1, 0, 9, 8, ACL_CONFIG, &pulse_ms),
    OBJECT(1, 0, 0, 6, 0, ACL_METER, class_rating, RATING_UN_V),
    OBJECT(1, 0, 0, 6, 1, ACL_METER, class_rating, RATING_IB_A),
    OBJECT(1, 0, 0, 6, 2, ACL_METER, class_rating, RATING_FN_HZ),
    OBJECT(1, 0, 0, 6, 3, ACL_METER, class_rating, RATING_IMAX_A),
    SETTING(1, 0, 6, 4, ACL_CONFIG, &reference_v),
    NUMBER(0, 96, 2, 0, ACL_METER, REG_CHANGES, AXDR_U32),
    NUMBER(0, 96, 2, 10, ACL_METER, REG_PROTECTED_CHANGES, AXDR_U32),
    MOMENT(0, 96, 2, 1, ACL_METER, REG_AT_CHANGE),
    MOMENT(0, 96, 2, 11, ACL_METER, REG_AT_PROTECTED_CHANGE),
    MOMENT(0, 96, 2, 12, ACL_METER, REG_AT_CLOCK_SET),
    MOMENT(0, 96, 2, 5, ACL_METER, REG_AT_CALIBRATION),
    PARAM(0, 96, 61, 15, ACL_SEAL, PARAM_COMMISSIONING, AXDR_ENUM),
};
const struct cosem_group objects_identity = { rows, COUNT(rows) };
