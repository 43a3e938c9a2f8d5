// SPDX-License-Identifier: Apache-2.0
// The store as its driver sees it: opening, the turn of the loop, closing. What the machine sees is
// node/core/store.h.
//
// A turn: store_poll (log completions), the machine's steps, store_turn_end, and only then may the
// driver send what waits for nothing. Everything here is for one thread, the loop's.
//
// A test or the simulator opens one without any file:
//
//     struct disk *disk = disk_memory_new(64 << 10, seed);
//     struct tree *tree = tree_memory_new();
//     struct store_settings settings = store_settings_default();
//     settings.actor = 1;
//     settings.segment_bytes = 64 << 10;
//     store_open(&settings, disk, tree, &store, &found);
//     ... store_apply(...); store_turn_end(store, now_ms); store_poll(store); store_durable(store)
//     disk_memory_crash(disk, DISK_CRASH_TEAR);    // a crash; without one: store_close(store)
//     tree_memory_crash(tree);
//     store_abandon(store);
//     store_open(&settings, disk, tree, ...);      // again, with a fresh actor
//     disk->calls->close(disk); tree->calls->close(tree);
#ifndef NODE_STORE_ENGINE_H
#define NODE_STORE_ENGINE_H

#include "node/core/store.h"
#include "node/store/disk.h"
#include "node/store/tree.h"

struct store_settings {
    uint64_t actor;       // fresh and random at every start, not 0 (engine_open_directory draws it)
    uint32_t salt;        // of the log's groups: the same, and told to nobody
    uint32_t interval_ms; // 0: mode sync; else an apply is durable when written, synced this often
    uint64_t segment_bytes;  // size of a log segment, at least twice the largest record
    uint64_t memtable_bytes; // starts a checkpoint; two memtables at most
    uint32_t memtable_keys;  // the same, in keys
    uint64_t dot_log_bytes;  // budget of the dot log, all shards; beyond it the oldest dots go
    uint64_t map_bytes;      // LMDB: size of the map at first
    uint64_t ballast_bytes;  // reserve file for a full disk
    uint32_t retry_ms;       // how often a full disk is tried again
    // For simulations: is told of each delta that was appended to the log. NULL: nobody is.
    void (*watch)(void *data, const struct key *key, const struct delta *delta);
    void *watch_data;
};

// Mode sync, 16 MiB segments, 32 MiB or 100,000 keys a memtable, 64 MiB of dots, 1 GiB map, 8 MiB
// reserve, 1000 ms; actor 0.
struct store_settings store_settings_default(void);

enum { STORE_ERROR_SIZE = 512 };

// What a start found.
struct store_found {
    bool fresh;     // nothing was there
    bool clean;     // closed properly: nothing was replayed
    uint64_t node;  // id of the node (engine_open_directory), made once
    uint64_t actor; // of this life
    uint64_t keys;
    uint64_t replayed;            // log records applied again
    uint64_t torn_bytes;          // cut off the end of the log
    uint64_t ms;                  // time taken (engine_open_directory)
    char error[STORE_ERROR_SIZE]; // on failure: a sentence, what failed: what to do
};

// Opens the store over a disk and a tree, which stay the caller's and outlive the store. Waits for
// them. On failure nothing but found->error is written. ERR_DAMAGED: something durable is missing
// or changed; ERR_INVALID: settings that contradict each other or the disk; ERR_IO; ERR_DISK_FULL.
int store_open(const struct store_settings *settings, struct disk *disk, struct tree *tree,
               struct store **out, struct store_found *found);

// Ends the turn: slices given out in it die, the buffered log bytes go to the writer if it is
// idle, a finished checkpoint is taken over, a due one started. `now_ms`: any clock that never
// goes back.
void store_turn_end(struct store *store, uint64_t now_ms);

// Collects what the writer has finished; afterwards store_durable tells how far. To be called
// after each wake and as often as one likes. Not 0: ERR_IO, for ever: a write or sync of the log
// failed and nobody knows what the disk holds; nothing more becomes durable and the process must
// stop.
int store_poll(struct store *store);

// When store_turn_end wants to be called even though nothing happens (same clock), UINT64_MAX:
// never.
uint64_t store_deadline(const struct store *store);

// Waits until everything applied so far is durable (as store_poll would tell). ERR_IO.
int store_flush(struct store *store);

// Asks for a checkpoint as soon as possible, however little there is to write.
void store_checkpoint(struct store *store);

// Checkpoints, marks the store as cleanly closed and frees it. The first error met is returned and
// harms nothing: the next start replays the log. Frees it in any case; accepts NULL.
int store_close(struct store *store);

// Frees the store as a crash would leave it. Waits for what the disk and the tree are doing.
// Accepts NULL.
void store_abandon(struct store *store);

// ---------------------------------------------------------------- real files

struct engine_place {
    const char *path; // the data directory; made if its parent exists
    void (*wake)(
        void *data); // called from another thread when store_poll or store_turn_end should be
    void *wake_data;
    bool no_sync; // tests only: skips every fdatasync, so that they need not wait for a disk
};

// Makes and locks the directory and opens the store in it:
//
//     DIR/lock      held while a process runs here; its text is the process id
//     DIR/identity  the node's id, made once; survives an emptied store
//     DIR/log/      segments, spare segments, the reserve (ballast)
//     DIR/tree/     LMDB
//     DIR/tree-new/ a copy of it, while that is made
//
// Draws the actor. store_close (or store_abandon) releases everything. ERR_LOCKED: a process runs
// here (its id is in the text); ERR_READ_ONLY; ERR_NOT_FOUND; ERR_INVALID (a file in the place of a
// directory, made by a newer version); ERR_DAMAGED; ERR_IO; ERR_DISK_FULL.
int engine_open_directory(const struct engine_place *place, const struct store_settings *settings,
                          struct store **out, struct store_found *found);

#endif
