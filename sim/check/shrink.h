// SPDX-License-Identifier: Apache-2.0
// Makes a failing run smaller while it still fails: a shorter phase, fewer faults (delta debugging:
// Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002), fewer clients,
// keys, nodes.
#ifndef SIM_CHECK_SHRINK_H
#define SIM_CHECK_SHRINK_H

#include "sim/check/trial.h"

struct shrink_setup {
    uint64_t tries_max;
    uint64_t seconds_max; // of one run
    // Runs a trial; tests put their own in. NULL: campaign_try.
    int (*attempt)(const struct trial *trial, uint64_t seconds_max, struct trial_result *out);
    void (*progress)(void *data, uint64_t tries, uint64_t faults); // NULL: not
    void *data;
};

// `trial` becomes the smallest one found that still fails, `result` what it gave. How many runs
// that took. `result` is that of `trial` at first.
uint64_t shrink(const struct shrink_setup *setup, struct trial *trial, struct trial_result *result);

// "quorate-sim check --replay 17 --set seconds=4 --keep 3,9", what repeats the trial.
void shrink_command(const struct trial *trial, uint32_t faults_drawn, struct buffer *out);

// "3,7-9" into `kept`; ERR_INVALID.
int faults_kept_read(const char *text, struct faults_kept *out);

#endif
