// SPDX-License-Identifier: Apache-2.0
// The bars r^-theta of the ranks are drawn from by way of the curve x^-theta over them. H is its
// integral from 1; u, uniform between H's values at the two ends, falls under the curve at
// x = H^-1(u), and the rank nearest to x is meant. Because the curve is convex, the area under it
// from r - 1/2 to r + 1/2 is never less than the bar's, so each rank keeps the last r^-theta of its
// area, and what falls in the rest is drawn again:
//
//     H(r - 1/2)        H(r + 1/2) - r^-theta               H(r + 1/2)
//         |   drawn again   |             rank r                |
//
// Below rank 1 the area begins just there, so it never is. The bound `shift` spares most draws the
// look at H: where r - x <= shift, u lies in the bar for each rank from 2 on (it is rank 2's bound,
// the tightest: Hörmann and Derflinger, section 3).
#include "sim/workload/zipf.h"

#include "base/check.h"
#include "sim/number/number.h"

// (exp(t) - 1) / t and log(1 + t) / t, which are 1 at 0.
static double expm1_over(double t)
{
    return t < 0 || t > 0 ? number_expm1(t) / t : 1;
}

static double log1p_over(double t)
{
    return t < 0 || t > 0 ? number_log1p(t) / t : 1;
}

// H(x) = (x^(1-theta) - 1) / (1 - theta), log x for theta 1, without loss near it.
static double integral(double theta, double x)
{
    double log = number_log(x);

    return log * expm1_over((1 - theta) * log);
}

static double integral_inverse(double theta, double u)
{
    double t = u * (1 - theta);

    return number_exp(u * log1p_over(t > -1 ? t : -1));
}

// The same, quicker, by (1 + t)^(1 / (1 - theta)) where theta is not so near to 1 that the sum of 1
// and t would lose what counts.
static double curve_at(const struct zipf *zipf, double u)
{
    if (zipf->inverse == 0)
        return integral_inverse(zipf->theta, u);
    return number_exp(zipf->inverse * number_log(1 + u * (1 - zipf->theta)));
}

// ---------------------------------------------------------------- zeta

enum { HEAD = 40, CORRECTIONS = 4 };

// Of the sum over r = from..items: (from^-theta + items^-theta) / 2 + the integral + the sum over k
// of B_2k / (2k)! theta (theta+1) .. (theta+2k-2) (from^(-theta-2k+1) - items^(-theta-2k+1)).
static double tail_sum(double from, double items, double theta)
{
    // B_2k / (2k)!; the fifth term would add less than 1e-17.
    static const double bernoulli[CORRECTIONS] = {1.0 / 12, -1.0 / 720, 1.0 / 30240,
                                                  -1.0 / 1209600};
    double first = number_pow(from, -theta);
    double last = number_pow(items, -theta);
    double log = number_log(items / from);
    double sum = from * first * log * expm1_over((1 - theta) * log) + (first + last) / 2;
    double rising = theta;

    for (unsigned k = 0; k < CORRECTIONS; k++) {
        first /= k ? from * from : from;
        last /= k ? items * items : items;
        sum += bernoulli[k] * rising * (first - last);
        rising *= (theta + 2 * k + 1) * (theta + 2 * k + 2);
    }
    return sum;
}

double zipf_sum(uint64_t items, double theta)
{
    uint64_t head = items < HEAD ? items : HEAD - 1;
    double sum = items > head ? tail_sum(HEAD, (double)items, theta) : 0;

    if (theta == 0)
        return (double)items;
    for (uint64_t rank = head; rank > 0; rank--) // the small ones first
        sum += number_pow((double)rank, -theta);
    return sum;
}

// ---------------------------------------------------------------- draws

void zipf_init(struct zipf *zipf, uint64_t items, double theta)
{
    check(items >= 1 && items <= ZIPF_ITEMS_MAX && theta >= 0 && theta <= 4);
    *zipf = (struct zipf){
        .items = items,
        .theta = theta,
        .zeta = zipf_sum(items, theta),
        .inverse = theta > 0.99999 && theta < 1.00001 ? 0 : 1 / (1 - theta),
        .low = integral(theta, 1.5) - 1,
        .high = integral(theta, (double)items + 0.5),
        .shift = 2 - integral_inverse(theta, integral(theta, 2.5) - number_pow(2, -theta)),
    };
}

uint64_t zipf_draw(const struct zipf *zipf, struct rng *rng)
{
    if (zipf->theta == 0)
        return rng_below(rng, zipf->items);
    for (;;) {
        double u = zipf->high + number_unit(rng) * (zipf->low - zipf->high);
        double x = curve_at(zipf, u);
        double rank = x < (double)zipf->items ? (double)(uint64_t)(x + 0.5) : (double)zipf->items;

        if (rank <= 1)
            return 0;
        if (rank - x <= zipf->shift ||
            u >= integral(zipf->theta, rank + 0.5) - number_pow(rank, -zipf->theta))
            return (uint64_t)rank - 1;
    }
}

double zipf_share(const struct zipf *zipf, uint64_t rank)
{
    return number_pow((double)rank + 1, -zipf->theta) / zipf->zeta;
}
