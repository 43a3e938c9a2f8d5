// SPDX-License-Identifier: Apache-2.0
// Fill: a whole shard, page by page in the order of the tree, for an owner whose copy is not
// complete or who lacks dots that nobody's dot log has any more.
//
//     B: FILL {start, after}                    ──▶ A, which serves
//     B: begin(start), item, ..., pass(upto)    ◀── FILLED {start, context, items, upto, more}
//     B: ... until no more: end, which joins the start clock and makes the copy complete
//
// All that matters is in B's store, so a fill goes on after a restart, and with another source that
// covers the start clock.
//
// An empty copy neither serves nor feeds before its first fill has ended. A complete one goes on
// doing both while it fills: what it says of a key is exact at any moment, since the fill's clock
// counts for just the keys that the fill has passed. So owners that are below each other's floors
// fill from each other, and a copy whose sources are lost is not locked out.
#include "node/core/repair.h"

enum {
    STEPS_MAX = 64, // steps of STORE_FILL_STEP keys for one page
    // Each item is logged with the page's context: a page takes about so much of the log.
    PAGE_LOG_BYTES = 1 << 20,
    RUN_BYTES = 12,
    ITEMS_MIN = 16
};

void fill_ask(struct node *node, struct pull *pull)
{
    const struct local *local = local_find(node, pull->shard);
    struct need *need = arena_new(&node->arena, sizeof *need);
    struct message message = {.kind = MESSAGE_FILL, .op = pull->op, .need = need};
    struct store_fill fill;

    need->shard = pull->shard;
    need->mode = FILL_WHOLE;
    need->start = clock_in(&node->arena);
    if (!local->renew && store_fill(node->store, pull->shard, &fill)) {
        clock_copy(&need->start, fill.start);
        need->has_after = fill.cursor;
        if (fill.cursor)
            memcpy(need->after, fill.cursor, TREE_KEY_SIZE);
    }
    node_send(node, pull->node, &message);
}

// ---- giving -------------------------------------------------------------------------------------

static uint32_t items_max(const struct node *node, const struct clock *context)
{
    uint32_t fit = PAGE_LOG_BYTES / ((context->count + 1) * RUN_BYTES);

    if (fit > node->settings.repair_page_items)
        return node->settings.repair_page_items;
    return fit > ITEMS_MIN ? fit : ITEMS_MIN;
}

static bool is_behind(const uint8_t *cursor, const struct need *need)
{
    return cursor && (!need->has_after || memcmp(cursor, need->after, TREE_KEY_SIZE) > 0);
}

// Ends the page at this key.
static void page_end_at(struct page *page, const uint8_t *key)
{
    if (page->has_upto && memcmp(page->upto, key, TREE_KEY_SIZE) <= 0)
        return;
    while (page->count && memcmp(page->items[page->count - 1].tree_key, key, TREE_KEY_SIZE) > 0)
        page->count -= 1;
    page->has_upto = true;
    memcpy(page->upto, key, TREE_KEY_SIZE);
}

// A giver that is filled itself, or once was in part, knows more of the keys that its fill has
// passed: what is not there may be gone by the fill's clock. That clock belongs to the context, and
// so no page reaches beyond a cursor.
static void page_add_fills(struct node *node, const struct need *need, struct page *page)
{
    struct store_fill fill;

    for (uint32_t i = 0; store_fill_at(node->store, need->shard, i, &fill); i++) {
        if (is_behind(fill.cursor, need))
            page_end_at(page, fill.cursor);
    }
    for (uint32_t i = 0; store_fill_at(node->store, need->shard, i, &fill); i++) {
        if (is_behind(fill.cursor, need) && page->has_upto &&
            memcmp(fill.cursor, page->upto, TREE_KEY_SIZE) >= 0)
            clock_join(&page->context, fill.start);
    }
    for (uint32_t i = 0; i < page->count; i++)
        clock_subtract(&page->items[i].object.rest, &page->context);
}

static int page_read(struct node *node, const struct need *need, struct page *page)
{
    const struct clock *ours = store_clock(node->store, need->shard);
    struct store_effects effects;
    struct store_ask ask = {.shard = need->shard,
                            .clock = &page->start,
                            .after = need->has_after ? need->after : NULL,
                            .items_max = items_max(node, ours),
                            .bytes_max = PAGE_BYTES};
    int err;

    page->shard = need->shard;
    page->start = clock_in(&node->arena);
    clock_copy(&page->start, need->start.count && need->mode == FILL_WHOLE ? &need->start : ours);
    if (!clock_covers(ours, &page->start))
        return ERR_STALE;
    err = store_fill_page(node->store, &ask, &node->arena, &effects);
    if (err)
        return err;
    if (effects.below_floor)
        return ERR_STALE;
    if (effects.unknown && need->mode == FILL_WHOLE)
        return ERR_DAMAGED;
    page_of_effects(node, &effects, page);
    page->has_upto = effects.more;
    if (effects.more)
        memcpy(page->upto, effects.reached, TREE_KEY_SIZE);
    page_add_fills(node, need, page);
    return 0;
}

