// SPDX-License-Identifier: Apache-2.0
// A scheme says on which nodes the copies of a key lie, and what changes when nodes come and go.
// Each is one small file that fills a `struct scheme_kind`; scheme.c does what all share. To add
// one: write that file, add its kind to scheme_kinds in scheme.c, and describe it in README.md.
//
// Most schemes cut the hash space into ranges, each with its owners: shards, arcs between tokens,
// partitions. They only build that table (ranges.h) and are looked up, compared and measured by
// common code. The others (modulo, jump, rendezvous, bounded) answer key by key.
//
//   scheme_new ─▶ [scheme_observe* ─▶ scheme_settle] ─▶ scheme_begin ─▶ scheme_locate* ...
//                                     scheme_add, _remove, _reweigh, _double ─▶ [scheme_settle] ─┘
//
// Nodes keep their numbers for ever: a new one gets the next, one that is removed keeps its own
// with weight 0. Everything follows from the setup and the order of calls; nothing else is random.
#ifndef SIM_SCHEME_SCHEME_H
#define SIM_SCHEME_SCHEME_H

#include "base/buffer.h"
#include "sim/scheme/ranges.h"

#include <stdbool.h>

enum {
    SCHEME_NODES_MAX = 1024,
    SCHEME_REPLICAS_MAX = 7,
    SCHEME_WIDTH_MAX = 64, // copies of a key with those that static-boost adds
    SCHEME_VNODES_MAX = 4096,
    SCHEME_PARTITIONS_MAX = 1 << 20,
    SCHEME_WEIGHT = 100, // of an ordinary node
    SCHEME_NO_ZONE = UINT16_MAX,
    SCHEME_NOBODY = UINT16_MAX // no owner (a row of owners that is not full)
};

struct scheme_node {
    uint64_t id;     // random; tokens and tables follow from it
    uint32_t weight; // shares of load; 0: not in the cluster (any more)
    uint16_t zone;   // SCHEME_NO_ZONE: none. Copies lie in distinct zones while there are enough
};

// The parameters that a scheme reads beside nodes and replicas.
enum {
    SCHEME_USES_SHARDS = 1,
    SCHEME_USES_VNODES = 2,
    SCHEME_USES_PARTITIONS = 4,
    SCHEME_USES_BOUND = 8,
    SCHEME_USES_BOOST = 16,
    SCHEME_USES_TABLE = 32,
    SCHEME_LEARNS = 64,  // observe and settle: it goes by the load of the keys
    SCHEME_ORDERED = 128 // what it says of a key depends on the keys before it in the pass
};

struct scheme_setup {
    uint64_t seed; // of the cluster: the keys' hashes, tokens, tables
    const struct scheme_node *nodes;
    uint32_t node_count; // 1..SCHEME_NODES_MAX
    uint32_t replicas;   // N: 1..SCHEME_REPLICAS_MAX, at most the nodes with weight
    uint32_t shards;     // S of static and static-boost, a power of two
    uint32_t vnodes;     // V: tokens (ring, bounded, ring-token-equal) or ranges (split) of a node
                         // of weight SCHEME_WEIGHT
    uint32_t partitions; // Q of ring-equal and ring-token-equal; 0: V x nodes, and 1,024
    double bound;        // c > 1 of bounded: no node takes more than c times its fair share
    bool bound_keys;     // of keys; else of load
    uint32_t boost_shards; // of static-boost: how many of the hottest shards; 0: one in a hundred
    uint32_t boost_copies; // how many copies more each of them gets
    // Of static: shard s on nodes s, s+1, ... mod n, in place of the node's planner.
    bool successive;
};

struct scheme;

// A run of keys, in the order of their numbers.
struct scheme_batch {
    uint32_t count;
    const uint64_t *hash; // low halves of the node's own key hash
    const double *load;   // of all requests, the share that goes to the key
    bool drawn;           // of observing: operations on keys met before, so only their load counts
};

struct scheme_places {
    uint16_t *owners; // count x scheme_width, in order of preference; SCHEME_NOBODY behind the last
    uint32_t *slots;  // the range of each key, 0 without ranges; NULL: not wanted
};

