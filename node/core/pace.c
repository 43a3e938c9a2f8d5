// SPDX-License-Identifier: Apache-2.0
#include "node/core/pace.h"

enum { LEARN_SHIFT = 2, SECOND_US = 1000000, SECOND_MS = 1000 };

void pace_init(struct pace *pace, uint64_t now_us)
{
    *pace = (struct pace){.per_s = PACE_RATE_FIRST, .since_us = now_us, .mean_us = UINT64_MAX};
}

void pace_answered(struct pace *pace, uint64_t took_us)
{
    pace->sum_us += took_us;
    pace->answered += 1;
}

void pace_turn(struct pace *pace, uint64_t now_us)
{
    uint64_t us = now_us > pace->since_us ? now_us - pace->since_us : 0;
    uint64_t per_s;

    if (us < PACE_WINDOW_US)
        return;
    per_s = (uint64_t)pace->answered * SECOND_US / us;
    if (per_s > pace->per_s)
        pace->per_s += (per_s - pace->per_s + 1) >> 1;
    else if (pace->pressed)
        pace->per_s -= (pace->per_s - per_s) >> LEARN_SHIFT;
    pace->mean_us = pace->answered ? pace->sum_us / pace->answered : UINT64_MAX;
    pace->since_us = now_us;
    pace->sum_us = 0;
    pace->answered = 0;
    pace->pressed = false;
}

bool pace_allows(struct pace *pace, uint32_t in_flight, uint32_t timeout_ms)
{
    if (in_flight < PACE_FREE)
        return true;
    pace->pressed = true;
    if (pace->mean_us < (uint64_t)timeout_ms * 1000 / PACE_QUICK)
        return true;
    return (uint64_t)in_flight * SECOND_MS * PACE_SHARE < pace->per_s * timeout_ms;
}
