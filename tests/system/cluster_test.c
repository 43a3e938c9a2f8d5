// SPDX-License-Identifier: Apache-2.0
//
// How a cluster comes to be, and what it does when members come, go, stop and return.

#include "base/err.h"
#include "tests/lib/brief.h"
#include "tests/lib/cluster.h"
#include "tests/lib/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 60, AT_ONCE_US = 1000000 };

// ---- init ---------------------------------------------------------------------------------------

static int init_with(struct cluster *cluster, uint32_t nodes, uint32_t replicas,
                     char message[BRIEF_VALUE_SIZE])
{
    struct quorate_cluster_options options = {.nodes = nodes, .shards = 16, .replicas = replicas};
    struct quorate_client *client = cluster_node_client(cluster, 0);
    struct quorate_result *result;
    int err = quorate_cluster_init(client, &options, &result);

    snprintf(message, BRIEF_VALUE_SIZE, "%s", result->message);
    quorate_result_free(result);
    quorate_close(client);
    return err;
}

struct ring {
    struct cluster *cluster;
    size_t members;
};

// All members are seen and linked: an init needs both.
static bool ring_is_linked(void *context)
{
    struct ring *ring = context;
    struct quorate_client *client = cluster_node_client(ring->cluster, 0);
    struct quorate_result *result;
    size_t linked = 0;

    quorate_topology(client, &result);
    for (size_t i = 0; result->topology && i < result->topology->member_count; i++)
        linked += result->topology->members[i].linked;
    quorate_result_free(result);
    quorate_close(client);
    return linked == ring->members;
}

static void init_happens_once(void **state)
{
    struct cluster *cluster = *state;
    struct ring ring = {cluster, 3};
    char message[BRIEF_VALUE_SIZE];

    cluster_start(cluster, &(struct cluster_options){.bare = true});
    struct quorate_client *client = cluster_node_client(cluster, 1);
    assert_int_equal(brief_put(client, "k", "too early", 1), QUORATE_NO_CLUSTER);
    quorate_close(client);
    assert_true(wait_until(ring_is_linked, &ring, CLUSTER_WAIT_MS));

    // Not the number that gossip sees, then fewer nodes than copies.
    int err = init_with(cluster, 4, 3, message);
    printf("4 of 3: %s %s\n", quorate_err_name(err), message);
    assert_int_not_equal(err, 0);
    assert_non_null(strchr(message, '3'));
    assert_non_null(strchr(message, '4'));
    err = init_with(cluster, 3, 5, message);
    printf("5 copies on 3: %s %s\n", quorate_err_name(err), message);
    assert_int_equal(err, QUORATE_INVALID);

    assert_int_equal(init_with(cluster, 3, 3, message), 0);
    assert_int_equal(init_with(cluster, 3, 3, message), QUORATE_CLUSTER_EXISTS);
    printf("twice: %s\n", message);
    cluster_wait_ready(cluster);
    client = cluster_node_client(cluster, 1);
    assert_int_equal(brief_put(client, "k", "now", 3), 0);
    quorate_close(client);
    cluster_pass(cluster);
}

static void late_joiner_fetches_the_topology(void **state)
{
    struct cluster *cluster = *state;

    cluster_start(cluster, &(struct cluster_options){.nodes = 3, .zones = 3});
    struct quorate_client *client = cluster_client(cluster, NULL);
    assert_int_equal(brief_put(client, "k", "v", 3), 0);
    quorate_close(client);
    uint32_t late = cluster_add(cluster);
    cluster_node_start(cluster, late);
    cluster_wait_ready(cluster);
    // It owns nothing and serves all the same: it forwards.
    struct quorate_result *status = cluster_node_status(cluster, late);
    assert_int_equal(status->status->shards_owned, 0);
    quorate_result_free(status);
    client = cluster_node_client(cluster, late);
    assert_true(brief_get_is(client, "k", 2, "v"));
    assert_int_equal(brief_put(client, "late", "through the joiner", 3), 0);
    assert_true(brief_get_is(client, "late", 3, "through the joiner"));
    quorate_close(client);
    cluster_pass(cluster);
}

