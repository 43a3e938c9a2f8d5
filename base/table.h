// SPDX-License-Identifier: Apache-2.0
// A hash table from a 64-bit id to a pointer, for the hot paths: open addressing with linear
// probing and backward-shift deletion, at most 3/4 full. Ids may be any value (they are mixed
// first). Cold tables use uthash instead.
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_slot {
    uint64_t id;
    void *value; // NULL: free
};

struct table {
    struct table_slot *slots;
    size_t count;
    size_t capacity; // 0 or a power of two
};

// A zeroed table is empty and ready. The values belong to the caller.
void table_done(struct table *table);

// NULL when there is none.
void *table_find(const struct table *table, uint64_t id);

// Adds or replaces; value is not NULL.
void table_set(struct table *table, uint64_t id, void *value);

// Returns the removed value, or NULL.
void *table_remove(struct table *table, uint64_t id);

// Walks all values in no particular order: start with *at = 0; returns NULL at the end. The table
// must not change meanwhile. Nothing that a peer can see may depend on this order.
void *table_next(const struct table *table, size_t *at);

#endif
