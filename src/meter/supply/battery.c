#include "meter/supply/battery.h"

#include "base/bytes.h"
#include "meter/change.h"
#include "meter/meter.h"
#include "meter/tamper/tally.h"

enum { LOW_MV = 3100, NORMAL_MV = 3200, HOUR_S = 3600, DAY_S = 86400 };

static void judge_voltage(struct meter *m, int mv)
{
    bool low = m->alarms.held[0] >> 1 & 1; /* alarm bit of event 8 */
    struct event_detail d = { .magnitude = (uint32_t)mv };
    m->now.quantity[VAL_BATTERY_MV] = mv;
    if (!low && mv < LOW_MV) event_post(m, EV_BATTERY_LOW, NULL, &d);
    if (low && mv > NORMAL_MV) event_post(m, EV_BATTERY_NORMAL, NULL, &d);
}

void battery_hour(struct meter *m)
{
    uint32_t *used_s = &m->now.counter[CNT_BATTERY_S];
    uint32_t life_s = (uint32_t)param_get(m, PARAM_BATTERY_DAYS) * DAY_S;
    *used_s += HOUR_S;
    hot_number(m, HOT_COUNTERS, CNT_BATTERY_S);
    if (*used_s >= life_s && *used_s % DAY_S < HOUR_S)
        event_post(m, EV_REPLACE_BATTERY, NULL, NULL);
    board_hour(m);
    if (m->io->battery_mv) judge_voltage(m, m->io->battery_mv(m->io->ctx));
    if (m->io->temperature_dc) m->now.quantity[VAL_TEMP_DC] = m->io->temperature_dc(m->io->ctx);
}

int battery_replaced(struct meter *m, const struct who *who)
{
    uint8_t body[5] = { CNT_BATTERY_S };
    int err = change_begin(m);
    if (err < 0) return err;
    le_put32(body + 1, 0);
    change_put(m, HOT_COUNTERS, body, sizeof body);
    change_stamp(m, STAMP_BATTERY);
    change_event(m, EV_BATTERY_REPLACED, who, NULL);
    return change_commit(m);
}
