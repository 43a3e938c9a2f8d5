// SPDX-License-Identifier: Apache-2.0
// Objects in tree order, from three sorted sources at once:
//
//     active  ──┐
//     frozen  ──┼─▶ the smallest key behind the last one; of equal keys the newest record
//     tree    ──┘
//
// Each step seeks anew from the last key, so nothing breaks when records change between steps, and
// no read transaction lives longer than a turn.
#include "node/store/state.h"

#include "base/check.h"
#include "base/err.h"

static void smaller_take(struct memtable_entry *entry, struct memtable_entry **best)
{
    if (!*best || (entry && memcmp(entry->tree_key, (*best)->tree_key, TREE_KEY_SIZE) < 0))
        *best = entry;
}

struct slice key_below(const uint8_t *first, uint8_t room[TREE_KEY_SIZE])
{
    bool borrow = true;

    memcpy(room, first, TREE_KEY_SIZE);
    for (int i = TREE_KEY_SIZE - 1; i >= 0 && borrow; i--)
        borrow = room[i]-- == 0;
    return borrow ? (struct slice){0} : slice_of(room, TREE_KEY_SIZE);
}

int tree_next(struct store *store, enum tree_table table, struct slice after, struct slice out[2])
{
    uint8_t edge[TREE_KEY_SIZE];

    for (;;) {
        int err = store->tree->calls->next(store->tree, table, after, out);
        uint32_t shard;

        if (!err && out[0].size != TREE_KEY_SIZE)
            err = ERR_DAMAGED;
        if (err)
            return err;
        shard = key_tree_shard(out[0].data, store->shards);
        if (!store->replicas[shard].tree_void)
            return 0;
        // However much of it is still there: it is passed in one step.
        key_shard_last(shard, store->shards, edge);
        after = slice_of(edge, TREE_KEY_SIZE);
    }
}

struct memtable_entry *entry_next(const struct store *store, struct memtable *table,
                                  const uint8_t *after, const uint8_t *first)
{
    struct memtable_entry *entry = memtable_next(table, after, first);

    while (entry && entry->erasures != replica_of(store, entry->tree_key)->erasures)
        entry = memtable_next(table, entry->tree_key, first);
    return entry;
}

// The smallest key of the three sources.
static int walk_key(struct store *store, const uint8_t *after, const uint8_t *first,
                    uint8_t out[TREE_KEY_SIZE])
{
    struct memtable_entry *entry = entry_next(store, store->active, after, first);
    uint8_t room[TREE_KEY_SIZE];
    struct slice from = after ? slice_of(after, TREE_KEY_SIZE) : key_below(first, room);
    struct slice record[2];
    int err;

    if (store->frozen)
        smaller_take(entry_next(store, store->frozen, after, first), &entry);
    err = tree_next(store, TREE_OBJECTS, from, record);
    if (err && err != ERR_NOT_FOUND)
        return err;
    if (err && !entry)
        return ERR_NOT_FOUND;
    if (!err && (!entry || memcmp(record[0].data, entry->tree_key, TREE_KEY_SIZE) < 0))
        memcpy(out, record[0].data, TREE_KEY_SIZE);
    else
        memcpy(out, entry->tree_key, TREE_KEY_SIZE);
    return 0;
}

// The next record, be it an erased one (its body is empty).
static int walk_step(struct store *store, const uint8_t *after, const uint8_t *first,
                     struct walk_item *out)
{
    struct walk_item item = {0};
    int err = walk_key(store, after, first, item.tree_key);

    if (err)
        return err;
    err = object_find(store, item.tree_key, &item.found);
    item.damaged = err == ERR_DAMAGED;
    if (err && !item.damaged)
        return err;
    *out = item;
    return 0;
}

int walk_next(struct store *store, const uint8_t *after, const uint8_t *first,
              struct walk_item *out)
{
    uint8_t last[TREE_KEY_SIZE];
    struct walk_item item;
    int err;

    while (!(err = walk_step(store, after, first, &item))) {
        if (item.damaged || item.found.body.size)
            break;
        memcpy(last, item.tree_key, TREE_KEY_SIZE);
        after = last;
    }
    if (!err)
        *out = item;
    return err;
}

// ---------------------------------------------------------------- scan

static size_t values_size(const struct object *object)
{
    size_t size = 0;

    for (uint32_t i = 0; i < object->count; i++)
        size += object->versions[i].value.size;
    return size;
}

int store_scan(struct store *store, const struct store_scan *scan, struct arena *arena,
               struct store_page *out)
{
    struct store_item *items = arena_alloc(arena, scan->items_max * sizeof *items);
    uint8_t first[TREE_KEY_SIZE];
    struct walk_item walk;
    const uint8_t *after = scan->after;
    uint32_t count = 0;
    size_t bytes = 0;
    int err;

