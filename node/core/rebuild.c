// SPDX-License-Identifier: Apache-2.0
// Rebuilding a key whose record here is damaged. With one clock a shard, "dot in the clock, version
// gone" means overwritten or deleted; a record lost to damage must therefore never look like that.
// Its key is unknown here, answers nobody, and is replaced by what a quorum of the other owners
// holds (presence wins). So many others must answer that every write acknowledged by a majority is
// among them. Those that may have stood in for owners are asked too, as far as they can be reached.
#include "node/core/machine.h"

#include <inttypes.h>

enum { REBUILDS_MAX = 256, REBUILD_TIMEOUT_MS = 2000 };

static struct op *rebuild_find(const struct node *node, const struct key *key, uint32_t *out_count)
{
    struct op *op;
    size_t at = 0;

    *out_count = 0;
    while ((op = table_next(&node->ops, &at))) {
        if (op->kind != OP_REBUILD)
            continue;
        *out_count += 1;
        if (op->key.low == key->low && op->key.high == key->high)
            return op;
    }
    return NULL;
}

static void rebuild_ask_guests(struct node *node, struct op *op, struct message *message)
{
    int rank;

    message->guest = true;
    while ((rank = guest_take(node, op)) >= 0) {
        op->answers[rank].state = ANSWER_WAITING;
        op->answers[rank].asked_us = node->now_us;
        node_send(node, op->answers[rank].node, message);
    }
}

static void rebuild_ask(struct node *node, struct op *op)
{
    uint64_t self = node->settings.self.id;
    struct message message = {.kind = MESSAGE_READ,
                              .op = op->id,
                              .bucket = arena_copy(&node->arena, op->key.bucket),
                              .key = arena_copy(&node->arena, op->key.key)};

    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        struct answer *answer = &op->answers[rank];

        if (answer->node == self || !node_reachable(node, answer->node)) {
            answer_fail(op, rank, ERR_CLOSED);
            continue;
        }
        answer->state = ANSWER_WAITING;
        answer->asked_us = node->now_us;
        node_send(node, answer->node, &message);
    }
    rebuild_ask_guests(node, op, &message);
}

// A guest's record cannot be replaced by what owners hold: it may be of writes that they lack.
uint64_t rebuild_start(struct node *node, const struct key *key)
{
    uint32_t replicas = node->topology->replicas;
    uint32_t majority = replicas / 2 + 1;
    uint32_t needed = majority < replicas ? majority : replicas - 1;
    uint32_t running;
    struct op *op = rebuild_find(node, key, &running);

    if (op)
        return op->id;
    if (needed == 0 || running >= REBUILDS_MAX ||
        topology_rank(node->topology, key->shard, node->self) < 0)
        return 0;
    op = op_new(node, OP_REBUILD, NULL, REBUILD_TIMEOUT_MS);
    op_keep_key(node, op, key);
    op_set_owners(node, op);
    quorum_init(&op->quorum, replicas, UINT32_MAX, needed, needed);
    op->sloppy = guests_allowed(node, false);
    rebuild_ask(node, op);
    if (quorum_verdict(&op->quorum) == QUORUM_IMPOSSIBLE) {
        op_end(node, op);
        return 0;
    }
    node_log(node, LOG_WARNING,
             "a damaged record in shard %" PRIu32 ": rebuilding it from %" PRIu32 " other owners",
             key->shard, needed);
    return op->id;
}

static void rebuild_finish(struct node *node, struct op *op)
{
    struct object merged;
    uint64_t position;
    uint64_t id = op->id;
    int err;

    answers_merge(node, op, &merged);
    err = store_rebuild(node->store, &op->key, &merged, &position);
    if (err)
        node_log(node, LOG_ALARM, "a damaged record cannot be rebuilt: %s", err_text(err));
    else
        node->counts.rebuilt += 1;
    op_end(node, op);
    parked_wake(node, id, err, "the damaged record cannot be rebuilt here: use another node");
}

void rebuild_failed(struct node *node, struct op *op)
{
    uint64_t id = op->id;

    if (quorum_verdict(&op->quorum) == QUORUM_MET) {
        rebuild_finish(node, op);
        return;
    }
    op_end(node, op);
    parked_wake(node, id, ERR_DAMAGED,
                "the record of this key is damaged here and too few other owners answered to "
                "rebuild it: try again when they are back");
}

// Waits for everybody asked, not only for enough: more answers make a better copy.
void rebuild_settle(struct node *node, struct op *op)
{
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        if (op->answers[rank].state == ANSWER_WAITING)
            return;
    }
    rebuild_failed(node, op);
}

void rebuild_answered(struct node *node, struct op *op, uint64_t from,
                      const struct message *message)
{
    int rank = op_rank(op, from);

    if (rank < 0 || op->answers[rank].state != ANSWER_WAITING)
        return;
    if (message->err) {
        answer_fail(op, (uint32_t)rank, message->err);
    } else {
        answer_keep(node, op, (uint32_t)rank, &message->object);
        op->answers[rank].state = ANSWER_OK;
        quorum_add(&op->quorum, (uint32_t)rank);
    }
    rebuild_settle(node, op);
}
