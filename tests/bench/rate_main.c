// SPDX-License-Identifier: Apache-2.0
// Closed-loop rates of a running cluster beside a plain libuv echo of the same bytes, by the same
// client in the same run: rounds of echo, GET r=1, GET r=2, PUT w=2, one after the other, and the
// median of each.
//
//     rate_main SECONDS ROUNDS ENDPOINT...
//
// 64 connections, one request each in flight, 100-byte values, 100,000 keys, each request to an
// owner.
#include "base/check.h"
#include "base/err.h"
#include "base/histogram.h"
#include "base/rng.h"
#include "base/text.h"
#include "node/data/key.h"
#include "node/wire/client.h"
#include "node/wire/rpc.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

enum {
    CONNECTIONS = 64,
    KEYS = 100000,
    VALUE_SIZE = 100,
    NODES_MAX = 16,
    READ_SIZE = 64 << 10,
    ROUNDS_MAX = 15,
    SETTLE_SECONDS = 4 // after writes: their checkpoint belongs to no other work
};

enum work { WORK_ECHO, WORK_GET_1, WORK_GET_2, WORK_PUT_2, WORK_COUNT };

static const char *const work_names[] = {"echo", "GET r=1", "GET r=2", "PUT w=2"};

struct connection {
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct bench *bench;
    uint32_t node;
    struct buffer in;
    struct buffer out;
    struct rpc_scan scan;
    size_t echo_left;
    uint64_t sent_ns;
};

struct keys {
    uint32_t *numbers; // keys whose first owner is this node
    uint32_t count;
};

struct bench {
    uv_loop_t loop;
    uv_timer_t timer;
    struct sockaddr_in nodes[NODES_MAX];
    uint32_t node_count;
    struct sockaddr_in echo;
    struct keys keys[NODES_MAX];
    enum work work;
    bool filling; // puts every key once
    uint32_t next_key;
    struct connection connections[CONNECTIONS];
    uint32_t open;
    bool stopping;
    struct rng rng;
    struct histogram latency_us;
    uint64_t done;
    uint64_t failed;
    char failure[200];
};

_Noreturn static void die(const char *what, int err)
{
    fprintf(stderr, "rate: %s: %s\n", what, err ? uv_strerror(err) : "failed");
    exit(8);
}

// ---- the echo -----------------------------------------------------------------------------------

static void echo_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    static char memory[READ_SIZE];

    (void)handle;
    (void)size;
    *out = uv_buf_init(memory, sizeof memory);
}

static void echo_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    uv_buf_t answer = uv_buf_init(bytes->base, size > 0 ? (unsigned)size : 0);

    if (size < 0)
        uv_close((uv_handle_t *)stream, NULL);
    else if (size > 0 && uv_try_write(stream, &answer, 1) != size)
        uv_close((uv_handle_t *)stream, NULL); // small answers always fit
}

static void echo_connection(uv_stream_t *server, int status)
{
    uv_tcp_t *tcp = memory_new(sizeof *tcp);

    if (status < 0)
        die("echo", status);
    uv_tcp_init(server->loop, tcp);
    uv_accept(server, (uv_stream_t *)tcp);
    uv_tcp_nodelay(tcp, 1);
    uv_read_start((uv_stream_t *)tcp, echo_alloc, echo_read);
}

// The echo server in a process of its own; its address in *out.
static pid_t echo_start(struct sockaddr_in *out)
{
    int pipes[2];
    int size = sizeof *out;
    uv_tcp_t server;
    pid_t pid;

    if (pipe(pipes))
        die("pipe", 0);
    pid = fork();
    if (pid == 0) {
        uv_ip4_addr("127.0.0.1", 0, out);
        uv_tcp_init(uv_default_loop(), &server);
        uv_tcp_bind(&server, (struct sockaddr *)out, 0);
        uv_listen((uv_stream_t *)&server, CONNECTIONS, echo_connection);
        uv_tcp_getsockname(&server, (struct sockaddr *)out, &size);
        if (write(pipes[1], out, sizeof *out) != sizeof *out)
            _exit(1);
        uv_run(uv_default_loop(), UV_RUN_DEFAULT);
        _exit(0);
    }
    if (pid < 0 || read(pipes[0], out, sizeof *out) != sizeof *out)
        die("echo server", 0);
    return pid;
}

