// SPDX-License-Identifier: Apache-2.0
// A datagram and the messages in it, inside of label and encryption (guard.h). From the outside in:
// a CRC-32, compression, compounds; any of them may be missing, and the last two may nest.
#ifndef GOSSIP_PACKET_H
#define GOSSIP_PACKET_H

#include "base/arena.h"
#include "base/buffer.h"

enum {
    PACKET_PARTS_MAX = 127,          // that we write: memberlist 0.2 miscounts more
    PACKET_PARTS_READ = 1024,        // that we read from one datagram
    PACKET_DEPTH_MAX = 4,            // of wrappers
    PACKET_UNPACKED_MAX = 256 << 10, // bytes after decompression, in all
    PACKET_PART_OVERHEAD = 2,        // of a compound, for each message
    PACKET_OVERHEAD = 7              // CRC and compound header
};

struct packet {
    struct slice parts[PACKET_PARTS_READ];
    size_t count;
    size_t unpacked; // bytes that decompression made
};

// Takes a datagram apart into messages, each with its type byte; they live as long as the datagram
// and the arena. 0, or ERR_PROTOCOL when something in it was malformed, too deep or too much: what
// was found before it (and, in a compound, beside it) is in the packet all the same.
int packet_open(struct slice datagram, struct arena *arena, struct packet *packet);

// Appends a datagram with these messages (1..127), as a compound unless it is one alone, in the
// form of these bits: compressed if that makes it smaller, behind a CRC.
enum { PACKET_CHECKED = 1, PACKET_COMPRESSED = 2 };
void packet_seal(const struct slice *parts, size_t count, unsigned form, struct buffer *out);

// CRC-32 of IEEE 802.3, as in zlib.
uint32_t packet_crc(struct slice bytes);

// Appends the message (with its type byte) as a compressed one, larger or smaller.
void packet_compress(struct slice message, struct buffer *out);

// Takes a compressed message (with its type byte) apart. ERR_PROTOCOL, ERR_TOO_LARGE.
int packet_decompress(struct slice message, size_t size_max, struct buffer *out);

#endif
