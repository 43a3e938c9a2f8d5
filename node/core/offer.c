// SPDX-License-Identifier: Apache-2.0
// Offers: each replica tells the others what it has for good, and so all find out who lacks what.
//
//     clock changes ──▶ copied, with the log's end ──▶ durable up to there ──▶ sent, batched
//
// Said is what is durable: what others let go of because we have it, we must not lose. An offer is
// repeated as long as its receiver is not known to be equal; when both know, nothing is sent.
#include "base/plant.h"
#include "node/core/repair.h"

#include <inttypes.h>

// ---- what we have -------------------------------------------------------------------------------

static void offer_copy(struct offer *into, const struct offer *from)
{
    struct clock clock = into->clock;

    clock_copy(&clock, &from->clock);
    *into = *from;
    into->clock = clock;
}

static bool offer_same(const struct offer *a, const struct offer *b)
{
    return a->flags == b->flags && a->digest == b->digest && a->unknown == b->unknown &&
           clock_equal(&a->clock, &b->clock);
}

// The clock is the store's: for a moment.
static void offer_now(const struct node *node, const struct local *local, struct offer *out)
{
    struct store_shard shard;

    store_shard(node->store, local->shard, &shard);
    *out = (struct offer){.shard = local->shard,
                          .digest = shard.digest,
                          .unknown = shard.unknown,
                          .clock = *store_clock(node->store, local->shard)};
    if (!local->owned)
        out->flags |= OFFER_GUEST;
    if (local->owned && shard.born)
        out->flags |= OFFER_SERVES;
    if (shard.rests || shard.fills)
        out->flags |= OFFER_RESTS;
}

static void offer_take_now(const struct node *node, struct local *local)
{
    struct offer now;

    offer_now(node, local, &now);
    if (local->version && offer_same(&now, &local->ours))
        return;
    offer_copy(&local->next, &now);
    local->has_next = true;
    local->prune = true;
}

static void completeness_log(struct node *node, uint32_t incomplete)
{
    struct repair *repair = node->repair;

    if (incomplete && !repair->incomplete)
        node_log(node, LOG_WARNING,
                 "the copies of %" PRIu32 " of our shards are not complete: they are filled from "
                 "other owners, and not served before",
                 incomplete);
    else if (!incomplete && repair->incomplete)
        node_log(node, LOG_INFO, "all our shards are complete and served again");
    repair->incomplete = incomplete;
}

// A shard that is not ours and of which we hold something makes us a guest.
static void offers_take_now(struct node *node)
{
    struct repair *repair = node->repair;
    uint32_t incomplete = 0;
    bool any = false;

    repair->guests = 0;
    for (uint32_t shard = 0; shard < repair->shards; shard++) {
        struct local *local = repair->locals[shard];
        bool held = store_clock(node->store, shard)->count > 0;

        if (!local && held)
            local = local_take(node, shard);
        if (!local)
            continue;
        repair->guests += held && !local->owned;
        offer_take_now(node, local);
        any |= local->has_next;
        incomplete += local->owned && !replica_born(node, shard);
    }
    completeness_log(node, incomplete);
    if (any)
        repair->next_position =
            planted("offer-early") ? store_durable(node->store) : store_end(node->store);
}

// ---- who differs --------------------------------------------------------------------------------

bool offers_settled(const struct offer *a, const struct offer *b)
{
    return (a->flags & b->flags & OFFER_SERVES) && !((a->flags | b->flags) & OFFER_RESTS) &&
           !a->unknown && !b->unknown && clock_equal(&a->clock, &b->clock);
}

static void digests_judge(struct node *node, struct local *local)
{
    struct repair *repair = node->repair;
    const struct other *against = NULL;

    for (uint32_t i = 0; i < local->other_count; i++) {
        const struct other *other = local->others[i];

        if (other->actor && other->owner && offers_settled(&other->offer, &local->ours) &&
            other->offer.digest != local->ours.digest)
            against = other;
    }
    if (!against || local->differs) {
        local->differs = against;
        return;
    }
    local->differs = true;
    local->work = true;
    repair->alarms += 1;
    if (repair->alarm_us && node->now_us < repair->alarm_us + ALARM_US)
        return;
    repair->alarm_us = node->now_us;
    node_log(node, LOG_ALARM,
             "shard %" PRIu32 ": %s has seen the same writes and holds other versions: one of the "
             "two has lost or gained something; comparing them key by key",
             local->shard, node_name_of(node, against->node));
}

static void equality_judge(struct node *node, struct local *local)
{
    bool equal = local->owned && (local->ours.flags & OFFER_SERVES);

    for (uint32_t i = 0; i < local->other_count; i++) {
        const struct other *other = local->others[i];

        equal &= other->actor && other->owner && (other->offer.flags & OFFER_SERVES) &&
                 clock_equal(&other->offer.clock, &local->ours.clock);
    }
    if (!equal)
        local->equal_us = 0;
    else if (!local->equal_us)
        local->equal_us = node->now_us;
}

