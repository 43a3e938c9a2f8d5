// SPDX-License-Identifier: Apache-2.0
// Many runs, in several processes: a run that aborts, or never ends, is a finding like any other
// and does not end the campaign.
#ifndef SIM_CHECK_CAMPAIGN_H
#define SIM_CHECK_CAMPAIGN_H

#include "sim/check/trial.h"

#include <signal.h>

enum { JOBS_MAX = 64, CAMPAIGN_BAD_MAX = 16 };

struct campaign_setup {
    struct trial trial; // seed and trace are not looked at
    uint64_t first;     // seeds first..last
    uint64_t last;
    uint64_t virtual_us; // stop when so much has passed in all; 0: when the seeds are done
    unsigned jobs;
    uint64_t seconds_max; // of a run in real time; longer ones are findings
    uint32_t bad_max;     // stop after so many bad seeds; at most CAMPAIGN_BAD_MAX
    // Looked at now and then: not 0 ends the campaign with what is done. NULL: not.
    const volatile sig_atomic_t *stop;
    // Called after each run, with the sum so far. NULL: not.
    void (*progress)(void *data, const struct trial_result *sum, uint64_t seeds);
    void *data;
};

struct campaign {
    uint64_t seeds;          // done
    struct trial_result sum; // `findings` counts bad seeds
    uint32_t bad_count;
    struct trial_result bad[CAMPAIGN_BAD_MAX]; // by seed
};

// ERR_IO when no process can be made.
int campaign_run(const struct campaign_setup *setup, struct campaign *out);

// One run in a process of its own: an abort or a run without end is a finding.
int campaign_try(const struct trial *trial, uint64_t seconds_max, struct trial_result *out);

#endif