// ---- the load -----------------------------------------------------------------------------------

static void request_make(struct connection *connection)
{
    struct bench *bench = connection->bench;
    const struct keys *keys = &bench->keys[connection->node];
    uint8_t value[VALUE_SIZE];
    struct request request;
    char name[16];
    uint32_t number =
        bench->filling ? bench->next_key++ : keys->numbers[rng_below(&bench->rng, keys->count)];

    request_init(&request, bench->work >= WORK_PUT_2 ? METHOD_PUT : METHOD_GET);
    snprintf(name, sizeof name, "key%08u", number);
    memset(value, 'v', sizeof value);
    request.bucket = slice_of_text("bench");
    request.key = slice_of_text(name);
    request.value = slice_of(value, sizeof value);
    request.blind = BLIND_OVERWRITE;
    request.r = bench->work == WORK_GET_1 ? 1 : 2;
    request.w = 2;
    if (bench->work != WORK_PUT_2) {
        request.blind = BLIND_DEFAULT;
        request.value = slice_of(NULL, 0);
        request.w = LEVEL_DEFAULT;
    }
    if (bench->work == WORK_PUT_2)
        request.r = LEVEL_DEFAULT;
    connection->out.size = 0;
    request_encode(1, &request, &connection->out);
}

static void send_next(struct connection *connection)
{
    struct bench *bench = connection->bench;
    uv_buf_t bytes;
    int sent;

    if (bench->stopping || (bench->filling && bench->next_key >= KEYS)) {
        uv_close((uv_handle_t *)&connection->tcp, NULL);
        bench->open -= 1;
        if (bench->open == 0)
            uv_timer_stop(&bench->timer);
        return;
    }
    if (bench->work != WORK_ECHO || connection->out.size == 0)
        request_make(connection);
    connection->echo_left = connection->out.size;
    connection->sent_ns = uv_hrtime();
    bytes = uv_buf_init((char *)connection->out.data, (unsigned)connection->out.size);
    sent = uv_try_write((uv_stream_t *)&connection->tcp, &bytes, 1);
    if (sent != (int)connection->out.size)
        die("write", sent < 0 ? sent : 0);
}

static void finished(struct connection *connection, struct slice frame)
{
    struct bench *bench = connection->bench;
    size_t error_at = 3; // [1, id 1, error, ...]: nil when all is well

    bench->done += 1;
    histogram_add(&bench->latency_us, (uv_hrtime() - connection->sent_ns) / 1000);
    if (frame.size > error_at && frame.data[error_at] != 0xc0) {
        bench->failed += 1;
        snprintf(bench->failure, sizeof bench->failure, "%.*s", (int)frame.size - 4,
                 (const char *)frame.data + 4);
    }
    send_next(connection);
}

static void client_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct connection *connection = handle->data;

    (void)size;
    *out = uv_buf_init((char *)buffer_reserve(&connection->in, READ_SIZE), READ_SIZE);
}

static void client_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct connection *connection = stream->data;
    size_t frame;

    (void)bytes;
    if (size < 0)
        die("read", (int)size);
    connection->in.size += (size_t)size;
    if (connection->bench->work == WORK_ECHO) {
        if (connection->in.size < connection->echo_left)
            return;
        connection->in.size = 0;
        finished(connection, slice_of(NULL, 0));
        return;
    }
    if (rpc_scan_more(&connection->scan, buffer_slice(&connection->in), &frame))
        return;
    connection->in.size = 0; // one request in flight: one answer
    finished(connection, slice_of(connection->in.data, frame));
}

