/* params.c - which object and attribute shows a parameter: for the who-log and the rows of events. */
#include "model/objects/objects.h"

/* Parameters that classes of their own show: n in a row from `first`, attributes likewise. */
struct place {
    uint16_t first;
    uint8_t n;
    int8_t attr;
    uint8_t class_id;
    struct obis_row ln;
};
static const struct place shown[] = {
    { PARAM_ZONE_MIN, 1, 3, 8, { 0, 0, 1, 0, 0, 255 } },
    { PARAM_DST_ENABLED, 1, 8, 8, { 0, 0, 1, 0, 0, 255 } },
    { PARAM_DST_DEVIATION_MIN, 1, 7, 8, { 0, 0, 1, 0, 0, 255 } },
    { PARAM_DST_BEGIN, 2, 5, 8, { 0, 0, 1, 0, 0, 255 } },
    { PARAM_CLOCK_BASE, 1, 9, 8, { 0, 0, 1, 0, 0, 255 } },
    { PARAM_DEMAND_PERIODS, 1, 9, 5, { 1, 0, 1, 4, 0, 255 } },
    { PARAM_BILLING_TIME, 1, 4, 22, { 0, 0, 15, 0, 0, 255 } },
    { PARAM_SPECIAL_DAYS, 1, 2, 11, { 0, 0, 11, 0, 0, 255 } },
    { PARAM_SPECIAL_DAYS_2, 1, 2, 11, { 0, 0, 11, 0, 2, 255 } },
    { PARAM_SPECIAL_DAYS_3, 1, 2, 11, { 0, 0, 11, 0, 1, 255 } },
    { PARAM_SHORT_CODES, 1, 2, 1, { 0, 0, 96, 62, 3, 255 } },
    { PARAM_SCHEDULE, 1, 2, 10, { 0, 0, 12, 0, 0, 255 } },
    { PARAM_OUTPUT_SCRIPTS, 1, 2, 9, { 0, 0, 10, 0, 103, 255 } },
    { PARAM_TARIFF_SCRIPTS, 1, 2, 9, { 0, 0, 10, 0, 100, 255 } },
    { PARAM_SUPPLY_SCRIPTS, 1, 2, 9, { 0, 0, 10, 0, 106, 255 } },
    { PARAM_FRIENDLY_SCRIPTS, 1, 2, 9, { 0, 0, 10, 1, 100, 255 } },
    { PARAM_PUSH_SCRIPTS, 1, 2, 9, { 0, 0, 10, 0, 108, 255 } },
    { PARAM_OUTPUTS, 1, 2, 1, { 0, 0, 96, 50, 50, 255 } },
    { PARAM_SUPPLY_MODE, 1, 4, 70, { 0, 0, 96, 3, 10, 255 } },
    { PARAM_WEIGHTS, 1, 4, 68, { 0, 0, 96, 3, 20, 255 } },
    { PARAM_SCHEME, 1, 2, 1, { 0, 0, 96, 60, 1, 255 } },
    { PARAM_SCHEME_B, 1, 2, 1, { 0, 0, 96, 60, 1, 255 } },
    { PARAM_SCHEME_SIDE, 1, 2, 1, { 0, 0, 96, 60, 0, 255 } },
    { PARAM_SCHEME_AT_S, 1, 2, 1, { 0, 0, 96, 60, 2, 255 } },
    { PARAM_LIFELINE_KWH, 1, 10, 112, { 0, 0, 19, 10, 4, 255 } },
    { PARAM_LEVELS, 1, 2, 1, { 0, 0, 96, 61, 0, 255 } },
    { PARAM_SMS, 1, 2, 1, { 0, 0, 96, 64, 1, 255 } },
    { PARAM_UNITS, 1, 2, 1, { 0, 0, 96, 62, 0, 255 } },
    { PARAM_CURRENCY, 1, 15, 111, { 0, 0, 19, 0, 0, 255 } },
    { PARAM_UNIT_DISPLAY, 1, 2, 1, { 0, 0, 96, 62, 4, 255 } },
    { PARAM_STS_BASE, 1, 2, 1, { 0, 0, 96, 61, 13, 255 } },
    { PARAM_BATTERY_DAYS, 1, 2, 1, { 0, 0, 96, 6, 2, 255 } },
    { PARAM_SINGLE_1, 1, 4, 22, { 0, 0, 15, 0, 1, 255 } },
    { PARAM_TCP_IDLE_S, 1, 6, 41, { 0, 0, 25, 0, 0, 255 } },
    { PARAM_NET_PORT, 1, 2, 41, { 0, 0, 25, 0, 0, 255 } },
    { PARAM_NET_CONNECTIONS, 1, 5, 41, { 0, 0, 25, 0, 0, 255 } },
    { PARAM_NET_ADDRESS, 1, 3, 42, { 0, 0, 25, 1, 0, 255 } },
    { PARAM_NET_MASK, 2, 6, 42, { 0, 0, 25, 1, 0, 255 } },
    { PARAM_NET_DNS_1, 2, 9, 42, { 0, 0, 25, 1, 0, 255 } },
    { PARAM_SECURITY_POLICY, 2, 2, 64, { 0, 0, 43, 0, 0, 255 } },
};

