// SPDX-License-Identifier: Apache-2.0
// Whatever a peer may send. A fuzzer will not find right sums, and so an input counts twice: as a
// frame, and as a body (whose first byte is its kind) in a frame with the right name and sum.
#include "base/check.h"
#include "node/wire/peer.h"
#include "node/wire/rpc.h"
#include "tests/lib/peer_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wire_decoder decoder;
static struct wire_decoder other;

static void try_message(struct slice frame)
{
    struct message message;
    struct message back;
    struct buffer once = {0};
    struct buffer twice = {0};

    if (peer_message_decode(frame, &decoder, &message))
        return;
    peer_message_encode(&message, &once);
    check(peer_message_decode(buffer_slice(&once), &other, &back) == 0);
    check(back.op == message.op && back.err == message.err && back.kind == message.kind);
    peer_message_encode(&back, &twice);
    check(slice_equal(buffer_slice(&once), buffer_slice(&twice)));
    buffer_done(&once);
    buffer_done(&twice);
}

static void try_hello(struct slice frame)
{
    struct hello hello;
    struct hello back;
    struct hello_answer answer;
    struct buffer bytes = {0};
    uint32_t id;

    (void)hello_answer_decode(frame, &decoder, &answer);
    if (hello_decode(frame, &decoder, &id, &hello))
        return;
    hello_encode(id, &hello, &bytes);
    check(hello_decode(buffer_slice(&bytes), &other, &id, &back) == 0);
    check(back.node == hello.node && back.actor == hello.actor && back.epoch == hello.epoch);
    buffer_done(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer frame = {0};
    struct rpc_scan scan;
    size_t whole;

    if (peer_message_size(slice_of(data, size), &whole) == 0)
        try_message(slice_of(data, whole));
    rpc_scan_init(&scan, PEER_FRAME_MAX, PEER_VALUES_MAX);
    if (rpc_scan_more(&scan, slice_of(data, size), &whole) == 0)
        try_hello(slice_of(data, whole));
    if (size == 0)
        return 0;
    peer_frame(&frame, message_name((enum message_kind)(data[0] % MESSAGE_KIND_COUNT)),
               slice_of(data, size));
    try_message(buffer_slice(&frame));
    buffer_done(&frame);
    return 0;
}
