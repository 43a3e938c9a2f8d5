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

struct memtable_entry *entry_find(const struct store *store, const struct memtable *table,
                                  const uint8_t tree_key[TREE_KEY_SIZE])
{
    struct memtable_entry *entry = memtable_find(table, tree_key);

    return entry && entry->erasures == replica_of(store, tree_key)->erasures ? entry : NULL;
}

static int tree_find(struct store *store, const uint8_t *tree_key, struct lookup *out)
{
    struct slice key = slice_of(tree_key, TREE_KEY_SIZE);
    struct slice record;
    int err;

    *out = (struct lookup){0};
    if (replica_of(store, tree_key)->tree_void)
        return 0;
    err = store->tree->calls->get(store->tree, TREE_OBJECTS, key, &record);
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

static int object_search(struct store *store, const uint8_t *tree_key, struct lookup *out)
{
    struct memtable_entry *entry = entry_find(store, store->active, tree_key);

    if (entry) {
        *out = entry_lookup(entry);
        out->entry = entry;
        return 0;
    }
    if (store->frozen)
        entry = entry_find(store, store->frozen, tree_key);
    if (entry) {
        *out = entry_lookup(entry);
        return 0;
    }
    return tree_find(store, tree_key, out);
}

int object_find(struct store *store, const uint8_t tree_key[TREE_KEY_SIZE], struct lookup *out)
{
    int err;

    if (unknown_has(&store->unknown, tree_key))
        return ERR_DAMAGED;
    if (store->last_valid && memcmp(tree_key, store->last_key, TREE_KEY_SIZE) == 0) {
        *out = store->last;
        return 0;
    }
    err = object_search(store, tree_key, out);
    store->last_valid = !err;
    if (!err) {
        store->last = *out;
        memcpy(store->last_key, tree_key, TREE_KEY_SIZE);
    }
    return err;
}

void views_end(struct store *store)
{
    store->last_valid = false;
    store->tree->calls->turn_end(store->tree);
}

int object_read(struct store *store, const uint8_t tree_key[TREE_KEY_SIZE], struct lookup *found,
                struct arena *arena, struct store_item *out)
{
    struct object_record record;
    struct reader reader;
    int err = object_record_read(found->body, &record);

    if (err)
        return err;
    reader = reader_of(record.object);
    if (object_decode(&reader, arena, &out->object) || !reader_finished(&reader))
        return ERR_DAMAGED;
    if (record.bucket.size == 0 && out->object.count > 0)
        return ERR_DAMAGED;
    found->rest = out->object.rest.count > 0;
    if (planted("strip-other-shard")) // rests are taken off by the clock of another shard
        object_strip(&out->object, &store->replicas[0].clock);
    object_strip(&out->object, &replica_of(store, tree_key)->clock);
    out->bucket = record.bucket;
    out->key = record.key;
    memcpy(out->tree_key, tree_key, TREE_KEY_SIZE);
    return 0;
}

void object_widen(const struct store *store, const uint8_t tree_key[TREE_KEY_SIZE],
                  struct object *object)
{
    const struct replica *replica = replica_of(store, tree_key);

    if (replica_join_passed(replica, tree_key, &object->rest))
        clock_subtract(&object->rest, &replica->clock);
}

// ---------------------------------------------------------------- a change

void change_begin_damaged(struct store *store, const struct key *key, struct arena *arena,
                          struct change *out)
{
    struct change change = {.key = *key,
                            .arena = arena,
                            .old = {.rest = clock_in(arena)},
                            .passed = clock_in(arena),
                            .dots = clock_in(arena)};

    check(key->shard < store->shards);
    key_tree(key, change.tree_key);
    replica_join_passed(replica_of(store, change.tree_key), change.tree_key, &change.passed);
    *out = change;
}

// Another key of the same hash. What remembers nothing stands in nobody's way, and what has no name
// is of any.
static bool is_collision(const struct key *key, const struct store_item *item)
{
    return key_is_named(key) && item->bucket.size && !object_is_empty(&item->object) &&
           (!slice_equal(item->bucket, key->bucket) || !slice_equal(item->key, key->key));
}

int change_begin(struct store *store, const struct key *key, struct arena *arena,
                 struct change *out)
{
    struct store_item item;
    struct change change;
    struct lookup found;
    int err;

    change_begin_damaged(store, key, arena, &change);
    err = object_find(store, change.tree_key, &found);
    if (!err && found.body.size) {
        err = object_read(store, change.tree_key, &found, arena, &item);
        if (err)
            damage_note(store, change.tree_key);
        else if (is_collision(key, &item))
            err = ERR_COLLISION;
    }
    if (err)
        return err;
    change.old_position = found.position;
    if (found.body.size) {
        change.found = true;
        change.old = item.object;
        change.old_rest = found.rest;
        if (!key_is_named(key)) {
            change.key.bucket = item.bucket;
            change.key.key = item.key;
        }
    }
    *out = change;
    return 0;
}

static struct store_view change_view(const struct store *store, const struct change *change)
{
    struct store_view view = {change->old, change->old_position};

    object_widen(store, change->tree_key, &view.object);
    return view;
}

int store_read(struct store *store, const struct key *key, struct arena *arena,
               struct store_view *out)
{
    struct change change;
    int err = change_begin(store, key, arena, &change);

    if (err)
        return err;
    *out = change_view(store, &change);
    return 0;
}

// ---------------------------------------------------------------- changing

struct memtable_entry *object_put(struct store *store, const struct key *key,
                                  const struct object *object, uint64_t position, bool had_rest)
{
    struct replica *replica = &store->replicas[key->shard];
    struct memtable_entry *entry;
    uint8_t tree_key[TREE_KEY_SIZE];

    key_tree(key, tree_key);
    check(key_is_named(key) || object->count == 0);
    check_slow(object_valid(store, tree_key, object));
    check_slow(shard_valid(store, tree_key));
    store->scratch.size = 0;
    if (!object_is_empty(object)) {
        record_begin(&store->scratch);
        object_record_begin(key, &store->scratch);
        object_encode(object, &store->scratch);
    }
    store->last_valid = false;
    entry = memtable_set(store->active, tree_key, buffer_slice(&store->scratch), position);
    entry->has_rest = object->rest.count > 0;
    entry->tried = replica->changes;
    entry->erasures = replica->erasures;
    replica_account_rest(replica, had_rest, entry->has_rest);
    if (entry->has_rest)
        memtable_rest_push(store->active, entry);
    buffer_reset(&store->scratch, 1 << 20);
    return entry;
}

// The oldest dots go while the log is over its budget, but not those that must not be lost.
static void dots_evict(struct store *store)
{
    const struct dot_entry *entry;

    while ((entry = dot_log_over(&store->dot_log))) {
        struct replica *replica = &store->replicas[entry->shard];
        struct dot dot = entry->dot;

        // ... or: a guest's dots go for want of room as well
        if (replica_keeps_dots(replica) && !planted("guest-forgets")) {
            dot_log_keep(&store->dot_log, entry);
            continue;
        }
        dot_log_remove(&store->dot_log, entry->shard, dot);
        clock_add(&replica->floor, dot);
        replica->dots -= 1;
    }
}

uint64_t store_dots_room(const struct store *store)
{
    uint64_t kept = 0;

    for (uint32_t shard = 0; shard < store->shards; shard++) {
        if (replica_keeps_dots(&store->replicas[shard]))
            kept += store->replicas[shard].dots;
    }
    return kept < store->dot_log.count_max ? store->dot_log.count_max - kept : 0;
}

static bool dots_fit(const struct store *store, const struct change *change)
{
    uint64_t new = clock_size(&change->dots);

    return !replica_keeps_dots(replica_of(store, change->tree_key)) ||
           store->dot_log.count + new <= store->dot_log.count_max || new <= store_dots_room(store);
}

void dots_enter(struct store *store, const struct change *change)
{
    struct replica *replica = replica_of(store, change->tree_key);
    uint32_t shard = key_tree_shard(change->tree_key, store->shards);
    uint64_t own = clock_last(&change->dots, store->settings.actor);

    if (change->dots.count == 0)
        return;
    // Own dots count as issued once they are in the log.
    if (own > replica->counter)
        replica->counter = own;
    clock_join(&replica->clock, &change->dots);
    if (replica->fill_count > replica->filling)
        replica_drop_fills(replica);
    replica->changes += 1;
    replica->changed = true;
    store->clock_changes += 1;
    replica_log_dots(replica, &store->dot_log, shard, change->tree_key, &change->dots);
    dots_evict(store);
}

void change_new_dots(struct store *store, struct change *change, const struct delta *delta)
{
    replica_new_dots(replica_of(store, change->tree_key), delta, &change->dots);
}

static const struct clock *change_passed(const struct change *change)
{
    return change->passed.count ? &change->passed : NULL;
}

struct memtable_entry *change_apply(struct store *store, struct change *change,
                                    const struct delta *delta, uint64_t position)
{
    struct replica *replica = replica_of(store, change->tree_key);
    struct object next =
        object_apply(change->arena, &change->old, &replica->clock, change_passed(change), delta);

    dots_enter(store, change);
    replica_account(replica, &change->key, &change->old, &next);
    return object_put(store, &change->key, &next, position, change->old_rest);
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
    next = object_apply(change->arena, &change->old, clock, change_passed(change), delta);
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

// Deletes and repairs go on for a while, so that a full disk or a slow checkpoint can be left
// again; and so do puts until a copy of the tree has been given up.
static bool is_over(const struct store *store)
{
    uint64_t budget = store->settings.memtable_bytes;

    return memtable_bytes(store->active) >= budget + budget / 2 &&
           (store->frozen || compact_copying(store));
}

int store_refusal(const struct store *store)
{
    if (store->fatal || store->log.fatal)
        return ERR_IO;
    if (store->log.full || store->checkpoint.state == CHECKPOINT_WAITING)
        return ERR_DISK_FULL;
    return (store->frozen && checkpoint_full(store)) || is_over(store) ? ERR_OVERLOADED : 0;
}

int store_admit(const struct store *store, enum log_use use)
{
    int refusal = store_refusal(store);

    if (refusal == ERR_IO || use == LOG_USE_PUT)
        return refusal;
    return is_over(store) ? ERR_OVERLOADED : 0;
}

bool context_too_large(const struct store *store, const struct change *change,
                       const struct clock *context)
{
    const struct clock *clock = store_clock(store, change->key.shard);
    uint64_t runs =
        (uint64_t)clock->count + change->old.rest.count + change->passed.count + context->count;

    return runs > CLOCK_RUNS_MAX / 2;
}

// What must hold before a delta may be written.
static int apply_admit(const struct store *store, const struct change *change,
                       const struct delta *delta)
{
    if (clock_size(&change->dots) > DELTA_DOTS_MAX ||
        context_too_large(store, change, &delta->context))
        return ERR_TOO_LARGE;
    return dots_fit(store, change) ? store_admit(store, delta_use(delta)) : ERR_OVERLOADED;
}

int store_apply(struct store *store, const struct key *key, const struct delta *delta,
                struct arena *arena, uint64_t *out_position)
{
    struct log_record record = {.type = LOG_APPLY, .key = *key, .delta = *delta};
    struct change change;
    uint64_t position;
    int err = !key_is_named(key) && delta->count ? ERR_INVALID : 0;

    if (!err)
        err = change_begin(store, key, arena, &change);
    if (err)
        return err;
    change_new_dots(store, &change, delta);
    if (change_is_nothing(store, &change, delta)) {
        *out_position = change.old_position;
        return 0;
    }
    err = apply_admit(store, &change, delta);
    if (!err)
        err = log_append(&store->log, &record, delta_use(delta), &position);
    if (err)
        return err;
    if (store->settings.watch)
        store->settings.watch(store->settings.watch_data, key, delta);
    change_apply(store, &change, delta, position);
    *out_position = position;
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
        change_begin_damaged(store, key, &arena, &change);
        err = 0;
    }
    if (!err) {
        replica = replica_of(store, change.tree_key);
        clock_copy(&next.rest, &object->rest);
        for (uint32_t i = 0; i < object->count; i++)
            clock_add(&next.rest, object->versions[i].dot);
        object_strip(&next, &replica->clock);
        replica_account(replica, &change.key, &change.old, &next);
        object_put(store, &change.key, &next, position, change.old_rest);
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

    err = !key_is_named(key) && object->count ? ERR_INVALID : 0;
    if (!err)
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

void store_skip(struct store *store, uint32_t shard, uint64_t counter)
{
    check(shard < store->shards);
    if (counter > store->replicas[shard].counter)
        store->replicas[shard].counter = counter;
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
        .filling = replica->filling,
        .rests = replica->rests > 0 || replica->fill_count > 0,
        .fills = replica->fill_count,
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
        .dots = store->dot_log.count,
        .dots_max = store->dot_log.count_max,
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