/* The same of several objects, whose names differ in one value group, counted up from the first:
 * the parameters of the next lie `every` further. SAME: of one object and one attribute. */
enum { SAME, BY_B, BY_C, BY_D, BY_E };
enum {
    LIMIT_EVERY = PARAM_LIMIT_2_REG - PARAM_LIMIT_1_REG,
    MONITOR_EVERY = PARAM_MONITOR_2_REG - PARAM_MONITOR_1_REG,
    ALARM_EVERY = PARAM_ALARM_MONITOR_2_UP - PARAM_ALARM_MONITOR_1_UP
};
static const struct {
    struct place at;
    uint8_t objects, by, every;
} shown_by[] = {
    { { PARAM_SURVEY_1_PERIOD_S, 1, 4, 7, { 1, 0, 99, 1, 0, 255 } }, 3, BY_E, 1 },
    { { PARAM_SURVEY_1_COLUMNS, 1, 3, 7, { 1, 0, 99, 1, 0, 255 } }, 3, BY_E, 1 },
    { { PARAM_CALENDAR_TIME, 1, 10, 20, { 0, 0, 13, 0, 0, 255 } }, 3, BY_E, 1 },
    { { PARAM_CALENDAR_NAME, 1, 6, 20, { 0, 0, 13, 0, 0, 255 } }, 3, BY_E, 2 },
    { { PARAM_CALENDAR_NAME_1B, 1, 6, 20, { 0, 0, 13, 0, 0, 255 } }, 3, BY_E, 2 },
    { { PARAM_SEASONS, 1, 7, 20, { 0, 0, 13, 0, 0, 255 } }, 3, BY_E, 2 },
    { { PARAM_SEASONS_1B, 1, 7, 20, { 0, 0, 13, 0, 0, 255 } }, 3, BY_E, 2 },
    { { PARAM_WEEKS, 1, 8, 20, { 0, 0, 13, 0, 0, 255 } }, 3, BY_E, 2 },
    { { PARAM_WEEKS_1B, 1, 8, 20, { 0, 0, 13, 0, 0, 255 } }, 3, BY_E, 2 },
    { { PARAM_DAYS, 1, 9, 20, { 0, 0, 13, 0, 0, 255 } }, 3, BY_E, 2 },
    { { PARAM_DAYS_1B, 1, 9, 20, { 0, 0, 13, 0, 0, 255 } }, 3, BY_E, 2 },
    { { PARAM_LOCAL_1_MODE, 1, 2, 19, { 0, 0, 20, 0, 0, 255 } }, 2, BY_E, LOCALS },
    { { PARAM_LOCAL_1_PROPOSAL, 2, 4, 19, { 0, 0, 20, 0, 0, 255 } }, 2, BY_E, LOCALS },
    { { PARAM_LOCAL_1_ADDRESS, 1, 6, 19, { 0, 0, 20, 0, 0, 255 } }, 2, BY_E, 1 },
    { { PARAM_HDLC_1_SPEED, HDLCS, 2, 23, { 0, 0, 22, 0, 0, 255 } }, 3, BY_B, HDLCS },
    { { PARAM_GUARD_1_MODE, GUARDS, 2, 124, { 0, 0, 44, 2, 0, 255 } }, 3, BY_E, GUARDS },
    { { PARAM_WALLET_1_MONEY, 1, 15, 111, { 0, 0, 19, 0, 0, 255 } }, WALLETS, BY_D, 1 },
    { { CHANGED_CREDIT, 1, 2, 112, { 0, 0, 19, 10, 0, 255 } }, WALLETS, BY_D, 1 },
    { { CHANGED_DEBT, 1, 12, 113, { 0, 0, 19, 20, 18, 255 } }, WALLETS, BY_D, 1 },
    { { CHANGED_DEBT + WALLETS, 1, 12, 113, { 0, 0, 19, 20, 19, 255 } }, WALLETS, BY_D, 1 },
    { { PARAM_CLEARANCE_1, 1, 7, 111, { 0, 0, 19, 0, 0, 255 } }, WALLETS, BY_D, 1 },
    { { PARAM_EMERGENCY_1, 1, 9, 112, { 0, 0, 19, 10, 1, 255 } }, WALLETS, BY_D, 1 },
    { { PARAM_EMERGENCY_1_BELOW, 1, 10, 112, { 0, 0, 19, 10, 1, 255 } }, WALLETS, BY_D, 1 },
    { { PARAM_EMERGENCY_1_AUTO, 1, 2, 1, { 0, 0, 96, 61, 6, 255 } }, 4, SAME, 1 },
    { { PARAM_FREE_1_MONTH, 1, 9, 112, { 0, 0, 19, 10, 3, 255 } }, WALLETS, BY_D, 1 },
    { { PARAM_FREE_1_LIFELINE, 1, 9, 112, { 0, 0, 19, 10, 4, 255 } }, WALLETS, BY_D, 1 },
    { { PARAM_DEBT_1_DAY, 1, 5, 113, { 0, 0, 19, 20, 18, 255 } }, WALLETS, BY_D, 1 },
    { { PARAM_DEBT_1_SHARE, 1, 5, 113, { 0, 0, 19, 20, 19, 255 } }, WALLETS, BY_D, 1 },
    { { PARAM_PROVISION_1, 1, 18, 111, { 0, 0, 19, 0, 0, 255 } }, WALLETS, BY_D, 1 },
    { { PARAM_PROVISION_1_S, 1, 19, 111, { 0, 0, 19, 0, 0, 255 } }, WALLETS, BY_D, 1 },
    { { PARAM_COLLECT_FIXED, 1, 11, 111, { 0, 0, 19, 0, 0, 255 } }, 2, SAME, 1 },
    { { PARAM_MODE_NEXT, 1, 2, 1, { 0, 0, 96, 61, 3, 255 } }, 4, SAME, 1 },
    { { PARAM_LIMIT_1_REG, 1, 2, 71, { 0, 0, 17, 0, 0, 255 } }, 3, BY_E, LIMIT_EVERY },
    { { PARAM_LIMIT_1_NORMAL, 2, 4, 71, { 0, 0, 17, 0, 0, 255 } }, 3, BY_E, LIMIT_EVERY },
    { { PARAM_LIMIT_1_OVER_S, 2, 6, 71, { 0, 0, 17, 0, 0, 255 } }, 3, BY_E, LIMIT_EVERY },
    { { PARAM_LIMIT_1_UP, 1, 11, 71, { 0, 0, 17, 0, 0, 255 } }, 3, BY_E, LIMIT_EVERY },
    { { PARAM_LIMIT_1_DOWN, 1, 11, 71, { 0, 0, 17, 0, 0, 255 } }, 3, BY_E, LIMIT_EVERY },
    { { PARAM_LIMIT_1_PROFILE, 1, 8, 71, { 0, 0, 17, 0, 0, 255 } }, 3, BY_E, 1 },
    { { PARAM_LIMIT_1_GROUPS, 1, 9, 71, { 0, 0, 17, 0, 0, 255 } }, 3, BY_E, 1 },
    { { PARAM_MONITOR_1_REG, 1, 3, 21, { 0, 0, 16, 0, 0, 255 } },
      MONITORS,
      BY_E,
      MONITOR_EVERY },
    { { PARAM_MONITOR_1_THRESHOLD, 1, 2, 21, { 0, 0, 16, 0, 0, 255 } },
      MONITORS,
      BY_E,
      MONITOR_EVERY },
    { { PARAM_MONITOR_1_UP, 1, 4, 21, { 0, 0, 16, 0, 0, 255 } },
      MONITORS,
      BY_E,
      MONITOR_EVERY },
    { { PARAM_MONITOR_1_DOWN, 1, 4, 21, { 0, 0, 16, 0, 0, 255 } },
      MONITORS,
      BY_E,
      MONITOR_EVERY },
    { { PARAM_ALARM_MONITOR_1_THRESHOLD, 1, 2, 21, { 0, 0, 16, 1, 0, 255 } },
      ALARMS,
      BY_E,
      ALARM_EVERY },
    { { PARAM_ALARM_MONITOR_1_UP, 1, 4, 21, { 0, 0, 16, 1, 0, 255 } },
      ALARMS,
      BY_E,
      ALARM_EVERY },
    { { PARAM_ALARM_MONITOR_1_DOWN, 1, 4, 21, { 0, 0, 16, 1, 0, 255 } },
      ALARMS,
      BY_E,
      ALARM_EVERY },
    { { PARAM_DISPLAY_1, 1, 3, 7, { 0, 0, 21, 0, 1, 255 } }, DISPLAY_LISTS, BY_E, 1 },
    { { PARAM_READOUT, 1, 3, 7, { 0, 0, 21, 0, 0, 255 } }, 1, BY_E, 1 },
    { { PARAM_PUSH_TIME_1, 1, 4, 22, { 0, 0, 15, 0, 4, 255 } }, 4, BY_B, 1 },
    { { PARAM_COMPACT_1, 1, 3, 62, { 0, 0, 66, 0, 0, 255 } }, 2, BY_E, 1 },
    { { PARAM_COMPACT_1_ID, 1, 4, 62, { 0, 0, 66, 0, 0, 255 } }, 2, BY_E, 1 },
    { { PARAM_COMPACT_1_METHOD, 1, 6, 62, { 0, 0, 66, 0, 0, 255 } }, 2, BY_E, 1 },
};

