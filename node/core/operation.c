// SPDX-License-Identifier: Apache-2.0
// Operations in flight: their table, their timers, their memory. An operation is reused from a free
// list with the buffers it has grown, so that the steady path allocates nothing.
#include "node/core/machine.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    OP_COST = 1624 // bytes that one counts for: not sizeof, so that every build decides the same
};

static_assert(sizeof(struct op) <= OP_COST, "no operation costs more than it counts for");

#define timer_of_item(at) ((struct timer *)(void *)((char *)(at)-offsetof(struct timer, item)))

static struct op *op_take(struct node *node)
{
    struct op *op = node->free_ops;

    if (op) {
        node->free_ops = op->next_free;
        node->free_op_count -= 1;
    } else {
        op = memory_new(sizeof *op);
    }
    op->next_free = NULL;
    return op;
}

void op_timer_start(struct node *node, struct op *op, struct timer *timer, uint64_t due_us)
{
    timer->op = op;
    heap_add(&node->timers, &timer->item, due_us);
}

struct op *op_new(struct node *node, enum op_kind kind, const struct origin *origin,
                  uint32_t timeout_ms)
{
    struct op *op = op_take(node);

    op->id = node->next_op++;
    op->kind = kind;
    op->started_us = origin ? origin->since_us : node->now_us;
    if (origin)
        op->origin = *origin;
    if (op->origin.kind == ORIGIN_CLIENT)
        node->client_ops += 1;
    op_account(node, op, OP_COST);
    table_set(&node->ops, op->id, op);
    op_timer_start(node, op, &op->deadline, node->now_us + (uint64_t)timeout_ms * 1000);
    return op;
}

struct op *op_find(const struct node *node, uint64_t id)
{
    return table_find(&node->ops, id);
}

static void op_buffers_reset(struct op *op, size_t keep)
{
    buffer_reset(&op->kept, keep);
    buffer_reset(&op->merged, keep);
    buffer_reset(&op->token, keep);
    buffer_reset(&op->delta, keep);
    buffer_reset(&op->record, keep);
    buffer_reset(&op->trace, keep);
    for (uint32_t i = 0; i < op->answer_count; i++)
        buffer_reset(&op->answers[i].object, keep);
}

// Zeroes everything but the buffers, which keep their memory. Answers that the operation did not
// have are as they were.
static void op_clear(struct op *op)
{
    struct buffer *const grown[] = {&op->kept,  &op->merged, &op->token,
                                    &op->delta, &op->record, &op->trace};
    struct buffer kept[sizeof grown / sizeof *grown];

    for (size_t i = 0; i < sizeof grown / sizeof *grown; i++)
        kept[i] = *grown[i];
    for (uint32_t i = 0; i < op->answer_count; i++)
        op->answers[i] = (struct answer){.object = op->answers[i].object};
    memset(op, 0, offsetof(struct op, answers));
    for (size_t i = 0; i < sizeof grown / sizeof *grown; i++)
        *grown[i] = kept[i];
}

static void op_free(struct op *op)
{
    op_buffers_reset(op, 0);
    for (uint32_t i = op->answer_count; i < ANSWERS_MAX; i++)
        buffer_done(&op->answers[i].object);
    free(op);
}

void op_end(struct node *node, struct op *op)
{
    check(table_remove(&node->ops, op->id) == op);
    heap_remove(&node->timers, &op->deadline.item);
    heap_remove(&node->timers, &op->hedge.item);
    if (op->origin.kind == ORIGIN_CLIENT)
        node->client_ops -= 1;
    node->room_waits -= op->waits_for_room;
    node->memory -= op->memory;
    free(op->init_nodes);
    arena_done(&op->page);
    if (node->free_op_count >= FREE_OPS_MAX) {
        op_free(op);
        return;
    }
    op_buffers_reset(op, OP_BUFFER_KEEP);
    op_clear(op);
    op->next_free = node->free_ops;
    node->free_ops = op;
    node->free_op_count += 1;
}

void ops_done(struct node *node)
{
    struct op *op;
    size_t at = 0;

    while ((op = table_next(&node->ops, &at))) {
        free(op->init_nodes);
        arena_done(&op->page);
        op_free(op);
    }
    while ((op = node->free_ops)) {
        node->free_ops = op->next_free;
        op_free(op);
    }
    table_done(&node->ops);
    heap_done(&node->timers);
}

void op_account(struct node *node, struct op *op, size_t bytes)
{
    op->memory += bytes;
    node->memory += bytes;
}

