// SPDX-License-Identifier: Apache-2.0
// Each table is one sorted array of records. A transaction gathers its changes, sorted as they
// come, and its commit merges them into the arrays in one pass. Values that a turn may still look
// at are kept until the turn ends.
#include "node/store/tree_memory.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/err.h"

#include <stdlib.h>

struct tree_record {
    struct tree_record *next; // of the ones to free
    size_t key_size;
    size_t value_size;
    bool removed;    // a change: not a value but its end
    uint8_t bytes[]; // key, value
};

struct tree_array {
    struct tree_record **records;
    size_t count;
    size_t capacity;
};

struct tree_memory {
    struct tree tree;
    bool eager;
    struct tree_array tables[TREE_TABLES];
    struct tree_array changes[TREE_TABLES];
    struct tree_record *old; // freed when the turn ends
    struct tree_job *waiting;
    struct tree_job *done;
    uint64_t bytes;
    uint64_t limit;
    uint32_t commits;
    uint32_t fail_at; // 0: never
    int fail_err;
    bool fail_forever;
};

static struct tree_memory *memory_of(struct tree *tree)
{
    return (struct tree_memory *)tree;
}

static struct slice key_of(const struct tree_record *record)
{
    return slice_of(record->bytes, record->key_size);
}

static struct slice value_of(const struct tree_record *record)
{
    return slice_of(record->bytes + record->key_size, record->value_size);
}

