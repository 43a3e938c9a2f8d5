// SPDX-License-Identifier: Apache-2.0
// Nodes that are made up: they speak the protocol of clients on a loop of the test's, and answer as
// the test wants.
#ifndef TESTS_LIB_FAKE_NODE_H
#define TESTS_LIB_FAKE_NODE_H

#include "node/wire/client.h"
#include "node/wire/rpc.h"

#include <uv.h>

struct fake;

// A client that came.
struct guest {
    struct fake *fake;
    uint32_t number; // the first is 1
    uv_tcp_t tcp;
    struct buffer in;
    struct rpc_scan scan;
};

typedef void answer_fn(struct guest *guest, const struct wire_request *request);

struct fake {
    uv_loop_t *loop;
    uv_tcp_t listener;
    char address[32];
    answer_fn *answer;
    struct wire_decoder decoder;
    struct guest *guests[64];
    uint32_t guest_count;
    uint32_t guests_come; // ever
    uint32_t requests;
    struct topology *topology;
    struct member_view *views;
};

// Listens at a free port, told in `address`.
void fake_open(struct fake *fake, uv_loop_t *loop, answer_fn *answer);

// Hangs up on everybody and listens no more; may be called again.
void fake_close(struct fake *fake);

void guest_close(struct guest *guest);
void guest_say(struct guest *guest, const void *data, size_t size);
void guest_reply(struct guest *guest, uint32_t id, const struct reply *reply);

#endif
