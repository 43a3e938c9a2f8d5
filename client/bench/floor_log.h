// SPDX-License-Identifier: Apache-2.0
// The log of a fanout-log server: frames go to a file that is as long as it will ever be, and one
// fdatasync at a time, in a thread, covers all that was added during the one before. The file is
// written round and round; nobody reads it.
#ifndef CLIENT_BENCH_FLOOR_LOG_H
#define CLIENT_BENCH_FLOOR_LOG_H

#include "base/slice.h"

#include <uv.h>

struct floor_log;
struct stream;

// Who is told that a frame is durable.
struct log_mark {
    struct stream *peer; // who sent it; NULL: it is one of our own clients'
    uint64_t id;         // of the question
};

// In the loop's thread.
typedef void (*log_durable)(void *context, const struct log_mark *mark);

// A file of zeros in the directory, durable and without a name. Its descriptor; -1: see errno.
int floor_log_file(const char *directory);

// Its thread and it last as long as the process.
struct floor_log *floor_log_new(uv_loop_t *loop, int descriptor, log_durable durable,
                                void *context);

void floor_log_add(struct floor_log *log, struct slice frame, struct log_mark mark);

// The end of a turn of the loop: what was added is on its way when the thread is idle.
void floor_log_turn(struct floor_log *log);

#endif
