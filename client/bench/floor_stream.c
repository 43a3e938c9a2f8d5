// SPDX-License-Identifier: Apache-2.0
#include "client/bench/floor_stream.h"

#include "base/check.h"

#include <stdlib.h>

static void closed(uv_handle_t *handle)
{
    struct stream *stream = handle->data;

    stream->closed = true;
    if (stream->calls->gone)
        stream->calls->gone(stream);
    stream_hold(stream);
    stream_release(stream);
}

static void stream_close(struct stream *stream)
{
    if (stream->closing)
        return;
    stream->closing = true;
    uv_close((uv_handle_t *)&stream->handle, closed);
}

void stream_hold(struct stream *stream)
{
    stream->held += 1;
}

void stream_release(struct stream *stream)
{
    check(stream->held > 0);
    stream->held -= 1;
    if (stream->held > 0 || !stream->closed)
        return;
    buffer_done(&stream->in);
    buffer_done(&stream->out);
    buffer_done(&stream->flying);
    free(stream);
}

// ---- in -----------------------------------------------------------------------------------------

static void memory_for_read(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct stream *stream = handle->data;
    struct hub *hub = stream->hub;

    (void)size;
    if (stream->in.size == 0)
        *out = uv_buf_init((char *)hub->memory, sizeof hub->memory);
    else
        *out = uv_buf_init((char *)buffer_reserve(&stream->in, sizeof hub->memory),
                           sizeof hub->memory);
}

// Gives all whole frames to the owner. Returns how many bytes they were.
static size_t frames_take(struct stream *stream, struct slice bytes)
{
    size_t at = 0;
    uint32_t size;
    uint32_t wanted;

    while (bytes.size - at >= FLOOR_HEADER && !stream->closing) {
        size = bytes_u32(bytes.data + at);
        wanted = bytes_u32(bytes.data + at + 4);
        if (size < FLOOR_HEADER || size > FLOOR_FRAME_MAX || wanted > FLOOR_FRAME_MAX) {
            stream_close(stream);
            break;
        }
        if (bytes.size - at < size)
            break;
        stream->calls->take(stream, slice_of(bytes.data + at, size));
        at += size;
    }
    if (stream->calls->taken)
        stream->calls->taken(stream);
    return at;
}

static void arrived(uv_stream_t *handle, ssize_t size, const uv_buf_t *memory)
{
    struct stream *stream = handle->data;
    const uint8_t *bytes = (const uint8_t *)memory->base;
    size_t taken;

    if (size < 0) {
        stream_close(stream);
        return;
    }
    if (stream->in.size > 0) {
        stream->in.size += (size_t)size;
        buffer_drop(&stream->in, frames_take(stream, buffer_slice(&stream->in)));
        return;
    }
    taken = frames_take(stream, slice_of(bytes, (size_t)size));
    buffer_add(&stream->in, bytes + taken, (size_t)size - taken);
}

// ---- out ----------------------------------------------------------------------------------------

static void mark_dirty(struct stream *stream)
{
    if (stream->dirty)
        return;
    stream->dirty = true;
    stream->next_dirty = stream->hub->dirty;
    stream->hub->dirty = stream;
}

static void written(uv_write_t *write, int status)
{
    struct stream *stream = write->data;

    stream->writing = false;
    stream->flying.size = 0;
    if (status < 0)
        stream_close(stream);
    else if (stream->out.size > 0)
        mark_dirty(stream);
}

// The socket took `sent` bytes and no more: libuv sends the rest when there is room.
static void fly(struct stream *stream, size_t sent)
{
    struct buffer empty = stream->flying;
    uv_buf_t rest;

    stream->flying = stream->out;
    stream->out = empty;
    rest = uv_buf_init((char *)stream->flying.data + sent, (unsigned)(stream->flying.size - sent));
    stream->write.data = stream;
    stream->writing = true;
    if (uv_write(&stream->write, (uv_stream_t *)&stream->handle, &rest, 1, written) < 0)
        stream_close(stream);
}

static void flush(struct stream *stream)
{
    uv_buf_t bytes = uv_buf_init((char *)stream->out.data, (unsigned)stream->out.size);
    int sent;

    if (stream->closing || stream->writing || stream->out.size == 0)
        return;
    sent = uv_try_write((uv_stream_t *)&stream->handle, &bytes, 1);
    if (sent == (int)stream->out.size)
        stream->out.size = 0;
    else if (sent >= 0 || sent == UV_EAGAIN)
        fly(stream, sent < 0 ? 0 : (size_t)sent);
    else
        stream_close(stream);
}

void hub_flush(struct hub *hub)
{
    struct stream *stream;

    while (hub->dirty) {
        stream = hub->dirty;
        hub->dirty = stream->next_dirty;
        stream->dirty = false;
        flush(stream);
    }
}

void stream_send(struct stream *stream, struct slice frame, uint64_t id)
{
    size_t at = stream->out.size;

    if (stream->closing)
        return;
    buffer_add_slice(&stream->out, frame);
    bytes_put_u64(stream->out.data + at + 8, id);
    mark_dirty(stream);
}

void stream_answer(struct stream *stream, uint32_t size, uint64_t id)
{
    uint8_t *at;

    if (stream->closing)
        return;
    at = buffer_reserve(&stream->out, size);
    memset(at, 0, size);
    bytes_put_u32(at, size);
    bytes_put_u64(at + 8, id);
    stream->out.size += size;
    mark_dirty(stream);
}

struct stream *stream_new(struct hub *hub, const struct stream_calls *calls, uv_stream_t *listener,
                          int descriptor)
{
    struct stream *stream = memory_new(sizeof *stream);
    int err;

    stream->hub = hub;
    stream->calls = calls;
    stream->handle.data = stream;
    uv_tcp_init(hub->loop, &stream->handle);
    err = listener ? uv_accept(listener, (uv_stream_t *)&stream->handle)
                   : uv_tcp_open(&stream->handle, descriptor);
    if (err == 0)
        err = uv_tcp_nodelay(&stream->handle, 1);
    if (err == 0)
        err = uv_read_start((uv_stream_t *)&stream->handle, memory_for_read, arrived);
    if (err == 0)
        return stream;
    stream_close(stream);
    return NULL;
}
