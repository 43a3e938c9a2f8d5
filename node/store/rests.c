// SPDX-License-Identifier: Apache-2.0
// The records with a rest, found without looking at those that have none: in the tree they are
// listed (TREE_RESTS), in the memtables marked.
#include "node/store/state.h"

#include "base/check.h"
#include "base/err.h"

// Entries of memtables looked at in one call.
enum { RESTS_STEPS = 4096 };

// The next key that may have a rest. A memtable's entry without one is a key like the others: what
// has none is passed over by whoever reads it.
static int rest_key(struct store *store, const uint8_t *after, const uint8_t *first,
                    uint8_t out[TREE_KEY_SIZE])
{
    struct memtable_entry *entry = entry_next(store, store->active, after, first);
    struct memtable_entry *frozen = NULL;
    uint8_t room[TREE_KEY_SIZE];
    struct slice from = after ? slice_of(after, TREE_KEY_SIZE) : key_below(first, room);
    struct slice record[2];
    int err = tree_next(store, TREE_RESTS, from, record);

    if (store->frozen)
        frozen = entry_next(store, store->frozen, after, first);
    if (!entry || (frozen && memcmp(frozen->tree_key, entry->tree_key, TREE_KEY_SIZE) < 0))
        entry = frozen;
    if (err && (err != ERR_NOT_FOUND || !entry))
        return err;
    if (err || (entry && memcmp(entry->tree_key, record[0].data, TREE_KEY_SIZE) < 0))
        memcpy(out, entry->tree_key, TREE_KEY_SIZE);
    else
        memcpy(out, record[0].data, TREE_KEY_SIZE);
    return 0;
}

// True when the key has a rest now; its object then.
static bool rest_read(struct store *store, const uint8_t *tree_key, struct arena *arena,
                      struct store_item *out)
{
    struct lookup found;

    if (object_find(store, tree_key, &found) || found.body.size == 0)
        return false;
    if (object_read(store, tree_key, &found, arena, out)) {
        damage_note(store, tree_key);
        return false;
    }
    out->position = found.position;
    return out->object.rest.count > 0;
}

int store_rests(struct store *store, const struct store_scan *scan, struct arena *arena,
                struct store_page *out)
{
    struct store_page page = {.items = arena_alloc(arena, scan->items_max * sizeof *page.items)};
    const uint8_t *after = scan->after;
    uint8_t first[TREE_KEY_SIZE];
    uint8_t next[TREE_KEY_SIZE];
    int err = 0;

    check(scan->shard < store->shards && scan->items_max > 0);
    key_shard_first(scan->shard, store->shards, first);
    for (uint32_t step = 0; step < RESTS_STEPS && page.count < scan->items_max; step++) {
        err = rest_key(store, after, first, next);
        if (!err && key_tree_shard(next, store->shards) != scan->shard)
            err = ERR_NOT_FOUND;
        if (err)
            break;
        page.count += rest_read(store, next, arena, &page.items[page.count]);
        memcpy(page.reached, next, TREE_KEY_SIZE);
        after = page.reached;
    }
    if (err && err != ERR_NOT_FOUND)
        return err;
    page.more = !err;
    *out = page;
    return 0;
}

// ---------------------------------------------------------------- forgetting

// What may go of a rest: what it has, less what its versions need. False when that is nothing.
static bool change_forget(struct change *change, const struct clock *dots, struct object *out)
{
    struct clock gone = clock_in(change->arena);
    struct object next = change->old;

    clock_copy(&gone, &change->old.rest);
    clock_intersect(&gone, dots);
    for (uint32_t i = 0; i < change->old.count; i++) {
        struct version *version = &change->old.versions[i];
        struct run run = {version->dot.actor, version->dot.counter, version->dot.counter};

        clock_subtract(&gone, &(struct clock){&run, 1, 1, NULL});
    }
    next.rest = clock_in(change->arena);
    clock_copy(&next.rest, &change->old.rest);
    clock_subtract(&next.rest, &gone);
    *out = next;
    return gone.count > 0;
}

int forget_replay(struct store *store, const struct log_record *record, uint64_t position)
{
    struct key key = key_of_tree(record->tree_key, store->shards);
    struct object next;
    struct change change;
    int err;

    arena_reset(&store->arena);
    err = change_begin(store, &key, &store->arena, &change);
    if (!err && change_forget(&change, &record->dots, &next))
        object_put(store, &change.key, &next, position, change.old_rest);
    // A record damaged since is unknown, and rebuilt with what the others know.
    return err == ERR_DAMAGED ? 0 : err;
}

int store_forget(struct store *store, const uint8_t tree_key[TREE_KEY_SIZE],
                 const struct clock *dots, uint64_t *out_position)
{
    struct key key = key_of_tree(tree_key, store->shards);
    struct log_record record = {.type = LOG_FORGET, .dots = *dots};
    struct object next;
    struct change change;
    int err;

    memcpy(record.tree_key, tree_key, TREE_KEY_SIZE);
    arena_reset(&store->arena);
    err = change_begin(store, &key, &store->arena, &change);
    if (err)
        return err;
    if (!change_forget(&change, dots, &next)) {
        *out_position = change.old_position;
        return 0;
    }
    err = record_append(store, &record, out_position);
    if (!err)
        object_put(store, &change.key, &next, *out_position, change.old_rest);
    return err;
}
