// SPDX-License-Identifier: Apache-2.0
// What nodes say to each other, on a listener of its own: the framing of clients, but one-way
// notifications [2, name, [sum, body]] whose body (bin) has a compact layout and whose sum is the
// XXH3-64 of the body; of the spellings that MessagePack has for that, one is written and read. A
// connection begins with one hello request and its response.
#ifndef NODE_WIRE_PEER_H
#define NODE_WIRE_PEER_H

#include "node/data/message.h"
#include "node/wire/decoder.h"

enum { PEER_PROTOCOL = 2 }; // 2: apply and read say whether a stand-in is asked

// Who is speaking.
struct hello {
    uint64_t cluster;  // 0: belongs to none yet
    uint64_t node;     // id, not 0
    uint64_t actor;    // the life of its store, not 0
    uint64_t epoch;    // of its topology; 0: none
    uint32_t protocol; // PEER_PROTOCOL of its build
    struct slice name;
};

// The answer to a hello: the other side's own, or why it does not want us.
struct hello_answer {
    uint32_t id;
    int err;           // 0, ERR_WRONG_CLUSTER, ...
    struct slice text; // with err
    struct hello hello;
};

// [0, id, "hello", [{cluster, node, actor, epoch, protocol, name}]]
void hello_encode(uint32_t id, const struct hello *hello, struct buffer *out);

// ERR_PROTOCOL when it is anything else. Whether cluster and protocol suit is for the caller to
// judge.
int hello_decode(struct slice frame, struct wire_decoder *decoder, uint32_t *out_id,
                 struct hello *out);

// [1, id, nil, {...}] or [1, id, "CODE text", nil]
void hello_answer_encode(const struct hello_answer *answer, struct buffer *out);

int hello_answer_decode(struct slice frame, struct wire_decoder *decoder, struct hello_answer *out);

// Appends a message frame.
void peer_message_encode(const struct message *message, struct buffer *out);

// The bytes of the message at the beginning of what has arrived. ERR_AGAIN: it is not all there
// yet; ERR_PROTOCOL: that is no message; ERR_TOO_LARGE: one of more than PEER_FRAME_MAX bytes.
int peer_message_size(struct slice bytes, size_t *out);

// ERR_DAMAGED when the body does not have its sum; ERR_METHOD for a kind that this build does not
// know (a newer peer: drop the message and go on); ERR_PROTOCOL for anything else.
int peer_message_decode(struct slice frame, struct wire_decoder *decoder, struct message *out);

#endif
