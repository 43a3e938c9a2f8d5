// SPDX-License-Identifier: Apache-2.0
// A cluster in one process and in virtual time: the real machine, store, log and codecs over disks
// and trees in memory, with a network that delays, cuts and loses, and nodes that crash and come
// back. Everything follows from the seed.
#ifndef TESTS_LIB_WORLD_H
#define TESTS_LIB_WORLD_H

#include "base/rng.h"
#include "node/core/node.h"
#include "node/store/disk.h"
#include "node/store/tree.h"

enum { WORLD_NODES_MAX = 9 };

struct world_node {
    struct member member;
    struct disk *disk;
    struct tree *tree;
    struct store *store; // NULL: down
    struct node *node;
    uint64_t durable; // last told
};

// A client's reply, deep: kept until the world ends.
struct world_reply {
    bool came;
    int err;
    const char *text;
    const struct reply *reply;
};

struct world;

struct world_settings {
    uint32_t nodes;
    uint64_t seed;
    uint64_t delay_us_max;  // of a message; at least 1
    bool slow_disk;         // log writes complete only in world_sync or after up to 2 ms
    uint64_t dot_log_bytes; // 0: the default
    uint64_t calm_us;       // repair_calm_us; 0: the default
    uint32_t page_items;    // repair_page_items; 0: the default
    // Sees every message that is sent, also those that a cut loses; may be NULL.
    void (*watch)(void *data, uint32_t from, uint32_t to, const struct message *message);
    void *watch_data;
};

struct world *world_new(const struct world_settings *settings);
void world_free(struct world *world);

struct world_node *world_node(struct world *world, uint32_t node);
uint64_t world_now_us(const struct world *world);
void world_set_wall_ahead(struct world *world, uint64_t ms); // adds to the wall clock

// cluster init at node 0 with these numbers, run to its end; returns its error.
int world_init(struct world *world, uint32_t shards, uint32_t replicas);

// Sends a request to a node; the ticket of its reply. The request is copied.
uint64_t world_request(struct world *world, uint32_t node, const struct request *request);

// The reply so far.
struct world_reply world_reply(struct world *world, uint64_t ticket);

// Lets time pass until nothing happens before `us` from now.
void world_run(struct world *world, uint64_t us);

// Lets time pass until the reply comes (at most 90 s), and returns it.
struct world_reply world_wait(struct world *world, uint64_t ticket);

// The network between two nodes: cut loses all in both directions; links break when `notice`.
void world_cut(struct world *world, uint32_t a, uint32_t b, bool notice);
void world_heal(struct world *world);

// A node loses what is not durable, and comes back from its disk.
void world_crash(struct world *world, uint32_t node);
void world_restart(struct world *world, uint32_t node);
void world_empty_disk(struct world *world, uint32_t node); // of a node that is down

// Gossip tells everybody how this node is: at a start by itself; of a crash only so.
void world_tell_members(struct world *world, uint32_t about);

// What node holds under a key: 0 and the object, or the store's error.
int world_read(struct world *world, uint32_t node, const char *key, struct arena *arena,
               struct store_view *out);

// From now on this many of 100 messages among nodes are lost, and this many arrive twice.
void world_set_trouble(struct world *world, uint32_t lost, uint32_t twice);

// From now on all messages of this kind are lost, or (false) no longer.
void world_set_mute(struct world *world, enum message_kind kind, bool mute);

// Bytes and number of messages of a kind that were handed to the network so far.
uint64_t world_sent_bytes(const struct world *world, enum message_kind kind);
uint64_t world_sent(const struct world *world, enum message_kind kind);

// Alarms that nodes logged so far.
uint64_t world_alarms(const struct world *world);

// A hash over all messages sent: the same seed and calls give the same.
uint64_t world_trace_hash(const struct world *world);

#endif
