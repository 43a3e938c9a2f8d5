// SPDX-License-Identifier: Apache-2.0
#include "gossip/exchange.h"

#include "base/err.h"
#include "base/pack.h"

enum { RECORDS_MAX = 1 << 20, TYPE_SIZE = 1 };

struct header {
    bool join;
    uint64_t records;
    uint64_t tail;
    size_t size; // of type byte and map
};

static int read_header(struct slice bytes, struct header *out)
{
    struct header header = {0};
    struct pack_value value;
    struct pack_fields fields;
    int err = pack_value_read(slice_of(bytes.data + TYPE_SIZE, bytes.size - TYPE_SIZE),
                              MESSAGE_VALUES_MAX, &value);

    if (err)
        return err;
    fields = pack_fields_of(&value.unpacked.data);
    header.size = TYPE_SIZE + value.size;
    if (bytes.data[0] == MESSAGE_EXCHANGE) {
        header.join = pack_field_bool(&fields, "Join");
        header.records = pack_field_u64(&fields, "Nodes", RECORDS_MAX);
        header.tail = pack_field_u64(&fields, "UserStateLen", UINT32_MAX);
    } else if (bytes.data[0] == MESSAGE_USER) {
        header.tail = pack_field_u64(&fields, "UserMsgLen", UINT32_MAX);
    }
    pack_value_done(&value);
    if (fields.failed)
        return ERR_PROTOCOL;
    *out = header;
    return 0;
}

static bool is_stream_type(uint8_t type)
{
    switch (type) {
    case MESSAGE_PING:
    case MESSAGE_ACK:
    case MESSAGE_EXCHANGE:
    case MESSAGE_USER:
    case MESSAGE_COMPRESSED:
    case MESSAGE_ERROR:
        return true;
    default:
        return false;
    }
}

static int scan_header(struct exchange_scan *scan, struct slice bytes)
{
    struct header header;
    int err;

    if (bytes.size == 0)
        return ERR_AGAIN;
    if (!is_stream_type(bytes.data[0]))
        return ERR_PROTOCOL;
    err = read_header(bytes, &header);
    if (err)
        return err;
    scan->done = header.size;
    scan->records = header.records;
    scan->tail = header.tail;
    scan->header_read = true;
    return 0;
}

static int scan_step(struct exchange_scan *scan, struct slice bytes)
{
    size_t size;
    int err;

    if (!scan->header_read)
        return scan_header(scan, bytes);
    err = pack_extent(slice_of(bytes.data + scan->done, bytes.size - scan->done),
                      MESSAGE_VALUES_MAX, &size);
    if (err)
        return err;
    scan->done += size;
    scan->records--;
    return 0;
}

int exchange_scan(struct exchange_scan *scan, struct slice bytes, size_t size_max)
{
    while (!scan->header_read || scan->records) {
        int err = scan_step(scan, bytes);

        if (err == ERR_AGAIN && bytes.size >= size_max)
            return ERR_TOO_LARGE;
        if (err)
            return err;
    }
    if (scan->done + scan->tail > size_max)
        return ERR_TOO_LARGE;
    if (bytes.size - scan->done < scan->tail)
        return ERR_AGAIN;
    scan->done += scan->tail;
    scan->tail = 0;
    return 0;
}

int exchange_open(struct slice bytes, struct exchange *out)
{
    struct header header;
    int err;

    if (bytes.size == 0 || bytes.data[0] != MESSAGE_EXCHANGE)
        return ERR_PROTOCOL;
    err = read_header(bytes, &header);
    if (err)
        return err;
    if (bytes.size - header.size < header.tail)
        return ERR_PROTOCOL;
    out->join = header.join;
    out->count = header.records;
    out->records = slice_of(bytes.data + header.size, bytes.size - header.size - header.tail);
    out->user_state = slice_of(bytes.data + bytes.size - header.tail, header.tail);
    return 0;
}

int exchange_next(struct exchange *exchange, struct message *record)
{
    size_t size;
    int err;

    if (exchange->count == 0)
        return ERR_NOT_FOUND;
    err = message_decode_record(exchange->records, record, &size);
    if (err)
        return err;
    exchange->records = slice_of(exchange->records.data + size, exchange->records.size - size);
    exchange->count--;
    return 0;
}

void exchange_encode_header(bool join, uint32_t count, size_t user_state_size, struct buffer *out)
{
    buffer_add_u8(out, MESSAGE_EXCHANGE);
    pack_map(out, 3);
    pack_text(out, "Join");
    pack_bool(out, join);
    pack_key_u64(out, "Nodes", count);
    pack_key_u64(out, "UserStateLen", user_state_size);
}

void exchange_encode_user(struct slice payload, struct buffer *out)
{
    buffer_add_u8(out, MESSAGE_USER);
    pack_map(out, 1);
    pack_key_u64(out, "UserMsgLen", payload.size);
    buffer_add_slice(out, payload);
}

int exchange_open_user(struct slice bytes, struct slice *payload)
{
    struct header header;
    int err;

    if (bytes.size == 0 || bytes.data[0] != MESSAGE_USER)
        return ERR_PROTOCOL;
    err = read_header(bytes, &header);
    if (err)
        return err;
    if (bytes.size - header.size < header.tail)
        return ERR_PROTOCOL;
    *payload = slice_of(bytes.data + header.size, header.tail);
    return 0;
}
