// SPDX-License-Identifier: Apache-2.0
// From values to pixels, linear or logarithmic, and where an axis has its ticks. A logarithmic
// scale may give 0 a place of its own before the others.
#ifndef SIM_OUTPUT_SCALE_H
#define SIM_OUTPUT_SCALE_H

#include "base/arena.h"
#include "base/buffer.h"

enum { SCALE_TICKS_MAX = 32, SCALE_ZERO_SLOT = 34 };

struct scale {
    double low; // values at the ends; of a logarithmic scale without the 0
    double high;
    double from; // pixels at the ends
    double to;
    bool log;
    const char *unit; // of labels: "ns" is told in ns, us, ms; NULL: none
    bool zero;        // values of 0 stand at `from`, `low` begins SCALE_ZERO_SLOT pixels further on
};

// Widens the span of the values to what reads well; `steps` is about how many ticks there will be.
// Neither number need be apart from the other.
void scale_nice(struct scale *scale, unsigned steps);

// Of a value within the span, or the nearer end.
double scale_place(const struct scale *scale, double value);

// At most `most` (4..SCALE_TICKS_MAX) round values within the span, ascending; returns how many. A
// zero with a place of its own is the first.
size_t scale_ticks(const struct scale *scale, unsigned most, double out[SCALE_TICKS_MAX]);

// "0.5", "10k", "2M"; with the unit "ns" "20 us". NULL is no unit.
const char *scale_label(struct arena *arena, double tick, const char *unit);

#endif
