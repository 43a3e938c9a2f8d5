// SPDX-License-Identifier: Apache-2.0
// A memtable: the newest object records by tree key, until a checkpoint has put them into the
// tree. Memory is only ever added, so that a record read in a turn stays where it is although a
// later apply of the turn replaces it; what was replaced counts in the budget until the whole
// table goes.
#ifndef NODE_STORE_MEMTABLE_H
#define NODE_STORE_MEMTABLE_H

#include "base/arena.h"
#include "node/data/key.h"

struct memtable_entry {
    struct memtable_entry *chain;     // of the hash table
    struct memtable_entry *rest_next; // see memtable_rest_pop
    uint64_t position;                // newest log position that it depends on
    uint64_t tried;                   // when its rest was last looked at (replica changes)
    uint8_t *record;                  // a tree record, not yet sealed; NULL: erased
    uint32_t size;                    // bytes of the record
    uint32_t erasures;                // of its shard when it was written (struct replica)
    bool in_rest;                     // is in the list of records with a rest
    bool has_rest;
    uint8_t tree_key[TREE_KEY_SIZE];
};

struct memtable;

struct memtable *memtable_new(void);
void memtable_free(struct memtable *table); // accepts NULL

// NULL when there is none.
struct memtable_entry *memtable_find(const struct memtable *table,
                                     const uint8_t tree_key[TREE_KEY_SIZE]);

// Adds or replaces; the record is copied (an empty slice: erased). The entry's position never
// falls.
struct memtable_entry *memtable_set(struct memtable *table, const uint8_t tree_key[TREE_KEY_SIZE],
                                    struct slice record, uint64_t position);

// Puts the entry at the end of the list of those with a rest, unless it is in it.
void memtable_rest_push(struct memtable *table, struct memtable_entry *entry);

// Takes the first of that list; NULL when it is empty.
struct memtable_entry *memtable_rest_pop(struct memtable *table);

uint32_t memtable_keys(const struct memtable *table);

// Bytes of memory, replaced records included.
uint64_t memtable_bytes(const struct memtable *table);

// The entry with the smallest tree key greater than `after` (NULL: the first at all, and `first` is
// the smallest one wanted). Sorts what was added since the last call. NULL at the end.
struct memtable_entry *memtable_next(struct memtable *table, const uint8_t *after,
                                     const uint8_t *first);

struct memtable_order {
    uint64_t front; // the first 8 bytes of the tree key, so that most comparisons stay in the array
    struct memtable_entry *entry;
};

// All entries in no order, appended to `out` (room for memtable_keys); and sorting them.
void memtable_list(const struct memtable *table, struct memtable_order *out);
void memtable_sort(struct memtable_order *order, size_t count);

#endif
