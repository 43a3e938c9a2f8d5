// SPDX-License-Identifier: Apache-2.0
// What befalls disks.
#include "sim/world/inside.h"

#include "base/check.h"
#include "base/err.h"
#include "node/store/tree_memory.h"

#include <inttypes.h>

void host_slow_disk(struct sim *sim, uint32_t node, uint32_t factor)
{
    sim->hosts[node].disk_slow = factor;
    sim_mark(sim, 'd' << 8 | 's', node, factor);
    sim_tell(sim, (int)node, "the disk takes %" PRIu32 " times as long", factor);
}

void host_stall_disk(struct sim *sim, uint32_t node, uint64_t until_us)
{
    sim->hosts[node].stalled_until_us = until_us;
    sim_mark(sim, 'd' << 8 | 't', node, until_us);
    sim_tell(sim, (int)node, "the disk stalls for %" PRIu64 " ms", (until_us - sim->now_us) / 1000);
}

void host_fill_disk(struct sim *sim, uint32_t node, uint32_t extra)
{
    struct host *host = &sim->hosts[node];
    uint64_t used = host->disk->calls->used(host->disk) / host->disk->segment_size;

    disk_memory_limit(host->disk, (uint32_t)used + extra + (used + extra == 0));
    sim_mark(sim, 'd' << 8 | 'f', node, extra);
    sim_tell(sim, (int)node, "the disk has room for %" PRIu32 " segments more", extra);
}

void host_room_disk(struct sim *sim, uint32_t node)
{
    disk_memory_limit(sim->hosts[node].disk, sim->settings.disk_segments);
    sim_mark(sim, 'd' << 8 | 'r', node, 0);
    sim_tell(sim, (int)node, "the disk has room again");
}

void host_fail_disk(struct sim *sim, uint32_t node, uint64_t n, bool forever)
{
    disk_memory_fail(sim->hosts[node].disk, n, ERR_IO, forever);
    sim_mark(sim, 'd' << 8 | 'x', node, n << 1 | forever);
    if (n)
        sim_tell(sim, (int)node, "operation %" PRIu64 " of the disk from now fails%s", n,
                 forever ? ", and all after it" : "");
}

bool host_rot_tree(struct sim *sim, uint32_t node, enum tree_table table, uint64_t draw)
{
    struct host *host = &sim->hosts[node];
    struct slice key;
    size_t offset;

    sim_mark(sim, 'd' << 8 | 'o', node, draw);
    if (!tree_memory_pick(host->tree, table, draw, &key, &offset))
        return false;
    sim_tell(sim, (int)node, "a record in table %d of the tree rots", (int)table);
    return tree_memory_flip(host->tree, table, key, offset);
}

bool host_rot_log(struct sim *sim, uint32_t node, uint64_t draw)
{
    struct host *host = &sim->hosts[node];
    uint64_t segment;
    uint64_t offset;

    sim_mark(sim, 'd' << 8 | 'l', node, draw);
    if (!disk_memory_pick(host->disk, draw, &segment, &offset))
        return false;
    disk_memory_flip(host->disk, segment, offset, 0x21);
    sim_tell(sim, (int)node, "segment %" PRIu64 " of the log rots at %" PRIu64, segment, offset);
    return true;
}

static void image_free(struct host *host)
{
    if (!host->image_disk)
        return;
    host->image_disk->calls->close(host->image_disk);
    host->image_tree->calls->close(host->image_tree);
    host->image_disk = NULL;
    host->image_tree = NULL;
}

void host_save(struct sim *sim, uint32_t node)
{
    struct host *host = &sim->hosts[node];

    image_free(host);
    host->image_disk = disk_memory_clone(host->disk, rng_u64(&host->disk_rng));
    host->image_tree = tree_memory_clone(host->tree);
    sim_mark(sim, 'd' << 8 | 'i', node, 0);
    sim_tell(sim, (int)node, "an image of the disk is kept");
}

bool host_restore(struct sim *sim, uint32_t node)
{
    struct host *host = &sim->hosts[node];

    check(!host->node);
    if (!host->image_disk)
        return false;
    host->disk->calls->close(host->disk);
    host->tree->calls->close(host->tree);
    host->disk = host->image_disk;
    host->tree = host->image_tree;
    host->image_disk = NULL;
    host->image_tree = NULL;
    disk_memory_limit(host->disk, sim->settings.disk_segments); // it may have been taken when full
    probe_hit(sim, PROBE_ROLLED_BACK);
    sim_mark(sim, 'd' << 8 | 'b', node, 0);
    sim_tell(sim, (int)node, "the disk is what it was when the image was taken");
    return true;
}

void host_empty(struct sim *sim, uint32_t node)
{
    struct host *host = &sim->hosts[node];

    check(!host->node);
    host->disk->calls->close(host->disk);
    host->tree->calls->close(host->tree);
    host->disk = disk_memory_new(sim->settings.segment_bytes, rng_u64(&host->disk_rng));
    disk_memory_limit(host->disk, sim->settings.disk_segments);
    host->tree = tree_memory_new();
    host->disk_slow = 1;
    host->stalled_until_us = 0;
    probe_hit(sim, PROBE_EMPTIED);
    sim_mark(sim, 'd' << 8 | 'e', node, 0);
    sim_tell(sim, (int)node, "the disk is a new one");
}

void host_set_wall(struct sim *sim, uint32_t node, int64_t skew_ms)
{
    sim->hosts[node].wall_skew_ms = skew_ms;
    sim_mark(sim, 'w', node, (uint64_t)skew_ms);
    sim_tell(sim, (int)node, "the wall clock is off by %" PRId64 " ms", skew_ms);
}