static void node_of_another_cluster_is_refused(void **state)
{
    struct cluster *cluster = *state;
    char message[BRIEF_VALUE_SIZE];

    // Two clusters of one node; then one of them joins the other's ring.
    cluster_start(cluster, &(struct cluster_options){.nodes = 1, .replicas = 1});
    cluster_node_stop(cluster, 0);
    uint32_t other = cluster_add(cluster);
    cluster_node_start(cluster, other);
    struct quorate_client *client = cluster_node_client(cluster, other);
    struct quorate_cluster_options options = {.nodes = 1, .shards = 16, .replicas = 1};
    assert_int_equal(quorate_cluster_init(client, &options, NULL), 0);
    assert_int_equal(brief_put(client, "k", "of the second", 1), 0);
    cluster_node_start(cluster, 0); // joins `other`
    struct quorate_client *first = cluster_node_client(cluster, 0);
    assert_int_equal(brief_put(first, "k", "of the first", 1), 0);
    assert_int_equal(init_with(cluster, 2, 1, message), QUORATE_CLUSTER_EXISTS);

    struct quorate_result *a = cluster_node_status(cluster, 0);
    struct quorate_result *b = cluster_node_status(cluster, other);
    assert_true(a->status->cluster != b->status->cluster);
    assert_int_equal(a->status->shards_owned, 16);
    assert_int_equal(b->status->shards_owned, 16);
    quorate_result_free(a);
    quorate_result_free(b);
    assert_true(brief_get_is(first, "k", 1, "of the first"));
    assert_true(brief_get_is(client, "k", 1, "of the second"));
    quorate_close(first);
    quorate_close(client);
    cluster_pass(cluster);
}

static void status_tells(void **state)
{
    struct cluster *cluster = *state;

    cluster_start(cluster, NULL);
    struct quorate_client *client = cluster_client(cluster, NULL);
    assert_int_equal(brief_put(client, "k", "12345", 3), 0);
    quorate_close(client);
    struct quorate_result *result = cluster_node_status(cluster, 1);
    const struct quorate_status *status = result->status;
    assert_string_equal(status->name, "n2");
    assert_string_equal(status->durability, "sync");
    assert_true(status->id && status->actor && status->cluster);
    assert_int_equal(status->epoch, 1);
    assert_int_equal(status->shards_owned, 16);
    assert_int_equal(status->shards_born, 16);
    assert_int_equal(status->keys, 1);
    assert_int_equal(status->bytes, 4 + 1 + 5);
    assert_true(status->disk_bytes > 0 && status->log_bytes > 0 && status->uptime_ms > 0);
    assert_int_equal(status->unknown, 0);
    assert_int_equal(status->refusal, 0);
    quorate_result_free(result);
    cluster_pass(cluster);
}

// ---- members die, stop, return ------------------------------------------------------------------

static void keys_put(struct quorate_client *client, const char *value, int w)
{
    char key[32];

    for (uint32_t i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "key-%u", i);
        assert_int_equal(brief_replace(client, key, value, w), 0);
    }
}

static void keys_check(struct quorate_client *client, const char *value, int r)
{
    char key[32];

    for (uint32_t i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "key-%u", i);
        assert_true(brief_get_is(client, key, r, value));
    }
}

// Waits until a node sees no link to another.
struct link {
    struct cluster *cluster;
    uint32_t at;
    uint32_t to;
};

static bool link_is_down(void *context)
{
    struct link *link = context;
    struct quorate_client *client = cluster_node_client(link->cluster, link->at);
    struct quorate_result *result;
    bool down = false;

    if (quorate_topology(client, &result) == 0) {
        for (size_t i = 0; i < result->topology->member_count; i++) {
            const struct quorate_member *member = &result->topology->members[i];
            if (strcmp(member->name, link->cluster->nodes[link->to].name) == 0)
                down = !member->linked;
        }
    }
    quorate_result_free(result);
    quorate_close(client);
    return down;
}

static void wait_link_down(struct cluster *cluster, uint32_t at, uint32_t to)
{
    struct link link = {cluster, at, to};

    if (!wait_until(link_is_down, &link, CLUSTER_WAIT_MS))
        cluster_fail(cluster, "n%u still has a link to n%u", at + 1, to + 1);
}

static void quorum_goes_on_with_one_dead(void **state)
{
    struct cluster *cluster = *state;

    cluster_start(cluster, NULL);
    cluster_node_kill(cluster, 2);
    wait_link_down(cluster, 0, 2);
    wait_link_down(cluster, 1, 2);
    // Once the links are down not one request fails, before gossip has said a word.
    struct quorate_client *client = cluster_client(cluster, NULL);
    uint64_t began = wait_now_us();
    keys_put(client, "one dead", 2);
    keys_check(client, "one dead", 2);
    printf("%d reads and writes with one dead: %llu ms\n", 3 * KEYS,
           (unsigned long long)(wait_now_us() - began) / 1000);
    quorate_close(client);
    cluster_wait_state(cluster, 2, "dead");
    client = cluster_node_client(cluster, 1);
    keys_check(client, "one dead", 2);

    // It returns: it may answer only with what the others make of it.
    cluster_node_start(cluster, 2);
    cluster_wait_ready(cluster);
    struct quorate_client *returned = cluster_node_client(cluster, 2);
    keys_check(returned, "one dead", 2);
    keys_check(client, "one dead", 3);
    quorate_close(client);
    quorate_close(returned);
    cluster_pass(cluster);
}

