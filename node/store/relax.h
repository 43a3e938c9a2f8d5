// SPDX-License-Identifier: Apache-2.0
// LMDB holds the pages that a transaction changes in memory, and keeps that memory for the next
// one: half of all that a node with a large tree takes. A node that is hardly written to any more
// gives it back, by opening the tree anew. That takes milliseconds, and reads find the pages of the
// file less quickly for a moment; so a node that is written to leaves it, and so does one with a
// large tree, where it would take longer and save little of all.
#ifndef NODE_STORE_RELAX_H
#define NODE_STORE_RELAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct relax {
    bool wanted;     // a large transaction has been made
    uint64_t due_ms; // when to look next; with wanted
    uint32_t keys;   // in the memtable at the last look
};

struct store;

// A checkpoint of so many keys has ended.
void relax_later(struct store *store, size_t keys);

// Between turns, when no tree slice is in use. ERR_IO for ever.
int relax_turn(struct store *store);

#endif
