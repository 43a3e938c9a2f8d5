// SPDX-License-Identifier: Apache-2.0
// Takes off rests what the shard's clock has meanwhile, a few records each turn. Nothing is
// logged: a record and its stripped form mean the same under the same clock, and replay strips
// again. What is found clean no longer counts as having a rest; what is found empty is erased.
// All this can wait, and clients cannot: while a checkpoint has one memtable, half of the other one
// is left to them.
//
// Two lists are gone through: the records with a rest in the active memtable (a queue), and
// TREE_RESTS (a cursor, which moves only while clocks change).
#include "node/store/state.h"

#include "base/err.h"

enum { STRIP_MEMORY = 32, STRIP_TREE = 8 };

// Writes a stripped object back; in place when it fits, which is safe now that the turn is over.
static void stripped_put(struct store *store, const struct lookup *found,
                         const struct store_item *item)
{
    struct replica *replica = replica_of(store, item->tree_key);
    struct memtable_entry *entry = found->entry;
    struct key key = {.bucket = item->bucket, .key = item->key};
    struct slice record = {0};

    store->last_valid = false;
    store->scratch.size = 0;
    if (!object_is_empty(&item->object)) {
        record_begin(&store->scratch);
        object_record_begin(&key, &store->scratch);
        object_encode(&item->object, &store->scratch);
        record = buffer_slice(&store->scratch);
    }
    if (entry && record.size && record.size <= entry->size) {
        memcpy(entry->record, record.data, record.size);
        entry->size = (uint32_t)record.size;
    } else {
        entry = memtable_set(store->active, item->tree_key, record, found->position);
        entry->erasures = replica->erasures;
    }
    entry->has_rest = item->object.rest.count > 0;
    replica_account_rest(replica, found->rest, entry->has_rest);
    if (entry->has_rest)
        memtable_rest_push(store->active, entry);
    buffer_reset(&store->scratch, 1 << 20);
}

// The clock encoding tells whether stripping took anything off: compares with what is stored.
static void key_strip(struct store *store, const uint8_t *tree_key)
{
    struct object_record record;
    struct store_item item;
    struct lookup found;
    size_t size;

    arena_reset(&store->arena);
    if (object_find(store, tree_key, &found) || found.body.size == 0 ||
        object_read(store, tree_key, &found, &store->arena, &item) ||
        object_record_read(found.body, &record))
        return;
    store->scratch.size = 0;
    object_encode(&item.object, &store->scratch);
    size = store->scratch.size;
    if (size != record.object.size || memcmp(store->scratch.data, record.object.data, size) != 0)
        stripped_put(store, &found, &item);
    else if (found.entry && found.entry->has_rest)
        memtable_rest_push(store->active, found.entry);
}

static void memory_strip(struct store *store)
{
    for (int i = 0; i < STRIP_MEMORY; i++) {
        struct memtable_entry *entry = memtable_rest_pop(store->active);
        uint64_t changes;

        if (!entry)
            return;
        if (!entry->has_rest || !entry_find(store, store->active, entry->tree_key))
            continue;
        changes = replica_of(store, entry->tree_key)->changes;
        if (entry->tried == changes) {
            memtable_rest_push(store->active, entry);
            continue;
        }
        entry->tried = changes;
        key_strip(store, entry->tree_key);
    }
}

static void pass_end(struct store *store, bool empty)
{
    store->rests_empty = empty;
    store->strip_under_way = false;
    memset(store->strip_at, 0, TREE_KEY_SIZE);
}

// Whether clients are left enough when one more record comes into the active memtable.
static bool leaves_room(const struct store *store)
{
    return !store->frozen || (memtable_bytes(store->active) < store->settings.memtable_bytes / 2 &&
                              memtable_keys(store->active) < store->settings.memtable_keys / 2 &&
                              checkpoint_pages(store) == 0);
}

static void tree_strip(struct store *store)
{
    const struct tree_calls *calls = store->tree->calls;

    if (store->rests_empty)
        return;
    if (!store->strip_under_way) {
        if (store->strip_changes == store->clock_changes && !store->strip_again)
            return;
        store->strip_again = false;
        store->strip_changes = store->clock_changes;
        store->strip_under_way = true;
    }
    for (int i = 0; i < STRIP_TREE && leaves_room(store); i++) {
        struct slice after = slice_of(store->strip_at, TREE_KEY_SIZE);
        bool first = true;
        struct slice record[2];

        for (int at = 0; at < TREE_KEY_SIZE && first; at++)
            first = store->strip_at[at] == 0;
        if (calls->next(store->tree, TREE_RESTS, first ? (struct slice){0} : after, record) ||
            record[0].size != TREE_KEY_SIZE) {
            pass_end(store, first);
            return;
        }
        memcpy(store->strip_at, record[0].data, TREE_KEY_SIZE);
        if (!memtable_find(store->active, store->strip_at))
            key_strip(store, store->strip_at);
    }
}

void strip_some(struct store *store)
{
    if (store->shards == 0 || store_admit(store, LOG_USE_RESERVE))
        return;
    memory_strip(store);
    tree_strip(store);
    arena_reset(&store->arena);
}
