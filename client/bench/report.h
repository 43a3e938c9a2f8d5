// SPDX-License-Identifier: Apache-2.0
// What is told at the end: as a text with tables, as JSON, as CSV. Pure.
#ifndef CLIENT_BENCH_REPORT_H
#define CLIENT_BENCH_REPORT_H

#include "client/bench/options.h"
#include "client/bench/run.h"

struct report {
    const struct bench_options *options;
    const char *against; // "quorate", "redis", "floor echo"
    uint32_t servers;
    uint32_t replicas; // copies of each key; 0: not known
    int r, w, pr, pw;  // as resolved; 0: not known, or none
    bool owners_only;  // no stand-in can have answered or taken a write
    bool last_write_wins;
    bool one_server; // all reads and writes go to it, and it alone decides
    const struct run_outcome *outcome;
    const struct run_outcome *loaded; // of --load; NULL: nothing was loaded
    const struct watched *watched;
    uint32_t watched_count;
    struct usage client; // processor time of this program while it measured
};

// Operations that went well, a second.
double report_rate(const struct report *report);

// The share of the measured time that the threads of this program were busy: near 1 it is itself
// what was measured.
double report_busy(const struct report *report);

// True when a read that showed only what was replaced is wrong: the owners that were read and those
// that were written have one in common, and what a read shows is not decided by the clocks of
// machines; or there is but one server.
bool report_stale_is_wrong(const struct report *report);

// What was wrong with values read, together.
uint64_t report_wrong(const struct report *report);

void report_text(const struct report *report, struct output *output);

// One object on one line.
void report_json(const struct report *report, struct buffer *out);

// A heading and a row for each kind of operation, the last one for all together.
void report_csv(const struct report *report, struct buffer *out);

#endif