static void debt_judge(const struct node *node, const struct local *local, struct other *other)
{
    const struct clock *live = store_clock(node->store, local->shard);

    if (clock_covers(&other->offer.clock, &local->ours.clock))
        other->it_lacks_us = 0;
    else if (!other->it_lacks_us)
        other->it_lacks_us = node->now_us;
    if (clock_covers(live, &other->offer.clock))
        other->we_lack_us = 0;
    else if (!other->we_lack_us)
        other->we_lack_us = node->now_us;
}

static void local_judge(struct node *node, struct local *local)
{
    digests_judge(node, local);
    equality_judge(node, local);
    for (uint32_t i = 0; i < local->other_count; i++)
        debt_judge(node, local, local->others[i]);
    for (uint32_t i = 0; i < local->other_count; i++)
        local->others[i]->settled = false;
}

// ---- telling ------------------------------------------------------------------------------------

struct batch {
    struct offers *offers;
    uint32_t capacity;
    size_t bytes;
};

static struct offers *offers_new(struct node *node)
{
    struct offers *offers = arena_new(&node->arena, sizeof *offers);

    offers->actor = store_mint(node->store, 0).actor;
    offers->guests = node->repair->guests;
    return offers;
}

static void batch_send(struct node *node, uint64_t to, struct batch *batch)
{
    struct message message = {.kind = MESSAGE_OFFER, .offers = batch->offers};

    node_send(node, to, &message);
    *batch = (struct batch){0};
}

static void batch_add(struct node *node, uint64_t to, struct batch *batch,
                      const struct offer *offer)
{
    enum { OFFER_BYTES = 20, RUN_BYTES = 24 }; // at most, roughly
    struct offers *offers;
    struct offer *copy;

    if (!batch->offers)
        batch->offers = offers_new(node);
    offers = batch->offers;
    if (offers->count == batch->capacity) {
        struct offer *items = offers->items;

        batch->capacity = batch->capacity ? batch->capacity * 2 : 8;
        offers->items = arena_alloc(&node->arena, batch->capacity * sizeof *items);
        if (items)
            memcpy(offers->items, items, offers->count * sizeof *items);
    }
    copy = &offers->items[offers->count++];
    *copy = *offer;
    copy->clock = clock_in(&node->arena);
    clock_copy(&copy->clock, &offer->clock);
    batch->bytes += OFFER_BYTES + (size_t)offer->clock.count * RUN_BYTES;
    if (batch->bytes >= OFFER_BYTES_MAX)
        batch_send(node, to, batch);
}

// Whether we want to hear more from it: it is not known to be equal in every respect. A guest is
// asked until it says that it has gone.
static bool wants_more(const struct local *local, const struct other *other)
{
    if (!other->owner)
        return true;
    if (!other->actor)
        return true;
    if (!local->owned)
        return !clock_covers(&other->offer.clock, &local->ours.clock);
    return !offers_settled(&other->offer, &local->ours) ||
           other->offer.digest != local->ours.digest;
}

// Whether to tell it now, and whether to ask it as well.
static bool tell_now(const struct node *node, const struct local *local, struct other *other,
                     bool *out_ask)
{
    bool changed = other->told_version != local->version;
    bool wants = wants_more(local, other);
    bool again = wants && node->now_us >= other->tell_us;

    other->settled = !changed && !wants && !other->asked;
    if (!changed && !again && !other->asked)
        return false;
    *out_ask = wants && (changed || again);
    if (changed)
        other->tell_wait_us = AGAIN_US_MIN;
    else if (again)
        other->tell_wait_us = wait_longer(other->tell_wait_us, AGAIN_US_MIN);
    if (changed || again)
        other->tell_us = node->now_us + other->tell_wait_us;
    other->told_version = local->version;
    other->asked = false;
    return true;
}

static void local_tell(struct node *node, const struct local *local, struct batch *batches)
{
    for (uint32_t i = 0; i < local->other_count; i++) {
        struct other *other = local->others[i];
        struct offer offer = local->ours;
        bool ask = false;
        int member;

        if (other->settled || !node_reachable(node, other->node) ||
            !tell_now(node, local, other, &ask))
            continue;
        member = topology_member(node->topology, other->node);
        if (ask)
            offer.flags |= OFFER_ASK;
        batch_add(node, other->node, &batches[member], &offer);
    }
}

static void offers_tell(struct node *node)
{
    const struct topology *topology = node->topology;
    struct repair *repair = node->repair;
    struct batch *batches = arena_new(&node->arena, topology->member_count * sizeof *batches);

    for (uint32_t shard = 0; shard < repair->shards; shard++) {
        const struct local *local = repair->locals[shard];

        if (local && local->version)
            local_tell(node, local, batches);
    }
    for (uint32_t i = 0; i < topology->member_count; i++) {
        if (batches[i].offers)
            batch_send(node, topology->members[i].id, &batches[i]);
    }
}

