// SPDX-License-Identifier: Apache-2.0
// Elementary functions that give the same bits on every processor and compiler. Sampling must not
// go through libm, whose last bits differ between versions: only +, -, *, / and the square root
// are used, which IEEE 754 fixes exactly (the build forbids contracting them into fused steps).
#ifndef SIM_NUMBER_NUMBER_H
#define SIM_NUMBER_NUMBER_H

#include "base/rng.h"

#define NUMBER_INFINITY __builtin_inf()

// Relative error below 1e-14 wherever the result is a normal number. exp overflows to infinity and
// underflows to 0; log of 0 is -infinity; of a negative number, and pow of one, not a number.
double number_exp(double x);
double number_log(double x);
double number_pow(double base, double exponent); // base >= 0

// exp(x) - 1 and log(1 + x), exact to the same error also where x is tiny.
double number_expm1(double x);
double number_log1p(double x);

double number_sqrt(double x);

// Uniform in the open interval (0, 1): 52 random bits and a half. Never 0, never 1.
double number_unit(struct rng *rng);

// The same from 64 given random bits (a hash).
double number_unit_of(uint64_t bits);

#endif
