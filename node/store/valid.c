// SPDX-License-Identifier: Apache-2.0
// What must hold whenever an object is written, asked in tests and simulation (check_slow).
#include "node/store/state.h"

// True when the replica's own promises hold for the object: versions are within the context, and
// what the clock says is not in the rest.
bool object_valid(const struct store *store, const uint8_t tree_key[TREE_KEY_SIZE],
                  const struct object *object)
{
    const struct replica *replica = replica_of(store, tree_key);
    struct clock context = {0};
    bool valid = true;

    clock_copy(&context, &replica->clock);
    valid = !clock_overlaps(&context, &object->rest);
    replica_join_passed(replica, tree_key, &context);
    clock_join(&context, &object->rest);
    for (uint32_t i = 0; i < object->count && valid; i++)
        valid = clock_contains(&context, object->versions[i].dot);
    clock_done(&context);
    return valid && replica->counter >= clock_last(&replica->clock, store->settings.actor);
}

// Walks as much as the dot log holds of the shard: only while that is little.
bool shard_valid(const struct store *store, const uint8_t tree_key[TREE_KEY_SIZE])
{
    const struct replica *replica = replica_of(store, tree_key);

    return replica->dots > 64 ||
           replica_valid(replica, &store->dot_log, key_tree_shard(tree_key, store->shards));
}
