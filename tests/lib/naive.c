// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/naive.h"

#include "base/check.h"

static const uint64_t actors[NAIVE_ACTORS] = {1, 7, (uint64_t)1 << 40, UINT64_MAX};

struct dot naive_dot(unsigned bit)
{
    return (struct dot){actors[bit / NAIVE_COUNTERS], bit % NAIVE_COUNTERS + 1};
}

unsigned naive_bit(struct dot dot)
{
    unsigned actor = 0;

    while (actor < NAIVE_ACTORS && actors[actor] != dot.actor)
        actor += 1;
    check(actor < NAIVE_ACTORS && dot.counter >= 1 && dot.counter <= NAIVE_COUNTERS);
    return actor * NAIVE_COUNTERS + (unsigned)dot.counter - 1;
}

void naive_clock(uint64_t dots, struct clock *out)
{
    for (unsigned bit = 0; bit < NAIVE_DOTS; bit++) {
        struct run run = {naive_dot(bit).actor, naive_dot(bit).counter, naive_dot(bit).counter};

        if (!(dots >> bit & 1))
            continue;
        for (; run.last < NAIVE_COUNTERS && dots >> (bit + 1) & 1; bit++)
            run.last += 1;
        clock_add_run(out, run);
    }
}

// Runs in a mask: each begins with a dot whose predecessor is missing.
static unsigned runs_count(uint64_t dots)
{
    unsigned count = 0;

    for (unsigned bit = 0; bit < NAIVE_DOTS; bit++) {
        bool before = bit % NAIVE_COUNTERS && dots >> (bit - 1) & 1;

        count += (dots >> bit & 1) && !before;
    }
    return count;
}

uint64_t naive_dots(const struct clock *clock)
{
    uint64_t dots = 0;

    check(clock_valid(clock));
    for (uint32_t i = 0; i < clock->count; i++) {
        const struct run *run = &clock->runs[i];

        for (uint64_t counter = run->first; counter <= run->last; counter++)
            dots |= (uint64_t)1 << naive_bit((struct dot){run->actor, counter});
    }
    check(clock->count == runs_count(dots));
    return dots;
}

uint64_t naive_random(struct rng *rng)
{
    uint64_t dots = rng_u64(rng);

    switch (rng_below(rng, 4)) {
    case 0:
        return dots & rng_u64(rng) & rng_u64(rng) & rng_u64(rng);
    case 1:
        return dots & rng_u64(rng);
    case 2:
        return dots | rng_u64(rng);
    default:
        break;
    }
    dots = 0;
    for (unsigned actor = 0; actor < NAIVE_ACTORS; actor++) {
        uint64_t base = ((uint64_t)1 << rng_below(rng, NAIVE_COUNTERS + 1)) - 1;

        dots |= base << actor * NAIVE_COUNTERS;
    }
    return dots ^ (uint64_t)1 << rng_below(rng, NAIVE_DOTS);
}
