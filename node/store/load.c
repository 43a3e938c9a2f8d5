// SPDX-License-Identifier: Apache-2.0
// Start: first the tree as of its last checkpoint, then the log behind it, applied as it was then.
// What comes out is the state before the end of the last life, as far as that was durable.
#include "node/store/state.h"

#include "base/check.h"
#include "base/err.h"
#include "base/plant.h"
#include "base/rng.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// Each life begins a segment. More than these are checkpointed away soon, however little is in
// them, so that a node that dies again and again does not fill its disk.
enum { LIVES_MAX = 4 };

static int fail(struct store_found *found, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct store_found *found, int err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(found->error, sizeof found->error, format, args);
    va_end(args);
    return err;
}

static int fail_damaged(struct store_found *found, const char *what)
{
    return fail(found, ERR_DAMAGED,
                "%s: move the directories log and tree away; the node then starts empty, keeps its "
                "identity and fills from its peers",
                what);
}

// ---------------------------------------------------------------- the tree

// The body of a meta record; `out` stays empty when there is none.
static int meta_load(struct store *store, const char *name, struct slice *out)
{
    struct slice key = slice_of_text(name);
    struct slice record;
    int err = store->tree->calls->get(store->tree, TREE_META, key, &record);

    if (err == ERR_NOT_FOUND)
        return 0;
    return err ? err : record_open(TREE_META, key, record, out);
}

static int position_load(struct store *store)
{
    struct slice body = {0};
    struct reader reader;
    int err = meta_load(store, "position", &body);

    if (err || body.size == 0)
        return err;
    reader = reader_of(body);
    store->covered = reader_u64(&reader);
    store->id = reader_u64(&reader);
    store->marked_clean = reader_u8(&reader) == 1;
    return reader_finished(&reader) && store->id ? 0 : ERR_DAMAGED;
}

static int shards_load(struct store *store)
{
    struct slice body = {0};
    int err = meta_load(store, "shards", &body);
    uint32_t shards;

    if (err || body.size == 0)
        return err;
    shards = body.size == 4 ? bytes_u32(body.data) : 0;
    if (shards == 0 || shards > SHARDS_MAX || (shards & (shards - 1)) != 0)
        return ERR_DAMAGED;
    shards_set(store, shards, 0);
    store->shards_changed = false;
    return 0;
}

static int metas_load(struct store *store)
{
    struct slice after = slice_of_text("m:");
    struct slice record[2];
    int err;

    while (!(err = store->tree->calls->next(store->tree, TREE_META, after, record))) {
        struct slice name = record[0];
        struct slice body;

        if (name.size < 2 || memcmp(name.data, "m:", 2) != 0)
            break;
        err = record_open(TREE_META, name, record[1], &body);
        if (!err)
            err = meta_set(store, slice_of(name.data + 2, name.size - 2), body, 0);
        if (err)
            return ERR_DAMAGED;
        store->metas[store->meta_count - 1]->changed = false;
        after = name;
    }
    return err == ERR_NOT_FOUND ? 0 : err;
}

static int unknown_load(struct store *store)
{
    struct slice body = {0};
    int err = meta_load(store, "unknown", &body);

    if (err || body.size % TREE_KEY_SIZE != 0 || (body.size && store->shards == 0))
        return err ? err : (body.size ? ERR_DAMAGED : 0);
    for (size_t at = 0; at < body.size; at += TREE_KEY_SIZE) {
        if (unknown_add(&store->unknown, body.data + at))
            replica_of(store, body.data + at)->unknown += 1;
    }
    store->unknown.changed = false;
    return 0;
}

static int clock_load(struct store *store, struct slice key, struct slice record)
{
    struct replica_record loaded;
    struct replica *replica;
    struct slice body;
    uint32_t shard;
    int err = record_open(TREE_CLOCKS, key, record, &body);

    if (err || key.size != 4)
        return ERR_DAMAGED;
    shard = __builtin_bswap32(bytes_u32(key.data));
    if (shard >= store->shards)
        return ERR_DAMAGED;
    err = replica_record_decode(body, &loaded);
    if (err)
        return err;
    replica = &store->replicas[shard];
    replica->clock = loaded.clock;
    replica->born = loaded.born;
    replica->filling = loaded.filling;
    replica->keys = loaded.keys;
    replica->bytes = loaded.bytes;
    replica->expiring = loaded.expiring;
    replica->digest = loaded.digest;
    replica->rests = loaded.rests;
    replica->fill_count = loaded.fill_count;
    if (loaded.fill_count) {
        replica->fills = memory_new(FILLS_MAX * sizeof *replica->fills);
        memcpy(replica->fills, loaded.fills, loaded.fill_count * sizeof *replica->fills);
    }
    return 0;
}

static int clocks_load(struct store *store)
{
    struct slice after = {0};
    struct slice record[2];
    int err;

    while (!(err = store->tree->calls->next(store->tree, TREE_CLOCKS, after, record))) {
        err = clock_load(store, record[0], record[1]);
        if (err)
            return err;
        after = record[0];
    }
    return err == ERR_NOT_FOUND ? 0 : err;
}

