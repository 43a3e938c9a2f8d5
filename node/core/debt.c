// SPDX-License-Identifier: Apache-2.0
// The repair debt: how much is missing where, since when, and what it waits for. Zero everywhere
// means that all owners of all our shards hold the same.
#include "node/core/repair.h"

enum { KEY_BYTES = 100 }; // of a record, as long as there is none to go by

static void older(uint64_t *oldest, uint64_t since)
{
    if (since && since < *oldest)
        *oldest = since;
}

// How many dots of `from` are not in `in`.
static uint64_t beyond(struct node *node, const struct clock *from, const struct clock *in)
{
    struct clock left = clock_in(&node->arena);

    if (clock_covers(in, from))
        return 0;
    clock_copy(&left, from);
    clock_subtract(&left, in);
    return clock_size(&left);
}

static void local_debt(struct node *node, const struct local *local, struct status *status,
                       uint64_t *oldest)
{
    const struct clock *ours = store_clock(node->store, local->shard);
    struct clock all = clock_in(&node->arena);
    struct store_shard shard;

    store_shard(node->store, local->shard, &shard);
    if (!local->owned && ours->count) {
        status->guest_shards += 1;
        status->guest_keys += shard.keys;
    }
    status->shards_filling += shard.filling;
    for (uint32_t i = 0; i < local->other_count; i++) {
        const struct other *other = local->others[i];

        if (local->owned)
            clock_join(&all, &other->offer.clock);
        if (other->owner)
            status->repair_owed += beyond(node, ours, &other->offer.clock);
        older(oldest, other->we_lack_us);
        if (other->owner)
            older(oldest, other->it_lacks_us);
        if (other->owner && !other->actor)
            older(oldest, node->started_us);
    }
    status->repair_missing += beyond(node, &all, ours);
    if (local->owned && (!shard.born || shard.filling))
        older(oldest, node->started_us);
}

// The first thing that keeps a difference from going away.
static const char *reason(const struct node *node, const struct status *status)
{
    const struct repair *repair = node->repair;

    if (!status->repair_missing && !status->repair_owed && !status->shards_filling)
        return "level";
    for (uint32_t i = 0; i < PULLS_MAX; i++) {
        if (repair->pulls[i].kind && repair->pulls[i].op)
            return "pulling";
        if (repair->pulls[i].kind)
            return "budget";
    }
    for (uint32_t i = 0; i < node->topology->member_count; i++) {
        if (!node_reachable(node, node->topology->members[i].id))
            return "unreachable";
    }
    return status->repair_missing || status->shards_filling ? "retry" : "others";
}

void repair_status(struct node *node, struct status *status)
{
    struct repair *repair = node->repair;
    struct store_totals totals;
    uint64_t oldest = UINT64_MAX;

    store_totals(node->store, &totals);
    status->dots = totals.dots;
    status->dots_max = totals.dots_max;
    status->pulled_items = repair->pulled_items;
    status->pulled_bytes = repair->pulled_bytes;
    status->digest_alarms = repair->alarms;
    status->repair_state = slice_of_text("level");
    if (!repair_ready(node))
        return;
    for (uint32_t shard = 0; shard < repair->shards; shard++) {
        if (repair->locals[shard])
            local_debt(node, repair->locals[shard], status, &oldest);
    }
    status->repair_bytes =
        status->repair_missing * (totals.keys ? totals.bytes / totals.keys : KEY_BYTES);
    if (oldest != UINT64_MAX)
        status->repair_age_ms = (node->now_us - oldest) / 1000 + 1;
    status->repair_state = slice_of_text(reason(node, status));
    if (slice_is(status->repair_state, "level"))
        status->repair_age_ms = 0; // what was lacking has come, and not all have said so yet
}
