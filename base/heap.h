// SPDX-License-Identifier: Apache-2.0
// A binary min-heap of intrusive items: deadlines, and waits for a log position. Items with equal
// keys leave in the order in which they came, so that a run is the same every time.
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_item {
    uint64_t key;   // smallest first
    uint64_t order; // set by heap_add
    size_t place;   // index + 1 in the heap; 0: in none
};

struct heap {
    struct heap_item **items;
    size_t count;
    size_t capacity;
    uint64_t next_order;
};

// A zeroed heap is empty and ready. The items belong to the caller.
void heap_done(struct heap *heap);

// Adds an item that is in no heap.
void heap_add(struct heap *heap, struct heap_item *item, uint64_t key);

// Removes the item if it is in the heap.
void heap_remove(struct heap *heap, struct heap_item *item);

// The item with the smallest key, NULL when empty.
struct heap_item *heap_first(const struct heap *heap);

#endif
