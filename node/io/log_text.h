// SPDX-License-Identifier: Apache-2.0
// The operator's log: lines on stderr, each with a time (UTC), a level and a sentence.
//
//     2026-01-31T12:00:00.123Z warning link to n2: closed by the other side
#ifndef NODE_IO_LOG_TEXT_H
#define NODE_IO_LOG_TEXT_H

#include <stdbool.h>
#include <stdint.h>

// Writes one line with one system call, and never waits: a line that a full pipe does not take is
// left out, and the next that goes through tells how many were. Control characters in what is
// formatted are escaped, so that a stranger's name cannot forge a line.
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_alarm(const char *format, ...) __attribute__((format(printf, 1, 2))); // a person must act

// For sentences that a stranger can provoke at will: true at most ten times a second, or in so many
// seconds; what was left out is told by the next that passes.
struct log_limit {
    uint32_t seconds; // 0: one
    uint32_t count;
    uint64_t period;
    uint64_t dropped;
};

bool log_limit_pass(struct log_limit *limit, uint64_t now_us);

#endif
