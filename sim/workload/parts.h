// SPDX-License-Identifier: Apache-2.0
// What a workload is made of; for the files of this folder only.
#ifndef SIM_WORKLOAD_PARTS_H
#define SIM_WORKLOAD_PARTS_H

#include "sim/workload/trace.h"
#include "sim/workload/workload.h"
#include "sim/workload/zipf.h"

// YCSB's ScrambledZipfianGenerator draws from this many items, however many keys there are.
#define SCRAMBLED_ITEMS UINT64_C(10000000000)

struct workload {
    struct workload_setup setup;
    char *trace_path;    // that of the setup, owned
    struct trace *trace; // of a trace, owned
    struct zipf zipf;    // zipf and latest: over keys or ages; zipf-scrambled: over its items
    double *shares;      // zipf and latest: of the first SHARES_MAX ranks, owned; see expect.c
    uint64_t hot;        // hotspot: so many keys from 0 on are hot
};

// Fills `shares`.
void workload_prepare_shares(struct workload *workload);

#endif
