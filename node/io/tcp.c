// SPDX-License-Identifier: Apache-2.0
// The rules that keep this simple: `closed` comes from libuv's close callback only, so no call into
// a stream ever frees it; a stream that is closing makes no further calls to its owner.
#include "node/io/stream.h"

#include "base/check.h"
#include "node/io/address.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utlist.h>

enum {
    FINISH_MS = 1000, // to wait for the other side's end
    FRAME_RATE = 64,  // bytes a millisecond (64 KiB a second) that a long frame must keep up
    KEEP_ALIVE_PROBES = 3
};

void hub_init(struct hub *hub, uv_loop_t *uv)
{
    memset(hub, 0, sizeof *hub);
    hub->uv = uv;
    hub->now_ms = uv_hrtime() / 1000000;
}

static void account(struct stream *stream)
{
    size_t now = stream->input.capacity + stream->output.capacity + stream->flying.capacity;

    if (!stream->budget)
        return;
    stream->budget->used += now;
    stream->budget->used -= stream->accounted;
    stream->accounted = now;
}

static void touch(struct stream *stream)
{
    if (stream->is_touched)
        return;
    stream->is_touched = true;
    stream->hub->dirty = true;
    LL_PREPEND2(stream->hub->touched, stream, next_touched);
}

void stream_init(struct stream *stream, struct hub *hub, const struct stream_calls *calls)
{
    int err;

    stream->hub = hub;
    stream->calls = calls;
    err = uv_tcp_init(hub->uv, &stream->tcp);
    check(err == 0);
    stream->tcp.data = stream;
    DL_APPEND(hub->all, stream);
    hub->count++;
}

// --- Closing -------------------------------------------------------------------------------------

static void on_close(uv_handle_t *handle)
{
    struct stream *stream = handle->data;
    struct hub *hub = stream->hub;

    if (stream->is_touched)
        LL_DELETE2(hub->touched, stream, next_touched);
    if (stream->is_again)
        LL_DELETE2(hub->again, stream, next_again);
    DL_DELETE(hub->all, stream);
    hub->count--;
    hub->dirty = true;
    buffer_done(&stream->input);
    buffer_done(&stream->output);
    buffer_done(&stream->flying);
    account(stream);
    stream->calls->closed(stream);
}

void stream_close(struct stream *stream, int why)
{
    if (stream->closing)
        return;
    stream->closing = true;
    stream->why = why;
    uv_close((uv_handle_t *)&stream->tcp, on_close);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct stream *stream = request->handle->data;

    if (status || stream->over)
        stream_close(stream, 0);
}

// When all is out: says that nothing follows.
static void finish_now(struct stream *stream)
{
    if (stream->shut || stream->closing)
        return;
    stream->shut = true;
    stream->output_since_ms = stream->hub->now_ms;
    if (uv_shutdown(&stream->shutdown, (uv_stream_t *)&stream->tcp, on_shutdown))
        stream_close(stream, 0);
}

void stream_finish(struct stream *stream)
{
    if (stream->connecting) {
        stream_close(stream, 0);
        return;
    }
    stream->finishing = true;
    stream->input_since_ms = 0;
    stream_resume(stream);
    touch(stream);
}

// --- Reading -------------------------------------------------------------------------------------

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct stream *stream = handle->data;

    (void)suggested;
    if (stream->input.size == 0 || stream->finishing) {
        *out = uv_buf_init((char *)stream->hub->shared, STREAM_READ_SIZE);
        return;
    }
    buffer_reserve(&stream->input, STREAM_READ_SIZE);
    *out = uv_buf_init((char *)stream->input.data + stream->input.size, STREAM_READ_SIZE);
}

// Notes since when the other side owes the rest of a frame.
static void note_rest(struct stream *stream, bool progress)
{
    if (stream->input.size == 0 || stream->paused)
        stream->input_since_ms = 0;
    else if (progress || stream->input_since_ms == 0)
        stream->input_since_ms = stream->hub->now_ms;
}

static void offer(struct stream *stream, struct slice bytes)
{
    bool shared = bytes.data == stream->hub->shared;
    size_t taken = stream->calls->take(stream, bytes);

    check(taken <= bytes.size);
    if (stream->closing || stream->finishing)
        taken = bytes.size;
    if (shared)
        buffer_add(&stream->input, bytes.data + taken, bytes.size - taken);
    else
        buffer_drop(&stream->input, taken);
    if (stream->input.size == 0)
        buffer_reset(&stream->input, stream->keep);
    note_rest(stream, taken > 0);
    account(stream);
}

