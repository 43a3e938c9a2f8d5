// SPDX-License-Identifier: Apache-2.0
// Rebuilding a key whose record here is damaged. With one clock a shard, "dot in the clock, version
// gone" means overwritten or deleted; a record lost to damage must therefore never look like that.
// Its key is unknown here and answers nobody, and no other replica is sent the key's dots, until
// others have told what they hold (presence wins).
//
// Whoever answers must know at least what this replica claims to know of the key: together their
// contexts must cover our clock as of the question, and what fills brought, be they under way or
// given up. Else the newest write may be one that only this replica
// and somebody who is away have: it would be lost here, and its dot, given to others, would lose it
// everywhere. Guests are asked too, as far as they can be reached. What is not covered now will be
// when sync has spread it, or when those who are away are back; when all are there, have been for a
// while, and none can tell more, it is lost with the damaged record, and an alarm says so.
#include "node/core/machine.h"

#include <inttypes.h>

enum { REBUILDS_MAX = 256, REBUILD_TIMEOUT_MS = 2000, WARN_US = 60000000 };

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

// What this replica claims to have seen of any key of the shard.
void rebuild_claims(struct node *node, uint32_t shard, struct clock *out)
{
    clock_join(out, store_clock(node->store, shard));
    fill_clocks_join(node, shard, out);
}

// A fill goes on while answers are awaited: it may have passed the key, or brought dots of it.
void rebuilds_claim_more(struct node *node, uint32_t shard)
{
    struct clock claims = clock_in(&node->arena);
    struct op *op;
    size_t at = 0;

    rebuild_claims(node, shard, &claims);
    while ((op = table_next(&node->ops, &at))) {
        if (op->kind != OP_REBUILD || op->key.shard != shard)
            continue;
        op->record.size = 0;
        clock_encode(&claims, &op->record);
    }
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

// An owner without a complete copy is asked as a guest is: what it has seen of the key it tells
// exactly, little as it may be.
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
        message.guest = !owner_serves(node, op->key.shard, answer->node);
        node_send(node, answer->node, &message);
    }
    rebuild_ask_guests(node, op, &message);
}

// Not each time that it is tried again.
static void rebuild_warn(struct node *node, uint32_t shard)
{
    if (node->rebuild_warned_us && node->now_us < node->rebuild_warned_us + WARN_US)
        return;
    node->rebuild_warned_us = node->now_us;
    node_log(node, LOG_WARNING,
             "a damaged record in shard %" PRIu32 ": rebuilding it from the other owners", shard);
}

// A guest's record cannot be replaced by what owners hold: it may be of writes that they lack.
uint64_t rebuild_start(struct node *node, const struct key *key)
{
    uint32_t replicas = node->topology->replicas;
    struct clock claims = clock_in(&node->arena);
    uint32_t running;
    struct op *op = rebuild_find(node, key, &running);

    if (op)
        return op->id;
    if (replicas == 1 || running >= REBUILDS_MAX ||
        topology_rank(node->topology, key->shard, node->self) < 0)
        return 0;
    op = op_new(node, OP_REBUILD, NULL, REBUILD_TIMEOUT_MS);
    op_keep_key(node, op, key);
    op_set_owners(node, op);
    quorum_init(&op->quorum, replicas, UINT32_MAX, 1, 0);
    rebuild_claims(node, key->shard, &claims);
    clock_encode(&claims, &op->record);
    op->sloppy = guests_allowed(node, false);
    rebuild_ask(node, op);
    if (quorum_verdict(&op->quorum) == QUORUM_IMPOSSIBLE) {
        op_end(node, op);
        return 0;
    }
    rebuild_warn(node, key->shard);
    return op->id;
}

static void rebuild_finish(struct node *node, struct op *op, const struct object *merged)
{
    uint64_t position;
    uint64_t id = op->id;
    int err;

    err = store_rebuild(node->store, &op->key, merged, &position);
    if (err)
        node_log(node, LOG_ALARM, "a damaged record cannot be rebuilt: %s", err_text(err));
    else
        node->counts.rebuilt += 1;
    op_end(node, op);
    parked_wake(node, id, err, "the damaged record cannot be rebuilt here: use another node");
}

// Whether the answers know all that our clock claimed when they were asked for.
static bool answers_cover(struct node *node, const struct op *op, struct object *out_merged)
{
    struct reader reader = reader_of(buffer_slice(&op->record));
    struct clock claimed = clock_in(&node->arena);

    check(clock_decode(&reader, &claimed) == 0);
    if (quorum_verdict(&op->quorum) != QUORUM_MET)
        return false;
    answers_merge(node, op, out_merged);
    return clock_covers(&out_merged->rest, &claimed);
}

static uint32_t answers_told(const struct op *op, uint32_t count)
{
    uint32_t told = 0;

    for (uint32_t rank = 0; rank < count; rank++) {
        const struct answer *answer = &op->answers[rank];
        bool damaged = answer->state == ANSWER_FAILED && answer->err == ERR_DAMAGED;

        told += answer->state == ANSWER_OK || damaged;
    }
    return told;
}

static bool complete_one_told(const struct node *node, const struct op *op)
{
    bool any = false;

    for (uint32_t rank = 0; rank < op->owner_count; rank++)
        any |= op->answers[rank].state == ANSWER_OK &&
               owner_serves(node, op->key.shard, op->answers[rank].node);
    return any;
}

// All other owners have told what they hold, some perhaps that it is damaged there too; and so have
// all who could stand in, or nobody does. (A key that is damaged in all complete copies stays so:
// that is no rot, and for a person to look at.)
static bool damage_is_final(struct node *node, const struct op *op)
{
    const struct topology *topology = node->topology;
    bool owners = answers_told(op, topology->replicas) + 1 == topology->replicas;
    bool members = answers_told(op, op->answer_count) + 1 == topology->member_count;

    if (!owners || !complete_one_told(node, op) ||
        !(members ? repair_all_there(node) : repair_all_well(node)))
        return false;
    node_log(node, LOG_ALARM,
             "a damaged record in shard %" PRIu32 " held a write that nobody else has: it is lost",
             op->key.shard);
    return true;
}

void rebuild_failed(struct node *node, struct op *op)
{
    uint64_t id = op->id;
    struct object merged = {.rest = clock_in(&node->arena)};
    struct store_view view;

    // It may have been mended meanwhile (mend.c), and written: what was asked for is old then.
    if (store_read(node->store, &op->key, &node->arena, &view) != ERR_DAMAGED) {
        op_end(node, op);
        parked_wake(node, id, 0, NULL);
        return;
    }
    if (answers_cover(node, op, &merged) || damage_is_final(node, op)) {
        rebuild_finish(node, op, &merged);
        return;
    }
    op_end(node, op);
    parked_wake(node, id, ERR_DAMAGED,
                "the record of this key is damaged here, and those who answered do not know of all "
                "writes that it may have held: try again when the others are back");
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
        answer_keep(node, op, (uint32_t)rank, message->encoded);
        op->answers[rank].state = ANSWER_OK;
        quorum_add(&op->quorum, (uint32_t)rank);
    }
    rebuild_settle(node, op);
}
