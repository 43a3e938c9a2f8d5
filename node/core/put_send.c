// SPDX-License-Identifier: Apache-2.0
// Who is sent a write: the owners at once; those that stand in for owners that are away; owners
// that had no room, again.
#include "node/core/machine.h"

#include <inttypes.h>

// A busy but healthy cluster must not hand its writes to guests: owners that are only slow get a
// stand-in for at most one write in 50 (and at most HEDGE_BURST at once); those that say nothing at
// all are taken for away.
enum {
    HEDGE_SAMPLES_MIN = 64,
    HEDGE_US_DEFAULT = 50000,
    HEDGE_US_MIN = 20000,
    HEDGE_US_MAX = 500000,
    HEDGE_EARN = 2, // a write
    HEDGE_COST = 100,
    HEDGE_BURST = 32,
    OFFER_SHARE = 4, // of a write's age, between two offers to an owner that has no room
    OFFER_US_MIN = 20000,
    OFFER_US_MAX = 80000, // at most,
    OFFER_BYTES_US = 16   // and a microsecond for so many bytes
};

// The delta as it was sent first, for those that stand in later and those that had no room: made
// when it is needed, once a step.
static void delta_again(struct node *node, const struct op *op, struct message *delta)
{
    struct reader reader;

    if (delta->op)
        return;
    *delta = (struct message){.kind = MESSAGE_APPLY,
                              .op = op->id,
                              .bucket = arena_copy(&node->arena, op->key.bucket),
                              .key = arena_copy(&node->arena, op->key.key)};
    reader = reader_of(arena_copy(&node->arena, buffer_slice(&op->delta)));
    check(delta_decode(&reader, &node->arena, &delta->delta) == 0);
}

static void delta_send_to(struct node *node, struct op *op, uint32_t rank, struct message *delta)
{
    struct answer *answer = &op->answers[rank];
    struct message message;

    delta_again(node, op, delta);
    message = *delta;
    message.guest = answer_is_guest(op, rank);
    trace(op, "sends to %s%s%s", node_name_of(node, answer->node),
          message.guest ? ", which stands in" : "", answer->busy ? " again" : "");
    answer->state = ANSWER_WAITING;
    answer->asked_us = node->now_us;
    answer->busy = false;
    node_send(node, answer->node, &message);
}

// Finds somebody to stand in for this rank; false when there is nobody.
static bool rank_replace(struct node *node, struct op *op, uint32_t rank, struct message *delta)
{
    int guest = guest_take(node, op);

    if (guest < 0)
        return false;
    op->answers[rank].replaced = true;
    delta_send_to(node, op, (uint32_t)guest, delta);
    return true;
}

static bool wants_replacement(const struct answer *answer)
{
    return answer->state == ANSWER_FAILED && !answer->replaced;
}

static void failed_replace(struct node *node, struct op *op, struct message *delta)
{
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        if (wants_replacement(&op->answers[rank]) && !rank_replace(node, op, rank, delta))
            return;
    }
}

void put_replace_failed(struct node *node, struct op *op)
{
    struct message delta = {0};

    failed_replace(node, op, &delta);
}

void put_send(struct node *node, struct op *op, const struct key *key, const struct delta *delta)
{
    struct message message = {.kind = MESSAGE_APPLY,
                              .op = op->id,
                              .bucket = key->bucket,
                              .key = key->key,
                              .delta = *delta};
    size_t bytes = delta->count * sizeof *delta->versions;

    // The action outlives this function: what the delta points to must as well.
    if (delta->count)
        message.delta.versions = memcpy(arena_alloc(&node->arena, bytes), delta->versions, bytes);
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        const struct answer *answer = &op->answers[rank];

        if (answer->state != ANSWER_FAILED && answer->node != node->settings.self.id)
            delta_send_to(node, op, rank, &message);
    }
    op_account(node, op, op->delta.size);
    if (!op->sloppy)
        return;
    failed_replace(node, op, &message);
    op_timer_start(node, op, &op->hedge, node->now_us + node->put_hedge_us);
    if (node->put_hedge_credit < HEDGE_BURST * HEDGE_COST)
        node->put_hedge_credit += HEDGE_EARN;
}

