// SPDX-License-Identifier: Apache-2.0
//
//      down ──▶ connecting ──▶ up
//        ▲          │ failed    │ lost
//        └──────── closing ◀────┘            ended: no way back
#include "client/bench/connection.h"

#include "base/check.h"
#include "base/err.h"

#include <stdlib.h>

#define NS_PER_MS UINT64_C(1000000)

enum { PAUSE_MS = 50, PAUSE_DOUBLINGS = 5, CONNECT_MS = 3000, KEEP = 1 << 20 };

static void read_some(uv_stream_t *stream, ssize_t size, const uv_buf_t *memory);

void connection_init(struct connection *connection, const struct connection_setup *setup,
                     const struct address *address)
{
    uint32_t depth = setup->depth;

    check(depth >= 1 && depth <= DEPTH_MAX);
    *connection = (struct connection){.setup = setup, .address = address};
    connection->fresh = memory_new(depth * sizeof *connection->fresh);
    connection->free = memory_new(depth * sizeof *connection->free);
    connection->order = memory_new(depth * sizeof *connection->order);
    connection->sent_ns = memory_new(depth * sizeof *connection->sent_ns);
    connection->writes = memory_new(depth * sizeof *connection->writes);
    connection->speech = (struct speech){.phrases = setup->phrases, .decoder = setup->decoder};
    for (uint32_t slot = 0; slot < depth; slot++)
        connection->free[connection->free_count++] = depth - 1 - slot;
}

void connection_done(struct connection *connection)
{
    buffer_done(&connection->out);
    buffer_done(&connection->given);
    buffer_done(&connection->in);
    free(connection->fresh);
    free(connection->free);
    free(connection->order);
    free(connection->sent_ns);
    free(connection->writes);
}

// ---- going down ---------------------------------------------------------------------------------

static void closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    uint32_t doublings =
        connection->failures < PAUSE_DOUBLINGS ? connection->failures : PAUSE_DOUBLINGS;

    connection->is_writing = false;
    if (connection->state == CONNECTION_ENDED)
        return;
    connection->state = CONNECTION_DOWN;
    connection->retry_ns = uv_hrtime() + (PAUSE_MS * NS_PER_MS << doublings);
    connection->failures++;
}

// All questions are lost, those sent before then with ERR_TIMEOUT.
static void slots_lose(struct connection *connection, int err, uint64_t sent_before_ns)
{
    for (uint32_t slot = 0; slot < connection->setup->depth; slot++) {
        uint64_t sent_ns = connection->sent_ns[slot];

        if (sent_ns == 0)
            continue;
        connection_give(connection, slot);
        connection->setup->owner->lost(connection, slot,
                                       sent_ns < sent_before_ns ? ERR_TIMEOUT : err);
    }
}

static void fail(struct connection *connection, int err, uint64_t sent_before_ns)
{
    if (connection->state != CONNECTION_UP && connection->state != CONNECTION_CONNECTING)
        return;
    connection->state = CONNECTION_CLOSING;
    slots_lose(connection, err, sent_before_ns);
    connection->fresh_count = connection->order_count = 0;
    connection->out.size = connection->in.size = 0;
    uv_close((uv_handle_t *)&connection->tcp, closed);
    connection->setup->owner->changed(connection);
}

void connection_end(struct connection *connection)
{
    fail(connection, ERR_CLOSED, 0);
    connection->state = CONNECTION_ENDED;
}

void connection_tick(struct connection *connection, uint64_t now_ns, uint64_t sent_before_ns)
{
    if (connection->state == CONNECTION_DOWN && now_ns >= connection->retry_ns)
        connection_open(connection);
    if (connection->state == CONNECTION_CONNECTING &&
        now_ns > connection->opened_ns + CONNECT_MS * NS_PER_MS) {
        connection->connect_err = UV_ETIMEDOUT;
        fail(connection, ERR_CONNECT, 0);
    }
    for (uint32_t slot = 0; slot < connection->setup->depth; slot++) {
        if (connection->state == CONNECTION_UP && connection->sent_ns[slot] &&
            connection->sent_ns[slot] < sent_before_ns)
            fail(connection, ERR_CLOSED, sent_before_ns);
    }
}

// ---- coming up ----------------------------------------------------------------------------------

static void memory_take(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct connection *connection = handle->data;
    char *memory = (char *)connection->setup->memory;

    (void)size;
    // Behind the beginning of an answer, or else where all connections read.
    if (connection->in.size > 0)
        memory = (char *)buffer_reserve(&connection->in, READ_MEMORY);
    *out = uv_buf_init(memory, READ_MEMORY);
}

static void connected(uv_connect_t *connecting, int status)
{
    struct connection *connection = connecting->data;

    if (connection->state != CONNECTION_CONNECTING)
        return;
    connection->connect_err = status;
    if (status < 0) {
        fail(connection, ERR_CONNECT, 0);
        return;
    }
    (void)uv_tcp_nodelay(&connection->tcp, 1);
    connection->setup->speaker->start(&connection->speech);
    connection->state = CONNECTION_UP;
    check(uv_read_start((uv_stream_t *)&connection->tcp, memory_take, read_some) == 0);
    connection->setup->owner->changed(connection);
}

