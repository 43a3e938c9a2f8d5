// SPDX-License-Identifier: Apache-2.0
// A reply is an error or a result, and a result is a map of the method's. Readers pass over fields
// that they do not know, so that a newer node may add some.
#include "base/err.h"
#include "base/pack.h"
#include "node/wire/client.h"
#include "node/wire/envelope.h"
#include "node/wire/result.h"

// ---- writing ------------------------------------------------------------------------------------

static void write_token(struct slice token, struct buffer *out)
{
    write_name(out, "context");
    if (token.size)
        write_bin(out, token);
    else
        pack_nil(out);
}

static void write_explain(const struct reply *reply, struct buffer *out)
{
    if (!reply->has_explain)
        return;
    write_name(out, "explain");
    explain_write(&reply->explain, out);
}

static void write_get(const struct reply *reply, struct buffer *out)
{
    pack_map(out, 6 + reply->has_explain);
    write_name(out, "found");
    pack_bool(out, reply->found);
    write_name(out, "values");
    versions_write(reply->versions, reply->version_count, out);
    write_token(reply->token, out);
    write_number(out, "replies", reply->replies);
    write_number(out, "r", reply->r);
    write_name(out, "unanimous");
    pack_bool(out, reply->unanimous);
    write_explain(reply, out);
}

static void write_put(const struct reply *reply, struct buffer *out)
{
    pack_map(out, 4 + reply->has_explain);
    write_name(out, "dot");
    write_dot(out, reply->dot);
    write_token(reply->token, out);
    write_number(out, "acks", reply->acks);
    write_number(out, "w", reply->w);
    write_explain(reply, out);
}

static void write_scan(const struct reply *reply, struct buffer *out)
{
    pack_map(out, 3);
    write_name(out, "items");
    pack_array(out, reply->item_count);
    for (uint32_t i = 0; i < reply->item_count; i++) {
        const struct scan_item *item = &reply->items[i];

        pack_map(out, 4);
        write_name(out, "bucket");
        write_bin(out, item->bucket);
        write_name(out, "key");
        write_bin(out, item->key);
        write_name(out, "values");
        versions_write(item->versions, item->version_count, out);
        write_token(item->token, out);
    }
    write_name(out, "more");
    pack_bool(out, reply->more);
    write_name(out, "after");
    write_bin(out, reply->after);
}

static void write_result(const struct reply *reply, struct buffer *out)
{
    switch (reply->method) {
    case METHOD_GET:
        write_get(reply, out);
        break;
    case METHOD_PUT:
    case METHOD_DELETE:
        write_put(reply, out);
        break;
    case METHOD_SCAN:
        write_scan(reply, out);
        break;
    case METHOD_BUCKET_SET:
    case METHOD_BUCKET_SHOW:
        properties_write(&reply->properties, out);
        break;
    case METHOD_CLUSTER_INIT:
    case METHOD_TOPOLOGY:
        topology_write(reply, out);
        break;
    case METHOD_REPLICAS:
        replicas_write(reply, out);
        break;
    case METHOD_HELD:
        held_write(reply, out);
        break;
    case METHOD_COMPACT:
        compaction_write(&reply->compaction, out);
        break;
    case METHOD_PING:
    case METHOD_STATUS:
        status_write(&reply->status, reply->method, out);
        break;
    case METHOD_COUNT:
        pack_nil(out);
        break;
    }
}

// Only these tell, beside an error, how far they came.
static bool tells_counts(enum method method)
{
    return method == METHOD_GET || method == METHOD_PUT || method == METHOD_DELETE;
}

static bool anything_known(const struct reply *reply)
{
    if (!tells_counts(reply->method))
        return false;
    return reply->r || reply->w || reply->acks || reply->replies || reply->has_explain ||
           reply->token.size || reply->version_count || reply->dot.counter;
}

void reply_encode_error(uint32_t id, int err, struct slice text, struct buffer *out)
{
    envelope_begin_response(id, out);
    write_error(out, err, text);
    pack_nil(out);
}

