/* billing.c - the registers as they stood each midnight and at each end of a billing period. */
#include "model/objects/objects.h"

static const struct profile_view daily = { &profile_billing, BILLING_DAILY };
static const struct profile_view monthly = { &profile_billing, BILLING_MONTHLY };

static const struct script script[] = {
    { 2, 7, { 0, 0, 98, 1, 0 }, 2, NULL, CMD_BILLING_END, 0 },
    { 2, 4, { 1, 0, 1, 6, 0 }, 1, NULL, CMD_MAXIMA_RESET, 0 },
};
static const struct script_table scripts = { script, COUNT(script), 1, 0, 0 };

static void get_end(struct meter *m, unsigned which, uint8_t when[SCHEDULE_TIME])
{
    (void)which;
    billing_get_time(m, when);
}

static int set_end(struct meter *m, const struct who *who, unsigned which,
                   const uint8_t when[SCHEDULE_TIME])
{
    (void)which;
    return billing_set_time(m, who, when);
}

/* Of the meter as a whole: forget what was recorded; try the last gasp. */
static const struct script whole[] = {
    { 2, 7, { 1, 0, 99, 1, 0 }, 1, NULL, CMD_DATA_CLEAR, 0 },
    { 2, 40, { 0, 5, 25, 9, 0 }, 1, NULL, CMD_GASP_TEST, 0 },
};
static const struct script_table resets = { whole, COUNT(whole), 1, 0, 0 };

static const struct schedule end = { { 0, 0, 10, 0, 1, 255 }, 1, 0, get_end, set_end };

static const struct cosem_row rows[] = {
    PROFILE(1, 99, 2, 0, ACL_BILLING, class_fixed, &daily),
    PROFILE(0, 98, 1, 0, ACL_BILLING, class_billing, &monthly),
    ROW(0, 0, 15, 0, 0, 1, ACL_CONFIG, class_schedule, .ext = &end),
    ROW(0, 0, 10, 0, 1, 1, ACL_BILLING_SCRIPT, class_script, .ext = &scripts),
    ROW(0, 0, 10, 0, 0, 1, ACL_SCRIPT, class_script, .ext = &resets),
    NUMBER(1, 0, 1, 0, ACL_METER, REG_BILLINGS, AXDR_U32),
    MADE(1, 0, 1, 1, class_made, MADE_BILLING_ROWS, AXDR_U8, BILLING_MONTHLY),
    MOMENT(1, 0, 1, 2, ACL_METER, REG_AT_BILLING),
    MADE(0, 96, 10, BILLING_STATUS, class_made, MADE_BILLING_STATUS, AXDR_U16, BILLING_DAILY),
    MADE(0, 96, 10, BILLING_STATUS + 1, class_made, MADE_BILLING_STATUS, AXDR_U16,
         BILLING_MONTHLY),
    MADE(1, 0, 9, 0, class_made_register, MADE_BILLING_AGE, AXDR_U32, 0),
    SETTING(1, 0, 9, 12, ACL_CONFIG, PARAM_BILLING_LOCKOUT_S, AXDR_U16, UNIT_S, 0),
    SETTING(1, 0, 8, 4, ACL_CONFIG, PARAM_SURVEY_1_PERIOD_S, AXDR_U32, UNIT_S, 0),
};
const struct cosem_group objects_billing = { rows, COUNT(rows) };
