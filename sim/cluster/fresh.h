// SPDX-License-Identifier: Apache-2.0
// Judges how fresh answers are. A read is stale when what it was told (its causal context, which
// names every write that the answer knows of, shown or superseded) lacks a write whose writer had
// been answered before the read began. How many such writes it lacks is how many versions it is
// behind. Judged from the answer that was given: what is repaired afterwards does not count.
#ifndef SIM_CLUSTER_FRESH_H
#define SIM_CLUSTER_FRESH_H

#include "base/arena.h"
#include "node/data/message.h"

enum { FRESH_PAST_MAX = 16 }; // writes of a key that are remembered

struct past; // of a key

struct fresh {
    struct past **keys;
    uint64_t count;
    struct arena scratch;
};

// Zeroed is empty and ready.
void fresh_done(struct fresh *fresh);

// The writer of a key was told now that the write with this dot is done.
void fresh_written(struct fresh *fresh, uint64_t key, struct dot dot, uint64_t now_us);

// How many writes an answer lacks that were acknowledged at `began_us` or before.
struct fresh_read {
    struct slice bucket;
    struct slice name;
    uint64_t key; // its number
    uint64_t began_us;
    struct slice token;
};
uint32_t fresh_behind(struct fresh *fresh, const struct fresh_read *read);

#endif
