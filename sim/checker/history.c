// SPDX-License-Identifier: Apache-2.0

#include "sim/checker/history.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdlib.h>

enum { LIST_ROOM_MIN = 16 };

void history_init(struct history *history, uint32_t keys)
{
    *history = (struct history){.keys = keys};
}

void history_done(struct history *history)
{
    free(history->ops);
    free(history->losses);
    arena_done(&history->arena);
    *history = (struct history){0};
}

static const struct clock *clock_keep(struct arena *arena, const struct clock *from)
{
    struct clock *clock;

    if (!from)
        return NULL;
    clock = arena_new(arena, sizeof *clock);
    *clock = clock_in(arena);
    clock_copy(clock, from);
    return clock;
}

static bool op_is_valid(const struct history *history, const struct history_op *op)
{
    return op->key < history->keys && op->ended >= op->began &&
           (op->method != HISTORY_PUT || (op->value > 0 && op->value != VALUE_GARBAGE)) &&
           (op->method == HISTORY_PUT || op->value == 0);
}

uint32_t history_add(struct history *history, const struct history_op *op)
{
    struct history_op *kept;

    check(op_is_valid(history, op));
    if (history->op_count == history->op_capacity) {
        history->op_capacity = history->op_capacity ? history->op_capacity * 2 : LIST_ROOM_MIN;
        history->ops = memory_grow(history->ops, history->op_capacity * sizeof *history->ops);
    }
    kept = &history->ops[history->op_count];
    *kept = *op;
    kept->sent = clock_keep(&history->arena, op->sent);
    kept->received = clock_keep(&history->arena, op->received);
    kept->siblings = NULL;
    if (op->sibling_count) {
        size_t size = op->sibling_count * sizeof *op->siblings;

        kept->siblings = memcpy(arena_alloc(&history->arena, size), op->siblings, size);
    }
    return history->op_count++;
}

void history_set_dot(struct history *history, uint32_t op, struct dot dot)
{
    check(op < history->op_count && history->ops[op].method != HISTORY_GET);
    history->ops[op].dot = dot;
}

void history_set_sent(struct history *history, uint32_t op, const struct clock *sent)
{
    check(op < history->op_count && history->ops[op].method != HISTORY_GET);
    history->ops[op].sent = clock_keep(&history->arena, sent);
}

void history_lose(struct history *history, const struct history_loss *loss)
{
    check(loss->node < HISTORY_NODES_MAX && loss->since <= loss->at);
    if (history->loss_count == history->loss_capacity) {
        history->loss_capacity =
            history->loss_capacity ? history->loss_capacity * 2 : LIST_ROOM_MIN;
        history->losses =
            memory_grow(history->losses, history->loss_capacity * sizeof *history->losses);
    }
    history->losses[history->loss_count++] = *loss;
}

const char *history_op_text(const struct history *history, uint32_t op, struct arena *arena)
{
    static const char *const methods[] = {"get", "put", "delete"};
    static const char *const outcomes[] = {"acknowledged", "outcome unknown", "refused"};
    const struct history_op *it = &history->ops[op];
    const char *what = "";

    if (it->method == HISTORY_PUT)
        what = arena_text(arena, " v%" PRIu64, it->value);
    if (it->dot.counter)
        what =
            arena_text(arena, "%s (%" PRIx64 ",%" PRIu64 ")", what, it->dot.actor, it->dot.counter);
    return arena_text(arena,
                      "op %" PRIu32 " %s%s of key %" PRIu32 " by client %" PRIu32 " at %" PRIu64
                      "..%" PRIu64 ", %s %s%u",
                      op, methods[it->method], what, it->key, it->client, it->began, it->ended,
                      outcomes[it->outcome], it->method == HISTORY_GET ? "r=" : "w=", it->asked);
}
