// SPDX-License-Identifier: Apache-2.0
// Reading and applying. A read looks in three places, newest first: active memtable, frozen
// memtable, tree. An apply reads, appends one record to the log, and changes clock, dot log,
// counts and memtable, in this order: the append is the last step that can fail.
//
// What an object shows is stripped by the shard's clock as of now. The record below may still hold
// more (strip.c): the full context, clock + rest, is the same.
#include "node/store/state.h"

#include "base/check.h"
#include "base/err.h"
#include "base/plant.h"

struct replica *replica_of(const struct store *store, const uint8_t tree_key[TREE_KEY_SIZE])
{
    return &store->replicas[key_tree_shard(tree_key, store->shards)];
}

void damage_note(struct store *store, const uint8_t tree_key[TREE_KEY_SIZE])
{
    store->damaged += 1;
    if (unknown_add(&store->unknown, tree_key))
        replica_of(store, tree_key)->unknown += 1;
    else if (!unknown_has(&store->unknown, tree_key))
        replica_of(store, tree_key)->unlisted = true;
}

static struct slice record_body(const uint8_t *record, size_t size)
{
    return slice_of(record + TREE_RECORD_HEADER_SIZE, size - TREE_RECORD_HEADER_SIZE);
}

static struct lookup entry_lookup(struct memtable_entry *entry)
{
    struct lookup found = {.position = entry->position};

    if (entry->record)
        found.body = record_body(entry->record, entry->size);
    return found;
}

static int tree_find(struct store *store, const uint8_t *tree_key, struct lookup *out)
{
    struct slice key = slice_of(tree_key, TREE_KEY_SIZE);
    struct slice record;
    int err = store->tree->calls->get(store->tree, TREE_OBJECTS, key, &record);

    *out = (struct lookup){0};
    if (err == ERR_NOT_FOUND)
        return 0;
    if (!err)
        err = record_open(TREE_OBJECTS, key, record, &out->body);
    if (err == ERR_DAMAGED && planted("damage-absent")) // a damaged record is taken for none
        return 0;
    if (err == ERR_DAMAGED)
        damage_note(store, tree_key);
    return err;
}

int object_find(struct store *store, const uint8_t tree_key[TREE_KEY_SIZE], struct lookup *out)
{
    struct memtable_entry *entry = memtable_find(store->active, tree_key);

    if (unknown_has(&store->unknown, tree_key))
        return ERR_DAMAGED;
    if (entry) {
        *out = entry_lookup(entry);
        out->entry = entry;
        return 0;
    }
    if (store->frozen)
        entry = memtable_find(store->frozen, tree_key);
    if (entry) {
        *out = entry_lookup(entry);
        return 0;
    }
    return tree_find(store, tree_key, out);
}

int object_read(struct store *store, const uint8_t tree_key[TREE_KEY_SIZE],
                const struct lookup *found, struct arena *arena, struct store_item *out)
{
    struct object_record record;
    struct reader reader;
    int err = object_record_read(found->body, &record);

    if (err)
        return err;
    reader = reader_of(record.object);
    if (object_decode(&reader, arena, &out->object) || !reader_finished(&reader))
        return ERR_DAMAGED;
    object_strip(&out->object, &replica_of(store, tree_key)->clock);
    out->bucket = record.bucket;
    out->key = record.key;
    memcpy(out->tree_key, tree_key, TREE_KEY_SIZE);
    return 0;
}

// The object of a key as found; empty when there is none.
static int key_read(struct store *store, const struct key *key, const uint8_t *tree_key,
                    struct arena *arena, struct store_view *out)
{
    struct store_item item = {.object = {.rest = clock_in(arena)}};
    struct lookup found;
    int err;

    check(key->shard < store->shards);
    err = object_find(store, tree_key, &found);
    if (!err && found.body.size) {
        err = object_read(store, tree_key, &found, arena, &item);
        if (err)
            damage_note(store, tree_key);
        else if (!object_is_empty(&item.object) &&
                 (!slice_equal(item.bucket, key->bucket) || !slice_equal(item.key, key->key)))
            err = ERR_COLLISION;
    }
    if (err)
        return err;
    *out = (struct store_view){item.object, found.position};
    return 0;
}

int store_read(struct store *store, const struct key *key, struct arena *arena,
               struct store_view *out)
{
    uint8_t tree_key[TREE_KEY_SIZE];

    key_tree(key, tree_key);
    return key_read(store, key, tree_key, arena, out);
}

// ---------------------------------------------------------------- changing

struct memtable_entry *object_put(struct store *store, const struct key *key,
                                  const struct object *object, uint64_t position)
{
    struct memtable_entry *entry;
    uint8_t tree_key[TREE_KEY_SIZE];

    key_tree(key, tree_key);
    store->scratch.size = 0;
    if (!object_is_empty(object)) {
        record_begin(&store->scratch);
        object_record_begin(key, &store->scratch);
        object_encode(object, &store->scratch);
    }
    entry = memtable_set(store->active, tree_key, buffer_slice(&store->scratch), position);
    entry->has_rest = object->rest.count > 0;
    entry->tried = replica_of(store, tree_key)->changes;
    if (entry->has_rest)
        memtable_rest_push(store->active, entry);
    buffer_reset(&store->scratch, 1 << 20);
    return entry;
}

