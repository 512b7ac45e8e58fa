#include "sts/lockout.h"

#include "sts/judge.h"

static uint32_t twice(uint32_t s, uint32_t most_s)
{
    return s < most_s / 2 ? 2 * s : most_s;
}

void sts_lockout_note(struct sts_lockout *l, const struct sts_lock_policy *p, int result,
                      uint8_t class)
{
    if (result == STS_CRC && class != 1) {
        if (l->wrong < UINT32_MAX) l->wrong++;
        if (l->wrong < p->wrong) return;
        l->left_s = p->first_s;
        for (uint32_t i = p->wrong; i < l->wrong && l->left_s < p->longest_s; i++)
            l->left_s = twice(l->left_s, p->longest_s);
    } else if (class != 1 && sts_result_group(result) == STS_GROUP_OK) {
        *l = (struct sts_lockout){ 0, 0 };
    }
}

void sts_lockout_pass(struct sts_lockout *l, uint32_t seconds)
{
    l->left_s = l->left_s > seconds ? l->left_s - seconds : 0;
}
