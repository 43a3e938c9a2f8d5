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
// until time passes.
void inspect_read(struct inspect *inspect, struct sim *sim, const struct topology *topology);
void inspect_done(struct inspect *inspect);

// Clocks and digests of all replicas, for comparing before and after a restart: appended.
void inspect_digest(const struct inspect *inspect, struct buffer *out);

#endif
