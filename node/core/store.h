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

#include "node/data/compaction.h"
#include "node/data/key.h"
#include "node/data/object.h"

struct store;

// Every object that the store gives out carries in its rest all that its key has seen here beyond
// the shard's clock: what its record says, and the clocks of fills that have passed the key. So
// store_clock + rest is the full context, filling or not. (An object without a version and with a
// rest may therefore be given for a key of which nothing is stored.)
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
// dot log, appends to the write-ahead log; it depends on *out_position from now on.
// ERR_DISK_FULL (puts; deletes and repairs go on from the reserve as long as it lasts; a put is
// what carries one version and stands for exactly its dot: delta->dots holds that one alone),
// ERR_OVERLOADED (the memtable is full and the checkpoint behind; or the replica is neither born
// nor filling, a guest's, and the dot log has no room for its dots: see store_dots_room),
// ERR_DAMAGED and ERR_COLLISION as above, ERR_TOO_LARGE (value or causal context). Nothing has
// changed on error.
//
// A key without a name (key_of_tree) is known by its tree key alone: then the delta carries no
// versions (else ERR_INVALID). What it leaves keeps the name that is stored, or has none; a record
// without a name takes that of the first delta that has one, and collides with nothing.
int store_apply(struct store *store, const struct key *key, const struct delta *delta,
                struct arena *arena, uint64_t *out_position);

// 0, or the error with which puts of whatever key are refused now: ERR_DISK_FULL, ERR_OVERLOADED,
// ERR_IO.
int store_refusal(const struct store *store);

// Replaces a damaged record by what the other owners have: the versions as given (presence wins,
// whatever the shard's clock says), rest := (object->rest + dots of the versions) - what the key
// has seen by clock and fills. The key is known again. Without a name and versions: there is
// nothing.
int store_rebuild(struct store *store, const struct key *key, const struct object *object,
                  uint64_t *out_position);

// The next dot of this life in the shard: counters from 1. It counts as issued once a delta that
// stands for it has been applied here, and is then never given again; one that was refused is given
// again, so that refusals leave no holes in clocks. The actor is fresh at every start.
struct dot store_mint(const struct store *store, uint32_t shard);

// The next dot will be one behind this counter (of this life): some context names that one although
// it was never issued.
void store_skip(struct store *store, uint32_t shard, uint64_t counter);

// The clock of a shard replica (empty for one never touched); valid until the next apply.
const struct clock *store_clock(const struct store *store, uint32_t shard);

struct store_shard {
    bool born;    // holds a complete copy (birth mark); an owner without it fills before it serves
    bool filling; // a fill has begun and not ended
    bool rests;   // some object may be given out with a rest
    uint32_t
        fills;     // clocks of fills that count for the keys they passed, the one going on included
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
    bool more;                      // there may be more behind `reached`
    uint8_t reached[TREE_KEY_SIZE]; // all up to here was looked at (if more)
};

// Reads objects of a shard in tree order, memtable and tree merged. Items and slices live in the
// arena or until the end of the turn. Damaged records are skipped and become unknown keys.
int store_scan(struct store *store, const struct store_scan *scan, struct arena *arena,
               struct store_page *out);

// The damaged key of the shard behind `after` (NULL: the first). False when there is none. Those
// for which there was no room in memory are not told, only counted.
bool store_unknown_next(const struct store *store, uint32_t shard, const uint8_t *after,
                        uint8_t out[TREE_KEY_SIZE]);

// ---------------------------------------------------------------- sync

// What another replica is sent of a key: the object and the dots that enter the receiver's clock
// together with it. The context to apply it under is store_clock as of the same step + the object's
// rest (+ the dots, which are in it).
struct store_effect {
    struct store_item item; // bucket and key are empty when the key is erased: no name is known
    struct clock dots;
};

struct store_ask {
    uint32_t shard;
    const struct clock *clock; // missing: the dots wanted; fill page: the start clock
    const uint8_t *after;      // fill page: tree key to start behind, NULL: from the first
    uint32_t items_max;        // at least 1
    size_t bytes_max;          // stops once names, values and dots exceed it (one item is given)
};

struct store_effects {
    struct store_effect *items;
    uint32_t count;
    bool more;                      // there is more to ask for
    bool below_floor;               // missing: nothing is given, since the dot log lacks some
    uint32_t unknown;               // damaged keys left out
    uint8_t reached[TREE_KEY_SIZE]; // fill page: the key that it reaches (if more)
};

// The keys behind the dots wanted (those that the clock has; others are ignored), each key once, in
// the order of their first dot, with all dots that the dot log has of the key, wanted or not.
// below_floor also when one key has more dots than a message should carry (STORE_ITEM_RUNS_MAX).
// Asked again with what is left of the wanted dots it goes on. ERR_IO.
enum { STORE_ITEM_RUNS_MAX = 4096 };
int store_missing(struct store *store, const struct store_ask *ask, struct arena *arena,
                  struct store_effects *out);

// A page for another replica's fill: the objects in (after, reached], and every key there that has
// a dot in the dot log which the start clock lacks, be it erased; in tree order. `dots` are those
// that the start clock lacks. below_floor: one key has too many of them. ERR_IO.
int store_fill_page(struct store *store, const struct store_ask *ask, struct arena *arena,
                    struct store_effects *out);

