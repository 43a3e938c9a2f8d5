// SPDX-License-Identifier: Apache-2.0
// What processes of this machine use, as /proc tells it.
#ifndef CLIENT_BENCH_WATCH_H
#define CLIENT_BENCH_WATCH_H

#include "base/slice.h"

#include <sys/types.h>

enum { WATCH_MAX = 64, PROCESS_NAME_SIZE = 32 };

// Since the process started, but for memory.
struct usage {
    uint64_t user_us, system_us;   // processor time, to the tick of the system (10 ms mostly)
    uint64_t switches_voluntary;   // of all threads that live: it waited
    uint64_t switches_involuntary; // it was put aside
    uint64_t memory_bytes;         // resident now
    uint64_t memory_peak_bytes;    // resident at most
};

// A process over a time.
struct watched {
    pid_t pid;
    char name[PROCESS_NAME_SIZE];
    struct usage from, until;
    bool gone; // it ended meanwhile
};

// ERR_NOT_FOUND when there is no such process.
int usage_read(pid_t pid, struct usage *out);
int process_name(pid_t pid, char out[PROCESS_NAME_SIZE]);

// What was used between the two; memory is that at the end.
struct usage usage_between(const struct usage *from, const struct usage *until);

// --- Pure ----------------------------------------------------------------------------------------

// User and system time out of /proc/PID/stat, in ticks. ERR_INVALID when it is no such text.
int stat_parse(struct slice text, uint64_t *out_user, uint64_t *out_system);

// The number behind "Name:" in /proc/PID/status; 0 when there is none.
uint64_t status_number(struct slice text, const char *name);

#endif
