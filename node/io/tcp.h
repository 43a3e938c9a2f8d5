// SPDX-License-Identifier: Apache-2.0
// One TCP connection with bounded buffers, for clients, peers and gossip alike, and the hub of all
// of them. Bytes are read in pieces of 64 KiB and offered to the owner, who takes whole frames;
// bytes to send are collected and leave at the end of the loop's turn, with one system call a
// connection.
//
//      socket ─▶ input ─▶ calls->take            a paused connection is not read from
//      socket ◀─ flying ◀─ output ◀─ owner       flying: what the socket did not take at once
//
// A connection with nothing under way holds no buffer worth mentioning: small reads go through one
// buffer of the hub.
#ifndef NODE_IO_TCP_H
#define NODE_IO_TCP_H

#include "base/buffer.h"

#include <uv.h>

enum { TCP_READ_SIZE = 64 << 10 };

struct tcp;
struct hub;

struct tcp_calls {
    // All that arrived and was not taken yet, in the order of arrival. Returns how many bytes were
    // taken; the rest is offered again when more has come, or after tcp_resume.
    size_t (*take)(struct tcp *tcp, struct slice bytes);
    // The connection asked for with tcp_connect stands. NULL: no matter.
    void (*connected)(struct tcp *tcp);
    // Output has left; asked while the connection is paused only. NULL: no matter.
    void (*sent)(struct tcp *tcp);
    // The other side will send nothing more. NULL: the connection is closed then.
    void (*ended)(struct tcp *tcp);
    // The last call, from the loop and never from within another call: free the connection.
    // tcp->why tells the reason.
    void (*closed)(struct tcp *tcp);
};

// What several connections may hold together.
struct tcp_budget {
    uint64_t used; // bytes
    uint64_t max;
};

struct tcp {
    uv_tcp_t handle;
    uv_write_t write;
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    struct hub *hub;
    const struct tcp_calls *calls;
    struct tcp_budget *budget; // NULL: none
    struct buffer input;       // arrived, not taken
    struct buffer output;      // to be sent
    struct buffer flying;      // being sent by uv_write
    size_t accounted;          // bytes of the budget
    size_t keep;               // an empty buffer of up to so many bytes is kept
    size_t unread_max;         // unsent bytes that the other side may leave unread for long
    uint64_t stall_ms;         // the bound of that, and of a frame's arrival; 0: none
    uint64_t input_since_ms;   // since when an unfinished frame is there; 0: none
    uint64_t output_since_ms;  // since when nothing could be sent; 0: nothing to send
    size_t flying_left;        // of flying, at the last look
    int why;                   // 0: closed by us; else libuv's error
    bool connecting;
    bool writing;
    bool paused;
    bool reading;
    bool finishing; // only sends what is left
    bool shut;      // and has said so
    bool over;      // the other side has ended
    bool closing;
    bool is_touched;
    bool is_again;
    struct tcp *next_touched;
    struct tcp *next_again;
    struct tcp *prev, *next; // all of the hub's
};

struct hub {
    uv_loop_t *uv;
    uint64_t now_ms; // monotonic, of this turn
    bool dirty;      // something happened: a turn is due
    bool is_late;    // time has passed since the loop last looked at its clocks
    size_t count;
    size_t count_max; // accepted connections beyond are closed at once; 0: any number
    struct tcp *all;
    struct tcp *touched; // have something to send
    struct tcp *again;   // have input to offer again
    uint8_t shared[TCP_READ_SIZE];
};

void hub_init(struct hub *hub, uv_loop_t *uv);

// Offers input again where tcp_resume asked for it. True when there was any.
bool hub_resume(struct hub *hub);

// Sends what was collected.
void hub_flush(struct hub *hub);

// Closes what has stalled. To be called some times a second at most.
void hub_sweep(struct hub *hub);

// Sets up a connection that its owner holds zeroed, or with keep, stall_ms, budget and unread_max
// set.
void tcp_init(struct tcp *tcp, struct hub *hub, const struct tcp_calls *calls);

// Takes over an accepted connection and starts reading. A libuv error: the connection is closing;
// UV_EMFILE: for the bound of the hub.
int tcp_accept(struct tcp *tcp, uv_stream_t *listener);

// Connects and starts reading. Failing is told by `closed` alone.
void tcp_connect(struct tcp *tcp, const struct sockaddr *address);

// Breaks the connection when the other side's kernel has confirmed nothing for so long, and asks it
// when all is silent.
void tcp_keep_alive(struct tcp *tcp, uint64_t timeout_ms);

// The buffer to append to; what is in it leaves at the end of the turn.
struct buffer *tcp_output(struct tcp *tcp);

// Bytes not yet given to the kernel.
size_t tcp_unsent(const struct tcp *tcp);

// No further reads, nor offers of what has arrived, until tcp_resume.
void tcp_pause(struct tcp *tcp);
void tcp_resume(struct tcp *tcp);

// True when the budget that the connection takes part in is used up.
bool tcp_is_over_budget(const struct tcp *tcp);

// Sends what was collected, says that nothing follows, and drops what still arrives, for a second
// at most: so that a last answer is not lost to a reset. Then closes.
void tcp_finish(struct tcp *tcp);

// Closes at once. May be called again.
void tcp_close(struct tcp *tcp, int why);

// The other side's address as text, "?" when there is none.
void tcp_peer_text(const struct tcp *tcp, char out[64]);

#endif
