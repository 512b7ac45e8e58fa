#include "sts/lockout.h"

#include "sts/judge.h"

#define DOUBLINGS 4 /* 300 s << 4 is above the hour */

void sts_lockout_note(struct sts_lockout *l, int result, uint8_t class)
{
    if (result == STS_CRC && class != 1) {
        if (l->wrong < UINT32_MAX) l->wrong++;
        if (l->wrong <= STS_FREE_TRIES) return;
        uint32_t doublings = l->wrong - STS_FREE_TRIES - 1;
        if (doublings > DOUBLINGS) doublings = DOUBLINGS;
        l->left_s = (uint32_t)STS_LOCK_FIRST_S << doublings;
        if (l->left_s > STS_LOCK_MAX_S) l->left_s = STS_LOCK_MAX_S;
    } else if (class != 1 && sts_result_group(result) == STS_GROUP_OK) {
        *l = (struct sts_lockout){ 0, 0 };
    }
}

void sts_lockout_pass(struct sts_lockout *l, uint32_t seconds)
{
    l->left_s = l->left_s > seconds ? l->left_s - seconds : 0;
}
