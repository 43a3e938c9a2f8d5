// SPDX-License-Identifier: Apache-2.0
// What `quorate-sim cluster` sets beside placement, workload and quorums (sim/question/trial.h).
#ifndef SIM_CLUSTER_SETUP_H
#define SIM_CLUSTER_SETUP_H

#include "sim/number/delay.h"
#include "sim/question/trial.h"
#include "sim/question/wars.h"

enum {
    CLUSTER_EVENTS_MAX = 32,
    CLUSTER_EVENT_NODES_MAX = 64,
    CLUSTER_TIMES_MAX = 64,
    CLUSTER_SLOTS = 20, // of the curve over time, with events
    CLUSTER_KEYS_MAX = 2 * 1000 * 1000,
    CLUSTER_OPERATIONS_MAX = 50 * 1000 * 1000 // of a repetition
};

// Whom a client sends its request to.
enum cluster_route {
    ROUTE_OWNER, // one of the key's owners at random, as a client does that knows the topology
    ROUTE_FIRST, // the first of them
    ROUTE_ANY    // any node, which forwards to an owner
};

enum cluster_event_kind {
    CLUSTER_KILL,     // the process is gone; it starts again at the end
    CLUSTER_PARTITION // these nodes and the others do not reach each other; clients reach all
};

struct cluster_event {
    enum cluster_event_kind kind;
    double from;                             // seconds after the measuring began
    double to;                               // infinite: never
    uint32_t nodes[CLUSTER_EVENT_NODES_MAX]; // from 0
    unsigned node_count;
};

struct cluster_setup {
    double rate;      // operations asked for in a second, whatever becomes of them; 0: by clients
    uint32_t clients; // each asks again when it is answered
    double seconds;   // measured
    double warm;      // seconds before
    bool empty;       // begins without any key; else all are written before
    enum cluster_route route;
    bool strict; // owners only: nobody stands in for one that is away
    uint32_t timeout_ms;
    uint32_t service_us; // a node needs this for a message or request, one after the other
    uint32_t disk_us;    // until a write is on the disk, to twice that; 0: part of the legs
    bool hedged;
    double hedge_ms;          // never earlier; 0: as nodes do it
    bool ordered;             // what one node tells another arrives in order, as over TCP
    const struct delay *legs; // LEGS of them: apply, its acknowledgement, read, its answer
    const struct delay *client_leg;
    // A probe is a new key, written once and read once, t after the writer was answered.
    uint32_t probes;                 // for each t
    double times[CLUSTER_TIMES_MAX]; // t, ms
    unsigned time_count;
    struct cluster_event events[CLUSTER_EVENTS_MAX];
    unsigned event_count;
};

#endif
