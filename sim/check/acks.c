// SPDX-License-Identifier: Apache-2.0
#include "sim/check/acks.h"

#include "base/rng.h"

#include <inttypes.h>

struct acks_write {
    struct dot dot;
    struct key key; // its hash and shard
    uint32_t coordinator;
    uint64_t nodes; // that acknowledged it
};

static uint64_t dot_id(const struct key *key, struct dot dot)
{
    return rng_mix(rng_mix(key->low ^ dot.actor) + dot.counter);
}

void acks_done(struct acks *acks)
{
    table_done(&acks->by_op);
    table_done(&acks->by_dot);
    arena_done(&acks->arena);
}

static void write_sent(struct acks *acks, const struct acks_sight *sight, const struct key *key)
{
    const struct clock *dots = &sight->message->delta.dots;
    struct acks_write *write;

    if (clock_size(dots) != 1 || table_find(&acks->by_op, sight->message->op))
        return;
    write = arena_new(&acks->arena, sizeof *write);
    *write = (struct acks_write){.dot = {dots->runs[0].actor, dots->runs[0].first},
                                 .key = {.low = key->low, .high = key->high, .shard = key->shard},
                                 .coordinator = sight->from};
    table_set(&acks->by_op, sight->message->op, write);
    table_set(&acks->by_dot, dot_id(key, write->dot), write);
}

static void write_acked(struct acks *acks, const struct acks_sight *sight, struct verdict *verdict)
{
    struct acks_write *write = table_find(&acks->by_op, sight->message->op);

    if (!write || write->coordinator != sight->to)
        return;
    write->nodes |= UINT64_C(1) << sight->from;
    if (early_is_pending(sight->early, sight->sim, sight->from, write->key.shard, write->dot))
        verdict_add(verdict, VERDICT_QUORUM,
                    "n%" PRIu32 " acknowledges (%" PRIx64 ",%" PRIu64 ") of shard %" PRIu32
                    " before it is durable there",
                    sight->from + 1, write->dot.actor, write->dot.counter, write->key.shard);
}

void acks_message(struct acks *acks, const struct acks_sight *sight, const struct key *key,
                  struct verdict *verdict)
{
    if (key && sight->message->kind == MESSAGE_APPLY && sight->message->op)
        write_sent(acks, sight, key);
    else if (sight->message->kind == MESSAGE_APPLIED && !sight->message->err)
        write_acked(acks, sight, verdict);
}

void acks_reply(const struct acks *acks, const struct sim *sim, struct early *early,
                const struct acks_told *told, struct verdict *verdict)
{
    const struct key *key = &told->key;
    struct dot dot = told->reply->dot;
    const struct acks_write *write = table_find(&acks->by_dot, dot_id(key, dot));
    uint32_t count;

    if (told->reply->err || !write || dot_compare(write->dot, dot) != 0)
        return;
    count = (uint32_t)__builtin_popcountll(write->nodes);
    count += !early_is_pending(early, sim, write->coordinator, key->shard, dot);
    if (count < told->level)
        verdict_add(verdict, VERDICT_QUORUM,
                    "(%" PRIx64 ",%" PRIu64 ") of shard %" PRIu32 " is acknowledged at w=%" PRIu32
                    " while %" PRIu32 " nodes have it on stable storage",
                    dot.actor, dot.counter, key->shard, told->level, count);
}