void reply_encode(uint32_t id, const struct reply *reply, struct buffer *out)
{
    if (reply->err && !anything_known(reply)) {
        reply_encode_error(id, reply->err, reply->text, out);
        return;
    }
    envelope_begin_response(id, out);
    if (reply->err)
        write_error(out, reply->err, reply->text);
    else
        pack_nil(out);
    write_result(reply, out);
}

// ---- reading ------------------------------------------------------------------------------------

static void read_get(struct fields *fields, struct arena *arena, struct reply *out)
{
    out->found = field_bool(fields, "found");
    out->versions = versions_read(fields, arena, &out->version_count);
    out->token = field_bytes(fields, "context");
    out->replies = field_u32(fields, "replies");
    out->r = field_u32(fields, "r");
    out->unanimous = field_bool(fields, "unanimous");
    out->has_explain = explain_read(fields, arena, &out->explain);
}

static void read_put(struct fields *fields, struct arena *arena, struct reply *out)
{
    out->dot = field_dot(fields, "dot");
    out->token = field_bytes(fields, "context");
    out->acks = field_u32(fields, "acks");
    out->w = field_u32(fields, "w");
    out->has_explain = explain_read(fields, arena, &out->explain);
}

static void read_scan(struct fields *fields, struct arena *arena, struct reply *out)
{
    uint32_t count;
    const msgpack_object *array = field_array(fields, "items", &count);

    if (count > SCAN_ITEMS_MAX) {
        fields->failed = true;
        return;
    }
    out->items = arena_new(arena, count * sizeof *out->items);
    out->item_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct fields parts = fields_of(&array[i]);
        struct scan_item *item = &out->items[i];

        item->bucket = field_bytes(&parts, "bucket");
        item->key = field_bytes(&parts, "key");
        item->versions = versions_read(&parts, arena, &item->version_count);
        item->token = field_bytes(&parts, "context");
        fields->failed |= parts.failed;
    }
    out->more = field_bool(fields, "more");
    out->after = field_bytes(fields, "after");
}

static void read_result(struct fields *fields, struct wire_decoder *decoder, struct reply *out)
{
    switch (out->method) {
    case METHOD_GET:
        read_get(fields, &decoder->arena, out);
        break;
    case METHOD_PUT:
    case METHOD_DELETE:
        read_put(fields, &decoder->arena, out);
        break;
    case METHOD_SCAN:
        read_scan(fields, &decoder->arena, out);
        break;
    case METHOD_BUCKET_SET:
    case METHOD_BUCKET_SHOW:
        properties_read(fields, &out->properties);
        break;
    case METHOD_CLUSTER_INIT:
    case METHOD_TOPOLOGY:
        topology_read(fields, decoder, out);
        break;
    case METHOD_REPLICAS:
        replicas_read(fields, &decoder->arena, out);
        break;
    case METHOD_HELD:
        held_read(fields, &decoder->arena, out);
        break;
    case METHOD_COMPACT:
        compaction_read(fields, &out->compaction);
        break;
    case METHOD_PING:
    case METHOD_STATUS:
        status_read(fields, out->method, &out->status);
        break;
    case METHOD_COUNT:
        fields->failed = true;
        break;
    }
}

int reply_decode_more(struct slice frame, enum method method, struct wire_decoder *decoder,
                      struct reply *out)
{
    struct envelope envelope;
    struct reply reply = {.method = method};
    struct slice error;
    struct fields fields;

    if (envelope_decode(frame, decoder, &envelope) || envelope.type != RPC_RESPONSE)
        return ERR_PROTOCOL;
    if (envelope.error->type != MSGPACK_OBJECT_NIL) {
        if (value_bytes(envelope.error, &error))
            return ERR_PROTOCOL;
        error_read(error, &reply.err, &reply.text);
    }
    if (!reply.err || (tells_counts(method) && envelope.result->type != MSGPACK_OBJECT_NIL)) {
        fields = fields_of(envelope.result);
        read_result(&fields, decoder, &reply);
        if (fields.failed)
            return ERR_PROTOCOL;
    }
    *out = reply;
    return 0;
}

int reply_decode(struct slice frame, enum method method, struct wire_decoder *decoder,
                 struct reply *out)
{
    wire_decoder_reset(decoder);
    return reply_decode_more(frame, method, decoder, out);
}
