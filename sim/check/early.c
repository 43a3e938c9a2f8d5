// SPDX-License-Identifier: Apache-2.0
#include "sim/check/early.h"

#include "base/rng.h"
#include "node/store/engine.h"
#include "sim/check/users.h"
#include "sim/world/host.h"

#include <inttypes.h>

struct pending {
    uint64_t position;
    uint32_t shard;
    struct dot dot;
    uint64_t value; // its number; 0: a delete
    bool again;     // a guest had it, gave it back and takes it once more
};

void early_done(struct early *early)
{
    for (int node = 0; node < SIM_NODES_MAX; node++) {
        buffer_done(&early->pending[node]);
        table_done(&early->taken[node]);
    }
}

void early_closed(struct early *early, uint32_t node)
{
    early->pending[node].size = 0;
    table_done(&early->taken[node]);
    early->taken[node] = (struct table){0};
}

// Forgets what has become durable; it is in the order of positions.
static const struct pending *pending_now(struct early *early, const struct sim *sim, uint32_t node,
                                         size_t *out_count)
{
    struct buffer *pending = &early->pending[node];
    const struct pending *list = (const void *)pending->data;
    uint64_t durable = store_durable(host_store(sim, node));
    size_t count = pending->size / sizeof *list;
    size_t gone = 0;

    while (gone < count && list[gone].position <= durable)
        gone += 1;
    if (gone)
        buffer_drop(pending, gone * sizeof *list);
    *out_count = count - gone;
    return (const void *)pending->data;
}

bool early_is_pending(struct early *early, const struct sim *sim, uint32_t node, uint32_t shard,
                      struct dot dot)
{
    const struct pending *list;
    size_t count;

    if (!host_store(sim, node))
        return false;
    list = pending_now(early, sim, node, &count);
    for (size_t i = 0; i < count; i++) {
        if (list[i].shard == shard && dot_compare(list[i].dot, dot) == 0)
            return true;
    }
    return false;
}

// A page of keys that a fill has passed speaks of all the dots of the fill's clock, which is on the
// disk, also while the delta of one of them is on its way.
static bool is_filled(const struct store *store, uint32_t shard, struct dot dot)
{
    struct store_fill fill;

    for (uint32_t i = 0; store_fill_at(store, shard, i, &fill); i++) {
        if (clock_contains(fill.start, dot))
            return true;
    }
    return false;
}

// True when this life took the dot before.
static bool take(struct early *early, uint32_t node, uint32_t shard, struct dot dot)
{
    uint64_t id = rng_mix(rng_mix(dot.actor + shard) + dot.counter);
    bool before = table_find(&early->taken[node], id) != NULL;

    table_set(&early->taken[node], id, early);
    return before;
}

void early_applied(struct early *early, const struct sim *sim, uint32_t node, uint32_t shard,
                   const struct delta *delta)
{
    struct pending pending = {.position = store_end(host_store(sim, node)), .shard = shard};
    size_t count;

    (void)pending_now(early, sim, node, &count);
    if (clock_size(&delta->dots) != 1)
        return; // a repair: what it brings is durable elsewhere
    pending.dot = (struct dot){delta->dots.runs[0].actor, delta->dots.runs[0].first};
    if (clock_contains(store_clock(host_store(sim, node), shard), pending.dot))
        return; // the same again: it may be durable long since
    if (is_filled(host_store(sim, node), shard, pending.dot))
        return;
    if (delta->count == 1)
        pending.value = users_value_number(delta->versions[0].value);
    pending.again = take(early, node, shard, pending.dot);
    buffer_add(&early->pending[node], &pending, sizeof pending);
}

static void see_object(const struct pending *pending, const struct message *message, uint32_t node,
                       struct verdict *verdict)
{
    for (uint32_t i = 0; pending->value && i < message->object.count; i++) {
        if (users_value_number(message->object.versions[i].value) == pending->value)
            verdict_add(verdict, VERDICT_STATE,
                        "n%" PRIu32 " answers a read with v%" PRIu64 " before it is durable there",
                        node + 1, pending->value);
    }
}

static void see_offer(const struct pending *pending, const struct message *message, uint32_t node,
                      struct verdict *verdict)
{
    for (uint32_t i = 0; i < message->offers->count; i++) {
        const struct offer *offer = &message->offers->items[i];

        if (offer->shard == pending->shard && clock_contains(&offer->clock, pending->dot))
            verdict_add(verdict, VERDICT_STATE,
                        "n%" PRIu32 " offers (%" PRIx64 ",%" PRIu64 ") of shard %" PRIu32
                        " before it is durable there",
                        node + 1, pending->dot.actor, pending->dot.counter, pending->shard);
    }
}

// A page's context is the clock of when it was read.
static void see_page(const struct pending *pending, const struct page *page, uint32_t node,
                     struct verdict *verdict)
{
    if (page->shard == pending->shard && clock_contains(&page->context, pending->dot))
        verdict_add(verdict, VERDICT_STATE,
                    "n%" PRIu32 " sends a page with (%" PRIx64 ",%" PRIu64 ") of shard %" PRIu32
                    " before it is durable there",
                    node + 1, pending->dot.actor, pending->dot.counter, pending->shard);
}

static void see_pages(const struct pending *list, size_t count, const struct message *message,
                      uint32_t node, struct verdict *verdict)
{
    struct reader reader = reader_of(message->encoded);
    struct arena arena = {0};
    struct page page = {0};

    if (page_decode(&reader, &arena, &page) == 0) {
        for (size_t i = 0; i < count; i++) {
            if (!list[i].again)
                see_page(&list[i], &page, node, verdict);
        }
    }
    arena_done(&arena);
}

void early_message(struct early *early, const struct sim *sim, uint32_t node,
                   const struct message *message, struct verdict *verdict)
{
    bool page = message->kind == MESSAGE_SYNCED || message->kind == MESSAGE_FILLED;
    const struct pending *list;
    size_t count;

    if ((message->kind != MESSAGE_OBJECT && message->kind != MESSAGE_OFFER && !page) ||
        message->err)
        return;
    list = pending_now(early, sim, node, &count);
    if (page && count)
        see_pages(list, count, message, node, verdict);
    if (page)
        return;
    for (size_t i = 0; i < count; i++) {
        if (list[i].again)
            continue; // it may speak of what the copy before had on the disk
        if (message->kind == MESSAGE_OBJECT)
            see_object(&list[i], message, node, verdict);
        else
            see_offer(&list[i], message, node, verdict);
    }
}
