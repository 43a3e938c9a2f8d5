// SPDX-License-Identifier: Apache-2.0
// Distributions of a delay, in milliseconds: what a leg of a message or a service takes. A delay is
// a mixture of up to DELAY_PARTS_MAX parts, as the fits of Bailis et al. (VLDB 2012, table 3) are.
//
//   const:5                         always 5 ms
//   exp:0.183                       exponential, by its rate per ms (mean 1/rate)
//   pareto:1.05,1.51                Pareto, by its smallest value xm (ms) and alpha
//   uniform:1,3                     uniform between two bounds
//   lognormal:0.5,1.2               by median (ms) and sigma
//   file:PATH                       one measured delay in ms per line; each is as likely
//   0.38*pareto:1.05,1.51+0.62*exp:0.183        a mixture; the shares add up to 1
//   75+exp:1                        a leading number of ms that is always added
//
// No spaces. A PATH runs to the end of the text, or to a `+` with the next share behind it.
#ifndef SIM_NUMBER_DELAY_H
#define SIM_NUMBER_DELAY_H

#include "base/buffer.h"
#include "base/rng.h"

#include <stdbool.h>

#define DELAY_MS_MAX 1e9 // in the notation: more than eleven days; draws may be larger

enum { DELAY_PARTS_MAX = 8, DELAY_FILE_LINES_MAX = 10 * 1000 * 1000 };

enum delay_shape {
    DELAY_CONSTANT,
    DELAY_EXPONENTIAL,
    DELAY_PARETO,
    DELAY_UNIFORM,
    DELAY_LOGNORMAL,
    DELAY_MEASURED
};

struct delay_part {
    enum delay_shape shape;
    double share;     // of all draws that fall to this part, at most; they add up to 1
    double a;         // constant; rate; xm; lower bound; median
    double b;         // -; -; alpha; upper bound; sigma
    double *measured; // sorted, owned; DELAY_MEASURED
    size_t count;
};

struct delay {
    struct delay_part parts[DELAY_PARTS_MAX];
    unsigned count;
    double extra; // ms added to every draw
};

// Reads the notation above. ERR_INVALID when it cannot be read or means nothing (a rate of 0,
// shares that do not add up to 1, an empty or unreadable file); `why` then says what and what is
// allowed (a sentence without a full stop). Opens a file only for file:PATH.
int delay_read(const char *text, struct delay *out, struct buffer *why);

void delay_done(struct delay *delay);

// One draw: 0 or more milliseconds.
double delay_draw(const struct delay *delay, struct rng *rng);

// P(a draw <= ms).
double delay_cdf(const struct delay *delay, double ms);

// The mean in ms; infinite for a Pareto part with alpha <= 1.
double delay_mean(const struct delay *delay);

// The fits of Bailis et al. (VLDB 2012, table 3): "lnkd-ssd", "lnkd-disk", "ymmr", for the legs W,
// A, R, S of a write, its acknowledgement, a read request and its response. Returns the notation of
// a leg ('W', 'A', 'R' or 'S'), NULL when there is no such fit.
const char *delay_fit(const char *name, char leg);

#endif