static void offers_settle(struct node *node)
{
    struct repair *repair = node->repair;

    repair->next_position = 0;
    for (uint32_t shard = 0; shard < repair->shards; shard++) {
        struct local *local = repair->locals[shard];

        if (!local || !local->has_next)
            continue;
        local->has_next = false;
        local->version += 1;
        offer_copy(&local->ours, &local->next);
        local->prune = true; // where nobody else owns the shard this is all that lets dots go
        local->work |= local->ours.unknown > 0;
        local_judge(node, local);
    }
}

void repair_durable(struct node *node)
{
    if (!repair_ready(node) || !node->repair->next_position ||
        !wait_durable(node, node->repair->next_position))
        return;
    offers_settle(node);
    offers_tell(node);
}

void offers_turn(struct node *node)
{
    struct repair *repair = node->repair;

    repair->offers_due = false;
    repair->next_offer_us = node->now_us + OFFER_US;
    if (!repair->next_position) {
        offers_take_now(node);
        if (repair->next_position && !wait_durable(node, repair->next_position))
            (void)wait_new(node, WAIT_OFFER, repair->next_position);
    }
    if (repair->next_position && wait_durable(node, repair->next_position))
        offers_settle(node);
    offers_tell(node);
}

// ---- being told ---------------------------------------------------------------------------------

// Without it all others may be equal, and nobody may be left to tell us anything.
static void guest_forget(struct node *node, struct local *local, struct other *guest)
{
    other_forget(local, guest);
    equality_judge(node, local);
}

// What an earlier life had said counts no more: its disk may be another one.
static void life_ended(struct node *node, uint64_t from)
{
    struct repair *repair = node->repair;

    for (uint32_t shard = 0; shard < repair->shards; shard++) {
        struct local *local = repair->locals[shard];
        struct other *other = local ? other_find(local, from) : NULL;

        if (other && !other->owner) {
            guest_forget(node, local, other);
        } else if (other) {
            clock_done(&other->offer.clock);
            other->offer = (struct offer){.shard = shard};
            other->actor = 0;
            other->told_version = 0;
            other->settled = false;
            other->below = other->too_old = false;
            other->pull_us = 0;
            local->equal_us = 0;
        }
    }
}

static void heard_from(struct node *node, uint64_t from, const struct offers *offers)
{
    struct heard *heard = &node->repair->heard[topology_member(node->topology, from)];

    if (heard->actor != offers->actor) {
        if (heard->actor)
            life_ended(node, from);
        heard->actor = offers->actor;
        heard->actor_us = node->now_us;
    }
    heard->guests = offers->guests;
    heard->heard_us = node->now_us;
}

static void other_set(struct node *node, struct local *local, struct other *other,
                      const struct offers *offers, const struct offer *offer)
{
    bool older = other->actor && other->owner && clock_covers(&other->offer.clock, &offer->clock) &&
                 !clock_equal(&other->offer.clock, &offer->clock);

    other->asked |= (offer->flags & OFFER_ASK) != 0;
    other->settled = false;
    if (older)
        return; // overtaken on the way: a life's durable clock only grows
    debt_judge(node, local, other);
    other->actor = offers->actor;
    offer_copy(&other->offer, offer);
    other->offer.flags &= ~(uint32_t)OFFER_ASK;
    local->prune = true;
    local->work = true;
    local_judge(node, local);
}

static void offer_of_guest(struct node *node, uint64_t from, const struct offers *offers,
                           const struct offer *offer)
{
    struct local *local = local_find(node, offer->shard);
    struct other *other = local ? other_find(local, from) : NULL;

    if (!local || !local->owned || (other && other->owner))
        return;
    if (offer->clock.count)
        other_set(node, local, other_take(local, from), offers, offer);
    else if (other)
        guest_forget(node, local, other);
}

static void offer_of_owner(struct node *node, uint64_t from, const struct offers *offers,
                           const struct offer *offer, struct batch *answers)
{
    struct local *local = local_find(node, offer->shard);
    struct other *other = local ? other_find(local, from) : NULL;
    struct offer none = {.shard = offer->shard, .flags = OFFER_GUEST};

    if (other && other->owner)
        other_set(node, local, other, offers, offer);
    else if (!local && (offer->flags & OFFER_ASK))
        batch_add(node, from, answers, &none); // it believes us to be a guest still
}

void offers_taken(struct node *node, uint64_t from, const struct offers *offers)
{
    struct repair *repair = node->repair;
    struct batch answers = {0};

    heard_from(node, from, offers);
    for (uint32_t i = 0; i < offers->count; i++) {
        const struct offer *offer = &offers->items[i];

        if (offer->shard >= repair->shards)
            continue;
        if (offer->flags & OFFER_GUEST)
            offer_of_guest(node, from, offers, offer);
        else
            offer_of_owner(node, from, offers, offer, &answers);
    }
    if (offers->ask && !answers.offers)
        answers.offers = offers_new(node);
    if (answers.offers)
        batch_send(node, from, &answers);
    if (repair->next_us > node->now_us + BUSY_US)
        repair->next_us = node->now_us + BUSY_US;
}
