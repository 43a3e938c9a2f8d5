// SPDX-License-Identifier: Apache-2.0
// What nobody needs any more goes:
//   - entries of the dot log, when all other owners are known to have their dots for good;
//   - a guest's copy of a shard, when all owners are known to have all of it for good;
//   - in rests, dots of ended lives: when all owners are equal and nobody is a guest, such a dot is
//     nobody's. It is not forgotten, since a disk that was away may bring its version back: it is
//     adopted, as if the key had been written without a version, and so enters all owners' clocks.
// Nothing is ever dropped from what a key has seen.
#include "base/plant.h"
#include "node/core/repair.h"

#include <inttypes.h>

// How fresh a member's word about its guests must be; how often all are asked.
enum { HEARD_US = 15000000, ASK_ALL_US = 2000000, ADOPT_AGAIN_US = 2000000 };

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
        else if (planted("prune-any")) // what one of them has is enough
            clock_join(out, &other->offer.clock);
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

static bool majority_has(const struct local *local, const struct clock *clock)
{
    uint32_t owners = 0;
    uint32_t having = 0;

    for (uint32_t i = 0; i < local->other_count; i++) {
        const struct other *other = local->others[i];

        owners += other->owner;
        having += other->owner && other->actor && clock_covers(&other->offer.clock, clock);
    }
    return having > owners / 2;
}

static void guest_drain(struct node *node, struct local *local)
{
    const struct clock *clock = store_clock(node->store, local->shard);
    struct clock known = clock_in(&node->arena);
    bool early = planted("guest-erases-early"); // asks nobody
    uint64_t position;
    int err;

    if (clock->count == 0) {
        if (farewell_said(node, local))
            local_free(node, local);
        return;
    }
    if (!local->prune || (!everybody_has(node, local, &known) && !early))
        return;
    local->prune = early || clock_covers(&known, clock) ||
                   (planted("guest-majority") && majority_has(local, clock)); // not all
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

static bool members_there(const struct node *node, bool guests_too)
{
    const struct topology *topology = node->topology;
    uint64_t calm_us = node->settings.repair_calm_us;

    for (uint32_t i = 0; i < topology->member_count; i++) {
        const struct heard *heard = &node->repair->heard[i];

        if ((int)i == node->self)
            continue;
        if (!node_reachable(node, topology->members[i].id) || !heard->actor ||
            (heard->guests && !guests_too) || node->now_us > heard->heard_us + HEARD_US ||
            node->now_us < heard->actor_us + calm_us)
            return false;
    }
    return guests_too || node->repair->guests == 0;
}

bool repair_all_there(const struct node *node)
{
    return members_there(node, true);
}

bool repair_all_well(const struct node *node)
{
    return members_there(node, false);
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

// The key's context has the dots already; now the clock gains them, and the dot log, so that the
// other owners get them by sync.
static int dots_adopt(struct node *node, const struct store_item *item, const struct clock *dead)
{
    struct key key = key_of_tree(item->tree_key, node->topology->shards);
    struct delta delta = {.context = *dead, .dots = *dead};
    struct store_view view;

    if (planted("adopt-never")) // rests with dots of ended lives stay for ever
        return 0;
    int err = store_apply(node->store, &key, &delta, &node->arena, &view);

    if (!err)
        node->repair->adopted += clock_size(dead);
    return err;
}

// The same for clocks of fills that were given up. Which keys these dots were of nobody knows, so
// they are entered for the first hash of the shard.
static void fills_adopt(struct node *node, const struct local *local)
{
    struct store_item none = {.tree_key = {0}};
    struct clock passed = clock_in(&node->arena);
    struct clock dead;

    store_fill_clocks(node->store, local->shard, &passed);
    dead_dots(node, local->shard, &passed, &dead);
    if (!dead.count)
        return;
    key_shard_first(local->shard, node->topology->shards, none.tree_key);
    (void)dots_adopt(node, &none, &dead);
}

static void rests_adopt(struct node *node, struct local *local)
{
    struct store_scan scan = {.shard = local->shard,
                              .after = local->has_adopt_after ? local->adopt_after : NULL,
                              .items_max = RESTS_PAGE,
                              .bytes_max = PAGE_BYTES};
    struct store_page page;

    if (store_rests(node->store, &scan, &node->arena, &page))
        return;
    for (uint32_t i = 0; i < page.count; i++) {
        struct clock dead;

        dead_dots(node, local->shard, &page.items[i].object.rest, &dead);
        if (dead.count && dots_adopt(node, &page.items[i], &dead))
            return;
    }
    budget_spend(&node->repair->budget, 0, page.count);
    local->has_adopt_after = page.more;
    if (page.more) {
        memcpy(local->adopt_after, page.reached, TREE_KEY_SIZE);
        return;
    }
    fills_adopt(node, local);
    local->adopt_us = node->now_us + ADOPT_AGAIN_US;
}

void repair_ask_all(struct node *node)
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

static bool wants_to_adopt(const struct node *node, const struct local *local)
{
    return local->owned && (local->ours.flags & OFFER_RESTS) && local->equal_us &&
           node->now_us >= local->adopt_us &&
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
        else if (wants_to_adopt(node, local) && !repair_all_well(node))
            asked = true;
        else if (wants_to_adopt(node, local) && budget_allows(&repair->budget))
            rests_adopt(node, local);
    }
    if (asked)
        repair_ask_all(node);
}
