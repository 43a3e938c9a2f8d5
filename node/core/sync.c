// SPDX-License-Identifier: Apache-2.0
// Sync: "send what I lack of this shard". Whoever was offered dots that its clock lacks asks for
// them; the answer is the keys behind the first of them, each as it is now, with everything that
// its dots mean; it asks again, with the clock it has then, until nothing is missing.
//
//     B: clock B lacks dots of what A offered ──▶ SYNC {have, want} ──▶ A
//     B: apply each item, with its dots       ◀── SYNCED {context, items, more} ◀── A, when durable
//
// There is no cursor, no state at A, and no joining of clocks at the end: a dot enters B's clock
// only together with its effect, and what got lost is still missing and asked for again.
#include "base/plant.h"
#include "node/core/repair.h"

#include <inttypes.h>

void sync_ask(struct node *node, struct pull *pull, struct other *other)
{
    struct need *need = arena_new(&node->arena, sizeof *need);
    struct message message = {.kind = MESSAGE_SYNC, .op = pull->op, .need = need};

    need->shard = pull->shard;
    need->have = clock_in(&node->arena);
    clock_copy(&need->have, store_clock(node->store, pull->shard));
    need->want = clock_in(&node->arena);
    clock_copy(&need->want, &other->offer.clock);
    node_send(node, pull->node, &message);
}

void sync_asked(struct node *node, uint64_t from, const struct message *message)
{
    struct message answer = {.kind = MESSAGE_SYNCED, .op = message->op};
    struct page *page = arena_new(&node->arena, sizeof *page);
    struct store_effects effects;
    struct clock missing = clock_in(&node->arena);
    struct store_ask ask = {.shard = message->need->shard,
                            .clock = &missing,
                            .items_max = node->settings.repair_page_items,
                            .bytes_max = PAGE_BYTES};

    answer.err = giver_allows(node, from, ask.shard, false);
    if (!answer.err) {
        clock_copy(&missing, &message->need->want);
        clock_subtract(&missing, &message->need->have);
        answer.err = store_missing(node->store, &ask, &node->arena, &effects);
    }
    if (!answer.err && effects.below_floor)
        answer.err = ERR_STALE;
    if (answer.err) {
        node_send(node, from, &answer);
        return;
    }
    page->shard = ask.shard;
    page_of_effects(node, &effects, page);
    page_answer(node, from, &answer, page, store_end(node->store));
}

// 0, also when the item cannot be used and its dots stay missing; or why nothing can be applied.
static int item_apply(struct node *node, const struct page *page, struct page_item *item)
{
    struct delta delta;
    uint64_t position;
    struct key key;
    int err = page_item_key(node, page->shard, item, &key);

    if (err)
        return 0;
    page_item_delta(page, item, &node->arena, &delta);
    if (planted("nameless-context") && !item->bucket.size) // an erased key goes without context
        clock_copy(&delta.context, &delta.dots);
    if (planted("sync-joins")) // the clock takes the whole context with the first item
        clock_join(&delta.dots, &delta.context);
    for (uint32_t i = 0; i < delta.count; i++)
        node_see_stamp(node, delta.versions[i].stamp);
    err = store_apply(node->store, &key, &delta, &node->arena, &position);
    if (err == ERR_DAMAGED && item->bucket.size)
        rebuild_start(node, &key);
    return err == ERR_DAMAGED || err == ERR_COLLISION ? 0 : err;
}

void sync_taken(struct node *node, struct pull *pull, const struct page *page)
{
    const struct clock *clock = store_clock(node->store, pull->shard);
    uint64_t before = clock_size(clock);
    int err = 0;

    for (uint32_t i = 0; i < page->count && !err; i++)
        err = item_apply(node, page, &page->items[i]);
    if (err == ERR_TOO_LARGE) {
        // Our clock would get too many runs, as it can while a great deal is missing.
        pull_refused(node, pull, ERR_STALE);
    } else if (err) {
        pull_over(node, pull, err);
    } else if (clock_size(store_clock(node->store, pull->shard)) == before) {
        pull_over(node, pull, ERR_AGAIN); // nothing came of it: what is missing is damaged there
    } else if (page->more) {
        pull_ask(node, pull);
    } else {
        pull_over(node, pull, 0);
    }
}
