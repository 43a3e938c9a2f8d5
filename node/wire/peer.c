// SPDX-License-Identifier: Apache-2.0
// A message among nodes:
//
//      93 02 | name | 92 | cf sum (8) | c6 size (4) | body
//
// The numbers before the body are written at fixed width, so that the body is written once, in its
// place, and they are filled in after it. The body is kind (u8: the name again, so that the sum
// covers it), op (varint), err (u8: its number without the sign), then what the kind has:
//
//      apply                       guest, bucket, key, delta
//      read                        guest, bucket, key
//      object                      object
//      forward                     a client's request frame, to the end
//      forwarded                   method (u8), its response frame, to the end
//      topology, prepare, commit   ballot (varint), record, to the end
//      prepared                    ballot
//      properties                  bucket
//      name                        tree key (16 bytes)
//      named                       tree key, then bucket, key; with NOT_FOUND a clock; else nothing
//      offer                       offers
//      sync, fill                  need
//      synced, filled              page, unless err says why there is none
//
// where guest is u8 0 or 1, bucket is u8 size and bytes, key is varint size and bytes; offers, need
// and page are laid out in node/data/repair.h.
#include "node/wire/peer.h"

#include "base/check.h"
#include "base/err.h"
#include "base/pack.h"
#include "base/plant.h"
#include "node/data/hash.h"
#include "node/wire/client.h"
#include "node/wire/envelope.h"
#include "node/wire/rpc.h"
#include "node/wire/value.h"

// ---- hello --------------------------------------------------------------------------------------

static void hello_write(const struct hello *hello, struct buffer *out)
{
    pack_map(out, 6);
    write_name(out, "cluster");
    write_id(out, hello->cluster);
    write_name(out, "node");
    write_id(out, hello->node);
    write_name(out, "actor");
    write_id(out, hello->actor);
    write_number(out, "epoch", hello->epoch);
    write_number(out, "protocol", hello->protocol);
    write_name(out, "name");
    write_text(out, hello->name);
}

static int hello_read(const msgpack_object *map, struct hello *out)
{
    struct fields fields = fields_of(map);
    struct hello hello = {0};

    hello.cluster = field_id(&fields, "cluster");
    hello.node = field_id(&fields, "node");
    hello.actor = field_id(&fields, "actor");
    hello.epoch = field_u64(&fields, "epoch", UINT64_MAX);
    hello.protocol = field_u32(&fields, "protocol");
    hello.name = field_bytes(&fields, "name");
    if (fields.failed || !hello.node || !hello.actor || !hello.protocol ||
        hello.name.size > NAME_SIZE_MAX)
        return ERR_PROTOCOL;
    *out = hello;
    return 0;
}

void hello_encode(uint32_t id, const struct hello *hello, struct buffer *out)
{
    envelope_begin_request(id, "hello", out);
    pack_array(out, 1);
    hello_write(hello, out);
}

int hello_decode(struct slice frame, struct wire_decoder *decoder, uint32_t *out_id,
                 struct hello *out)
{
    struct envelope envelope;
    struct slice method;
    int err;

    wire_decoder_reset(decoder);
    if (envelope_decode(frame, decoder, &envelope) || envelope.type != RPC_REQUEST)
        return ERR_PROTOCOL;
    if (value_bytes(envelope.method, &method) || !slice_is(method, "hello") ||
        envelope.params->type != MSGPACK_OBJECT_ARRAY || envelope.params->via.array.size != 1)
        return ERR_PROTOCOL;
    err = hello_read(&envelope.params->via.array.ptr[0], out);
    if (!err)
        *out_id = envelope.id;
    return err;
}

void hello_answer_encode(const struct hello_answer *answer, struct buffer *out)
{
    if (answer->err) {
        reply_encode_error(answer->id, answer->err, answer->text, out);
        return;
    }
    envelope_begin_response(answer->id, out);
    pack_nil(out);
    hello_write(&answer->hello, out);
}

int hello_answer_decode(struct slice frame, struct wire_decoder *decoder, struct hello_answer *out)
{
    struct envelope envelope;
    struct hello_answer answer = {0};
    struct slice error;

    wire_decoder_reset(decoder);
    if (envelope_decode(frame, decoder, &envelope) || envelope.type != RPC_RESPONSE)
        return ERR_PROTOCOL;
    answer.id = envelope.id;
    if (envelope.error->type != MSGPACK_OBJECT_NIL) {
        if (value_bytes(envelope.error, &error))
            return ERR_PROTOCOL;
        error_read(error, &answer.err, &answer.text);
    } else if (hello_read(envelope.result, &answer.hello)) {
        return ERR_PROTOCOL;
    }
    *out = answer;
    return 0;
}

