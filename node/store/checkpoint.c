// SPDX-License-Identifier: Apache-2.0
// What is written is gathered on the loop's thread, cheaply: the memtable is exchanged for a new
// one, its entries are listed, and the few small things are encoded. Sorting, sums and the
// transaction are the job's.
//
// A commit that failed for want of room left the tree as it was, so it may be tried again. Any
// other failure is fatal: the log has everything, and the next start goes on from it.
#include "node/store/state.h"

#include "base/check.h"
#include "base/err.h"

#include <stdlib.h>

// How often the log may outgrow the memtable's budget before the tree catches up.
enum { LOG_BUDGETS = 4 };

// What the pages that one transaction changes may take, in budgets of the memtable.
enum { PAGE_BUDGETS = 2, PAGE_BYTES = 4096 };

// The tail holds the dots of a few seconds, and this share of the dot log at most.
enum { TAIL_MAX = 1 << 16, TAIL_SHARE = 16 };

// Records of an erased shard that one transaction removes.
enum { PURGE_STEP = 10000 };

// ---------------------------------------------------------------- gathering

// A record to write: u8 table, u8 key size, u32 size, key, record (not yet sealed).
static size_t load_begin(struct checkpoint_load *load, enum tree_table table, struct slice key)
{
    buffer_add_u8(&load->records, (uint8_t)table);
    buffer_add_u8(&load->records, (uint8_t)key.size);
    buffer_add_u32(&load->records, 0);
    buffer_add_slice(&load->records, key);
    return record_begin(&load->records);
}

static void load_end(struct checkpoint_load *load, size_t at, struct slice key)
{
    size_t size = load->records.size - at;

    check(size <= UINT32_MAX);
    bytes_put_u32(load->records.data + at - key.size - 4, (uint32_t)size);
}

// Clocks stay the replica's.
static void replica_record_fill(const struct replica *replica, struct replica_record *out)
{
    *out = (struct replica_record){
        .born = replica->born,
        .filling = replica->filling,
        .keys = replica->keys,
        .bytes = replica->bytes,
        .expiring = replica->expiring,
        .digest = replica->digest,
        .rests = replica->rests,
        .clock = replica->clock,
        .fill_count = replica->fill_count,
    };
    for (uint32_t i = 0; i < replica->fill_count; i++)
        out->fills[i] = replica->fills[i];
}

static void replicas_gather(struct store *store, struct checkpoint_load *load)
{
    for (uint32_t shard = 0; shard < store->shards; shard++) {
        struct replica *replica = &store->replicas[shard];
        struct replica_record record;
        uint8_t big[4];
        size_t at;

        if (!replica->changed)
            continue;
        replica->changed = false;
        bytes_put_u32(big, __builtin_bswap32(shard));
        at = load_begin(load, TREE_CLOCKS, slice_of(big, sizeof big));
        replica_record_fill(replica, &record);
        replica_record_encode(&record, &load->records);
        load_end(load, at, slice_of(big, sizeof big));
    }
}

static void meta_gather(struct checkpoint_load *load, const char *name, struct slice value)
{
    struct slice key = slice_of_text(name);
    size_t at = load_begin(load, TREE_META, key);

    buffer_add_slice(&load->records, value);
    load_end(load, at, key);
}

static void metas_gather(struct store *store, struct checkpoint_load *load)
{
    uint8_t position[17];
    uint8_t shards[4];

    for (uint32_t i = 0; i < store->meta_count; i++) {
        struct meta_value *meta = store->metas[i];
        char name[2 + META_NAME_MAX + 1] = "m:";

        if (!meta->changed)
            continue;
        meta->changed = false;
        memcpy(name + 2, meta->name, sizeof meta->name);
        meta_gather(load, name, buffer_slice(&meta->value));
    }
    bytes_put_u64(position, load->position);
    bytes_put_u64(position + 8, store->id);
    position[16] = store->checkpoint.clean;
    meta_gather(load, "position", slice_of(position, sizeof position));
    if (store->shards_changed) {
        bytes_put_u32(shards, store->shards);
        meta_gather(load, "shards", slice_of(shards, sizeof shards));
    }
    if (store->unknown.changed)
        meta_gather(load, "unknown", buffer_slice(&store->unknown.keys));
    store->shards_changed = false;
    store->unknown.changed = false;
}

