// SPDX-License-Identifier: Apache-2.0
//
// Bytes that no honest client, peer or member sends, on every port of a node, while an honest
// client beside them must notice nothing. All tests share one cluster; node 0 is the one attacked.
//
// For a build with sanitizers: QUORATE_BIN=build/asan/bin TEST_SLOW=5.

#include "base/check.h"
#include "base/pack.h"
#include "node/wire/client.h"
#include "node/wire/peer.h"
#include "node/wire/rpc.h"
#include "tests/lib/brief.h"
#include "tests/lib/cluster.h"
#include "tests/lib/garbage.h"
#include "tests/lib/raw.h"
#include "tests/lib/wait.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    HONEST_WORST_MS = 3000,
    MEMORY_GROWTH_MAX = 256 << 20,
    HALF_OPEN = 1000,
    BIG_VALUE = 64 << 10,
    DEAF_READERS = 2,
    FLOOD_CHUNK = 2000,
    FLOOD_CHUNKS = 10,
    LOW_DESCRIPTORS = 64
};

// ---- the honest client --------------------------------------------------------------------------

struct honest {
    struct quorate_client *client;
    pthread_t thread;
    atomic_bool stop;
    uint32_t requests;
    uint32_t failures;
    uint64_t worst_us;
    pid_t pid; // of the node attacked, before
    uint64_t memory;
    uint32_t node;
    char key[32];
};

static void honest_turn(struct honest *honest)
{
    char value[32];
    uint64_t began = wait_now_us();

    snprintf(value, sizeof(value), "honest %u", honest->requests);
    honest->failures += brief_replace(honest->client, honest->key, value, 0) != 0;
    honest->failures += !brief_get_is(honest->client, honest->key, 0, value);
    honest->requests++;
    if (wait_now_us() - began > honest->worst_us)
        honest->worst_us = wait_now_us() - began;
}

static void *honest_run(void *context)
{
    struct honest *honest = context;

    while (!atomic_load(&honest->stop)) {
        honest_turn(honest);
        wait_ms(2);
    }
    return NULL;
}

static void honest_begin(struct honest *honest, struct cluster *cluster, uint32_t node)
{
    static uint32_t count;

    memset(honest, 0, sizeof(*honest));
    snprintf(honest->key, sizeof(honest->key), "honest-%u", count++);
    honest->node = node;
    honest->client = cluster_node_client(cluster, node);
    honest->pid = cluster->nodes[node].process.pid;
    honest->memory = process_memory(honest->pid);
    honest_turn(honest);
    int failed = pthread_create(&honest->thread, NULL, honest_run, honest);
    check(!failed);
}

// What the attack must not have done.
static void honest_end(struct honest *honest, struct cluster *cluster)
{
    uint64_t memory = process_memory(honest->pid);

    atomic_store(&honest->stop, true);
    pthread_join(honest->thread, NULL);
    quorate_close(honest->client);
    printf("honest client: %u times write and read, worst %llu ms; memory %llu to %llu KiB\n",
           honest->requests, (unsigned long long)honest->worst_us / 1000,
           (unsigned long long)honest->memory >> 10, (unsigned long long)memory >> 10);
    fflush(stdout);
    assert_int_equal(honest->failures, 0);
    assert_true(honest->worst_us / 1000 < wait_patience(HONEST_WORST_MS));
    assert_true(process_running(&cluster->nodes[honest->node].process));
    assert_int_equal(cluster->nodes[honest->node].process.pid, honest->pid);
    assert_true(memory < honest->memory + wait_patience(MEMORY_GROWTH_MAX));
}

// ---- garbage ------------------------------------------------------------------------------------

// Sends it on a connection of its own; waits for the other side to close when `must_close`.
static void attack(const char *address, struct slice bytes, bool must_close)
{
    int fd = raw_connect(address);

    assert_true(fd >= 0);
    raw_send(fd, bytes, 2000);
    if (must_close && !raw_closes(fd, 5000))
        fail_msg("the connection stays open");
    close(fd);
}