// ---- writing messages ---------------------------------------------------------------------------

static void write_bucket(struct slice bucket, struct buffer *out)
{
    check(bucket.size <= BUCKET_SIZE_MAX);
    buffer_add_u8(out, (uint8_t)bucket.size);
    buffer_add_slice(out, bucket);
}

static void write_key(const struct message *message, struct buffer *out)
{
    write_bucket(message->bucket, out);
    buffer_add_varint(out, message->key.size);
    buffer_add_slice(out, message->key);
}

static void write_named(const struct message *message, struct buffer *out)
{
    check(message->record.size == TREE_KEY_SIZE);
    buffer_add_slice(out, message->record);
    if (message->kind == MESSAGE_NAMED && !message->err)
        write_key(message, out);
    if (message->kind == MESSAGE_NAMED && message->err == ERR_NOT_FOUND)
        clock_encode(&message->object.rest, out);
}

static void write_body(const struct message *message, struct buffer *out)
{
    switch (message->kind) {
    case MESSAGE_APPLY:
        buffer_add_u8(out, message->guest);
        write_key(message, out);
        delta_encode(&message->delta, out);
        break;
    case MESSAGE_READ:
        buffer_add_u8(out, message->guest);
        write_key(message, out);
        break;
    case MESSAGE_OBJECT:
        object_encode(&message->object, out);
        break;
    case MESSAGE_FORWARD:
        request_encode(0, message->request, out);
        break;
    case MESSAGE_FORWARDED:
        buffer_add_u8(out, (uint8_t)message->reply->method);
        reply_encode(0, message->reply, out);
        break;
    case MESSAGE_TOPOLOGY:
    case MESSAGE_PREPARE:
    case MESSAGE_COMMIT:
        buffer_add_varint(out, message->ballot);
        buffer_add_slice(out, message->record);
        break;
    case MESSAGE_PREPARED:
        buffer_add_varint(out, message->ballot);
        break;
    case MESSAGE_PROPERTIES:
        write_bucket(message->bucket, out);
        break;
    case MESSAGE_NAME:
    case MESSAGE_NAMED:
        write_named(message, out);
        break;
    case MESSAGE_OFFER:
        offers_encode(message->offers, out);
        break;
    case MESSAGE_SYNC:
        need_encode_sync(message->need, out);
        break;
    case MESSAGE_FILL:
        need_encode_fill(message->need, out);
        break;
    case MESSAGE_SYNCED:
    case MESSAGE_FILLED:
        if (!message->err)
            buffer_add_slice(out, message->encoded);
        break;
    case MESSAGE_APPLIED:
    case MESSAGE_TOPOLOGY_GET:
    case MESSAGE_COMMITTED:
    case MESSAGE_KIND_COUNT:
        break;
    }
}

// Places behind the name, and the bytes in front of it.
enum { HEAD_SUM = 2, HEAD_BODY = 11, HEAD_SIZE = 15, HEAD_NAME = 3, WORD_MAX = 31 };

void peer_message_encode(const struct message *message, struct buffer *out)
{
    static const uint8_t head[HEAD_SIZE] = {0x92, 0xcf, [10] = 0xc6};
    struct slice name = message_word(message->kind);
    size_t head_at;
    size_t body_at;
    struct slice body;

    check(name.size <= WORD_MAX);
    buffer_add_u8(out, 0x93);
    buffer_add_u8(out, RPC_NOTIFICATION);
    buffer_add_u8(out, (uint8_t)(0xa0 | name.size));
    buffer_add_slice(out, name);
    head_at = out->size;
    buffer_add(out, head, sizeof head);
    body_at = out->size;
    buffer_add_u8(out, (uint8_t)message->kind);
    buffer_add_varint(out, message->op);
    buffer_add_u8(out, (uint8_t)-message->err);
    write_body(message, out);
    body = slice_of(out->data + body_at, out->size - body_at);
    check(body.size <= UINT32_MAX);
    bytes_put_u64_big(out->data + head_at + HEAD_SUM, hash_64(body));
    bytes_put_u32_big(out->data + head_at + HEAD_BODY, (uint32_t)body.size);
}

// ---- reading messages ---------------------------------------------------------------------------

