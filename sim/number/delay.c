// SPDX-License-Identifier: Apache-2.0
#include "sim/number/delay.h"

#include "sim/number/normal.h"
#include "sim/number/number.h"

#include <stdlib.h>

void delay_done(struct delay *delay)
{
    for (unsigned i = 0; i < delay->count; i++)
        free(delay->parts[i].measured);
    *delay = (struct delay){0};
}

// ---------------------------------------------------------------- one part

// All but the measured and the lognormal by inversion.
static double part_draw(const struct delay_part *part, struct rng *rng)
{
    switch (part->shape) {
    case DELAY_CONSTANT:
        return part->a;
    case DELAY_EXPONENTIAL:
        return -number_log(number_unit(rng)) / part->a;
    case DELAY_PARETO:
        return part->a * number_pow(number_unit(rng), -1 / part->b);
    case DELAY_UNIFORM:
        return part->a + number_unit(rng) * (part->b - part->a);
    case DELAY_LOGNORMAL:
        return part->a * number_exp(part->b * normal_draw(rng));
    case DELAY_MEASURED:
        return part->measured[rng_below(rng, part->count)];
    }
    return 0;
}

// How many of the sorted values are at most `ms`.
static size_t count_up_to(const double *sorted, size_t count, double ms)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sorted[middle] <= ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// For ms >= 0.
static double part_cdf(const struct delay_part *part, double ms)
{
    switch (part->shape) {
    case DELAY_CONSTANT:
        return ms >= part->a;
    case DELAY_EXPONENTIAL:
        return -number_expm1(-part->a * ms);
    case DELAY_PARETO:
        return ms > part->a ? 1 - number_pow(part->a / ms, part->b) : 0;
    case DELAY_UNIFORM:
        if (ms >= part->b)
            return 1;
        return ms > part->a ? (ms - part->a) / (part->b - part->a) : 0;
    case DELAY_LOGNORMAL:
        if (part->b == 0)
            return ms >= part->a;
        return normal_cdf(number_log(ms / part->a) / part->b);
    case DELAY_MEASURED:
        return (double)count_up_to(part->measured, part->count, ms) / (double)part->count;
    }
    return 0;
}

static double part_mean(const struct delay_part *part)
{
    double sum = 0;

    switch (part->shape) {
    case DELAY_CONSTANT:
        return part->a;
    case DELAY_EXPONENTIAL:
        return 1 / part->a;
    case DELAY_PARETO:
        return part->b > 1 ? part->a * part->b / (part->b - 1) : NUMBER_INFINITY;
    case DELAY_UNIFORM:
        return (part->a + part->b) / 2;
    case DELAY_LOGNORMAL:
        return part->a * number_exp(part->b * part->b / 2);
    case DELAY_MEASURED:
        for (size_t i = 0; i < part->count; i++)
            sum += part->measured[i];
        return sum / (double)part->count;
    }
    return 0;
}

// ---------------------------------------------------------------- the mixture

double delay_draw(const struct delay *delay, struct rng *rng)
{
    unsigned at = 0;
    double left = delay->count > 1 ? number_unit(rng) : 0;

    while (at + 1 < delay->count && left >= delay->parts[at].share)
        left -= delay->parts[at++].share;
    return delay->extra + part_draw(&delay->parts[at], rng);
}

double delay_cdf(const struct delay *delay, double ms)
{
    double sum = 0;

    if (!(ms >= delay->extra))
        return 0;
    for (unsigned i = 0; i < delay->count; i++)
        sum += delay->parts[i].share * part_cdf(&delay->parts[i], ms - delay->extra);
    return sum < 1 ? sum : 1;
}

double delay_mean(const struct delay *delay)
{
    double sum = delay->extra;

    for (unsigned i = 0; i < delay->count; i++)
        sum += delay->parts[i].share * part_mean(&delay->parts[i]);
    return sum;
}