// How many of so many unsaved dots are written one by one: none while all fit the tail, else enough
// to leave room in it for some time.
static uint32_t dots_grown_old(const struct dot_log *log, size_t count)
{
    uint32_t share = log->count_max / TAIL_SHARE;
    uint32_t tail_max = share < TAIL_MAX ? share : TAIL_MAX;

    return count > tail_max ? (uint32_t)count - tail_max / 2 : 0;
}

// All unsaved dots go into the tail; those that have grown old are then taken out of its front.
static void dots_gather(struct store *store, struct checkpoint_load *load)
{
    const struct dot_entry *entry = NULL;
    struct dot_gone *gone = dot_log_take_gone(&store->dot_log, &load->gone_count);
    struct checkpoint_dot dot;
    uint8_t *front;
    size_t bytes;
    uint32_t old;

    record_begin(&load->tail);
    while ((entry = dot_log_unsaved(&store->dot_log, entry))) {
        dot_key(entry->shard, entry->dot, dot.key);
        memcpy(dot.tree_key, entry->tree_key, TREE_KEY_SIZE);
        buffer_add(&load->tail, &dot, sizeof dot);
    }
    old = dots_grown_old(&store->dot_log, (load->tail.size - TREE_RECORD_HEADER_SIZE) / sizeof dot);
    bytes = old * sizeof dot;
    front = load->tail.data + TREE_RECORD_HEADER_SIZE;
    load->dot_count = old;
    load->dots = memory_new(bytes);
    memcpy(load->dots, front, bytes);
    load->tail.size -= bytes;
    memmove(front, front + bytes, load->tail.size - TREE_RECORD_HEADER_SIZE);
    load->gone = memory_new(load->gone_count * sizeof *load->gone);
    for (size_t i = 0; i < load->gone_count; i++)
        dot_key(gone[i].shard, gone[i].dot, load->gone[i].key);
    dot_log_saved(&store->dot_log, old);
    free(gone);
}

static void voids_gather(struct store *store, struct checkpoint_load *load)
{
    size_t count = 0;

    for (uint32_t shard = 0; shard < store->shards; shard++)
        count += store->replicas[shard].tree_void;
    if (count == 0)
        return;
    load->voids = memory_new(count * sizeof *load->voids);
    for (uint32_t shard = 0; shard < store->shards; shard++) {
        struct checkpoint_void *gone = &load->voids[load->void_count];

        if (!store->replicas[shard].tree_void)
            continue;
        load->void_count += 1;
        gone->shard = shard;
        gone->erasures = store->replicas[shard].erasures;
        key_shard_first(shard, store->shards, gone->first);
        key_shard_last(shard, store->shards, gone->last);
    }
}

// What was written before its shard was erased is left out.
static void objects_gather(struct store *store, struct checkpoint_load *load)
{
    size_t count = memtable_keys(store->frozen);

    load->objects = memory_new(count * sizeof *load->objects);
    memtable_list(store->frozen, load->objects);
    load->object_count = count;
    if (load->void_count == 0)
        return;
    load->object_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct memtable_entry *entry = load->objects[i].entry;

        if (entry->erasures == replica_of(store, entry->tree_key)->erasures)
            load->objects[load->object_count++] = load->objects[i];
    }
}

void checkpoint_freeze(struct store *store)
{
    struct checkpoint *checkpoint = &store->checkpoint;
    struct checkpoint_load *load = &checkpoint->load;

    check(checkpoint->state == CHECKPOINT_IDLE && !store->frozen);
    *load = (struct checkpoint_load){.position = log_cut(&store->log)};
    store->frozen = store->active;
    store->active = memtable_new();
    voids_gather(store, load);
    objects_gather(store, load);
    dots_gather(store, load);
    replicas_gather(store, load);
    metas_gather(store, load);
    checkpoint->state = CHECKPOINT_FROZEN;
    checkpoint->requested = false;
    checkpoint->tree = store->tree;
}

void checkpoint_done(struct checkpoint *checkpoint)
{
    free(checkpoint->load.objects);
    free(checkpoint->load.dots);
    buffer_done(&checkpoint->load.tail);
    free(checkpoint->load.gone);
    free(checkpoint->load.voids);
    buffer_done(&checkpoint->load.records);
    checkpoint->load = (struct checkpoint_load){0};
}

// ---------------------------------------------------------------- the job

