// SPDX-License-Identifier: Apache-2.0
// A closed loop of puts or gets on etcd, which speaks gRPC: as much of HTTP/2 and of protocol
// buffers as that takes, and no more. Says what it measured as `quorate bench --format json` does.
//
//     etcd_main WORK HOST:PORT CONNECTIONS KEYS BYTES SECONDS [PID,...]
//
// WORK: load (each key once), put, get (linearizable) or local (a serializable get: from this
// server's copy, whatever the others have). One request in flight on each connection; half a second
// of warm-up. The processes' times and memory are told.
//
// An answer is a DATA frame with a message in it and trailers that end the stream. gRPC tells
// errors in trailers alone, so a stream that ends without a message has failed: headers are not
// decoded.
#include "base/buffer.h"
#include "base/check.h"
#include "base/rng.h"
#include "base/text.h"
#include "client/bench/latency.h"
#include "client/bench/value.h"
#include "client/bench/watch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

enum work { WORK_LOAD, WORK_PUT, WORK_GET, WORK_LOCAL, WORK_COUNT };

static const char *const work_names[] = {"load", "put", "get", "local"};

enum {
    CONNECTIONS_MAX = 1024,
    WARM_UP_MS = 500,
    FRAME_HEAD = 9,
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RESET = 3,
    FRAME_SETTINGS = 4,
    FRAME_PING = 6,
    FRAME_GOAWAY = 7,
    FRAME_WINDOW = 8,
    FLAG_END_STREAM = 1,
    FLAG_ACK = 1,
    FLAG_END_HEADERS = 4,
    WINDOW = 1 << 30,     // what we let the server send ahead, in bytes
    VALUE_MAX = 32 << 10, // fits the window that a server opens with
    MESSAGE_HEAD = 5      // gRPC: not compressed, u32 size
};

struct connection {
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct etcd *etcd;
    struct buffer in;
    struct buffer out;
    uint32_t stream;   // of the request under way; they are odd
    uint32_t received; // DATA bytes since the window was last filled up
    bool greeted;      // the header fields that repeat are in the server's table
    bool answered;     // the message has come
    uint64_t sent_ns;
};

struct etcd {
    uv_loop_t loop;
    uv_timer_t timer;
    struct sockaddr_in address;
    const char *authority;
    enum work work;
    uint64_t keys;
    uint64_t loaded;
    uint64_t number; // of values
    struct values values;
    struct rng rng;
    struct connection connections[CONNECTIONS_MAX];
    uint32_t connection_count;
    uint32_t open;
    bool measuring;
    bool stopping;
    struct latency latency;
    uint64_t failed;
    uint64_t began_ns, ended_ns;
    struct usage own[2]; // when measuring began and ended
    struct watched watched[WATCH_MAX];
    uint32_t watched_count;
};

_Noreturn static void die(const char *what, int err)
{
    fprintf(stderr, "etcd_main: %s: %s\n", what, err ? uv_strerror(err) : "failed");
    exit(8);
}

// ---- frames -------------------------------------------------------------------------------------

static void frame_begin(struct buffer *out, size_t size, uint8_t type, uint8_t flags,
                        uint32_t stream)
{
    uint8_t head[FRAME_HEAD] = {(uint8_t)(size >> 16),
                                (uint8_t)(size >> 8),
                                (uint8_t)size,
                                type,
                                flags,
                                (uint8_t)(stream >> 24),
                                (uint8_t)(stream >> 16),
                                (uint8_t)(stream >> 8),
                                (uint8_t)stream};

    buffer_add(out, head, sizeof head);
}

static void add_u32_big(struct buffer *out, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buffer_add_u8(out, (uint8_t)(value >> shift));
}

static void window_open(struct buffer *out, uint32_t bytes)
{
    frame_begin(out, 4, FRAME_WINDOW, 0, 0);
    add_u32_big(out, bytes);
}

static void greet(struct buffer *out)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    buffer_add(out, preface, sizeof preface - 1);
    frame_begin(out, 0, FRAME_SETTINGS, 0, 0);
    window_open(out, WINDOW);
}

static void add_text(struct buffer *out, const char *text)
{
    check(strlen(text) < 127); // else its size takes more than one byte
    buffer_add_u8(out, (uint8_t)strlen(text));
    buffer_add(out, text, strlen(text));
}

