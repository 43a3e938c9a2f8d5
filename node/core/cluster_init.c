// SPDX-License-Identifier: Apache-2.0
// The coordinator of `cluster init`: see cluster.c for the protocol and why it decides once.
#include "node/core/machine.h"

#include <inttypes.h>
#include <stdlib.h>

enum { INIT_TIMEOUT_MS = 5000, SHARDS_DEFAULT = 256, REPLICAS_DEFAULT = 3 };

static struct op *init_find(const struct node *node)
{
    struct op *op;
    size_t at = 0;

    while ((op = table_next(&node->ops, &at))) {
        if (op->kind == OP_INIT)
            return op;
    }
    return NULL;
}

static void init_fail(struct node *node, struct op *op, int err, const char *text)
{
    reply_error(node, &op->origin, METHOD_CLUSTER_INIT, err, text);
    op_end(node, op);
}

static bool peer_counts(const struct peer *peer)
{
    return peer->view.state == MEMBER_ALIVE || peer->view.state == MEMBER_SUSPECT;
}

static int member_compare(const void *a, const void *b)
{
    uint64_t left = ((const struct member *)a)->id;
    uint64_t right = ((const struct member *)b)->id;

    return left < right ? -1 : left > right;
}

// Ourselves and all nodes that gossip sees, by id, in the arena.
static struct member *members_seen(struct node *node, uint32_t *out_count)
{
    struct member *members = arena_alloc(&node->arena, (node->peers.count + 1) * sizeof *members);
    const struct peer *peer;
    uint32_t count = 0;
    size_t at = 0;

    members[count++] = node->settings.self;
    while ((peer = table_next(&node->peers, &at))) {
        if (peer_counts(peer))
            members[count++] = peer->view.member;
    }
    qsort(members, count, sizeof *members, member_compare);
    *out_count = count;
    return members;
}

static const char *names_of(struct node *node, const struct member *members, uint32_t count)
{
    const char *names = members[0].name;

    for (uint32_t i = 1; i < count && i < 16; i++)
        names = arena_text(&node->arena, "%s, %s", names, members[i].name);
    return names;
}

// Why the nodes seen cannot become a cluster now; NULL when they can.
static const char *members_refusal(struct node *node, const struct member *members, uint32_t count,
                                   uint32_t wanted)
{
    if (count != wanted)
        return arena_text(
            &node->arena,
            "cluster init: gossip sees %" PRIu32 " of %" PRIu32 " nodes (%s): %s, or use "
            "--nodes %" PRIu32,
            count, wanted, names_of(node, members, count),
            count < wanted ? "start and join the others" : "stop the surplus ones", count);
    for (uint32_t i = 0; i < count; i++) {
        const struct peer *peer = peer_find(node, members[i].id);

        if (peer && !peer->linked)
            return arena_text(&node->arena,
                              "cluster init: %s is seen but not connected yet: try again",
                              members[i].name);
        if (peer && peer->cluster)
            return arena_text(&node->arena,
                              "cluster init: %s already belongs to cluster %016" PRIx64
                              ": this node will join it by itself",
                              members[i].name, peer->cluster);
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(members[i].name, members[j].name) == 0)
                return arena_text(&node->arena,
                                  "cluster init: two nodes are called %s: give them --name",
                                  members[i].name);
        }
    }
    return NULL;
}

static const char *request_wrong(struct node *node, const struct request *request)
{
    if (request->shards < 1 || request->shards > SHARDS_MAX ||
        (request->shards & (request->shards - 1)))
        return arena_text(&node->arena, "cluster init: shards must be a power of two up to %d",
                          SHARDS_MAX);
    if (request->replicas < 1 || request->replicas > REPLICAS_MAX)
        return arena_text(&node->arena, "cluster init: replicas must be 1..%d", REPLICAS_MAX);
    if (request->nodes < request->replicas)
        return arena_text(&node->arena,
                          "cluster init: %" PRIu32 " replicas need as many nodes: use --replicas "
                          "%" PRIu32,
                          request->replicas, request->nodes);
    if (request->nodes > MEMBERS_MAX)
        return arena_text(&node->arena, "cluster init: at most %d nodes", MEMBERS_MAX);
    return NULL;
}

