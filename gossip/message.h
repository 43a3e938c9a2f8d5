// SPDX-License-Identifier: Apache-2.0
// One message of the wire, and its bytes: a type byte and one MessagePack map with text keys. Keys
// are written in byte order, in the old spelling; read in any order and spelling, unknown ones
// ignored.
#ifndef GOSSIP_MESSAGE_H
#define GOSSIP_MESSAGE_H

#include "base/buffer.h"
#include "gossip/member.h"

// The first byte. Wrappers and streams' own types are taken apart in packet.h and exchange.h.
enum message_type {
    MESSAGE_PING = 0,
    MESSAGE_INDIRECT_PING = 1,
    MESSAGE_ACK = 2,
    MESSAGE_SUSPECT = 3,
    MESSAGE_ALIVE = 4,
    MESSAGE_DEAD = 5,
    MESSAGE_EXCHANGE = 6, // memberlist: pushPull
    MESSAGE_COMPOUND = 7,
    MESSAGE_USER = 8,
    MESSAGE_COMPRESSED = 9,
    MESSAGE_ENCRYPTED = 10,
    MESSAGE_NACK = 11,
    MESSAGE_CHECKED = 12, // memberlist: hasCrc
    MESSAGE_ERROR = 13,
    MESSAGE_LABEL = 0xf4
};

// Which fields count depends on the type:
//   ping            node sequence source source_node
//   indirect ping   the same, and target, nack
//   ack, nack       sequence
//   suspect, dead   node from incarnation
//   alive           node address incarnation version meta
//   user            payload
//   error           payload (a sentence)
// A record of a full exchange is an alive with its state.
struct message {
    enum message_type type;
    uint32_t sequence;
    uint32_t incarnation;
    enum member_state state;
    bool nack; // a nack is asked for
    bool has_version;
    uint8_t version[VERSION_SIZE];
    struct slice node;
    struct slice from;
    struct slice source_node;
    struct swim_address source; // size 0: answer to where the datagram came from
    struct swim_address target;
    struct swim_address address;
    struct slice meta;
    struct slice payload;
};

// Whoever is accused answers with a higher incarnation, so there must be one above any accusation.
// (Nothing stands above an announcement with the highest one: only keys keep strangers out.)
#define MESSAGE_INCARNATION_MAX (UINT32_MAX - 1)
#define MESSAGE_ACCUSED_MAX     (MESSAGE_INCARNATION_MAX - 1)

enum {
    MESSAGE_VALUES_MAX = 64, // in one map
    MESSAGE_SIZE_MAX = 1024  // of any message that we write, but for user messages
};

// Appends the message, type byte first.
void message_encode(const struct message *message, struct buffer *out);

// Reads a whole message; its slices point into the bytes. ERR_PROTOCOL for anything malformed, cut
// short, out of its limits, or of a type not listed above `struct message`.
int message_decode(struct slice bytes, struct message *out);

// A record of a full exchange: a map without type byte. Decoding says how many bytes it took.
void message_encode_record(const struct message *record, struct buffer *out);
int message_decode_record(struct slice bytes, struct message *out, size_t *size);

#endif