/* Member of the row's family that shows the parameter as its attribute 2, or -1. */
static int member_of(const struct cosem_row *r, uint16_t param)
{
    const struct cosem_class *c = device_model.cls[r->cls];
    if (c == &class_param || c == &class_octets || c == &class_bits)
        return (uint16_t)(param - r->bind.id) < r->span ? param - r->bind.id : -1;
    if (c == &class_param_register)
        return ((const struct param_unit *)r->bind.ext)->id == param ? 0 : -1;
    if (c != &class_settings) return -1;
    const struct setting_list *l = r->bind.ext;
    for (unsigned i = 0; i < l->n; i++)
        if (l->of[i].id == param) return 0;
    return -1;
}

/* Passwords are attribute 7 of their association; keys no attribute of the security setup, the
 * decoder key none of the STS attributes. */
static struct cosem_capture secret_object_of(unsigned slot)
{
    uint8_t level = (uint8_t)(2 + slot - SECURE_PASSWORD_1);
    if (slot == SECURE_DECODER)
        return (struct cosem_capture){ .class_id = 116, .ln = { 0, 0, 19, 60, 0, 255 } };
    if (slot == SECURE_SMS_PIN)
        return (
            struct cosem_capture){ .class_id = 1, .ln = { 0, 0, 96, 64, 6, 255 }, .attr = 2 };
    if (slot >= SECURE_PASSWORD_1 && slot <= SECURE_PASSWORD_3)
        return (struct cosem_capture){ .class_id = 15,
                                       .ln = { 0, 0, 40, 0, level, 255 },
                                       .attr = 7 };
    return (struct cosem_capture){ .class_id = 64, .ln = { 0, 0, 43, 0, 0, 255 } };
}