// The first record whose key is not less than `key` (`behind`: greater).
static size_t array_find(const struct tree_array *array, struct slice key, bool behind)
{
    size_t low = 0;
    size_t high = array->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(key_of(array->records[middle]), key);

        if (order < 0 || (order == 0 && behind))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void array_reserve(struct tree_array *array, size_t count)
{
    size_t capacity = array->capacity ? array->capacity : 64;

    if (count <= array->capacity)
        return;
    while (capacity < count)
        capacity *= 2;
    array->records = memory_grow(array->records, capacity * sizeof(struct tree_record *));
    array->capacity = capacity;
}

static void record_retire(struct tree_memory *memory, struct tree_record *record)
{
    record->next = memory->old;
    memory->old = record;
}

static void memory_turn_end(struct tree *tree)
{
    struct tree_memory *memory = memory_of(tree);

    while (memory->old) {
        struct tree_record *record = memory->old;

        memory->old = record->next;
        free(record);
    }
}

static int memory_get(struct tree *tree, enum tree_table table, struct slice key, struct slice *out)
{
    const struct tree_array *array = &memory_of(tree)->tables[table];
    size_t at = array_find(array, key, false);

    if (at == array->count || !slice_equal(key_of(array->records[at]), key))
        return ERR_NOT_FOUND;
    *out = value_of(array->records[at]);
    return 0;
}

static int memory_next(struct tree *tree, enum tree_table table, struct slice after,
                       struct slice out[2])
{
    const struct tree_array *array = &memory_of(tree)->tables[table];
    size_t at = array_find(array, after, after.size > 0);

    if (at == array->count)
        return ERR_NOT_FOUND;
    out[0] = key_of(array->records[at]);
    out[1] = value_of(array->records[at]);
    return 0;
}

// ---------------------------------------------------------------- transactions

static int memory_begin(struct tree *tree)
{
    struct tree_memory *memory = memory_of(tree);

    for (int table = 0; table < TREE_TABLES; table++)
        check(memory->changes[table].count == 0);
    return 0;
}

static void change_add(struct tree_memory *memory, enum tree_table table,
                       struct tree_record *record)
{
    struct tree_array *changes = &memory->changes[table];
    size_t at = array_find(changes, key_of(record), false);

    if (at < changes->count && slice_equal(key_of(changes->records[at]), key_of(record))) {
        free(changes->records[at]);
        changes->records[at] = record;
        return;
    }
    array_reserve(changes, changes->count + 1);
    memmove(&changes->records[at + 1], &changes->records[at],
            (changes->count - at) * sizeof(struct tree_record *));
    changes->records[at] = record;
    changes->count += 1;
}

static struct tree_record *record_new(struct slice key, struct slice value)
{
    struct tree_record *record = memory_new(sizeof *record + key.size + value.size);

    record->key_size = key.size;
    record->value_size = value.size;
    memcpy(record->bytes, key.data, key.size);
    if (value.size)
        memcpy(record->bytes + key.size, value.data, value.size);
    return record;
}

static int memory_put(struct tree *tree, enum tree_table table, struct slice key,
                      struct slice value)
{
    change_add(memory_of(tree), table, record_new(key, value));
    return 0;
}

static int memory_remove(struct tree *tree, enum tree_table table, struct slice key)
{
    struct tree_record *record = record_new(key, (struct slice){0});

    record->removed = true;
    change_add(memory_of(tree), table, record);
    return 0;
}

static int memory_remove_some(struct tree *tree, enum tree_table table, const struct slice range[2],
                              uint32_t max, uint32_t *out_removed)
{
    const struct tree_array *array = &memory_of(tree)->tables[table];
    size_t at = array_find(array, range[0], false);
    uint32_t removed = 0;

    for (; at < array->count && removed < max; at++) {
        struct slice key = key_of(array->records[at]);

        if (slice_compare(key, range[1]) > 0)
            break;
        memory_remove(tree, table, key);
        removed += 1;
    }
    *out_removed = removed;
    return 0;
}

static void memory_abort(struct tree *tree)
{
    struct tree_memory *memory = memory_of(tree);

    for (int table = 0; table < TREE_TABLES; table++) {
        for (size_t i = 0; i < memory->changes[table].count; i++)
            free(memory->changes[table].records[i]);
        memory->changes[table].count = 0;
    }
}

static uint64_t record_bytes(const struct tree_record *record)
{
    return record->key_size + record->value_size;
}

// Merges from the back into the grown array; removed records leave holes, closed in a second pass.
static void changes_merge(struct tree_memory *memory, struct tree_array *into,
                          struct tree_array *changes)
{
    size_t old = into->count;
    size_t new = changes->count;
    size_t at = old + new;
    size_t kept = 0;

    array_reserve(into, at);
    into->count = at;
    while (new > 0) {
        struct tree_record *change = changes->records[new - 1];
        int order = old ? slice_compare(key_of(into->records[old - 1]), key_of(change)) : -1;

        if (order > 0) {
            into->records[--at] = into->records[--old];
            continue;
        }
        if (order == 0) {
            memory->bytes -= record_bytes(into->records[old - 1]);
            record_retire(memory, into->records[--old]);
        }
        new -= 1;
        if (change->removed) {
            free(change);
        } else {
            memory->bytes += record_bytes(change);
            into->records[--at] = change;
        }
    }
    kept = into->count - at;
    if (kept)
        memmove(&into->records[old], &into->records[at], kept * sizeof(struct tree_record *));
    into->count = old + kept;
    changes->count = 0;
}

static uint64_t changes_bytes(const struct tree_memory *memory)
{
    uint64_t bytes = 0;

    for (int table = 0; table < TREE_TABLES; table++) {
        for (size_t i = 0; i < memory->changes[table].count; i++)
            bytes += record_bytes(memory->changes[table].records[i]);
    }
    return bytes;
}

// Counts one more commit: 0, or the error that it shall have.
static int memory_fails(struct tree_memory *memory)
{
    bool fails;

    memory->commits += 1;
    fails = memory->fail_at && (memory->commits == memory->fail_at ||
                                (memory->commits > memory->fail_at && memory->fail_forever));
    return fails ? memory->fail_err : 0;
}

static int memory_commit(struct tree *tree)
{
    struct tree_memory *memory = memory_of(tree);
    int err = memory_fails(memory);

    if (err)
        return err;
    if (memory->limit && memory->bytes + changes_bytes(memory) > memory->limit)
        return ERR_MAP_FULL;
    for (int table = 0; table < TREE_TABLES; table++)
        changes_merge(memory, &memory->tables[table], &memory->changes[table]);
    return 0;
}

// ---------------------------------------------------------------- jobs

bool tree_memory_complete(struct tree *tree)
{
    struct tree_memory *memory = memory_of(tree);
    struct tree_job *job = memory->waiting;

    if (!job)
        return false;
    memory->waiting = NULL;
    job->err = job->work(job);
    memory->done = job;
    return true;
}

static void memory_submit(struct tree *tree, struct tree_job *job)
{
    struct tree_memory *memory = memory_of(tree);

    check(!memory->waiting && !memory->done);
    memory->waiting = job;
    if (memory->eager)
        tree_memory_complete(tree);
}

static struct tree_job *memory_poll(struct tree *tree)
{
    struct tree_memory *memory = memory_of(tree);
    struct tree_job *job = memory->done;

    memory->done = NULL;
    return job;
}

static void memory_wait(struct tree *tree)
{
    tree_memory_complete(tree);
}

static int memory_grow_map(struct tree *tree)
{
    memory_of(tree)->limit *= 2;
    return 0;
}

// Its arrays have no holes: there is only something that may fail.
static int memory_compact(struct tree *tree, const atomic_bool *stop)
{
    return atomic_load(stop) ? ERR_AGAIN : memory_fails(memory_of(tree));
}

static int memory_reopen(struct tree *tree)
{
    (void)tree;
    return 0;
}

static int memory_adopt(struct tree *tree)
{
    (void)tree;
    return 0;
}

static uint64_t memory_used(struct tree *tree)
{
    return memory_of(tree)->bytes;
}

static void memory_close(struct tree *tree)
{
    struct tree_memory *memory = memory_of(tree);

    memory_abort(tree);
    memory_turn_end(tree);
    for (int table = 0; table < TREE_TABLES; table++) {
        for (size_t i = 0; i < memory->tables[table].count; i++)
            free(memory->tables[table].records[i]);
        free(memory->tables[table].records);
        free(memory->changes[table].records);
    }
    free(memory);
}

static const struct tree_calls memory_calls = {
    memory_get,         memory_next,   memory_turn_end, memory_submit,  memory_poll, memory_wait,
    memory_grow_map,    memory_adopt,  memory_reopen,   memory_begin,   memory_put,  memory_remove,
    memory_remove_some, memory_commit, memory_abort,    memory_compact, memory_used, memory_close,
};

struct tree *tree_memory_new(void)
{
    struct tree_memory *memory = memory_new(sizeof *memory);

    memory->tree.calls = &memory_calls;
    memory->eager = true;
    return &memory->tree;
}

void tree_memory_eager(struct tree *tree, bool eager)
{
    memory_of(tree)->eager = eager;
    if (eager)
        tree_memory_complete(tree);
}

void tree_memory_crash(struct tree *tree)
{
    struct tree_memory *memory = memory_of(tree);

    memory->waiting = NULL;
    memory->done = NULL;
    memory_abort(tree);
}

void tree_memory_fail(struct tree *tree, uint32_t n, int err, bool forever)
{
    struct tree_memory *memory = memory_of(tree);

    memory->fail_at = n ? memory->commits + n : 0;
    memory->fail_err = err;
    memory->fail_forever = forever;
}

void tree_memory_limit(struct tree *tree, uint64_t bytes)
{
    memory_of(tree)->limit = bytes;
}

bool tree_memory_flip(struct tree *tree, enum tree_table table, struct slice key, size_t offset)
{
    struct tree_array *array = &memory_of(tree)->tables[table];
    size_t at = array_find(array, key, false);
    struct tree_record *sound;

    if (at == array->count || !slice_equal(key_of(array->records[at]), key) ||
        offset >= array->records[at]->value_size)
        return false;
    sound = array->records[at];
    array->records[at] = record_new(key_of(sound), value_of(sound));
    array->records[at]->bytes[key.size + offset] ^= 0x10;
    record_retire(memory_of(tree), sound);
    return true;
}

bool tree_memory_waiting(const struct tree *tree)
{
    return ((const struct tree_memory *)tree)->waiting != NULL;
}

struct tree *tree_memory_clone(const struct tree *tree)
{
    const struct tree_memory *from = (const struct tree_memory *)tree;
    struct tree *copy = tree_memory_new();
    struct tree_memory *to = memory_of(copy);

    to->limit = from->limit;
    to->bytes = from->bytes;
    for (int table = 0; table < TREE_TABLES; table++) {
        const struct tree_array *records = &from->tables[table];

        array_reserve(&to->tables[table], records->count);
        to->tables[table].count = records->count;
        for (size_t i = 0; i < records->count; i++)
            to->tables[table].records[i] =
                record_new(key_of(records->records[i]), value_of(records->records[i]));
    }
    return copy;
}

bool tree_memory_pick(const struct tree *tree, enum tree_table table, uint64_t draw,
                      struct slice *key, size_t *offset)
{
    const struct tree_array *records = &((const struct tree_memory *)tree)->tables[table];
    const struct tree_record *record;

    if (records->count == 0)
        return false;
    record = records->records[(draw >> 16) % records->count];
    if (record->value_size == 0)
        return false;
    *key = key_of(record);
    *offset = (draw & 0xffff) % record->value_size;
    return true;
}
