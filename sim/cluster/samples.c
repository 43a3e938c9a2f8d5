// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/samples.h"

#include "base/check.h"
#include "sim/number/summary.h"

#include <stdlib.h>

void samples_done(struct samples *samples)
{
    free(samples->values);
}

void samples_add(struct samples *samples, double value)
{
    if (samples->count == samples->room) {
        samples->room = samples->room ? 2 * samples->room : 1024;
        samples->values = memory_grow(samples->values, samples->room * sizeof *samples->values);
    }
    samples->values[samples->count++] = value;
}

static void find(struct findings *out, const char *subject, const char *metric, double value)
{
    findings_add(
        out, &(struct finding){.subject = subject, .metric = metric, .unit = "ms", .value = value});
}

void samples_find(struct samples *samples, const char *subject, struct findings *out)
{
    static const struct {
        const char *metric;
        double share;
    } tails[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}, {"p99.9", 0.999}};
    const double none = __builtin_nan("");
    double sum = 0;

    numbers_sort(samples->values, samples->count);
    for (size_t i = 0; i < samples->count; i++)
        sum += samples->values[i];
    find(out, subject, "mean", samples->count ? sum / (double)samples->count : none);
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++)
        find(out, subject, tails[i].metric,
             samples->count ? percentile_of_sorted(samples->values, samples->count, tails[i].share)
                            : none);
}
