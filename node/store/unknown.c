// SPDX-License-Identifier: Apache-2.0
#include "node/store/unknown.h"

void unknown_done(struct unknown *unknown)
{
    buffer_done(&unknown->keys);
}

uint32_t unknown_count(const struct unknown *unknown)
{
    return (uint32_t)(unknown->keys.size / TREE_KEY_SIZE);
}

// The offset of the first key not less than `tree_key`.
static size_t place_of(const struct unknown *unknown, const uint8_t *tree_key)
{
    size_t low = 0;
    size_t high = unknown_count(unknown);

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(unknown->keys.data + middle * TREE_KEY_SIZE, tree_key, TREE_KEY_SIZE) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low * TREE_KEY_SIZE;
}

static bool is_at(const struct unknown *unknown, size_t at, const uint8_t *tree_key)
{
    return at < unknown->keys.size && memcmp(unknown->keys.data + at, tree_key, TREE_KEY_SIZE) == 0;
}

bool unknown_has(const struct unknown *unknown, const uint8_t tree_key[TREE_KEY_SIZE])
{
    return unknown->keys.size > 0 && is_at(unknown, place_of(unknown, tree_key), tree_key);
}

bool unknown_add(struct unknown *unknown, const uint8_t tree_key[TREE_KEY_SIZE])
{
    size_t at = place_of(unknown, tree_key);

    if (unknown_count(unknown) == UNKNOWN_MAX || is_at(unknown, at, tree_key))
        return false;
    buffer_reserve(&unknown->keys, TREE_KEY_SIZE);
    memmove(unknown->keys.data + at + TREE_KEY_SIZE, unknown->keys.data + at,
            unknown->keys.size - at);
    memcpy(unknown->keys.data + at, tree_key, TREE_KEY_SIZE);
    unknown->keys.size += TREE_KEY_SIZE;
    unknown->changed = true;
    return true;
}

bool unknown_remove(struct unknown *unknown, const uint8_t tree_key[TREE_KEY_SIZE])
{
    size_t at = place_of(unknown, tree_key);

    if (!is_at(unknown, at, tree_key))
        return false;
    unknown->keys.size -= TREE_KEY_SIZE;
    memmove(unknown->keys.data + at, unknown->keys.data + at + TREE_KEY_SIZE,
            unknown->keys.size - at);
    unknown->changed = true;
    return true;
}