// RFC 7541: the first request puts four fields into the table, at 62 and further up, newest lowest;
// later ones name them by a byte each.
static void add_headers(struct connection *connection, bool put)
{
    static const uint8_t known[] = {0x83, 0x86, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62};
    struct buffer fields = {0};

    if (!connection->greeted) {
        buffer_add(&fields, "\x83\x86\x44", 3); // :method POST, :scheme http, :path
        add_text(&fields, put ? "/etcdserverpb.KV/Put" : "/etcdserverpb.KV/Range");
        buffer_add_u8(&fields, 0x41); // :authority
        add_text(&fields, connection->etcd->authority);
        buffer_add_u8(&fields, 0x40 | 31); // content-type
        add_text(&fields, "application/grpc");
        buffer_add_u8(&fields, 0x40);
        add_text(&fields, "te");
        add_text(&fields, "trailers");
        connection->greeted = true;
    } else {
        buffer_add(&fields, known, sizeof known);
    }
    frame_begin(&connection->out, fields.size, FRAME_HEADERS, FLAG_END_HEADERS, connection->stream);
    buffer_add_slice(&connection->out, buffer_slice(&fields));
    buffer_done(&fields);
}

static void add_field(struct buffer *out, uint8_t tag, struct slice bytes)
{
    buffer_add_u8(out, tag);
    buffer_add_varint(out, bytes.size);
    buffer_add_slice(out, bytes);
}

// PutRequest: key = 1, value = 2. RangeRequest: key = 1, serializable = 7.
static void request_make(struct connection *connection)
{
    struct etcd *etcd = connection->etcd;
    bool put = etcd->work == WORK_LOAD || etcd->work == WORK_PUT;
    uint64_t key = etcd->work == WORK_LOAD ? etcd->loaded++ : rng_below(&etcd->rng, etcd->keys);
    uint8_t value[VALUE_MAX];
    uint8_t name[KEY_NAME_SIZE];
    struct buffer message = {0};

    key_name(key, name);
    add_field(&message, 0x0a, slice_of(name, sizeof name));
    if (put) {
        values_write(&etcd->values, key, ++etcd->number, value);
        add_field(&message, 0x12, slice_of(value, values_size(&etcd->values, key)));
    } else if (etcd->work == WORK_LOCAL) {
        buffer_add(&message, "\x38\x01", 2);
    }
    add_headers(connection, put);
    frame_begin(&connection->out, MESSAGE_HEAD + message.size, FRAME_DATA, FLAG_END_STREAM,
                connection->stream);
    buffer_add_u8(&connection->out, 0);
    add_u32_big(&connection->out, (uint32_t)message.size);
    buffer_add_slice(&connection->out, buffer_slice(&message));
    buffer_done(&message);
}

// ---- the loop -----------------------------------------------------------------------------------

static void out_send(struct connection *connection)
{
    uv_buf_t bytes = uv_buf_init((char *)connection->out.data, (unsigned)connection->out.size);
    int sent;

    if (connection->out.size == 0 || uv_is_closing((uv_handle_t *)&connection->tcp))
        return;
    sent = uv_try_write((uv_stream_t *)&connection->tcp, &bytes, 1);
    if (sent != (int)connection->out.size)
        die("write", sent < 0 ? sent : 0); // small requests always fit
    connection->out.size = 0;
}

static void request_next(struct connection *connection)
{
    struct etcd *etcd = connection->etcd;

    if (etcd->stopping || (etcd->work == WORK_LOAD && etcd->loaded == etcd->keys)) {
        uv_close((uv_handle_t *)&connection->tcp, NULL);
        etcd->open -= 1;
        if (etcd->open == 0)
            uv_timer_stop(&etcd->timer);
        return;
    }
    connection->stream = connection->stream ? connection->stream + 2 : 1;
    connection->answered = false;
    connection->sent_ns = uv_hrtime();
    request_make(connection);
}

static void request_ended(struct connection *connection)
{
    struct etcd *etcd = connection->etcd;

    if (!connection->answered)
        etcd->failed += 1;
    else if (etcd->measuring)
        latency_add(&etcd->latency, uv_hrtime() - connection->sent_ns);
    request_next(connection);
}

