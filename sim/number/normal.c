// SPDX-License-Identifier: Apache-2.0
#include "sim/number/normal.h"

#include "sim/number/number.h"

// The polar method: Marsaglia and Bray, "A convenient method for generating normal variables",
// SIAM Review 6(3), 1964.
double normal_draw(struct rng *rng)
{
    double x;
    double square;

    do {
        double y = 2 * number_unit(rng) - 1;

        x = 2 * number_unit(rng) - 1;
        square = x * x + y * y;
    } while (square >= 1 || square == 0);
    return x * number_sqrt(-2 * number_log(square) / square);
}

// 1/2 + density(x) (x + x^3/3 + x^5/(3 5) + x^7/(3 5 7) + ...): Marsaglia, "Evaluating the normal
// distribution", Journal of Statistical Software 11(4), 2004.
double normal_cdf(double x)
{
    const double root_of_2_pi = 0x1.40d931ff62706p+1;
    double magnitude = x < 0 ? -x : x;
    double term = magnitude;
    double sum = magnitude;
    double above; // P(0 <= a draw <= magnitude)

    if (!(x > -9 && x < 9))
        return x > 0 ? 1 : x < 0 ? 0 : x;
    for (int n = 3; term > 1e-18 * sum; n += 2) {
        term *= x * x / n;
        sum += term;
    }
    above = number_exp(-x * x / 2) / root_of_2_pi * sum;
    if (above > 0.5)
        above = 0.5;
    return x < 0 ? 0.5 - above : 0.5 + above;
}