// True when a read at R = 3 finds all replicas alike.
static bool key_is_unanimous(struct quorate_client *client, const char *key)
{
    struct quorate_get_options options = {.r = 3};
    struct quorate_result *result;
    bool unanimous = quorate_get(client, brief_key(key), &options, &result) == 0 &&
                     result->unanimous && result->replies == 3;

    quorate_result_free(result);
    return unanimous;
}

static bool all_keys_unanimous(void *client)
{
    char key[32];

    for (uint32_t i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "key-%u", i);
        if (!key_is_unanimous(client, key))
            return false;
    }
    return true;
}

static void a_returning_node_is_repaired(void **state)
{
    struct cluster *cluster = *state;

    cluster_start(cluster, NULL);
    struct quorate_client *client = cluster_client(cluster, NULL);
    keys_put(client, "before", 3);
    quorate_close(client);
    cluster_node_kill(cluster, 0);
    wait_link_down(cluster, 1, 0);
    wait_link_down(cluster, 2, 0);
    client = cluster_node_client(cluster, 1);
    keys_put(client, "meanwhile", 2);
    cluster_node_start(cluster, 0);
    cluster_wait_ready(cluster);
    struct quorate_get_options options = {.r = 3};
    struct quorate_result *result;
    assert_int_equal(quorate_get(client, brief_key("key-0"), &options, &result), 0);
    assert_int_equal(result->value_count, 1);
    quorate_result_free(result);
    // By reads, or by a sync that was there first.
    if (!wait_until(all_keys_unanimous, client, CLUSTER_WAIT_MS))
        cluster_fail(cluster, "the node that is back is not repaired");
    quorate_close(client);
    // Now it knows by itself.
    client = cluster_node_client(cluster, 0);
    keys_check(client, "meanwhile", 1);
    quorate_close(client);
    cluster_pass(cluster);
}

static void expect_unavailable(struct quorate_result *result, uint64_t began)
{
    printf("%s: %s\n", quorate_err_name(result->err), result->message);
    assert_int_equal(result->err, QUORATE_UNAVAILABLE);
    assert_non_null(strstr(result->message, "1 of 2"));
    assert_true(wait_now_us() - began < wait_patience(AT_ONCE_US));
    quorate_result_free(result);
}

static void two_dead_is_unavailable_at_once(void **state)
{
    struct cluster *cluster = *state;
    struct quorate_result *result;
    struct quorate_get_options reading = {.r = 2};
    struct quorate_put_options writing = {.w = 2};

    cluster_start(cluster, NULL);
    struct quorate_client *client = cluster_node_client(cluster, 1);
    assert_int_equal(brief_put(client, "k", "v", 3), 0);
    cluster_node_kill(cluster, 0);
    cluster_node_kill(cluster, 2);
    wait_link_down(cluster, 1, 0);
    wait_link_down(cluster, 1, 2);
    uint64_t began = wait_now_us();
    quorate_get(client, brief_key("k"), &reading, &result);
    expect_unavailable(result, began);
    began = wait_now_us();
    quorate_put(client, brief_key("k"), quorate_text("w"), &writing, &result);
    expect_unavailable(result, began);
    // At one it still serves, and it says so.
    assert_true(brief_get_is(client, "k", 1, "v"));
    assert_int_equal(brief_put(client, "alone", "one is enough", 1), 0);
    quorate_close(client);

    cluster_node_start(cluster, 0);
    cluster_node_start(cluster, 2);
    cluster_wait_ready(cluster);
    client = cluster_client(cluster, NULL);
    assert_true(brief_get_is(client, "k", 2, "v"));
    assert_true(brief_get_is(client, "alone", 3, "one is enough"));
    quorate_close(client);
    cluster_pass(cluster);
}

// A node that hangs looks alive: reads must not wait for it, writes at 3 must time out honestly.
static void stopped_node_is_worked_around(void **state)
{
    struct cluster *cluster = *state;
    struct quorate_put_options options = {.w = 3, .timeout_ms = 300};
    struct quorate_result *result;

    cluster_start(cluster, NULL);
    struct quorate_client *client = cluster_node_client(cluster, 0);
    keys_put(client, "v", 3);
    cluster_node_pause(cluster, 2);
    quorate_put(client, brief_key("slow"), quorate_text("s"), &options, &result);
    printf("%s: %s\n", quorate_err_name(result->err), result->message);
    assert_true(result->err == QUORATE_TIMEOUT || result->err == QUORATE_UNAVAILABLE);
    assert_true(result->unknown);
    assert_int_equal(result->acks, 2);
    assert_non_null(strstr(result->message, "2 of 3"));
    quorate_result_free(result);
    uint64_t began = wait_now_us();
    keys_check(client, "v", 2);
    keys_put(client, "w", 2);
    printf("%d reads and writes beside a stopped node: %llu ms\n", 3 * KEYS,
           (unsigned long long)(wait_now_us() - began) / 1000);
    assert_true(brief_get_is(client, "slow", 2, "s"));
    cluster_node_resume(cluster, 2);
    cluster_wait_ready(cluster);
    if (!wait_until(all_keys_unanimous, client, CLUSTER_WAIT_MS))
        cluster_fail(cluster, "a resumed node does not catch up");
    keys_check(client, "w", 3);
    quorate_close(client);
    cluster_pass(cluster);
}

