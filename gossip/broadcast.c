// SPDX-License-Identifier: Apache-2.0
// The list is always sorted. What a datagram took moves back into its new place by binary search
// and block moves: a member that is asked thousands of times a second, while there is news about
// thousands of others, must not sort them for each answer. The list never holds more than one
// entry per member, so its length is bounded by the member table.
#include "gossip/broadcast.h"

#include "base/check.h"

#include <stdlib.h>

enum { CAPACITY_KEEP = 64 };

void broadcasts_init(struct broadcasts *broadcasts, size_t max)
{
    *broadcasts = (struct broadcasts){.max = max};
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

// Orders are distinct, so the order is total.
static bool before(const struct broadcast *a, const struct broadcast *b)
{
    if (a->sends != b->sends)
        return a->sends < b->sends;
    if (a->bytes.size != b->bytes.size)
        return a->bytes.size > b->bytes.size;
    return a->order > b->order;
}

static int compare(const void *left, const void *right)
{
    const struct broadcast *a = *(struct broadcast *const *)left;
    const struct broadcast *b = *(struct broadcast *const *)right;

    return before(a, b) ? -1 : before(b, a);
}

// Where it is among the first `count`, or would be.
static size_t place_of(const struct broadcasts *broadcasts, size_t count,
                       const struct broadcast *broadcast)
{
    size_t low = 0;

    while (low < count) {
        size_t middle = low + (count - low) / 2;

        if (before(broadcasts->list[middle], broadcast))
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

static void move(struct broadcasts *broadcasts, size_t to, size_t from, size_t count)
{
    memmove(&broadcasts->list[to], &broadcasts->list[from], count * sizeof(struct broadcast *));
}

// Puts sorted entries, which the list has room for, into their places: the last one first, so that
// each entry of the list moves once.
static void insert(struct broadcasts *broadcasts, struct broadcast *const *entries, size_t count)
{
    size_t end = broadcasts->count;

    broadcasts->count += count;
    while (count-- > 0) {
        size_t place = place_of(broadcasts, end, entries[count]);

        move(broadcasts, place + count + 1, place, end - place);
        broadcasts->list[place + count] = entries[count];
        end = place;
    }
}

// All of a large ring is news to whoever joins it, once.
static void shrink(struct broadcasts *broadcasts)
{
    if (broadcasts->count || broadcasts->capacity <= CAPACITY_KEEP)
        return;
    free(broadcasts->list);
    broadcasts->list = NULL;
    broadcasts->capacity = 0;
    table_done(&broadcasts->by_member);
}

static void drop_last(struct broadcasts *broadcasts)
{
    struct broadcast *broadcast = broadcasts->list[--broadcasts->count];

    check(table_remove(&broadcasts->by_member, broadcast->about) == broadcast);
    broadcasts->bytes -= broadcast->bytes.size;
    broadcast_free(broadcast);
}

// The entry about the member, taken out of the list; a new one when there is none.
static struct broadcast *take(struct broadcasts *broadcasts, uint64_t about)
{
    struct broadcast *broadcast = table_find(&broadcasts->by_member, about);
    size_t place;

    if (!broadcast) {
        broadcast = memory_new(sizeof *broadcast);
        broadcast->about = about;
        table_set(&broadcasts->by_member, about, broadcast);
        return broadcast;
    }
    place = place_of(broadcasts, broadcasts->count, broadcast);
    check(broadcasts->list[place] == broadcast);
    move(broadcasts, place, place + 1, --broadcasts->count - place);
    return broadcast;
}

bool broadcasts_add(struct broadcasts *broadcasts, uint64_t about, struct slice message)
{
    bool fits = broadcasts->count < broadcasts->max || broadcasts_pending(broadcasts, about);
    struct broadcast *broadcast;

    if (!fits)
        drop_last(broadcasts);
    if (broadcasts->count == broadcasts->capacity) {
        broadcasts->capacity = broadcasts->capacity ? broadcasts->capacity * 2 : 16;
        broadcasts->list =
            memory_grow(broadcasts->list, broadcasts->capacity * sizeof *broadcasts->list);
    }
    broadcast = take(broadcasts, about);
    broadcasts->bytes += message.size - broadcast->bytes.size;
    free((void *)broadcast->bytes.data);
    broadcast->bytes =
        slice_of(memcpy(memory_new(message.size), message.data, message.size), message.size);
    broadcast->sends = 0;
    broadcast->order = broadcasts->next_order++;
    insert(broadcasts, &broadcast, 1);
    return fits;
}

static bool fits_whole(const struct broadcasts *broadcasts, const struct broadcast_room *room)
{
    return broadcasts->count <= room->parts &&
           broadcasts->bytes + broadcasts->count * room->overhead <= room->bytes;
}

static size_t copy_all(const struct broadcasts *broadcasts, struct arena *arena, struct slice *out)
{
    for (size_t i = 0; i < broadcasts->count; i++)
        out[i] = arena_copy(arena, broadcasts->list[i]->bytes);
    return broadcasts->count;
}

size_t broadcasts_fill(struct broadcasts *broadcasts, const struct broadcast_room *room,
                       struct arena *arena, struct slice *out)
{
    struct broadcast **taken;
    size_t left = room->bytes;
    size_t parts = 0;
    size_t kept = 0;
    size_t at = 0;

    if (broadcasts->count == 0)
        return 0;
    if (room->along && fits_whole(broadcasts, room))
        return copy_all(broadcasts, arena, out);
    taken = arena_alloc(arena, room->parts * sizeof(struct broadcast *));
    for (; at < broadcasts->count && parts < room->parts && left > room->overhead; at++) {
        struct broadcast *broadcast = broadcasts->list[at];

        if (broadcast->bytes.size > left - room->overhead) {
            broadcasts->list[kept++] = broadcast;
            continue;
        }
        left -= broadcast->bytes.size + room->overhead;
        out[parts] = arena_copy(arena, broadcast->bytes);
        broadcast->sends++;
        taken[parts++] = broadcast;
    }
    move(broadcasts, kept, at, broadcasts->count - at);
    broadcasts->count -= parts;
    if (parts)
        qsort(taken, parts, sizeof *taken, compare);
    insert(broadcasts, taken, parts);
    while (broadcasts->count && broadcasts->list[broadcasts->count - 1]->sends >= room->sends_max)
        drop_last(broadcasts);
    shrink(broadcasts);
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
