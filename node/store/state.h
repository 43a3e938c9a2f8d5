// SPDX-License-Identifier: Apache-2.0
// The inside of the store, shared by the files of this folder and by nobody else.
//
//   store.c       reading, applying: what the machine calls
//   registry.c    shards, birth marks, meta records
//   walk.c        objects in order, memtables and tree merged: scan, sweep, recount
//   strip.c       takes rests off when clocks have caught up
//   missing.c     what other replicas are sent: missing dots, pages of a fill
//   fill.c        what a replica is filled with
//   erase.c       a replica made blank
//   rests.c       rests listed
//   valid.c       what must hold, for slow checks
//   checkpoint.c  memtable -> tree
//   compact.c     tree -> a smaller one
//   relax.c       memory given back
//   load.c        tree and log -> memory, at start
//   engine.c      the turn, opening and closing
#ifndef NODE_STORE_STATE_H
#define NODE_STORE_STATE_H

#include "node/store/checkpoint.h"
#include "node/store/compact.h"
#include "node/store/engine.h"
#include "node/store/log.h"
#include "node/store/relax.h"
#include "node/store/replica.h"
#include "node/store/unknown.h"

enum {
    META_COUNT_MAX = 64,
    META_NAME_MAX = 32,
    META_VALUE_MAX = 4 << 20,
    DELTA_DOTS_MAX = 1 << 20, // a stranger's delta must not make us list its dots for ever
};

struct meta_value {
    char name[META_NAME_MAX + 1];
    struct buffer value;
    uint64_t position;
    bool changed; // since the last checkpoint
};

struct lookup {
    struct slice body; // of the object record; empty: there is none
    uint64_t position;
    struct memtable_entry *entry; // when it is in the active memtable
    bool rest;                    // as stored it has one (object_read sets this)
};

struct store {
    struct store_settings settings;
    struct disk *disk;
    struct tree *tree;
    void (*release)(
        void *owner); // of disk, tree and lock, when they are the store's (engine_file.c)
    void *owner;

    struct log log;
    uint64_t id;         // of the store: in segments and tree
    uint64_t covered;    // the tree has everything up to here
    bool marked_clean;   // in the tree
    uint64_t tree_bytes; // as of the last checkpoint

    struct replica *replicas;
    uint32_t shards;
    uint64_t shards_position;
    bool shards_changed;
    struct dot_log dot_log;
    struct unknown unknown;
    struct meta_value *metas[META_COUNT_MAX];
    uint32_t meta_count;

    struct memtable *active;
    struct memtable *frozen; // NULL unless a checkpoint is under way
    struct checkpoint checkpoint;
    struct compact compact;
    struct relax relax;

    // A write reads its key and then applies to it: the second search is spared.
    struct lookup last;
    uint8_t last_key[TREE_KEY_SIZE];
    bool last_valid; // until something is written, and to the end of the turn

    struct buffer scratch;  // one record being encoded
    struct arena arena;     // of one walk or strip
    uint64_t clock_changes; // of all replicas
    uint64_t strip_changes; // as of the last whole pass over TREE_RESTS
    bool strip_again;       // TREE_RESTS has changed since it began
    uint8_t strip_at[TREE_KEY_SIZE];
    bool strip_under_way;
    bool rests_empty; // TREE_RESTS was seen empty, and no checkpoint since
    uint8_t sweep_at[TREE_KEY_SIZE];

    uint64_t now_ms;
    uint64_t checkpoints;
    uint64_t damaged;
    int fatal;
};

// ---- store.c

// The entry of a key, unless its shard was erased since.
struct memtable_entry *entry_find(const struct store *store, const struct memtable *table,
                                  const uint8_t tree_key[TREE_KEY_SIZE]);

// What was found in this turn may go.
void views_end(struct store *store);

// The newest record of a tree key. ERR_DAMAGED (and the key is unknown from now on), ERR_IO.
int object_find(struct store *store, const uint8_t tree_key[TREE_KEY_SIZE], struct lookup *out);

// Decodes what was found, stripped by the shard's clock and the fills that passed.
int object_read(struct store *store, const uint8_t tree_key[TREE_KEY_SIZE], struct lookup *found,
                struct arena *arena, struct store_item *out);

// What is given out has all in its rest that the key has seen beyond the shard's clock.
void object_widen(const struct store *store, const uint8_t tree_key[TREE_KEY_SIZE],
                  struct object *object);

// Makes an object the newest in the memtable. `had_rest`: so had the record that it replaces, as
// stored.
struct memtable_entry *object_put(struct store *store, const struct key *key,
                                  const struct object *object, uint64_t position, bool had_rest);

