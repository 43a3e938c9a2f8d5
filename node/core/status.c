// SPDX-License-Identifier: Apache-2.0
// Answers about the node itself: status, compaction, topology as it sees it, and scans of a shard's
// own replica.
#include "node/core/machine.h"

#include <inttypes.h>
#include <stdlib.h>

static void status_topology(struct node *node, struct status *status)
{
    const struct topology *topology = node->topology;

    if (!topology)
        return;
    status->cluster = topology->cluster;
    status->epoch = topology->epoch;
    status->digest = node->topology_digest;
    for (uint32_t shard = 0; shard < topology->shards; shard++) {
        bool owned = node->self >= 0 && topology_rank(topology, shard, node->self) >= 0;

        status->shards_owned += owned;
        status->shards_born += owned && replica_born(node, shard);
    }
}

static void status_store(struct node *node, struct status *status)
{
    struct store_totals totals;

    store_totals(node->store, &totals);
    status->actor = totals.actor;
    status->keys = totals.keys;
    status->bytes = totals.bytes;
    status->disk_bytes = totals.disk_bytes;
    status->log_bytes = totals.log_bytes;
    status->memory_bytes = totals.memory_bytes;
    status->checkpoints = totals.checkpoints;
    status->unknown = totals.unknown;
    status->refusal = totals.refusal;
}

void status_request(struct node *node, const struct origin *origin, const struct request *request)
{
    struct reply *reply = reply_new(node, request->method);
    struct status *status = &reply->status;

    status->id = node->settings.self.id;
    status->name = slice_of_text(node->settings.self.name);
    status->build = slice_of_text(node->settings.build);
    status->durability = slice_of_text(node->settings.durability);
    status->uptime_ms = (node->now_us - node->started_us) / 1000;
    status->in_flight = node->client_ops;
    status->requests = node->counts.requests;
    status->requests_refused = node->counts.refused;
    status->repairs = node->counts.repairs;
    status->hedges = node->counts.hedges;
    status->rebuilt = node->counts.rebuilt;
    status->get_p50_us = histogram_quantile(&node->get_us, 5000);
    status->get_p99_us = histogram_quantile(&node->get_us, 9900);
    status->put_p50_us = histogram_quantile(&node->put_us, 5000);
    status->put_p99_us = histogram_quantile(&node->put_us, 9900);
    status_topology(node, status);
    if (request->method == METHOD_STATUS) {
        status_store(node, status);
        repair_status(node, status);
    }
    reply_send(node, origin, reply);
}

// The store does it between turns: whoever asked comes back to see how it stands.
void compact_request(struct node *node, const struct origin *origin, const struct request *request)
{
    struct reply *reply = reply_new(node, METHOD_COMPACT);

    if (request->start && node->draining) {
        reply_error(node, origin, METHOD_COMPACT, ERR_SHUTDOWN,
                    "this node is shutting down: start it, then try again");
        return;
    }
    if (request->start)
        store_compact(node->store);
    store_compaction(node->store, &reply->compaction);
    reply_send(node, origin, reply);
}

static void view_self(const struct node *node, struct member_view *view)
{
    view->member = node->settings.self;
    view->state = MEMBER_ALIVE;
    view->linked = true;
    view->epoch = node->topology ? node->topology->epoch : 0;
    view->digest = node->topology_digest;
}

static void view_member(const struct node *node, int member, struct member_view *view)
{
    const struct member *recorded = &node->topology->members[member];
    const struct peer *peer = peer_find(node, recorded->id);

    view->member = *recorded;
    if (member == node->self) {
        view_self(node, view);
    } else if (peer) {
        *view = peer->view;
        view->linked = peer->linked;
        if (!view->member.client_address[0])
            view->member = *recorded;
    }
    view->owner = true;
    view->shards = topology_owned(node->topology, member);
}

static int view_compare(const void *a, const void *b)
{
    uint64_t left = ((const struct member_view *)a)->member.id;
    uint64_t right = ((const struct member_view *)b)->member.id;

    return left < right ? -1 : left > right;
}

void topology_request(struct node *node, const struct origin *origin)
{
    struct reply *reply = reply_new(node, METHOD_TOPOLOGY);
    const struct topology *topology = node->topology;
    uint32_t recorded = topology ? topology->member_count : 0;
    const struct peer *peer;
    uint32_t count = 0;
    uint32_t others;
    size_t at = 0;

    reply->topology = topology;
    reply->members =
        arena_new(&node->arena, (recorded + node->peers.count + 1) * sizeof *reply->members);
    while (count < recorded) {
        view_member(node, (int)count, &reply->members[count]);
        count += 1;
    }
    if (node->self < 0)
        view_self(node, &reply->members[count++]);
    others = count;
    while ((peer = table_next(&node->peers, &at))) {
        if (topology && topology_member(topology, peer->id) >= 0)
            continue;
        reply->members[count] = peer->view;
        reply->members[count].linked = peer->linked;
        count += 1;
    }
    qsort(reply->members + others, count - others, sizeof *reply->members, view_compare);
    reply->member_count = count;
    reply_send(node, origin, reply);
}