int change_begin(struct store *store, const struct key *key, struct arena *arena,
                 struct change *out)
{
    struct change change = {.key = key, .arena = arena, .dots = clock_in(arena)};
    struct store_view view;
    int err;

    key_tree(key, change.tree_key);
    err = key_read(store, key, change.tree_key, arena, &view);
    if (err)
        return err;
    change.old = view.object;
    change.old_position = view.position;
    *out = change;
    return 0;
}

// The oldest dots go while the log is over its budget.
static void dots_evict(struct store *store)
{
    const struct dot_entry *entry;

    while ((entry = dot_log_over(&store->dot_log))) {
        struct replica *replica = &store->replicas[entry->shard];
        struct dot dot = entry->dot;

        dot_log_remove(&store->dot_log, entry->shard, dot);
        clock_add(&replica->floor, dot);
        replica->dots -= 1;
    }
}

void dots_enter(struct store *store, const struct change *change)
{
    struct replica *replica = replica_of(store, change->tree_key);
    uint32_t shard = key_tree_shard(change->tree_key, store->shards);

    if (change->dots.count == 0)
        return;
    clock_join(&replica->clock, &change->dots);
    replica->changes += 1;
    replica->changed = true;
    store->clock_changes += 1;
    replica_log_dots(replica, &store->dot_log, shard, change->tree_key, &change->dots);
    dots_evict(store);
}

struct memtable_entry *change_apply(struct store *store, struct change *change,
                                    const struct delta *delta, uint64_t position)
{
    struct replica *replica = replica_of(store, change->tree_key);
    struct object next = object_apply(change->arena, &change->old, &replica->clock, NULL, delta);

    dots_enter(store, change);
    replica_account(replica, change->key, &change->old, &next);
    return object_put(store, change->key, &next, position);
}

// True when the delta tells this replica nothing: it was here before.
static bool change_is_nothing(struct store *store, const struct change *change,
                              const struct delta *delta)
{
    struct clock *clock = &replica_of(store, change->tree_key)->clock;
    struct object next;

    if (change->dots.count > 0)
        return false;
    // The clock has all the dots: it stays as it is.
    next = object_apply(change->arena, &change->old, clock, NULL, delta);
    return object_same_versions(&change->old, &next) && clock_equal(&change->old.rest, &next.rest);
}

// A put stands for its one version. Deletes carry none; repairs stand for no dots of their own and
// items of a sync for several or for older ones.
static enum log_use delta_use(const struct delta *delta)
{
    bool put = delta->count == 1 && clock_size(&delta->dots) == 1 &&
               clock_contains(&delta->dots, delta->versions[0].dot);

    return put ? LOG_USE_PUT : LOG_USE_RESERVE;
}

int store_refusal(const struct store *store)
{
    uint64_t bytes = memtable_bytes(store->active);
    bool full = bytes >= store->settings.memtable_bytes ||
                memtable_keys(store->active) >= store->settings.memtable_keys ||
                checkpoint_pages(store) > 1;

    if (store->fatal || store->log.fatal)
        return ERR_IO;
    if (store->log.full || store->checkpoint.state == CHECKPOINT_WAITING)
        return ERR_DISK_FULL;
    return full && store->frozen ? ERR_OVERLOADED : 0;
}

int store_admit(const struct store *store, enum log_use use)
{
    int refusal = store_refusal(store);
    uint64_t bytes = memtable_bytes(store->active);
    uint64_t budget = store->settings.memtable_bytes;

    if (refusal == ERR_IO || use == LOG_USE_PUT)
        return refusal;
    // The rest goes on for a while, so that a full disk or a slow checkpoint can be left again.
    return bytes >= budget + budget / 2 && store->frozen ? ERR_OVERLOADED : 0;
}

static void view_fill(const struct memtable_entry *entry, struct arena *arena,
                      struct store_view *out)
{
    struct object_record record;
    struct reader reader;
    int err;

    *out = (struct store_view){{.rest = clock_in(arena)}, entry->position};
    if (!entry->record)
        return;
    err = object_record_read(record_body(entry->record, entry->size), &record);
    check(!err);
    reader = reader_of(record.object);
    err = object_decode(&reader, arena, &out->object);
    check(!err);
}

// What is stored must stay within what a peer accepts: the shard's clock and the object's rest
// together, with all that this delta may add.
static bool context_too_large(const struct store *store, const struct change *change,
                              const struct delta *delta)
{
    const struct clock *clock = store_clock(store, change->key->shard);
    uint64_t runs = (uint64_t)clock->count + change->old.rest.count + delta->context.count;

    return runs > CLOCK_RUNS_MAX / 2;
}

// Own dots count as issued once they are in the log.
static void dots_issued(struct store *store, uint32_t shard, const struct delta *delta)
{
    uint64_t last = clock_last(&delta->dots, store->settings.actor);

    if (last > store->replicas[shard].counter)
        store->replicas[shard].counter = last;
}

