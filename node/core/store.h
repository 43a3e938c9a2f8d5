// SPDX-License-Identifier: Apache-2.0
// The store as the machine sees it: its one call outward, defined here and implemented in
// node/store. Synchronous, because a merge must be atomic; never waits for the disk: an apply
// buffers its log bytes and returns a log position, and the news that the position is durable comes
// back as an event.
//
// Positions grow with every byte logged. Whoever answers a client or a peer first waits until the
// newest position that the answer depends on is durable (store_durable).
//
// Slices in results are valid until the end of the turn of the loop (engine.h), at least until the
// machine's step returns.
#ifndef NODE_CORE_STORE_H
#define NODE_CORE_STORE_H

#include "node/data/key.h"
#include "node/data/object.h"

struct store;

struct store_view {
    struct object object; // empty when there is none; expired versions are still in it
    uint64_t position;    // the newest log position that it depends on; 0: durable long since
};

// Reads the object of a key. 0 also when there is none. ERR_DAMAGED: its record fails its checksum,
// or is known to have done so: this replica must not answer for the key, neither with a value nor
// with "nothing", until store_rebuild. ERR_COLLISION: another key with the same hash is stored.
// ERR_IO.
int store_read(struct store *store, const struct key *key, struct arena *arena,
               struct store_view *out);

// Merges one delta into the object and the shard's clock (object_apply), enters the new dots in the
// dot log, appends to the write-ahead log. `out` is the object afterwards.
// ERR_DISK_FULL (puts; deletes and repairs go on from the reserve as long as it lasts; a put is
// what carries one version and stands for exactly its dot: delta->dots holds that one alone),
// ERR_OVERLOADED (the memtable is full and the checkpoint behind), ERR_DAMAGED and ERR_COLLISION as
// above, ERR_TOO_LARGE (value or causal context). Nothing has changed on error.
int store_apply(struct store *store, const struct key *key, const struct delta *delta,
                struct arena *arena, struct store_view *out);

// Replaces a damaged record by what the other owners have: the versions as given (presence wins,
// whatever the shard's clock says), rest := (object->rest + dots of the versions) - shard clock.
// The key is known again.
int store_rebuild(struct store *store, const struct key *key, const struct object *object,
                  uint64_t *out_position);

// The next dot of this life in the shard: counters from 1. It counts as issued once a delta that
// stands for it has been applied here, and is then never given again; one that was refused is given
// again, so that refusals leave no holes in clocks. The actor is fresh at every start.
struct dot store_mint(const struct store *store, uint32_t shard);

// The clock of a shard replica (empty for one never touched); valid until the next apply.
const struct clock *store_clock(const struct store *store, uint32_t shard);

struct store_shard {
    bool born;     // holds a complete copy (birth mark); an owner without it fills before it serves
    uint64_t keys; // objects with at least one version
    uint64_t bytes;   // of their buckets, keys and values
    uint64_t digest;  // over (key, dots), see version_digest
    uint64_t dots;    // entries in the dot log
    uint64_t unknown; // damaged keys not yet rebuilt
};

void store_shard(const struct store *store, uint32_t shard, struct store_shard *out);

// Declares how many shards the hash is taken modulo (from the topology) and sets the replicas up.
// Durable at the position. May only grow, by doubling (later); the same number again does nothing.
int store_set_shards(struct store *store, uint32_t shards, uint64_t *out_position);
uint32_t store_shards(const struct store *store); // 0: not declared yet

// Writes the birth mark of a shard.
int store_set_born(struct store *store, uint32_t shard, uint64_t *out_position);

struct store_item {
    struct slice bucket;
    struct slice key;
    uint8_t tree_key[TREE_KEY_SIZE];
    struct object object;
    uint64_t position; // as in struct store_view
};

struct store_scan {
    uint32_t shard;
    const uint8_t *after; // tree key to start behind, NULL: from the first
    uint32_t items_max;   // at least 1
    size_t bytes_max;     // stops once values read exceed it (at least one item is given)
};

struct store_page {
    struct store_item *items;
    uint32_t count;
    bool more; // there may be more behind the last item
};

// Reads objects of a shard in tree order, memtable and tree merged. Items and slices live in the
// arena or until the end of the turn. Damaged records are skipped and become unknown keys.
int store_scan(struct store *store, const struct store_scan *scan, struct arena *arena,
               struct store_page *out);

// Small named records of the node itself (topology, proposals): at most 64 names of at most 32
// bytes; values up to 4 MiB. Durable at the position; ERR_NOT_FOUND from get. `out` is appended to.
int store_meta_put(struct store *store, const char *name, struct slice value,
                   uint64_t *out_position);
int store_meta_get(const struct store *store, const char *name, struct buffer *out);

// Everything at or below this position is on stable storage (mode `interval`: is accepted as such).
uint64_t store_durable(const struct store *store);

// Drops versions whose expiry has passed. Looks at no more than items_max records, going round the
// shards in which something expires; returns how many versions went. Called now and then; costs
// nothing when nothing has an expiry.
uint32_t store_sweep(struct store *store, uint64_t wall_ms, uint32_t items_max);

struct store_totals {
    uint64_t actor; // of this life
    uint64_t keys;
    uint64_t bytes;        // of buckets, keys, values
    uint64_t disk_bytes;   // log segments and tree file
    uint64_t log_bytes;    // not yet checkpointed
    uint64_t memory_bytes; // memtables
    uint64_t checkpoints;  // since start
    uint64_t unknown;      // damaged keys not yet rebuilt
    uint64_t damaged;      // damaged records met since start
    int refusal;           // 0, or why puts are refused now: ERR_DISK_FULL, ERR_OVERLOADED, ...
};

void store_totals(const struct store *store, struct store_totals *out);

#endif
