/* params.c - which object and attribute shows a parameter, for the who-log and the rows of
 * events; and the other way about, for classes whose attributes are parameters and no more. */
#include <string.h>

#include "model/objects/objects.h"

enum { SAME, BY_B, BY_C, BY_D, BY_E };
enum {
    LIMIT_EVERY = PARAM_LIMIT_2_REG - PARAM_LIMIT_1_REG,
    MONITOR_EVERY = PARAM_MONITOR_2_REG - PARAM_MONITOR_1_REG,
    ALARM_EVERY = PARAM_ALARM_MONITOR_2_UP - PARAM_ALARM_MONITOR_1_UP
};

/* Parameters that classes of their own show: n in a row from `first`, attributes likewise, under
 * this tag where they are plain numbers. The same of several objects, whose names differ in one
 * value group, counted up: the parameters of the next lie `every` further. SAME: all of them are
 * of one attribute. The compiler says when a number outgrows its bits. */
static const struct place {
    uint16_t first;
    uint8_t class_id, c, d, e;
    uint16_t a : 1, attr : 5, n : 4, tag : 5;
    uint16_t by : 3, objects : 4, every : 4;
} places[] = {
    { PARAM_ZONE_MIN, 8, 1, 0, 0, 0, 3, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_DST_ENABLED, 8, 1, 0, 0, 0, 8, 1, AXDR_BOOL, SAME, 1, 1 },
    { PARAM_DST_DEVIATION_MIN, 8, 1, 0, 0, 0, 7, 1, AXDR_I8, SAME, 1, 1 },
    { PARAM_DST_BEGIN, 8, 1, 0, 0, 0, 5, 2, AXDR_NULL, SAME, 1, 1 },
    { PARAM_CLOCK_BASE, 8, 1, 0, 0, 0, 9, 1, AXDR_ENUM, SAME, 1, 1 },
    { PARAM_DEMAND_PERIODS, 5, 1, 4, 0, 1, 9, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_BILLING_TIME, 22, 15, 0, 0, 0, 4, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_SPECIAL_DAYS, 11, 11, 0, 0, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_SPECIAL_DAYS_2, 11, 11, 0, 2, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_SPECIAL_DAYS_3, 11, 11, 0, 1, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_SHORT_CODES, 1, 96, 62, 3, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_SCHEDULE, 10, 12, 0, 0, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_OUTPUT_SCRIPTS, 9, 10, 0, 103, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_TARIFF_SCRIPTS, 9, 10, 0, 100, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_SUPPLY_SCRIPTS, 9, 10, 0, 106, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_FRIENDLY_SCRIPTS, 9, 10, 1, 100, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_PUSH_SCRIPTS, 9, 10, 0, 108, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_OUTPUTS, 1, 96, 50, 50, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_SUPPLY_MODE, 70, 96, 3, 10, 0, 4, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_WEIGHTS, 68, 96, 3, 20, 0, 4, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_SCHEME, 1, 96, 60, 1, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_SCHEME_B, 1, 96, 60, 1, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_SCHEME_SIDE, 1, 96, 60, 0, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_LIFELINE_KWH, 112, 19, 10, 4, 0, 10, 1, AXDR_I32, BY_D, WALLETS, 0 },
    { PARAM_LEVELS, 1, 96, 61, 0, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_SMS, 1, 96, 64, 1, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_UNITS, 1, 96, 62, 0, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_CURRENCY, 111, 19, 0, 0, 0, 15, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_UNIT_DISPLAY, 1, 96, 62, 4, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_STS_BASE, 1, 96, 61, 13, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_BATTERY_DAYS, 1, 96, 6, 2, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_SINGLE_1, 22, 15, 0, 1, 0, 4, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_TCP_IDLE_S, 41, 25, 0, 0, 0, 6, 1, AXDR_U16, SAME, 1, 1 },
    { PARAM_NET_PORT, 41, 25, 0, 0, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_NET_CONNECTIONS, 41, 25, 0, 0, 0, 5, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_NET_ADDRESS, 42, 25, 1, 0, 0, 3, 1, AXDR_NULL, SAME, 1, 1 },
    { PARAM_NET_MASK, 42, 25, 1, 0, 0, 6, 2, AXDR_NULL, SAME, 1, 1 },
    { PARAM_NET_DNS_1, 42, 25, 1, 0, 0, 9, 2, AXDR_NULL, SAME, 1, 1 },
    { PARAM_SECURITY_POLICY, 64, 43, 0, 0, 0, 2, 2, AXDR_NULL, SAME, 1, 1 },
    { PARAM_SURVEY_1_PERIOD_S, 7, 99, 1, 0, 1, 4, 1, AXDR_NULL, BY_E, 3, 1 },
    { PARAM_SURVEY_1_COLUMNS, 7, 99, 1, 0, 1, 3, 1, AXDR_NULL, BY_E, 3, 1 },
    { PARAM_CALENDAR_TIME, 20, 13, 0, 0, 0, 10, 1, AXDR_NULL, BY_E, 3, 1 },
    { PARAM_CALENDAR_NAME, 20, 13, 0, 0, 0, 6, 1, AXDR_NULL, BY_E, 3, 2 },
    { PARAM_CALENDAR_NAME_1B, 20, 13, 0, 0, 0, 6, 1, AXDR_NULL, BY_E, 3, 2 },
    { PARAM_SEASONS, 20, 13, 0, 0, 0, 7, 1, AXDR_NULL, BY_E, 3, 2 },
    { PARAM_SEASONS_1B, 20, 13, 0, 0, 0, 7, 1, AXDR_NULL, BY_E, 3, 2 },
    { PARAM_WEEKS, 20, 13, 0, 0, 0, 8, 1, AXDR_NULL, BY_E, 3, 2 },
    { PARAM_WEEKS_1B, 20, 13, 0, 0, 0, 8, 1, AXDR_NULL, BY_E, 3, 2 },
    { PARAM_DAYS, 20, 13, 0, 0, 0, 9, 1, AXDR_NULL, BY_E, 3, 2 },
    { PARAM_DAYS_1B, 20, 13, 0, 0, 0, 9, 1, AXDR_NULL, BY_E, 3, 2 },
    { PARAM_LOCAL_1_MODE, 19, 20, 0, 0, 0, 2, 1, AXDR_ENUM, BY_E, 2, LOCALS },
    { PARAM_LOCAL_1_PROPOSAL, 19, 20, 0, 0, 0, 4, 2, AXDR_ENUM, BY_E, 2, LOCALS },
    { PARAM_LOCAL_1_ADDRESS, 19, 20, 0, 0, 0, 6, 1, AXDR_NULL, BY_E, 2, 1 },
    { PARAM_HDLC_1_SPEED, 23, 22, 0, 0, 0, 2, 1, AXDR_ENUM, BY_B, 3, HDLCS },
    { PARAM_HDLC_1_WINDOW_TX, 23, 22, 0, 0, 0, 3, 2, AXDR_U8, BY_B, 3, HDLCS },
    { PARAM_HDLC_1_INFO_TX, 23, 22, 0, 0, 0, 5, 5, AXDR_U16, BY_B, 3, HDLCS },
    { PARAM_GUARD_1_MODE, 124, 44, 2, 0, 0, 2, 1, AXDR_ENUM, BY_E, 3, GUARDS },
    { PARAM_GUARD_1_ATTEMPTS, 124, 44, 2, 0, 0, 3, 1, AXDR_U16, BY_E, 3, GUARDS },
    { PARAM_GUARD_1_FIRST_S, 124, 44, 2, 0, 0, 4, 1, AXDR_U32, BY_E, 3, GUARDS },
    { PARAM_GUARD_1_STEEPNESS, 124, 44, 2, 0, 0, 5, 1, AXDR_U8, BY_E, 3, GUARDS },
    { PARAM_GUARD_1_LONGEST_S, 124, 44, 2, 0, 0, 6, 1, AXDR_U32, BY_E, 3, GUARDS },
    { PARAM_WALLET_1_MONEY, 111, 19, 0, 0, 0, 15, 1, AXDR_NULL, BY_D, WALLETS, 1 },
    { CHANGED_CREDIT, 112, 19, 10, 0, 0, 2, 1, AXDR_NULL, BY_D, WALLETS, 1 },
    { CHANGED_DEBT, 113, 19, 20, 18, 0, 12, 1, AXDR_NULL, BY_D, WALLETS, 1 },
    { CHANGED_DEBT + WALLETS, 113, 19, 20, 19, 0, 12, 1, AXDR_NULL, BY_D, WALLETS, 1 },
    { PARAM_CLEARANCE_1, 111, 19, 0, 0, 0, 7, 1, AXDR_I32, BY_D, WALLETS, 1 },
    { PARAM_EMERGENCY_1, 112, 19, 10, 1, 0, 9, 1, AXDR_I32, BY_D, WALLETS, 1 },
    { PARAM_EMERGENCY_1_BELOW, 112, 19, 10, 1, 0, 10, 1, AXDR_I32, BY_D, WALLETS, 1 },
    { PARAM_FREE_1_MONTH, 112, 19, 10, 3, 0, 9, 1, AXDR_I32, BY_D, WALLETS, 1 },
    { PARAM_FREE_1_LIFELINE, 112, 19, 10, 4, 0, 9, 1, AXDR_I32, BY_D, WALLETS, 1 },
    { PARAM_DEBT_1_DAY, 113, 19, 20, 18, 0, 5, 1, AXDR_NULL, BY_D, WALLETS, 1 },
    { PARAM_DEBT_1_SHARE, 113, 19, 20, 19, 0, 5, 1, AXDR_NULL, BY_D, WALLETS, 1 },
    { PARAM_PROVISION_1, 111, 19, 0, 0, 0, 18, 1, AXDR_U16, BY_D, WALLETS, 1 },
    { PARAM_PROVISION_1_S, 111, 19, 0, 0, 0, 19, 1, AXDR_I32, BY_D, WALLETS, 1 },
    { PARAM_COLLECT_FIXED, 111, 19, 0, 0, 0, 11, 1, AXDR_NULL, SAME, 2, 1 },
    { PARAM_LIMIT_1_REG, 71, 17, 0, 0, 0, 2, 1, AXDR_NULL, BY_E, 3, LIMIT_EVERY },
    { PARAM_LIMIT_1_NORMAL, 71, 17, 0, 0, 0, 4, 2, AXDR_NULL, BY_E, 3, LIMIT_EVERY },
    { PARAM_LIMIT_1_OVER_S, 71, 17, 0, 0, 0, 6, 2, AXDR_U32, BY_E, 3, LIMIT_EVERY },
    { PARAM_LIMIT_1_UP, 71, 17, 0, 0, 0, 11, 1, AXDR_NULL, BY_E, 3, LIMIT_EVERY },
    { PARAM_LIMIT_1_DOWN, 71, 17, 0, 0, 0, 11, 1, AXDR_NULL, BY_E, 3, LIMIT_EVERY },
    { PARAM_LIMIT_1_PROFILE, 71, 17, 0, 0, 0, 8, 1, AXDR_NULL, BY_E, 3, 1 },
    { PARAM_LIMIT_1_GROUPS, 71, 17, 0, 0, 0, 9, 1, AXDR_NULL, BY_E, 3, 1 },
    { PARAM_MONITOR_1_REG, 21, 16, 0, 0, 0, 3, 1, AXDR_NULL, BY_E, MONITORS, MONITOR_EVERY },
    { PARAM_MONITOR_1_THRESHOLD, 21, 16, 0, 0, 0, 2, 1, AXDR_NULL, BY_E, MONITORS,
      MONITOR_EVERY },
    { PARAM_MONITOR_1_UP, 21, 16, 0, 0, 0, 4, 1, AXDR_NULL, BY_E, MONITORS, MONITOR_EVERY },
    { PARAM_MONITOR_1_DOWN, 21, 16, 0, 0, 0, 4, 1, AXDR_NULL, BY_E, MONITORS, MONITOR_EVERY },
    { PARAM_ALARM_MONITOR_1_THRESHOLD, 21, 16, 1, 0, 0, 2, 1, AXDR_NULL, BY_E, ALARMS,
      ALARM_EVERY },
    { PARAM_ALARM_MONITOR_1_UP, 21, 16, 1, 0, 0, 4, 1, AXDR_NULL, BY_E, ALARMS, ALARM_EVERY },
    { PARAM_ALARM_MONITOR_1_DOWN, 21, 16, 1, 0, 0, 4, 1, AXDR_NULL, BY_E, ALARMS, ALARM_EVERY },
    { PARAM_DISPLAY_1, 7, 21, 0, 1, 0, 3, 1, AXDR_NULL, BY_E, DISPLAY_LISTS, 1 },
    { PARAM_READOUT, 7, 21, 0, 0, 0, 3, 1, AXDR_NULL, BY_E, 1, 1 },
    { PARAM_PUSH_TIME_1, 22, 15, 0, 4, 0, 4, 1, AXDR_NULL, BY_B, 4, 1 },
    { PARAM_COMPACT_1, 62, 66, 0, 0, 0, 3, 1, AXDR_NULL, BY_E, 2, 1 },
    { PARAM_COMPACT_1_ID, 62, 66, 0, 0, 0, 4, 1, AXDR_U8, BY_E, 2, 1 },
    { PARAM_COMPACT_1_METHOD, 62, 66, 0, 0, 0, 6, 1, AXDR_ENUM, BY_E, 2, 1 },
    { PARAM_CERT_1, 64, 43, 0, 0, 0, 6, 1, AXDR_NULL, SAME, 8, 1 },
    { PARAM_PUSH_1, 40, 25, 9, 0, 0, 3, 1, AXDR_NULL, BY_B, PUSHES, 1 },
    { PARAM_PUSH_1_LIST, 40, 25, 9, 0, 0, 2, 1, AXDR_NULL, BY_B, PUSHES, 1 },
    { AUDIT_SECRET + SECURE_PASSWORD_1, 15, 40, 0, 2, 0, 7, 1, AXDR_NULL, BY_E, 3, 1 },
    { AUDIT_SECRET + SECURE_DECODER, 116, 19, 60, 0, 0, 0, 1, AXDR_NULL, SAME, 1, 1 },
    { AUDIT_SECRET + SECURE_SMS_PIN, 1, 96, 64, 6, 0, 2, 1, AXDR_NULL, SAME, 1, 1 },
};

