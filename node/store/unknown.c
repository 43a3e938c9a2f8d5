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

void unknown_remove_range(struct unknown *unknown, const uint8_t first[TREE_KEY_SIZE],
                          const uint8_t last[TREE_KEY_SIZE])
{
    size_t at = place_of(unknown, first);
    size_t end = place_of(unknown, last);

    if (is_at(unknown, end, last))
        end += TREE_KEY_SIZE;
    if (at == end)
        return;
    memmove(unknown->keys.data + at, unknown->keys.data + end, unknown->keys.size - end);
    unknown->keys.size -= end - at;
    unknown->changed = true;
}

const uint8_t *unknown_next(const struct unknown *unknown, const uint8_t *after,
                            const uint8_t *from)
{
    size_t at = place_of(unknown, after ? after : from);

    if (after && is_at(unknown, at, after))
        at += TREE_KEY_SIZE;
    return at < unknown->keys.size ? unknown->keys.data + at : NULL;
}
