// SPDX-License-Identifier: Apache-2.0
// Repair: which shards concern us, what is known of their other replicas, and which work comes
// next. Replicas that differ find out by offers (offer.c) and pull what they lack (sync.c, fill.c,
// compare.c): at most one question a shard and PULLS_MAX in all, within the budget. There is no
// state of a session anywhere: whatever is lost is asked for again as long as clocks differ.
#include "node/core/repair.h"

#include <inttypes.h>
#include <stdlib.h>

// ---- the states ---------------------------------------------------------------------------------

static void other_free(struct other *other)
{
    clock_done(&other->offer.clock);
    free(other);
}

static struct other *other_add(struct local *local, uint64_t node_id, bool owner)
{
    struct other *other = memory_new(sizeof *other);

    other->node = node_id;
    other->owner = owner;
    other->offer.shard = local->shard;
    local->others = memory_grow(local->others, (local->other_count + 1) * sizeof(struct other *));
    local->others[local->other_count++] = other;
    return other;
}

struct other *other_find(const struct local *local, uint64_t node_id)
{
    for (uint32_t i = 0; i < local->other_count; i++) {
        if (local->others[i]->node == node_id)
            return local->others[i];
    }
    return NULL;
}

struct other *other_take(struct local *local, uint64_t node_id)
{
    struct other *other = other_find(local, node_id);

    return other ? other : other_add(local, node_id, false);
}

void other_forget(struct local *local, struct other *other)
{
    uint32_t at = 0;

    check(!other->owner);
    while (local->others[at] != other)
        at += 1;
    local->other_count -= 1;
    for (; at < local->other_count; at++)
        local->others[at] = local->others[at + 1];
    other_free(other);
}

struct local *local_find(const struct node *node, uint32_t shard)
{
    const struct repair *repair = node->repair;

    return shard < repair->shards ? repair->locals[shard] : NULL;
}

struct local *local_take(struct node *node, uint32_t shard)
{
    const struct topology *topology = node->topology;
    const uint16_t *owners = topology_owners(topology, shard);
    struct local *local = local_find(node, shard);

    if (local)
        return local;
    local = memory_new(sizeof *local);
    local->shard = shard;
    local->owned = topology_rank(topology, shard, node->self) >= 0;
    for (uint32_t rank = 0; rank < topology->replicas; rank++) {
        if (owners[rank] != node->self)
            other_add(local, topology->members[owners[rank]].id, true);
    }
    node->repair->locals[shard] = local;
    return local;
}

void local_free(struct node *node, struct local *local)
{
    node->repair->locals[local->shard] = NULL;
    for (uint32_t i = 0; i < local->other_count; i++)
        other_free(local->others[i]);
    free(local->others);
    clock_done(&local->ours.clock);
    clock_done(&local->next.clock);
    free(local);
}

static void states_done(struct node *node)
{
    struct repair *repair = node->repair;

    for (uint32_t shard = 0; shard < repair->shards; shard++) {
        if (repair->locals[shard])
            local_free(node, repair->locals[shard]);
    }
    free(repair->locals);
    free(repair->heard);
    repair->locals = NULL;
    repair->heard = NULL;
    repair->shards = 0;
    memset(repair->pulls, 0, sizeof repair->pulls);
}

void repair_new(struct node *node)
{
    const struct node_settings *settings = &node->settings;

    node->repair = memory_new(sizeof *node->repair);
    budget_init(&node->repair->budget, settings->repair_bytes_per_s, settings->repair_keys_per_s,
                node->now_us);
    node->repair->next_us = node->now_us;
}

void repair_done(struct node *node)
{
    if (!node->repair)
        return;
    states_done(node);
    free(node->repair);
    node->repair = NULL;
}

bool repair_ready(struct node *node)
{
    struct repair *repair = node->repair;
    const struct topology *topology = node->topology;

    if (!topology || node->self < 0)
        return false;
    if (repair->digest == node->topology_digest && repair->locals)
        return true;
    states_done(node);
    repair->digest = node->topology_digest;
    repair->shards = topology->shards;
    repair->locals = memory_new(topology->shards * sizeof(struct local *));
    repair->heard = memory_new(topology->member_count * sizeof *repair->heard);
    for (uint32_t shard = 0; shard < topology->shards; shard++) {
        if (topology_rank(topology, shard, node->self) >= 0)
            local_take(node, shard);
    }
    repair->next_offer_us = node->now_us;
    return true;
}

void repair_link(struct node *node, uint64_t peer, bool up)
{
    struct repair *repair = node->repair;

    if (!repair_ready(node))
        return;
    for (uint32_t i = 0; i < PULLS_MAX && !up; i++) {
        if (repair->pulls[i].kind && repair->pulls[i].node == peer)
            pull_over(node, &repair->pulls[i], ERR_CLOSED);
    }
    for (uint32_t shard = 0; shard < repair->shards && up; shard++) {
        struct other *other =
            repair->locals[shard] ? other_find(repair->locals[shard], peer) : NULL;

        if (!other)
            continue;
        other->told_version = 0;
        other->pull_us = 0;
        other->pull_wait_us = 0;
        repair->locals[shard]->work = true;
    }
    repair->offers_due |= up;
    if (up)
        repair->next_us = node->now_us;
}

// ---- what is given ------------------------------------------------------------------------------

// Whether what we hold may be given away: an owner's complete copy; of a guest's copy any part.
int giver_allows(struct node *node, uint64_t from, uint32_t shard, bool whole)
{
    bool owned;

    if (!repair_ready(node) || shard >= node->topology->shards)
        return ERR_STALE;
    if (topology_member(node->topology, from) < 0)
        return ERR_INVALID;
    owned = topology_rank(node->topology, shard, node->self) >= 0;
    if ((owned || whole) && !node_serves(node, shard))
        return ERR_NOT_SERVING;
    if (!budget_allows(&node->repair->budget) || node->wait_count >= WAITS_MAX ||
        node->memory >= node->settings.memory_max)
        return ERR_OVERLOADED;
    return 0;
}

