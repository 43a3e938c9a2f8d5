// SPDX-License-Identifier: Apache-2.0
// Answers to a peer to which no link of ours stands yet. Links go one way: whoever starts again is
// asked things as soon as the others' links to it stand, while its own to them come up only when
// gossip has told it where they are. What it answers until then is kept for a moment and sent when
// the link is there; else writes that it has on disk would time out for want of an acknowledgement.
//
// An answer is true for longer than that, and an op of an earlier life fits nobody's.
#include "node/core/machine.h"

#include <stdlib.h>

enum { KEPT_US = 500000, KEPT_MAX = 1024 };

struct kept {
    uint64_t to;
    uint64_t since_us;
    enum message_kind kind;
    uint64_t op;
    int err;
    struct buffer object;
    struct kept *next;
};

static void first_drop(struct node *node)
{
    struct kept *kept = node->kept;

    node->kept = kept->next;
    if (!node->kept)
        node->kept_last = NULL;
    node->kept_count -= 1;
    node->memory -= sizeof *kept + kept->object.size;
    buffer_done(&kept->object);
    free(kept);
}

void kept_expire(struct node *node)
{
    while (node->kept && node->now_us - node->kept->since_us > KEPT_US)
        first_drop(node);
}

void kept_done(struct node *node)
{
    while (node->kept)
        first_drop(node);
}

static bool is_kept(const struct node *node, uint64_t to, const struct message *message)
{
    const struct peer *peer = peer_find(node, to);

    if (message->kind != MESSAGE_APPLIED && message->kind != MESSAGE_OBJECT)
        return false;
    return !(peer && peer->linked) && node->topology && topology_member(node->topology, to) >= 0 &&
           node->kept_count < KEPT_MAX && node->memory < node->settings.memory_max;
}

bool kept_take(struct node *node, uint64_t to, const struct message *message)
{
    struct kept *kept;

    kept_expire(node);
    if (!is_kept(node, to, message))
        return false;
    kept = memory_new(sizeof *kept);
    kept->to = to;
    kept->since_us = node->now_us;
    kept->kind = message->kind;
    kept->op = message->op;
    kept->err = message->err;
    if (message->kind == MESSAGE_OBJECT && !message->err)
        object_encode(&message->object, &kept->object);
    if (node->kept_last)
        node->kept_last->next = kept;
    else
        node->kept = kept;
    node->kept_last = kept;
    node->kept_count += 1;
    node->memory += sizeof *kept + kept->object.size;
    return true;
}

static void kept_send_one(struct node *node, const struct kept *kept)
{
    struct message message = {.kind = kept->kind, .op = kept->op, .err = kept->err};
    struct reader reader = reader_of(arena_copy(&node->arena, buffer_slice(&kept->object)));

    if (kept->object.size)
        check(object_decode(&reader, &node->arena, &message.object) == 0);
    node_send(node, kept->to, &message);
}

// In the order in which they were given. Those for others stay, behind one another as before.
void kept_send(struct node *node, uint64_t to)
{
    uint32_t count;

    kept_expire(node);
    count = node->kept_count;
    for (uint32_t i = 0; i < count; i++) {
        struct kept *kept = node->kept;

        if (kept->to == to) {
            kept_send_one(node, kept);
            first_drop(node);
        } else if (kept->next) {
            node->kept = kept->next;
            node->kept_last->next = kept;
            node->kept_last = kept;
            kept->next = NULL;
        }
    }
}