static void client_connected(uv_connect_t *request, int status)
{
    struct connection *connection = request->data;

    if (status < 0)
        die("connect", status);
    uv_tcp_nodelay(&connection->tcp, 1);
    uv_read_start((uv_stream_t *)&connection->tcp, client_alloc, client_read);
    send_next(connection);
}

static void time_up(uv_timer_t *timer)
{
    struct bench *bench = timer->data;

    bench->stopping = true;
}

// Operations a second of one kind of work.
static double run(struct bench *bench, enum work work, uint64_t seconds)
{
    uint64_t started = uv_hrtime();

    bench->work = work;
    bench->stopping = false;
    bench->done = bench->failed = 0;
    bench->latency_us = (struct histogram){0};
    bench->open = CONNECTIONS;
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        struct connection *connection = &bench->connections[i];
        const struct sockaddr_in *to =
            work == WORK_ECHO ? &bench->echo : &bench->nodes[i % bench->node_count];

        connection->bench = bench;
        connection->node = i % bench->node_count;
        connection->in.size = connection->out.size = 0;
        connection->tcp.data = connection;
        connection->connect.data = connection;
        rpc_scan_init(&connection->scan, REPLY_FRAME_MAX, REPLY_VALUES_MAX);
        uv_tcp_init(&bench->loop, &connection->tcp);
        uv_tcp_connect(&connection->connect, &connection->tcp, (const struct sockaddr *)to,
                       client_connected);
    }
    uv_update_time(&bench->loop);
    uv_timer_start(&bench->timer, time_up, seconds * 1000, 0);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    if (bench->failed)
        fprintf(stderr, "rate: %s: %llu of %llu failed: %s\n", work_names[work],
                (unsigned long long)bench->failed, (unsigned long long)bench->done, bench->failure);
    return (double)bench->done * 1e9 / (double)(uv_hrtime() - started);
}

// ---- where keys live ----------------------------------------------------------------------------

struct topology_answer {
    struct buffer in;
    struct rpc_scan scan;
    size_t frame;
};

static void topology_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct topology_answer *answer = handle->data;

    (void)size;
    *out = uv_buf_init((char *)buffer_reserve(&answer->in, READ_SIZE), READ_SIZE);
}

static void topology_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct topology_answer *answer = stream->data;

    (void)bytes;
    if (size < 0)
        die("topology", (int)size);
    answer->in.size += (size_t)size;
    if (rpc_scan_more(&answer->scan, buffer_slice(&answer->in), &answer->frame) == 0)
        uv_close((uv_handle_t *)stream, NULL);
}

static void topology_connected(uv_connect_t *connect, int status)
{
    struct buffer out = {0};
    struct request request;
    uv_buf_t bytes;

    if (status < 0)
        die("connect", status);
    request_init(&request, METHOD_TOPOLOGY);
    request_encode(1, &request, &out);
    bytes = uv_buf_init((char *)out.data, (unsigned)out.size);
    if (uv_try_write(connect->handle, &bytes, 1) != (int)out.size)
        die("write", 0);
    buffer_done(&out);
    uv_read_start(connect->handle, topology_alloc, topology_read);
}

// The endpoint of a member by its port; -1: not among those given.
static int node_of(const struct bench *bench, const struct member *member)
{
    char host[256];
    uint16_t port;

    if (text_read_address(member->client_address, 0, host, &port))
        return -1;
    for (uint32_t i = 0; i < bench->node_count; i++) {
        if (ntohs(bench->nodes[i].sin_port) == port)
            return (int)i;
    }
    return -1;
}

static void keys_deal(struct bench *bench, const struct reply *reply)
{
    const struct topology *topology = reply->topology;

    for (uint32_t number = 0; number < KEYS; number++) {
        struct key key;
        char name[16];
        int node;

        snprintf(name, sizeof name, "key%08u", number);
        check(key_make(topology->seed, topology->shards, slice_of_text("bench"),
                       slice_of_text(name), &key) == 0);
        node = node_of(bench, &reply->members[topology_owners(topology, key.shard)[0]].member);
        if (node < 0)
            continue;
        bench->keys[node].numbers[bench->keys[node].count++] = number;
    }
}