static int object_write(struct tree *tree, struct memtable_entry *entry)
{
    struct slice key = slice_of(entry->tree_key, TREE_KEY_SIZE);
    int err;

    if (entry->record) {
        record_seal(TREE_OBJECTS, key, entry->record, entry->size);
        err = tree->calls->put(tree, TREE_OBJECTS, key, slice_of(entry->record, entry->size));
    } else {
        err = tree->calls->remove(tree, TREE_OBJECTS, key);
    }
    if (err)
        return err;
    if (entry->record && entry->has_rest)
        return tree->calls->put(tree, TREE_RESTS, key, slice_of("", 0));
    return tree->calls->remove(tree, TREE_RESTS, key);
}

static int dot_compare_keys(const void *left, const void *right)
{
    const struct checkpoint_dot *a = left;
    const struct checkpoint_dot *b = right;

    return memcmp(a->key, b->key, DOT_KEY_SIZE);
}

static int tail_write(struct tree *tree, struct checkpoint_load *load)
{
    struct slice key = slice_of_text(DOT_TAIL_NAME);

    if (load->tail.size == TREE_RECORD_HEADER_SIZE)
        return tree->calls->remove(tree, TREE_DOTS, key);
    record_seal(TREE_DOTS, key, load->tail.data, load->tail.size);
    return tree->calls->put(tree, TREE_DOTS, key, buffer_slice(&load->tail));
}

static int dots_write(struct tree *tree, struct checkpoint_load *load)
{
    int err = tail_write(tree, load);

    if (load->dot_count)
        qsort(load->dots, load->dot_count, sizeof *load->dots, dot_compare_keys);
    if (load->gone_count)
        qsort(load->gone, load->gone_count, sizeof *load->gone, dot_compare_keys);
    for (size_t i = 0; i < load->gone_count && !err; i++)
        err = tree->calls->remove(tree, TREE_DOTS, slice_of(load->gone[i].key, DOT_KEY_SIZE));
    for (size_t i = 0; i < load->dot_count && !err; i++) {
        struct slice key = slice_of(load->dots[i].key, DOT_KEY_SIZE);
        uint8_t record[TREE_RECORD_HEADER_SIZE + TREE_KEY_SIZE] = {0};

        record[8] = STORE_FORMAT;
        memcpy(record + TREE_RECORD_HEADER_SIZE, load->dots[i].tree_key, TREE_KEY_SIZE);
        record_seal(TREE_DOTS, key, record, sizeof record);
        err = tree->calls->put(tree, TREE_DOTS, key, slice_of(record, sizeof record));
    }
    return err;
}

static int records_write(struct tree *tree, struct checkpoint_load *load)
{
    size_t at = 0;
    int err = 0;

    while (at < load->records.size && !err) {
        uint8_t *head = load->records.data + at;
        enum tree_table table = head[0];
        struct slice key = slice_of(head + 6, head[1]);
        uint32_t size = bytes_u32(head + 2);
        uint8_t *record = head + 6 + key.size;

        record_seal(table, key, record, size);
        err = tree->calls->put(tree, table, key, slice_of(record, size));
        at += 6 + key.size + size;
    }
    return err;
}

// In transactions of their own, so that the pages which one changes stay few. A crash between them
// leaves a tree that lacks some of an erased shard's records at a position before the erasing; the
// log has that erasing on stable storage, and whatever its replay makes of the rest before, it
// makes nothing of it then.
static int void_purge(struct tree *tree, const struct checkpoint_void *gone, enum tree_table table)
{
    struct slice first = slice_of(gone->first, TREE_KEY_SIZE);
    struct slice last = slice_of(gone->last, TREE_KEY_SIZE);
    uint32_t removed;
    int err;

    do {
        err = tree->calls->begin(tree);
        if (err)
            return err;
        err = tree->calls->remove_some(tree, table, (struct slice[2]){first, last}, PURGE_STEP,
                                       &removed);
        if (!err && removed)
            err = tree->calls->commit(tree);
        if (err || !removed)
            tree->calls->abort(tree);
    } while (!err && removed == PURGE_STEP);
    return err;
}

static int voids_purge(struct tree *tree, const struct checkpoint_load *load)
{
    int err = 0;

    for (size_t i = 0; i < load->void_count && !err; i++) {
        err = void_purge(tree, &load->voids[i], TREE_OBJECTS);
        if (!err)
            err = void_purge(tree, &load->voids[i], TREE_RESTS);
    }
    return err;
}

static int checkpoint_work(struct tree_job *job)
{
    struct checkpoint *checkpoint = (struct checkpoint *)job;
    struct checkpoint_load *load = &checkpoint->load;
    struct tree *tree = checkpoint->tree;
    int err = voids_purge(tree, load);

    if (!err)
        err = tree->calls->begin(tree);
    if (err)
        return err;
    memtable_sort(load->objects, load->object_count);
    for (size_t i = 0; i < load->object_count && !err; i++)
        err = object_write(tree, load->objects[i].entry);
    if (!err)
        err = dots_write(tree, load);
    if (!err)
        err = records_write(tree, load);
    if (!err)
        err = tree->calls->commit(tree);
    if (err)
        tree->calls->abort(tree);
    return err;
}

