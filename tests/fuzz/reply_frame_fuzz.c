// SPDX-License-Identifier: Apache-2.0
// Whatever a node may answer, as the client library reads it. The first byte says to which method.
#include "base/check.h"
#include "node/wire/client.h"
#include "node/wire/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wire_decoder decoder;
    static struct wire_decoder other;
    enum method method;
    struct rpc_scan scan;
    struct reply reply;
    struct reply back;
    struct buffer once = {0};
    struct buffer twice = {0};
    size_t frame;

    if (size == 0)
        return 0;
    method = (enum method)(data[0] % METHOD_COUNT);
    rpc_scan_init(&scan, REPLY_FRAME_MAX, REPLY_VALUES_MAX);
    if (rpc_scan_more(&scan, slice_of(data + 1, size - 1), &frame) ||
        reply_decode(slice_of(data + 1, frame), method, &decoder, &reply))
        return 0;
    reply_encode(7, &reply, &once);
    check(reply_decode(buffer_slice(&once), method, &other, &back) == 0);
    check(back.err == reply.err && back.version_count == reply.version_count);
    reply_encode(7, &back, &twice);
    check(slice_equal(buffer_slice(&once), buffer_slice(&twice)));
    buffer_done(&once);
    buffer_done(&twice);
    return 0;
}
