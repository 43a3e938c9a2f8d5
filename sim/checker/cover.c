// SPDX-License-Identifier: Apache-2.0

#include "sim/checker/cover.h"

void cover_init(struct cover *cover, const struct book *book, struct arena *arena)
{
    cover->count = book->named_count;
    cover->next = arena_alloc(arena, ((size_t)cover->count + 1) * sizeof *cover->next);
    cover->by = arena_alloc(arena, ((size_t)cover->count + 1) * sizeof *cover->by);
    for (uint32_t i = 0; i <= cover->count; i++) {
        cover->next[i] = i;
        cover->by[i] = NOBODY;
    }
}

static uint32_t cover_next(struct cover *cover, uint32_t place)
{
    while (cover->next[place] != place) {
        cover->next[place] = cover->next[cover->next[place]];
        place = cover->next[place];
    }
    return place;
}

void cover_add(struct cover *cover, const struct book *book, uint32_t op,
               void (*fresh)(void *context, uint32_t place), void *context)
{
    const struct clock *sent = book_op(book, op)->sent;

    for (uint32_t i = 0; sent && i < sent->count; i++) {
        uint32_t low;
        uint32_t high;

        book_range(book, &sent->runs[i], &low, &high);
        for (uint32_t place = cover_next(cover, low); place < high;
             place = cover_next(cover, place + 1)) {
            if (place == book->places[op])
                continue;
            cover->by[place] = op;
            cover->next[place] = place + 1;
            if (fresh)
                fresh(context, place);
        }
    }
}

void sums_init(struct sums *sums, uint32_t count, struct arena *arena)
{
    sums->count = count;
    sums->total = 0;
    sums->tree = arena_new(arena, ((size_t)count + 1) * sizeof *sums->tree);
}

void sums_add(struct sums *sums, uint32_t place, int32_t amount)
{
    sums->total = (uint32_t)((int32_t)sums->total + amount);
    for (uint32_t i = place + 1; i <= sums->count; i += i & -i)
        sums->tree[i] += amount;
}

static int32_t sums_below(const struct sums *sums, uint32_t place)
{
    int32_t sum = 0;

    for (uint32_t i = place; i > 0; i -= i & -i)
        sum += sums->tree[i];
    return sum;
}

uint32_t sums_range(const struct sums *sums, uint32_t low, uint32_t high)
{
    return low < high ? (uint32_t)(sums_below(sums, high) - sums_below(sums, low)) : 0;
}
