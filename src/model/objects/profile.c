/* profile.c - the load profiles and the status words of their rows. */
#include "model/objects/objects.h"

static const struct profile_view survey[] = {
    { &profile_survey, 0 },
    { &profile_survey, 1 },
    { &profile_survey, 2 },
};

static const struct cosem_row rows[] = {
    PROFILE(1, 99, 1, 0, ACL_SURVEY, class_survey, &survey[0]),
    PROFILE(1, 99, 1, 1, ACL_SURVEY, class_survey, &survey[1]),
    PROFILE(1, 99, 1, 2, ACL_SURVEY, class_survey, &survey[2]),
    ROW(0, 0, 66, 0, 0, COMPACTS, ACL_COMPACT, class_compact, SHOWN(0, 0)),
    NUMBER(0, 96, 10, 1, ACL_METER, REG_STATUS_1, AXDR_U16),
    NUMBER(0, 96, 10, 2, ACL_METER, REG_STATUS_2, AXDR_U16),
    NUMBER(0, 96, 10, 3, ACL_METER, REG_STATUS_3, AXDR_U16),
};
const struct cosem_group objects_profile = { rows, COUNT(rows) };
