// SPDX-License-Identifier: Apache-2.0
#include "node/core/pace.h"

enum { LEARN_SHIFT = 2, SECOND_US = 1000000, SECOND_MS = 1000 };

void pace_init(struct pace *pace, uint64_t now_us)
{
    *pace = (struct pace){.per_s = PACE_RATE_FIRST, .since_us = now_us};
}

void pace_answered(struct pace *pace)
{
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
    pace->since_us = now_us;
    pace->answered = 0;
    pace->pressed = false;
}

bool pace_allows(struct pace *pace, uint32_t in_flight, uint32_t timeout_ms)
{
    if (in_flight < PACE_FREE)
        return true;
    pace->pressed = true;
    return (uint64_t)in_flight * SECOND_MS * PACE_SHARE < pace->per_s * timeout_ms;
}
