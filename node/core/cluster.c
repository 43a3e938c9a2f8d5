// SPDX-License-Identifier: Apache-2.0
// How a cluster comes to be, and how its topology record spreads.
//
// `cluster init` is decided once. The coordinating node makes a record (random cluster id and seed,
// a balanced table), accepts it durably itself and asks every node listed in it to do so (prepare).
// When all have, it writes the record as decided, durably, and only then tells the others (commit).
// Nobody serves before that.
//
//   prepare ──▶ all accept durably ──▶ decided here, durably ──▶ commit ──▶ reply
//
// Two coordinators at once: proposals carry ballots, a node accepts a higher one as long as nothing
// is decided there, and a coordinator whose own node has accepted a higher ballot gives up. The
// coordinator is itself among the listed nodes, so a record that it has decided can no longer be
// overtaken: at most one record is ever decided. A node that accepted one and hears no more learns
// the decision from gossip: the others carry epoch 1, and it fetches the record.
//
// The birth mark: a replica is born complete by the commit of epoch 1 alone, when nothing can have
// been written yet, and only on a node that had accepted this very record. A listed node whose disk
// was emptied in between fetches the same record but stays unborn: it owns its shards, and does not
// serve them.
#include "node/core/machine.h"

#include <inttypes.h>
#include <stdlib.h>

enum { LEARN_EVERY_US = 1000000 };

// ---- keeping records ----------------------------------------------------------------------------

struct slice cluster_record(struct node *node, const struct topology *topology)
{
    struct buffer bytes = {0};
    struct slice kept;

    topology_encode(topology, &bytes);
    kept = arena_copy(&node->arena, buffer_slice(&bytes));
    buffer_done(&bytes);
    return kept;
}

// The record becomes the node's topology, in memory.
static void topology_take(struct node *node, struct topology *topology)
{
    topology_free(node->topology);
    node->topology = topology;
    node->topology_digest = topology_digest(topology);
    node->self = topology_member(topology, node->settings.self.id);
    peers_bind_members(node);
    node_act(node, ACTION_TOPOLOGY)->topology = topology;
}

static bool proposal_is(const struct node *node, struct slice record)
{
    return node->ballot && slice_equal(buffer_slice(&node->proposal), record);
}

// Writes birth marks of all shards that we own.
static int shards_bear(struct node *node, const struct topology *topology, uint64_t *position)
{
    int self = topology_member(topology, node->settings.self.id);

    for (uint32_t shard = 0; self >= 0 && shard < topology->shards; shard++) {
        int err = 0;

        if (topology_rank(topology, shard, self) >= 0)
            err = store_set_born(node->store, shard, position);
        if (err)
            return err;
    }
    return 0;
}

// Adopts a decided record: durable at the position. Takes `topology` over, also on failure. The
// marks are logged before the record, so a crash in between leaves no record without them.
int cluster_adopt(struct node *node, struct topology *topology, struct slice record,
                  uint64_t *out_position)
{
    bool first = !node->topology && topology->epoch == 1 && proposal_is(node, record);
    int err = store_set_shards(node->store, topology->shards, out_position);

    if (!err && first)
        err = shards_bear(node, topology, out_position);
    if (!err)
        err = store_meta_put(node->store, "topology", record, out_position);
    if (err) {
        topology_free(topology);
        return err;
    }
    topology_take(node, topology);
    node_log(node, LOG_INFO,
             "topology: epoch %" PRIu64 " of cluster %016" PRIx64 ", %" PRIu32 " members, %" PRIu32
             " shards, %" PRIu32 " of them ours%s",
             topology->epoch, topology->cluster, topology->member_count, topology->shards,
             node->self >= 0 ? topology_owned(topology, node->self) : 0,
             node->self >= 0 && !first ? " (no complete copy: not served)" : "");
    return 0;
}

int cluster_load(struct node *node)
{
    struct buffer bytes = {0};
    struct topology *topology = NULL;
    struct reader reader;
    int err = store_meta_get(node->store, "topology", &bytes);

    if (!err && (err = topology_decode(buffer_slice(&bytes), &topology)) == 0)
        topology_take(node, topology);
    if (err == ERR_NOT_FOUND)
        err = 0;
    bytes.size = 0;
    if (!err && store_meta_get(node->store, "proposal", &bytes) == 0) {
        reader = reader_of(buffer_slice(&bytes));
        node->ballot = reader_u64(&reader);
        buffer_add(&node->proposal, reader.at, reader_left(&reader));
        err = reader.failed ? ERR_DAMAGED : 0;
    }
    buffer_done(&bytes);
    return err == ERR_PROTOCOL ? ERR_DAMAGED : err;
}

// Accepts a record under a ballot: durable at the position.
int cluster_accept(struct node *node, uint64_t ballot, struct slice record, uint64_t *out_position)
{
    struct buffer bytes = {0};
    int err;

    buffer_add_u64(&bytes, ballot);
    buffer_add_slice(&bytes, record);
    err = store_meta_put(node->store, "proposal", buffer_slice(&bytes), out_position);
    buffer_done(&bytes);
    if (err)
        return err;
    node->ballot = ballot;
    node->proposal.size = 0;
    buffer_add_slice(&node->proposal, record);
    return 0;
}

// ---- the others ---------------------------------------------------------------------------------