// The record of epoch 1, encoded in the arena. 0 or an error of plan_table.
static int record_make(struct node *node, const struct request *request,
                       const struct member *members, struct slice *out, uint32_t *out_shared_hosts)
{
    struct topology topology = {.epoch = 1,
                                .cluster = rng_u64(&node->rng) | 1,
                                .seed = rng_u64(&node->rng),
                                .shards = request->shards,
                                .replicas = request->replicas,
                                .member_count = request->nodes};
    size_t table = (size_t)request->shards * request->replicas * sizeof *topology.owners;
    int err;

    topology.members = arena_alloc(&node->arena, request->nodes * sizeof *members);
    memcpy(topology.members, members, request->nodes * sizeof *members);
    topology.owners = arena_new(&node->arena, table);
    err = plan_table(&topology, NULL, out_shared_hosts);
    if (!err)
        *out = cluster_record(node, &topology);
    return err;
}

static void init_expect_all(struct op *op, const struct member *members, uint32_t count)
{
    free(op->init_nodes);
    op->init_nodes = memory_new(count * sizeof *op->init_nodes);
    op->init_count = count;
    for (uint32_t i = 0; i < count; i++)
        op->init_nodes[i] = members[i].id;
}

// True when the answer of `id` was the last one expected.
static bool init_answer(struct op *op, uint64_t id)
{
    bool all = true;

    for (uint32_t i = 0; i < op->init_count; i++) {
        if (op->init_nodes[i] == id)
            op->init_nodes[i] = 0;
        all &= op->init_nodes[i] == 0;
    }
    return all;
}

// Tells everybody whose answer is still expected.
static void init_tell(struct node *node, struct op *op, enum message_kind kind)
{
    struct message message = {.kind = kind,
                              .op = op->id,
                              .ballot = op->ballot,
                              .record = arena_copy(&node->arena, buffer_slice(&op->record))};

    for (uint32_t i = 0; i < op->init_count; i++) {
        if (op->init_nodes[i] && op->init_nodes[i] != node->settings.self.id)
            node_send(node, op->init_nodes[i], &message);
    }
}

static const char *accept_refusal(struct node *node, const char *name, int err)
{
    if (err == ERR_PRECONDITION)
        return arena_text(
            &node->arena,
            "cluster init: %s has accepted an earlier init that lists nodes which are "
            "missing now: start them all, or empty the stores of those that took part",
            name);
    return arena_text(&node->arena,
                      "cluster init: %s refused (%s): nothing is decided, run it again", name,
                      err_text(err));
}

static void init_propose(struct node *node, struct op *op, struct slice record)
{
    uint64_t round = (node->ballot >> 32) + 1;
    uint64_t position = 0;
    int err;

    op->ballot = round << 32 | (node->settings.self.id & UINT32_MAX);
    buffer_add_slice(&op->record, record);
    err = cluster_accept(node, op->ballot, record, &position);
    if (err) {
        init_fail(node, op, err, accept_refusal(node, node->settings.self.name, err));
        return;
    }
    init_tell(node, op, MESSAGE_PREPARE);
    wait_new(node, WAIT_OP, position)->op = op->id;
}

void cluster_init_request(struct node *node, const struct origin *origin,
                          const struct request *wish)
{
    struct request request = *wish;
    const char *text = NULL;
    struct member *members;
    struct slice record;
    uint32_t count;
    struct op *op;
    int err = ERR_PRECONDITION;

    request.shards = request.shards ? request.shards : SHARDS_DEFAULT;
    request.replicas = request.replicas ? request.replicas : REPLICAS_DEFAULT;
    members = members_seen(node, &count);
    if (node->topology) {
        err = ERR_CLUSTER_EXISTS;
        text = arena_text(&node->arena,
                          "cluster init: %s already belongs to cluster %016" PRIx64
                          " (epoch %" PRIu64 "): nothing was changed",
                          node->settings.self.name, node->topology->cluster, node->topology->epoch);
    } else if (init_find(node)) {
        text = "cluster init: another one is under way here: wait for it";
    } else if ((text = request_wrong(node, &request))) {
        err = ERR_INVALID;
    } else {
        text = members_refusal(node, members, count, request.nodes);
    }
    if (text) {
        reply_error(node, origin, METHOD_CLUSTER_INIT, err, text);
        return;
    }
    op = op_new(node, OP_INIT, origin, INIT_TIMEOUT_MS);
    err = record_make(node, &request, members, &record, &op->shared_hosts);
    if (err) {
        init_fail(node, op, err,
                  "cluster init: no table of owners can be planned for these nodes: "
                  "give at least as many of them a weight as there are replicas");
        return;
    }
    init_expect_all(op, members, count);
    init_propose(node, op, record);
}