static void take_end(struct stream *stream, int err)
{
    if (err != UV_EOF) {
        stream_close(stream, err);
        return;
    }
    stream->over = true;
    stream->reading = false;
    uv_read_stop((uv_stream_t *)&stream->tcp);
    buffer_reset(&stream->input, 0);
    stream->input_since_ms = 0;
    if (stream->finishing && stream->shut)
        stream_close(stream, 0);
    else if (!stream->finishing && stream->calls->ended)
        stream->calls->ended(stream);
    else if (!stream->finishing)
        stream_close(stream, UV_EOF);
}

static void on_read(uv_stream_t *handle, ssize_t size, const uv_buf_t *buffer)
{
    struct stream *stream = handle->data;
    struct hub *hub = stream->hub;

    if (size == 0)
        return;
    hub->dirty = true;
    if (size < 0) {
        take_end(stream, (int)size);
        return;
    }
    if (stream->finishing)
        return;
    if ((uint8_t *)buffer->base == hub->shared) {
        offer(stream, slice_of(hub->shared, (size_t)size));
        return;
    }
    stream->input.size += (size_t)size;
    offer(stream, buffer_slice(&stream->input));
}

static void start_reading(struct stream *stream)
{
    int err;

    if (stream->reading || stream->paused || stream->over || stream->closing || stream->connecting)
        return;
    stream->reading = true;
    err = uv_read_start((uv_stream_t *)&stream->tcp, on_alloc, on_read);
    if (err)
        stream_close(stream, err);
}

void stream_pause(struct stream *stream)
{
    stream->paused = true;
    stream->input_since_ms = 0;
    if (stream->reading)
        uv_read_stop((uv_stream_t *)&stream->tcp);
    stream->reading = false;
}

void stream_resume(struct stream *stream)
{
    if (!stream->paused || stream->closing)
        return;
    stream->paused = false;
    stream->hub->dirty = true;
    if (!stream->is_again)
        LL_PREPEND2(stream->hub->again, stream, next_again);
    stream->is_again = true;
}

bool hub_resume(struct hub *hub)
{
    struct stream *stream;
    bool any = hub->again;

    while ((stream = hub->again)) {
        LL_DELETE2(hub->again, stream, next_again);
        stream->is_again = false;
        if (stream->closing)
            continue;
        if (stream->input.size && !stream->paused && !stream->finishing)
            offer(stream, buffer_slice(&stream->input));
        start_reading(stream);
    }
    return any;
}

// --- Writing -------------------------------------------------------------------------------------

static size_t queued(const struct stream *stream)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&stream->tcp);
}

struct buffer *stream_output(struct stream *stream)
{
    touch(stream);
    return &stream->output;
}

size_t stream_unsent(const struct stream *stream)
{
    return stream->output.size + queued(stream);
}

static void on_written(uv_write_t *request, int status)
{
    struct stream *stream = request->handle->data;

    stream->writing = false;
    buffer_reset(&stream->flying, 0);
    account(stream);
    if (stream->closing)
        return;
    if (status) {
        stream_close(stream, status);
        return;
    }
    stream->output_since_ms = stream->hub->now_ms;
    touch(stream);
}

// What the socket did not take now is written by libuv when it can; new output collects meanwhile.
static void write_later(struct stream *stream, size_t sent)
{
    uv_buf_t rest;
    int err;

    buffer_done(&stream->flying);
    stream->flying = stream->output;
    stream->output = (struct buffer){0};
    rest = uv_buf_init((char *)stream->flying.data + sent, (unsigned)(stream->flying.size - sent));
    err = uv_write(&stream->write, (uv_stream_t *)&stream->tcp, &rest, 1, on_written);
    if (err) {
        stream_close(stream, err);
        return;
    }
    stream->writing = true;
    stream->flying_left = queued(stream);
    if (stream->output_since_ms == 0 || sent > 0)
        stream->output_since_ms = stream->hub->now_ms;
}

