// SPDX-License-Identifier: Apache-2.0
// One thread's share of the load: its loop, its connections, its stream of operations, what it has
// counted.
//
// A turn of the loop: answers are read, each frees a slot; then free slots are filled with what is
// due, and each connection that was asked anything is flushed once. What is due and finds its
// owners' slots full is put aside for a few turns' time, so that the keys come in the shares they
// were drawn in; when too much is put aside, nothing more is drawn.
#ifndef CLIENT_BENCH_DRIVER_H
#define CLIENT_BENCH_DRIVER_H

#include "client/bench/connection.h"
#include "client/bench/ledger.h"
#include "client/bench/mix.h"
#include "client/bench/schedule.h"
#include "client/bench/servers.h"
#include "client/bench/tally.h"

#include <pthread.h>
#include <stdatomic.h>

// What all threads of a run are told.
struct job {
    const struct servers *servers;
    const struct speaker *speaker;
    const struct phrases *phrases;
    const struct values *values;
    struct ledger *ledger; // NULL: nothing is checked
    const struct mix *mix;
    const struct workload *workload;
    bool filling; // writes each key once instead
    uint32_t connections, depth, threads;
    enum arrivals arrivals;
    uint64_t rate;
    uint64_t operations;   // 0: until the time is over; else so many in all
    uint64_t operation_ns; // until an operation counts as lost
    uint64_t warm_up_ns;
    uint64_t measure_ns; // with operations: UINT64_MAX
    uint64_t seed;
};

// Room for operations that found no free slot of an owner.
enum { ASIDE_MAX = 256 };

struct aside {
    struct op op;
    uint64_t intended_ns; // 0: when it is sent
    bool measured;        // was to begin in the measured time
    uint32_t owner_count; // 0: any server will do
    uint32_t owners[REPLICAS_MAX];
};

// One operation under way; in the slot of a connection.
struct task {
    struct aside what;
    bool writing;       // the put of a read-modify-write
    uint64_t begun_ns;  // rmw: when the get was sent
    struct claim claim; // of a write
    uint32_t oldest;    // of a read, see ledger_oldest
};

struct lane {
    struct connection_list ready; // connections to one server that have a free slot
    uint32_t up;                  // connections to it
};

struct driver {
    const struct job *job;
    uint32_t thread;
    uv_loop_t loop;
    uv_prepare_t fill;
    uv_timer_t tick;
    int alarm_file; // a timer to the nanosecond: libuv's own count milliseconds
    uv_poll_t alarm;
    struct connection_setup setup;
    struct wire_decoder decoder;
    struct connection *connections;
    uint32_t count;
    struct task *tasks; // depth of each connection
    struct lane *lanes; // by server
    uint32_t turn;      // of choosing among equals
    uint32_t free;      // slots of connections that are up
    uint32_t unsettled; // connections that were not up or refused yet
    struct connection **dirty;
    uint32_t dirty_count;
    struct aside aside[ASIDE_MAX];
    uint32_t aside_count;
    uint8_t *value; // the one being written
    // the run
    struct mixer mixer;
    struct schedule schedule;
    uint64_t left;      // operations to begin; UINT64_MAX: no limit
    uint64_t filled;    // filling: keys begun
    uint64_t from_ns;   // measured from here
    uint64_t until_ns;  // begins nothing from here on
    uint64_t in_flight; // slots taken
    uint64_t number;    // of the last write, when nothing is checked
    bool running;
    // what came out of it
    struct tally tally;
    uint64_t ended_ns;  // of the last operation that counts
    uint64_t behind_ns; // how far behind the schedule it ended
    uint64_t unsent;    // requests of the schedule that never left
    // for and from the thread that watches
    _Atomic uint64_t done; // operations, all together
    _Atomic uint64_t failed;
    atomic_bool *stop;
};

void driver_init(struct driver *driver, const struct job *job, uint32_t thread, atomic_bool *stop);
void driver_done(struct driver *driver);

// Connects, until each connection is up or has failed once. How many are up.
uint32_t driver_connect(struct driver *driver);

// Runs from start_ns until the end; then waits for what is under way.
void driver_run(struct driver *driver, uint64_t start_ns);

// Closes everything that the loop holds.
void driver_close(struct driver *driver);

// The failure of a connection that did not come up; 0: none.
int driver_connect_error(const struct driver *driver, const struct address **out_address);

#endif
