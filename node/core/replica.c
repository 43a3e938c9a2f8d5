// SPDX-License-Identifier: Apache-2.0
// The node as a replica: what a coordinating peer asks of it. It applies deltas and tells when they
// are durable; it answers reads with what it holds and its full context. It judges nothing. Asked
// to stand in for an owner it does the same for a shard that it does not own: nothing held, nothing
// and an empty context are its answer.
#include "base/plant.h"
#include "node/core/machine.h"

bool replica_born(const struct node *node, uint32_t shard)
{
    struct store_shard replica;

    store_shard(node->store, shard, &replica);
    return replica.born;
}

// 0 when the key's shard is ours to keep under the topology we know, or we are asked to stand in
// for one of its owners: *out_guest then.
static int key_held(struct node *node, const struct message *message, struct key *out,
                    bool *out_guest)
{
    int err;

    if (!node->topology)
        return ERR_NO_CLUSTER;
    err =
        key_make(node->topology->seed, node->topology->shards, message->bucket, message->key, out);
    if (err)
        return err;
    if (node->self < 0)
        return ERR_STALE;
    *out_guest = topology_rank(node->topology, out->shard, node->self) < 0;
    return *out_guest && !message->guest ? ERR_STALE : 0;
}

static void applied_send(struct node *node, uint64_t to, uint64_t op, int err)
{
    struct message message = {.kind = MESSAGE_APPLIED, .op = op, .err = err};

    if (op)
        node_send(node, to, &message);
}

// A guest keeps each dot in its dot log until all owners have it: without room for more it takes no
// more.
int guest_refusal(const struct node *node)
{
    return store_dots_room(node->store) > 0 ? 0 : ERR_OVERLOADED;
}

void replica_apply(struct node *node, uint64_t from, const struct message *message)
{
    const struct delta *delta = &message->delta;
    struct key key;
    struct wait *wait;
    uint64_t position;
    bool guest;
    int err = key_held(node, message, &key, &guest);

    if (!err && guest)
        err = guest_refusal(node);
    if (!err && node->wait_count >= WAITS_MAX)
        err = ERR_OVERLOADED;
    if (!err)
        err = store_apply(node->store, &key, delta, &node->arena, &position);
    if (err == ERR_DAMAGED)
        rebuild_start(node, &key);
    if (err) {
        applied_send(node, from, message->op, err);
        return;
    }
    for (uint32_t i = 0; i < delta->count; i++)
        node_see_stamp(node, delta->versions[i].stamp);
    if (!message->op)
        return;
    if (wait_durable(node, position) || (guest && planted("guest-early")) || // before its log
        planted("apply-early")) { // a replica acknowledges too soon
        applied_send(node, from, message->op, 0);
        return;
    }
    wait = wait_new(node, WAIT_APPLIED, position);
    wait->peer = from;
    wait->op = message->op;
}

void replica_encode(struct node *node, const struct key *key, const struct store_view *view,
                    struct buffer *out)
{
    struct object answer = view->object;

    answer.rest = clock_in(&node->arena);
    clock_copy(&answer.rest, store_clock(node->store, key->shard));
    clock_join(&answer.rest, &view->object.rest);
    object_encode(&answer, out);
}

void replica_read(struct node *node, uint64_t from, const struct message *message)
{
    struct message answer = {.kind = MESSAGE_OBJECT, .op = message->op};
    struct store_view view;
    struct key key;
    struct wait *wait;
    bool guest;

    answer.err = key_held(node, message, &key, &guest);
    // Whoever rebuilds a record takes what there is, complete or not.
    if (!answer.err && !message->guest && !replica_born(node, key.shard) &&
        !planted("unborn-answers"))
        answer.err = ERR_NOT_SERVING;
    if (!answer.err)
        answer.err = store_read(node->store, &key, &node->arena, &view);
    if (answer.err == ERR_DAMAGED)
        rebuild_start(node, &key);
    if (!answer.err && !wait_durable(node, view.position) &&
        (node->wait_count >= WAITS_MAX || node->memory >= node->settings.memory_max))
        answer.err = ERR_OVERLOADED;
    if (!answer.err && !wait_durable(node, view.position) && !planted("read-undurable")) {
        wait = wait_new(node, WAIT_ANSWER, view.position);
        wait->peer = from;
        wait->op = message->op;
        replica_encode(node, &key, &view, &wait->object);
        node->memory += wait->object.size;
        return;
    }
    if (!answer.err) {
        answer.object = view.object;
        answer.object.rest = clock_in(&node->arena);
        clock_copy(&answer.object.rest, store_clock(node->store, key.shard));
        if (!planted("read-without-rest")) // an answer's context is the shard's clock alone
            clock_join(&answer.object.rest, &view.object.rest);
    }
    node_send(node, from, &answer);
}

bool node_serves(const struct node *node, uint32_t shard)
{
    return node->self >= 0 && topology_rank(node->topology, shard, node->self) >= 0 &&
           replica_born(node, shard);
}
