// SPDX-License-Identifier: Apache-2.0
// Repair: which shards concern us and what is known of their other replicas; what is given to those
// that ask; and the turn, in which all parts of repair do what is due. Replicas that differ find
// out by offers (offer.c) and pull what they lack (pull.c). No session has a state anywhere:
// whatever is lost is asked for again as long as clocks differ.
#include "node/core/repair.h"
#include "base/plant.h"

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
        other->settled = false;
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
    if (wait_durable(node, position) || planted("page-early")) { // before the log has it
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

void fill_clocks_join(const struct node *node, uint32_t shard, struct clock *into)
{
    struct store_fill fill;

    for (uint32_t i = 0; store_fill_at(node->store, shard, i, &fill); i++)
        clock_join(into, fill.start);
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

// ---- driving ------------------------------------------------------------------------------------

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
    struct budget *budget = &node->repair->budget;
    struct histogram both;

    if (!budget_window_over(budget, node->now_us)) {
        budget_fill(budget, node->now_us);
        return;
    }
    both = node->get_us;
    histogram_join(&both, &node->put_us);
    budget_turn(budget, node->now_us, &both);
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
    mend_turn(node);
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

bool owner_serves(const struct node *node, uint32_t shard, uint64_t owner)
{
    const struct local *local = local_find(node, shard);
    const struct other *other = local ? other_find(local, owner) : NULL;

    return !other || !other->actor || (other->offer.flags & OFFER_SERVES);
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
        pull_answered(node, from, message);
}