static void data_came(struct connection *connection, uint32_t size)
{
    connection->received += size;
    if (size >= MESSAGE_HEAD)
        connection->answered = true;
    if (connection->received > WINDOW / 2) {
        window_open(&connection->out, connection->received);
        connection->received = 0;
    }
    // The stream's own window is never used up: it ends with this message.
}

static void frame_came(struct connection *connection, const uint8_t *frame, uint32_t size)
{
    uint8_t type = frame[3];
    uint8_t flags = frame[4];

    if (type == FRAME_RESET || type == FRAME_GOAWAY)
        die("the server hangs up", 0);
    if (type == FRAME_DATA)
        data_came(connection, size);
    if ((type == FRAME_SETTINGS || type == FRAME_PING) && !(flags & FLAG_ACK)) {
        frame_begin(&connection->out, type == FRAME_PING ? size : 0, type, FLAG_ACK, 0);
        buffer_add(&connection->out, frame + FRAME_HEAD, type == FRAME_PING ? size : 0);
    }
    if ((type == FRAME_DATA || type == FRAME_HEADERS) && (flags & FLAG_END_STREAM))
        request_ended(connection);
}

static void memory_for_read(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct connection *connection = handle->data;

    *out = uv_buf_init((char *)buffer_reserve(&connection->in, size), (unsigned)size);
}

static void arrived(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct connection *connection = stream->data;
    size_t at = 0;

    (void)bytes;
    if (size < 0)
        die("read", (int)size);
    connection->in.size += (size_t)size;
    while (connection->in.size - at >= FRAME_HEAD) {
        const uint8_t *frame = connection->in.data + at;
        uint32_t length = (uint32_t)frame[0] << 16 | (uint32_t)frame[1] << 8 | frame[2];

        if (connection->in.size - at < FRAME_HEAD + length)
            break;
        frame_came(connection, frame, length);
        at += FRAME_HEAD + length;
    }
    buffer_drop(&connection->in, at);
    out_send(connection);
}

static void connected(uv_connect_t *connect, int status)
{
    struct connection *connection = connect->data;

    if (status < 0)
        die("connect", status);
    uv_tcp_nodelay(&connection->tcp, 1);
    uv_read_start((uv_stream_t *)&connection->tcp, memory_for_read, arrived);
    greet(&connection->out);
    request_next(connection);
    out_send(connection);
}

// ---- measuring ----------------------------------------------------------------------------------

static struct usage usage_own(void)
{
    struct usage own = {0};
    struct rusage of;

    check(getrusage(RUSAGE_SELF, &of) == 0);
    own.user_us = (uint64_t)of.ru_utime.tv_sec * 1000000 + (uint64_t)of.ru_utime.tv_usec;
    own.system_us = (uint64_t)of.ru_stime.tv_sec * 1000000 + (uint64_t)of.ru_stime.tv_usec;
    return own;
}

static void measure(struct etcd *etcd, bool ends)
{
    for (uint32_t i = 0; i < etcd->watched_count; i++) {
        struct watched *watched = &etcd->watched[i];

        if (usage_read(watched->pid, ends ? &watched->until : &watched->from))
            die("a watched process is gone", 0);
    }
    etcd->own[ends] = usage_own();
    *(ends ? &etcd->ended_ns : &etcd->began_ns) = uv_hrtime();
    etcd->measuring = !ends;
}

static void time_up(uv_timer_t *timer)
{
    struct etcd *etcd = timer->data;

    if (!etcd->measuring) {
        measure(etcd, false);
        return;
    }
    measure(etcd, true);
    etcd->stopping = true;
    uv_timer_stop(timer);
}

static void run(struct etcd *etcd, uint64_t seconds)
{
    uv_loop_init(&etcd->loop);
    uv_timer_init(&etcd->loop, &etcd->timer);
    etcd->timer.data = etcd;
    etcd->open = etcd->connection_count;
    for (uint32_t i = 0; i < etcd->connection_count; i++) {
        struct connection *connection = &etcd->connections[i];

        connection->etcd = etcd;
        connection->tcp.data = connection->connect.data = connection;
        uv_tcp_init(&etcd->loop, &connection->tcp);
        uv_tcp_connect(&connection->connect, &connection->tcp,
                       (const struct sockaddr *)&etcd->address, connected);
    }
    if (etcd->work == WORK_LOAD)
        measure(etcd, false);
    else
        uv_timer_start(&etcd->timer, time_up, WARM_UP_MS, seconds * 1000);
    uv_run(&etcd->loop, UV_RUN_DEFAULT);
    if (etcd->work == WORK_LOAD)
        measure(etcd, true);
}