static void answer_when_durable(struct node *node, uint64_t to, const struct message *answer,
                                uint64_t position)
{
    struct wait *wait;

    if (answer->err) {
        node_send(node, to, answer);
        return;
    }
    wait = wait_new(node, WAIT_CLUSTER, position);
    wait->answer = answer->kind;
    wait->peer = to;
    wait->op = answer->op;
    wait->ballot = answer->ballot;
}

// 0 when the record lists us and decodes; the record in *out.
static int record_check(const struct node *node, struct slice record, struct topology **out)
{
    struct topology *topology;
    int err = topology_decode(record, &topology);

    if (err)
        return err;
    if (topology_member(topology, node->settings.self.id) < 0) {
        topology_free(topology);
        return ERR_INVALID;
    }
    *out = topology;
    return 0;
}

static void on_prepare(struct node *node, uint64_t from, const struct message *message)
{
    struct message answer = {
        .kind = MESSAGE_PREPARED, .op = message->op, .ballot = message->ballot};
    struct topology *topology = NULL;
    uint64_t position = 0;

    answer.err = record_check(node, message->record, &topology);
    if (!answer.err && node->topology && node->topology_digest != topology_digest(topology))
        answer.err = ERR_CLUSTER_EXISTS;
    else if (!answer.err && message->ballot < node->ballot)
        answer.err = ERR_STALE;
    if (answer.err == ERR_STALE)
        answer.ballot = node->ballot;
    if (!answer.err && !node->topology)
        answer.err = cluster_accept(node, message->ballot, message->record, &position);
    topology_free(topology);
    answer_when_durable(node, from, &answer, position);
}

static void on_commit(struct node *node, uint64_t from, const struct message *message)
{
    struct message answer = {.kind = MESSAGE_COMMITTED, .op = message->op};
    struct topology *topology = NULL;
    uint64_t position = 0;

    answer.err = record_check(node, message->record, &topology);
    if (!answer.err && node->topology) {
        if (node->topology_digest != topology_digest(topology))
            answer.err = ERR_CLUSTER_EXISTS;
        topology_free(topology);
    } else if (!answer.err) {
        answer.err = cluster_adopt(node, topology, message->record, &position);
    }
    answer_when_durable(node, from, &answer, position);
}

static void on_topology(struct node *node, const struct message *message)
{
    struct topology *topology = NULL;
    uint64_t position = 0;

    if (!message->record.size || topology_decode(message->record, &topology))
        return;
    if (node->topology && (topology->cluster != node->topology->cluster ||
                           topology->epoch <= node->topology->epoch)) {
        topology_free(topology);
        return;
    }
    if (cluster_adopt(node, topology, message->record, &position))
        node_log(node, LOG_ALARM, "a newer topology record cannot be stored");
}

static void on_topology_get(struct node *node, uint64_t from, const struct message *message)
{
    struct message answer = {.kind = MESSAGE_TOPOLOGY, .op = message->op};

    if (node->topology)
        answer.record = cluster_record(node, node->topology);
    node_send(node, from, &answer);
}

void cluster_message(struct node *node, uint64_t from, const struct message *message)
{
    struct op *op = op_find(node, message->op);

    switch (message->kind) {
    case MESSAGE_PREPARE:
        on_prepare(node, from, message);
        break;
    case MESSAGE_PREPARED:
        if (op && op->kind == OP_INIT)
            cluster_init_prepared(node, op, from, message);
        break;
    case MESSAGE_COMMIT:
        on_commit(node, from, message);
        break;
    case MESSAGE_COMMITTED:
        if (op && op->kind == OP_INIT && op->phase == INIT_COMMIT && !message->err)
            cluster_init_answered(node, op, from);
        break;
    case MESSAGE_TOPOLOGY_GET:
        on_topology_get(node, from, message);
        break;
    default:
        on_topology(node, message);
        break;
    }
}

// ---- learning newer records ---------------------------------------------------------------------

// Two records with one epoch mean that something went very wrong.
static void epoch_alarm(struct node *node, const struct peer *peer)
{
    node_log(node, LOG_ALARM,
             "%s has another topology record of epoch %" PRIu64 " (digest %016" PRIx64
             ", ours %016" PRIx64 "): stop writing and compare the nodes",
             peer->view.member.name, node->topology->epoch, peer->view.digest,
             node->topology_digest);
}

void cluster_learn(struct node *node, struct peer *peer)
{
    struct message ask = {.kind = MESSAGE_TOPOLOGY_GET};
    uint64_t epoch = node->topology ? node->topology->epoch : 0;
    bool foreign = node->topology && peer->cluster && peer->cluster != node->topology->cluster;

    if (!peer->linked || !peer->cluster || foreign || peer->view.epoch < epoch)
        return;
    if (peer->topology_asked_us && node->now_us - peer->topology_asked_us < LEARN_EVERY_US)
        return;
    if (peer->view.epoch > epoch) {
        peer->topology_asked_us = node->now_us;
        node_send(node, peer->id, &ask);
    } else if (peer->view.digest != node->topology_digest && !peer->topology_asked_us) {
        peer->topology_asked_us = node->now_us; // once
        epoch_alarm(node, peer);
    }
}

void cluster_upkeep(struct node *node)
{
    struct peer *peer;
    size_t at = 0;

    while ((peer = table_next(&node->peers, &at))) {
        if (!node->topology || peer->view.epoch > node->topology->epoch)
            cluster_learn(node, peer);
    }
}
