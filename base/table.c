// SPDX-License-Identifier: Apache-2.0
#include "base/table.h"

#include "base/check.h"
#include "base/rng.h"

#include <stdlib.h>

void table_done(struct table *table)
{
    free(table->slots);
    *table = (struct table){0};
}

static size_t home_of(const struct table *table, uint64_t id)
{
    return rng_mix(id) & (table->capacity - 1);
}

// The slot that holds the id, or the free one where it would go.
static struct table_slot *slot_of(const struct table *table, uint64_t id)
{
    size_t index = home_of(table, id);

    while (table->slots[index].value && table->slots[index].id != id)
        index = (index + 1) & (table->capacity - 1);
    return &table->slots[index];
}

void *table_find(const struct table *table, uint64_t id)
{
    return table->capacity ? slot_of(table, id)->value : NULL;
}

static void table_grow(struct table *table)
{
    struct table old = *table;

    table->capacity = old.capacity ? old.capacity * 2 : 16;
    table->slots = memory_new(table->capacity * sizeof(struct table_slot));
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].value)
            *slot_of(table, old.slots[i].id) = old.slots[i];
    }
    free(old.slots);
}

void table_set(struct table *table, uint64_t id, void *value)
{
    struct table_slot *slot;

    check(value);
    if (4 * (table->count + 1) > 3 * table->capacity)
        table_grow(table);
    slot = slot_of(table, id);
    if (!slot->value)
        table->count += 1;
    *slot = (struct table_slot){id, value};
}

void *table_remove(struct table *table, uint64_t id)
{
    struct table_slot *slot = table->capacity ? slot_of(table, id) : NULL;
    size_t mask = table->capacity - 1;
    size_t hole;
    void *value;

    if (!slot || !slot->value)
        return NULL;
    value = slot->value;
    hole = (size_t)(slot - table->slots);
    // Close the gap: move back each follower whose home does not lie behind the hole.
    for (size_t at = (hole + 1) & mask; table->slots[at].value; at = (at + 1) & mask) {
        size_t home = home_of(table, table->slots[at].id);

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole].value = NULL;
    table->count -= 1;
    return value;
}

void *table_next(const struct table *table, size_t *at)
{
    while (*at < table->capacity) {
        void *value = table->slots[(*at)++].value;

        if (value)
            return value;
    }
    return NULL;
}