static struct slice keep_slice(struct op *op, struct slice slice)
{
    size_t at = op->kept.size;

    buffer_add_slice(&op->kept, slice); // room was reserved: nothing moves
    return slice_of(op->kept.data + at, slice.size);
}

void op_keep_request(struct node *node, struct op *op, const struct request *request)
{
    size_t bytes = request->bucket.size + request->key.size + request->value.size +
                   request->token.size + request->after.size;

    op->request = *request;
    buffer_reserve(&op->kept, bytes + 1);
    op->request.bucket = keep_slice(op, request->bucket);
    op->request.key = keep_slice(op, request->key);
    op->request.value = keep_slice(op, request->value);
    op->request.token = keep_slice(op, request->token);
    op->request.after = keep_slice(op, request->after);
    op_account(node, op, bytes);
}

void op_keep_key(struct node *node, struct op *op, const struct key *key)
{
    buffer_reserve(&op->kept, key->bucket.size + key->key.size + 1);
    op->key = *key;
    op->key.bucket = keep_slice(op, key->bucket);
    op->key.key = keep_slice(op, key->key);
    op->has_key = true;
    op_account(node, op, key->bucket.size + key->key.size);
}

void op_set_owners(struct node *node, struct op *op)
{
    const uint16_t *owners = topology_owners(node->topology, op->key.shard);

    op->answer_count = node->topology->replicas;
    op->owner_count = op->answer_count;
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        struct answer *answer = &op->answers[rank];

        answer->node = node->topology->members[owners[rank]].id;
        answer->state = ANSWER_UNASKED;
    }
}

int op_rank(const struct op *op, uint64_t node_id)
{
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        if (op->answers[rank].node == node_id)
            return (int)rank;
    }
    return -1;
}

void op_trace(struct op *op, const char *format, ...)
{
    char line[256];
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    check(size >= 0);
    line[sizeof line - 1] = 0;
    buffer_add(&op->trace, line, strlen(line) + 1);
}

void op_tick(struct node *node)
{
    struct heap_item *item;

    while ((item = heap_first(&node->timers)) && item->key <= node->now_us) {
        struct timer *timer = timer_of_item(item);

        heap_remove(&node->timers, item);
        if (timer == &timer->op->hedge && timer->op->kind == OP_PUT)
            put_hedge(node, timer->op);
        else if (timer == &timer->op->hedge && timer->op->kind == OP_PARKED)
            parked_look(node, timer->op);
        else if (timer == &timer->op->hedge)
            get_hedge(node, timer->op);
        else
            op_timed_out(node, timer->op);
    }
}

static void answer_gone(struct node *node, struct op *op, uint64_t id)
{
    int rank = op_rank(op, id);

    if (rank < 0 || op->answers[rank].state != ANSWER_WAITING)
        return;
    answer_fail(op, (uint32_t)rank, ERR_CLOSED);
    trace(op, "%s is gone", node_name_of(node, id));
    if (op->kind == OP_GET)
        get_settle(node, op);
    else if (op->kind == OP_PUT)
        put_settle(node, op);
    else if (op->kind == OP_REBUILD)
        rebuild_settle(node, op);
}

// Settling may end operations and start others, so the ids are taken first.
static uint64_t *op_ids(const struct node *node, size_t *out_count)
{
    uint64_t *ids = memory_new((node->ops.count + 1) * sizeof *ids);
    size_t at = 0;
    size_t count = 0;
    struct op *op;

    while ((op = table_next(&node->ops, &at)))
        ids[count++] = op->id;
    *out_count = count;
    return ids;
}

static int id_compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

void ids_sort(uint64_t *ids, size_t count)
{
    qsort(ids, count, sizeof *ids, id_compare);
}

void op_peer_gone(struct node *node, uint64_t id)
{
    size_t count;
    uint64_t *ids = op_ids(node, &count);

    ids_sort(ids, count);
    for (size_t i = 0; i < count; i++) {
        struct op *op = op_find(node, ids[i]);

        if (op && op->kind == OP_FORWARD)
            forward_peer_gone(node, id, op);
        else if (op && op->kind != OP_INIT)
            answer_gone(node, op, id);
    }
    free(ids);
}

void op_client_gone(struct node *node, uint64_t ticket)
{
    size_t at = 0;
    struct op *op;

    while ((op = table_next(&node->ops, &at))) {
        if (op->origin.kind == ORIGIN_CLIENT && op->origin.id == ticket) {
            op->origin.kind = ORIGIN_NONE;
            node->client_ops -= 1;
        }
    }
}
