// SPDX-License-Identifier: Apache-2.0
#include "base/heap.h"

#include "base/check.h"

#include <stdlib.h>

void heap_done(struct heap *heap)
{
    free(heap->items);
    *heap = (struct heap){0};
}

static bool item_before(const struct heap_item *a, const struct heap_item *b)
{
    return a->key < b->key || (a->key == b->key && a->order < b->order);
}

static void item_set(struct heap *heap, size_t index, struct heap_item *item)
{
    heap->items[index] = item;
    item->place = index + 1;
}

static void sift_up(struct heap *heap, size_t index, struct heap_item *item)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;

        if (!item_before(item, heap->items[parent]))
            break;
        item_set(heap, index, heap->items[parent]);
        index = parent;
    }
    item_set(heap, index, item);
}

static void sift_down(struct heap *heap, size_t index, struct heap_item *item)
{
    for (;;) {
        size_t child = 2 * index + 1;

        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && item_before(heap->items[child + 1], heap->items[child]))
            child += 1;
        if (!item_before(heap->items[child], item))
            break;
        item_set(heap, index, heap->items[child]);
        index = child;
    }
    item_set(heap, index, item);
}

void heap_add(struct heap *heap, struct heap_item *item, uint64_t key)
{
    check(item->place == 0);
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity ? heap->capacity * 2 : 64;
        heap->items = memory_grow(heap->items, heap->capacity * sizeof(struct heap_item *));
    }
    item->key = key;
    item->order = heap->next_order++;
    heap->count += 1;
    sift_up(heap, heap->count - 1, item);
}

void heap_remove(struct heap *heap, struct heap_item *item)
{
    struct heap_item *last;
    size_t index;

    if (item->place == 0)
        return;
    index = item->place - 1;
    check(index < heap->count && heap->items[index] == item);
    item->place = 0;
    heap->count -= 1;
    last = heap->items[heap->count];
    if (last == item)
        return;
    if (index > 0 && item_before(last, heap->items[(index - 1) / 2]))
        sift_up(heap, index, last);
    else
        sift_down(heap, index, last);
}

struct heap_item *heap_first(const struct heap *heap)
{
    return heap->count ? heap->items[0] : NULL;
}