void connection_open(struct connection *connection)
{
    int err;

    check(connection->state == CONNECTION_DOWN);
    check(uv_tcp_init(connection->setup->loop, &connection->tcp) == 0);
    connection->tcp.data = connection->connecting.data = connection->writing.data = connection;
    connection->state = CONNECTION_CONNECTING;
    connection->opened_ns = uv_hrtime();
    err = uv_tcp_connect(&connection->connecting, &connection->tcp,
                         (const struct sockaddr *)&connection->address->socket, connected);
    if (err) {
        connection->connect_err = err;
        fail(connection, ERR_CONNECT, 0);
    }
}

// ---- asking -------------------------------------------------------------------------------------

uint32_t connection_take(struct connection *connection)
{
    check(connection->state == CONNECTION_UP && connection->free_count > 0);
    return connection->free[--connection->free_count];
}

void connection_give(struct connection *connection, uint32_t slot)
{
    check(connection->free_count < connection->setup->depth);
    connection->sent_ns[slot] = 0;
    connection->free[connection->free_count++] = slot;
}

void connection_ask(struct connection *connection, uint32_t slot, struct ask *ask)
{
    uint32_t depth = connection->setup->depth;

    ask->id = slot;
    connection->setup->speaker->ask(&connection->speech, ask, &connection->out);
    connection->sent_ns[slot] = UINT64_MAX;
    connection->writes[slot] = ask->write;
    connection->fresh[connection->fresh_count++] = slot;
    if (connection->setup->speaker->in_order) {
        check(connection->order_count < depth);
        connection->order[(connection->order_head + connection->order_count++) % depth] = slot;
    }
}

static void written(uv_write_t *writing, int status)
{
    struct connection *connection = writing->data;

    connection->is_writing = false;
    connection->given.size = 0;
    if (status < 0)
        fail(connection, ERR_CLOSED, 0);
    else
        connection_flush(connection);
}

// What the system does not take at once is left to libuv.
static void write_rest(struct connection *connection, size_t from)
{
    struct buffer bytes = connection->out;
    uv_buf_t rest;

    connection->out = connection->given;
    connection->out.size = 0;
    connection->given = bytes;
    rest = uv_buf_init((char *)bytes.data + from, (unsigned)(bytes.size - from));
    if (uv_write(&connection->writing, (uv_stream_t *)&connection->tcp, &rest, 1, written))
        fail(connection, ERR_CLOSED, 0);
    else
        connection->is_writing = true;
}

void connection_flush(struct connection *connection)
{
    uint64_t now_ns;
    uv_buf_t bytes;
    int size;

    if (connection->state != CONNECTION_UP || connection->is_writing || !connection->out.size)
        return;
    bytes = uv_buf_init((char *)connection->out.data, (unsigned)connection->out.size);
    now_ns = uv_hrtime();
    for (uint32_t i = 0; i < connection->fresh_count; i++)
        connection->sent_ns[connection->fresh[i]] = now_ns;
    connection->fresh_count = 0;
    size = uv_try_write((uv_stream_t *)&connection->tcp, &bytes, 1);
    if (size == UV_EAGAIN)
        size = 0;
    if (size < 0)
        fail(connection, ERR_CLOSED, 0);
    else if ((size_t)size < connection->out.size)
        write_rest(connection, (size_t)size);
    else
        buffer_reset(&connection->out, KEEP);
}

// ---- answers ------------------------------------------------------------------------------------

// Of protocols that answer in order.
static uint32_t order_take(struct connection *connection)
{
    uint32_t slot = connection->order[connection->order_head];

    connection->order_head = (connection->order_head + 1) % connection->setup->depth;
    connection->order_count--;
    return slot;
}

// Takes one answer off the bytes. ERR_AGAIN: there is none yet.
static int answer_take(struct connection *connection, struct slice *bytes, uint64_t now_ns)
{
    const struct speaker *speaker = connection->setup->speaker;
    struct answer answer;
    bool write = speaker->in_order && connection->order_count > 0 &&
                 connection->writes[connection->order[connection->order_head]];
    int err = speaker->next(&connection->speech, *bytes, write, &answer);

    if (err)
        return err;
    if (speaker->in_order) {
        if (connection->order_count == 0)
            return ERR_PROTOCOL;
        answer.id = order_take(connection);
    }
    if (answer.id >= connection->setup->depth || connection->sent_ns[answer.id] == 0 ||
        connection->sent_ns[answer.id] == UINT64_MAX)
        return ERR_PROTOCOL;
    *bytes = slice_of(bytes->data + answer.size, bytes->size - answer.size);
    connection->failures = 0;
    connection->setup->owner->answered(connection, answer.id, &answer, now_ns);
    return 0;
}

static void read_some(uv_stream_t *stream, ssize_t size, const uv_buf_t *memory)
{
    struct connection *connection = stream->data;
    uint64_t now_ns = uv_hrtime();
    struct slice bytes;
    int err = 0;

    if (size == 0)
        return;
    if (size < 0) {
        fail(connection, ERR_CLOSED, 0);
        return;
    }
    bytes = slice_of(memory->base, (size_t)size);
    if (connection->in.size > 0) {
        connection->in.size += (size_t)size;
        bytes = buffer_slice(&connection->in);
    }
    while (!err && bytes.size > 0)
        err = answer_take(connection, &bytes, now_ns);
    if (err && err != ERR_AGAIN) {
        fail(connection, ERR_PROTOCOL, 0);
    } else if (connection->in.size > 0) {
        buffer_drop(&connection->in, connection->in.size - bytes.size);
    } else {
        buffer_add_slice(&connection->in, bytes);
    }
}
