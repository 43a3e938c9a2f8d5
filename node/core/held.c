// SPDX-License-Identifier: Apache-2.0
// What this node itself holds, for whoever compares the copies of a shard: clock, counts and digest
// of each replica as of one moment, and the keys of one with the dots of their versions. Nothing is
// forwarded and nothing waits for the log: it is no answer to a reader.
#include "node/core/machine.h"

#include <inttypes.h>

enum { REPLICAS_PAGE_BYTES = 512 << 10 };

static bool held_refused(struct node *node, const struct origin *origin,
                         const struct request *request)
{
    if (!node->topology) {
        reply_error(node, origin, request->method, ERR_NO_CLUSTER,
                    "this node belongs to no cluster yet: run quorate cluster init");
        return true;
    }
    if (request->shard >= node->topology->shards) {
        reply_error(node, origin, request->method, ERR_INVALID,
                    arena_text(&node->arena, "shards are numbered 0..%" PRIu32,
                               node->topology->shards - 1));
        return true;
    }
    return false;
}

static void replica_look(const struct node *node, uint32_t shard, struct replica_view *out)
{
    struct store_shard replica;

    store_shard(node->store, shard, &replica);
    *out = (struct replica_view){.shard = shard,
                                 .owner = node->self >= 0 &&
                                          topology_rank(node->topology, shard, node->self) >= 0,
                                 .complete = node_serves(node, shard),
                                 .keys = replica.keys,
                                 .bytes = replica.bytes,
                                 .digest = replica.digest,
                                 .dots = replica.dots,
                                 .unknown = replica.unknown,
                                 .clock = *store_clock(node->store, shard)};
}

// Leaves out shards of which there is nothing here and need not be.
void replicas_request(struct node *node, const struct origin *origin, const struct request *request)
{
    struct reply *reply = reply_new(node, METHOD_REPLICAS);
    uint32_t wanted = request->items_max ? request->items_max : SCAN_ITEMS_MAX;
    uint32_t shard = request->shard;
    size_t bytes = 0;

    if (held_refused(node, origin, request))
        return;
    reply->replicas = arena_alloc(&node->arena, wanted * sizeof *reply->replicas);
    for (; shard < node->topology->shards; shard++) {
        struct replica_view *view = &reply->replicas[reply->replica_count];

        if (reply->replica_count == wanted || bytes > REPLICAS_PAGE_BYTES)
            break;
        replica_look(node, shard, view);
        if (!view->owner && view->clock.count == 0 && view->keys == 0)
            continue;
        bytes += sizeof *view + view->clock.count * sizeof *view->clock.runs;
        reply->replica_count += 1;
    }
    reply->more = shard < node->topology->shards;
    reply_send(node, origin, reply);
}

static void key_look(struct node *node, const struct store_item *from, struct held_key *to)
{
    struct object object = from->object;

    object_expire(&object, node->wall_ms);
    *to = (struct held_key){.tree_key =
                                arena_copy(&node->arena, slice_of(from->tree_key, TREE_KEY_SIZE)),
                            .bucket = from->bucket,
                            .key = from->key,
                            .dots = arena_alloc(&node->arena, object.count * sizeof *to->dots),
                            .dot_count = object.count};
    for (uint32_t i = 0; i < object.count; i++)
        to->dots[i] = object.versions[i].dot;
}

void held_request(struct node *node, const struct origin *origin, const struct request *request)
{
    struct store_scan scan = {.shard = request->shard,
                              .after = request->after.size ? request->after.data : NULL,
                              .items_max = request->items_max ? request->items_max : SCAN_ITEMS_MAX,
                              .bytes_max = SCAN_BYTES_MAX};
    struct reply *reply = reply_new(node, METHOD_HELD);
    struct store_page page;
    int err = 0;

    if (held_refused(node, origin, request))
        return;
    if (request->after.size && request->after.size != TREE_KEY_SIZE)
        err = ERR_INVALID;
    if (!err)
        err = store_scan(node->store, &scan, &node->arena, &page);
    if (err) {
        reply_error(node, origin, METHOD_HELD, err,
                    err == ERR_INVALID ? "after must be what the reply before gave"
                                       : err_text(err));
        return;
    }
    reply->held = arena_alloc(&node->arena, page.count * sizeof *reply->held);
    reply->held_count = page.count;
    for (uint32_t i = 0; i < page.count; i++)
        key_look(node, &page.items[i], &reply->held[i]);
    reply->more = page.more;
    if (page.count)
        reply->after = reply->held[page.count - 1].tree_key;
    reply_send(node, origin, reply);
}