    check(scan->shard < store->shards && scan->items_max > 0);
    key_shard_first(scan->shard, store->shards, first);
    while (!(err = walk_next(store, after, first, &walk))) {
        if (key_tree_shard(walk.tree_key, store->shards) != scan->shard) {
            err = ERR_NOT_FOUND;
            break;
        }
        if (count == scan->items_max || (count > 0 && bytes > scan->bytes_max))
            break;
        // `first` is done with: it holds the last key from now on.
        memcpy(first, walk.tree_key, TREE_KEY_SIZE);
        after = first;
        if (walk.damaged)
            continue;
        if (object_read(store, walk.tree_key, &walk.found, arena, &items[count])) {
            damage_note(store, walk.tree_key);
            continue;
        }
        if (object_is_empty(&items[count].object))
            continue;
        object_widen(store, walk.tree_key, &items[count].object);
        items[count].position = walk.found.position;
        bytes += values_size(&items[count++].object);
    }
    if (err && err != ERR_NOT_FOUND)
        return err;
    *out = (struct store_page){.items = items, .count = count, .more = !err};
    if (after)
        memcpy(out->reached, after, TREE_KEY_SIZE);
    return 0;
}

// The key as it stands in an item.
static struct key item_key(const struct store *store, const struct store_item *item)
{
    struct key key = key_of_tree(item->tree_key, store->shards);

    key.bucket = item->bucket;
    key.key = item->key;
    return key;
}

// ---------------------------------------------------------------- recount

void shard_recount(struct store *store, uint32_t shard)
{
    struct replica *replica = &store->replicas[shard];
    struct object nothing = {0};
    uint8_t at[TREE_KEY_SIZE];
    struct walk_item walk;
    const uint8_t *after = NULL;

    replica->keys = replica->bytes = replica->expiring = replica->digest = replica->rests = 0;
    replica->changed = true;
    key_shard_first(shard, store->shards, at);
    while (walk_next(store, after, at, &walk) == 0 &&
           key_tree_shard(walk.tree_key, store->shards) == shard) {
        struct store_item item;

        memcpy(at, walk.tree_key, TREE_KEY_SIZE);
        after = at;
        arena_reset(&store->arena);
        if (!walk.damaged &&
            object_read(store, walk.tree_key, &walk.found, &store->arena, &item) == 0) {
            struct key key = item_key(store, &item);

            replica_account(replica, &key, &nothing, &item.object);
            replica->rests += walk.found.rest;
        }
    }
}

// ---------------------------------------------------------------- expiry

uint32_t expire_apply(struct store *store, const uint8_t tree_key[TREE_KEY_SIZE], uint64_t wall_ms,
                      uint64_t position)
{
    struct lookup found;
    struct store_item item;
    struct object old;
    struct key key;
    uint32_t dropped;

    if (object_find(store, tree_key, &found) || found.body.size == 0 ||
        object_read(store, tree_key, &found, &store->arena, &item))
        return 0;
    object_copy(&store->arena, &item.object, &old);
    dropped = object_expire(&item.object, wall_ms);
    if (dropped == 0)
        return 0;
    key = item_key(store, &item);
    replica_account(replica_of(store, tree_key), &key, &old, &item.object);
    object_put(store, &key, &item.object, position, found.rest);
    return dropped;
}

static bool item_is_due(const struct store_item *item, uint64_t wall_ms)
{
    for (uint32_t i = 0; i < item->object.count; i++) {
        uint64_t expires_ms = item->object.versions[i].expires_ms;

        if (expires_ms && expires_ms <= wall_ms)
            return true;
    }
    return false;
}

static uint32_t sweep_item(struct store *store, const struct store_item *item, uint64_t wall_ms)
{
    struct log_record record = {.type = LOG_EXPIRE, .wall_ms = wall_ms};
    uint64_t position;

    record.key = item_key(store, item);
    if (!item_is_due(item, wall_ms) || store_admit(store, LOG_USE_RESERVE) ||
        log_append(&store->log, &record, LOG_USE_RESERVE, &position))
        return 0;
    return expire_apply(store, item->tree_key, wall_ms, position);
}

// Moves the cursor on, in tree order, until it stands in a shard in which something expires. False
// at the end of a round. A key that were the very first of its shard would be passed by: none is,
// keys are hashes.
static bool sweep_seek(struct store *store)
{
    uint64_t step = store->shards > 1 ? (UINT64_C(1) << 63) / (store->shards / 2) : 0;
    uint64_t front = bytes_u64_big(store->sweep_at);

    while (replica_of(store, store->sweep_at)->expiring == 0) {
        front = step ? (front / step + 1) * step : 0;
        if (front == 0)
            return false;
        memset(store->sweep_at, 0, TREE_KEY_SIZE);
        bytes_put_u64_big(store->sweep_at, front);
    }
    return true;
}

// Goes round: behind the last key it begins again with the first.
uint32_t store_sweep(struct store *store, uint64_t wall_ms, uint32_t items_max)
{
    uint32_t dropped = 0;

    for (uint32_t i = 0; i < items_max && store->shards; i++) {
        struct walk_item walk;
        struct store_item item;

        if (!sweep_seek(store) || walk_step(store, store->sweep_at, NULL, &walk)) {
            memset(store->sweep_at, 0, TREE_KEY_SIZE);
            break;
        }
        memcpy(store->sweep_at, walk.tree_key, TREE_KEY_SIZE);
        arena_reset(&store->arena);
        if (!walk.damaged && walk.found.body.size &&
            object_read(store, walk.tree_key, &walk.found, &store->arena, &item) == 0)
            dropped += sweep_item(store, &item, wall_ms);
    }
    arena_reset(&store->arena);
    return dropped;
}
