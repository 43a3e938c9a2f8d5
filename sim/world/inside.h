// SPDX-License-Identifier: Apache-2.0
// The inside of a world, for the files of this folder.
//
//   sim.c      time: the queue of what is to happen, clients' network, trace
//   host.c     a machine with a disk, and perhaps a process: the turn of node/io/loop
//   medium.c   what befalls its disk
//   net.c      connections between nodes, as node/io/links keeps them
//   found.c    a cluster with a table of owners from outside
//   rumor.c    who is told who is alive, in place of gossip
#ifndef SIM_WORLD_INSIDE_H
#define SIM_WORLD_INSIDE_H

#include "base/heap.h"
#include "node/store/engine.h"
#include "node/wire/decoder.h"
#include "sim/world/host.h"
#include "sim/world/sim.h"

enum happening_kind {
    HAPPEN_MESSAGE, // a frame arrives at `host` from `other`
    HAPPEN_DIAL,    // `host` tries to connect to `other`
    HAPPEN_BREAK,   // `host` learns that its connection to `other` is gone
    HAPPEN_MEMBER,  // `host` hears about `other`
    HAPPEN_DISK,    // a job of the disk ends
    HAPPEN_TREE,    // a checkpoint's transaction ends
    HAPPEN_REQUEST, // of a client
    HAPPEN_REPLY,   // to a client
    HAPPEN_CALL
};

struct happening {
    struct heap_item due;
    enum happening_kind kind;
    uint32_t host;
    uint32_t other;
    uint64_t number;           // life of the host, connection, serial, ticket
    enum message_kind message; // message
    bool corrupt;
    bool served;  // has been through the queue of its host
    uint64_t sum; // of the bytes before they were damaged
    bool silent;  // break: by silence
    struct buffer bytes;
    void (*call)(void *data, uint64_t number);
    void *data;
    struct happening *next; // free, parked or held
};

// First in, first out.
struct happenings {
    struct happening *first;
    struct happening **end;
};

void happenings_init(struct happenings *list);
void happenings_add(struct happenings *list, struct happening *happening);
struct happening *happenings_take(struct happenings *list); // NULL: none

// What one node has towards another: the connection that it dialled.
struct wire {
    struct rng rng;
    bool up;        // as the dialling node was told
    bool dialling;  // an attempt is in the queue
    bool cut;       // what it says vanishes; what it had said waits in `held`
    bool half_open; // the other side has forgotten the connection
    uint32_t slow;  // factor of delays; 0 and 1: none
    uint32_t failures;
    uint64_t connection; // number of it
    uint64_t life;       // of the process that accepted it
    uint64_t last_us;    // when the newest message arrives
    uint64_t cut_serial; // grows with each cut of either direction
    struct happenings held;
};

// What a node was told of another by gossip.
struct rumor {
    enum member_state told;
    uint64_t life;
    uint64_t digest;
    enum member_state coming; // of what is in the queue; UNKNOWN: nothing is
    uint64_t coming_life;
    uint64_t coming_digest;
    uint64_t serial;
    uint64_t lie_until_us;
};

struct host {
    uint32_t index;
    const struct sim_settings *settings; // of the world
    struct member member;
    struct rng disk_rng;
    struct rng process_rng;
    struct disk *disk;
    struct tree *tree;
    struct store *store; // NULL: down
    struct node *node;
    enum host_state state;
    uint64_t life; // number of the process; 0: none yet
    uint64_t durable;
    struct heap_item tick; // of the machine and the store
    bool disk_busy;
    bool tree_busy;
    uint64_t stalled_until_us;
    uint32_t disk_slow;     // factor; 0 and 1: none
    uint64_t busy_until_us; // with what has come before
    uint64_t handled;       // messages and requests
    int64_t wall_skew_ms;
    uint64_t checkpoints;
    uint64_t topology_digest;
    uint64_t topology_epoch;
    uint64_t cluster;
    bool topology_changed;
    bool clients_cut;
    struct buffer to_self;
    struct happenings parked;
    struct wire_decoder decoder;
    char why[STORE_ERROR_SIZE]; // the last start failed
    struct disk *image_disk;    // of host_save
    struct tree *image_tree;
};

struct sim {
    struct sim_settings settings;
    uint64_t now_us;
    struct heap queue;
    struct heap ticks;
    struct happening *free;
    struct host hosts[SIM_NODES_MAX];
    uint64_t ids[SIM_NODES_MAX]; // of the hosts
    struct wire *wires;          // nodes x nodes, [from][to]
    struct rumor *rumors;        // the same, [who][about]
    struct rng client_rng;
    struct rng rumor_rng;
    uint64_t lives;
    uint64_t hash;
    struct sim_counts counts;
    struct wire_decoder client_decoder;
    struct buffer scratch;
    int init_err; // of sim_init; 1: no answer yet
};

static inline struct wire *wire_of(const struct sim *sim, uint32_t from, uint32_t to)
{
    return &sim->wires[(size_t)from * sim->settings.nodes + to];
}

static inline struct rumor *rumor_of(const struct sim *sim, uint32_t who, uint32_t about)
{
    return &sim->rumors[(size_t)who * sim->settings.nodes + about];
}

struct happening *happening_new(struct sim *sim, enum happening_kind kind, uint32_t host);
void happening_add(struct sim *sim, struct happening *happening, uint64_t at_us);
void happening_free(struct sim *sim, struct happening *happening);

// A draw of a delay, at most an hour.
uint64_t us_of_delay(const struct delay *delay, struct rng *rng);

// sim.c: a reply sets out to its client
void sim_reply(struct sim *sim, const struct host *host, const struct action *action);

// host.c: an event reaches the process, which is up; then its turn ends.
void host_event(struct sim *sim, struct host *host, struct event *event);
void host_tick(struct sim *sim, struct host *host);
void host_disk_done(struct sim *sim, struct host *host);
void host_tree_done(struct sim *sim, struct host *host);
void host_init(struct sim *sim, uint32_t index);
void host_done(struct host *host);

// net.c
void net_init(struct sim *sim);
void net_done(struct sim *sim);
void net_send(struct sim *sim, struct host *from, const struct action *action);
void net_arrive(struct sim *sim, struct happening *happening);
void net_dial(struct sim *sim, uint32_t from, uint32_t to);
void net_dial_soon(struct sim *sim, uint32_t from, uint32_t to, bool fresh);
void net_broken(struct sim *sim, const struct happening *happening);
void net_host_started(struct sim *sim, uint32_t index);
void net_host_ended(struct sim *sim, uint32_t index, bool silent);
void net_host_paused(struct sim *sim, uint32_t index);
bool net_passes(const struct sim *sim, uint32_t a, uint32_t b); // both ways
void net_outdated(struct sim *sim, uint32_t from, uint32_t to); // gossip tells of a new life

// rumor.c
void rumor_refresh(struct sim *sim);
void rumor_told(struct sim *sim, const struct happening *happening);
void rumor_forget(struct sim *sim, uint32_t who); // its process has ended
void rumor_heal(struct sim *sim);                 // what is told of deaths is true again
enum member_state rumor_state(const struct sim *sim, uint32_t who, uint32_t about);

#endif
