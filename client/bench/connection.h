// SPDX-License-Identifier: Apache-2.0
// One connection with a fixed number of slots, each for a question under way. Questions are written
// straight into its buffer and leave together, in one system call, when it is flushed. A connection
// that is lost answers for its questions with an error, waits (longer each time it fails) and
// connects again.
//
// Times. The clock is read once for each system call: a question counts as sent when the call that
// hands it to the system begins, an answer as come when the call that read it has returned. No
// answer is earlier or later than that, so what many answers of one call share is exact for each.
#ifndef CLIENT_BENCH_CONNECTION_H
#define CLIENT_BENCH_CONNECTION_H

#include "client/bench/question.h"
#include "client/bench/speaker.h"

#include <sys/queue.h>
#include <uv.h>

enum { DEPTH_MAX = 4096 };

enum connection_state {
    CONNECTION_DOWN, // until retry_ns
    CONNECTION_CONNECTING,
    CONNECTION_UP,
    CONNECTION_CLOSING,
    CONNECTION_ENDED // for good
};

struct connection;

// Whoever fills the slots. Called from the loop; may ask, and may not close.
struct connection_owner {
    // The slot stays taken until connection_give.
    void (*answered)(struct connection *connection, uint32_t slot, struct answer *answer,
                     uint64_t now_ns);
    // The slot is free.
    void (*lost)(struct connection *connection, uint32_t slot, int err);
    // It came up, or went down after all slots were lost.
    void (*changed)(struct connection *connection);
};

// What connections of a thread share; borrowed.
struct connection_setup {
    uv_loop_t *loop;
    const struct speaker *speaker;
    const struct phrases *phrases;
    struct wire_decoder *decoder;
    const struct connection_owner *owner;
    uint8_t *memory; // READ_MEMORY bytes to read into
    uint32_t depth;  // slots, 1..DEPTH_MAX
    void *data;      // the owner's
};

enum { READ_MEMORY = 256 << 10 };

struct connection {
    const struct connection_setup *setup;
    const struct address *address;
    uint32_t server; // for the owner
    enum connection_state state;
    int connect_err;   // of the last failure: of libuv; 0: none
    uint32_t failures; // in a row
    uint64_t opened_ns;
    uint64_t retry_ns;
    uv_tcp_t tcp;
    uv_connect_t connecting;
    // sending
    struct buffer out;   // not yet handed to the system
    struct buffer given; // what libuv is writing
    uv_write_t writing;
    bool is_writing;
    uint32_t *fresh; // slots asked since the last flush
    uint32_t fresh_count;
    // receiving
    struct buffer in; // an answer whose end is to come
    struct speech speech;
    // slots
    uint32_t *free;
    uint32_t free_count;
    uint32_t *order; // a ring of slots, oldest first: answers in order
    uint32_t order_head, order_count;
    uint64_t *sent_ns; // by slot; 0: not asked, UINT64_MAX: not yet sent
    bool *writes;      // by slot: a write was asked
    // the owner's
    TAILQ_ENTRY(connection) entry;
    bool is_ready; // stands in a list of those with free slots
    bool is_dirty;
    bool was_up;
    bool is_settled; // came up or failed at least once
};

TAILQ_HEAD(connection_list, connection);

// The setup and the address are borrowed. It is down until connection_open.
void connection_init(struct connection *connection, const struct connection_setup *setup,
                     const struct address *address);
void connection_done(struct connection *connection); // after it has ended

// Begins to connect; only when down.
void connection_open(struct connection *connection);

// Ends it for good, as far as libuv needs further turns of the loop.
void connection_end(struct connection *connection);

// Takes a free slot; only when up and there is one.
uint32_t connection_take(struct connection *connection);
void connection_give(struct connection *connection, uint32_t slot);

// Writes a question for a slot that was taken; it leaves with the next flush. ask->id is set.
void connection_ask(struct connection *connection, uint32_t slot, struct ask *ask);
void connection_flush(struct connection *connection);

// Connects again when it is time; ends a connection on which a question has waited since before
// `sent_before_ns`: its questions are lost, those with ERR_TIMEOUT, the others with ERR_CLOSED.
void connection_tick(struct connection *connection, uint64_t now_ns, uint64_t sent_before_ns);

#endif
