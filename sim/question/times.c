// SPDX-License-Identifier: Apache-2.0
#include "sim/question/times.h"

#include "sim/number/summary.h"

static void find(struct findings *out, struct times_place place, const char *metric, double value)
{
    findings_add(out, &(struct finding){.subject = place.subject,
                                        .metric = metric,
                                        .unit = "ms",
                                        .at = place.at,
                                        .curve = place.curve,
                                        .value = value});
}

static double mean_of(const double *times, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += times[i];
    return sum / (double)count;
}

// Summed after sorting, from the smallest: the mean is then the same whatever the order was.
void times_find(struct findings *out, struct times_place place, double *times, size_t count)
{
    static const struct {
        const char *metric;
        double share;
    } tails[] = {{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}};

    numbers_sort(times, count);
    find(out, place, "mean", mean_of(times, count));
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        find(out, place, tails[i].metric,
             count ? percentile_of_sorted(times, count, tails[i].share) : __builtin_nan(""));
}
