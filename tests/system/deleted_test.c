// SPDX-License-Identifier: Apache-2.0
//
// What was written and deleted leaves nothing: when all owners know of everything, no disk has a
// record of any of it. QUORATE_KEYS says how many keys (20,000).

#include "base/err.h"
#include "node/store/tree_lmdb.h"
#include "tests/lib/cluster.h"
#include "tests/lib/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <cmocka.h>

enum { WINDOW = 256 };

static uint32_t keys(void)
{
    const char *wanted = getenv("QUORATE_KEYS");

    return wanted ? (uint32_t)strtoul(wanted, NULL, 10) : 20000;
}

// ---- writing and deleting -----------------------------------------------------------------------

struct work {
    struct quorate_client *client;
    uint32_t count;
    uint32_t next;
    uint32_t done;
    uint32_t failed;
};

// One key: written first, then deleted with what the write gave.
struct lane {
    struct work *work;
    char name[16];
    bool deleting;
};

static void lane_next(struct lane *lane);

static struct quorate_key lane_key(const struct lane *lane)
{
    return (struct quorate_key){.bucket = quorate_text("b"), .key = quorate_text(lane->name)};
}

static void lane_answered(void *data, const struct quorate_result *result)
{
    struct lane *lane = data;
    struct quorate_put_options options = {.context = result->context};

    lane->work->failed += result->err != 0;
    if (!result->err && !lane->deleting) {
        lane->deleting = true;
        quorate_delete_start(lane->work->client, lane_key(lane), &options,
                             quorate_done(lane_answered, lane));
        return;
    }
    lane->work->done += 1;
    lane_next(lane);
}

static void lane_next(struct lane *lane)
{
    struct work *work = lane->work;

    if (work->next == work->count) {
        if (work->done == work->count)
            quorate_close(work->client);
        return;
    }
    snprintf(lane->name, sizeof lane->name, "key-%u", work->next++);
    lane->deleting = false;
    quorate_put_start(work->client, lane_key(lane), quorate_text("soon gone"), NULL,
                      quorate_done(lane_answered, lane));
}

static void write_and_delete(struct cluster *cluster, uint32_t count)
{
    static struct lane lanes[WINDOW];
    struct work work = {.count = count};
    char endpoints[256];
    uv_loop_t loop;

    snprintf(endpoints, sizeof endpoints, "%s,%s,%s", cluster->nodes[0].client,
             cluster->nodes[1].client, cluster->nodes[2].client);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(quorate_attach(&loop, endpoints, NULL, &work.client), 0);
    for (int i = 0; i < WINDOW; i++) {
        lanes[i] = (struct lane){.work = &work};
        lane_next(&lanes[i]);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(work.failed, 0);
}

// ---- looking ------------------------------------------------------------------------------------

static bool nothing_left(void *context)
{
    struct cluster *cluster = context;
    bool nothing = true;

    for (uint32_t i = 0; i < cluster->count; i++) {
        struct quorate_result *result = cluster_node_status(cluster, i);

        nothing &= !result->err && result->status->keys == 0 && result->status->dots == 0;
        quorate_result_free(result);
    }
    return nothing;
}

static uint64_t records_in(const char *data, enum tree_table table)
{
    char path[FILES_PATH_SIZE + 16];
    struct tree_lmdb_settings settings = {.path = path, .map_bytes = 1 << 30};
    struct slice found[2];
    uint8_t after[64];
    struct tree *tree;
    uint64_t count = 0;

    snprintf(path, sizeof path, "%s/tree", data);
    assert_int_equal(tree_lmdb_open(&settings, &tree), 0);
    found[0] = (struct slice){0};
    while (tree->calls->next(tree, table, found[0], found) == 0) {
        assert_true(found[0].size <= sizeof after);
        memcpy(after, found[0].data, found[0].size);
        found[0].data = after;
        count += 1;
    }
    tree->calls->turn_end(tree);
    tree->calls->close(tree);
    return count;
}

static void deletes_leave_nothing(void **state)
{
    struct cluster *cluster = *state;

    cluster_start(cluster, NULL);
    write_and_delete(cluster, keys());
    if (!wait_until(nothing_left, cluster, CLUSTER_WAIT_MS))
        cluster_fail(cluster, "something is left");
    for (uint32_t i = 0; i < cluster->count; i++)
        cluster_node_stop(cluster, i); // what is in memory goes to the tree
    for (uint32_t i = 0; i < cluster->count; i++) {
        assert_int_equal(records_in(cluster->nodes[i].data, TREE_OBJECTS), 0);
        assert_int_equal(records_in(cluster->nodes[i].data, TREE_RESTS), 0);
        assert_int_equal(records_in(cluster->nodes[i].data, TREE_DOTS), 0);
        assert_true(records_in(cluster->nodes[i].data, TREE_CLOCKS) > 0);
    }
    cluster_pass(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {CLUSTER_TEST(deletes_leave_nothing)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