int store_apply(struct store *store, const struct key *key, const struct delta *delta,
                struct arena *arena, struct store_view *out)
{
    struct log_record record = {.type = LOG_APPLY, .key = *key, .delta = *delta};
    enum log_use use = delta_use(delta);
    struct change change;
    uint64_t position;
    int err = change_begin(store, key, arena, &change);

    if (err)
        return err;
    replica_new_dots(replica_of(store, change.tree_key), delta, &change.dots);
    if (change_is_nothing(store, &change, delta)) {
        *out = (struct store_view){change.old, change.old_position};
        return 0;
    }
    if (clock_size(&change.dots) > DELTA_DOTS_MAX || context_too_large(store, &change, delta))
        return ERR_TOO_LARGE;
    err = store_admit(store, use);
    if (!err)
        err = log_append(&store->log, &record, use, &position);
    if (err)
        return err;
    if (store->settings.watch)
        store->settings.watch(store->settings.watch_data, key, delta);
    dots_issued(store, key->shard, delta);
    view_fill(change_apply(store, &change, delta, position), arena, out);
    return 0;
}

// ---------------------------------------------------------------- rebuilding

static void rebuilt_known(struct store *store, const uint8_t *tree_key)
{
    uint32_t shard = key_tree_shard(tree_key, store->shards);
    struct replica *replica = &store->replicas[shard];

    if (!unknown_remove(&store->unknown, tree_key))
        return;
    replica->unknown -= 1;
    if (replica->unknown > 0)
        return;
    // What the damaged record counted with cannot be known: count anew once all is known again.
    // That meets every record, those too that had no room among the unknown ones.
    replica->unlisted = false;
    shard_recount(store, shard);
}

int rebuild_apply(struct store *store, const struct key *key, const struct object *object,
                  uint64_t position)
{
    struct arena arena = {0};
    struct object next = {object->versions, object->count, clock_in(&arena)};
    struct replica *replica;
    struct change change;
    int err = change_begin(store, key, &arena, &change);

    if (err == ERR_DAMAGED) {
        change = (struct change){.key = key, .old = {.rest = clock_in(&arena)}};
        key_tree(key, change.tree_key);
        err = 0;
    }
    if (!err) {
        replica = replica_of(store, change.tree_key);
        clock_copy(&next.rest, &object->rest);
        for (uint32_t i = 0; i < object->count; i++)
            clock_add(&next.rest, object->versions[i].dot);
        clock_subtract(&next.rest, &replica->clock);
        replica_account(replica, key, &change.old, &next);
        object_put(store, key, &next, position);
        rebuilt_known(store, change.tree_key);
    }
    arena_done(&arena);
    return err;
}

int store_rebuild(struct store *store, const struct key *key, const struct object *object,
                  uint64_t *out_position)
{
    struct log_record record = {.type = LOG_REBUILD, .key = *key, .object = *object};
    struct arena arena = {0};
    struct change change;
    uint64_t position;
    int err;

    check(key->shard < store->shards);
    err = change_begin(store, key, &arena, &change);
    arena_done(&arena);
    if (err && err != ERR_DAMAGED)
        return err;
    err = store_admit(store, LOG_USE_RESERVE);
    if (!err)
        err = log_append(&store->log, &record, LOG_USE_RESERVE, &position);
    if (!err)
        err = rebuild_apply(store, key, object, position);
    if (!err)
        *out_position = position;
    return err;
}

// ---------------------------------------------------------------- asking

struct dot store_mint(const struct store *store, uint32_t shard)
{
    check(shard < store->shards);
    return (struct dot){store->settings.actor, store->replicas[shard].counter + 1};
}

const struct clock *store_clock(const struct store *store, uint32_t shard)
{
    check(shard < store->shards);
    return &store->replicas[shard].clock;
}

void store_shard(const struct store *store, uint32_t shard, struct store_shard *out)
{
    const struct replica *replica = &store->replicas[shard];

    check(shard < store->shards);
    *out = (struct store_shard){
        .born = replica->born,
        .keys = replica->keys,
        .bytes = replica->bytes,
        .digest = replica->digest,
        .dots = replica->dots,
        .unknown = (uint64_t)replica->unknown + replica->unlisted,
    };
}

uint64_t store_durable(const struct store *store)
{
    return log_durable(&store->log);
}

uint64_t store_end(const struct store *store)
{
    return log_end(&store->log);
}

void store_totals(const struct store *store, struct store_totals *out)
{
    struct store_totals totals = {
        .actor = store->settings.actor,
        .disk_bytes = store->disk->calls->used(store->disk) + store->tree->calls->used(store->tree),
        .log_bytes = log_end(&store->log) - store->covered,
        .memory_bytes = memtable_bytes(store->active),
        .checkpoints = store->checkpoints,
        .unknown = unknown_count(&store->unknown),
        .damaged = store->damaged,
        .refusal = store_refusal(store),
    };

    if (store->frozen)
        totals.memory_bytes += memtable_bytes(store->frozen);
    for (uint32_t shard = 0; shard < store->shards; shard++) {
        totals.keys += store->replicas[shard].keys;
        totals.bytes += store->replicas[shard].bytes;
    }
    *out = totals;
}
