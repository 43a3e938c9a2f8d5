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

enum {
    INIT_TIMEOUT_MS = 5000,
    LEARN_EVERY_US = 1000000,
    SHARDS_DEFAULT = 256,
    REPLICAS_DEFAULT = 3
};

// ---- keeping records ----------------------------------------------------------------------------

static struct slice record_to_arena(struct node *node, const struct topology *topology)
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
static int topology_adopt(struct node *node, struct topology *topology, struct slice record,
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
static int proposal_accept(struct node *node, uint64_t ballot, struct slice record,
                           uint64_t *out_position)
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

// ---- the coordinator of an init -----------------------------------------------------------------

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
        *out = record_to_arena(node, &topology);
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

static void init_tell(struct node *node, struct op *op, enum message_kind kind)
{
    struct message message = {.kind = kind,
                              .op = op->id,
                              .ballot = op->ballot,
                              .record = arena_copy(&node->arena, buffer_slice(&op->record))};

    for (uint32_t i = 0; i < op->init_count; i++) {
        if (op->init_nodes[i] != node->settings.self.id)
            node_send(node, op->init_nodes[i], &message);
    }
}

static void init_propose(struct node *node, struct op *op, struct slice record)
{
    uint64_t round = (node->ballot >> 32) + 1;
    uint64_t position = 0;
    int err;

    op->ballot = round << 32 | (node->settings.self.id & UINT32_MAX);
    buffer_add_slice(&op->record, record);
    err = proposal_accept(node, op->ballot, record, &position);
    if (err) {
        init_fail(node, op, err,
                  arena_text(&node->arena, "cluster init: %s on %s: nothing was done",
                             err_text(err), node->settings.self.name));
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
    uint64_t position = 0;
    int err;

    if (op->ballot != node->ballot || node->topology) {
        init_fail(
            node, op, ERR_STALE,
            "cluster init: another node's init overtook this one: see quorate cluster status");
        return;
    }
    check(topology_decode(buffer_slice(&op->record), &topology) == 0);
    err = topology_adopt(node, topology, buffer_slice(&op->record), &position);
    if (err) {
        init_fail(node, op, err, "cluster init: the record cannot be stored here: run it again");
        return;
    }
    op->phase = INIT_DECIDE;
    wait_new(node, WAIT_OP, position)->op = op->id;
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

static void init_step(struct node *node, struct op *op, uint64_t from)
{
    if (op->phase == INIT_DECIDE && from == node->settings.self.id)
        init_commit(node, op);
    else if (op->phase != INIT_DECIDE && init_answer(op, from))
        op->phase == INIT_PREPARE ? init_decide(node, op) : init_reply(node, op);
}

// Our own record of the phase is durable.
void cluster_settle(struct node *node, struct op *op)
{
    init_step(node, op, node->settings.self.id);
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
        answer.err = proposal_accept(node, message->ballot, message->record, &position);
    topology_free(topology);
    answer_when_durable(node, from, &answer, position);
}

static void on_prepared(struct node *node, uint64_t from, const struct message *message)
{
    struct op *op = op_find(node, message->op);

    if (!op || op->kind != OP_INIT || op->phase != INIT_PREPARE)
        return;
    if (!message->err) {
        init_step(node, op, from);
        return;
    }
    if (message->err == ERR_STALE && message->ballot > node->ballot)
        node->ballot = message->ballot; // the next try goes above it
    init_fail(node, op, message->err == ERR_CLUSTER_EXISTS ? ERR_PRECONDITION : message->err,
              arena_text(&node->arena,
                         "cluster init: %s refused (%s): nothing is decided, run it again",
                         node_name_of(node, from), err_text(message->err)));
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
        answer.err = topology_adopt(node, topology, message->record, &position);
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
    if (topology_adopt(node, topology, message->record, &position))
        node_log(node, LOG_ALARM, "a newer topology record cannot be stored");
}

static void on_topology_get(struct node *node, uint64_t from, const struct message *message)
{
    struct message answer = {.kind = MESSAGE_TOPOLOGY, .op = message->op};

    if (node->topology)
        answer.record = record_to_arena(node, node->topology);
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
        on_prepared(node, from, message);
        break;
    case MESSAGE_COMMIT:
        on_commit(node, from, message);
        break;
    case MESSAGE_COMMITTED:
        if (op && op->kind == OP_INIT && op->phase == INIT_COMMIT && !message->err)
            init_step(node, op, from);
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
