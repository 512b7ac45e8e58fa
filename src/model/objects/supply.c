/* supply.c - the relay, who may order it, and what holds it open. */
#include "model/objects/objects.h"

/* The scripts act as the remote requester. */
static const struct script script[] = {
    { 2, 70, { 0, 0, 96, 3, 10 }, 1, NULL, CMD_SUPPLY_DISCONNECT, SUPPLY_REMOTE },
    { 2, 70, { 0, 0, 96, 3, 10 }, 2, NULL, CMD_SUPPLY_RECONNECT, SUPPLY_REMOTE },
    { 2, 68, { 0, 0, 96, 3, 20 }, 1, "ready", CMD_SUPPLY_READY, SUPPLY_REMOTE },
    { 1, 71, { 0, 0, 17, 0, 0 }, 8, "now", CMD_LIMIT_EMERGENCY, 0 },
};
static const struct script_table scripts = { script, COUNT(script), 1, COUNT(script),
                                             PARAM_SUPPLY_SCRIPTS };

/* Below this voltage, in percent of the reference, the coil does not move; so long arrears wait
 * before they cut, with so many beeps at the end, and no longer than this is owed. */
static const struct setting_row arrears[] = {
    { PARAM_RELAY_MIN_PERCENT, AXDR_U8 },
    { PARAM_ARREARS_DELAY_S, AXDR_U16 },
    { PARAM_ARREARS_BEEPS, AXDR_U8 },
    { PARAM_ARREARS_DEBT, AXDR_I32 },
};

static const struct setting_row retry[] = {
    { PARAM_RETRY_DELAY_S, AXDR_U16 },  { PARAM_RETRY_MAX, AXDR_U8 },
    { PARAM_RETRY_WINDOW_S, AXDR_U32 }, { PARAM_RETRY_LOCKOUT_S, AXDR_U32 },
    { PARAM_RETRY_BUTTON, AXDR_BOOL },
};

static const struct setting_row voltage[] = {
    { PARAM_PROTECT_OVER_PERCENT, AXDR_U8 },  { PARAM_PROTECT_OVER_S, AXDR_U16 },
    { PARAM_PROTECT_UNDER_PERCENT, AXDR_U8 }, { PARAM_PROTECT_UNDER_S, AXDR_U16 },
    { PARAM_PROTECT_BACK_PERCENT, AXDR_U8 },  { PARAM_PROTECT_BACK_S, AXDR_U16 },
};
static const struct setting_row tamper[] = {
    { PARAM_TAMPER_MASK, AXDR_U8 },
    { PARAM_TAMPER_RELEASE, AXDR_ENUM },
    { PARAM_TAMPER_RELEASE_S, AXDR_U16 },
};
static const struct setting_row fire[] = {
    { PARAM_FIRE_TRIP_C, AXDR_U8 },
    { PARAM_FIRE_RATE_C, AXDR_U8 },
    { PARAM_FIRE_TRIP_S, AXDR_U8 },
    { PARAM_FIRE_RELEASE, AXDR_ENUM },
};

static const struct single_view single = { SUPPLY_SCRIPTS, SINGLE_SUPPLY };

static const struct cosem_row rows[] = {
    ROW(0, 0, 16, 0, 0, MONITORS, ACL_CONFIG, class_watcher, SHOWN(0, 0)),
    OBJECT(0, 0, 16, 0, 10, ACL_CONFIG, class_step_monitor, 0),
    OBJECT(0, 0, 16, 0, 20, ACL_CONFIG, class_level_monitor, 0),
    PARAM_BITS(50, 23, ACL_CONFIG, PARAM_PROTECT_MASK, 16),
    PARAM_BITS(50, 28, ACL_CUSTOMER, PARAMS, 16),
    SETTINGS(96, 50, 25, ACL_CONFIG, voltage, 0),
    SETTINGS(96, 50, 26, ACL_CONFIG, tamper, 0),
    SETTINGS(96, 50, 27, ACL_CONFIG, fire, 0),
    NUMBER(0, 96, 20, 20, ACL_METER, REG_TAMPER_BYPASS, AXDR_U32),
    MOMENT(0, 96, 20, 21, ACL_METER, REG_AT_BYPASS),
    MADE(0, 96, 20, 22, class_made_register, MADE_TAMPER_NOW, AXDR_U32, TAMPER_BYPASS),
    ABSTRACT(96, 20, 23, REG_TAMPER_BYPASS_S, AXDR_U32),
    ROW(0, 0, 17, 0, 0, 2, ACL_CONFIG, class_limiter, SHOWN(0, 0)),
    ROW(0, 0, 17, 0, 2, 1, ACL_ALARM, class_limiter, SHOWN(2, 0)),
    SETTINGS(96, 50, 22, ACL_CONFIG, retry, 0),
    OBJECT(0, 0, 96, 3, 10, ACL_RELAY, class_disconnect, 0),
    OBJECT(0, 0, 96, 3, 20, ACL_ARBITRATOR, class_arbitrator, 0),
    ROW(0, 0, 10, 0, 106, 1, ACL_RELAY_SCRIPT, class_script_table, .ext = &scripts),
    ROW(0, 0, 15, 0, 1, 1, ACL_CONFIG, class_single, .ext = &single),
    NUMBER(0, 96, 50, 20, ACL_CUSTOMER, REG_SUPPLY_CAUSE, AXDR_ENUM),
    OBJECT(0, 0, 96, 50, 21, ACL_CUSTOMER, class_operations, 0),
    SETTINGS(96, 50, 24, ACL_CONFIG, arrears, 0),
    OBJECT(0, 0, 96, 4, 0, ACL_METER, class_signals, 0),
    OBJECT(0, 0, 96, 62, 3, ACL_CONFIG, class_codes, 0),
};
const struct cosem_group objects_supply = { rows, COUNT(rows) };
