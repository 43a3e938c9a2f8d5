// SPDX-License-Identifier: Apache-2.0
// How far a member trusts itself: Lifeguard's local health multiplier (section IV.A). Probes that
// fail, helpers that do not answer, and accusations against us say that we are the slow one; the
// worse the score, the longer we wait before we accuse others.
#ifndef GOSSIP_AWARENESS_H
#define GOSSIP_AWARENESS_H

#include <stdint.h>

struct awareness {
    uint32_t max;   // the score stays below this; >= 1
    uint32_t score; // 0: healthy
};

static inline void awareness_add(struct awareness *awareness, int32_t delta)
{
    int64_t score = (int64_t)awareness->score + delta;

    if (score < 0)
        score = 0;
    if (score > (int64_t)awareness->max - 1)
        score = (int64_t)awareness->max - 1;
    awareness->score = (uint32_t)score;
}

// How long a probe may take: interval * (score + 1).
static inline uint64_t awareness_scale(const struct awareness *awareness, uint32_t interval_ms)
{
    return (uint64_t)interval_ms * (awareness->score + 1);
}

#endif
