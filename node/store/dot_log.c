// SPDX-License-Identifier: Apache-2.0
// Entries live in one array and are linked by indices: by dot and by key in two hash tables, and by
// age in a list.
//
//     oldest -> ... -> [unsaved] -> ... -> newest
//    saved in the tree | one by one
//
// In a healthy cluster entries go within a second or so, when all owners have them. So those that
// a checkpoint meets are mostly about to go: it writes the newest into one record, the tail, which
// the next checkpoint replaces, and only what has grown old gets a record of its own.
#include "node/store/dot_log.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/rng.h"

#include <stdlib.h>

enum {
    DOT_LOG_SLOTS_MIN = 1024,
    DOT_LOG_GROWTH = 8,
    DOT_LOG_COUNT_MAX = 1 << 28,
    DOT_ENTRY_COST = sizeof(struct dot_entry) + 2 * sizeof(uint32_t),
};

void dot_log_init(struct dot_log *log, uint64_t budget_bytes)
{
    uint64_t count = budget_bytes / DOT_ENTRY_COST;

    *log = (struct dot_log){.slots = DOT_LOG_SLOTS_MIN};
    log->count_max = count < DOT_LOG_COUNT_MAX ? (uint32_t)count : DOT_LOG_COUNT_MAX;
    log->dots = memory_new(log->slots * sizeof *log->dots);
    log->keys = memory_new(log->slots * sizeof *log->keys);
}

void dot_log_done(struct dot_log *log)
{
    free(log->entries);
    free(log->dots);
    free(log->keys);
    free(log->gone);
    clock_done(&log->scratch);
    *log = (struct dot_log){0};
}

static uint32_t dot_slot(const struct dot_log *log, uint32_t shard, struct dot dot)
{
    return (uint32_t)rng_mix(dot.actor ^ rng_mix(dot.counter ^ (uint64_t)shard << 40)) &
           (log->slots - 1);
}

static uint32_t key_slot(const struct dot_log *log, const uint8_t *tree_key)
{
    return (uint32_t)rng_mix(bytes_u64(tree_key) ^ bytes_u64(tree_key + 8)) & (log->slots - 1);
}

static struct dot_entry *entry_at(const struct dot_log *log, uint32_t index)
{
    return index ? &log->entries[index - 1] : NULL;
}

static uint32_t index_of(const struct dot_log *log, const struct dot_entry *entry)
{
    return (uint32_t)(entry - log->entries) + 1;
}

static void chains_link(struct dot_log *log, struct dot_entry *entry)
{
    uint32_t *dot = &log->dots[dot_slot(log, entry->shard, entry->dot)];
    uint32_t *key = &log->keys[key_slot(log, entry->tree_key)];

    entry->by_dot = *dot;
    *dot = index_of(log, entry);
    entry->by_key = *key;
    entry->by_key_back = 0;
    if (*key)
        entry_at(log, *key)->by_key_back = index_of(log, entry);
    *key = index_of(log, entry);
}

// In few large steps: each one stops the loop while all entries are linked anew.
static void chains_grow(struct dot_log *log)
{
    log->slots *= DOT_LOG_GROWTH;
    free(log->dots);
    free(log->keys);
    log->dots = memory_new(log->slots * sizeof *log->dots);
    log->keys = memory_new(log->slots * sizeof *log->keys);
    for (uint32_t at = log->oldest; at; at = entry_at(log, at)->newer)
        chains_link(log, entry_at(log, at));
}

static struct dot_entry *entry_take(struct dot_log *log)
{
    struct dot_entry *entry = entry_at(log, log->free);

    if (entry) {
        log->free = entry->by_dot;
        return entry;
    }
    if (log->used == log->capacity) {
        log->capacity = log->capacity ? log->capacity * 2 : DOT_LOG_SLOTS_MIN;
        log->entries = memory_grow(log->entries, log->capacity * sizeof *log->entries);
    }
    return &log->entries[log->used++];
}

const struct dot_entry *dot_log_find(const struct dot_log *log, uint32_t shard, struct dot dot)
{
    const struct dot_entry *entry = entry_at(log, log->dots[dot_slot(log, shard, dot)]);

    while (entry && (entry->shard != shard || dot_compare(entry->dot, dot)))
        entry = entry_at(log, entry->by_dot);
    return entry;
}

