// SPDX-License-Identifier: Apache-2.0
// What the stores of a world hold, as the checkers want it.
#ifndef SIM_CHECK_INSPECT_H
#define SIM_CHECK_INSPECT_H

#include "sim/check/users.h"
#include "sim/checker/state.h"

struct inspect {
    struct replica_states states;
    struct arena arena;
};

// Reads all replicas of processes that are up: owners' ones, and others that hold something. Good
// until time passes. `owners_only`: no others.
void inspect_read(struct inspect *inspect, struct sim *sim, const struct topology *topology,
                  bool owners_only);
void inspect_done(struct inspect *inspect);

// The owners hold the same versions of each key, those that expire left aside; else a finding.
void inspect_versions(const struct inspect *inspect, struct verdict *verdict);

// Clocks and digests of all replicas, for comparing before and after a restart: appended.
void inspect_digest(const struct inspect *inspect, struct buffer *out);

#endif
