// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/store_kit.h"

#include "base/check.h"
#include "base/err.h"

#include <stdio.h>

struct store_settings kit_file_settings(void)
{
    struct store_settings settings = store_settings_default();

    settings.segment_bytes = 64 << 10;
    settings.memtable_bytes = 128 << 10;
    settings.map_bytes = 1;
    settings.ballast_bytes = 64 << 10;
    settings.retry_ms = 1;
    return settings;
}

void kit_init(struct kit *kit, uint64_t segment_bytes)
{
    uint64_t position;

    memset(kit, 0, sizeof *kit);
    kit->disk = disk_memory_new(segment_bytes, 1);
    kit->tree = tree_memory_new();
    kit->settings = store_settings_default();
    kit->settings.segment_bytes = segment_bytes;
    kit->settings.retry_ms = 10;
    check(kit_open(kit) == 0);
    check(store_set_shards(kit->store, KIT_SHARDS, &position) == 0);
    kit_turn(kit);
}

void kit_done(struct kit *kit)
{
    store_abandon(kit->store);
    kit->disk->calls->close(kit->disk);
    kit->tree->calls->close(kit->tree);
    arena_done(&kit->arena);
}

int kit_open(struct kit *kit)
{
    kit->settings.actor += 1;
    kit->store = NULL;
    kit->err = store_open(&kit->settings, kit->disk, kit->tree, &kit->store, &kit->found);
    return kit->err;
}

void kit_crash(struct kit *kit, enum disk_crash how)
{
    disk_memory_crash(kit->disk, how);
    tree_memory_crash(kit->tree);
    store_abandon(kit->store);
    kit->store = NULL;
}

void kit_turn(struct kit *kit)
{
    kit->now_ms += 1;
    store_turn_end(kit->store, kit->now_ms);
    kit->err = store_poll(kit->store);
    arena_reset(&kit->arena);
}

int kit_checkpoint(struct kit *kit)
{
    uint64_t before = kit->store->checkpoints;

    store_checkpoint(kit->store);
    for (int i = 0; i < 10 && kit->store->checkpoints == before; i++)
        kit_turn(kit);
    return kit->store->checkpoints > before ? 0 : ERR_TIMEOUT;
}

struct key kit_key(const char *name)
{
    struct key key;

    check(key_make(7, KIT_SHARDS, slice_of_text("b"), slice_of_text(name), &key) == 0);
    return key;
}

struct key kit_key_number(int number, char name[16])
{
    snprintf(name, 16, "key%d", number);
    return kit_key(name);
}

static int kit_write(struct kit *kit, const char *name, struct version *version, bool keep)
{
    struct key key = kit_key(name);
    struct delta delta = {.context = clock_in(&kit->arena), .dots = clock_in(&kit->arena)};
    struct dot dot = store_mint(kit->store, key.shard);
    uint64_t position;

    if (version) {
        version->dot = dot;
        delta.versions = version;
        delta.count = 1;
    }
    if (!keep)
        clock_copy(&delta.context, store_clock(kit->store, key.shard));
    clock_add(&delta.context, dot);
    clock_add(&delta.dots, dot);
    return store_apply(kit->store, &key, &delta, &kit->arena, &position);
}

int kit_put(struct kit *kit, const char *name, struct slice value)
{
    return kit_write(kit, name, &(struct version){.stamp = 1, .value = value}, false);
}

int kit_put_expiring(struct kit *kit, const char *name, const char *value, uint64_t expires_ms)
{
    struct version version = {.stamp = 1, .expires_ms = expires_ms, .value = slice_of_text(value)};

    return kit_write(kit, name, &version, false);
}

int kit_put_beside(struct kit *kit, const char *name, const char *value)
{
    return kit_write(kit, name, &(struct version){.stamp = 1, .value = slice_of_text(value)}, true);
}

int kit_delete(struct kit *kit, const char *name)
{
    return kit_write(kit, name, NULL, false);
}

const char *kit_get(struct kit *kit, const char *name)
{
    struct key key = kit_key(name);
    struct store_view view;

    kit->err = store_read(kit->store, &key, &kit->arena, &view);
    if (kit->err || view.object.count > 1)
        return NULL;
    if (view.object.count == 0)
        return "";
    return arena_text(&kit->arena, "%.*s", (int)view.object.versions[0].value.size,
                      (const char *)view.object.versions[0].value.data);
}
