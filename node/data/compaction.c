// SPDX-License-Identifier: Apache-2.0
#include "node/data/compaction.h"

#include "base/check.h"
#include "base/err.h"

static const char *const names[] = {
    [COMPACTION_IDLE] = "idle",
    [COMPACTION_RUNNING] = "running",
    [COMPACTION_DONE] = "done",
    [COMPACTION_FAILED] = "failed",
};

const char *compaction_state_name(enum compaction_state state)
{
    check(state <= COMPACTION_FAILED);
    return names[state];
}

int compaction_state_of(struct slice name, enum compaction_state *out)
{
    for (int i = COMPACTION_IDLE; i <= COMPACTION_FAILED; i++) {
        if (slice_is(name, names[i])) {
            *out = (enum compaction_state)i;
            return 0;
        }
    }
    return ERR_INVALID;
}
