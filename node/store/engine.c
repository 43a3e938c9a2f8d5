// SPDX-License-Identifier: Apache-2.0
// The turn of the loop as the store sees it:
//
//     poll: what the writer finished ─▶ (the machine's steps) ─▶ turn_end: strip a few rests,
//     end the read transaction, move the checkpoint on, hand the buffer to the writer
//
// A finished checkpoint is taken over at the end of a turn only: a read of the same turn may still
// hold slices of the frozen memtable.
#include "node/store/state.h"

#include "base/check.h"
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

struct store_settings store_settings_default(void)
{
    return (struct store_settings){
        .segment_bytes = 16 << 20,
        .memtable_bytes = 32 << 20,
        .memtable_keys = 100000,
        .dot_log_bytes = 64 << 20,
        .map_bytes = 1 << 30,
        .ballast_bytes = 8 << 20,
        .retry_ms = 1000,
    };
}

enum { SEGMENT_BYTES_MIN = 4 << 10 };

static int settings_check(const struct store_settings *settings, const struct disk *disk,
                          struct store_found *found)
{
    const char *what = NULL;

    if (settings->actor == 0)
        what = "the actor is 0: draw a random one";
    else if (settings->segment_bytes < SEGMENT_BYTES_MIN)
        what = "segments are smaller than 4 KiB: make them larger";
    else if (settings->segment_bytes != disk->segment_size)
        what = "the disk has segments of another size: open it with the same size";
    else if (settings->segment_bytes > UINT32_MAX || settings->memtable_bytes > UINT32_MAX)
        what = "segments or memtables are larger than 4 GiB: make them smaller";
    else if (settings->memtable_keys == 0 || settings->memtable_bytes == 0)
        what = "the memtable has no room: raise its settings";
    if (!what)
        return 0;
    snprintf(found->error, sizeof found->error, "%s", what);
    return ERR_INVALID;
}

static void store_free(struct store *store)
{
    void (*release)(void *owner) = store->release;
    void *owner = store->owner;

    for (uint32_t shard = 0; shard < store->shards; shard++)
        replica_done(&store->replicas[shard]);
    for (uint32_t i = 0; i < store->meta_count; i++) {
        buffer_done(&store->metas[i]->value);
        free(store->metas[i]);
    }
    free(store->replicas);
    log_done(&store->log);
    dot_log_done(&store->dot_log);
    unknown_done(&store->unknown);
    checkpoint_done(&store->checkpoint);
    memtable_free(store->active);
    memtable_free(store->frozen);
    buffer_done(&store->scratch);
    arena_done(&store->arena);
    free(store);
    if (release)
        release(owner);
}

int store_open(const struct store_settings *settings, struct disk *disk, struct tree *tree,
               struct store **out, struct store_found *found)
{
    struct store_found report = {0};
    struct store *store;
    int err = settings_check(settings, disk, found);

    if (err)
        return err;
    store = memory_new(sizeof *store);
    store->settings = *settings;
    store->disk = disk;
    store->tree = tree;
    store->active = memtable_new();
    dot_log_init(&store->dot_log, settings->dot_log_bytes);
    err = store_load(store, &report);
    if (err) {
        memcpy(found->error, report.error, sizeof found->error);
        store_abandon(store);
        return err;
    }
    *found = report;
    *out = store;
    return 0;
}

void store_turn_end(struct store *store, uint64_t now_ms)
{
    store->now_ms = now_ms;
    if (store->fatal)
        return;
    strip_some(store);
    views_end(store);
    store->fatal = checkpoint_turn(store, now_ms);
    if (!store->fatal)
        store->fatal = relax_turn(store);
    log_submit(&store->log, now_ms);
}

int store_poll(struct store *store)
{
    int err = log_poll(&store->log);

    if (!store->fatal)
        store->fatal = err;
    return store->fatal;
}

uint64_t store_deadline(const struct store *store)
{
    uint64_t deadline = log_deadline(&store->log);

    if (store->checkpoint.state == CHECKPOINT_WAITING && store->checkpoint.retry_at_ms < deadline)
        deadline = store->checkpoint.retry_at_ms;
    if (store->relax.wanted && store->relax.due_ms < deadline)
        deadline = store->relax.due_ms;
    return deadline;
}

int store_flush(struct store *store)
{
    uint64_t end = log_cut(&store->log);

    for (;;) {
        bool more;

        if (store_poll(store))
            return store->fatal;
        log_submit(&store->log, store->now_ms);
        if (log_durable(&store->log) >= end)
            return 0;
        more = store->disk->calls->wait(store->disk);
        if (!more && !store_poll(store) && log_durable(&store->log) < end)
            return ERR_IO;
    }
}

void store_checkpoint(struct store *store)
{
    store->checkpoint.requested = true;
}

// Moves the checkpoint on until none is under way.
static int checkpoint_drain(struct store *store)
{
    int err = store_flush(store);

    while (!err && store->checkpoint.state != CHECKPOINT_IDLE) {
        store->tree->calls->wait(store->tree);
        views_end(store);
        err = checkpoint_turn(store, store->now_ms);
        log_submit(&store->log, store->now_ms);
        if (store->log.synced < store->checkpoint.load.position)
            store->disk->calls->wait(store->disk);
        if (!err)
            err = store_poll(store);
        if (store->checkpoint.state == CHECKPOINT_WAITING)
            return ERR_DISK_FULL;
    }
    return err;
}

static bool is_all_in_tree(const struct store *store)
{
    return log_end(&store->log) == store->covered && memtable_keys(store->active) == 0;
}

int store_close(struct store *store)
{
    int err;

    if (!store)
        return 0;
    views_end(store);
    err = compact_stop(store);
    if (!err)
        err = checkpoint_drain(store);
    if (!err && !(store->marked_clean && is_all_in_tree(store))) {
        store->checkpoint.clean = true;
        checkpoint_freeze(store);
        err = checkpoint_drain(store);
    }
    store_abandon(store);
    return err;
}

void store_abandon(struct store *store)
{
    struct disk_done done;

    if (!store)
        return;
    views_end(store);
    atomic_store(&store->compact.stop, true);
    store->tree->calls->wait(store->tree);
    store->tree->calls->poll(store->tree);
    // The writer may still hold our buffers.
    while (store->disk->calls->wait(store->disk)) {
        while (store->disk->calls->poll(store->disk, &done))
            continue;
    }
    store_free(store);
}
