// SPDX-License-Identifier: Apache-2.0
// The list is sorted lazily, when it is next read: a burst of news costs one sort. It never holds
// more than one entry per member, so its length is bounded by the member table.
#include "gossip/broadcast.h"

#include "base/check.h"

#include <stdlib.h>

void broadcasts_init(struct broadcasts *broadcasts, size_t max)
{
    *broadcasts = (struct broadcasts){.max = max, .sorted = true};
}

static void broadcast_free(struct broadcast *broadcast)
{
    free((void *)broadcast->bytes.data);
    free(broadcast);
}

void broadcasts_done(struct broadcasts *broadcasts)
{
    for (size_t i = 0; i < broadcasts->count; i++)
        broadcast_free(broadcasts->list[i]);
    free(broadcasts->list);
    table_done(&broadcasts->by_member);
    *broadcasts = (struct broadcasts){0};
}

// Orders are distinct, so the order is total and the sort needs not be stable.
static int compare(const void *left, const void *right)
{
    const struct broadcast *a = *(struct broadcast *const *)left;
    const struct broadcast *b = *(struct broadcast *const *)right;

    if (a->sends != b->sends)
        return a->sends < b->sends ? -1 : 1;
    if (a->bytes.size != b->bytes.size)
        return a->bytes.size > b->bytes.size ? -1 : 1;
    return a->order > b->order ? -1 : a->order < b->order;
}

static void sort(struct broadcasts *broadcasts)
{
    if (!broadcasts->sorted && broadcasts->count)
        qsort(broadcasts->list, broadcasts->count, sizeof(struct broadcast *), compare);
    broadcasts->sorted = true;
}

static void remove_at(struct broadcasts *broadcasts, size_t at)
{
    struct broadcast *broadcast = broadcasts->list[at];

    check(table_remove(&broadcasts->by_member, broadcast->about) == broadcast);
    broadcast_free(broadcast);
    broadcasts->list[at] = broadcasts->list[--broadcasts->count];
    broadcasts->sorted = false;
}

static void set_message(struct broadcasts *broadcasts, struct broadcast *broadcast,
                        struct slice message)
{
    uint8_t *copy = memory_new(message.size);

    memcpy(copy, message.data, message.size);
    free((void *)broadcast->bytes.data);
    broadcast->bytes = slice_of(copy, message.size);
    broadcast->sends = 0;
    broadcast->order = broadcasts->next_order++;
    broadcasts->sorted = false;
}

bool broadcasts_add(struct broadcasts *broadcasts, uint64_t about, struct slice message)
{
    struct broadcast *broadcast = table_find(&broadcasts->by_member, about);
    bool fits = true;

    if (broadcast) {
        set_message(broadcasts, broadcast, message);
        return true;
    }
    if (broadcasts->count == broadcasts->max) {
        sort(broadcasts);
        remove_at(broadcasts, broadcasts->count - 1);
        fits = false;
    }
    if (broadcasts->count == broadcasts->capacity) {
        broadcasts->capacity = broadcasts->capacity ? broadcasts->capacity * 2 : 16;
        broadcasts->list =
            memory_grow(broadcasts->list, broadcasts->capacity * sizeof *broadcasts->list);
    }
    broadcast = memory_new(sizeof *broadcast);
    broadcast->about = about;
    set_message(broadcasts, broadcast, message);
    broadcasts->list[broadcasts->count++] = broadcast;
    table_set(&broadcasts->by_member, about, broadcast);
    return fits;
}

size_t broadcasts_fill(struct broadcasts *broadcasts, const struct broadcast_room *room,
                       struct arena *arena, struct slice *out)
{
    size_t left = room->bytes;
    size_t parts = 0;

    sort(broadcasts);
    for (size_t i = 0; i < broadcasts->count && parts < room->parts; i++) {
        struct broadcast *broadcast = broadcasts->list[i];

        if (left < room->overhead || broadcast->bytes.size > left - room->overhead)
            continue;
        left -= broadcast->bytes.size + room->overhead;
        out[parts++] = arena_copy(arena, broadcast->bytes);
        broadcast->sends++;
        broadcasts->sorted = false;
    }
    for (size_t i = broadcasts->count; i-- > 0;) {
        if (broadcasts->list[i]->sends >= room->sends_max)
            remove_at(broadcasts, i);
    }
    return parts;
}

bool broadcasts_pending(const struct broadcasts *broadcasts, uint64_t about)
{
    return table_find(&broadcasts->by_member, about) != NULL;
}

uint32_t broadcasts_sends_max(uint32_t mult, size_t members)
{
    uint32_t digits = 0;

    for (uint64_t reach = 1; reach < (uint64_t)members + 1; reach *= 10)
        digits++;
    return mult * digits;
}
