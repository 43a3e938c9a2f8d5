// SPDX-License-Identifier: Apache-2.0
// One run of one seed:
//
//   make the cluster ─▶ clients under faults ─▶ a core of nodes is healed and must serve (L4)
//     ─▶ all is healed, replicas become equal (L1, L2) ─▶ everything is restarted from its disks
//     and compared again ─▶ the history is judged
#ifndef SIM_CHECK_TRIAL_H
#define SIM_CHECK_TRIAL_H

#include "sim/check/faults.h"

struct trial {
    uint64_t seed;
    struct knobs_set set;
    struct faults_kept kept;
    void (*line)(void *data, uint64_t now_us, int node, const char *text); // NULL: no trace
    void *data;
};

enum { TRIAL_TEXT_SIZE = 4000 };

struct trial_result {
    uint64_t seed;
    uint64_t hash; // of the trace
    uint64_t virtual_us;
    uint64_t operations;
    uint64_t done; // acknowledged
    uint64_t faults;
    uint32_t faults_drawn;
    uint64_t events;
    uint64_t messages;
    uint64_t findings; // 0: no promise was broken
    uint64_t reads_judged, writes_judged, promises_tested;
    uint64_t probes[PROBE_COUNT];
    char text[TRIAL_TEXT_SIZE]; // the findings, lines
};

void trial_run(const struct trial *trial, struct trial_result *out);

#endif