void dot_log_add(struct dot_log *log, uint32_t shard, struct dot dot,
                 const uint8_t tree_key[TREE_KEY_SIZE])
{
    struct dot_entry *entry;
    uint32_t index;

    check_slow(!dot_log_find(log, shard, dot));
    if (log->count >= 2 * (uint64_t)log->slots)
        chains_grow(log);
    entry = entry_take(log);
    index = index_of(log, entry);
    *entry = (struct dot_entry){.dot = dot, .shard = shard, .older = log->newest};
    memcpy(entry->tree_key, tree_key, TREE_KEY_SIZE);
    if (log->newest)
        entry_at(log, log->newest)->newer = index;
    else
        log->oldest = index;
    log->newest = index;
    if (!log->unsaved)
        log->unsaved = index;
    chains_link(log, entry);
    log->count += 1;
}

const struct dot_entry *dot_log_of_key(const struct dot_log *log,
                                       const uint8_t tree_key[TREE_KEY_SIZE],
                                       const struct dot_entry *after)
{
    const struct dot_entry *entry =
        entry_at(log, after ? after->by_key : log->keys[key_slot(log, tree_key)]);

    while (entry && memcmp(entry->tree_key, tree_key, TREE_KEY_SIZE) != 0)
        entry = entry_at(log, entry->by_key);
    return entry;
}

static void chains_unlink(struct dot_log *log, struct dot_entry *entry)
{
    uint32_t index = index_of(log, entry);
    uint32_t *dot = &log->dots[dot_slot(log, entry->shard, entry->dot)];

    while (*dot != index)
        dot = &entry_at(log, *dot)->by_dot;
    *dot = entry->by_dot;
    if (entry->by_key)
        entry_at(log, entry->by_key)->by_key_back = entry->by_key_back;
    if (entry->by_key_back)
        entry_at(log, entry->by_key_back)->by_key = entry->by_key;
    else
        log->keys[key_slot(log, entry->tree_key)] = entry->by_key;
}

static void age_unlink(struct dot_log *log, struct dot_entry *entry)
{
    if (log->kept == index_of(log, entry))
        log->kept = entry->older;
    if (log->unsaved == index_of(log, entry))
        log->unsaved = entry->newer;
    if (entry->older)
        entry_at(log, entry->older)->newer = entry->newer;
    else
        log->oldest = entry->newer;
    if (entry->newer)
        entry_at(log, entry->newer)->older = entry->older;
    else
        log->newest = entry->older;
}

static void gone_add(struct dot_log *log, const struct dot_entry *entry)
{
    if (log->gone_count == log->gone_capacity) {
        log->gone_capacity = log->gone_capacity ? log->gone_capacity * 2 : DOT_LOG_SLOTS_MIN;
        log->gone = memory_grow(log->gone, log->gone_capacity * sizeof *log->gone);
    }
    log->gone[log->gone_count++] = (struct dot_gone){entry->dot, entry->shard};
}

bool dot_log_remove(struct dot_log *log, uint32_t shard, struct dot dot)
{
    const struct dot_entry *found = dot_log_find(log, shard, dot);
    struct dot_entry *entry;

    if (!found)
        return false;
    entry = entry_at(log, index_of(log, found));
    if (entry->saved)
        gone_add(log, entry);
    chains_unlink(log, entry);
    age_unlink(log, entry);
    entry->by_dot = log->free;
    log->free = index_of(log, entry);
    log->count -= 1;
    return true;
}

const struct dot_entry *dot_log_over(const struct dot_log *log)
{
    const struct dot_entry *kept = entry_at(log, log->kept);

    return log->count > log->count_max ? entry_at(log, kept ? kept->newer : log->oldest) : NULL;
}

void dot_log_keep(struct dot_log *log, const struct dot_entry *entry)
{
    log->kept = index_of(log, entry);
}

void dot_log_keep_none(struct dot_log *log)
{
    log->kept = 0;
}

const struct dot_entry *dot_log_unsaved(const struct dot_log *log, const struct dot_entry *after)
{
    return entry_at(log, after ? after->newer : log->unsaved);
}

struct dot_gone *dot_log_take_gone(struct dot_log *log, size_t *out_count)
{
    struct dot_gone *gone = log->gone;

    *out_count = log->gone_count;
    log->gone = NULL;
    log->gone_count = 0;
    log->gone_capacity = 0;
    return gone;
}

void dot_log_saved(struct dot_log *log, uint32_t count)
{
    for (; count > 0 && log->unsaved; count--) {
        struct dot_entry *entry = entry_at(log, log->unsaved);

        entry->saved = true;
        log->unsaved = entry->newer;
    }
}

uint64_t dot_log_bytes(const struct dot_log *log)
{
    return (uint64_t)log->count * DOT_ENTRY_COST;
}