// ---- ending -------------------------------------------------------------------------------------

static void sigterm_drains_and_spares_the_replay(void **state)
{
    struct cluster *cluster = *state;

    cluster_start(cluster, NULL);
    struct quorate_client *client = cluster_client(cluster, NULL);
    keys_put(client, "kept", 3);
    quorate_close(client);
    for (uint32_t i = 0; i < 3; i++)
        cluster_node_stop(cluster, i); // fails unless it exits with 0
    // What the next start says about the one before.
    for (uint32_t i = 0; i < 3; i++)
        files_write(cluster->nodes[i].output, slice_of_text(""));
    for (uint32_t i = 0; i < 3; i++)
        cluster_node_start(cluster, i);
    cluster_wait_ready(cluster);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(cluster_node_said(cluster, i, " keys, closed cleanly"));
    client = cluster_node_client(cluster, 2);
    keys_check(client, "kept", 3);
    quorate_close(client);
    cluster_pass(cluster);
}

// Each node has written down where the others are.
static bool ring_is_remembered(void *context)
{
    struct cluster *cluster = context;
    char path[FILES_PATH_SIZE];

    for (uint32_t pair = 0; pair < 9; pair++) {
        uint32_t from = pair / 3;
        uint32_t to = pair % 3;
        snprintf(path, sizeof(path), "%.400s/ring", cluster->nodes[from].data);
        if (from != to && !files_contain(path, cluster->nodes[to].gossip))
            return false;
    }
    return true;
}

// Nodes remember where the others were, and take the same ports again.
static void ring_is_found_again_without_join(void **state)
{
    struct cluster *cluster = *state;

    cluster_start(cluster, NULL);
    struct quorate_client *client = cluster_client(cluster, NULL);
    keys_put(client, "remembered", 3);
    assert_true(wait_until(ring_is_remembered, cluster, CLUSTER_WAIT_MS));
    for (uint32_t i = 0; i < 3; i++)
        cluster_node_kill(cluster, i);
    cluster->alone = true;
    for (uint32_t i = 0; i < 3; i++)
        cluster_node_start(cluster, i);
    cluster_wait_ready(cluster);
    // The same client: it knows the old addresses.
    keys_check(client, "remembered", 3);
    quorate_close(client);
    cluster_pass(cluster);
}

// However soon it died: the others would not believe at once that it moved.
static void ports_are_taken_again(void **state)
{
    struct cluster *cluster = *state;

    cluster_start(cluster, &(struct cluster_options){.nodes = 1, .bare = true});
    struct cluster_node before = cluster->nodes[0];
    cluster_node_kill(cluster, 0);
    cluster_node_start(cluster, 0);
    assert_string_equal(cluster->nodes[0].client, before.client);
    assert_string_equal(cluster->nodes[0].gossip, before.gossip);
    assert_string_equal(cluster->nodes[0].peer, before.peer);
    cluster_pass(cluster);
}

static void clients_may_ask_any_node(void **state)
{
    struct cluster *cluster = *state;

    cluster_start(cluster, &(struct cluster_options){.nodes = 4, .replicas = 2, .zones = 2});
    struct quorate_client *client = cluster_node_client(cluster, 0);
    keys_put(client, "forwarded", 2);
    quorate_close(client);
    for (uint32_t i = 0; i < 4; i++) {
        client = cluster_node_client(cluster, i);
        keys_check(client, "forwarded", 2);
        quorate_close(client);
        struct quorate_result *status = cluster_node_status(cluster, i);
        assert_int_equal(status->status->shards_owned, 8);
        quorate_result_free(status);
    }
    cluster_pass(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLUSTER_TEST(init_happens_once),
        CLUSTER_TEST(late_joiner_fetches_the_topology),
        CLUSTER_TEST(node_of_another_cluster_is_refused),
        CLUSTER_TEST(status_tells),
        CLUSTER_TEST(quorum_goes_on_with_one_dead),
        CLUSTER_TEST(a_returning_node_is_repaired),
        CLUSTER_TEST(two_dead_is_unavailable_at_once),
        CLUSTER_TEST(stopped_node_is_worked_around),
        CLUSTER_TEST(sigterm_drains_and_spares_the_replay),
        CLUSTER_TEST(ring_is_found_again_without_join),
        CLUSTER_TEST(ports_are_taken_again),
        CLUSTER_TEST(clients_may_ask_any_node),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