static void flush(struct stream *stream)
{
    uv_buf_t all;
    size_t sent = 0;
    int result;

    if (stream->closing || stream->connecting || stream->writing)
        return;
    if (stream->output.size) {
        all = uv_buf_init((char *)stream->output.data, (unsigned)stream->output.size);
        result = uv_try_write((uv_stream_t *)&stream->tcp, &all, 1);
        if (result < 0 && result != UV_EAGAIN) {
            stream_close(stream, result);
            return;
        }
        sent = result > 0 ? (size_t)result : 0;
        if (sent < stream->output.size) {
            write_later(stream, sent);
            account(stream);
            return;
        }
    }
    stream->output_since_ms = 0;
    buffer_reset(&stream->output, stream->keep);
    account(stream);
    if (stream->paused && stream->calls->sent)
        stream->calls->sent(stream);
    if (stream->finishing)
        finish_now(stream);
}

void hub_flush(struct hub *hub)
{
    struct stream *stream, *list = hub->touched, *rest;

    hub->touched = NULL;
    for (stream = list; stream; stream = rest) {
        rest = stream->next_touched;
        stream->is_touched = false;
        flush(stream);
    }
}

// --- Opening -------------------------------------------------------------------------------------

int stream_accept(struct stream *stream, uv_stream_t *listener)
{
    int err = uv_accept(listener, (uv_stream_t *)&stream->tcp);

    if (err) {
        stream_close(stream, err);
        return err;
    }
    uv_tcp_nodelay(&stream->tcp, 1);
    start_reading(stream);
    return 0;
}

static void on_connect(uv_connect_t *request, int status)
{
    struct stream *stream = request->handle->data;

    stream->connecting = false;
    stream->hub->dirty = true;
    if (stream->closing)
        return;
    if (status) {
        stream_close(stream, status);
        return;
    }
    stream->output_since_ms = 0;
    uv_tcp_nodelay(&stream->tcp, 1);
    touch(stream);
    start_reading(stream);
    if (stream->calls->connected)
        stream->calls->connected(stream);
}

void stream_connect(struct stream *stream, const struct sockaddr *address)
{
    int err;

    stream->connecting = true;
    stream->output_since_ms = stream->hub->now_ms;
    err = uv_tcp_connect(&stream->connect, &stream->tcp, address, on_connect);
    if (err)
        stream_close(stream, err);
}

void stream_keep_alive(struct stream *stream, uint64_t timeout_ms)
{
    unsigned user = (unsigned)timeout_ms;
    unsigned seconds = (unsigned)(timeout_ms / 1000);
    int probes = KEEP_ALIVE_PROBES;
    uv_os_fd_t fd;

    if (uv_fileno((uv_handle_t *)&stream->tcp, &fd))
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user, sizeof user);
    uv_tcp_keepalive(&stream->tcp, 1, seconds ? seconds : 1);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

bool stream_is_over_budget(const struct stream *stream)
{
    return stream->budget && stream->budget->used > stream->budget->max;
}

void stream_peer_text(const struct stream *stream, char out[64])
{
    struct sockaddr_storage address;
    int size = sizeof address;

    if (uv_tcp_getpeername(&stream->tcp, (struct sockaddr *)&address, &size) == 0)
        address_text((struct sockaddr *)&address, out);
    else
        memcpy(out, "?", 2);
}

// --- Stalls --------------------------------------------------------------------------------------

static bool has_stalled(struct stream *stream)
{
    uint64_t now = stream->hub->now_ms;
    size_t left = queued(stream);

    if (stream->writing && left < stream->flying_left)
        stream->output_since_ms = now;
    stream->flying_left = left;
    if (stream->shut)
        return now - stream->output_since_ms > FINISH_MS;
    if (stream->stall_ms == 0)
        return false;
    if (stream->input_since_ms &&
        now - stream->input_since_ms > stream->stall_ms + stream->input.size / FRAME_RATE)
        return true;
    if (!stream->output_since_ms || now - stream->output_since_ms <= stream->stall_ms)
        return false;
    return stream->connecting || stream->finishing ||
           stream_unsent(stream) > (stream_is_over_budget(stream) ? 0 : stream->unread_max);
}

void hub_sweep(struct hub *hub)
{
    struct stream *stream;

    DL_FOREACH(hub->all, stream) {
        if (!stream->closing && has_stalled(stream))
            stream_close(stream, UV_ETIMEDOUT);
    }
}
