/* clock.c - the clock and what may be set of it. */
#include "model/objects/objects.h"

static const struct cosem_row rows[] = {
    OBJECT(0, 0, 1, 0, 0, ACL_CLOCK, class_clock, 0),
    OBJECT(0, 0, 1, 1, 0, ACL_ALL, class_unix_clock, 0),
    OBJECT(1, 0, 0, 9, 1, ACL_CUSTOMER, class_local_time, 0),
    OBJECT(1, 0, 0, 9, 2, ACL_CUSTOMER, class_local_date, 0),
    SETTING(1, 0, 9, 9, ACL_CONFIG, PARAM_SYNC_WINDOW_S, AXDR_U16, UNIT_S, 0),
    SETTING(1, 0, 9, 11, ACL_CONFIG, PARAM_SHIFT_LIMIT_S, AXDR_U16, UNIT_S, 0),
};
const struct cosem_group objects_clock = { rows, COUNT(rows) };
