// SPDX-License-Identifier: Apache-2.0
// A whole cluster in one thread and in virtual time: the machine, store, log, tree and codecs of
// the node, over disks and trees in memory and a network that follows a seed. What happens and in
// which order depends on the settings, the calls and nothing else: the same ones give the same
// sim_hash, with every compiler.
//
//     struct sim *sim = sim_new(&settings);
//     sim_init(sim, 16, 3);                     // cluster init, run to its end
//     sim_ask(sim, node, ticket, &request);     // the reply comes by calls->reply
//     sim_run(sim, sim_now_us(sim) + 1000000);
//
// Each subsystem draws from a generator of its own (each directed pair of nodes, each disk, each
// process, the clients' network): what is left out in one leaves the numbers of the others.
#ifndef SIM_WORLD_SIM_H
#define SIM_WORLD_SIM_H

#include "base/rng.h"
#include "node/core/node.h"
#include "sim/number/delay.h"
#include "sim/world/probe.h"

enum { SIM_NODES_MAX = 128, SIM_TICKET_METHOD_BITS = 4 };

struct sim;

// What the world tells. None of these may let time pass. Any may be NULL.
struct sim_calls {
    // A reply has reached the client of a ticket, through the codec. Good until the call ends.
    void (*reply)(void *data, uint64_t ticket, const struct reply *reply);
    // Nobody listens where the request of a ticket went: nothing was done.
    void (*refused)(void *data, uint64_t ticket);
    // The process of a node has begun, with this actor.
    void (*started)(void *data, uint32_t node, uint64_t actor);
    // The process of a node has ended: its clients see their connections close.
    void (*closed)(void *data, uint32_t node);
    // A node sends a message, which may get lost.
    void (*message)(void *data, uint32_t from, uint32_t to, const struct message *message);
    // A store has taken a delta: it is in the log's buffer, not yet durable.
    void (*applied)(void *data, uint32_t node, const struct key *key, const struct delta *delta);
    // A line of the trace: when, which node (-1: none), what.
    void (*line)(void *data, uint64_t now_us, int node, const char *text);
};

// Times in microseconds; shares in parts per million.
struct sim_settings {
    uint32_t nodes;
    uint64_t seed;
    struct sim_calls calls;
    void *data; // of the calls
    // stores
    uint64_t segment_bytes;
    uint64_t memtable_bytes;
    uint32_t memtable_keys;
    uint64_t dot_log_bytes;
    uint32_t disk_segments; // room on each disk; 0: no limit
    // machines
    uint32_t siblings_max;
    uint32_t operations_max;
    uint64_t hedge_us_min; // 0: as a node has it
    uint32_t service_us;   // of each message and request, one after the other; 0: no queue
    uint64_t repair_bytes_per_s;
    uint64_t repair_keys_per_s;
    uint64_t calm_us; // node_settings.repair_calm_us
    // disks
    uint32_t disk_us; // a job takes this to twice this
    uint32_t tree_us; // a checkpoint
    // network
    uint32_t delay_us;                            // a message takes this to twice this
    uint32_t delay_tail_us;                       // and one of 64 up to so much more
    const struct delay *legs[MESSAGE_KIND_COUNT]; // of a kind of message in place of these, if set
    const struct delay *client_leg;               // of clients' requests and replies, if set
    bool unordered; // each message takes its own time, whatever was sent before it
    uint32_t loss;
    uint32_t duplicate; // but for forwarded requests: no connection repeats those
    uint32_t reorder;   // arrives without regard to what was sent before
    uint32_t corrupt;
    uint32_t break_us; // until a connection that passes nothing is given up
    // membership
    uint32_t detect_us; // until a node that is not reached is called dead
    uint32_t gossip_us; // until news are everywhere
};

// A quiet world: three nodes, small stores, no faults.
void sim_settings_init(struct sim_settings *settings);

// All nodes are started and know nothing of each other yet.
struct sim *sim_new(const struct sim_settings *settings);
void sim_free(struct sim *sim);

// cluster init at node 0, with time passing until it is answered: 0 or its error.
int sim_init(struct sim *sim, uint32_t shards, uint32_t replicas);

// The same with a table of owners from outside in place of cluster init's own plan: the nodes
// accept and commit this record as they would the one of an init. Returns when all have it and
// every link is up.
struct sim_plan {
    uint64_t seed; // of the key hash
    uint32_t shards;
    uint32_t replicas;
    const uint16_t *owners; // shards x replicas numbers of nodes
};
int sim_found(struct sim *sim, const struct sim_plan *plan);

uint64_t sim_now_us(const struct sim *sim);
uint32_t sim_nodes(const struct sim *sim);

// One thing happens, if any is due by then; else false.
bool sim_step(struct sim *sim, uint64_t until_us);

// Lets time pass.
void sim_run(struct sim *sim, uint64_t until_us);

// `call` is called at that time. For clients, faults and tests.
void sim_call(struct sim *sim, uint64_t at_us, void (*call)(void *data, uint64_t number),
              void *data, uint64_t number);

// A client sends a request. The ticket is unique and has the method in its lowest bits.
uint64_t sim_ticket(uint64_t number, enum method method);
void sim_ask(struct sim *sim, uint32_t node, uint64_t ticket, const struct request *request);

// The clients cannot reach the node, nor it them.
void sim_cut_clients(struct sim *sim, uint32_t node, bool cut);

// Over every message, reply and fault so far.
uint64_t sim_hash(const struct sim *sim);

// What is sent, by kind: those of messages (an apply that waits for no answer is a repair), then
// these. Rumours stand for gossip: they are told, not sent, and have no bytes.
enum sim_traffic_kind {
    SIM_TRAFFIC_REPAIR = MESSAGE_KIND_COUNT,
    SIM_TRAFFIC_REQUEST,
    SIM_TRAFFIC_REPLY,
    SIM_TRAFFIC_RUMOR,
    SIM_TRAFFIC_KINDS
};

struct sim_traffic {
    uint64_t count;
    uint64_t bytes;
};

struct sim_counts {
    uint64_t events;
    uint64_t messages;
    uint64_t lost;
    uint64_t duplicated;
    uint64_t corrupted;
    uint64_t corrupt_accepted; // must stay 0
    uint64_t digest_alarms;    // replicas that knew the same held something else; must stay 0
    uint64_t requests;
    uint64_t replies;
    uint64_t starts;
    uint64_t stops; // processes that stopped by themselves: their disk failed
    uint64_t probes[PROBE_COUNT];
    struct sim_traffic traffic[SIM_TRAFFIC_KINDS];
};

struct sim_counts *sim_counts(struct sim *sim);

// A line of the trace, composed only if somebody listens.
#define sim_tell(sim, node, ...) (sim_listens(sim) ? sim_line((sim), (node), __VA_ARGS__) : (void)0)
bool sim_listens(const struct sim *sim);
void sim_line(struct sim *sim, int node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Something that must be in the hash: a fault and its numbers.
void sim_mark(struct sim *sim, uint64_t what, uint64_t a, uint64_t b);

#endif
