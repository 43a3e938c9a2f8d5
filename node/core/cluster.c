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
// And a later init, made where the first coordinator is not seen, must list everybody whom the
// accepted record lists: else two records could be decided among overlapping nodes.
//
// The birth mark: a replica is born complete by the commit of epoch 1 alone, when nothing can have
// been written yet, and only on a disk that had accepted this very record at some time (the digests
// of all accepted ones are kept). A listed node whose disk was emptied since fetches the same
// record but stays unborn: it owns its shards, and does not serve them.
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
}

static bool record_accepted(const struct node *node, uint64_t digest)
{
    for (uint32_t i = 0; i < node->accepted_count; i++) {
        if (node->accepted[i] == digest)
            return true;
    }
    return false;
}

// Sets the replicas up and, where the first record was accepted on this disk, marks those that we
// own as born. Doing it again does nothing.
static int shards_bear(struct node *node, const struct topology *topology, uint64_t *position)
{
    int self = topology_member(topology, node->settings.self.id);
    bool first =
        topology->epoch == 1 && self >= 0 && record_accepted(node, topology_digest(topology));
    int err = store_set_shards(node->store, topology->shards, position);

    for (uint32_t shard = 0; !err && first && shard < topology->shards; shard++) {
        if (topology_rank(topology, shard, self) >= 0 && !replica_born(node, shard))
            err = store_set_born(node->store, shard, position);
    }
    return err;
}

static void topology_log(struct node *node)
{
    const struct topology *topology = node->topology;
    uint32_t owned = node->self >= 0 ? topology_owned(topology, node->self) : 0;
    uint32_t born = 0;

    for (uint32_t shard = 0; shard < topology->shards; shard++)
        born += node_serves(node, shard);
    node_log(node, LOG_INFO,
             "topology: epoch %" PRIu64 " of cluster %016" PRIx64 ", %" PRIu32 " members, %" PRIu32
             " shards, %" PRIu32 " of them ours, %" PRIu32 " of those complete and served",
             topology->epoch, topology->cluster, topology->member_count, topology->shards, owned,
             born);
}

// Adopts a decided record: durable at node->topology_position, and told then. Takes `topology`
// over, also on failure. The record is logged before the marks, which a start makes up for if need
// be.
int cluster_adopt(struct node *node, struct topology *topology, struct slice record)
{
    uint64_t position = 0;
    int err = store_meta_put(node->store, "topology", record, &position);

    if (!err)
        err = shards_bear(node, topology, &position);
    if (err) {
        topology_free(topology);
        return err;
    }
    topology_take(node, topology);
    node->topology_position = position;
    wait_new(node, WAIT_TOPOLOGY, position);
    topology_log(node);
    return 0;
}

// The layout of "proposal": u64 ballot, varint count, digests (u64) of all records ever accepted,
// the record accepted last.
static int proposal_load(struct node *node, struct slice bytes)
{
    struct reader reader = reader_of(bytes);
    uint64_t count;

    node->ballot = reader_u64(&reader);
    count = reader_varint(&reader);
    if (reader.failed || count > ACCEPTED_MAX)
        return ERR_DAMAGED;
    node->accepted = memory_new(ACCEPTED_MAX * sizeof *node->accepted);
    node->accepted_count = (uint32_t)count;
    for (uint32_t i = 0; i < count; i++)
        node->accepted[i] = reader_u64(&reader);
    buffer_add(&node->proposal, reader.at, reader_left(&reader));
    return reader.failed ? ERR_DAMAGED : 0;
}

static int topology_load(struct node *node, struct slice bytes)
{
    struct topology *topology = NULL;
    uint64_t position;
    int err = topology_decode(bytes, &topology);

    if (err)
        return ERR_DAMAGED;
    topology_take(node, topology);
    return shards_bear(node, topology, &position);
}

int cluster_load(struct node *node)
{
    struct buffer bytes = {0};
    int err = 0;

    if (store_meta_get(node->store, "proposal", &bytes) == 0)
        err = proposal_load(node, buffer_slice(&bytes));
    bytes.size = 0;
    if (!err && store_meta_get(node->store, "topology", &bytes) == 0)
        err = topology_load(node, buffer_slice(&bytes));
    buffer_done(&bytes);
    return err;
}

static int accepted_add(struct node *node, uint64_t digest)
{
    if (record_accepted(node, digest))
        return 0;
    if (node->accepted_count == ACCEPTED_MAX)
        return ERR_OVERLOADED;
    if (!node->accepted)
        node->accepted = memory_new(ACCEPTED_MAX * sizeof *node->accepted);
    node->accepted[node->accepted_count++] = digest;
    return 0;
}

// True when every node that the record accepted last lists is in this one as well.
static bool covers_proposal(const struct node *node, const struct topology *topology)
{
    struct topology *held = NULL;
    bool covers = true;

    if (!node->proposal.size || topology_decode(buffer_slice(&node->proposal), &held))
        return true;
    for (uint32_t i = 0; i < held->member_count; i++)
        covers &= topology_member(topology, held->members[i].id) >= 0;
    topology_free(held);
    return covers;
}

