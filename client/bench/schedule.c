// SPDX-License-Identifier: Apache-2.0
#include "client/bench/schedule.h"

#include "base/check.h"
#include "sim/number/number.h"

#define NS_PER_S UINT64_C(1000000000)

// Request i of thread t is number i * threads + t of all: its time is computed from that number, so
// that rounding never adds up.
static uint64_t uniform_ns(const struct schedule *schedule)
{
    uint64_t number = schedule->count * schedule->setup.threads + schedule->setup.thread;
    uint64_t seconds = number / schedule->setup.rate;
    uint64_t rest = number % schedule->setup.rate;

    return schedule->start_ns + seconds * NS_PER_S + rest * NS_PER_S / schedule->setup.rate;
}

// Threads that are each Poisson add up to Poisson. Distances are exponential: -ln(u) * mean.
static uint64_t poisson_ns(struct schedule *schedule)
{
    double mean = 1e9 * schedule->setup.threads / (double)schedule->setup.rate;

    schedule->at_ns -= number_log(number_unit(&schedule->rng)) * mean;
    return schedule->start_ns + (uint64_t)schedule->at_ns;
}

static uint64_t next_ns(struct schedule *schedule)
{
    switch (schedule->setup.arrivals) {
    case ARRIVALS_CLOSED:
        return 0;
    case ARRIVALS_UNIFORM:
        return uniform_ns(schedule);
    case ARRIVALS_POISSON:
        return poisson_ns(schedule);
    }
    return 0;
}

void schedule_init(struct schedule *schedule, const struct schedule_setup *setup, uint64_t start_ns)
{
    check(setup->arrivals == ARRIVALS_CLOSED || (setup->rate >= 1 && setup->rate <= RATE_MAX));
    *schedule = (struct schedule){.setup = *setup, .start_ns = start_ns};
    rng_init(&schedule->rng, rng_mix(setup->seed + rng_mix(setup->thread + UINT64_C(0x5eed))));
    schedule->next_ns = next_ns(schedule);
}

uint64_t schedule_take(struct schedule *schedule)
{
    uint64_t taken_ns = schedule->next_ns;

    schedule->count++;
    schedule->next_ns = next_ns(schedule);
    return taken_ns;
}

uint64_t schedule_behind(const struct schedule *schedule, uint64_t now_ns)
{
    if (schedule->setup.arrivals == ARRIVALS_CLOSED || schedule->next_ns >= now_ns)
        return 0;
    return now_ns - schedule->next_ns;
}

uint64_t schedule_unsent(struct schedule *schedule, uint64_t until_ns)
{
    uint64_t before = schedule->count;

    if (schedule->setup.arrivals == ARRIVALS_CLOSED)
        return 0;
    while (schedule->next_ns < until_ns)
        (void)schedule_take(schedule);
    return schedule->count - before;
}
