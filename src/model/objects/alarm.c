/* alarm.c - alarms and errors, covers, inputs and the second source. */
#include "model/objects/objects.h"

/* A tamper: how often it came, when last, how long now, how long in all. */
#define TAMPER(e, which)                                                                       \
    NUMBER(0, 96, 20, e, ACL_METER, REG_TAMPER_##which, AXDR_U32),                             \
        MOMENT(0, 96, 20, e + 1, ACL_METER, REG_AT_##which),                                   \
        MADE(0, 96, 20, e + 2, class_made_register, MADE_TAMPER_NOW, AXDR_U32,                 \
             TAMPER_##which),                                                                  \
        ABSTRACT(96, 20, e + 3, REG_TAMPER_##which##_S, AXDR_U32)

static const struct setting_row resource[] = {
    { PARAM_RESOURCE_MODE, AXDR_ENUM },     { PARAM_RESOURCE_INPUTS, AXDR_U8 },
    { PARAM_RESOURCE_POLARITY, AXDR_BOOL }, { PARAM_RESOURCE_DEBOUNCE_MS, AXDR_U16 },
    { PARAM_RESOURCE_TARIFF, AXDR_U8 },     { PARAM_RESOURCE_WALLET, AXDR_U8 },
    { PARAM_RESOURCE_LIMIT_W, AXDR_U32 },
};

/* Script n gives the pulse output function n - 1 of 0-0:96.50.12. */
#define OUTPUT_SCRIPT(n)                                                                       \
    {                                                                                          \
        1, 1, { 0, 0, 96, 50, 12 }, 2, #n, CMD_PULSE_FUNCTION, n                               \
    }
static const struct script script[] = { OUTPUT_SCRIPT(0), OUTPUT_SCRIPT(1), OUTPUT_SCRIPT(2),
                                        OUTPUT_SCRIPT(3), OUTPUT_SCRIPT(4), OUTPUT_SCRIPT(5),
                                        OUTPUT_SCRIPT(6), OUTPUT_SCRIPT(7) };
static const struct script_table scripts = { script, COUNT(script), 1, 1,
                                             PARAM_OUTPUT_SCRIPTS };

static const struct cosem_row rows[] = {
    ROW(0, 0, 97, 98, 0, ALARMS, ACL_ALARM, class_alarm, SHOWN(REG_ALARM_1, AXDR_U32)),
    ROW(0, 0, 97, 98, 10, ALARMS, ACL_CONFIG, class_param,
        SHOWN(PARAM_ALARM_FILTER_1, AXDR_U32)),
    ROW(0, 0, 97, 98, 20, ALARMS, ACL_ALARM, class_descriptor, SHOWN(0, AXDR_U32)),
    ROW(0, 0, 97, 97, 0, ERRORS, ACL_ALARM, class_error, SHOWN(REG_ERROR_1, AXDR_U32)),
    OBJECT(0, 0, 96, 5, 0, ACL_METER, class_status, 0),
    OBJECT(0, 0, 96, 5, 1, ACL_METER, class_status, 1),
    OBJECT(0, 0, 96, 5, 2, ACL_METER, class_status, 2),
    ROW(0, 0, 16, 1, 0, ALARMS, ACL_SERVICE, class_alarm_monitor, SHOWN(0, 0)),
    TAMPER(0, METER_COVER),
    TAMPER(5, TERMINAL_COVER),
    TAMPER(15, MAGNET),
    NUMBER(0, 96, 20, 25, ACL_METER, REG_TAMPER_METROLOGY, AXDR_U32),
    MOMENT(0, 96, 20, 26, ACL_METER, REG_AT_METROLOGY),
    MADE(0, 96, 20, 27, class_made_register, MADE_TAMPER_NOW, AXDR_U32, TAMPER_METROLOGY),
    ABSTRACT(96, 20, 28, REG_TAMPER_METROLOGY_S, AXDR_U32),
    TAMPER(30, MODULE_COVER),
    NUMBER(0, 96, 7, 21, ACL_METER, REG_POWER_FAILURES, AXDR_U32),
    NUMBER(0, 96, 7, 9, ACL_METER, REG_LONG_FAILURES, AXDR_U32),
    MADE(0, 96, 7, 15, class_made_register, MADE_LONG_FAILURE, AXDR_U32, 0),
    SETTING(0, 96, 7, 20, ACL_CONFIG, PARAM_LONG_FAILURE_S, AXDR_U16, UNIT_S, 0),
    OBJECT(0, 0, 96, 3, 1, ACL_CUSTOMER, class_inputs, 0),
    OBJECT(0, 0, 96, 3, 2, ACL_CUSTOMER, class_output_state, 0),
    SETTINGS(96, 50, 10, ACL_CONFIG, resource, 0),
    NUMBER(0, 96, 50, 11, ACL_CUSTOMER, REG_SOURCE, AXDR_ENUM),
    OBJECT(0, 0, 96, 50, 50, ACL_CONFIG, class_outputs, 0),
    PARAM(0, 96, 50, 12, ACL_CONFIG, PARAM_PULSE_FUNCTION, AXDR_ENUM),
    ROW(0, 0, 10, 0, 103, 1, ACL_SCRIPT_TABLE, class_script_table, .ext = &scripts),
};
const struct cosem_group objects_alarm = { rows, COUNT(rows) };
