// SPDX-License-Identifier: Apache-2.0
// Point reads go through a hash table (chained, at most one entry a slot on average), ordered ones
// through an array that is sorted when somebody asks: a sorted front and a tail of what came since.
//
//     order: | sorted ............ | newer, in order of arrival |
//                                  ^ sorted
//
// A scan in chunks between writes therefore sorts a few new entries and merges them in one pass,
// and writes without scans never sort at all. A short tail is not even sorted but looked through:
// who asks after each write (a fill) would move half the array each time.
#include "node/store/memtable.h"

#include "base/buffer.h"
#include "base/check.h"

#include <stdlib.h>

enum { MEMTABLE_SLOTS_MIN = 256, MEMTABLE_RADIX_MIN = 512, MEMTABLE_TAIL_MAX = 256 };

struct memtable {
    struct arena arena;
    struct memtable_entry **slots;
    size_t slot_count; // a power of two
    struct memtable_order *order;
    size_t count;
    size_t capacity;
    size_t sorted; // how many at the front of `order` are sorted
    struct memtable_entry *rest_first;
    struct memtable_entry *rest_last;
};

struct memtable *memtable_new(void)
{
    struct memtable *table = memory_new(sizeof *table);

    table->slot_count = MEMTABLE_SLOTS_MIN;
    table->slots = memory_new(table->slot_count * sizeof *table->slots);
    return table;
}

void memtable_free(struct memtable *table)
{
    if (!table)
        return;
    arena_done(&table->arena);
    free(table->slots);
    free(table->order);
    free(table);
}

// The tree key is a seeded hash already: no mixing is needed.
static size_t slot_of(const struct memtable *table, const uint8_t *tree_key)
{
    return (size_t)(bytes_u64(tree_key) ^ bytes_u64(tree_key + 8)) & (table->slot_count - 1);
}

struct memtable_entry *memtable_find(const struct memtable *table,
                                     const uint8_t tree_key[TREE_KEY_SIZE])
{
    struct memtable_entry *entry = table->slots[slot_of(table, tree_key)];

    while (entry && memcmp(entry->tree_key, tree_key, TREE_KEY_SIZE) != 0)
        entry = entry->chain;
    return entry;
}

static void slots_grow(struct memtable *table)
{
    table->slot_count *= 2;
    free(table->slots);
    table->slots = memory_new(table->slot_count * sizeof *table->slots);
    for (size_t i = 0; i < table->count; i++) {
        struct memtable_entry *entry = table->order[i].entry;
        struct memtable_entry **slot = &table->slots[slot_of(table, entry->tree_key)];

        entry->chain = *slot;
        *slot = entry;
    }
}

static struct memtable_entry *entry_add(struct memtable *table, const uint8_t *tree_key)
{
    struct memtable_entry *entry = arena_new(&table->arena, sizeof *entry);
    struct memtable_entry **slot;

    if (table->count == table->capacity) {
        table->capacity = table->capacity ? table->capacity * 2 : MEMTABLE_SLOTS_MIN;
        table->order = memory_grow(table->order, table->capacity * sizeof *table->order);
    }
    memcpy(entry->tree_key, tree_key, TREE_KEY_SIZE);
    table->order[table->count++] = (struct memtable_order){bytes_u64_big(tree_key), entry};
    if (table->count > table->slot_count) {
        slots_grow(table);
        return entry;
    }
    slot = &table->slots[slot_of(table, tree_key)];
    entry->chain = *slot;
    *slot = entry;
    return entry;
}

struct memtable_entry *memtable_set(struct memtable *table, const uint8_t tree_key[TREE_KEY_SIZE],
                                    struct slice record, uint64_t position)
{
    struct memtable_entry *entry = memtable_find(table, tree_key);

    check(record.size <= UINT32_MAX);
    if (!entry)
        entry = entry_add(table, tree_key);
    entry->record = record.size ? (uint8_t *)arena_copy(&table->arena, record).data : NULL;
    entry->size = (uint32_t)record.size;
    if (position > entry->position)
        entry->position = position;
    return entry;
}

void memtable_rest_push(struct memtable *table, struct memtable_entry *entry)
{
    if (entry->in_rest)
        return;
    entry->in_rest = true;
    entry->rest_next = NULL;
    if (table->rest_last)
        table->rest_last->rest_next = entry;
    else
        table->rest_first = entry;
    table->rest_last = entry;
}

struct memtable_entry *memtable_rest_pop(struct memtable *table)
{
    struct memtable_entry *entry = table->rest_first;

    if (!entry)
        return NULL;
    table->rest_first = entry->rest_next;
    if (!table->rest_first)
        table->rest_last = NULL;
    entry->in_rest = false;
    return entry;
}

