// SPDX-License-Identifier: Apache-2.0
// The arrays of MessagePack-RPC around what is said. For the files of this folder.
#ifndef NODE_WIRE_ENVELOPE_H
#define NODE_WIRE_ENVELOPE_H

#include "node/data/message.h"
#include "node/wire/decoder.h"
#include "node/wire/rpc.h"

#include <msgpack.h>

struct wire_request;

struct envelope {
    enum rpc_type type;
    uint32_t id;
    const msgpack_object *method; // request, notification
    const msgpack_object *params;
    const msgpack_object *error; // response
    const msgpack_object *result;
};

// Unpacks a frame that a scanner has found to be complete, into the decoder's memory (which is not
// reset). ERR_PROTOCOL when the elements are not those of an envelope.
int envelope_decode(struct slice frame, struct wire_decoder *decoder, struct envelope *out);

// Append the beginning; the params (an array), or error and result, are to follow.
void envelope_begin_request(uint32_t id, const char *method, struct buffer *out);
void envelope_begin_response(uint32_t id, struct buffer *out);

// request_decode and reply_decode into what the decoder already holds: for a frame in a frame.
int request_decode_more(struct slice frame, struct wire_decoder *decoder, struct wire_request *out);
int reply_decode_more(struct slice frame, enum method method, struct wire_decoder *decoder,
                      struct reply *out);

#endif