// What store_apply, store_rebuild and the sweep do once the record is in the log; replay does the
// same.
struct change {
    struct key key; // with the name that is stored, when it came without one
    uint8_t tree_key[TREE_KEY_SIZE];
    struct arena *arena;
    struct object old;
    uint64_t old_position;
    bool old_rest;       // as stored it has a rest
    bool found;          // something is stored, be it an empty object
    struct clock passed; // by fills: what the key has seen beyond clock and rest
    struct clock dots;   // new ones
};

int change_begin(struct store *store, const struct key *key, struct arena *arena,
                 struct change *out);
struct memtable_entry *change_apply(struct store *store, struct change *change,
                                    const struct delta *delta, uint64_t position);

// The clock and the dot log gain the change's dots.
void dots_enter(struct store *store, const struct change *change);

// The dots that a delta has here are new ones: those of its versions too.
void change_new_dots(struct store *store, struct change *change, const struct delta *delta);

// What is stored must stay within what a peer accepts: the shard's clock, the object's rest and
// what fills say, together with all that a context may add.
bool context_too_large(const struct store *store, const struct change *change,
                       const struct clock *context);

int rebuild_apply(struct store *store, const struct key *key, const struct object *object,
                  uint64_t position);

// Whether something may be written now; `use` as of the log.
int store_admit(const struct store *store, enum log_use use);

// The object of a change without anything stored, for a key whose record is damaged.
void change_begin_damaged(struct store *store, const struct key *key, struct arena *arena,
                          struct change *out);

struct replica *replica_of(const struct store *store, const uint8_t tree_key[TREE_KEY_SIZE]);
void damage_note(struct store *store, const uint8_t tree_key[TREE_KEY_SIZE]);

// ---- registry.c

void shards_set(struct store *store, uint32_t shards, uint64_t position);
void born_apply(struct store *store, uint32_t shard);

// A record of the store's own housekeeping into the log, from the reserve.
int record_append(struct store *store, const struct log_record *record, uint64_t *out_position);
int meta_set(struct store *store, struct slice name, struct slice value, uint64_t position);

// ---- fill.c
//
// Replaying a record of a fill; ERR_DAMAGED for one that we never wrote.

int fill_begin_replay(struct store *store, const struct log_record *record);
int fill_item_replay(struct store *store, const struct log_record *record, uint64_t position);
int fill_pass_replay(struct store *store, const struct log_record *record, uint64_t position);
int fill_end_replay(struct store *store, const struct log_record *record);

// ---- erase.c

void erase_apply(struct store *store, uint32_t shard);

// ---- rests.c

// ---- walk.c

struct walk_item {
    uint8_t tree_key[TREE_KEY_SIZE];
    struct lookup found;
    bool damaged;
};

// The first record of a table of tree keys behind `after` (an empty one: the first at all) whose
// shard was not erased. ERR_NOT_FOUND, ERR_DAMAGED (the key is none), ERR_IO.
int tree_next(struct store *store, enum tree_table table, struct slice after, struct slice out[2]);

// The smallest entry behind `after` (NULL: from `first` on) whose shard was not erased.
struct memtable_entry *entry_next(const struct store *store, struct memtable *table,
                                  const uint8_t *after, const uint8_t *first);

// The key below `first`, to be asked behind; empty when there is none. `room` keeps it.
struct slice key_below(const uint8_t *first, uint8_t room[TREE_KEY_SIZE]);

// The next record behind `after` (NULL: from `first` on) that is not erased. ERR_NOT_FOUND at the
// end.
int walk_next(struct store *store, const uint8_t *after, const uint8_t *first,
              struct walk_item *out);

// Counts a shard's objects anew, after damage made the running counts wrong.
void shard_recount(struct store *store, uint32_t shard);

// Drops the versions of one object that expired; its key is known by its hash only.
uint32_t expire_apply(struct store *store, const uint8_t tree_key[TREE_KEY_SIZE], uint64_t wall_ms,
                      uint64_t position);

// ---- valid.c

// Versions are within the context; clock and fills are not in the rest; own dots were given out.
bool object_valid(const struct store *store, const uint8_t tree_key[TREE_KEY_SIZE],
                  const struct object *object);

// The dot log and the floor of the key's shard are its clock (not looked at when they are many).
bool shard_valid(const struct store *store, const uint8_t tree_key[TREE_KEY_SIZE]);

// ---- strip.c

void strip_some(struct store *store);

// ---- load.c

int store_load(struct store *store, struct store_found *found);

#endif
