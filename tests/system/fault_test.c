// SPDX-License-Identifier: Apache-2.0
//
// Damaged logs and records, full and read-only disks, wrong places: a node starts or refuses to
// with a sentence, never serves what is wrong, and goes on by itself when the trouble is over.

#include "base/err.h"
#include "tests/lib/brief.h"
#include "tests/lib/cluster.h"
#include "tests/lib/damage.h"
#include "tests/lib/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { KEYS = 40 };

// Values long enough to be found in a file.
static const char *value_of(uint32_t number)
{
    static char text[128];

    snprintf(text, sizeof(text), "the quick brown value number %u of a test, surely unique",
             number);
    return text;
}

static void keys_write(struct cluster *cluster, int w)
{
    struct quorate_client *client = cluster_client(cluster, NULL);
    char key[32];

    for (uint32_t i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "key-%u", i);
        assert_int_equal(brief_put(client, key, value_of(i), w), 0);
    }
    quorate_close(client);
}

static void keys_check(struct quorate_client *client, int r)
{
    char key[32];

    for (uint32_t i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "key-%u", i);
        assert_true(brief_get_is(client, key, r, value_of(i)));
    }
    quorate_close(client);
}

static void log_find(struct cluster *cluster, uint32_t node, struct damage_log *out)
{
    if (!damage_find_log(cluster->nodes[node].data, out))
        cluster_fail(cluster, "no log found below %s", cluster->nodes[node].data);
}

// ---- the log ------------------------------------------------------------------------------------

// Starts a node that was killed; true when it says that it cut something off its log.
static bool start_cuts(struct cluster *cluster, uint32_t node)
{
    files_write(cluster->nodes[node].output, slice_of_text(""));
    cluster_node_start(cluster, node);
    cluster_wait_ready(cluster);
    return cluster_node_said(cluster, node, " torn bytes cut off") &&
           !cluster_node_said(cluster, node, " 0 torn bytes cut off");
}

static void torn_tail_is_cut(void **state)
{
    struct cluster *cluster = *state;
    struct damage_log log;

    cluster_start(cluster, NULL);
    keys_write(cluster, 3);
    cluster_node_kill(cluster, 2);
    assert_false(start_cuts(cluster, 2));
    // A group whose write never ended.
    cluster_node_kill(cluster, 0);
    log_find(cluster, 0, &log);
    assert_true(damage_add_torn_group(&log));
    assert_true(start_cuts(cluster, 0));
    keys_check(cluster_node_client(cluster, 0), 1);
    // The last group in part: it is gone here, and the others still have what was in it.
    cluster_node_kill(cluster, 1);
    log_find(cluster, 1, &log);
    assert_true(files_flip(log.path, log.end - log.last_size / 4));
    assert_true(start_cuts(cluster, 1));
    keys_check(cluster_node_client(cluster, 1), 2);
    keys_write(cluster, 3);
    cluster_pass(cluster);
}

// What a person does as documented: the log and the tree out of the way, the rest stays.
static void store_move_away(struct cluster *cluster, uint32_t node)
{
    static const char *const parts[] = {"log", "tree"};
    char from[FILES_PATH_SIZE + 32];
    char to[FILES_PATH_SIZE + 32];

    for (size_t i = 0; i < 2; i++) {
        snprintf(from, sizeof(from), "%s/%s", cluster->nodes[node].data, parts[i]);
        snprintf(to, sizeof(to), "%s.%s.damaged", cluster->nodes[node].data, parts[i]);
        assert_int_equal(rename(from, to), 0);
    }
}

