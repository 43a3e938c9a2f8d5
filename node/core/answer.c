// SPDX-License-Identifier: Apache-2.0
// What replicas answered to a read: kept encoded in the operation, with the full context where an
// object has its rest; merged when enough are there.
#include "node/core/machine.h"

int level_pick(int request, int bucket, int otherwise)
{
    if (request != LEVEL_DEFAULT)
        return request;
    return bucket != LEVEL_DEFAULT ? bucket : otherwise;
}

struct slice context_token(struct node *node, struct slice bucket, struct slice key,
                           const struct clock *context)
{
    node->scratch.size = 0;
    token_encode(bucket, key, context, &node->scratch);
    return arena_copy(&node->arena, buffer_slice(&node->scratch));
}

void answer_fail(struct op *op, uint32_t rank, int err)
{
    op->answers[rank].state = ANSWER_FAILED;
    op->answers[rank].err = err;
    op->answers[rank].busy = false;
    quorum_fail(&op->quorum, rank);
}

void answer_keep(struct node *node, struct op *op, uint32_t rank, struct slice object)
{
    struct answer *answer = &op->answers[rank];

    answer->object.size = 0;
    buffer_add_slice(&answer->object, object);
    op_account(node, op, answer->object.size);
}

void answer_decode(struct node *node, const struct answer *answer, struct object *out)
{
    struct reader reader = reader_of(buffer_slice(&answer->object));

    check(object_decode(&reader, &node->arena, out) == 0);
}

void answer_merge_into(struct node *node, struct object *merged, const struct object *other)
{
    struct merge_side ours = {merged->versions, merged->count, NULL, &merged->rest};
    struct merge_side theirs = {other->versions, other->count, NULL, &other->rest};
    struct object both = {0};

    object_merge(&node->arena, &ours, &theirs, &both);
    both.rest = merged->rest;
    clock_join(&both.rest, &other->rest);
    *merged = both;
}

// True when all answers held the same versions. One that has the first one's very bytes, as most
// have while nothing is written, adds nothing to it.
bool answers_merge(struct node *node, const struct op *op, struct object *merged)
{
    const struct answer *first = NULL;
    bool unanimous = true;

    *merged = (struct object){.rest = clock_in(&node->arena)};
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        const struct answer *answer = &op->answers[rank];
        struct object object;

        if (answer->state != ANSWER_OK)
            continue;
        if (!first) {
            answer_decode(node, answer, merged);
            first = answer;
            continue;
        }
        if (slice_equal(buffer_slice(&answer->object), buffer_slice(&first->object)))
            continue;
        answer_decode(node, answer, &object);
        unanimous &= object_same_versions(merged, &object);
        answer_merge_into(node, merged, &object);
    }
    return unanimous;
}
