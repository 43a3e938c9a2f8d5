// SPDX-License-Identifier: Apache-2.0
// A replica made blank in bounded time, however large it is. Nothing is walked: a number of the
// replica goes up, and every record in a memtable that carries an older one is void; so is all
// that the tree has of the shard (tree_void), until a checkpoint has purged it.
//
//     erase ─▶ tree_void ─▶ frozen: what is void is left out ─▶ purged, then written ─▶ finish
//
// Records of a fresh replica of the same shard carry the new number. Whoever reads goes through
// entry_find, entry_next and tree_next.
#include "node/store/state.h"

#include "base/check.h"
#include "base/err.h"
#include "base/plant.h"

// Dots that leave the dot log in one call. The last ones do with the record of the erasing: where
// that is refused, all can still be told of the replica.
enum { ERASE_DOTS = 4096 };

void erase_apply(struct store *store, uint32_t shard)
{
    struct replica *replica = &store->replicas[shard];
    struct clock all = {0};
    struct replica blank = {.counter = replica->counter,
                            .changes = replica->changes + 1,
                            .erasures = replica->erasures + 1,
                            .tree_void = !planted("erase-memory-only"), // the tree keeps its part
                            .changed = true};
    uint8_t first[TREE_KEY_SIZE];
    uint8_t last[TREE_KEY_SIZE];

    clock_copy(&all, &replica->clock);
    replica_prune(replica, &store->dot_log, shard, &all, UINT64_MAX);
    clock_done(&all);
    check(replica->dots == 0);
    key_shard_first(shard, store->shards, first);
    key_shard_last(shard, store->shards, last);
    unknown_remove_range(&store->unknown, first, last);
    replica_done(replica);
    *replica = blank;
    store->last_valid = false;
    store->clock_changes += 1;
}

int store_erase(struct store *store, uint32_t shard, uint64_t *out_position)
{
    struct log_record record = {.type = LOG_ERASE, .number = shard};
    struct replica *replica = &store->replicas[shard];
    struct clock all = {0};
    int err;

    check(shard < store->shards);
    if (replica_is_blank(replica)) {
        *out_position = log_end(&store->log);
        return 0;
    }
    if (replica->dots > ERASE_DOTS) {
        clock_copy(&all, &replica->clock);
        replica_prune(replica, &store->dot_log, shard, &all, ERASE_DOTS);
        clock_done(&all);
        return ERR_AGAIN;
    }
    err = record_append(store, &record, out_position);
    if (!err)
        erase_apply(store, shard);
    return err;
}
