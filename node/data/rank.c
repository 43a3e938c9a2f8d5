// SPDX-License-Identifier: Apache-2.0
// Rank by rank: a member with R copies at this rank and behind it, of which `left` ranks are
// still to be settled, should have R / left of them here, rounded up or down (low and high
// below). Where a shard's owner at this rank has too many and one behind it too few, the two
// change places; otherwise the surplus is passed on along the shortest path of such changes:
//
//     too many --shard 7--> m3 --shard 12--> too few       each arrow: this member stands here in
//                                                          that shard, the next one behind it
//
// A path exists as long as the rank is unbalanced: were none to leave a set of members, then all
// `left` owners of their shards would lie in the set, and they could not have more than their part.
// Its arrows are different shards, because a shard has one owner at a rank.
#include "node/data/rank.h"

#include "base/check.h"
#include "node/data/chain.h"

#define VIA_NONE   UINT32_MAX
#define VIA_SOURCE (UINT32_MAX - 1)

struct rank_work {
    uint16_t *owners;
    uint32_t replicas;
    uint32_t members;
    uint32_t rank;
    struct chains shards; // of each member: where it stands at this rank
    uint32_t *here;       // copies at this rank
    uint32_t *low;        // and how many there should be
    uint32_t *high;
    uint32_t *via; // the path: the shard that leads to a member
    uint32_t *queue;
};

static uint16_t *owners_of(const struct rank_work *work, uint32_t shard)
{
    return &work->owners[(size_t)shard * work->replicas];
}

static void rank_begin(struct rank_work *work, uint32_t shards, uint32_t rank)
{
    uint32_t left = work->replicas - rank;

    work->rank = rank;
    memset(work->shards.first, 0xff, work->members * sizeof *work->shards.first);
    memset(work->shards.last, 0xff, work->members * sizeof *work->shards.last);
    memset(work->here, 0, work->members * sizeof *work->here);
    memset(work->low, 0, work->members * sizeof *work->low);
    for (uint32_t shard = 0; shard < shards; shard++) {
        const uint16_t *owners = owners_of(work, shard);

        chain_add_last(&work->shards, owners[rank], shard);
        work->here[owners[rank]] += 1;
        for (uint32_t i = rank; i < work->replicas; i++)
            work->low[owners[i]] += 1;
    }
    for (uint32_t i = 0; i < work->members; i++) {
        work->high[i] = (work->low[i] + left - 1) / left;
        work->low[i] /= left;
    }
}

// Looks from a member for one that has fewer than its bound and notes how the others are reached,
// at the end of the queue. Returns the member found, `members` when there is none.
static uint32_t path_extend(struct rank_work *work, uint32_t from, const uint32_t *bound,
                            uint32_t *queued)
{
    for (uint32_t shard = work->shards.first[from]; shard != CHAIN_END;
         shard = work->shards.next[shard]) {
        const uint16_t *owners = owners_of(work, shard);

        for (uint32_t i = work->rank + 1; i < work->replicas; i++) {
            uint32_t next = owners[i];

            if (work->via[next] != VIA_NONE)
                continue;
            work->via[next] = shard;
            if (work->here[next] < bound[next])
                return next;
            work->queue[(*queued)++] = next;
        }
    }
    return work->members;
}

// The end of a shortest path from a member above its bound to one below it.
static uint32_t path_find(struct rank_work *work, const uint32_t *bound)
{
    uint32_t queued = 0;

    for (uint32_t i = 0; i < work->members; i++) {
        bool source = work->here[i] > bound[i];

        work->via[i] = source ? VIA_SOURCE : VIA_NONE;
        if (source)
            work->queue[queued++] = i;
    }
    for (uint32_t at = 0; at < queued; at++) {
        uint32_t end = path_extend(work, work->queue[at], bound, &queued);

        if (end < work->members)
            return end;
    }
    return work->members;
}

static void path_follow(struct rank_work *work, uint32_t end)
{
    work->here[end] += 1;
    while (work->via[end] != VIA_SOURCE) {
        uint32_t shard = work->via[end];
        uint16_t *owners = owners_of(work, shard);
        uint32_t from = owners[work->rank];
        uint32_t behind = work->rank + 1;

        while (owners[behind] != end)
            behind += 1;
        owners[behind] = (uint16_t)from;
        owners[work->rank] = (uint16_t)end;
        chain_remove(&work->shards, from, shard);
        chain_add_last(&work->shards, end, shard);
        end = from;
    }
    work->here[end] -= 1;
}

// Nobody above its upper bound, then nobody below its lower one.
static void rank_settle(struct rank_work *work)
{
    const uint32_t *bounds[] = {work->high, work->low};

    for (unsigned i = 0; i < 2; i++) {
        uint32_t end = path_find(work, bounds[i]);

        for (; end < work->members; end = path_find(work, bounds[i]))
            path_follow(work, end);
    }
}

void rank_balance(struct arena *arena, uint16_t *owners, uint32_t shards, uint32_t replicas,
                  uint32_t members)
{
    struct rank_work work = {.owners = owners, .replicas = replicas, .members = members};
    size_t size = members * sizeof(uint32_t);

    chains_init(&work.shards, arena, shards, members);
    work.here = arena_alloc(arena, size);
    work.low = arena_alloc(arena, size);
    work.high = arena_alloc(arena, size);
    work.via = arena_alloc(arena, size);
    work.queue = arena_alloc(arena, size);
    for (uint32_t rank = 0; rank + 1 < replicas; rank++) {
        rank_begin(&work, shards, rank);
        rank_settle(&work);
    }
}