/* Member of the row's family that shows the parameter as its attribute 2, or -1. */
static int member_of(const struct cosem_row *r, uint16_t param)
{
    if (r->cls == INDEX_class_param || r->cls == INDEX_class_octets ||
        r->cls == INDEX_class_bits || r->cls == INDEX_class_param_register)
        return (uint16_t)(param - r->bind.id) < r->span ? param - r->bind.id : -1;
    if (r->cls != INDEX_class_settings) return -1;
    const struct setting_row *l = r->bind.ext;
    unsigned objects = r->n >> 4 ? r->n >> 4 : 1;
    for (unsigned i = 0; i < (r->n & 15u); i++)
        if ((uint16_t)(param - l[i].id) < objects) return 0;
    return -1;
}

/* Object k that the place p tells of. */
static struct cosem_capture capture_of(const struct place *p, unsigned k, unsigned ahead)
{
    struct cosem_capture c = { .class_id = p->class_id,
                               .ln = { p->a, 0, p->c, p->d, p->e, 255 },
                               .attr = (int8_t)(p->attr + ahead) };
    if (p->by != SAME) ((uint8_t *)&c.ln)[p->by] += (uint8_t)k;
    return c;
}

struct setting model_setting_of(const struct cosem_at *at)
{
    struct obis ln = cosem_ln(at);
    for (const struct place *p = places; p < places + COUNT(places); p++) {
        unsigned ahead = (unsigned)at->id - p->attr;
        if (p->class_id != at->cls->id || ahead >= p->n || !p->tag) continue;
        for (unsigned k = 0; k < p->objects; k++) {
            struct cosem_capture c = capture_of(p, k, ahead);
            if (!memcmp(&c.ln, &ln, sizeof ln))
                return (struct setting){ (uint16_t)(p->first + k * p->every + ahead), p->tag };
        }
    }
    return (struct setting){ PARAMS, AXDR_I32 };
}