static void garbage_harms_nobody(void **state)
{
    struct cluster *cluster = *state;
    struct cluster_node *node = &cluster->nodes[0];
    struct buffer bytes = {0};
    struct honest honest;
    struct rng rng;

    rng_init(&rng, 1);
    honest_begin(&honest, cluster, 0);
    for (uint32_t round = 0; round < 3 * GARBAGE_KINDS; round++) {
        uint32_t kind = round % GARBAGE_KINDS;
        bytes.size = 0;
        garbage_add(kind, &rng, &bytes);
        // Declared sizes beyond all limits, depth, foreign protocols: told at once.
        bool hopeless = kind < 17 || kind == 21 || kind == 22;
        attack(node->client, buffer_slice(&bytes), hopeless);
        attack(node->peer, buffer_slice(&bytes), false);
        attack(node->gossip, buffer_slice(&bytes), false);
        raw_datagram(node->gossip, slice_of(bytes.data, bytes.size < 1400 ? bytes.size : 1400));
        raw_datagram(node->gossip, slice_of(bytes.data, bytes.size < 65000 ? bytes.size : 65000));
    }
    buffer_done(&bytes);
    honest_end(&honest, cluster);
}

static void frames_cut_at_every_byte(void **state)
{
    struct cluster *cluster = *state;
    struct buffer frame = {0};
    struct honest honest;
    uint32_t connections = 0;

    honest_begin(&honest, cluster, 0);
    for (uint32_t which = 0; which < GARBAGE_REQUESTS; which++) {
        frame.size = 0;
        garbage_add_request(which, &frame);
        for (size_t size = 1; size < frame.size; size++, connections++)
            attack(cluster->nodes[0].client, slice_of(frame.data, size), false);
    }
    frame.size = 0;
    hello_encode(1, &(struct hello){1, 2, 3, 0, PEER_PROTOCOL, slice_of_text("n9")}, &frame);
    for (size_t size = 1; size < frame.size; size++, connections++)
        attack(cluster->nodes[0].peer, slice_of(frame.data, size), false);
    printf("%u connections\n", connections);
    buffer_done(&frame);
    honest_end(&honest, cluster);
}

static void changed_frames_harm_nobody(void **state)
{
    struct cluster *cluster = *state;
    struct buffer frame = {0};
    struct honest honest;
    struct rng rng;

    rng_init(&rng, 2);
    honest_begin(&honest, cluster, 0);
    for (uint32_t i = 0; i < 1500; i++) {
        frame.size = 0;
        garbage_add_request(i % GARBAGE_REQUESTS, &frame);
        garbage_mutate(&rng, &frame);
        attack(cluster->nodes[0].client, buffer_slice(&frame), false);
    }
    for (uint32_t i = 0; i < 500; i++) {
        struct hello hello = {rng_u64(&rng), rng_u64(&rng),      rng_u64(&rng), 1,
                              PEER_PROTOCOL, slice_of_text("n9")};
        frame.size = 0;
        hello_encode(1, &hello, &frame);
        if (i % 2)
            garbage_mutate(&rng, &frame);
        peer_message_encode(&(struct message){.kind = MESSAGE_TOPOLOGY_GET, .op = i}, &frame);
        attack(cluster->nodes[0].peer, buffer_slice(&frame), false);
    }
    buffer_done(&frame);
    honest_end(&honest, cluster);
}

// ---- manners ------------------------------------------------------------------------------------

static void unknown_methods_get_an_error_and_no_more(void **state)
{
    struct cluster *cluster = *state;
    struct wire_decoder decoder = {0};
    struct buffer bytes = {0};
    struct reply reply;
    int fd = raw_connect(cluster->nodes[0].client);

    pack_array(&bytes, 4);
    pack_u64(&bytes, 0);
    pack_u64(&bytes, 5);
    pack_text(&bytes, "frobnicate");
    pack_array(&bytes, 0);
    assert_true(raw_send(fd, buffer_slice(&bytes), 2000));
    bytes.size = 0;
    size_t size = raw_read_value(fd, &bytes, 0, 5000);
    assert_true(size > 0);
    assert_int_equal(reply_decode(slice_of(bytes.data, size), METHOD_PING, &decoder, &reply), 0);
    assert_int_equal(reply.err, QUORATE_METHOD);
    // Go on, also through peer methods, which do not exist here.
    bytes.size = 0;
    hello_encode(6, &(struct hello){1, 2, 3, 0, PEER_PROTOCOL, slice_of_text("n9")}, &bytes);
    struct request ping;
    request_init(&ping, METHOD_PING);
    request_encode(7, &ping, &bytes);
    assert_true(raw_send(fd, buffer_slice(&bytes), 2000));
    bytes.size = 0;
    size = raw_read_value(fd, &bytes, 0, 5000);
    assert_int_equal(reply_decode(slice_of(bytes.data, size), METHOD_PING, &decoder, &reply), 0);
    assert_int_equal(reply.err, QUORATE_METHOD);
    size_t more = raw_read_value(fd, &bytes, size, 5000);
    assert_int_equal(reply_decode(slice_of(bytes.data + size, more), METHOD_PING, &decoder, &reply),
                     0);
    assert_int_equal(reply.err, 0);
    close(fd);
    buffer_done(&bytes);
    wire_decoder_done(&decoder);
}

