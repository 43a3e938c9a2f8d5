// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

bool stage_owns(const struct stage *stage, uint32_t node)
{
    return node == stage->owners[0] || node == stage->owners[1] || node == stage->owners[2];
}

static void watch(void *data, uint32_t from, uint32_t to, const struct message *message)
{
    struct stage *stage = data;
    bool about_k = slice_is(message->key, "k") && slice_is(message->bucket, "b");

    (void)from;
    if ((message->kind != MESSAGE_APPLY && message->kind != MESSAGE_READ) || !about_k)
        return;
    assert_int_equal(message->guest, !stage_owns(stage, to));
    stage->guest_applies += message->kind == MESSAGE_APPLY && message->guest;
    stage->repairs += message->kind == MESSAGE_APPLY && message->op == 0;
    assert_false(message->kind == MESSAGE_APPLY && message->op == 0 && message->guest);
}

static void guests_find(struct stage *stage)
{
    const struct topology *topology = node_topology(world_node(stage->world, 0)->node);
    uint16_t order[MEMBERS_MAX];
    struct key key;

    assert_int_equal(
        key_make(topology->seed, topology->shards, slice_of_text("b"), slice_of_text("k"), &key),
        0);
    stage->guest_count = topology_stand_ins(topology, key.shard, order);
    for (uint32_t i = 0; i < stage->guest_count; i++)
        stage->guests[i] =
            (uint32_t)(topology->members[order[i]].id - world_node(stage->world, 0)->member.id);
}

void stage_set(struct stage *stage, uint32_t nodes, uint64_t seed, uint64_t delay_us)
{
    struct world_settings settings = {.nodes = nodes,
                                      .seed = seed,
                                      .delay_us_max = delay_us,
                                      .watch = watch,
                                      .watch_data = stage};

    *stage = (struct stage){.world = world_new(&settings), .nodes = nodes};
    assert_int_equal(world_init(stage->world, 16, 3), 0);
    query_owners(stage->world, "k", stage->owners);
    guests_find(stage);
    for (uint32_t node = 0; node < nodes; node++) // all get to know the bucket's properties
        query_expect(stage->world, node, "warm", "");
    world_run(stage->world, 5 * delay_us);
}

void stage_cut(struct stage *stage, uint32_t first, uint32_t last, bool notice)
{
    for (uint32_t rank = first; rank <= last; rank++) {
        for (uint32_t node = 0; node < stage->nodes; node++) {
            bool beside = false;

            for (uint32_t other = first; other <= last; other++)
                beside |= stage->owners[other] == node;
            if (!beside)
                world_cut(stage->world, stage->owners[rank], node, notice);
        }
    }
}

bool stage_holds(struct stage *stage, uint32_t node)
{
    struct arena arena = {0};
    struct store_view view;
    bool found = world_node(stage->world, node)->store &&
                 world_read(stage->world, node, "k", &arena, &view) == 0 && view.object.count > 0;

    arena_done(&arena);
    return found;
}

uint32_t stage_copies(struct stage *stage)
{
    uint32_t count = 0;

    for (uint32_t node = 0; node < stage->nodes; node++)
        count += stage_holds(stage, node);
    return count;
}

struct world_reply stage_put(struct stage *stage, uint32_t node, int w, int pw)
{
    struct request request = query_put("k", "value");

    request.w = w;
    request.pw = pw;
    return query(stage->world, node, &request);
}

struct world_reply stage_get(struct stage *stage, uint32_t node, int r, int pr)
{
    struct request request = query_get("k");

    request.r = r;
    request.pr = pr;
    return query(stage->world, node, &request);
}

void stage_strict(struct stage *stage, bool strict)
{
    struct request set;
    struct world_reply reply;

    request_init(&set, METHOD_BUCKET_SET);
    set.bucket = slice_of_text("b");
    set.set = BUCKET_SET_STRICT;
    set.properties.strict = strict;
    reply = query(stage->world, 0, &set);
    assert_int_equal(reply.err, 0);
    assert_int_equal(reply.reply->properties.strict, strict);
    world_run(stage->world, 100000);
    for (uint32_t node = 0; node < stage->nodes; node++)
        query_expect(stage->world, node, "warm", "");
    world_run(stage->world, 100000);
}
