// SPDX-License-Identifier: Apache-2.0
// The normal distribution with mean 0 and standard deviation 1.
#ifndef SIM_NUMBER_NORMAL_H
#define SIM_NUMBER_NORMAL_H

#include "base/rng.h"

double normal_draw(struct rng *rng);

// P(a draw <= x), to an error below 1e-14.
double normal_cdf(double x);

#endif
