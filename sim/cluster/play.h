// SPDX-License-Identifier: Apache-2.0
// The inside of one repetition, for the files of this folder.
//
//   play.c     the phases: found the cluster, write all keys, warm up, measure, drain
//   asks.c     operations under way: whom they are sent to, what becomes of them
//   users.c    who asks: an open or closed load, the writers of all keys, probes
//   harm.c     processes that are killed, nodes that are cut off
//   gains.c    what is counted
//   told.c     what that comes to, as findings
#ifndef SIM_CLUSTER_PLAY_H
#define SIM_CLUSTER_PLAY_H

#include "sim/cluster/fresh.h"
#include "sim/cluster/owners.h"
#include "sim/cluster/samples.h"
#include "sim/cluster/setup.h"
#include "sim/world/sim.h"

enum { STALE_VERSIONS_MAX = 5, SECOND_US = 1000000 };

#define NOWHERE UINT32_MAX

enum ask_kind {
    ASK_LOAD,        // of the workload
    ASK_FILL,        // writes a key before the measuring begins
    ASK_PROBE_WRITE, // of a probe
    ASK_PROBE_READ,
    ASK_STATUS // how much a node has hedged and repaired
};

struct ask {
    enum ask_kind kind;
    enum method method;
    bool busy;
    bool measured; // begun while measuring
    uint32_t generation;
    uint32_t node;     // that it was sent to; NOWHERE between two attempts
    uint32_t attempts; // so far
    uint32_t first;    // the rank or number of the node that was chosen first
    uint32_t user;     // closed load: whose; probe: its number
    uint64_t key;
    uint64_t began_us;
};

struct node_work {
    uint64_t coordinated; // requests
    uint64_t replicated;  // reads and writes of its own replicas
    uint64_t handled;     // messages and requests
    uint64_t hedges;
    uint64_t repairs;
};

// Of reads or of writes that were begun while measuring.
struct outcome_counts {
    uint64_t asked;
    uint64_t good;
    uint64_t failed;
    struct samples times;
};

struct slot_counts {
    uint64_t ended;
    uint64_t good;
};

struct play {
    const struct trial *trial;
    const struct cluster_setup *setup;
    uint64_t seed;
    struct sim *sim;
    struct owners owners;
    struct fresh fresh;
    struct workload_draw draw;
    struct rng route_rng;
    struct rng retry_rng;
    uint64_t avoid_until_us[SIM_NODES_MAX]; // nodes that clients could not connect to
    struct rng arrival_rng;
    struct ask *asks;
    uint32_t ask_room;
    uint32_t *free; // indices of asks that are not busy
    uint32_t free_count;
    uint32_t busy_count;
    uint8_t *value; // room for the largest
    // who asks
    bool asking;          // the load goes on
    double next_us;       // open load: when the next operation begins
    uint64_t filled;      // keys whose writing has begun
    uint32_t filling;     // and not ended
    uint32_t status_left; // answers to come
    // measuring
    bool measuring;
    uint64_t from_us;
    uint64_t until_us;
    struct outcome_counts reads;
    struct outcome_counts writes;
    uint64_t ended;                         // well, while measuring: throughput
    uint64_t played;                        // all operations of all phases
    uint64_t stale[STALE_VERSIONS_MAX + 1]; // behind by at least so many versions; [0]: judged
    uint64_t behind;                        // versions, over all stale reads
    uint64_t probe_reads[CLUSTER_TIMES_MAX];
    uint64_t probe_fresh[CLUSTER_TIMES_MAX];
    struct node_work work[SIM_NODES_MAX];
    struct node_work before[SIM_NODES_MAX]; // when the measuring began
    struct sim_traffic traffic[SIM_TRAFFIC_KINDS];
    struct slot_counts slots[CLUSTER_SLOTS];
};

// asks.c

// Begins an operation; `user` as in struct ask.
void ask_begin(struct play *play, const struct ask *like);

// The status of every node that is up, with time passing until it is known: into work[].
void asks_status(struct play *play);

void ask_replied(void *play, uint64_t ticket, const struct reply *reply);
void ask_refused(void *play, uint64_t ticket);
void asks_closed(void *play, uint32_t node);
void asks_done(struct play *play);

// users.c

// An operation has ended; `good`: without an error.
void user_ended(struct play *play, const struct ask *ask, bool good);
void users_fill(struct play *play);   // time passes
void users_begin(struct play *play);  // of the load
void probes_begin(struct play *play); // spread over what is measured

// The name of a key, 8 bytes, and its owners. Probes have keys of their own.
enum { KEY_NAME_SIZE = 8 };
#define PROBE_KEYS (UINT64_C(1) << 40)
void key_name(uint64_t key, uint8_t name[KEY_NAME_SIZE]);

// harm.c
void harm_begin(struct play *play);

// gains.c
void gains_begin(struct play *play);
void gains_end(struct play *play);
void gain_ended(struct play *play, const struct ask *ask, const struct reply *reply, bool good);
void gain_message(void *play, uint32_t from, uint32_t to, const struct message *message);

// told.c
void gains_find(struct play *play, struct findings *out);

#endif