struct scheme_kind {
    const char *name;
    const char *text;    // what it is, in half a sentence
    const char *paper;   // where it comes from
    unsigned uses;       // SCHEME_USES_*, SCHEME_LEARNS
    uint32_t partitions; // Q where none is given; 0: V x nodes
    bool fair;           // without ranges: with infinitely many keys every node is first owner of
                         // its fair share exactly; of all copies too while weights are alike and
                         // there are no zones

    // Why the setup is impossible, as a sentence without a full stop that says what is allowed;
    // NULL when it is possible. Common limits have been looked at before. May be NULL.
    const char *(*refuse)(const struct scheme_setup *setup);
    // Allocates scheme->state if it needs one. May be NULL.
    void (*open)(struct scheme *scheme);
    // Makes the map of owners for the nodes as they now are: after open, after every change of
    // nodes and after settle. A scheme that moves as little as it can starts from the map it had.
    void (*build)(struct scheme *scheme);
    // NULL: by scheme->ranges.
    void (*locate)(struct scheme *scheme, const struct scheme_batch *batch,
                   struct scheme_places *out);
    // A new pass over all `keys` keys begins. NULL when a place depends on the key alone.
    void (*begin)(struct scheme *scheme, uint64_t keys);
    // Twice the shards, tokens or partitions; build is called after it. NULL: has no such thing.
    void (*twice)(struct scheme *scheme);
    // Of a scheme that learns: takes note of a batch; build goes by it from settle on. NULL else.
    void (*observe)(struct scheme *scheme, const struct scheme_batch *batch);
    // Bytes that a node or client must hold to find any key's owners, node list included.
    uint64_t (*metadata)(const struct scheme *scheme);
    void (*close)(struct scheme *scheme); // frees scheme->state; NULL when there is none
};

struct scheme {
    const struct scheme_kind *kind;
    struct scheme_setup
        setup; // as it is now (shards doubled, ...); .nodes is the scheme's own list
    struct scheme_node *nodes; // room for SCHEME_NODES_MAX
    uint32_t present;          // nodes with weight
    uint64_t weight;           // of all of them
    uint32_t width;            // owners in a row: replicas, or more (static-boost)
    struct ranges *ranges;     // NULL for schemes without
    bool settled;              // observations are complete: build goes by them
    void *state;               // of the kind
};

// All kinds, ending with NULL, in the order in which they are listed to people.
extern const struct scheme_kind *const scheme_kinds[];

// NULL when there is none of that name.
const struct scheme_kind *scheme_find(const char *name);

// Why a scheme of this kind cannot be made so, a sentence without a full stop; false when it can.
bool scheme_refuses(const struct scheme_kind *kind, const struct scheme_setup *setup,
                    struct buffer *why);

// Q: as given, or what the kind makes of none.
uint32_t scheme_partitions(const struct scheme_kind *kind, const struct scheme_setup *setup);

// The setup is not refused. The caller frees it.
struct scheme *scheme_new(const struct scheme_kind *kind, const struct scheme_setup *setup);
void scheme_free(struct scheme *scheme);

// --- Learning: only what SCHEME_LEARNS needs it, for others these do nothing ---------------------

void scheme_observe(struct scheme *scheme, const struct scheme_batch *batch);
void scheme_settle(struct scheme *scheme);

// --- Looking up ----------------------------------------------------------------------------------

// Before the first key of each pass over all keys.
void scheme_begin(struct scheme *scheme, uint64_t keys);

// At most SCHEME_BATCH_MAX keys at once.
enum { SCHEME_BATCH_MAX = 1024 };
void scheme_locate(struct scheme *scheme, const struct scheme_batch *batch,
                   struct scheme_places *out);

// The fair share of a node: its weight of all weights, 0..1.
double scheme_fair(const struct scheme *scheme, uint32_t node);

// --- Changes: ERR_METHOD when the scheme has no such thing, ERR_INVALID when it cannot be --------

// A new node; its number (may be NULL).
int scheme_add(struct scheme *scheme, struct scheme_node node, uint32_t *out_number);

// ERR_INVALID when fewer nodes than replicas would be left.
int scheme_remove(struct scheme *scheme, uint32_t number);

int scheme_reweigh(struct scheme *scheme, uint32_t number, uint32_t weight);

// Twice the shards (static), tokens (ring) or partitions.
int scheme_double(struct scheme *scheme);

uint64_t scheme_metadata(const struct scheme *scheme);

#endif