void fill_asked(struct node *node, uint64_t from, const struct message *message)
{
    const struct need *need = message->need;
    struct message answer = {.kind = MESSAGE_FILLED, .op = message->op};
    struct page *page = arena_new(&node->arena, sizeof *page);
    struct store_shard shard;

    answer.err = giver_allows(node, from, need->shard, true);
    if (!answer.err && need->mode == FILL_WHOLE) {
        store_shard(node->store, need->shard, &shard);
        answer.err = shard.unknown ? ERR_DAMAGED : 0;
    }
    if (!answer.err)
        answer.err = page_read(node, need, page);
    if (answer.err) {
        node_send(node, from, &answer);
        return;
    }
    page_answer(node, from, &answer, page, store_end(node->store));
}

// ---- taking -------------------------------------------------------------------------------------

struct taking {
    struct node *node;
    const struct page *page;
    uint64_t position;
    uint32_t steps; // still allowed in this turn
};

static bool step_again(struct taking *taking, int err)
{
    return err == ERR_AGAIN && taking->steps > 0 && taking->steps-- > 0;
}

static int item_take(struct taking *taking, struct page_item *item)
{
    struct node *node = taking->node;
    struct store_item stored = {.bucket = item->bucket, .key = item->key, .object = item->object};
    struct store_filled filled = {.shard = taking->page->shard,
                                  .context = &taking->page->context,
                                  .item = &stored,
                                  .dots = &item->dots};
    struct key key;
    int err = page_item_key(node, taking->page->shard, item, &key);

    if (err)
        return err;
    memcpy(stored.tree_key, item->tree_key, TREE_KEY_SIZE);
    for (uint32_t i = 0; i < stored.object.count; i++)
        node_see_stamp(node, stored.object.versions[i].stamp);
    do {
        err = store_fill_item(node->store, &filled, &taking->position);
    } while (step_again(taking, err));
    return err == ERR_COLLISION ? 0 : err;
}

static int page_end(struct taking *taking)
{
    const struct page *page = taking->page;
    struct store *store = taking->node->store;
    int err;

    do {
        if (page->has_upto)
            err =
                store_fill_pass(store, page->shard, page->upto, &page->context, &taking->position);
        else
            err = store_fill_end(store, page->shard, &page->context, &taking->position);
    } while (step_again(taking, err));
    return err;
}

// ERR_AGAIN: more than is good for one turn; where the cursor is now it is asked for again.
static int page_take(struct node *node, const struct page *page, bool *out_some)
{
    struct taking taking = {.node = node, .page = page, .steps = STEPS_MAX};
    int err = store_fill_begin(node->store, page->shard, &page->start, &taking.position);

    *out_some = false;
    for (uint32_t i = 0; i < page->count && !err; i++) {
        err = item_take(&taking, &page->items[i]);
        *out_some |= !err;
    }
    return err ? err : page_end(&taking);
}

// The answer must begin the fill that we asked for, behind where we are.
static bool page_fits(const struct node *node, const struct local *local, const struct page *page)
{
    struct store_fill fill;

    if (local->renew || !store_fill(node->store, local->shard, &fill))
        return true;
    return clock_equal(fill.start, &page->start);
}

static void fill_ended(struct node *node, struct local *local)
{
    node->repair->fills += 1;
    for (uint32_t i = 0; i < local->other_count; i++)
        local->others[i]->below = local->others[i]->too_old = false;
    node->repair->offers_due = true;
}

void fill_taken(struct node *node, struct pull *pull, const struct page *page)
{
    struct local *local = local_find(node, pull->shard);
    struct other *other = other_find(local, pull->node);
    bool some;
    int err;

    if (!page_fits(node, local, page)) {
        pull_over(node, pull, ERR_AGAIN);
        return;
    }
    err = page_take(node, page, &some);
    rebuilds_claim_more(node, pull->shard);
    local->renew = false;
    if (err && err != ERR_AGAIN) {
        // The store was full in the middle: the rest follows as soon as it has room again.
        if (some && other)
            other->pull_wait_us = 0;
        pull_over(node, pull, err);
    } else if (!err && !page->has_upto) {
        fill_ended(node, local);
        pull_over(node, pull, 0);
    } else {
        pull_ask(node, pull);
    }
}