// Twice the 99th percentile of what peers took to acknowledge lately.
uint64_t put_hedge_delay_us(const struct node *node)
{
    uint64_t measured = HEDGE_US_DEFAULT;

    if (node->peer_ack_us.count >= HEDGE_SAMPLES_MIN)
        measured = 2 * histogram_quantile(&node->peer_ack_us, 9900);
    if (measured < HEDGE_US_MIN)
        return HEDGE_US_MIN;
    return measured < HEDGE_US_MAX ? measured : HEDGE_US_MAX;
}

static void silent_replace(struct node *node, struct op *op, uint32_t rank, struct message *delta)
{
    struct answer *answer = &op->answers[rank];
    bool silent = peer_is_silent(node, answer->node, node->put_hedge_us / 2);

    if (answer->state != ANSWER_WAITING || answer->replaced ||
        node->now_us - answer->asked_us < node->put_hedge_us)
        return;
    if (!silent && node->put_hedge_credit < HEDGE_COST)
        return;
    trace(op, "hedge: %s has not acknowledged after %" PRIu64 " us",
          node_name_of(node, answer->node), node->now_us - answer->asked_us);
    if (rank_replace(node, op, rank, delta) && !silent)
        node->put_hedge_credit -= HEDGE_COST;
}

// The longer an owner has had no room, the later it is asked again, but not so late that those who
// came after are served before; a large value is a lot to send in vain.
static uint64_t offer_due_us(const struct op *op, const struct answer *answer)
{
    uint64_t pause_us = (answer->answered_us - op->started_us) / OFFER_SHARE;
    uint64_t pause_us_max = OFFER_US_MAX + op->delta.size / OFFER_BYTES_US;

    if (pause_us < OFFER_US_MIN)
        pause_us = OFFER_US_MIN;
    if (pause_us > pause_us_max)
        pause_us = pause_us_max;
    return answer->answered_us + pause_us;
}

// The write must not fail because a disk hangs: others can take it.
static void busy_replace(struct node *node, struct op *op, uint32_t rank, struct message *delta)
{
    uint64_t time_us = op->deadline.item.key - op->started_us;

    if (op->sloppy && !op->answers[rank].replaced && node->now_us - op->started_us >= time_us / 2)
        (void)rank_replace(node, op, rank, delta);
}

// Looks again later: who stands in may be silent too, and the budget earns.
void put_hedge(struct node *node, struct op *op)
{
    uint64_t due_us = op->sloppy ? node->now_us + node->put_hedge_us : UINT64_MAX;
    uint32_t count = op->answer_count;
    struct message delta = {0};

    for (uint32_t rank = 0; rank < count; rank++) {
        const struct answer *answer = &op->answers[rank];

        if (answer->busy)
            busy_replace(node, op, rank, &delta);
        else if (op->sloppy)
            silent_replace(node, op, rank, &delta);
        if (answer->busy && offer_due_us(op, answer) <= node->now_us)
            delta_send_to(node, op, rank, &delta);
        if (answer->busy && offer_due_us(op, answer) < due_us)
            due_us = offer_due_us(op, answer);
    }
    if (due_us < UINT64_MAX)
        op_timer_start(node, op, &op->hedge, due_us);
}

// An owner has no room now.
void put_offer_later(struct node *node, struct op *op, struct answer *answer)
{
    uint64_t due_us;

    answer->busy = true;
    answer->err = ERR_OVERLOADED;
    due_us = offer_due_us(op, answer);
    if (op->hedge.item.place && op->hedge.item.key <= due_us)
        return;
    heap_remove(&node->timers, &op->hedge.item);
    op_timer_start(node, op, &op->hedge, due_us);
}