// What is damaged is left out: its dots then count as no longer in the log, which costs fills at
// most. Told is whether the entry is used.
static bool dot_load(struct store *store, const uint8_t key[DOT_KEY_SIZE],
                     const uint8_t tree_key[TREE_KEY_SIZE])
{
    uint32_t shard = bytes_u32_big(key);
    struct dot dot = {bytes_u64_big(key + 4), bytes_u64_big(key + 12)};
    struct replica *replica;

    if (shard >= store->shards || key_tree_shard(tree_key, store->shards) != shard)
        return false;
    replica = &store->replicas[shard];
    if (!clock_contains(&replica->clock, dot) || dot_log_find(&store->dot_log, shard, dot))
        return false;
    dot_log_add(&store->dot_log, shard, dot, tree_key);
    // Until all are read `floor` holds what is in the log.
    clock_add(&replica->floor, dot);
    replica->dots += 1;
    return true;
}

static void tail_load(struct store *store, struct slice body)
{
    enum { STEP = DOT_KEY_SIZE + TREE_KEY_SIZE };

    for (size_t at = 0; at + STEP <= body.size; at += STEP)
        dot_load(store, body.data + at, body.data + at + DOT_KEY_SIZE);
}

static int dots_load(struct store *store)
{
    struct slice after = {0};
    struct slice record[2];
    uint32_t saved = 0;
    int err;

    while (!(err = store->tree->calls->next(store->tree, TREE_DOTS, after, record))) {
        struct slice body;
        bool sound = record_open(TREE_DOTS, record[0], record[1], &body) == 0;

        after = record[0];
        if (sound && after.size == DOT_KEY_SIZE && body.size == TREE_KEY_SIZE)
            saved += dot_load(store, after.data, body.data);
        else if (sound && slice_is(after, DOT_TAIL_NAME))
            tail_load(store, body);
    }
    // The tail comes last, and what is in it is saved with the next tail.
    dot_log_saved(&store->dot_log, saved);
    for (uint32_t shard = 0; shard < store->shards; shard++) {
        struct replica *replica = &store->replicas[shard];
        struct clock logged = replica->floor;

        replica->floor = (struct clock){0};
        clock_copy(&replica->floor, &replica->clock);
        clock_subtract(&replica->floor, &logged);
        clock_done(&logged);
    }
    return err == ERR_NOT_FOUND ? 0 : err;
}

static int tree_load(struct store *store, struct store_found *found)
{
    int err = position_load(store);

    if (!err)
        err = shards_load(store);
    if (!err)
        err = metas_load(store);
    if (!err)
        err = unknown_load(store);
    if (!err)
        err = clocks_load(store);
    if (!err)
        err = dots_load(store);
    views_end(store);
    if (err == ERR_STALE)
        return fail(found, ERR_INVALID,
                    "the tree was written by a newer version: start that version again");
    if (err == ERR_DAMAGED)
        return fail_damaged(found, "the tree is damaged");
    return err ? fail(found, err, "the tree cannot be read: look at the disk") : 0;
}

// ---------------------------------------------------------------- the log

// The object below may have been damaged since: then the clock learns what the delta stands for,
// and the key stays unknown until the other owners' copies replace it.
static int apply_replay(struct store *store, uint64_t position, const struct log_record *record)
{
    struct arena arena = {0};
    struct change change;
    struct key key = record->key;
    int err;

    key.shard = (uint32_t)(key.low & (store->shards - 1));
    err = change_begin(store, &key, &arena, &change);
    if (err == ERR_DAMAGED) {
        change_begin_damaged(store, &key, &arena, &change);
        change_new_dots(store, &change, &record->delta);
        err = clock_size(&change.dots) > DELTA_DOTS_MAX ? ERR_DAMAGED : 0;
        if (!err)
            dots_enter(store, &change);
    } else if (!err) {
        change_new_dots(store, &change, &record->delta);
        if (clock_size(&change.dots) > DELTA_DOTS_MAX)
            err = ERR_DAMAGED; // none of ours
        else
            change_apply(store, &change, &record->delta, position);
    }
    arena_done(&arena);
    return err;
}

static int key_replay(struct store *store, uint64_t position, const struct log_record *record)
{
    struct key key = record->key;
    uint8_t tree_key[TREE_KEY_SIZE];

    if (store->shards == 0)
        return ERR_DAMAGED;
    key.shard = (uint32_t)(key.low & (store->shards - 1));
    key_tree(&key, tree_key);
    if (record->type == LOG_APPLY)
        return apply_replay(store, position, record);
    if (record->type == LOG_REBUILD)
        return rebuild_apply(store, &key, &record->object, position);
    if (record->type == LOG_FILL_ITEM)
        return fill_item_replay(store, record, position);
    expire_apply(store, tree_key, record->wall_ms, position);
    arena_reset(&store->arena);
    return 0;
}

