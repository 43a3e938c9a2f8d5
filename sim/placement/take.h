// SPDX-License-Identifier: Apache-2.0
// Values of options, for parsers of argp: each function reads one, or ends the program with a
// sentence that says what is allowed. `name` is the option's, without dashes.
#ifndef SIM_PLACEMENT_TAKE_H
#define SIM_PLACEMENT_TAKE_H

#include "base/buffer.h"
#include "sim/placement/list.h"
#include "sim/placement/options.h"

struct argp_state;

struct take_bounds {
    double min, max;
    bool whole;
};

// Numbers with commas between them, each once.
void take_list(struct argp_state *state, const char *name, const char *text, struct list *out,
               const struct take_bounds *bounds);

double take_number(struct argp_state *state, const char *name, const char *text,
                   const struct take_bounds *bounds);

// An ascending list of at most `max`; returns how many.
struct take_points {
    double *values;
    unsigned max;
};
unsigned take_ascending(struct argp_state *state, const char *name, const char *text,
                        const struct take_bounds *bounds, const struct take_points *out);

// One of two words; true for the second.
bool take_either(struct argp_state *state, const char *name, const char *text,
                 const char *const words[2]);

enum output_format take_format(struct argp_state *state, const char *text);

// Ends the program with the sentence in `why` unless `good`; frees it.
void take_must(struct argp_state *state, const char *name, bool good, struct buffer *why);

// Adds an option and its value to a command, quoted for a shell where need be.
void take_note(struct buffer *command, const char *name, const char *text);

#endif
