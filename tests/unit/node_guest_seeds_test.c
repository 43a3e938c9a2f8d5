// SPDX-License-Identifier: Apache-2.0
// Sloppy quorums from seeds: links are cut and mended at random, noticed or not, nodes crash and
// come back, and clients write all the while. What must hold at each moment: a write that was
// acknowledged at w is on the disks of w different members, on pw of owners; nobody is sent one
// write twice; only those who are asked to stand in keep what they do not own; strict writes never
// leave the owners.
#include "base/err.h"
#include "base/table.h"
#include "node/data/hash.h"
#include "tests/lib/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NODES_MAX = 7, WRITES = 120, SEEDS = 60, STEP_US = 700 };

struct write {
    uint64_t ticket;
    char key[16];
    struct request request;
    bool judged;
};

struct storm {
    struct world *world;
    struct rng rng;
    uint32_t nodes;
    uint32_t down; // bit a node
    struct write writes[WRITES];
    uint32_t count;
    struct table sent; // hash of (from, op, to): applies seen
    uint32_t acknowledged, by_guests, refused;
};

static const struct topology *topology_of(const struct storm *storm)
{
    for (uint32_t i = 0; i < storm->nodes; i++) {
        const struct world_node *node = world_node(storm->world, i);

        if (node->node && node_topology(node->node))
            return node_topology(node->node);
    }
    return NULL;
}

static uint32_t below(struct storm *storm, uint32_t bound)
{
    return (uint32_t)rng_below(&storm->rng, bound);
}

static bool owns(const struct storm *storm, uint32_t node, struct slice name)
{
    const struct topology *topology = topology_of(storm);
    uint64_t id = world_node(storm->world, node)->member.id;
    struct key key;

    assert_int_equal(key_make(topology->seed, topology->shards, slice_of_text("b"), name, &key), 0);
    return topology_rank(topology, key.shard, topology_member(topology, id)) >= 0;
}

static struct write *write_of(struct storm *storm, struct slice key)
{
    for (uint32_t i = 0; i < storm->count; i++) {
        if (slice_is(key, storm->writes[i].key))
            return &storm->writes[i];
    }
    return NULL;
}

static void watch(void *data, uint32_t from, uint32_t to, const struct message *message)
{
    struct storm *storm = data;
    uint64_t name[3] = {from, message->op, to};
    uint64_t hash = hash_64(slice_of(name, sizeof name));
    const struct write *write;

    if (message->kind != MESSAGE_APPLY || !slice_is(message->bucket, "b"))
        return;
    assert_int_equal(message->guest, !owns(storm, to, message->key));
    write = write_of(storm, message->key);
    assert_false(message->guest && write && write->request.strict);
    if (!message->op) {
        assert_false(message->guest); // a repair
        return;
    }
    if (table_find(&storm->sent, hash))
        fail_msg("%u sends %u one write twice", from, to);
    table_set(&storm->sent, hash, storm);
}

// Whether the node's disk has the write of this dot.
static bool has(struct storm *storm, uint32_t node, const char *key, struct dot dot)
{
    struct arena arena = {0};
    struct store_view view;
    bool found = false;

    if (world_node(storm->world, node)->store &&
        world_read(storm->world, node, key, &arena, &view) == 0) {
        for (uint32_t i = 0; i < view.object.count; i++)
            found |= dot_compare(view.object.versions[i].dot, dot) == 0;
        found = found && view.position <= store_durable(world_node(storm->world, node)->store);
    }
    arena_done(&arena);
    return found;
}

// A node that crashed since it acknowledged is given the benefit of the doubt.
static void acknowledged_judge(struct storm *storm, const struct write *write,
                               const struct reply *reply)
{
    uint32_t all = 0, owners = 0, guests = 0;

    for (uint32_t node = 0; node < storm->nodes; node++) {
        bool down = storm->down >> node & 1;
        bool kept = has(storm, node, write->key, reply->dot);
        bool owner = owns(storm, node, slice_of_text(write->key));

        all += kept || down;
        owners += (kept || down) && owner;
        guests += kept && !owner;
    }
    storm->acknowledged += 1;
    storm->by_guests += guests > 0;
    if (all < (uint32_t)write->request.w || owners < (uint32_t)write->request.pw)
        fail_msg("%s w %d pw %d: on %u disks, %u of owners", write->key, write->request.w,
                 write->request.pw, all, owners);
    if (write->request.strict)
        assert_int_equal(guests, 0);
    assert_true(reply->acks >= (uint32_t)write->request.w);
}

