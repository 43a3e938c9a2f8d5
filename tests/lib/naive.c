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
    while (dots) {
        unsigned bit = (unsigned)__builtin_ctzll(dots);
        struct dot dot = naive_dot(bit);
        struct run run = {dot.actor, dot.counter, dot.counter};

        dots &= dots - 1;
        for (; run.last < NAIVE_COUNTERS && dots >> (bit + 1) & 1; bit++) {
            dots &= dots - 1;
            run.last += 1;
        }
        clock_add_run(out, run);
    }
}

// Runs in a mask: each begins with a dot whose predecessor is missing.
static unsigned runs_count(uint64_t dots)
{
    uint64_t firsts = 0x0001000100010001; // of the actors

    return (unsigned)__builtin_popcountll(dots & (~(dots << 1) | firsts));
}

uint64_t naive_dots(const struct clock *clock)
{
    uint64_t dots = 0;

    check(clock_valid(clock));
    for (uint32_t i = 0; i < clock->count; i++) {
        const struct run *run = &clock->runs[i];

        unsigned first = naive_bit((struct dot){run->actor, run->first});
        unsigned last = naive_bit((struct dot){run->actor, run->last});

        dots |= UINT64_MAX >> (NAIVE_DOTS - 1 - (last - first)) << first;
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