void page_of_effects(struct node *node, const struct store_effects *effects, struct page *page)
{
    page->items = arena_new(&node->arena, (effects->count + 1) * sizeof *page->items);
    page->count = effects->count;
    page->more = effects->more;
    for (uint32_t i = 0; i < effects->count; i++) {
        const struct store_effect *effect = &effects->items[i];
        struct page_item *item = &page->items[i];

        item->bucket = effect->item.bucket;
        item->key = effect->item.key;
        item->object = effect->item.object;
        item->dots = effect->dots;
        memcpy(item->tree_key, effect->item.tree_key, TREE_KEY_SIZE);
    }
    page->context = clock_in(&node->arena);
    clock_copy(&page->context, store_clock(node->store, page->shard));
}

// What was read may depend on everything logged so far.
void page_answer(struct node *node, uint64_t to, const struct message *answer,
                 const struct page *page, uint64_t position)
{
    struct message message = *answer;
    struct buffer bytes = {0};
    struct wait *wait;

    page_encode(page, &bytes);
    budget_spend(&node->repair->budget, bytes.size, page->count);
    if (wait_durable(node, position)) {
        message.encoded = arena_copy(&node->arena, buffer_slice(&bytes));
        node_send(node, to, &message);
    } else {
        wait = wait_new(node, WAIT_PAGE, position);
        wait->peer = to;
        wait->op = message.op;
        wait->answer = message.kind;
        buffer_add_slice(&wait->object, buffer_slice(&bytes));
        node->memory += wait->object.size;
    }
    buffer_done(&bytes);
}

int page_item_key(const struct node *node, uint32_t shard, struct page_item *item, struct key *out)
{
    const struct topology *topology = node->topology;

    if (item->bucket.size == 0)
        *out = key_of_tree(item->tree_key, topology->shards);
    else if (key_make(topology->seed, topology->shards, item->bucket, item->key, out))
        return ERR_PROTOCOL;
    key_tree(out, item->tree_key);
    return out->shard == shard ? 0 : ERR_PROTOCOL;
}

// ---- what is pulled -----------------------------------------------------------------------------

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
    return other->owner && (other->offer.flags & OFFER_SERVES) &&
           clock_equal(&other->offer.clock, &local->ours.clock) &&
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
    bool may_fill = node->now_us >= local->fed_us && node->now_us >= local->fill_us;

    store_shard(node->store, local->shard, &shard);
    if (!shard.born || shard.filling) {
        *out = may_fill ? source_of(node, local, can_feed) : NULL;
        return PULL_FILL;
    }
    *out = source_of(node, local, has_more);
    if (*out)
        return PULL_SYNC;
    *out = may_fill ? source_of(node, local, only_feeds) : NULL;
    if (*out)
        return PULL_FILL;
    if (local->differs && node->now_us >= local->compared_us + AGAIN_US_MAX)
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

static void work_turn(struct node *node)
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

static void pulls_turn(struct node *node)
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

static bool anything_waits(const struct repair *repair)
{
    for (uint32_t shard = 0; shard < repair->shards; shard++) {
        const struct local *local = repair->locals[shard];

        if (local && local->owned && local->work)
            return true;
    }
    for (uint32_t i = 0; i < PULLS_MAX; i++) {
        if (repair->pulls[i].kind)
            return true;
    }
    return false;
}

static void budget_follow(struct node *node)
{
    struct repair *repair = node->repair;
    uint64_t count = node->get_us.count + node->put_us.count;

    if (count != repair->foreground.count || node->now_us < repair->budget.judged_us) {
        repair->foreground = node->get_us;
        histogram_join(&repair->foreground, &node->put_us);
    }
    budget_turn(&repair->budget, node->now_us, &repair->foreground);
}

void repair_tick(struct node *node)
{
    struct repair *repair = node->repair;

    if (node->now_us < repair->next_us)
        return;
    repair->next_us = node->now_us + OFFER_US;
    budget_follow(node);
    if (!repair_ready(node))
        return;
    if (repair->offers_due || node->now_us >= repair->next_offer_us)
        offers_turn(node);
    pulls_turn(node);
    work_turn(node);
    drain_turn(node);
    if (anything_waits(repair))
        repair->next_us = node->now_us + BUSY_US;
    if (repair->next_offer_us > node->now_us && repair->next_us > repair->next_offer_us)
        repair->next_us = repair->next_offer_us;
}

uint64_t repair_deadline(const struct node *node)
{
    return node->repair->next_us;
}

// ERR_STALE asks for another way instead of another time.
static void refused(struct node *node, struct pull *pull, int err)
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

static void answer_taken(struct node *node, uint64_t from, const struct message *message)
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
        refused(node, pull, message->err);
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

bool repair_allows(const struct node *node)
{
    return budget_allows(&node->repair->budget);
}

void repair_spend(struct node *node, uint64_t bytes, uint64_t keys)
{
    budget_spend(&node->repair->budget, bytes, keys);
}

void repair_message(struct node *node, uint64_t from, const struct message *message)
{
    budget_follow(node);
    if (message->kind == MESSAGE_SYNC)
        sync_asked(node, from, message);
    else if (message->kind == MESSAGE_FILL)
        fill_asked(node, from, message);
    else if (!repair_ready(node) || topology_member(node->topology, from) < 0)
        return;
    else if (message->kind == MESSAGE_OFFER)
        offers_taken(node, from, message->offers);
    else
        answer_taken(node, from, message);
}
