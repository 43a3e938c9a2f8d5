// SPDX-License-Identifier: Apache-2.0
// Random replies about what a node holds, and their comparison.
#include "tests/lib/saying.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SAME(member)       assert_true(a->member == b->member)
#define SAME_BYTES(member) assert_true(slice_equal(a->member, b->member))

static uint64_t number_up_to(struct saying *saying, uint64_t max)
{
    return rng_below(&saying->rng, max + 1);
}

void saying_replicas(struct saying *saying, struct reply *out)
{
    out->replica_count = (uint32_t)number_up_to(saying, 5);
    out->replicas = arena_new(&saying->arena, out->replica_count * sizeof *out->replicas);
    out->more = number_up_to(saying, 1);
    for (uint32_t i = 0; i < out->replica_count; i++) {
        struct replica_view *view = &out->replicas[i];

        *view = (struct replica_view){.shard = (uint32_t)number_up_to(saying, SHARDS_MAX - 1),
                                      .owner = number_up_to(saying, 1),
                                      .complete = number_up_to(saying, 1),
                                      .keys = number_up_to(saying, UINT64_MAX - 1),
                                      .bytes = number_up_to(saying, 1 << 20),
                                      .digest = number_up_to(saying, UINT64_MAX - 1),
                                      .dots = number_up_to(saying, 1000),
                                      .unknown = number_up_to(saying, 3),
                                      .clock = clock_in(&saying->arena)};
        for (uint64_t dots = number_up_to(saying, 9); dots > 0; dots--)
            clock_add(&view->clock,
                      (struct dot){1 + number_up_to(saying, 2), 1 + number_up_to(saying, 20)});
    }
}

void saying_held(struct saying *saying, struct reply *out)
{
    out->held_count = (uint32_t)number_up_to(saying, 5);
    out->held = arena_new(&saying->arena, out->held_count * sizeof *out->held);
    out->more = number_up_to(saying, 1);
    out->after = saying_bytes(saying, TREE_KEY_SIZE);
    for (uint32_t i = 0; i < out->held_count; i++) {
        struct held_key *held = &out->held[i];

        *held = (struct held_key){.tree_key = slice_of("0123456789abcdef", TREE_KEY_SIZE),
                                  .bucket = saying_bytes(saying, BUCKET_SIZE_MAX),
                                  .key = saying_bytes(saying, 40),
                                  .dot_count = (uint32_t)number_up_to(saying, 3)};
        held->dots = arena_new(&saying->arena, held->dot_count * sizeof *held->dots);
        for (uint32_t k = 0; k < held->dot_count; k++)
            held->dots[k] = (struct dot){1 + number_up_to(saying, 9), 1 + number_up_to(saying, 9)};
    }
}

static void same_replica(const struct replica_view *a, const struct replica_view *b)
{
    SAME(shard);
    SAME(owner);
    SAME(complete);
    SAME(keys);
    SAME(bytes);
    SAME(digest);
    SAME(dots);
    SAME(unknown);
    assert_true(clock_equal(&a->clock, &b->clock));
}

static void same_held_key(const struct held_key *a, const struct held_key *b)
{
    SAME_BYTES(tree_key);
    SAME_BYTES(bucket);
    SAME_BYTES(key);
    SAME(dot_count);
    for (uint32_t i = 0; i < a->dot_count; i++)
        assert_int_equal(dot_compare(a->dots[i], b->dots[i]), 0);
}

void saying_same_held(const struct reply *a, const struct reply *b)
{
    SAME(replica_count);
    for (uint32_t i = 0; i < a->replica_count; i++)
        same_replica(&a->replicas[i], &b->replicas[i]);
    SAME(held_count);
    for (uint32_t i = 0; i < a->held_count; i++)
        same_held_key(&a->held[i], &b->held[i]);
}
