// SPDX-License-Identifier: Apache-2.0
// One connection to a node, with many questions under way. A question that is asked while the
// connection comes up waits in its buffer. Each question is answered once: by a frame, or by the
// error that ended the connection together with whether it had left this machine whole, which
// decides whether a write may be tried again.
#ifndef CLIENT_LINK_H
#define CLIENT_LINK_H

#include "base/buffer.h"
#include "base/table.h"
#include "client/turn.h"
#include "node/data/message.h"
#include "node/wire/rpc.h"

struct link;

// How a question ended.
struct outcome {
    int err;            // 0: there is a frame; else ERR_CONNECT, ERR_CLOSED or ERR_PROTOCOL
    bool sent;          // with err: all of it was handed to the system, so the node may have it
    struct slice frame; // valid during the call
    const char *why;    // with err: the system's words ("connection refused")
};

struct question {
    TAILQ_ENTRY(question) entry;
    struct link *link; // NULL: not asked
    uint32_t id;
    uint64_t asked_ms;
    uint64_t end; // where it ends in the link's stream of bytes
    void (*answered)(struct question *question, const struct outcome *outcome);
};

TAILQ_HEAD(question_list, question);

enum link_state { LINK_CONNECTING, LINK_UP, LINK_CLOSING };

struct link {
    struct turn *turn;
    void *owner;
    void (*changed)(
        struct link *link); // came up, was left or began to close; before the questions hear of it
    enum link_state state;
    bool left; // asked nothing more: closes with its last question
    bool was_up;
    // on the way up
    struct alarm patience;
    uv_getaddrinfo_t lookup;
    bool looking_up;
    struct addrinfo *found; // what the name stands for
    struct addrinfo *next;  // of them, the one to try
    int last_err;           // of libuv
    uv_connect_t connecting;
    // the stream
    uv_tcp_t tcp;
    bool tcp_open;
    uv_write_t writing;
    bool is_writing;
    struct chore flush;
    struct buffer out;   // not yet handed to the system
    struct buffer given; // being written
    uint64_t queued;     // bytes of the stream ever put in `out`
    uint64_t handed;     // bytes ever handed to the system
    struct buffer in;
    uint64_t heard_ms; // when bytes came last
    struct rpc_scan scan;
    // what is under way
    struct question_list questions; // oldest first
    struct table by_id;
    uint32_t count;
    uint32_t last_id;
};

// Begins to connect to "host:port" (well-formed) and gives up after connect_ms. Lives until it
// closes by itself or by link_close; then `changed` is called with LINK_CLOSING, and its memory
// goes by itself.
struct link *link_open(struct turn *turn, const char *address, uint32_t connect_ms, void *owner,
                       void (*changed)(struct link *link));

// Ends it; its questions are answered with ERR_CLOSED.
void link_close(struct link *link);

// Asks; only while not left and not closing. The request is encoded at once.
void link_ask(struct link *link, struct question *question, const struct request *request);

// The answer is no longer wanted; harmless when not asked.
void link_forget(struct question *question);

// The answer did not come in time. Forgets the question; a link that has been silent since it was
// asked is left: the other end may have gone without a word, and what waits in our buffers would
// wait for ever. The link may be gone afterwards.
void link_doubt(struct question *question);

// True when nothing was heard since the question was asked.
bool link_deaf(const struct question *question);

// How long the oldest question has waited without a byte from the other end; 0: none waits.
uint64_t link_silent_ms(const struct link *link);

// True when all of the question has been handed to the system.
bool link_sent(const struct question *question);

#endif