static void damaged_log_refuses_to_start(void **state)
{
    struct cluster *cluster = *state;
    struct damage_log log;

    cluster_start(cluster, NULL);
    keys_write(cluster, 3);
    struct quorate_result *before = cluster_node_status(cluster, 2);
    cluster_node_kill(cluster, 2);
    log_find(cluster, 2, &log);
    assert_true(log.marked_at > 0);
    assert_true(files_flip(log.path, log.marked_at + 41));
    cluster_node_launch(cluster, 2);
    assert_int_equal(cluster_node_end(cluster, 2), err_exit(ERR_DAMAGED));
    assert_true(cluster_node_said(cluster, 2, "damaged"));
    // Saying no twice is the same; nothing was mended in passing.
    cluster_node_launch(cluster, 2);
    assert_int_equal(cluster_node_end(cluster, 2), err_exit(ERR_DAMAGED));

    store_move_away(cluster, 2);
    cluster_node_start(cluster, 2);
    cluster_wait_ready(cluster);
    struct quorate_result *after = cluster_node_status(cluster, 2);
    assert_true(after->status->id == before->status->id);
    assert_true(after->status->actor != before->status->actor);
    assert_true(after->status->shards_owned > 0);
    // The others filled it.
    assert_int_equal(after->status->shards_born, after->status->shards_owned);
    keys_check(cluster_node_client(cluster, 2), 1);
    keys_check(cluster_node_client(cluster, 2), 2);
    keys_check(cluster_client(cluster, NULL), 2);
    keys_write(cluster, 3);
    quorate_result_free(before);
    quorate_result_free(after);
    cluster_pass(cluster);
}

// ---- a damaged record ---------------------------------------------------------------------------

struct healing {
    struct cluster *cluster;
    uint32_t node;
};

static bool nothing_is_unknown(void *context)
{
    struct healing *healing = context;
    struct quorate_result *result = cluster_node_status(healing->cluster, healing->node);
    bool healed = result->status->unknown == 0 && result->status->rebuilt > 0;

    quorate_result_free(result);
    return healed;
}

static void damaged_record_is_rebuilt(void **state)
{
    struct cluster *cluster = *state;
    struct healing healing = {cluster, 0};
    char path[FILES_PATH_SIZE];

    cluster_start(cluster, NULL);
    keys_write(cluster, 3);
    cluster_node_stop(cluster, 0);
    snprintf(path, sizeof(path), "%.400s/tree/data.mdb", cluster->nodes[0].data);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(damage_flip_all(path, slice_of_text(value_of(i))) > 0);
    cluster_node_start(cluster, 0);
    cluster_wait_ready(cluster);

    struct quorate_client *client = cluster_node_client(cluster, 0);
    assert_true(brief_get_is(client, "key-0", 2, value_of(0)));
    assert_true(brief_get_is(client, "key-1", 1, value_of(1)));
    assert_int_equal(brief_replace(client, "key-2", "replaced", 2), 0);
    assert_true(brief_get_is(client, "key-2", 2, "replaced"));
    assert_int_equal(brief_replace(client, "key-2", value_of(2), 3), 0);
    quorate_close(client);
    if (!wait_until(nothing_is_unknown, &healing, CLUSTER_WAIT_MS))
        cluster_fail(cluster, "a damaged record was not rebuilt");
    keys_check(cluster_node_client(cluster, 0), 1);
    // Rebuilt for good: the next start knows nothing of it.
    cluster_node_stop(cluster, 0);
    cluster_node_start(cluster, 0);
    cluster_wait_ready(cluster);
    keys_check(cluster_node_client(cluster, 0), 1);
    struct quorate_result *status = cluster_node_status(cluster, 0);
    assert_int_equal(status->status->unknown, 0);
    quorate_result_free(status);
    cluster_pass(cluster);
}

// ---- a map that must grow -----------------------------------------------------------------------

struct putting {
    struct quorate_client *client;
    const char *key;
    const char *value;
};

// A small memtable fills before its checkpoint is done; then the node says so, and one waits.
static bool is_put(void *context)
{
    struct putting *putting = context;
    int err = brief_put(putting->client, putting->key, putting->value, 3);

    assert_true(err == 0 || err == QUORATE_OVERLOADED || err == QUORATE_TIMEOUT);
    return err == 0;
}

