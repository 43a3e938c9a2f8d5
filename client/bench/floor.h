// SPDX-License-Identifier: Apache-2.0
// Floors: plain servers that do no more than a workload cannot do without, measured by the same
// client in the same run as a cluster. What a cluster costs beyond its floor is its own doing.
//
//   echo        one process answers each frame.
//   fanout      three processes. What a client sends to one goes to both others, who answer; the
//               client is answered when two of the three have it. Nothing is stored.
//   fanout-log  the same, where "has it" is "has it durable": each appends the frame to a file of
//               zeros that is there already, and one fdatasync at a time covers all that came
//               during the one before.
//
// A frame, in both directions: u32 bytes of the whole frame, u32 bytes that the whole answer is to
// have (0 in an answer), u64 id, filler; little-endian. An answer carries the id of its question
// and zeros as filler. A server hangs up on what is no frame.
#ifndef CLIENT_BENCH_FLOOR_H
#define CLIENT_BENCH_FLOOR_H

#include "base/buffer.h"

#include <netinet/in.h>
#include <sys/types.h>

enum floor_kind { FLOOR_ECHO, FLOOR_FANOUT, FLOOR_FANOUT_LOG };

enum {
    FLOOR_HEADER = 16,        // bytes; the shortest frame
    FLOOR_FRAME_MAX = 4 << 20 // bytes; the longest, either way
};

struct floor;

// Starts one process (echo) or three on free ports of 127.0.0.1; when it returns they take
// connections and are connected with each other. The files of fanout-log are made in `directory`,
// which no other kind looks at; they have lost their names before this returns, and so need no
// cleaning up. The processes die with the thread that calls this: let it be the main one, before
// others are started. ERR_IO when the system refuses, with a sentence in `why`.
int floor_start(enum floor_kind kind, const char *directory, struct floor **out,
                struct buffer *why);

uint32_t floor_count(const struct floor *floor);
const struct sockaddr_in *floor_address(const struct floor *floor, uint32_t i);
pid_t floor_pid(const struct floor *floor, uint32_t i);

// Kills the processes, waits for their end and frees; NULL is fine.
void floor_stop(struct floor *floor);

#endif
