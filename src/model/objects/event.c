/* event.c - ten logs, their last codes and counters, and the fields of their rows. */
#include "model/objects/objects.h"

#define VIEW(log)                                                                              \
    {                                                                                          \
        &profile_log, log                                                                      \
    }
static const struct profile_view view[LOGS] = {
    [LOG_STANDARD] = VIEW(LOG_STANDARD),
    [LOG_FRAUD] = VIEW(LOG_FRAUD),
    [LOG_RELAY] = VIEW(LOG_RELAY),
    [LOG_QUALITY] = VIEW(LOG_QUALITY),
    [LOG_COMMUNICATION] = VIEW(LOG_COMMUNICATION),
    [LOG_PREPAYMENT] = VIEW(LOG_PREPAYMENT),
    [LOG_SECURITY] = VIEW(LOG_SECURITY),
    [LOG_FAILURE] = VIEW(LOG_FAILURE),
    [LOG_FIRMWARE] = VIEW(LOG_FIRMWARE),
    [LOG_POWER] = VIEW(LOG_POWER),
};

/* A log is three objects: its rows, the code of the last one, and how many there ever were. */
#define LOG(e)                                                                                 \
    PROFILE(0, 99, 98, e, ACL_LOG, class_log, &view[e]),                                       \
        OBJECT(0, 0, 96, 11, e, ACL_METER, class_event_code, e),                               \
        OBJECT(0, 0, 96, 15, e, ACL_METER, class_event_counter, e)

static const struct profile_view changes = { &profile_changes, 0 };

static const struct cosem_row rows[] = {
    LOG(LOG_STANDARD),
    LOG(LOG_FRAUD),
    LOG(LOG_RELAY),
    LOG(LOG_QUALITY),
    LOG(LOG_COMMUNICATION),
    LOG(LOG_PREPAYMENT),
    LOG(LOG_SECURITY),
    LOG(LOG_FAILURE),
    LOG(LOG_FIRMWARE),
    PROFILE(1, 99, 97, 0, ACL_LOG, class_log, &view[LOG_POWER]),
    PROFILE(0, 99, 16, 0, ACL_METER, class_fixed, &changes),
    OBJECT(0, 0, 16, 2, 0, ACL_SERVICE, class_monitor, 0),
    NUMBER(0, 96, 7, 0, ACL_METER, REG_POWER_FAILURES, AXDR_U32),
    NUMBER(0, 96, 7, 5, ACL_METER, REG_LONG_FAILURES, AXDR_U32),
    MOMENT(0, 96, 7, 10, ACL_METER, REG_AT_POWER_FAILURE),
    OBJECT(0, 0, 96, 50, 40, ACL_METER, class_field, COLUMN_POWER_STATE),
    OBJECT(0, 0, 96, 50, 41, ACL_METER, class_field, COLUMN_CLIENT),
    OBJECT(0, 0, 96, 50, 42, ACL_METER, class_field, COLUMN_CHANNEL),
    OBJECT(0, 0, 96, 50, 43, ACL_METER, class_field, COLUMN_WHAT),
    OBJECT(0, 0, 96, 50, 44, ACL_METER, class_field, COLUMN_MAGNITUDE),
    OBJECT(0, 0, 96, 50, 45, ACL_METER, class_field, COLUMN_DURATION),
    OBJECT(0, 0, 96, 50, 46, ACL_METER, class_field, COLUMN_ENERGY),
};
const struct cosem_group objects_event = { rows, COUNT(rows) };