/* Keys are no attribute of the security setup, the decoder key none of the STS attributes. */
static struct cosem_capture object_of(uint16_t param)
{
    for (const struct place *p = places; p < places + COUNT(places); p++)
        for (unsigned k = 0; k < p->objects; k++) {
            unsigned ahead = (uint16_t)(param - p->first - k * p->every);
            if (ahead < p->n) return capture_of(p, k, ahead);
        }
    if (param >= AUDIT_SECRET)
        return (struct cosem_capture){ .class_id = 64, .ln = { 0, 0, 43, 0, 0, 255 } };
    for (unsigned g = 0; g < device_model.n_group; g++) {
        const struct cosem_group *group = device_model.group[g];
        for (const struct cosem_row *r = group->row; r < group->row + group->n; r++) {
            int k = member_of(r, param);
            struct cosem_at at = { .row = r, .k = (uint8_t)k };
            if (k >= 0)
                return (struct cosem_capture){ .class_id = device_model.cls[r->cls].id,
                                               .ln = cosem_ln(&at),
                                               .attr = 2 };
        }
    }
    return (struct cosem_capture){ .attr = 0 };
}

struct cosem_capture model_object_of(uint16_t param)
{
    unsigned part = param < CHANGED_CREDIT ? param / PARAM_PART : 0;
    struct cosem_capture c = object_of((uint16_t)(param - part * PARAM_PART));
    c.attr = (int8_t)(c.attr + (int)part);
    return c;
}