// ---- many and slow ------------------------------------------------------------------------------

static void half_open_connections_are_cut(void **state)
{
    static int fds[HALF_OPEN];
    struct cluster *cluster = *state;
    struct honest honest;
    struct buffer frame = {0};
    uint32_t cut = 0;

    garbage_add_request(METHOD_PUT, &frame);
    honest_begin(&honest, cluster, 0);
    uint32_t before = process_descriptors(honest.pid);
    for (uint32_t i = 0; i < HALF_OPEN; i++) {
        fds[i] = raw_connect(cluster->nodes[0].client);
        assert_true(fds[i] >= 0);
        raw_send(fds[i], slice_of(frame.data, 1 + i % (frame.size - 1)), 2000);
    }
    printf("%u descriptors, before %u\n", process_descriptors(honest.pid), before);
    uint64_t end = wait_now_ms() + 15000;
    for (uint32_t i = 0; i < HALF_OPEN; i++) {
        uint64_t now = wait_now_ms();
        cut += raw_closes(fds[i], now < end ? end - now : 0);
        close(fds[i]);
    }
    assert_int_equal(cut, HALF_OPEN);
    buffer_done(&frame);
    honest_end(&honest, cluster);
}

static bool all_are_broken(const int *fds)
{
    for (uint32_t i = 0; i < DEAF_READERS; i++) {
        if (!raw_broken(fds[i]))
            return false;
    }
    return true;
}

// Requests for answers of 1 GiB in all, per connection.
static void add_big_requests(struct buffer *frames)
{
    struct request request;

    request_init(&request, METHOD_GET);
    request.bucket = slice_of_text("test");
    request.key = slice_of_text("big");
    for (uint32_t i = 0; i < (1U << 30) / BIG_VALUE; i++)
        request_encode(i, &request, frames);
}

// Not one byte is read; the node must give up on each of them, and hold little meanwhile.
static void readers_that_never_read_are_cut(void **state)
{
    struct cluster *cluster = *state;
    static char value[BIG_VALUE];
    struct quorate_client *client = cluster_node_client(cluster, 0);
    struct buffer frames = {0};
    struct honest honest;
    uint64_t highest = 0;
    int fds[DEAF_READERS];

    memset(value, 'b', sizeof(value));
    struct quorate_key key = brief_key("big");
    assert_int_equal(quorate_put(client, key, quorate_bytes(value, sizeof(value)), NULL, NULL), 0);
    quorate_close(client);
    add_big_requests(&frames);
    honest_begin(&honest, cluster, 0);
    for (uint32_t i = 0; i < DEAF_READERS; i++) {
        fds[i] = raw_connect(cluster->nodes[0].client);
        raw_send(fds[i], buffer_slice(&frames), 200);
    }
    uint64_t end = wait_now_ms() + wait_patience(15000);
    while (!all_are_broken(fds) && wait_now_ms() < end) {
        uint64_t memory = process_memory(honest.pid);
        highest = memory > highest ? memory : highest;
        wait_ms(5);
    }
    bool cut = all_are_broken(fds);
    for (uint32_t i = 0; i < DEAF_READERS; i++)
        close(fds[i]);
    printf("highest %llu KiB\n", (unsigned long long)highest >> 10);
    buffer_done(&frames);
    honest_end(&honest, cluster);
    assert_true(cut);
    assert_true(highest < honest.memory + wait_patience(MEMORY_GROWTH_MAX));
}

// Sends a chunk of requests at once and counts the answers: each id once.
static void flood_chunk(int fd, struct buffer *requests, struct buffer *answers)
{
    static bool answered[FLOOD_CHUNK];
    size_t at = 0;

    memset(answered, 0, sizeof(answered));
    answers->size = 0;
    assert_true(raw_send(fd, buffer_slice(requests), 20000));
    for (uint32_t i = 0; i < FLOOD_CHUNK; i++) {
        enum rpc_type type;
        uint32_t id;
        size_t size = raw_read_value(fd, answers, at, 20000);
        assert_true(size > 0);
        assert_int_equal(rpc_peek(slice_of(answers->data + at, size), &type, &id), 0);
        assert_int_equal(type, RPC_RESPONSE);
        assert_true(id < FLOOD_CHUNK && !answered[id]);
        answered[id] = true;
        at += size;
    }
}

