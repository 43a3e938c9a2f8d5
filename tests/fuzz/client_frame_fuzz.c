// SPDX-License-Identifier: Apache-2.0
// Whatever a client may send: scanned, decoded, and if it is a request, encoded and decoded again
// to the same. The scanner must say the same of the bytes in two pieces.
#include "base/check.h"
#include "base/err.h"
#include "node/wire/client.h"
#include "node/wire/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The size of the first frame, 0 when there is none.
static size_t frame_size(struct slice bytes)
{
    struct rpc_scan whole;
    struct rpc_scan pieces;
    size_t size = 0;
    size_t again = 0;
    int first;
    int err;

    rpc_scan_init(&whole, VALUE_SIZE_DEFAULT, REQUEST_VALUES_MAX);
    rpc_scan_init(&pieces, VALUE_SIZE_DEFAULT, REQUEST_VALUES_MAX);
    err = rpc_scan_more(&whole, bytes, &size);
    first = rpc_scan_more(&pieces, slice_of(bytes.data, bytes.size / 3), &again);
    if (first == ERR_AGAIN)
        first = rpc_scan_more(&pieces, bytes, &again);
    check(first == err && size == again && size <= bytes.size);
    return err ? 0 : size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wire_decoder decoder;
    static struct wire_decoder other;
    struct wire_request request;
    struct wire_request back;
    struct buffer once = {0};
    struct buffer twice = {0};
    size_t frame = frame_size(slice_of(data, size));

    if (!frame || request_decode(slice_of(data, frame), &decoder, &request))
        return 0;
    if (request.refused) {
        check(request.text.size > 0);
        return 0;
    }
    request_encode(request.id, &request.request, &once);
    check(request_decode(buffer_slice(&once), &other, &back) == 0 && !back.refused);
    request_encode(back.id, &back.request, &twice);
    check(slice_equal(buffer_slice(&once), buffer_slice(&twice)));
    check(slice_equal(request.request.value, back.request.value));
    check(slice_equal(request.request.token, back.request.token));
    buffer_done(&once);
    buffer_done(&twice);
    return 0;
}
