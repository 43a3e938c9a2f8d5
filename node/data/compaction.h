// SPDX-License-Identifier: Apache-2.0
// How it stands with the compaction of a node's tree: the same for the store, which does it, and
// for those who are told.
#ifndef NODE_DATA_COMPACTION_H
#define NODE_DATA_COMPACTION_H

#include "base/slice.h"

enum compaction_state {
    COMPACTION_IDLE, // none was asked for since the node started
    COMPACTION_RUNNING,
    COMPACTION_DONE,
    COMPACTION_FAILED,
};

struct compaction {
    enum compaction_state state; // of the last one that was asked for
    int err;                     // failed: ERR_OVERLOADED (the node writes too fast), ...
    struct slice text;           // failed: what to do
    uint64_t bytes_before;       // of the tree's file
    uint64_t bytes_after;        // done
    uint64_t elapsed_ms;
};

// "idle", "running", "done", "failed".
const char *compaction_state_name(enum compaction_state state);

// ERR_INVALID: there is no such state.
int compaction_state_of(struct slice name, enum compaction_state *out);

#endif
