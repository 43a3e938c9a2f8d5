// SPDX-License-Identifier: Apache-2.0
// What one thread has counted, and the sum over all of them. Pure.
#ifndef CLIENT_BENCH_TALLY_H
#define CLIENT_BENCH_TALLY_H

#include "client/bench/latency.h"
#include "client/bench/mix.h"
#include "client/bench/value.h"

enum { TALLY_ERRORS = 32, TALLY_TEXT_SIZE = 160, TALLY_SECONDS = 3600 };

// What ended in one second of the measured time.
struct second {
    uint32_t done, failed;
    uint32_t max_us; // the longest latency of what went well
    uint32_t p99_us; // of several threads the largest
};

// What was wrong with a read, when it was looked at.
struct wrongs {
    uint64_t faults[VALUE_FAULTS]; // by kind; VALUE_RIGHT: values that were right
    uint64_t stale;                // reads that showed only what an own write had replaced
    char first[TALLY_TEXT_SIZE];   // a sentence about the first one; "": none
};

struct tally {
    // Of operations that went well. A read-modify-write counts as a read and a write, and its whole
    // time once more under OP_RMW.
    struct latency of[OP_KINDS];
    struct latency service;                    // of all of them, from when they were sent
    uint64_t errors[TALLY_ERRORS];             // by the error's number without its sign
    char texts[TALLY_ERRORS][TALLY_TEXT_SIZE]; // of each, what the first one said
    uint64_t missing;                          // reads that found no key
    uint64_t siblings;                         // reads that showed several values
    struct wrongs wrongs;
    struct second seconds[TALLY_SECONDS]; // the first ones; later ones are not kept
    struct latency latest_ns;             // of the second that `latest` is, whose p99 is
    uint64_t latest;                      // not known before it is over
    uint64_t late_ns_max; // of all requests sent, the longest that one waited in the schedule
};

// `text` need not be terminated; kept of the first failure with this error.
void tally_failed(struct tally *tally, int err, struct slice text);

// The second that this time since the begin of the measured time belongs to; NULL: none is kept.
struct second *tally_second(struct tally *tally, uint64_t ns);
// An operation went well, at this time since then; times of a tally must not go back by seconds.
void tally_ended(struct tally *tally, uint64_t ns, uint64_t latency_ns);
void tally_join(struct tally *tally, const struct tally *from);

// Operations that went well; that failed.
uint64_t tally_done(const struct tally *tally);
uint64_t tally_failures(const struct tally *tally);

// Of everything that went well, each operation once.
void tally_all(const struct tally *tally, struct latency *out);

// A read of a key has shown these values: counts what is wrong with them. `run` is that of the
// values, `oldest` what the ledger demanded when the read began.
struct reading {
    uint64_t key;
    uint32_t run;
    uint32_t oldest;
    const struct slice *values;
    uint32_t count;
};
void wrongs_look(struct wrongs *wrongs, const struct reading *reading);

// Values that must never be seen; reads too old are apart, since R + W > N is needed to exclude
// them.
uint64_t wrongs_values(const struct wrongs *wrongs);

#endif
