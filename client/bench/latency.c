// SPDX-License-Identifier: Apache-2.0
#include "client/bench/latency.h"

#include "base/steps.h"

#include <assert.h>
#include <inttypes.h>

enum { STEP_BITS = 8, TICKS_PER_HALF = 5 };

static_assert(1 << STEP_BITS == LATENCY_STEPS, "steps are a power of two");

static unsigned slot_of(uint64_t ns)
{
    unsigned slot = steps_slot(ns, STEP_BITS);

    return slot < LATENCY_SLOTS ? slot : LATENCY_SLOTS - 1;
}

void latency_add(struct latency *latency, uint64_t ns)
{
    latency->counts[slot_of(ns)] += 1;
    latency->count += 1;
    latency->sum_ns += ns;
    if (ns > latency->max_ns)
        latency->max_ns = ns;
}

void latency_join(struct latency *latency, const struct latency *from)
{
    for (unsigned i = 0; i < LATENCY_SLOTS; i++)
        latency->counts[i] += from->counts[i];
    latency->count += from->count;
    latency->sum_ns += from->sum_ns;
    if (from->max_ns > latency->max_ns)
        latency->max_ns = from->max_ns;
}

// Goes on from *slot until `rank` values have been passed; *seen are those up to and with *slot.
static uint64_t walk_to(const struct latency *latency, uint64_t rank, unsigned *slot,
                        uint64_t *seen)
{
    uint64_t top;

    while (*seen < rank && *slot + 1 < LATENCY_SLOTS)
        *seen += latency->counts[++*slot];
    top = steps_top(*slot, STEP_BITS);
    return *slot + 1 == LATENCY_SLOTS || top > latency->max_ns ? latency->max_ns : top;
}

// How many values a share of them is, rounded up; at least one.
static uint64_t rank_of(const struct latency *latency, double share)
{
    double exact = share * (double)latency->count;
    uint64_t rank = (uint64_t)exact;

    // A share like 0.99 is no binary fraction: what it misses must not cost a rank.
    if (exact - (double)rank > 1e-6)
        rank++;
    if (rank == 0)
        return 1;
    return rank < latency->count ? rank : latency->count;
}

uint64_t latency_quantile_ns(const struct latency *latency, double share)
{
    unsigned slot = 0;
    uint64_t seen = latency->counts[0];

    if (latency->count == 0)
        return 0;
    return walk_to(latency, rank_of(latency, share), &slot, &seen);
}

double latency_mean_us(const struct latency *latency)
{
    return latency->count ? (double)latency->sum_ns / 1000 / (double)latency->count : 0;
}

static void line_write(struct buffer *out, uint64_t ns, double share, uint64_t seen)
{
    buffer_add_format(out, "%12.3f %2.12f %10" PRIu64, (double)ns / 1000, share, seen);
    if (share < 1)
        buffer_add_format(out, " %14.2f", 1 / (1 - share));
    buffer_add_format(out, "\n");
}

// Five ticks in each half of what is left: 0, .1, ..., .5, .55, ..., .75, .775, ...
void latency_write(const struct latency *latency, struct buffer *out)
{
    unsigned slot = 0;
    uint64_t seen = latency->counts[0];
    double left = 1;

    buffer_add_format(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
                      "1/(1-Percentile)");
    while (latency->count && left * (double)latency->count >= 0.5) {
        for (unsigned tick = 0; tick < TICKS_PER_HALF; tick++) {
            double share = 1 - left + left * tick / (2 * TICKS_PER_HALF);
            uint64_t ns = walk_to(latency, rank_of(latency, share), &slot, &seen);

            line_write(out, ns, share, seen);
        }
        left /= 2;
    }
    if (latency->count)
        line_write(out, latency->max_ns, 1, latency->count);
    buffer_add_format(out, "#[Mean = %12.3f, Max = %12.3f]\n#[Total count = %" PRIu64 "]\n",
                      latency_mean_us(latency), (double)latency->max_ns / 1000, latency->count);
}
