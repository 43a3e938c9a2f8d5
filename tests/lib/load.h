// SPDX-License-Identifier: Apache-2.0
// Clients that write and read the same keys at once, each in a thread of its own, and tell a
// history about it. Puts with and without a context, deletes with one, reads; R = W = 2 of 3.
// Values can be told from each other and from damaged ones.
#ifndef TESTS_LIB_LOAD_H
#define TESTS_LIB_LOAD_H

#include "base/rng.h"
#include "client/quorate.h"
#include "sim/checker/judge.h"

#include <pthread.h>
#include <stdatomic.h>

enum { LOAD_WRITERS = 4, LOAD_KEYS = 48 };

// Keys and values of one history.
struct load {
    struct history history;
    pthread_mutex_t lock; // of the history
    uint32_t judged;      // operations before this one
    uint32_t era;         // part of all keys and values
    uint64_t values_max;
    atomic_uint_fast64_t values;   // the last number given to a value
    atomic_uint_fast32_t sessions; // the last number given to one
    atomic_uint_fast64_t acknowledged;
    atomic_uint_fast64_t unknown;
    atomic_uint_fast64_t refused;
    atomic_uint_fast64_t reads;
    atomic_uint_fast64_t reads_failed;
    atomic_bool stop;
};

struct load_writer {
    struct load *load;
    struct quorate_client *client;
    struct rng rng;
    pthread_t thread;
    uint32_t session;
    uint32_t pause_ms; // after a failure
    // What the last acknowledged put left behind, for a next one without a read: its context.
    uint32_t key;
    struct buffer context;
    uint32_t shown; // values that it covers
};

void load_init(struct load *load, uint32_t era, uint64_t values_max);
void load_done(struct load *load);

// Begins to work with the client, which becomes the writer's, until load->stop is set.
void load_writer_begin(struct load_writer *writer, struct load *load, struct quorate_client *client,
                       uint64_t seed);

// Waits for its end and closes its client. Set load->stop before.
void load_writer_end(struct load_writer *writer);

// One read of a key at R = `r`, entered in the history; 0 or the error. *out_unanimous may be NULL.
int load_read(struct load *load, struct quorate_client *client, uint32_t key, int r,
              bool *out_unanimous);

// Judges all reads since the last time. Call it when no client is at work.
void load_judge(struct load *load, struct verdict *verdict);

#endif
