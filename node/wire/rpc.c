// SPDX-License-Identifier: Apache-2.0
// The scanner passes the values of a frame one head at a time: a head is the first byte and the
// length or count behind it. What a head declares is added up at once:
//
//      at       end of the values passed, even if their last bytes are still to come
//      pending  values declared and not yet met; each takes a byte at least
//
// so at + pending never exceeds the frame's true size, and a frame is refused as soon as this bound
// passes the limit, however little of it has come. A frame is complete when nothing is pending and
// `at` bytes have arrived.
#include "node/wire/rpc.h"

#include "base/err.h"
#include "base/pack.h"

static uint64_t read_big(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;

    while (size--)
        value = value << 8 | *at++;
    return value;
}

// A whole number >= 0 in any spelling. 0, ERR_AGAIN or ERR_PROTOCOL; passes it in the reader.
static int read_number(struct reader *reader, uint64_t *out)
{
    uint8_t first;
    unsigned size;
    struct slice digits;

    if (reader_left(reader) == 0)
        return ERR_AGAIN;
    first = reader_u8(reader);
    if (first < 0x80) {
        *out = first;
        return 0;
    }
    if (first < 0xcc || first > 0xd3)
        return ERR_PROTOCOL;
    size = 1u << (first & 3);
    digits = reader_slice(reader, size);
    if (digits.size == 0)
        return ERR_AGAIN;
    if (first >= 0xd0 && digits.data[0] >= 0x80)
        return ERR_PROTOCOL; // negative
    *out = read_big(digits.data, size);
    return 0;
}

static void scan_restart(struct rpc_scan *scan)
{
    scan->at = 0;
    scan->values = 1;
    scan->pending = 1;
    scan->depth = 0;
    scan->elements = 0;
}

void rpc_scan_init(struct rpc_scan *scan, size_t size_max, uint64_t values_max)
{
    *scan = (struct rpc_scan){.size_max = size_max, .values_max = values_max};
    scan_restart(scan);
}

// The frame's own array.
static int check_first(struct rpc_scan *scan, const struct pack_head *head, uint8_t first)
{
    bool is_array = (first & 0xf0) == 0x90 || first == 0xdc || first == 0xdd;

    if (!is_array || head->inside < 3 || head->inside > 4)
        return ERR_PROTOCOL;
    scan->elements = (uint32_t)head->inside;
    return 0;
}

// The number behind it: 0 and 1 stand in arrays of four, 2 in arrays of three.
static int check_type(const struct rpc_scan *scan, struct slice rest)
{
    struct reader reader = reader_of(rest);
    uint64_t type;
    int err = read_number(&reader, &type);

    if (err)
        return err;
    if (type > RPC_NOTIFICATION || (type == RPC_NOTIFICATION) != (scan->elements == 3))
        return ERR_PROTOCOL;
    return 0;
}

static int scan_pass(struct rpc_scan *scan, const struct pack_head *head)
{
    scan->at += head->size;
    scan->values += head->inside;
    scan->pending += head->inside;
    scan->pending--;
    if (scan->depth)
        scan->open[scan->depth - 1]--;
    if (scan->values > scan->values_max || scan->at + scan->pending > scan->size_max)
        return ERR_TOO_LARGE;
    if (head->inside && scan->depth == RPC_DEPTH_MAX)
        return ERR_PROTOCOL;
    if (head->inside)
        scan->open[scan->depth++] = head->inside;
    while (scan->depth && scan->open[scan->depth - 1] == 0)
        scan->depth--;
    return 0;
}

int rpc_scan_more(struct rpc_scan *scan, struct slice bytes, size_t *out_size)
{
    while (scan->pending && scan->at < bytes.size) {
        struct slice rest = slice_of(bytes.data + scan->at, bytes.size - scan->at);
        uint64_t met = scan->values - scan->pending;
        struct pack_head head;
        int err = pack_head_read(rest, &head);

        if (!err && met == 0)
            err = check_first(scan, &head, rest.data[0]);
        if (!err && met == 1)
            err = check_type(scan, rest);
        if (!err)
            err = scan_pass(scan, &head);
        if (err)
            return err;
    }
    if (scan->pending || scan->at > bytes.size)
        return ERR_AGAIN;
    *out_size = scan->at;
    scan_restart(scan);
    return 0;
}

size_t rpc_scan_expected(const struct rpc_scan *scan)
{
    return scan->at + scan->pending;
}

int rpc_peek(struct slice frame, enum rpc_type *out_type, uint32_t *out_id)
{
    struct reader reader = reader_of(frame);
    struct pack_head head;
    uint64_t type;
    uint64_t id = 0;

    if (pack_head_read(frame, &head))
        return ERR_PROTOCOL;
    reader_slice(&reader, head.size);
    if (read_number(&reader, &type) || type > RPC_NOTIFICATION)
        return ERR_PROTOCOL;
    if (type != RPC_NOTIFICATION && (read_number(&reader, &id) || id > UINT32_MAX))
        return ERR_PROTOCOL;
    *out_type = (enum rpc_type)type;
    *out_id = (uint32_t)id;
    return 0;
}