// Accepts a record under a ballot: durable at the position. ERR_STALE: a higher ballot was
// accepted; ERR_PRECONDITION: an earlier record lists nodes that this one does not.
int cluster_accept(struct node *node, uint64_t ballot, struct slice record, uint64_t *out_position)
{
    bool same = slice_equal(buffer_slice(&node->proposal), record);
    struct topology *topology = NULL;
    struct buffer bytes = {0};
    int err = topology_decode(record, &topology);

    if (!err && (ballot < node->ballot || (ballot == node->ballot && !same)))
        err = ERR_STALE;
    else if (!err && !covers_proposal(node, topology))
        err = ERR_PRECONDITION;
    if (!err)
        err = accepted_add(node, topology_digest(topology));
    topology_free(topology);
    if (err)
        return err;
    buffer_add_u64(&bytes, ballot);
    buffer_add_varint(&bytes, node->accepted_count);
    for (uint32_t i = 0; i < node->accepted_count; i++)
        buffer_add_u64(&bytes, node->accepted[i]);
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

    if (answer->err || wait_durable(node, position)) {
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
    else if (!answer.err && node->topology)
        position = node->topology_position;
    else if (!answer.err)
        answer.err = cluster_accept(node, message->ballot, message->record, &position);
    if (answer.err == ERR_STALE)
        answer.ballot = node->ballot;
    topology_free(topology);
    answer_when_durable(node, from, &answer, position);
}

static void on_commit(struct node *node, uint64_t from, const struct message *message)
{
    struct message answer = {.kind = MESSAGE_COMMITTED, .op = message->op};
    struct topology *topology = NULL;

    answer.err = record_check(node, message->record, &topology);
    if (!answer.err && node->topology) {
        if (node->topology_digest != topology_digest(topology))
            answer.err = ERR_CLUSTER_EXISTS;
        topology_free(topology);
    } else if (!answer.err) {
        answer.err = cluster_adopt(node, topology, message->record);
    }
    answer_when_durable(node, from, &answer, node->topology_position);
}

static void on_topology(struct node *node, const struct message *message)
{
    struct topology *topology = NULL;

    if (!message->record.size || topology_decode(message->record, &topology))
        return;
    if (node->topology && (topology->cluster != node->topology->cluster ||
                           topology->epoch <= node->topology->epoch)) {
        topology_free(topology);
        return;
    }
    if (cluster_adopt(node, topology, message->record))
        node_log(node, LOG_ALARM, "a newer topology record cannot be stored");
}

static void on_topology_get(struct node *node, uint64_t from, const struct message *message)
{
    struct message answer = {.kind = MESSAGE_TOPOLOGY, .op = message->op};

    if (node->topology && !wait_durable(node, node->topology_position))
        return; // whoever asks asks again
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

// Two records with one epoch, or two clusters among the same nodes, mean that something went very
// wrong. Told once a peer.
static void record_alarm(struct node *node, struct peer *peer)
{
    bool member = topology_member(node->topology, peer->id) >= 0;
    bool foreign = peer->cluster != node->topology->cluster;
    bool other =
        peer->view.epoch == node->topology->epoch && peer->view.digest != node->topology_digest;

    if (peer->alarmed || !peer->cluster || (foreign ? !member : !other))
        return;
    peer->alarmed = true;
    node_log(node, LOG_ALARM,
             "%s has another topology record: cluster %016" PRIx64 " epoch %" PRIu64
             " digest %016" PRIx64 ", ours %016" PRIx64 " epoch %" PRIu64 " digest %016" PRIx64
             ": stop writing and compare the nodes",
             peer->view.member.name, peer->cluster, peer->view.epoch, peer->view.digest,
             node->topology->cluster, node->topology->epoch, node->topology_digest);
}

void cluster_learn(struct node *node, struct peer *peer)
{
    struct message ask = {.kind = MESSAGE_TOPOLOGY_GET};
    uint64_t epoch = node->topology ? node->topology->epoch : 0;

    if (node->topology)
        record_alarm(node, peer);
    if (!peer->linked || !peer->cluster || peer->view.epoch <= epoch ||
        (node->topology && peer->cluster != node->topology->cluster))
        return;
    if (peer->topology_asked_us && node->now_us - peer->topology_asked_us < LEARN_EVERY_US)
        return;
    peer->topology_asked_us = node->now_us;
    node_send(node, peer->id, &ask);
}

static int peer_compare(const void *a, const void *b)
{
    uint64_t left = (*(struct peer *const *)a)->id;
    uint64_t right = (*(struct peer *const *)b)->id;

    return left < right ? -1 : left > right;
}

// Asks again whoever is ahead of us, by id: the table's order must not show.
void cluster_upkeep(struct node *node)
{
    uint64_t epoch = node->topology ? node->topology->epoch : 0;
    struct peer **ahead = arena_alloc(&node->arena, node->peers.count * sizeof(struct peer *));
    struct peer *peer;
    size_t count = 0;
    size_t at = 0;

    while ((peer = table_next(&node->peers, &at))) {
        if (peer->view.epoch > epoch)
            ahead[count++] = peer;
    }
    qsort(ahead, count, sizeof *ahead, peer_compare);
    for (size_t i = 0; i < count; i++)
        cluster_learn(node, ahead[i]);
}
