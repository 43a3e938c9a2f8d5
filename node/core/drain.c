// SPDX-License-Identifier: Apache-2.0
// What nobody needs any more goes:
//   - entries of the dot log, when all other owners are known to have their dots for good;
//   - a guest's copy of a shard, when all owners are known to have all of it for good;
//   - in rests, dots of ended lives: when all owners are equal and nobody is a guest, such a dot is
//     nobody's and can come from nowhere.
// Nothing else is ever dropped from what a key has seen.
#include "base/plant.h"
#include "node/core/repair.h"

#include <inttypes.h>

// How fresh a member's word about its guests must be; how often all are asked.
enum { HEARD_US = 15000000, ASK_ALL_US = 2000000, FORGET_AGAIN_US = 2000000 };

// ---- dot logs -----------------------------------------------------------------------------------

// What all other owners have; false when somebody has not said.
static bool everybody_has(const struct node *node, const struct local *local, struct clock *out)
{
    bool first = true;

    clock_copy(out, &local->ours.clock);
    for (uint32_t i = 0; i < local->other_count; i++) {
        const struct other *other = local->others[i];

        if (!other->owner)
            continue;
        if (!other->actor)
            return false;
        if (first)
            clock_copy(out, &other->offer.clock);
        else
            clock_intersect(out, &other->offer.clock);
        first = false;
    }
    (void)node;
    return true;
}

static void dots_drain(struct node *node, struct local *local)
{
    struct clock known = clock_in(&node->arena);
    struct store_shard shard;

    local->prune = false;
    store_shard(node->store, local->shard, &shard);
    if (!shard.dots || !everybody_has(node, local, &known))
        return;
    local->prune = store_prune(node->store, local->shard, &known, PRUNE_DOTS);
}

// ---- guests -------------------------------------------------------------------------------------

static bool farewell_said(const struct node *node, const struct local *local)
{
    if (!local->version || local->has_next || local->ours.clock.count)
        return false;
    for (uint32_t i = 0; i < local->other_count; i++) {
        if (node_reachable(node, local->others[i]->node) &&
            local->others[i]->told_version != local->version)
            return false;
    }
    return true;
}

static void guest_drain(struct node *node, struct local *local)
{
    const struct clock *clock = store_clock(node->store, local->shard);
    struct clock known = clock_in(&node->arena);
    uint64_t position;
    int err;

    if (clock->count == 0) {
        if (farewell_said(node, local))
            local_free(node, local);
        return;
    }
    if (!local->prune || (!everybody_has(node, local, &known) && !planted("guest-erases-early")))
        return;
    local->prune = clock_covers(&known, clock) || planted("guest-erases-early");
    if (!local->prune)
        return;
    err = store_erase(node->store, local->shard, &position);
    if (err && err != ERR_AGAIN)
        node_log(node, LOG_WARNING, "shard %" PRIu32 ": the guest's copy cannot be erased: %s",
                 local->shard, err_text(err));
    else if (!err)
        node->repair->offers_due = true;
}

// ---- dots of ended lives ------------------------------------------------------------------------

static bool nobody_is_guest(const struct node *node)
{
    const struct topology *topology = node->topology;
    uint64_t calm_us = node->settings.repair_calm_us;

    for (uint32_t i = 0; i < topology->member_count; i++) {
        const struct heard *heard = &node->repair->heard[i];

        if ((int)i == node->self)
            continue;
        if (!node_reachable(node, topology->members[i].id) || !heard->actor || heard->guests ||
            node->now_us > heard->heard_us + HEARD_US || node->now_us < heard->actor_us + calm_us)
            return false;
    }
    return node->repair->guests == 0;
}

static bool actor_lives(const struct node *node, uint64_t actor)
{
    for (uint32_t i = 0; i < node->topology->member_count; i++) {
        if (node->repair->heard[i].actor == actor)
            return true;
    }
    return store_mint(node->store, 0).actor == actor;
}

static void dead_dots(struct node *node, uint32_t shard, const struct clock *rest,
                      struct clock *out)
{
    struct clock beyond = clock_in(&node->arena);

    *out = clock_in(&node->arena);
    clock_copy(&beyond, rest);
    clock_subtract(&beyond, store_clock(node->store, shard));
    for (uint32_t i = 0; i < beyond.count; i++) {
        if (!actor_lives(node, beyond.runs[i].actor))
            clock_add_run(out, beyond.runs[i]);
    }
}

static void rests_forget(struct node *node, struct local *local)
{
    struct store_scan scan = {.shard = local->shard,
                              .after = local->has_forget_after ? local->forget_after : NULL,
                              .items_max = RESTS_PAGE,
                              .bytes_max = PAGE_BYTES};
    struct store_page page;
    uint64_t position;

    if (store_rests(node->store, &scan, &node->arena, &page))
        return;
    for (uint32_t i = 0; i < page.count; i++) {
        struct clock dead;

        dead_dots(node, local->shard, &page.items[i].object.rest, &dead);
        if (!dead.count)
            continue;
        if (store_forget(node->store, page.items[i].tree_key, &dead, &position))
            return;
        node->repair->forgotten += clock_size(&dead);
    }
    budget_spend(&node->repair->budget, 0, page.count);
    local->has_forget_after = page.more;
    if (page.more)
        memcpy(local->forget_after, page.reached, TREE_KEY_SIZE);
    else
        local->forget_us = node->now_us + FORGET_AGAIN_US;
}

static void ask_everybody(struct node *node)
{
    const struct topology *topology = node->topology;
    struct offers *offers = arena_new(&node->arena, sizeof *offers);
    struct message message = {.kind = MESSAGE_OFFER, .offers = offers};

    if (node->repair->asked_us && node->now_us < node->repair->asked_us + ASK_ALL_US)
        return;
    node->repair->asked_us = node->now_us;
    offers->actor = store_mint(node->store, 0).actor;
    offers->guests = node->repair->guests;
    offers->ask = true;
    for (uint32_t i = 0; i < topology->member_count; i++) {
        if ((int)i != node->self && node_reachable(node, topology->members[i].id))
            node_send(node, topology->members[i].id, &message);
    }
}

static bool wants_to_forget(const struct node *node, const struct local *local)
{
    return local->owned && (local->ours.flags & OFFER_RESTS) && local->equal_us &&
           node->now_us >= local->forget_us &&
           node->now_us >= local->equal_us + node->settings.repair_calm_us;
}

void drain_turn(struct node *node)
{
    struct repair *repair = node->repair;
    bool asked = false;

    for (uint32_t shard = 0; shard < repair->shards; shard++) {
        struct local *local = repair->locals[shard];

        if (!local)
            continue;
        if (local->owned && local->prune)
            dots_drain(node, local);
        if (!local->owned)
            guest_drain(node, local);
        else if (wants_to_forget(node, local) && !nobody_is_guest(node))
            asked = true;
        else if (wants_to_forget(node, local) && budget_allows(&repair->budget))
            rests_forget(node, local);
    }
    if (asked)
        ask_everybody(node);
}
