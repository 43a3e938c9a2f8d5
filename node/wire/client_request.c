// SPDX-License-Identifier: Apache-2.0
// A request is a method, some parameters in order, and a map of options at the end, which may be
// missing. Whatever is wrong within them refuses the request with a sentence; only a broken
// envelope costs the connection.
#include "base/err.h"
#include "base/pack.h"
#include "base/text.h"
#include "node/wire/client.h"
#include "node/wire/envelope.h"
#include "node/wire/option.h"
#include "node/wire/value.h"

// The parameters before the options.
enum param { PARAM_NONE, PARAM_BUCKET, PARAM_KEY, PARAM_VALUE, PARAM_SHARD };

enum { PARAMS_MAX = 3 };

static const struct {
    enum param params[PARAMS_MAX];
    uint32_t count;
    const char *usage;
} signatures[METHOD_COUNT] = {
    [METHOD_PING] = {{PARAM_NONE}, 0, "ping()"},
    [METHOD_GET] = {{PARAM_BUCKET, PARAM_KEY}, 2, "get(bucket, key, {options})"},
    [METHOD_PUT] = {{PARAM_BUCKET, PARAM_KEY, PARAM_VALUE},
                    3,
                    "put(bucket, key, value, {options})"},
    [METHOD_DELETE] = {{PARAM_BUCKET, PARAM_KEY}, 2, "delete(bucket, key, {options})"},
    [METHOD_SCAN] = {{PARAM_SHARD}, 1, "scan(shard, {options})"},
    [METHOD_BUCKET_SET] = {{PARAM_BUCKET}, 1, "bucket_set(bucket, {options})"},
    [METHOD_BUCKET_SHOW] = {{PARAM_BUCKET}, 1, "bucket_show(bucket, {options})"},
    [METHOD_CLUSTER_INIT] = {{PARAM_NONE}, 0, "cluster_init({options})"},
    [METHOD_TOPOLOGY] = {{PARAM_NONE}, 0, "topology()"},
    [METHOD_STATUS] = {{PARAM_NONE}, 0, "status()"},
    [METHOD_REPLICAS] = {{PARAM_SHARD}, 1, "replicas(shard, {options})"},
    [METHOD_HELD] = {{PARAM_SHARD}, 1, "held(shard, {options})"},
    [METHOD_COMPACT] = {{PARAM_NONE}, 0, "compact({options})"},
};

static const char *const param_names[] = {[PARAM_BUCKET] = "bucket",
                                          [PARAM_KEY] = "key",
                                          [PARAM_VALUE] = "value",
                                          [PARAM_SHARD] = "shard"};

// Where a parameter of bytes stands.
static struct slice *param_place(struct request *request, enum param param)
{
    switch (param) {
    case PARAM_BUCKET:
        return &request->bucket;
    case PARAM_KEY:
        return &request->key;
    case PARAM_VALUE:
        return &request->value;
    case PARAM_NONE:
    case PARAM_SHARD:
        break;
    }
    return NULL;
}

// ---- writing ------------------------------------------------------------------------------------

void request_encode(uint32_t id, const struct request *request, struct buffer *out)
{
    struct request copy = *request;
    uint32_t count = signatures[request->method].count;
    size_t params;

    envelope_begin_request(id, method_name(request->method), out);
    params = out->size;
    pack_array(out, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct slice *bytes = param_place(&copy, signatures[request->method].params[i]);

        if (bytes)
            write_bin(out, *bytes);
        else
            pack_u64(out, request->shard);
    }
    if (!options_write(request, out))
        out->data[params]--; // no map: one parameter less
}

// ---- reading ------------------------------------------------------------------------------------

static int refuse(struct wire_request *request, int err, struct slice text)
{
    request->refused = err;
    request->text = text;
    return 0;
}

static int refuse_method(struct wire_request *request, const msgpack_object *method,
                         struct arena *arena)
{
    struct buffer text = {0};
    struct slice name;

    if (value_bytes(method, &name))
        return refuse(request, ERR_METHOD, slice_of_text("the method must be a text"));
    buffer_add_format(&text, "no method ");
    text_add_shown(&text, name);
    refuse(request, ERR_METHOD, arena_copy(arena, buffer_slice(&text)));
    buffer_done(&text);
    return 0;
}

static bool read_method(const msgpack_object *method, enum method *out)
{
    struct slice name;

    if (value_bytes(method, &name))
        return false;
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        if (slice_is(name, method_name((enum method)i))) {
            *out = (enum method)i;
            return true;
        }
    }
    return false;
}

// The first parameter that is not what it must be, PARAM_NONE when all are well.
static enum param read_params(const msgpack_object *params, struct request *request)
{
    uint32_t count = signatures[request->method].count;
    uint64_t shard;

    for (uint32_t i = 0; i < count; i++) {
        enum param param = signatures[request->method].params[i];
        struct slice *place = param_place(request, param);

        if (place ? value_bytes(&params[i], place) : value_u64(&params[i], SHARDS_MAX - 1, &shard))
            return param;
        if (!place)
            request->shard = (uint32_t)shard;
    }
    return PARAM_NONE;
}

static int read_request(const msgpack_object *params, struct wire_decoder *decoder,
                        struct wire_request *out)
{
    enum method method = out->request.method;
    uint32_t needed = signatures[method].count;
    uint32_t count = 0;
    enum param bad;
    struct slice text;
    int err;

    if (params->type == MSGPACK_OBJECT_ARRAY)
        count = params->via.array.size;
    else if (params->type != MSGPACK_OBJECT_NIL)
        return refuse(out, ERR_INVALID, slice_of_text("the parameters must be an array"));
    if (count < needed || count > needed + 1) {
        const char *usage = signatures[method].usage;

        return refuse(out, ERR_INVALID,
                      slice_of_text(arena_text(&decoder->arena, "%u parameters given, not %s",
                                               count, usage)));
    }
    bad = read_params(params->via.array.ptr, &out->request);
    if (bad != PARAM_NONE)
        return refuse(
            out, ERR_INVALID,
            slice_of_text(arena_text(&decoder->arena, "%s: the %s must be %s", method_name(method),
                                     param_names[bad],
                                     bad == PARAM_SHARD ? "a shard's number" : "text or binary")));
    err = count == needed
              ? 0
              : options_read(&params->via.array.ptr[needed], decoder, &out->request, &text);
    return err ? refuse(out, err, text) : 0;
}

int request_decode_more(struct slice frame, struct wire_decoder *decoder, struct wire_request *out)
{
    struct envelope envelope;
    enum method method;

    if (envelope_decode(frame, decoder, &envelope) || envelope.type == RPC_RESPONSE)
        return ERR_PROTOCOL;
    out->id = envelope.id;
    out->notification = envelope.type == RPC_NOTIFICATION;
    out->refused = 0;
    out->text = (struct slice){0};
    if (!read_method(envelope.method, &method))
        return refuse_method(out, envelope.method, &decoder->arena);
    request_init(&out->request, method);
    return read_request(envelope.params, decoder, out);
}

int request_decode(struct slice frame, struct wire_decoder *decoder, struct wire_request *out)
{
    wire_decoder_reset(decoder);
    return request_decode_more(frame, decoder, out);
}