// ---- scans --------------------------------------------------------------------------------------

static void scan_item(struct node *node, uint32_t shard, const struct store_item *from,
                      struct scan_item *to)
{
    struct object object = from->object;
    struct clock context = clock_in(&node->arena);

    object_expire(&object, node->wall_ms);
    clock_copy(&context, store_clock(node->store, shard));
    clock_join(&context, &object.rest);
    *to = (struct scan_item){.bucket = from->bucket,
                             .key = from->key,
                             .versions = object.versions,
                             .version_count = object.count,
                             .token = context_token(node, from->bucket, from->key, &context)};
}

static struct scan_item *items_make(struct node *node, uint32_t shard,
                                    const struct store_page *page, uint32_t *out_count)
{
    struct scan_item *items = arena_alloc(&node->arena, page->count * sizeof *items);
    uint32_t count = 0;

    for (uint32_t i = 0; i < page->count; i++) {
        const struct store_item *from = &page->items[i];
        bool system = from->bucket.size && from->bucket.data[0] == BUCKET_SYSTEM_PREFIX;

        scan_item(node, shard, from, &items[count]);
        count += items[count].version_count > 0 && !system;
    }
    *out_count = count;
    return items;
}

// A deep copy of a page's reply.
static struct reply *page_copy(struct arena *arena, const struct reply *from)
{
    struct reply *reply = arena_alloc(arena, sizeof *reply);

    *reply = *from;
    reply->after = arena_copy(arena, from->after);
    reply->items = arena_alloc(arena, from->item_count * sizeof *reply->items);
    for (uint32_t i = 0; i < from->item_count; i++) {
        struct object object = {.versions = from->items[i].versions,
                                .count = from->items[i].version_count};
        struct object copy;

        object_copy(arena, &object, &copy);
        reply->items[i] = (struct scan_item){.bucket = arena_copy(arena, from->items[i].bucket),
                                             .key = arena_copy(arena, from->items[i].key),
                                             .versions = copy.versions,
                                             .version_count = copy.count,
                                             .token = arena_copy(arena, from->items[i].token)};
    }
    return reply;
}

// A read never shows what could still be lost: the page waits for the newest position in it.
static void scan_wait(struct node *node, const struct origin *origin, const struct request *request,
                      const struct reply *reply, uint64_t position)
{
    struct op *op = op_new(node, OP_SCAN, origin, request->timeout_ms);

    op->request.method = METHOD_SCAN;
    op->scan = page_copy(&op->page, reply);
    op_account(node, op, op->page.total);
    wait_new(node, WAIT_OP, position)->op = op->id;
}

void scan_durable(struct node *node, struct op *op)
{
    reply_outcome(node, op, page_copy(&node->arena, op->scan));
    op_end(node, op);
}

static void scan_local(struct node *node, const struct origin *origin,
                       const struct request *request)
{
    struct reply *reply = reply_new(node, METHOD_SCAN);
    struct store_scan scan = {.shard = request->shard,
                              .after = request->after.size ? request->after.data : NULL,
                              .items_max = request->items_max,
                              .bytes_max = SCAN_BYTES_MAX};
    struct store_page page;
    uint64_t newest = 0;
    int err = store_scan(node->store, &scan, &node->arena, &page);

    if (err) {
        reply_error(node, origin, METHOD_SCAN, err, err_text(err));
        return;
    }
    reply->items = items_make(node, request->shard, &page, &reply->item_count);
    reply->more = page.more;
    if (page.count)
        reply->after = slice_of(page.items[page.count - 1].tree_key, TREE_KEY_SIZE);
    for (uint32_t i = 0; i < page.count; i++)
        newest = page.items[i].position > newest ? page.items[i].position : newest;
    if (wait_durable(node, newest))
        reply_send(node, origin, reply);
    else
        scan_wait(node, origin, request, reply, newest);
}

void scan_request(struct node *node, const struct origin *origin, const struct request *wish)
{
    struct request request = *wish;
    struct key key = {.shard = request.shard};

    if (request.items_max == 0 || request.items_max > SCAN_ITEMS_MAX)
        request.items_max = SCAN_ITEMS_MAX;
    if (!node->topology)
        reply_error(node, origin, METHOD_SCAN, ERR_NO_CLUSTER,
                    "this node belongs to no cluster yet: run quorate cluster init");
    else if (request.shard >= node->topology->shards)
        reply_error(node, origin, METHOD_SCAN, ERR_INVALID,
                    arena_text(&node->arena, "shards are numbered 0..%" PRIu32,
                               node->topology->shards - 1));
    else if (request.after.size && request.after.size != TREE_KEY_SIZE)
        reply_error(node, origin, METHOD_SCAN, ERR_INVALID,
                    "after must be what the scan before gave");
    else if (node_serves(node, request.shard))
        scan_local(node, origin, &request);
    else if (origin->kind == ORIGIN_PEER)
        reply_error(node, origin, METHOD_SCAN, ERR_NOT_SERVING,
                    "the owner asked holds no complete copy of the shard: try another node");
    else
        forward_start(node, origin, &request, &key);
}
