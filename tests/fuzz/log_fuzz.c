// SPDX-License-Identifier: Apache-2.0
// A start over a log of arbitrary bytes: refused with a sentence or opened, and then it works. The
// first byte says whether sums are mended first, so that what stands behind them is reached.
#include "base/check.h"
#include "base/err.h"
#include "node/store/disk_memory.h"
#include "node/store/engine.h"
#include "node/store/record.h"
#include "node/store/tree_memory.h"

enum { SEGMENT = 16 << 10, MEND_HEADER = 1, MEND_GROUPS = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void groups_mend(uint8_t *bytes)
{
    size_t at = SEGMENT_HEADER_SIZE;
    uint64_t position = bytes_u64(bytes + 32);

    while (at + GROUP_HEADER_SIZE <= SEGMENT) {
        struct group_header header = {1, position, bytes_u64(bytes + at + 32),
                                      bytes_u32(bytes + at + 12), bytes_u32(bytes + 48)};

        if (header.size == 0 || group_size(header.size) > SEGMENT - at)
            return;
        group_seal(bytes + at, &header);
        position += group_size(header.size);
        at += group_size(header.size);
    }
}

static void segment_fill(struct disk *disk, uint8_t *bytes, uint8_t mend)
{
    struct segment_header header = {.segment = 1, .store = 5, .size = SEGMENT};
    struct disk_job prepare = {.op = DISK_PREPARE, .segment = 1};
    struct disk_job write = {DISK_WRITE, 1, 0, slice_of(bytes, SEGMENT), true, 0};
    struct disk_done done;

    if (mend & MEND_HEADER)
        segment_header_put(&header, bytes);
    if (mend & MEND_GROUPS)
        groups_mend(bytes);
    disk->calls->submit(disk, &prepare);
    disk->calls->submit(disk, &write);
    while (disk->calls->poll(disk, &done))
        check(done.err == 0);
}

static void store_use(struct store *store)
{
    struct arena arena = {0};

    for (uint32_t shard = 0; shard < store_shards(store) && shard < 64; shard++) {
        struct store_scan scan = {shard, NULL, 100, 1 << 20};
        struct store_page page;

        check(store_scan(store, &scan, &arena, &page) == 0);
    }
    store_turn_end(store, 1);
    check(store_close(store) == 0);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[SEGMENT];
    struct disk *disk = disk_memory_new(SEGMENT, 1);
    struct tree *tree = tree_memory_new();
    struct store_settings settings = store_settings_default();
    struct store_found found = {0};
    struct store *store;

    memset(bytes, 0, sizeof bytes);
    if (size > 1)
        memcpy(bytes, data + 1, size - 1 < SEGMENT ? size - 1 : SEGMENT);
    segment_fill(disk, bytes, size ? data[0] : 0);
    settings.segment_bytes = SEGMENT;
    settings.actor = 1;
    if (store_open(&settings, disk, tree, &store, &found) == 0) {
        store_use(store);
        settings.actor = 2;
        check(store_open(&settings, disk, tree, &store, &found) == 0);
        store_abandon(store);
    } else {
        check(found.error[0]);
    }
    disk->calls->close(disk);
    tree->calls->close(tree);
    return 0;
}