static void replies_judge(struct storm *storm)
{
    for (uint32_t i = 0; i < storm->count; i++) {
        struct write *write = &storm->writes[i];
        struct world_reply reply;

        if (write->judged)
            continue;
        reply = world_reply(storm->world, write->ticket);
        write->judged = reply.came;
        if (reply.came && !reply.err)
            acknowledged_judge(storm, write, reply.reply);
        storm->refused += reply.came && reply.err;
    }
}

static void write_something(struct storm *storm)
{
    struct write *write = &storm->writes[storm->count];
    uint32_t node = below(storm, storm->nodes);

    if (storm->down >> node & 1 || storm->count == WRITES)
        return;
    (void)snprintf(write->key, sizeof write->key, "k%u", storm->count);
    write->request = query_put(write->key, "value");
    write->request.w = 1 + (int)below(storm, 3);
    write->request.pw = below(storm, 4) ? 0 : (int)below(storm, 4);
    write->request.strict = below(storm, 6) == 0;
    storm->count += 1; // the watch looks it up
    write->ticket = world_request(storm->world, node, &write->request);
}

static void trouble(struct storm *storm)
{
    uint32_t a = below(storm, storm->nodes);
    uint32_t b = below(storm, storm->nodes);

    switch (below(storm, 12)) {
    case 0:
    case 1:
    case 2:
        if (a != b)
            world_cut(storm->world, a, b, below(storm, 2));
        break;
    case 3: // everything about one node
        for (uint32_t other = 0; other < storm->nodes; other++) {
            if (other != a)
                world_cut(storm->world, a, other, b & 1);
        }
        break;
    case 4:
        if (below(storm, 2) == 0)
            world_heal(storm->world);
        break;
    case 5:
        if (storm->down >> a & 1)
            world_restart(storm->world, a);
        else if (__builtin_popcount(storm->down) < 2)
            world_crash(storm->world, a);
        else
            break;
        storm->down ^= 1u << a;
        break;
    default:
        break;
    }
}

static void storm_run(uint64_t seed, struct storm *storm)
{
    struct world_settings settings = {.seed = seed,
                                      .delay_us_max = seed % 3 == 0 ? 30000 : 500,
                                      .slow_disk = seed % 2,
                                      .watch = watch,
                                      .watch_data = storm};

    rng_init(&storm->rng, seed);
    settings.nodes = 4 + below(storm, NODES_MAX - 3);
    storm->nodes = settings.nodes;
    storm->world = world_new(&settings);
    assert_int_equal(world_init(storm->world, 16, 3), 0);
    for (uint32_t node = 0; node < storm->nodes; node++)
        query_expect(storm->world, node, "warm", "");
    while (storm->count < WRITES) {
        trouble(storm);
        write_something(storm);
        for (int step = 0; step < 6; step++) {
            world_run(storm->world, STEP_US);
            replies_judge(storm);
        }
    }
    for (int step = 0; step < 4000; step++) {
        world_run(storm->world, STEP_US);
        replies_judge(storm);
    }
    world_free(storm->world);
    table_done(&storm->sent);
}

static void what_is_acknowledged_is_on_w_disks(void **state)
{
    static struct storm storm;
    uint32_t acknowledged = 0, by_guests = 0, refused = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        memset(&storm, 0, sizeof storm);
        storm_run(seed, &storm);
        acknowledged += storm.acknowledged;
        by_guests += storm.by_guests;
        refused += storm.refused;
    }
    print_message("%u acknowledged, %u with guests, %u refused or too late\n", acknowledged,
                  by_guests, refused);
    assert_true(acknowledged > SEEDS * WRITES / 3);
    assert_true(by_guests > SEEDS * WRITES / 10);
    assert_true(refused > SEEDS * WRITES / 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_acknowledged_is_on_w_disks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