static void map_grows(void **state)
{
    static const char *const settings[] = {"--map-initial", "256K",        "--memtable",
                                           "256K",          "--value-max", "64K",
                                           "--log-segment", "512K",        NULL};
    struct cluster *cluster = *state;
    static char value[16384];
    char key[32];

    cluster_start(cluster, &(struct cluster_options){.settings = settings});
    struct quorate_client *client = cluster_client(cluster, NULL);
    memset(value, 'm', sizeof(value) - 1);
    // Thirty times the map.
    for (uint32_t i = 0; i < 500; i++) {
        snprintf(key, sizeof(key), "map-%u", i);
        struct putting putting = {client, key, value};
        assert_true(wait_until(is_put, &putting, CLUSTER_WAIT_MS));
    }
    for (uint32_t i = 0; i < 500; i += 7) {
        snprintf(key, sizeof(key), "map-%u", i);
        assert_int_equal(brief_count(client, key, 2) > 0, 1);
    }
    quorate_close(client);
    for (uint32_t i = 0; i < 3; i++) {
        struct quorate_result *result = cluster_node_status(cluster, i);
        assert_true(result->status->checkpoints > 0);
        assert_int_equal(result->status->refusal, 0);
        quorate_result_free(result);
        cluster_node_stop(cluster, i);
    }
    for (uint32_t i = 0; i < 3; i++)
        cluster_node_start(cluster, i);
    cluster_wait_ready(cluster);
    client = cluster_node_client(cluster, 1);
    for (uint32_t i = 0; i < 500; i += 7) {
        snprintf(key, sizeof(key), "map-%u", i);
        assert_int_equal(brief_count(client, key, 3) > 0, 1);
    }
    quorate_close(client);
    cluster_pass(cluster);
}

// ---- wrong places -------------------------------------------------------------------------------

static void data_that_is_a_file_is_refused(void **state)
{
    struct cluster *cluster = *state;

    cluster->options.nodes = 1;
    uint32_t node = cluster_add(cluster);
    assert_true(files_write(cluster->nodes[node].data, slice_of_text("I am a file\n")));
    cluster_node_launch(cluster, node);
    int code = cluster_node_end(cluster, node);
    assert_true(code == err_exit(ERR_INVALID) || code == err_exit(ERR_IO));
    assert_true(cluster_node_said(cluster, node, cluster->nodes[node].data));
    cluster_pass(cluster);
}

static void data_without_a_parent_is_refused(void **state)
{
    struct cluster *cluster = *state;
    uint32_t node = cluster_add(cluster);

    strcat(cluster->nodes[node].data, "/no/such/place");
    cluster_node_launch(cluster, node);
    assert_int_not_equal(cluster_node_end(cluster, node), 0);
    assert_true(cluster_node_said(cluster, node, "no/such/place"));
    cluster_pass(cluster);
}

static void second_process_on_one_directory_is_refused(void **state)
{
    struct cluster *cluster = *state;
    char pid[32];

    cluster_start(cluster, &(struct cluster_options){.nodes = 1, .bare = true});
    uint32_t second = cluster_add(cluster);
    strcpy(cluster->nodes[second].data, cluster->nodes[0].data);
    cluster_node_launch(cluster, second);
    assert_int_equal(cluster_node_end(cluster, second), err_exit(ERR_LOCKED));
    snprintf(pid, sizeof(pid), "%d", cluster->nodes[0].process.pid);
    assert_true(cluster_node_said(cluster, second, pid));
    // The first one is unharmed, and the directory free when it is gone, however it went.
    cluster_node_kill(cluster, 0);
    cluster_node_start(cluster, second);
    cluster_pass(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLUSTER_TEST(torn_tail_is_cut),
        CLUSTER_TEST(damaged_log_refuses_to_start),
        CLUSTER_TEST(damaged_record_is_rebuilt),
        CLUSTER_TEST(map_grows),
        CLUSTER_TEST(data_that_is_a_file_is_refused),
        CLUSTER_TEST(data_without_a_parent_is_refused),
        CLUSTER_TEST(second_process_on_one_directory_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
