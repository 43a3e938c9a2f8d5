// SPDX-License-Identifier: Apache-2.0
// The options of `quorate-sim check`.
#ifndef SIM_CHECK_OPTIONS_H
#define SIM_CHECK_OPTIONS_H

#include "sim/check/campaign.h"

enum check_format { CHECK_TEXT, CHECK_JSON };

struct check_options {
    struct campaign_setup setup;
    bool replay; // of setup.first, with a trace
    bool no_trace;
    bool list_knobs;
    bool show_knobs; // of the seeds
    bool no_shrink;
    bool no_progress;
    uint64_t shrink_tries;
    enum check_format format;
    const char *plant; // NULL: none
};

// Ends the program for --help, and with 2 and a sentence for what is wrong.
void check_options_read(struct check_options *options, int argc, char **argv);

#endif
