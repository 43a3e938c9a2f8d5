// SPDX-License-Identifier: Apache-2.0
// What streams carry: the bytes of a full exchange (memberlist: push/pull) and how far a growing
// stream is from being complete. There is no length in front: a stream message ends where its last
// MessagePack value and the bytes it announced end.
//
//      06 {Join, Nodes, UserStateLen}  Nodes x {Addr, Incarnation, ...}  UserStateLen bytes
//      08 {UserMsgLen}  UserMsgLen bytes
//      00 ping, 02 ack, 0d error, 09 compressed: one map
#ifndef GOSSIP_EXCHANGE_H
#define GOSSIP_EXCHANGE_H

#include "gossip/message.h"

// How far a stream was looked through; zeroed at its start. Each byte is looked at once, but for
// the value that is not complete, so a stream that trickles in costs no more than one that pours.
struct exchange_scan {
    size_t done;      // bytes of complete values
    uint64_t records; // values still to come
    uint64_t tail;    // raw bytes after them
    bool header_read;
};

// Looks at all bytes so far. 0 when the message is complete (scan->done bytes long), ERR_AGAIN when
// not yet, ERR_PROTOCOL or ERR_TOO_LARGE when it never can be one of at most size_max bytes.
int exchange_scan(struct exchange_scan *scan, struct slice bytes, size_t size_max);

struct exchange {
    bool join;
    struct slice records; // that are still to be read
    uint64_t count;
    struct slice user_state;
};

// Reads a complete full exchange (with its type byte) but for its records.
int exchange_open(struct slice bytes, struct exchange *out);

// The next record. ERR_NOT_FOUND behind the last one, ERR_PROTOCOL when one is malformed.
int exchange_next(struct exchange *exchange, struct message *record);

// Appends type byte and header; `count` records and the user state are to follow.
void exchange_encode_header(bool join, uint32_t count, size_t user_state_size, struct buffer *out);

// Appends a whole user message, as streams carry it.
void exchange_encode_user(struct slice payload, struct buffer *out);

// The payload of a complete user message.
int exchange_open_user(struct slice bytes, struct slice *payload);

#endif
