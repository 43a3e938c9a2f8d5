// SPDX-License-Identifier: Apache-2.0
// Where a member listens: one IP address and one port, for datagrams and streams alike.
#ifndef GOSSIP_ADDRESS_H
#define GOSSIP_ADDRESS_H

#include "base/slice.h"

enum {
    SWIM_ADDRESS_V4 = 4,
    SWIM_ADDRESS_V6 = 16,
    SWIM_ADDRESS_TEXT = 64 // room for any address as text, with the terminator
};

// An IPv4 address is always held in its 4-byte form: members compare addresses bytewise, so the
// 16-byte mapped form of the same address would be another address. Whoever makes one from a
// dual-stack socket goes through swim_address_of.
struct swim_address {
    uint8_t bytes[SWIM_ADDRESS_V6]; // network order; the first `size` are meant, the rest are 0
    uint8_t size;                   // 4 or 16; 0: no address
    uint16_t port;                  // host order
};

// From the 4 or 16 bytes of an address; a v4-mapped 16-byte form becomes the 4-byte one. With any
// other number of bytes the result has size 0.
struct swim_address swim_address_of(struct slice ip, uint16_t port);

bool swim_address_equal(const struct swim_address *a, const struct swim_address *b);

// True for 127.0.0.0/8 and ::1.
bool swim_address_is_loopback(const struct swim_address *address);

// "127.0.0.1:7946", "[fd00::1]:7946" (RFC 5952 without its mixed notation). Returns `out`.
const char *swim_address_text(const struct swim_address *address, char out[SWIM_ADDRESS_TEXT]);

static inline struct slice swim_address_ip(const struct swim_address *address)
{
    return slice_of(address->bytes, address->size);
}

#endif
