// SPDX-License-Identifier: Apache-2.0
//
// Real nodes become equal again by themselves: one that was away, and one whose disk was replaced.

#include "base/err.h"
#include "tests/lib/brief.h"
#include "tests/lib/cluster.h"
#include "tests/lib/files.h"
#include "tests/lib/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { KEYS = 300 };

static void keys_write(struct cluster *cluster, uint32_t from, uint32_t to)
{
    struct quorate_client *client = cluster_client(cluster, NULL);
    char key[32];

    for (uint32_t i = from; i < to; i++) {
        snprintf(key, sizeof(key), "key-%u", i);
        assert_int_equal(brief_put(client, key, "value", 2), 0);
    }
    quorate_close(client);
}

struct levelling {
    struct cluster *cluster;
    uint64_t keys;
};

// Nobody reads: each node holds all keys, owes and misses nothing, and its dot log is empty.
static bool is_level(void *context)
{
    struct levelling *levelling = context;
    bool level = true;

    for (uint32_t node = 0; node < 3; node++) {
        struct quorate_result *result = cluster_node_status(levelling->cluster, node);
        const struct quorate_status *status = result->status;

        level &= status->keys == levelling->keys && status->shards_born == status->shards_owned &&
                 status->repair_missing == 0 && status->repair_owed == 0 && status->dots == 0 &&
                 status->repair_age_ms == 0 && strcmp(status->repair_state, "level") == 0;
        quorate_result_free(result);
    }
    return level;
}

static void who_was_away_catches_up(void **state)
{
    struct cluster *cluster = *state;
    struct levelling levelling = {cluster, KEYS};

    cluster_start(cluster, NULL);
    keys_write(cluster, 0, KEYS / 3);
    cluster_node_kill(cluster, 2);
    keys_write(cluster, KEYS / 3, KEYS);
    struct quorate_result *status = cluster_node_status(cluster, 0);
    assert_true(status->status->repair_owed > 0);
    quorate_result_free(status);
    cluster_node_start(cluster, 2);
    cluster_wait_ready(cluster);
    if (!wait_until(is_level, &levelling, CLUSTER_WAIT_MS))
        cluster_fail(cluster, "not level again");
    cluster_pass(cluster);
}

static void a_replaced_disk_is_filled(void **state)
{
    static const char *const parts[] = {"log", "tree"};
    struct cluster *cluster = *state;
    struct levelling levelling = {cluster, KEYS};
    char from[FILES_PATH_SIZE + 32];
    char to[FILES_PATH_SIZE + 32];

    cluster_start(cluster, NULL);
    keys_write(cluster, 0, KEYS);
    cluster_node_kill(cluster, 1);
    for (size_t i = 0; i < 2; i++) {
        snprintf(from, sizeof(from), "%s/%s", cluster->nodes[1].data, parts[i]);
        snprintf(to, sizeof(to), "%s.%s.gone", cluster->nodes[1].data, parts[i]);
        assert_int_equal(rename(from, to), 0);
    }
    cluster_node_start(cluster, 1);
    cluster_wait_ready(cluster);
    if (!wait_until(is_level, &levelling, CLUSTER_WAIT_MS))
        cluster_fail(cluster, "not level again");
    cluster_node_kill(cluster, 0);
    cluster_node_kill(cluster, 2);
    struct quorate_client *client = cluster_node_client(cluster, 1);
    assert_true(brief_get_is(client, "key-7", 1, "value")); // it has it by itself
    quorate_close(client);
    cluster_pass(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLUSTER_TEST(who_was_away_catches_up),
        CLUSTER_TEST(a_replaced_disk_is_filled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
