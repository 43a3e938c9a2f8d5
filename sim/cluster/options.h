// SPDX-License-Identifier: Apache-2.0
// The options of `quorate-sim cluster`. Those of placement mean the same here and are kept as
// there.
#ifndef SIM_CLUSTER_OPTIONS_H
#define SIM_CLUSTER_OPTIONS_H

#include "sim/cluster/setup.h"
#include "sim/placement/options.h"

struct cluster_options {
    struct options shared;
    struct list rate;    // of an open load; empty: --clients
    struct list clients; // of a closed one; empty: --rate
    struct list service_us;
    struct cluster_setup setup; // without what the lists give
    const char *client_leg_text;
    struct delay client_leg;
};

// Reads all of it; ends the program for --help, and with 2 and a sentence for what is wrong.
void cluster_options_read(struct cluster_options *options, int argc, char **argv);
void cluster_options_done(struct cluster_options *options);

// "2@0.5" or "1,3@0.5..2.5": nodes from 1, seconds after the measuring began. False when it means
// nothing; `why` then says what is allowed (a sentence without a full stop).
bool cluster_event_read(const char *text, struct cluster_event *out, struct buffer *why);

#endif
