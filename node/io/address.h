// SPDX-License-Identifier: Apache-2.0
// Addresses between people ("host:port"), sockets and the membership machine.
#ifndef NODE_IO_ADDRESS_H
#define NODE_IO_ADDRESS_H

#include "base/buffer.h"
#include "gossip/address.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT = 64 }; // room for any address as text

// "127.0.0.1:7400", "[::1]:7400".
void address_text(const struct sockaddr *address, char out[ADDRESS_TEXT]);

uint16_t address_port(const struct sockaddr *address);
void address_set_port(struct sockaddr *address, uint16_t port);

bool address_is_loopback(const struct sockaddr *address);
bool address_is_wildcard(const struct sockaddr *address);

// The first address of a host by name or number, of the family if it has one of that; waits for the
// resolver, so only before the loop runs. ERR_CONNECT: `why` gets the resolver's words.
int address_resolve(const char *host, uint16_t port, int family, struct sockaddr_storage *out,
                    struct buffer *why);

// A numeric "host:port" as this program announces it; nothing is asked of a resolver. ERR_INVALID.
int address_read(const char *text, struct sockaddr_storage *out);

// The first address of this machine that is not loopback, of the same family. ERR_NOT_FOUND.
int address_of_machine(int family, struct sockaddr_storage *out);

// A bound UDP socket on a port that TCP has free as well; port 0: any such. -1: errno tells why.
int address_bind_udp(const struct sockaddr *address, struct sockaddr_storage *out_bound);

// True when the port is free now, for TCP and UDP.
bool address_is_free(const struct sockaddr *address);

struct swim_address address_to_swim(const struct sockaddr *address);

// For a socket of that family: an IPv4 address becomes its mapped form for an IPv6 socket.
// ERR_INVALID: an IPv4 socket cannot reach it.
int address_of_swim(const struct swim_address *from, int family, struct sockaddr_storage *out);

#endif
