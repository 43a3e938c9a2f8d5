// SPDX-License-Identifier: Apache-2.0
// Floors: servers that do the same work on the wire as a cluster and nothing else, so that what a
// cluster costs can be told apart from what the machine costs.
//
// A frame is: u32 little-endian bytes of the whole frame, u32 bytes of the whole reply frame wanted
// (at least FLOOR_HEADER), u64 id; then filler. The reply has the same header: its own length, 0,
// the same id.
#ifndef CLIENT_BENCH_FLOOR_H
#define CLIENT_BENCH_FLOOR_H

#include "base/buffer.h"

#include <netinet/in.h>
#include <sys/types.h>

enum floor_kind {
    FLOOR_ECHO,      // one server that answers
    FLOOR_FANOUT,    // three: whoever is asked asks another one first
    FLOOR_FANOUT_LOG // the same, and both write to a file and wait for the disk
};

enum { FLOOR_HEADER = 16 };

struct floor;

// Starts the servers, processes of their own on free ports of 127.0.0.1; their files go into the
// directory. On failure `why` gets a sentence. Call it before there are threads.
int floor_start(enum floor_kind kind, const char *directory, struct floor **out,
                struct buffer *why);

uint32_t floor_count(const struct floor *floor);
const struct sockaddr_in *floor_address(const struct floor *floor, uint32_t i);
pid_t floor_pid(const struct floor *floor, uint32_t i);

// Ends the servers and waits for them. Accepts NULL.
void floor_stop(struct floor *floor);

#endif
