// SPDX-License-Identifier: Apache-2.0
#include "node/store/relax.h"

#include "node/store/state.h"

enum {
    LOOK_MS = 10000,   // how often
    LARGE_KEYS = 4096, // that a checkpoint writes: some ten MiB of pages
    CALM_KEYS = 1000   // so many new ones between two looks are hardly any
};

// A larger one takes too long to open: its pages in memory are let go one by one.
static const uint64_t TREE_BYTES_MAX = UINT64_C(2) << 30;

static void look_later(struct store *store)
{
    store->relax.due_ms = store->now_ms + LOOK_MS;
    store->relax.keys = memtable_keys(store->active);
}

void relax_later(struct store *store, size_t keys)
{
    if (keys < LARGE_KEYS && !store->relax.wanted)
        return;
    store->relax.wanted = store->tree_bytes <= TREE_BYTES_MAX;
    look_later(store);
}

int relax_turn(struct store *store)
{
    struct relax *relax = &store->relax;
    bool busy;

    if (!relax->wanted || store->now_ms < relax->due_ms)
        return 0;
    busy = store->checkpoint.state != CHECKPOINT_IDLE || compact_copying(store) ||
           memtable_keys(store->active) >= relax->keys + CALM_KEYS;
    look_later(store);
    if (busy)
        return 0;
    relax->wanted = false;
    return store->tree->calls->reopen(store->tree);
}