static double each_us(const struct etcd *etcd, const struct usage *from, const struct usage *until)
{
    struct usage used = usage_between(from, until);

    return (double)(used.user_us + used.system_us) / (double)etcd->latency.count;
}

static void tell(const struct etcd *etcd)
{
    double seconds = (double)(etcd->ended_ns - etcd->began_ns) / 1e9;
    double sum_us = 0;

    printf("{\"workload\":\"%s\",\"against\":\"etcd\",\"rate\":%.3f,\"failed\":%llu,",
           work_names[etcd->work], (double)etcd->latency.count / seconds,
           (unsigned long long)etcd->failed);
    printf("\"latency\":{\"all\":{\"p50_us\":%.3f,\"p99_us\":%.3f,\"p99_9_us\":%.3f}},",
           (double)latency_quantile_ns(&etcd->latency, 0.5) / 1e3,
           (double)latency_quantile_ns(&etcd->latency, 0.99) / 1e3,
           (double)latency_quantile_ns(&etcd->latency, 0.999) / 1e3);
    printf("\"watched\":[");
    for (uint32_t i = 0; i < etcd->watched_count; i++) {
        const struct watched *watched = &etcd->watched[i];

        sum_us += each_us(etcd, &watched->from, &watched->until);
        printf("%s{\"pid\":%d,\"memory_bytes\":%llu}", i ? "," : "", (int)watched->pid,
               (unsigned long long)watched->until.memory_bytes);
    }
    printf("],\"watched_together\":{\"us_each\":%.3f},\"client\":{\"us_each\":%.3f}}\n", sum_us,
           each_us(etcd, &etcd->own[0], &etcd->own[1]));
}

// ---- arguments ----------------------------------------------------------------------------------

static uint64_t number(const char *text, uint64_t max)
{
    uint64_t value = 0;

    if (text_read_u64(text, 1, max, &value)) {
        fprintf(stderr, "etcd_main: %s is no number from 1 to %llu\n", text,
                (unsigned long long)max);
        exit(2);
    }
    return value;
}

static void watch(struct etcd *etcd, char *pids)
{
    for (char *pid = strtok(pids, ","); pid; pid = strtok(NULL, ",")) {
        check(etcd->watched_count < WATCH_MAX);
        etcd->watched[etcd->watched_count++].pid = (pid_t)number(pid, INT32_MAX);
    }
}

int main(int argc, char **argv)
{
    static struct etcd etcd;
    uint32_t size;
    char host[256];
    uint16_t port;

    for (etcd.work = WORK_LOAD; argc > 1 && etcd.work < WORK_COUNT; etcd.work++) {
        if (strcmp(argv[1], work_names[etcd.work]) == 0)
            break;
    }
    if (argc < 7 || argc > 8 || etcd.work == WORK_COUNT ||
        text_read_address(argv[2], 0, host, &port) || uv_ip4_addr(host, port, &etcd.address)) {
        fprintf(stderr, "usage: etcd_main load|put|get|local HOST:PORT CONNECTIONS KEYS BYTES "
                        "SECONDS [PID,...]\n");
        return 2;
    }
    etcd.authority = argv[2];
    etcd.connection_count = (uint32_t)number(argv[3], CONNECTIONS_MAX);
    etcd.keys = number(argv[4], KEY_NUMBER_MAX);
    size = (uint32_t)number(argv[5], VALUE_MAX);
    if (argc > 7)
        watch(&etcd, argv[7]);
    signal(SIGPIPE, SIG_IGN);
    values_init(&etcd.values, size, size, 1);
    rng_init(&etcd.rng, 1);
    run(&etcd, number(argv[6], 3600));
    tell(&etcd);
    return etcd.failed ? 8 : 0;
}