// An error of a newer build is a fault that we know nothing about.
static int read_err(struct reader *reader)
{
    int err = -(int)reader_u8(reader);

    return err == 0 || err_known(err) ? err : ERR_INTERNAL;
}

static bool read_flag(struct reader *reader)
{
    uint8_t flag = reader_u8(reader);

    if (flag > 1)
        reader->failed = true;
    return flag == 1;
}

static struct slice read_bucket(struct reader *reader)
{
    struct slice bucket = reader_slice(reader, reader_u8(reader));

    if (bucket.size == 0)
        reader->failed = true;
    return bucket;
}

static struct slice read_key(struct reader *reader)
{
    struct slice key = reader_slice(reader, reader_varint(reader));

    if (key.size == 0 || key.size > KEY_SIZE_MAX)
        reader->failed = true;
    return key;
}

static struct slice read_rest(struct reader *reader)
{
    return reader_slice(reader, reader_left(reader));
}

// A frame within the body has been scanned by nobody yet.
static bool is_frame(struct slice bytes, uint64_t values_max)
{
    struct rpc_scan scan;
    size_t size = 0;

    rpc_scan_init(&scan, bytes.size, values_max);
    return rpc_scan_more(&scan, bytes, &size) == 0 && size == bytes.size;
}

static int read_forward(struct reader *reader, struct wire_decoder *decoder, struct message *out)
{
    struct slice frame = read_rest(reader);
    struct wire_request *request = arena_alloc(&decoder->arena, sizeof *request);

    if (!is_frame(frame, REQUEST_VALUES_MAX) || request_decode_more(frame, decoder, request))
        return ERR_PROTOCOL;
    out->request = &request->request;
    return request->refused ? ERR_METHOD : 0;
}

static int read_forwarded(struct reader *reader, struct wire_decoder *decoder, struct message *out)
{
    uint8_t method = reader_u8(reader);
    struct slice frame = read_rest(reader);
    struct reply *reply = arena_alloc(&decoder->arena, sizeof *reply);

    if (method >= METHOD_COUNT || !is_frame(frame, REPLY_VALUES_MAX))
        return ERR_PROTOCOL;
    out->reply = reply;
    return reply_decode_more(frame, (enum method)method, decoder, reply);
}

static int read_offers(struct reader *reader, struct arena *arena, struct message *out)
{
    struct offers *offers = arena_alloc(arena, sizeof *offers);

    out->offers = offers;
    return offers_decode(reader, arena, offers);
}

static int read_need(struct reader *reader, struct arena *arena, struct message *out)
{
    struct need *need = arena_alloc(arena, sizeof *need);

    out->need = need;
    return out->kind == MESSAGE_SYNC ? need_decode_sync(reader, arena, need)
                                     : need_decode_fill(reader, arena, need);
}

static int read_page(struct reader *reader, struct arena *arena, struct message *out)
{
    const uint8_t *begin = reader->at;
    struct page *page;
    int err;

    if (out->err)
        return 0;
    page = arena_alloc(arena, sizeof *page);
    err = page_decode(reader, arena, page);
    out->page = page;
    out->encoded = slice_of(begin, (size_t)(reader->at - begin));
    return err;
}

static int read_object(struct reader *reader, struct arena *arena, struct message *out)
{
    const uint8_t *begin = reader->at;
    int err = object_decode(reader, arena, &out->object);

    out->encoded = slice_of(begin, (size_t)(reader->at - begin));
    return err;
}

static int read_named(struct reader *reader, struct arena *arena, struct message *out)
{
    out->record = reader_slice(reader, TREE_KEY_SIZE);
    if (out->kind == MESSAGE_NAMED && out->err == ERR_NOT_FOUND) {
        out->object.rest = clock_in(arena);
        return clock_decode(reader, &out->object.rest);
    }
    if (out->kind == MESSAGE_NAMED && !out->err) {
        out->bucket = read_bucket(reader);
        out->key = read_key(reader);
    }
    return 0;
}

