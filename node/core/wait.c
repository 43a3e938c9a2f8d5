// SPDX-License-Identifier: Apache-2.0
// Answers that wait for the log. Any reply, offer or answer to a peer is emitted only once the
// newest log position that it depends on is durable; until then it stands here, ordered by
// position.
#include "node/core/machine.h"

#include <stddef.h>
#include <stdlib.h>

#define wait_of_item(at) ((struct wait *)(void *)((char *)(at)-offsetof(struct wait, item)))

bool wait_durable(const struct node *node, uint64_t position)
{
    return position <= store_durable(node->store);
}

struct wait *wait_new(struct node *node, enum wait_kind kind, uint64_t position)
{
    struct wait *wait = node->free_waits;

    if (wait) {
        node->free_waits = wait->next_free;
        node->free_wait_count -= 1;
    } else {
        wait = memory_new(sizeof *wait);
    }
    wait->next_free = NULL;
    wait->kind = kind;
    heap_add(&node->waits, &wait->item, position);
    node->wait_count += 1;
    return wait;
}

static void wait_free(struct node *node, struct wait *wait)
{
    enum { KEEP_BUFFER = 4096 };

    node->memory -= wait->object.size;
    node->wait_count -= 1;
    if (node->free_wait_count >= FREE_WAITS_MAX) {
        buffer_done(&wait->object);
        free(wait);
        return;
    }
    buffer_reset(&wait->object, KEEP_BUFFER);
    wait->next_free = node->free_waits;
    node->free_waits = wait;
    node->free_wait_count += 1;
}

static void op_durable(struct node *node, uint64_t id)
{
    struct op *op = op_find(node, id);

    if (op && op->kind == OP_GET)
        get_local_durable(node, op);
    else if (op && op->kind == OP_PUT)
        put_acked(node, op, node->settings.self.id, 0);
    else if (op && op->kind == OP_INIT)
        cluster_settle(node, op);
    else if (op && op->kind == OP_SCAN)
        scan_durable(node, op);
}

static void answer_send(struct node *node, const struct wait *wait)
{
    struct message message = {.kind = MESSAGE_OBJECT, .op = wait->op};
    // The bytes must outlive the wait: they are sent after it has been freed.
    struct slice bytes = arena_copy(&node->arena, buffer_slice(&wait->object));
    struct reader reader = reader_of(bytes);

    check(object_decode(&reader, &node->arena, &message.object) == 0);
    node_send(node, wait->peer, &message);
}

static void page_send(struct node *node, const struct wait *wait)
{
    struct message message = {.kind = wait->answer, .op = wait->op};

    message.encoded = arena_copy(&node->arena, buffer_slice(&wait->object));
    node_send(node, wait->peer, &message);
}

static void wait_over(struct node *node, const struct wait *wait)
{
    struct message message = {.kind = MESSAGE_APPLIED, .op = wait->op, .ballot = wait->ballot};

    switch (wait->kind) {
    case WAIT_CLUSTER:
        message.kind = wait->answer;
        node_send(node, wait->peer, &message);
        break;
    case WAIT_TOPOLOGY:
        node_act(node, ACTION_TOPOLOGY)->topology = node->topology;
        break;
    case WAIT_APPLIED:
        node_send(node, wait->peer, &message);
        break;
    case WAIT_ANSWER:
        answer_send(node, wait);
        break;
    case WAIT_OP:
        op_durable(node, wait->op);
        break;
    case WAIT_OFFER:
        repair_durable(node);
        break;
    case WAIT_PAGE:
        page_send(node, wait);
        break;
    }
}

void wait_release(struct node *node)
{
    uint64_t durable = store_durable(node->store);
    struct heap_item *item;

    while ((item = heap_first(&node->waits)) && item->key <= durable) {
        struct wait *wait = wait_of_item(item);

        heap_remove(&node->waits, item);
        wait_over(node, wait);
        wait_free(node, wait);
    }
}

void waits_done(struct node *node)
{
    struct heap_item *item;
    struct wait *wait;

    while ((item = heap_first(&node->waits))) {
        heap_remove(&node->waits, item);
        wait_free(node, wait_of_item(item));
    }
    while ((wait = node->free_waits)) {
        node->free_waits = wait->next_free;
        buffer_done(&wait->object);
        free(wait);
    }
    heap_done(&node->waits);
}
