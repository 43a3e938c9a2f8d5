// SPDX-License-Identifier: Apache-2.0
// Pulls: which shard is asked for next, from whom, in which way; when an answer is late; and to
// whom it goes. At most one question a shard and PULLS_MAX in all, within the budget.
#include "node/core/repair.h"

#include <inttypes.h>

uint64_t wait_longer(uint64_t wait_us, uint64_t least_us)
{
    if (wait_us * 2 <= least_us)
        return least_us;
    return wait_us * 2 < AGAIN_US_MAX ? wait_us * 2 : AGAIN_US_MAX;
}

static struct other *pull_other(const struct node *node, const struct pull *pull)
{
    const struct local *local = local_find(node, pull->shard);

    return local ? other_find(local, pull->node) : NULL;
}

void pull_over(struct node *node, struct pull *pull, int err)
{
    struct other *other = pull_other(node, pull);
    struct local *local = local_find(node, pull->shard);

    if (other && err == ERR_TIMEOUT) {
        other->pull_wait_us = wait_longer(other->pull_wait_us, AGAIN_US_MIN);
        other->pull_us = node->now_us;
    } else if (other && err) {
        other->pull_wait_us = wait_longer(other->pull_wait_us, REFUSED_US_MIN);
        other->pull_us = node->now_us + other->pull_wait_us;
    } else if (other) {
        other->pull_wait_us = 0;
    }
    if (local)
        local->work = true;
    *pull = (struct pull){.kind = PULL_NONE};
    if (node->repair->next_us > node->now_us + BUSY_US)
        node->repair->next_us = node->now_us + BUSY_US;
}

// The question goes out, or waits for the budget (repair_tick asks then).
void pull_ask(struct node *node, struct pull *pull)
{
    struct other *other = pull_other(node, pull);
    uint64_t wait_us;

    pull->op = 0;
    if (!other || !node_reachable(node, pull->node)) {
        pull_over(node, pull, ERR_CLOSED);
        return;
    }
    if (!budget_allows(&node->repair->budget))
        return;
    wait_us = other->pull_wait_us > AGAIN_US_MIN ? other->pull_wait_us : AGAIN_US_MIN;
    pull->op = node->next_op++;
    pull->due_us = node->now_us + wait_us;
    other->pulled_us = node->now_us;
    if (pull->kind == PULL_SYNC)
        sync_ask(node, pull, other);
    else if (pull->kind == PULL_FILL)
        fill_ask(node, pull);
    else
        compare_ask(node, pull);
}

static bool pull_of_shard(const struct repair *repair, uint32_t shard)
{
    for (uint32_t i = 0; i < PULLS_MAX; i++) {
        if (repair->pulls[i].kind && repair->pulls[i].shard == shard)
            return true;
    }
    return false;
}

static bool may_pull(const struct node *node, const struct other *other)
{
    return other->actor && node->now_us >= other->pull_us && node_reachable(node, other->node);
}

// The one that was asked longest ago of those that fit; NULL when none does.
static struct other *source_of(const struct node *node, const struct local *local,
                               bool (*fits)(const struct node *node, const struct local *local,
                                            const struct other *other))
{
    struct other *best = NULL;

    for (uint32_t i = 0; i < local->other_count; i++) {
        struct other *other = local->others[i];

        if (!may_pull(node, other) || !fits(node, local, other))
            continue;
        if (!best || other->pulled_us < best->pulled_us)
            best = other;
    }
    return best;
}

static bool has_more(const struct node *node, const struct local *local, const struct other *other)
{
    const struct clock *ours = store_clock(node->store, local->shard);

    return (other->offer.flags & (OFFER_SERVES | OFFER_GUEST)) && !other->below &&
           !clock_covers(ours, &other->offer.clock);
}

static bool can_feed(const struct node *node, const struct local *local, const struct other *other)
{
    (void)node;
    (void)local;
    return other->owner && (other->offer.flags & OFFER_SERVES) && !other->too_old;
}

static bool only_feeds(const struct node *node, const struct local *local,
                       const struct other *other)
{
    return can_feed(node, local, other) && other->below &&
           !clock_covers(store_clock(node->store, local->shard), &other->offer.clock);
}

static bool digest_differs(const struct node *node, const struct local *local,
                           const struct other *other)
{
    (void)node;
    return other->owner && offers_settled(&other->offer, &local->ours) &&
           other->offer.digest != local->ours.digest;
}