static void floods_are_answered_in_full(void **state)
{
    struct cluster *cluster = *state;
    struct buffer requests = {0};
    struct buffer answers = {0};
    struct request request;
    struct honest honest;

    for (uint32_t i = 0; i < FLOOD_CHUNK; i++) {
        request_init(&request, i % 4 ? METHOD_GET : METHOD_PING);
        request.bucket = slice_of_text("test");
        request.key = slice_of_text(i % 4 == 1 ? "honest-0" : "missing");
        request_encode(i, &request, &requests);
    }
    honest_begin(&honest, cluster, 0);
    int fd = raw_connect(cluster->nodes[0].client);
    uint64_t began = wait_now_ms();
    for (uint32_t i = 0; i < FLOOD_CHUNKS; i++)
        flood_chunk(fd, &requests, &answers);
    printf("%d requests in %llu ms\n", FLOOD_CHUNK * FLOOD_CHUNKS,
           (unsigned long long)(wait_now_ms() - began));
    close(fd);
    buffer_done(&requests);
    buffer_done(&answers);
    honest_end(&honest, cluster);
}

static bool gets_through(void *address)
{
    struct quorate_client_options options = {.no_routing = true, .no_retry = true};
    struct quorate_client *client;

    if (quorate_open(address, &options, &client))
        return false;
    bool alive = quorate_ping(client, NULL, 1000, NULL) == 0;
    quorate_close(client);
    return alive;
}

// A node that may open few files: connections beyond wait or are refused; it does not spin, those
// it has are served, and it takes new ones when there is room again.
static void few_descriptors_are_survived(void **state)
{
    struct cluster *cluster = *state;
    int fds[4 * LOW_DESCRIPTORS];
    struct honest honest;

    cluster->options.nodes = 1;
    cluster->options.replicas = 1;
    cluster_add(cluster);
    cluster->nodes[0].descriptors_max = LOW_DESCRIPTORS;
    cluster_node_start(cluster, 0);
    cluster_start(cluster, NULL);
    struct quorate_client *client = cluster_node_client(cluster, 0);
    assert_int_equal(brief_put(client, "honest", "connected before", 1), 0);
    quorate_close(client);
    honest_begin(&honest, cluster, 0);
    for (uint32_t i = 0; i < 4 * LOW_DESCRIPTORS; i++)
        fds[i] = raw_connect(cluster->nodes[0].client);
    uint64_t cpu = process_cpu_ms(honest.pid);
    wait_ms(1500);
    cpu = process_cpu_ms(honest.pid) - cpu;
    printf("%llu ms of processor time in 1500 ms with no descriptor left (%u open)\n",
           (unsigned long long)cpu, process_descriptors(honest.pid));
    assert_true(cpu < 1000);
    for (uint32_t i = 0; i < 4 * LOW_DESCRIPTORS; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    assert_true(wait_until(gets_through, cluster->nodes[0].client, CLUSTER_WAIT_MS));
    honest_end(&honest, cluster);
    cluster_pass(cluster);
}

// ---- all of it ----------------------------------------------------------------------------------

static int group_setup(void **state)
{
    // Short, so that cutting off is seen soon.
    static const char *const settings[] = {"--stall-timeout", "2s", NULL};
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    cluster_setup(state);
    cluster_start(*state, &(struct cluster_options){.settings = settings});
    return 0;
}

static void nodes_end_well(void **state)
{
    struct cluster *cluster = *state;

    cluster_wait_ready(cluster);
    cluster_pass(cluster);
}

int main(void)
{
    const struct CMUnitTest shared[] = {
        cmocka_unit_test(garbage_harms_nobody),
        cmocka_unit_test(frames_cut_at_every_byte),
        cmocka_unit_test(changed_frames_harm_nobody),
        cmocka_unit_test(unknown_methods_get_an_error_and_no_more),
        cmocka_unit_test(half_open_connections_are_cut),
        cmocka_unit_test(readers_that_never_read_are_cut),
        cmocka_unit_test(floods_are_answered_in_full),
        cmocka_unit_test(nodes_end_well),
    };
    const struct CMUnitTest alone[] = {CLUSTER_TEST(few_descriptors_are_survived)};

    return cmocka_run_group_tests(shared, group_setup, cluster_teardown) +
           cmocka_run_group_tests(alone, NULL, NULL);
}
