// SPDX-License-Identifier: Apache-2.0
// The protocol of clients: requests and replies to bytes and back. README.md in this folder
// describes it for those who write a client in another language.
//
// All functions take a whole frame as rpc_scan_more delimits it. What is decoded borrows from the
// frame and from the decoder until the decoder's next use.
#ifndef NODE_WIRE_CLIENT_H
#define NODE_WIRE_CLIENT_H

#include "node/data/message.h"
#include "node/wire/decoder.h"

// A request as it arrived.
struct wire_request {
    uint32_t id;            // to be given back in the reply; may be 0
    bool notification;      // the client wants no reply, and none may be sent
    int refused;            // 0, or why this is no request that a node could look at: ERR_INVALID,
                            // ERR_METHOD, ERR_TOKEN; the connection stays open
    struct slice text;      // with refused: the sentence for the reply
    struct request request; // when not refused
};

// Appends a request frame. Options that the method does not have are left out, defaults too.
void request_encode(uint32_t id, const struct request *request, struct buffer *out);

// 0, also for a refused request: see wire_request. ERR_PROTOCOL when it is no request at all (a
// response, a wrong envelope): the connection cannot go on. Sizes of bucket, key and value and
// whether the levels make sense are not looked at here.
int request_decode(struct slice frame, struct wire_decoder *decoder, struct wire_request *out);

// Appends a response frame. With reply->err: "CODE text" in the error slot; the result beside it
// tells what is known of a get, put or delete (counts, explain), and is nil when nothing is.
void reply_encode(uint32_t id, const struct reply *reply, struct buffer *out);

// Appends the response to a refused request: an error and nil.
void reply_encode_error(uint32_t id, int err, struct slice text, struct buffer *out);

// Decodes the response to a request of that method (found by rpc_peek's id). ERR_PROTOCOL when it
// is no response, or its result does not suit the method. An error reply is success: see reply.err.
int reply_decode(struct slice frame, enum method method, struct wire_decoder *decoder,
                 struct reply *out);

#endif
