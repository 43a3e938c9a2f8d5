// SPDX-License-Identifier: Apache-2.0
#include "base/histogram.h"

#include "base/steps.h"

#include <assert.h>

enum { STEP_BITS = 5 };

static_assert(1 << STEP_BITS == HISTOGRAM_STEPS, "steps are a power of two");

static unsigned slot_of(uint64_t value)
{
    unsigned slot = steps_slot(value, STEP_BITS);

    return slot < HISTOGRAM_SLOTS ? slot : HISTOGRAM_SLOTS - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->counts[slot_of(value)] += 1;
    histogram->count += 1;
    histogram->sum += value;
    if (value > histogram->max)
        histogram->max = value;
}

void histogram_join(struct histogram *histogram, const struct histogram *from)
{
    for (unsigned i = 0; i < HISTOGRAM_SLOTS; i++)
        histogram->counts[i] += from->counts[i];
    histogram->count += from->count;
    histogram->sum += from->sum;
    if (from->max > histogram->max)
        histogram->max = from->max;
}

uint64_t histogram_quantile(const struct histogram *histogram, unsigned permille10)
{
    uint64_t rank = (histogram->count * permille10 + 9999) / 10000;
    uint64_t seen = 0;

    if (histogram->count == 0)
        return 0;
    for (unsigned i = 0; i < HISTOGRAM_SLOTS; i++) {
        seen += histogram->counts[i];
        if (seen >= rank && seen > 0) {
            uint64_t top = steps_top(i, STEP_BITS);

            return top < histogram->max ? top : histogram->max;
        }
    }
    return histogram->max;
}

void histogram_fade(struct histogram *histogram)
{
    histogram->count = 0;
    histogram->sum /= 2;
    for (unsigned i = 0; i < HISTOGRAM_SLOTS; i++) {
        histogram->counts[i] /= 2;
        histogram->count += histogram->counts[i];
    }
}