// Takes what `known` has out of the dot log, at most dots_max of it; true when there is more to
// take. Not logged: after a crash they are there again.
bool store_prune(struct store *store, uint32_t shard, const struct clock *known, uint32_t dots_max);

// How many more dots the replicas that are neither born nor filling (guests' and new ones) may
// take. Theirs never leave the dot log for want of room: theirs may be the only copy, and nobody
// can fill from them. Those of the others do: the oldest go when the budget is spent.
uint64_t store_dots_room(const struct store *store);

// ---------------------------------------------------------------- fill, as the receiver
//
//     begin(start clock) ─▶ item, item, ..., pass(upto)  (each page)  ─▶ end: born
//
// A fill is a merge-join in tree order with what is here. The cursor is the last key passed. From
// its passing on a key has seen the start clock; a key that is here and not in the stream is
// merged with nothing under the page's context. Dots of the start clock enter the shard's clock at
// the end; newer ones with their items.
//
// A fill survives restarts. One that is given up for another start clock goes on counting for the
// keys that it had passed, until the shard's clock covers it.
//
// Contexts cover the start clock of the fill that goes on (else ERR_INVALID: the source was too
// old). All are durable at the position. ERR_AGAIN: much lies in between, a part is done and
// durable like the rest: call again with the same arguments, in another turn if there is time.
// ERR_PRECONDITION: no fill goes on, or the key does not lie behind the cursor. ERR_OVERLOADED,
// ERR_DISK_FULL, ERR_TOO_LARGE, ERR_COLLISION, ERR_IO; what was done stays done and is not lost.

enum { STORE_FILLS_MAX = 16, STORE_FILL_STEP = 64 };

// Begins one (cursor in front of the first key), or does nothing when the one going on has this
// start clock. ERR_OVERLOADED: STORE_FILLS_MAX earlier ones still count.
int store_fill_begin(struct store *store, uint32_t shard, const struct clock *start,
                     uint64_t *out_position);

struct store_filled {
    uint32_t shard;
    const struct clock *context;   // of the page: the sender's clock as of reading it
    const struct store_item *item; // its tree key, name (or none), versions, rest
    const struct clock *dots;
};

// Merges one item and moves the cursor to it. An item whose record here is damaged leaves the key
// unknown and counts as passed.
int store_fill_item(struct store *store, const struct store_filled *filled, uint64_t *out_position);

// Nothing more comes up to here (included).
int store_fill_pass(struct store *store, uint32_t shard, const uint8_t upto[TREE_KEY_SIZE],
                    const struct clock *context, uint64_t *out_position);

// Nothing more comes at all: passes what is left, joins the start clock to the shard's, born.
int store_fill_end(struct store *store, uint32_t shard, const struct clock *context,
                   uint64_t *out_position);

struct store_fill {
    const struct clock *start; // valid until the next fill call
    const uint8_t *cursor;     // the same; NULL: nothing passed yet
};

// The fill that goes on; false when none does.
bool store_fill(const struct store *store, uint32_t shard, struct store_fill *out);

// The fills that still count, from 0 on: those that were given up, then the one that goes on. False
// behind the last.
bool store_fill_at(const struct store *store, uint32_t shard, uint32_t index,
                   struct store_fill *out);

// ---------------------------------------------------------------- erasing

// Makes a replica blank: no objects, clock, dots, fills or unknown keys; not born. The own counter
// stays. Durable at the position. Bounded time: ERR_AGAIN while its dots leave the dot log (call
// again; so only when nobody needs them any more). The records vanish from the disk with the next
// checkpoint. A blank one: 0 at once.
int store_erase(struct store *store, uint32_t shard, uint64_t *out_position);

// As store_scan, but only the objects with a rest (as stored, without clocks of fills), found
// without looking at the others. May give none although there are more.
int store_rests(struct store *store, const struct store_scan *scan, struct arena *arena,
                struct store_page *out);

// ---------------------------------------------------------------- the node itself

// Small named records of the node itself (topology, proposals): at most 64 names of at most 32
// bytes; values up to 4 MiB. Durable at the position; ERR_NOT_FOUND from get. `out` is appended to.
int store_meta_put(struct store *store, const char *name, struct slice value,
                   uint64_t *out_position);
int store_meta_get(const struct store *store, const char *name, struct buffer *out);

// Everything at or below this position is on stable storage (mode `interval`: is accepted as such).
uint64_t store_durable(const struct store *store);

// The end of the last position given out: what is read now depends on nothing behind it.
uint64_t store_end(const struct store *store);

// Drops versions whose expiry has passed. Looks at no more than items_max records, going round the
// shards in which something expires; returns how many versions went. Called now and then; costs
// nothing when nothing has an expiry.
uint32_t store_sweep(struct store *store, uint64_t wall_ms, uint32_t items_max);

// Asks for a compaction of the tree: beside reads and writes all of it is copied into a file
// without holes, which takes the place of the old one. A checkpoint comes first. Does nothing while
// one runs. It gives way: when so much is written that the next checkpoint must run it is given up.
void store_compact(struct store *store);

// How it stands with the last one that was asked for.
void store_compaction(const struct store *store, struct compaction *out);

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
    uint64_t dots;         // entries in the dot log
    uint64_t dots_max;     // its budget
    int refusal;           // 0, or why puts are refused now: ERR_DISK_FULL, ERR_OVERLOADED, ...
};

void store_totals(const struct store *store, struct store_totals *out);

#endif