// Everybody has accepted: the record is decided once it is durable here.
static void init_decide(struct node *node, struct op *op)
{
    struct topology *topology = NULL;
    int err;

    if (op->ballot != node->ballot || node->topology) {
        init_fail(
            node, op, ERR_STALE,
            "cluster init: another node's init overtook this one: see quorate cluster status");
        return;
    }
    check(topology_decode(buffer_slice(&op->record), &topology) == 0);
    err = cluster_adopt(node, topology, buffer_slice(&op->record));
    if (err) {
        init_fail(node, op, err, "cluster init: the record cannot be stored here: run it again");
        return;
    }
    op->phase = INIT_DECIDE;
    wait_new(node, WAIT_OP, node->topology_position)->op = op->id;
}

static void init_commit(struct node *node, struct op *op)
{
    op->phase = INIT_COMMIT;
    init_expect_all(op, node->topology->members, node->topology->member_count);
    init_tell(node, op, MESSAGE_COMMIT);
    if (init_answer(op, node->settings.self.id))
        cluster_timed_out(node, op); // nobody else: done
}

static void init_reply(struct node *node, struct op *op)
{
    struct reply *reply = reply_new(node, METHOD_CLUSTER_INIT);

    reply->topology = node->topology;
    reply->shared_hosts = op->shared_hosts;
    reply_send(node, &op->origin, reply);
    op_end(node, op);
}

void cluster_init_answered(struct node *node, struct op *op, uint64_t from)
{
    if (op->phase == INIT_DECIDE && from == node->settings.self.id)
        init_commit(node, op);
    else if (op->phase != INIT_DECIDE && init_answer(op, from))
        op->phase == INIT_PREPARE ? init_decide(node, op) : init_reply(node, op);
}

// A question or its answer may have been lost, for one while a link was not up yet: both are
// harmless to repeat.
void cluster_init_upkeep(struct node *node)
{
    struct op *op = init_find(node);

    if (op && op->phase != INIT_DECIDE)
        init_tell(node, op, op->phase == INIT_PREPARE ? MESSAGE_PREPARE : MESSAGE_COMMIT);
}

// Our own record of the phase is durable.
void cluster_settle(struct node *node, struct op *op)
{
    cluster_init_answered(node, op, node->settings.self.id);
}

void cluster_timed_out(struct node *node, struct op *op)
{
    uint32_t left = 0;

    if (op->phase ==
        INIT_COMMIT) { // decided: whoever has not heard of it will learn it from gossip
        init_reply(node, op);
        return;
    }
    for (uint32_t i = 0; i < op->init_count; i++)
        left += op->init_nodes[i] != 0;
    init_fail(node, op, ERR_TIMEOUT,
              arena_text(&node->arena,
                         "cluster init: %" PRIu32 " of %" PRIu32
                         " nodes accepted in %d ms: nothing is decided, run it again",
                         op->init_count - left, op->init_count, INIT_TIMEOUT_MS));
}

void cluster_init_prepared(struct node *node, struct op *op, uint64_t from,
                           const struct message *message)
{
    if (op->phase != INIT_PREPARE)
        return;
    if (!message->err) {
        cluster_init_answered(node, op, from);
        return;
    }
    if (message->err == ERR_STALE && message->ballot > node->ballot)
        node->ballot = message->ballot; // the next try goes above it
    init_fail(node, op, message->err == ERR_CLUSTER_EXISTS ? ERR_PRECONDITION : message->err,
              accept_refusal(node, node_name_of(node, from), message->err));
}
