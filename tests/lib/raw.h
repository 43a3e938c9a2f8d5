// SPDX-License-Identifier: Apache-2.0
// Bare sockets for tests that say what no honest client would say. Addresses are "host:port".
#ifndef TESTS_LIB_RAW_H
#define TESTS_LIB_RAW_H

#include "base/buffer.h"

// A TCP connection, or -1.
int raw_connect(const char *address);

// Sends all of it; false when the other side has closed or does not read within the time. A closed
// connection is no failure of a test by itself.
bool raw_send(int fd, struct slice bytes, uint64_t timeout_ms);

// Reads until `out` holds at least `size` bytes, the connection ends or the time is over. False
// unless the bytes are there.
bool raw_read(int fd, struct buffer *out, size_t size, uint64_t timeout_ms);

// Reads and drops what comes. True when the other side closes within the time.
bool raw_closes(int fd, uint64_t timeout_ms);

// True when the other side has closed or reset it, even though unread bytes may still be waiting.
bool raw_broken(int fd);

// One datagram.
void raw_datagram(const char *address, struct slice bytes);

// Reads one whole MessagePack value behind the first `skip` bytes of `out`; its size, 0 on failure.
size_t raw_read_value(int fd, struct buffer *out, size_t skip, uint64_t timeout_ms);

#endif