// ---------------------------------------------------------------- the states

// Keys are hashes, so k of them fall on about k * n / (k + n) of a tree's n pages: in a large tree
// on one page each.
uint32_t checkpoint_pages(const struct store *store)
{
    uint64_t pages = store->tree_bytes / PAGE_BYTES;
    uint64_t keys = memtable_keys(store->active);
    uint64_t budget = PAGE_BUDGETS * store->settings.memtable_bytes / PAGE_BYTES;

    return (uint32_t)(keys * pages / ((keys + pages) * budget + 1));
}

bool checkpoint_full(const struct store *store)
{
    return memtable_bytes(store->active) >= store->settings.memtable_bytes ||
           memtable_keys(store->active) >= store->settings.memtable_keys ||
           checkpoint_pages(store) > 1;
}

static bool log_long(const struct store *store)
{
    return log_end(&store->log) - store->covered >=
           (uint64_t)LOG_BUDGETS * store->settings.memtable_bytes;
}

bool checkpoint_presses(const struct store *store)
{
    return checkpoint_full(store) || log_long(store);
}

bool checkpoint_due(const struct store *store)
{
    uint64_t logged = log_end(&store->log) - store->covered;
    bool anything = logged > 0 || memtable_keys(store->active) > 0;

    if (store->checkpoint.state != CHECKPOINT_IDLE || compact_copying(store))
        return false;
    return checkpoint_full(store) || checkpoint_pages(store) > 0 || log_long(store) ||
           (store->checkpoint.requested && anything);
}

static void run(struct store *store)
{
    struct checkpoint *checkpoint = &store->checkpoint;

    checkpoint->state = CHECKPOINT_RUNNING;
    checkpoint->job.work = checkpoint_work;
    store->tree->calls->submit(store->tree, &checkpoint->job);
}

static void finish(struct store *store)
{
    struct checkpoint *checkpoint = &store->checkpoint;

    store->covered = checkpoint->load.position;
    store->marked_clean = checkpoint->clean;
    store->checkpoints += 1;
    store->rests_empty = false;
    store->strip_again = true;
    for (size_t i = 0; i < checkpoint->load.void_count; i++) {
        const struct checkpoint_void *gone = &checkpoint->load.voids[i];
        struct replica *replica = &store->replicas[gone->shard];

        if (replica->erasures == gone->erasures)
            replica->tree_void = false;
    }
    store->tree_bytes = store->tree->calls->used(store->tree);
    memtable_free(store->frozen);
    store->frozen = NULL;
    relax_later(store, checkpoint->load.object_count);
    checkpoint_done(checkpoint);
    checkpoint->state = CHECKPOINT_IDLE;
    log_drop(&store->log, store->covered);
}

static int ended(struct store *store, uint64_t now_ms)
{
    struct checkpoint *checkpoint = &store->checkpoint;
    int err = checkpoint->job.err;

    if (err == ERR_MAP_FULL)
        err = store->tree->calls->grow(store->tree);
    else if (!err) {
        finish(store);
        return 0;
    }
    if (err == ERR_DISK_FULL && !log_release_ballast(&store->log)) {
        checkpoint->state = CHECKPOINT_WAITING;
        checkpoint->retry_at_ms = now_ms + store->settings.retry_ms;
        return 0;
    }
    if (err && err != ERR_DISK_FULL)
        return ERR_IO;
    run(store);
    return 0;
}

int checkpoint_turn(struct store *store, uint64_t now_ms)
{
    struct checkpoint *checkpoint = &store->checkpoint;
    int err = 0;

    if (checkpoint->state == CHECKPOINT_RUNNING && store->tree->calls->poll(store->tree))
        err = ended(store, now_ms);
    if (checkpoint->state == CHECKPOINT_WAITING && now_ms >= checkpoint->retry_at_ms)
        run(store);
    if (!err)
        err = compact_turn(store);
    if (checkpoint_due(store))
        checkpoint_freeze(store);
    if (checkpoint->state == CHECKPOINT_FROZEN) {
        log_want_sync(&store->log);
        if (store->log.synced >= checkpoint->load.position)
            run(store);
    }
    return err;
}
