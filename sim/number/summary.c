// SPDX-License-Identifier: Apache-2.0
#include "sim/number/summary.h"

#include "base/check.h"
#include "sim/number/number.h"

#include <stdlib.h>

double quantile_of_sorted(const double *sorted, size_t count, double q)
{
    double place = q * (double)(count ? count - 1 : 0);
    size_t below = place > 0 ? (size_t)place : 0;
    double between;

    if (count == 0)
        return 0;
    if (below + 1 >= count)
        return sorted[count - 1];
    between = place > 0 ? place - (double)below : 0;
    if (between == 0 || sorted[below] == sorted[below + 1]) // also where both are infinite
        return sorted[below];
    return sorted[below] + between * (sorted[below + 1] - sorted[below]);
}

double percentile_of_sorted(const double *sorted, size_t count, double q)
{
    double place = q * (double)count * (1 - 0x1p-50); // 0.999 is a little more than 999/1000
    size_t at = place > 0 ? (size_t)place : 0;        // the at-th, from 0: at + 1 do not exceed it

    return count ? sorted[at < count ? at : count - 1] : 0;
}

static double mean_of(const double *values, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return count ? sum / (double)count : 0;
}

struct summary summary_of(double *values, size_t count)
{
    numbers_sort(values, count);
    return (struct summary){.mean = mean_of(values, count),
                            .p5 = quantile_of_sorted(values, count, 0.05),
                            .p50 = quantile_of_sorted(values, count, 0.50),
                            .p95 = quantile_of_sorted(values, count, 0.95)};
}

// ---------------------------------------------------------------- spread

struct weighted {
    double value;
    double weight;
};

static int weighted_compare(const void *a, const void *b)
{
    const struct weighted *left = (const struct weighted *)a;
    const struct weighted *right = (const struct weighted *)b;

    if (left->value != right->value)
        return left->value < right->value ? -1 : 1;
    return left->weight < right->weight ? -1 : left->weight > right->weight;
}

// Half the mean difference of two values over their mean, drawn by weight: one less the area
// between the Lorenz curve and the axis, doubled. Ascending values; weights add up to 1.
static double gini_of(const struct weighted *sorted, size_t count, double mean)
{
    double area = 0;
    double held = 0;

    for (size_t i = 0; i < count; i++) {
        double part = sorted[i].weight * sorted[i].value;

        area += sorted[i].weight * (held + held + part);
        held += part;
    }
    return count > 1 && area < mean ? 1 - area / mean : 0;
}

struct spread spread_of(const double *values, const double *weights, size_t count)
{
    struct weighted *sorted = (struct weighted *)memory_new(count * sizeof *sorted);
    struct spread spread = {0};
    double *plain = (double *)memory_new(count * sizeof *plain);
    double mean = 0;
    double squares = 0;

    for (size_t i = 0; i < count; i++) {
        sorted[i] = (struct weighted){values[i], weights ? weights[i] : 1 / (double)count};
        mean += sorted[i].weight * values[i];
    }
    if (mean > 0) {
        qsort(sorted, count, sizeof *sorted, weighted_compare);
        for (size_t i = 0; i < count; i++) {
            double apart = sorted[i].value - mean;

            plain[i] = sorted[i].value;
            squares += sorted[i].weight * apart * apart;
        }
        spread = (struct spread){.peak = plain[count - 1] / mean,
                                 .floor = plain[0] / mean,
                                 .p99 = quantile_of_sorted(plain, count, 0.99) / mean,
                                 .cv = number_sqrt(squares) / mean,
                                 .gini = gini_of(sorted, count, mean),
                                 .efficiency = mean / plain[count - 1]};
    }
    free(plain);
    free(sorted);
    return spread;
}