static void topology_fetch(struct bench *bench)
{
    struct topology_answer answer = {0};
    struct wire_decoder decoder = {0};
    uv_connect_t connect;
    struct reply reply;
    uv_tcp_t tcp;

    rpc_scan_init(&answer.scan, REPLY_FRAME_MAX, REPLY_VALUES_MAX);
    uv_tcp_init(&bench->loop, &tcp);
    tcp.data = &answer;
    uv_tcp_connect(&connect, &tcp, (const struct sockaddr *)&bench->nodes[0], topology_connected);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    if (reply_decode(slice_of(answer.in.data, answer.frame), METHOD_TOPOLOGY, &decoder, &reply) ||
        reply.err || !reply.topology)
        die("topology: no cluster", 0);
    for (uint32_t i = 0; i < bench->node_count; i++)
        bench->keys[i].numbers = memory_new(KEYS * sizeof(uint32_t));
    keys_deal(bench, &reply);
    wire_decoder_done(&decoder);
    buffer_done(&answer.in);
}

static int rate_compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static void rounds_run(struct bench *bench, uint64_t seconds, uint64_t rounds)
{
    double rates[WORK_COUNT][ROUNDS_MAX];
    struct histogram latency[WORK_COUNT] = {0};
    double echo;

    for (uint64_t round = 0; round < rounds; round++) {
        sleep(SETTLE_SECONDS);
        for (int work = 0; work < WORK_COUNT; work++) {
            rates[work][round] = run(bench, (enum work)work, seconds);
            histogram_join(&latency[work], &bench->latency_us);
        }
    }
    printf("%-8s %12s %12s %12s %9s %8s %8s\n", "work", "median/s", "min/s", "max/s", "to echo",
           "p50 us", "p99 us");
    for (int work = 0; work < WORK_COUNT; work++) {
        qsort(rates[work], rounds, sizeof(double), rate_compare);
        echo = rates[WORK_ECHO][rounds / 2];
        printf("%-8s %12.0f %12.0f %12.0f %9.2f %8llu %8llu\n", work_names[work],
               rates[work][rounds / 2], rates[work][0], rates[work][rounds - 1],
               rates[work][rounds / 2] / echo,
               (unsigned long long)histogram_quantile(&latency[work], 5000),
               (unsigned long long)histogram_quantile(&latency[work], 9900));
    }
}

int main(int argc, char **argv)
{
    static struct bench bench;
    uint64_t seconds = 0;
    uint64_t rounds = 0;
    pid_t echo;

    if (argc < 4 || argc > 3 + NODES_MAX || text_read_u64(argv[1], 1, 3600, &seconds) ||
        text_read_u64(argv[2], 1, ROUNDS_MAX, &rounds)) {
        fprintf(stderr, "usage: rate_main SECONDS ROUNDS ENDPOINT...\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    echo = echo_start(&bench.echo);
    for (int i = 3; i < argc; i++) {
        char host[256];
        uint16_t port;

        if (text_read_address(argv[i], 0, host, &port) ||
            uv_ip4_addr(host, port, &bench.nodes[bench.node_count++]))
            die(argv[i], 0);
    }
    uv_loop_init(&bench.loop);
    uv_timer_init(&bench.loop, &bench.timer);
    bench.timer.data = &bench;
    rng_init(&bench.rng, 1);
    topology_fetch(&bench);
    bench.filling = true;
    run(&bench, WORK_PUT_2, 3600);
    bench.filling = false;
    rounds_run(&bench, seconds, rounds);
    kill(echo, SIGTERM);
    waitpid(echo, NULL, 0);
    return 0;
}
