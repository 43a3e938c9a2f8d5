// SPDX-License-Identifier: Apache-2.0
// One connection of a floor's server: whole frames in, bytes out. What is added to a connection
// within a turn of the loop leaves at its end with one system call.
#ifndef CLIENT_BENCH_FLOOR_STREAM_H
#define CLIENT_BENCH_FLOOR_STREAM_H

#include "client/bench/floor.h"

#include <uv.h>

struct stream;

struct stream_calls {
    // One whole frame; the bytes are valid during the call.
    void (*take)(struct stream *stream, struct slice frame);
    // No more whole frames have come. NULL: no matter.
    void (*taken)(struct stream *stream);
    // The other side is gone. NULL: no matter.
    void (*gone)(struct stream *stream);
};

// What all connections of a loop share.
struct hub {
    uv_loop_t *loop;
    struct stream *dirty;     // have something to send
    uint8_t memory[64 << 10]; // reads go here: it stays in the processor's cache
    void *owner;              // the server's own
};

struct stream {
    uv_tcp_t handle;
    uv_write_t write;
    struct hub *hub;
    const struct stream_calls *calls;
    struct buffer in;     // the beginning of a frame whose rest has not come
    struct buffer out;    // to be sent
    struct buffer flying; // being sent by uv_write: what the socket did not take at once
    struct stream *next_dirty;
    uint32_t held; // by those who will answer; the memory stays as long
    bool dirty;
    bool writing;
    bool closing;
    bool closed;
};

// A connection that can be accepted from `listener`, or (NULL) that `descriptor` is. NULL when the
// system refuses.
struct stream *stream_new(struct hub *hub, const struct stream_calls *calls, uv_stream_t *listener,
                          int descriptor);

// Adds a whole frame, or an answer of `size` bytes to `id`. A connection that closes ignores them.
void stream_send(struct stream *stream, struct slice frame, uint64_t id);
void stream_answer(struct stream *stream, uint32_t size, uint64_t id);

// A held connection outlives its close.
void stream_hold(struct stream *stream);
void stream_release(struct stream *stream);

// The end of a turn: every connection with something to send sends it.
void hub_flush(struct hub *hub);

#endif
