/* supply.c - the relay, who may order it, and what holds it open. */
#include "model/objects/objects.h"

/* The scripts act as the remote requester. */
static const struct script script[] = {
    { 2, 70, { 0, 0, 96, 3, 10, 255 }, 1, NULL, CMD_SUPPLY_DISCONNECT, SUPPLY_REMOTE },
    { 2, 70, { 0, 0, 96, 3, 10, 255 }, 2, NULL, CMD_SUPPLY_RECONNECT, SUPPLY_REMOTE },
    { 2, 68, { 0, 0, 96, 3, 20, 255 }, 1, "ready", CMD_SUPPLY_READY, SUPPLY_REMOTE },
};
static const struct script_table scripts = { script, COUNT(script), 1 };

/* Below this voltage, in percent of the reference, the coil does not move. */
static const struct setting_list least = { 1, { { PARAM_RELAY_MIN_PERCENT, AXDR_U8 } } };

static const struct cosem_row rows[] = {
    OBJECT(0, 0, 96, 3, 10, ACL_RELAY, &class_disconnect, 0),
    OBJECT(0, 0, 96, 3, 20, ACL_ARBITRATOR, &class_arbitrator, 0),
    ROW(0, 0, 10, 0, 106, 1, ACL_RELAY_SCRIPT, &class_script, .ext = &scripts),
    NUMBER(0, 96, 50, 20, ACL_CUSTOMER, REG_SUPPLY_CAUSE, AXDR_ENUM),
    OBJECT(0, 0, 96, 50, 21, ACL_CUSTOMER, &class_operations, 0),
    ROW(0, 0, 96, 50, 24, 1, ACL_CONFIG, &class_settings, .ext = &least),
    OBJECT(0, 0, 96, 4, 0, ACL_METER, &class_signals, 0),
};
const struct cosem_group objects_supply = { rows, COUNT(rows) };
