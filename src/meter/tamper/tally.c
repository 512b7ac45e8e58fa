#include "meter/tamper/tally.h"

#include "meter/hot.h"
#include "meter/meter.h"

void tally_count(struct meter *m, unsigned counter)
{
    m->now.counter[counter]++;
    hot_number(m, HOT_COUNTERS, counter);
}

uint32_t tally_tamper(struct meter *m, unsigned k, bool begins, utc_t when)
{
    uint32_t *began = &m->now.stamp[STAMP_TAMPER + k];
    protect_tamper(m, k, begins);
    if (begins) {
        *began = (uint32_t)when.s;
        hot_number(m, HOT_STAMPS, STAMP_TAMPER + k);
        tally_count(m, CNT_TAMPER + k);
        return 0;
    }
    uint32_t lasted_s = when.s > *began ? (uint32_t)when.s - *began : 0;
    m->now.counter[CNT_TAMPER_S + k] += lasted_s;
    hot_number(m, HOT_COUNTERS, CNT_TAMPER_S + k);
    return lasted_s;
}
