// SPDX-License-Identifier: Apache-2.0
#include "node/wire/envelope.h"

#include "base/check.h"
#include "base/err.h"
#include "base/pack.h"
#include "node/wire/value.h"

static int unpack(struct slice frame, struct wire_decoder *decoder, msgpack_object *out)
{
    size_t at = 0;

    if (!decoder->zone)
        decoder->zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
    check(decoder->zone);
    // The call that takes a zone of ours, and so allocates nothing in the steady state.
    if (msgpack_unpack((const char *)frame.data, frame.size, &at, decoder->zone, out) !=
        MSGPACK_UNPACK_SUCCESS)
        return ERR_PROTOCOL;
    return 0;
}

int envelope_decode(struct slice frame, struct wire_decoder *decoder, struct envelope *out)
{
    msgpack_object root;
    const msgpack_object *elements;
    uint32_t count;
    uint64_t type;
    uint64_t id = 0;

    if (unpack(frame, decoder, &root) || root.type != MSGPACK_OBJECT_ARRAY)
        return ERR_PROTOCOL;
    elements = root.via.array.ptr;
    count = root.via.array.size;
    if (count < 3 || value_u64(&elements[0], RPC_NOTIFICATION, &type))
        return ERR_PROTOCOL;
    if (count != (type == RPC_NOTIFICATION ? 3 : 4))
        return ERR_PROTOCOL;
    if (type != RPC_NOTIFICATION && value_u64(&elements[1], UINT32_MAX, &id))
        return ERR_PROTOCOL;
    *out = (struct envelope){.type = (enum rpc_type)type, .id = (uint32_t)id};
    if (type == RPC_RESPONSE) {
        out->error = &elements[2];
        out->result = &elements[3];
    } else {
        out->method = &elements[count - 2];
        out->params = &elements[count - 1];
    }
    return 0;
}

void envelope_begin_request(uint32_t id, const char *method, struct buffer *out)
{
    pack_array(out, 4);
    pack_u64(out, RPC_REQUEST);
    pack_u64(out, id);
    pack_text(out, method);
}

void envelope_begin_response(uint32_t id, struct buffer *out)
{
    pack_array(out, 4);
    pack_u64(out, RPC_RESPONSE);
    pack_u64(out, id);
}