// What the recovery of the log hands back to us.
struct replaying {
    struct store *store;
    struct log_recovered *recovered;
};

static int replay(void *data, uint64_t position, const struct log_record *record)
{
    struct store *store = ((struct replaying *)data)->store;

    switch (record->type) {
    case LOG_APPLY:
    case LOG_REBUILD:
    case LOG_EXPIRE:
    case LOG_FILL_ITEM:
        return key_replay(store, position, record);
    case LOG_SHARDS:
        if (store->shards || record->number == 0 || record->number > SHARDS_MAX ||
            (record->number & (record->number - 1)) != 0)
            return ERR_DAMAGED;
        shards_set(store, record->number, position);
        return 0;
    case LOG_BORN:
        if (record->number >= store->shards)
            return ERR_DAMAGED;
        born_apply(store, record->number);
        return 0;
    case LOG_FILL_BEGIN:
        return fill_begin_replay(store, record);
    case LOG_FILL_PASS:
        return fill_pass_replay(store, record, position);
    case LOG_FILL_END:
        return fill_end_replay(store, record);
    case LOG_ERASE:
        if (record->number >= store->shards)
            return ERR_DAMAGED;
        erase_apply(store, record->number);
        return 0;
    case LOG_META:
        return meta_set(store, record->name, record->value, position) ? ERR_DAMAGED : 0;
    }
    return ERR_DAMAGED;
}

// A log longer than the memtable's budget is checkpointed on the way. What was read was synced
// first.
static int group_end(void *data, uint64_t position)
{
    struct replaying *replaying = data;
    struct store *store = replaying->store;
    int err;

    if (!store->id)
        store->id = replaying->recovered->store;
    views_end(store);
    if (position <= store->covered)
        return 0;
    store->log.filling_from = position;
    if (!checkpoint_due(store))
        return 0;
    checkpoint_freeze(store);
    store->log.synced = position;
    do {
        err = checkpoint_turn(store, 0);
        store->tree->calls->wait(store->tree);
    } while (!err && store->checkpoint.state == CHECKPOINT_RUNNING);
    return !err && store->checkpoint.state != CHECKPOINT_IDLE ? ERR_DISK_FULL : err;
}

static int log_start(struct store *store, struct store_found *found,
                     struct log_recovered *recovered)
{
    struct replaying replaying = {store, recovered};
    struct log_recovery recovery = {store->covered, store->id, replay, group_end, &replaying};
    struct log_settings settings = {
        .interval_ms = store->settings.interval_ms,
        .retry_ms = store->settings.retry_ms,
        // Another one in each life, also where nobody draws any.
        .salt = store->settings.salt ^ (uint32_t)rng_mix(store->settings.actor),
    };
    uint64_t covered = store->covered;
    int err;

    store->log.group_at = SIZE_MAX;
    store->log.filling_from = covered;
    store->log.disk = store->disk;
    err = log_recover(store->disk, &recovery, recovered);
    if (err == ERR_DISK_FULL)
        return fail(found, err, "the disk is full: make room on it, then start again");
    if (err == ERR_DAMAGED || err == ERR_COLLISION)
        return fail_damaged(found, recovered->error[0] ? recovered->error
                                                       : "the log does not fit the tree");
    if (err)
        return fail(found, err, "the log cannot be read: %s", recovered->error);
    if (!store->id)
        store->id = recovered->store ? recovered->store : store->settings.actor;
    settings.store = store->id;
    err = log_open(&store->log, store->disk, &settings, recovered, store->covered);
    return err ? fail(found, err, "the log cannot be continued: look at the disk") : 0;
}

static uint64_t keys_count(const struct store *store)
{
    uint64_t keys = 0;

    for (uint32_t shard = 0; shard < store->shards; shard++)
        keys += store->replicas[shard].keys;
    return keys;
}

static void fills_forget(struct store *store)
{
    for (uint32_t shard = 0; shard < store->shards; shard++) {
        store->replicas[shard].filling = false;
        store->replicas[shard].fill_count = 0;
    }
}

int store_load(struct store *store, struct store_found *found)
{
    struct log_recovered recovered = {0};
    int err = tree_load(store, found);
    bool fresh = store->id == 0;
    bool clean = store->marked_clean;

    store->tree_bytes = store->tree->calls->used(store->tree);
    if (!err)
        err = log_start(store, found, &recovered);
    if (!err) {
        found->fresh = fresh && recovered.store == 0;
        found->clean = clean && recovered.replayed == 0;
        found->actor = store->settings.actor;
        found->keys = keys_count(store);
        found->replayed = recovered.replayed;
        found->torn_bytes = recovered.torn_bytes;
        log_drop(&store->log, store->covered);
        store->checkpoint.requested = store->log.segment_count > LIVES_MAX;
        if (planted("fill-restart")) // what a fill has passed counts no more
            fills_forget(store);
        // The last life may have ended before it stripped what it could.
        store->strip_again = true;
    }
    views_end(store);
    log_recovered_done(&recovered);
    return err;
}