static int read_body(struct reader *reader, struct wire_decoder *decoder, struct message *out)
{
    switch (out->kind) {
    case MESSAGE_APPLY:
        out->guest = read_flag(reader);
        out->bucket = read_bucket(reader);
        out->key = read_key(reader);
        return delta_decode(reader, &decoder->arena, &out->delta);
    case MESSAGE_READ:
        out->guest = read_flag(reader);
        out->bucket = read_bucket(reader);
        out->key = read_key(reader);
        return 0;
    case MESSAGE_OBJECT:
        return read_object(reader, &decoder->arena, out);
    case MESSAGE_FORWARD:
        return read_forward(reader, decoder, out);
    case MESSAGE_FORWARDED:
        return read_forwarded(reader, decoder, out);
    case MESSAGE_TOPOLOGY:
    case MESSAGE_PREPARE:
    case MESSAGE_COMMIT:
        out->ballot = reader_varint(reader);
        out->record = read_rest(reader);
        return 0;
    case MESSAGE_PREPARED:
        out->ballot = reader_varint(reader);
        return 0;
    case MESSAGE_PROPERTIES:
        out->bucket = read_bucket(reader);
        return 0;
    case MESSAGE_NAME:
    case MESSAGE_NAMED:
        return read_named(reader, &decoder->arena, out);
    case MESSAGE_OFFER:
        return read_offers(reader, &decoder->arena, out);
    case MESSAGE_SYNC:
    case MESSAGE_FILL:
        return read_need(reader, &decoder->arena, out);
    case MESSAGE_SYNCED:
    case MESSAGE_FILLED:
        return read_page(reader, &decoder->arena, out);
    case MESSAGE_APPLIED:
    case MESSAGE_TOPOLOGY_GET:
    case MESSAGE_COMMITTED:
        return 0;
    case MESSAGE_KIND_COUNT:
        break;
    }
    return ERR_PROTOCOL;
}

// The name of a message is said twice; that of a newer build is not known.
static int read_kind(struct slice name, uint8_t said, enum message_kind *out)
{
    bool known = false;

    *out = (enum message_kind)said;
    if (said < MESSAGE_KIND_COUNT && slice_equal(name, message_word(*out)))
        return 0;
    for (unsigned i = 0; i < MESSAGE_KIND_COUNT && !known; i++)
        known = slice_equal(name, message_word((enum message_kind)i));
    return known ? ERR_DAMAGED : ERR_METHOD;
}

struct head {
    struct slice name;
    uint64_t sum;
    uint32_t body_size;
    size_t size; // of the head
};

// One spelling only, the one that is written above: then nobody has to walk through MessagePack
// values to find where a message ends.
static int read_head(struct slice bytes, struct head *out)
{
    const uint8_t *at = bytes.data;
    size_t name;

    if (bytes.size < HEAD_NAME)
        return ERR_AGAIN;
    name = at[2] & WORD_MAX;
    if (at[0] != 0x93 || at[1] != RPC_NOTIFICATION || (at[2] & 0xe0) != 0xa0)
        return ERR_PROTOCOL;
    if (bytes.size < HEAD_NAME + name + HEAD_SIZE)
        return ERR_AGAIN;
    out->name = slice_of(at + HEAD_NAME, name);
    at += HEAD_NAME + name;
    if (at[0] != 0x92 || at[1] != 0xcf || at[HEAD_BODY - 1] != 0xc6)
        return ERR_PROTOCOL;
    out->sum = bytes_u64_big(at + HEAD_SUM);
    out->body_size = bytes_u32_big(at + HEAD_BODY);
    out->size = HEAD_NAME + name + HEAD_SIZE;
    return 0;
}

int peer_message_size(struct slice bytes, size_t *out)
{
    struct head head;
    int err = read_head(bytes, &head);

    if (err)
        return err;
    if (head.body_size > PEER_FRAME_MAX - head.size)
        return ERR_TOO_LARGE;
    if (head.body_size > bytes.size - head.size)
        return ERR_AGAIN;
    *out = head.size + head.body_size;
    return 0;
}

int peer_message_decode(struct slice frame, struct wire_decoder *decoder, struct message *out)
{
    struct message message = {0};
    struct reader reader;
    struct slice body;
    struct head head;
    int err;

    wire_decoder_reset(decoder);
    if (read_head(frame, &head) || head.body_size != frame.size - head.size)
        return ERR_PROTOCOL;
    body = slice_of(frame.data + head.size, head.body_size);
    if (hash_64(body) != head.sum && !planted("sum-skipped"))
        return ERR_DAMAGED;
    reader = reader_of(body);
    err = read_kind(head.name, reader_u8(&reader), &message.kind);
    if (err)
        return err;
    message.op = reader_varint(&reader);
    message.err = read_err(&reader);
    err = read_body(&reader, decoder, &message);
    if (err)
        return err;
    if (!reader_finished(&reader))
        return ERR_PROTOCOL;
    *out = message;
    return 0;
}