uint32_t memtable_keys(const struct memtable *table)
{
    return (uint32_t)table->count;
}

uint64_t memtable_bytes(const struct memtable *table)
{
    return table->arena.total + table->capacity * sizeof *table->order +
           table->slot_count * sizeof *table->slots;
}

static int order_compare(const void *left, const void *right)
{
    const struct memtable_order *a = left;
    const struct memtable_order *b = right;

    if (a->front != b->front)
        return a->front < b->front ? -1 : 1;
    return memcmp(a->entry->tree_key, b->entry->tree_key, TREE_KEY_SIZE);
}

// One pass of a radix sort: from `order` to `to` by one byte of the fronts.
static void order_pass(const struct memtable_order *order, struct memtable_order *to, size_t count,
                       unsigned shift)
{
    size_t places[256] = {0};
    size_t place = 0;

    for (size_t i = 0; i < count; i++)
        places[order[i].front >> shift & 0xff] += 1;
    for (size_t byte = 0; byte < 256; byte++) {
        size_t here = places[byte];

        places[byte] = place;
        place += here;
    }
    for (size_t i = 0; i < count; i++)
        to[places[order[i].front >> shift & 0xff]++] = order[i];
}

// Keys are hashes: a radix sort by their fronts takes a few milliseconds for a full table, where
// comparing takes tens. Equal fronts, which only malice finds, are put right by insertion.
void memtable_sort(struct memtable_order *order, size_t count)
{
    struct memtable_order *copy;

    if (count < MEMTABLE_RADIX_MIN) {
        if (count)
            qsort(order, count, sizeof *order, order_compare);
        return;
    }
    copy = memory_grow(NULL, count * sizeof *copy);
    for (unsigned shift = 0; shift < 64; shift += 16) {
        order_pass(order, copy, count, shift);
        order_pass(copy, order, count, shift + 8);
    }
    free(copy);
    for (size_t i = 1; i < count; i++) {
        struct memtable_order moved = order[i];
        size_t at = i;

        for (; at > 0 && order_compare(&order[at - 1], &moved) > 0; at--)
            order[at] = order[at - 1];
        order[at] = moved;
    }
}

void memtable_list(const struct memtable *table, struct memtable_order *out)
{
    if (table->count)
        memcpy(out, table->order, table->count * sizeof *out);
}

// Sorts the tail, then merges it in from the back: a copy of the tail is all the memory needed.
static void order_settle(struct memtable *table)
{
    size_t tail = table->count - table->sorted;
    size_t at = table->count;
    size_t front = table->sorted;
    struct memtable_order *copy;

    if (tail == 0)
        return;
    copy = memory_grow(NULL, tail * sizeof *copy);
    memcpy(copy, table->order + table->sorted, tail * sizeof *copy);
    memtable_sort(copy, tail);
    while (tail > 0) {
        if (front > 0 && order_compare(&table->order[front - 1], &copy[tail - 1]) > 0)
            table->order[--at] = table->order[--front];
        else
            table->order[--at] = copy[--tail];
    }
    free(copy);
    table->sorted = table->count;
}

// True when the entry is wanted by memtable_next.
static bool is_from(const struct memtable_order *order, const uint8_t *from, bool behind)
{
    int compared = memcmp(order->entry->tree_key, from, TREE_KEY_SIZE);

    return compared > 0 || (compared == 0 && !behind);
}

// The smallest of the tail that is wanted and smaller than `best` (NULL: than anything).
static const struct memtable_order *tail_next(const struct memtable *table, const uint8_t *from,
                                              bool behind, const struct memtable_order *best)
{
    uint64_t front = bytes_u64_big(from);

    for (size_t i = table->sorted; i < table->count; i++) {
        const struct memtable_order *order = &table->order[i];

        if (order->front >= front && (!best || order->front <= best->front) &&
            is_from(order, from, behind) && (!best || order_compare(order, best) < 0))
            best = order;
    }
    return best;
}

struct memtable_entry *memtable_next(struct memtable *table, const uint8_t *after,
                                     const uint8_t *first)
{
    const uint8_t *from = after ? after : first;
    const struct memtable_order *best;
    size_t low = 0;
    size_t high;

    if (table->count - table->sorted > MEMTABLE_TAIL_MAX)
        order_settle(table);
    high = table->sorted;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (is_from(&table->order[middle], from, after != NULL))
            high = middle;
        else
            low = middle + 1;
    }
    best = low < table->sorted ? &table->order[low] : NULL;
    best = tail_next(table, from, after != NULL, best);
    return best ? best->entry : NULL;
}