// Everybody who could be asked is older than our fill: a new one begins, and what the old one has
// passed keeps its clock.
static void sources_renew(const struct node *node, struct local *local)
{
    bool too_old = false;

    for (uint32_t i = 0; i < local->other_count; i++) {
        const struct other *other = local->others[i];
        bool can = other->owner && (other->offer.flags & OFFER_SERVES) && other->actor;

        if (can && !other->too_old && node_reachable(node, other->node))
            return;
        too_old |= other->too_old;
    }
    if (!too_old)
        return;
    local->renew = true;
    for (uint32_t i = 0; i < local->other_count; i++)
        local->others[i]->too_old = false;
}

static enum pull_kind work_of(struct node *node, struct local *local, struct other **out)
{
    struct store_shard shard;

    store_shard(node->store, local->shard, &shard);
    if (!shard.born || shard.filling) {
        *out = source_of(node, local, can_feed);
        if (*out || !shard.born)
            return PULL_FILL;
    }
    *out = source_of(node, local, has_more);
    if (*out)
        return PULL_SYNC;
    *out = source_of(node, local, only_feeds);
    if (*out)
        return PULL_FILL;
    if (node->now_us < local->compared_us + AGAIN_US_MAX)
        return PULL_COMPARE;
    *out = source_of(node, local, digest_differs);
    return PULL_COMPARE;
}

// Whether anything is left to wait for: a shard without work is not looked at until something
// changes.
static bool work_left(struct node *node, const struct local *local)
{
    struct store_shard shard;

    store_shard(node->store, local->shard, &shard);
    if (!shard.born || shard.filling || local->differs)
        return true;
    for (uint32_t i = 0; i < local->other_count; i++) {
        const struct other *other = local->others[i];

        if (has_more(node, local, other) || (other->actor && other->below))
            return true;
    }
    return false;
}

static void work_begin(struct node *node, struct local *local, struct pull *pull)
{
    struct other *other = NULL;
    enum pull_kind kind = work_of(node, local, &other);

    if (!other) {
        local->work = work_left(node, local);
        return;
    }
    if (kind == PULL_COMPARE)
        local->compared_us = node->now_us;
    *pull = (struct pull){.kind = kind, .shard = local->shard, .node = other->node};
    pull_ask(node, pull);
}

static struct pull *pull_free(struct repair *repair)
{
    for (uint32_t i = 0; i < PULLS_MAX; i++) {
        if (!repair->pulls[i].kind)
            return &repair->pulls[i];
    }
    return NULL;
}

void work_turn(struct node *node)
{
    struct repair *repair = node->repair;
    struct pull *pull = pull_free(repair);

    for (uint32_t i = 0; i < repair->shards && pull; i++) {
        struct local *local = repair->locals[repair->cursor];

        repair->cursor = (repair->cursor + 1) % repair->shards;
        if (!local || !local->owned || !local->work || pull_of_shard(repair, local->shard))
            continue;
        sources_renew(node, local);
        work_begin(node, local, pull);
        pull = pull_free(repair);
    }
}

void pulls_turn(struct node *node)
{
    struct repair *repair = node->repair;

    for (uint32_t i = 0; i < PULLS_MAX; i++) {
        struct pull *pull = &repair->pulls[i];

        if (pull->kind && !pull->op)
            pull_ask(node, pull);
        else if (pull->kind && node->now_us >= pull->due_us)
            pull_over(node, pull, ERR_TIMEOUT);
    }
}

// ERR_STALE asks for another way instead of another time.
void pull_refused(struct node *node, struct pull *pull, int err)
{
    struct other *other = pull_other(node, pull);
    bool below = other && other->owner && err == ERR_STALE && pull->kind == PULL_SYNC;
    bool too_old = other && err == ERR_STALE && pull->kind == PULL_FILL;

    if (below)
        other->below = true;
    if (too_old)
        other->too_old = true;
    pull_over(node, pull, below || too_old ? 0 : err);
}

void pull_answered(struct node *node, uint64_t from, const struct message *message)
{
    struct repair *repair = node->repair;
    struct pull *pull = NULL;

    for (uint32_t i = 0; i < PULLS_MAX; i++) {
        struct pull *at = &repair->pulls[i];

        if (at->kind && at->op && at->op == message->op && at->node == from)
            pull = at;
    }
    if (!pull || (message->kind == MESSAGE_SYNCED) != (pull->kind == PULL_SYNC))
        return;
    if (!message->err && message->page->shard != pull->shard)
        return;
    if (message->err) {
        pull_refused(node, pull, message->err);
        return;
    }
    budget_spend(&repair->budget, message->encoded.size, message->page->count);
    repair->pulled_bytes += message->encoded.size;
    repair->pulled_items += message->page->count;
    if (pull->kind == PULL_SYNC)
        sync_taken(node, pull, message->page);
    else if (pull->kind == PULL_FILL)
        fill_taken(node, pull, message->page);
    else
        compare_taken(node, pull, message->page);
}
