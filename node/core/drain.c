// SPDX-License-Identifier: Apache-2.0
// What nobody needs any more goes:
//   - entries of the dot log, when all other owners are known to have their dots for good;
//   - a guest's copy of a shard, when all owners are known to have all of it for good; also when
//     what they lack is in damaged records here, and nobody who could have it is away: then the
//     guest stays until they have the dots, without what was written.
// Nothing is ever dropped from what a key has seen (adopt.c).
#include "base/plant.h"
#include "node/core/repair.h"

#include <inttypes.h>

// How fresh a member's word about its guests must be; how often all are asked.
enum { HEARD_US = 15000000, ASK_ALL_US = 2000000 };

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

// ---- who is there -------------------------------------------------------------------------------

// All the others are here, in one life for a while, and (unless that is allowed) none of them is
// anybody's guest.
static bool others_there(const struct node *node, bool guests_too)
{
    const struct topology *topology = node->topology;
    uint64_t calm_us = node->settings.repair_calm_us;

    if (!node->repair->heard || node->repair->digest != node->topology_digest)
        return false; // nothing has been heard yet: the first turn is still to come
    for (uint32_t i = 0; i < topology->member_count; i++) {
        const struct heard *heard = &node->repair->heard[i];

        if ((int)i == node->self)
            continue;
        if (!node_reachable(node, topology->members[i].id) || !heard->actor ||
            (heard->guests && !guests_too) || node->now_us > heard->heard_us + HEARD_US ||
            node->now_us < heard->actor_us + calm_us)
            return false;
    }
    return true;
}

bool repair_all_there(const struct node *node)
{
    return others_there(node, true);
}

bool repair_all_well(const struct node *node)
{
    return others_there(node, false) && node->repair->guests == 0;
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

// Whether the owners lack nothing but writes whose records are damaged here.
static bool only_damage_left(struct node *node, const struct local *local,
                             const struct clock *known)
{
    struct clock missing = clock_in(&node->arena);
    struct store_ask ask = {
        .shard = local->shard, .clock = &missing, .items_max = 1, .bytes_max = PAGE_BYTES};
    struct store_effects effects;

    clock_copy(&missing, store_clock(node->store, local->shard));
    clock_subtract(&missing, known);
    return missing.count && !store_missing(node->store, &ask, &node->arena, &effects) &&
           effects.unknown && !effects.count && !effects.below_floor;
}

// A guest's record is never rebuilt from what owners hold: it may be of writes that they lack. But
// when all are there, have been for a while, and nobody else stands in for anybody, then what is in
// no owner's clock is lost with the damaged record. Whoever may have more has that long to say so:
// the while begins again with all that comes.
static bool guest_gives_up(struct node *node, struct local *local)
{
    struct clock known = clock_in(&node->arena);
    struct store_shard shard;

    store_shard(node->store, local->shard, &shard);
    if (!shard.unknown || !others_there(node, false) || !everybody_has(node, local, &known) ||
        !clock_equal(&local->ours.clock, store_clock(node->store, local->shard)) ||
        !only_damage_left(node, local, &known)) {
        local->stuck_us = 0;
        return false;
    }
    if (!local->stuck_us || local->stuck_at != local->version) {
        local->stuck_us = node->now_us;
        local->stuck_at = local->version;
    }
    // Erasing many dots takes steps, and what is half erased could not be told from what the dot
    // log is too small for. So what the owners have leaves first; the rest are a few.
    if (store_prune(node->store, local->shard, &known, PRUNE_DOTS) ||
        node->now_us < local->stuck_us + node->settings.repair_calm_us)
        return false;
    node_log(node, LOG_ALARM,
             "a damaged record in shard %" PRIu32 ", kept here for its owners, held a write that "
             "nobody else has: it is lost",
             local->shard);
    return true;
}

// What no owner has.
static void guest_lost(const struct node *node, const struct local *local, struct clock *out)
{
    clock_copy(out, store_clock(node->store, local->shard));
    for (uint32_t i = 0; i < local->other_count; i++) {
        if (local->others[i]->owner)
            clock_subtract(out, &local->others[i]->offer.clock);
    }
}

// The contexts of what we gave name the lost dots too, and their lives may go on: they would stay
// in rests. So we are a guest with nothing but these, until the owners have them.
static int guest_keep_lost(struct node *node, const struct local *local, struct clock *lost)
{
    uint8_t first[TREE_KEY_SIZE];

    key_shard_first(local->shard, node->topology->shards, first);
    return lost->count ? dots_adopt(node, first, lost) : 0;
}

static bool guest_may_go(struct node *node, struct local *local)
{
    const struct clock *clock = store_clock(node->store, local->shard);
    struct clock known = clock_in(&node->arena);
    bool early = planted("guest-erases-early"); // asks nobody

    if (!local->prune || (!everybody_has(node, local, &known) && !early))
        return false;
    local->prune = early || clock_covers(&known, clock);
    return local->prune;
}

static void guest_drain(struct node *node, struct local *local)
{
    const struct clock *clock = store_clock(node->store, local->shard);
    struct clock lost = clock_in(&node->arena);
    uint64_t position;
    int err;

    if (clock->count == 0) {
        if (farewell_said(node, local))
            local_free(node, local);
        return;
    }
    if (guest_gives_up(node, local))
        guest_lost(node, local, &lost);
    else if (!guest_may_go(node, local))
        return;
    do
        err = store_erase(node->store, local->shard, &position);
    while (err == ERR_AGAIN && lost.count);
    if (!err)
        err = guest_keep_lost(node, local, &lost);
    if (err && err != ERR_AGAIN)
        node_log(node, LOG_WARNING, "shard %" PRIu32 ": the guest's copy cannot be erased: %s",
                 local->shard, err_text(err));
    else if (!err)
        node->repair->offers_due = true;
}

// ---- the turn -----------------------------------------------------------------------------------

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
        else if (adopt_wanted(node, local) && !repair_all_well(node))
            asked = true;
        else if (adopt_wanted(node, local) && budget_allows(&repair->budget))
            adopt_some(node, local);
    }
    if (asked)
        repair_ask_all(node);
}
