// SPDX-License-Identifier: Apache-2.0
// The damaged keys of this node: their records failed their checksum, and until they are rebuilt
// from the other owners nobody may be told anything about them.
#ifndef NODE_STORE_UNKNOWN_H
#define NODE_STORE_UNKNOWN_H

#include "base/buffer.h"
#include "node/data/key.h"

// More are not remembered: their records stay damaged and are met again. Only that their shard has
// some is (struct replica), since it must not pass for complete.
enum { UNKNOWN_MAX = 1 << 16 };

struct unknown {
    struct buffer keys; // TREE_KEY_SIZE bytes each, sorted
    bool changed;       // since the last checkpoint
};

void unknown_done(struct unknown *unknown);
bool unknown_has(const struct unknown *unknown, const uint8_t tree_key[TREE_KEY_SIZE]);

// True when it was new and is remembered.
bool unknown_add(struct unknown *unknown, const uint8_t tree_key[TREE_KEY_SIZE]);

// True when it was there.
bool unknown_remove(struct unknown *unknown, const uint8_t tree_key[TREE_KEY_SIZE]);

// Forgets all from the first to the last key, included.
void unknown_remove_range(struct unknown *unknown, const uint8_t first[TREE_KEY_SIZE],
                          const uint8_t last[TREE_KEY_SIZE]);

// The first key greater than `after` (`from`: not less); NULL at the end.
const uint8_t *unknown_next(const struct unknown *unknown, const uint8_t *after,
                            const uint8_t *from);

uint32_t unknown_count(const struct unknown *unknown);

#endif