static struct cosem_capture capture_of(const struct place *p, unsigned ahead)
{
    return (struct cosem_capture){ .class_id = p->class_id,
                                   .ln = cosem_obis(&p->ln),
                                   .attr = (int8_t)(p->attr + (int)ahead) };
}

struct cosem_capture model_object_of(uint16_t param)
{
    if (param >= PARAM_CERT_1 && param <= PARAM_CERT_8)
        return (
            struct cosem_capture){ .class_id = 64, .ln = { 0, 0, 43, 0, 0, 255 }, .attr = 6 };
    if (param >= PARAM_PUSH_1 && param <= PARAM_PUSH_8_LIST) {
        uint8_t n = (uint8_t)((param - PARAM_PUSH_1) % PUSHES);
        return (struct cosem_capture){ .class_id = 40,
                                       .ln = { 0, n, 25, 9, 0, 255 },
                                       .attr = param < PARAM_PUSH_1_LIST ? 3 : 2 };
    }
    if (param >= AUDIT_SECRET) return secret_object_of(param - AUDIT_SECRET);
    for (unsigned i = 0; i < COUNT(shown); i++)
        if ((uint16_t)(param - shown[i].first) < shown[i].n)
            return capture_of(&shown[i], (unsigned)(param - shown[i].first));
    for (unsigned i = 0; i < COUNT(shown_by); i++) {
        unsigned ahead = (uint16_t)(param - shown_by[i].at.first), every = shown_by[i].every;
        if (ahead / every >= shown_by[i].objects || ahead % every >= shown_by[i].at.n) continue;
        struct cosem_capture c = capture_of(&shown_by[i].at, ahead % every);
        if (shown_by[i].by != SAME)
            ((uint8_t *)&c.ln)[shown_by[i].by] += (uint8_t)(ahead / every);
        return c;
    }
    for (unsigned g = 0; g < device_model.n_group; g++) {
        const struct cosem_group *group = device_model.group[g];
        for (const struct cosem_row *r = group->row; r < group->row + group->n; r++) {
            int k = member_of(r, param);
            struct cosem_at at = { .row = r, .k = (uint8_t)k };
            if (k >= 0)
                return (struct cosem_capture){ .class_id = device_model.cls[r->cls]->id,
                                               .ln = cosem_ln(&at),
                                               .attr = 2 };
        }
    }
    return (struct cosem_capture){ .attr = 0 };
}
