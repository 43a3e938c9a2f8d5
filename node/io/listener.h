// SPDX-License-Identifier: Apache-2.0
// A listening TCP socket. When connections cannot be accepted (no descriptors left) it closes,
// waits a little and opens again on the same address, rather than being told so for ever.
#ifndef NODE_IO_LISTENER_H
#define NODE_IO_LISTENER_H

#include "node/io/address.h"
#include "node/io/backoff.h"
#include "node/io/log_text.h"

#include <uv.h>

struct listener {
    uv_tcp_t tcp;
    uv_timer_t retry;
    uv_loop_t *uv;
    const char *what;                // "clients"
    struct sockaddr_storage address; // as bound
    char text[ADDRESS_TEXT];         // the same
    // A connection waits: it must be accepted from `tcp` before this returns.
    void (*accept)(struct listener *listener);
    void *data;
    struct rng rng;
    struct backoff backoff;
    struct log_limit limit;
    bool is_open; // the handle is in use
    bool stopped;
};

// Binds and listens; `what`, `accept` and `data` are set by the caller before. ERR_CONNECT: `why`
// gets a sentence.
int listener_open(struct listener *listener, uv_loop_t *uv, const struct sockaddr *address,
                  struct buffer *why);

// Takes no further connections. The memory must stay until the loop has run out.
void listener_stop(struct listener *listener);

#endif
