// SPDX-License-Identifier: Apache-2.0
// Which keys the copies of a shard hold differently: all copies list theirs in the order of the
// hashes, so one pass over the lists side by side finds them.
#include "client/cli_verify.h"

#include "base/check.h"
#include "client/cli_json.h"

#include <stdlib.h>

// One key of one copy.
struct listed {
    uint8_t hash[16];
    size_t bucket_size;
    struct buffer name; // bucket, then key
    struct buffer dots; // as text
};

struct list {
    struct listed *items; // heap
    size_t count;
    size_t at;
};

static void list_done(struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        buffer_done(&list->items[i].name);
        buffer_done(&list->items[i].dots);
    }
    free(list->items);
}

static void listed_take(const struct quorate_held *from, struct listed *to)
{
    check(from->hash.size == sizeof to->hash);
    (void)memcpy(to->hash, from->hash.data, sizeof to->hash);
    to->bucket_size = from->key.bucket.size;
    buffer_add(&to->name, from->key.bucket.data, from->key.bucket.size);
    buffer_add(&to->name, from->key.key.data, from->key.key.size);
    for (size_t i = 0; i < from->dot_count; i++) {
        if (i > 0)
            buffer_add_u8(&to->dots, ' ');
        dot_text(&to->dots, from->dots[i]);
    }
}

static int list_read(struct verify *verify, const struct copy *copy, uint32_t shard,
                     struct list *list)
{
    struct quorate_scan_options options = {.shard = shard};
    uint8_t after[16];
    bool more = true;
    int err = 0;

    while (more && !err) {
        struct quorate_result *result;

        err =
            quorate_held(verify->client, verify->holders[copy->holder].address, &options, &result);
        list->items =
            memory_grow(list->items, (list->count + result->held_count) * sizeof *list->items);
        for (size_t i = 0; i < result->held_count; i++) {
            list->items[list->count] = (struct listed){0};
            listed_take(&result->held[i], &list->items[list->count++]);
        }
        more = result->more && result->after.size == sizeof after;
        if (more)
            (void)memcpy(after, result->after.data, sizeof after);
        options.after = quorate_bytes(after, more ? sizeof after : 0);
        quorate_result_free(result);
    }
    return err;
}

// The smallest hash that any list stands at; NULL when all are at their end.
static const struct listed *lists_first(const struct list *lists, uint32_t count)
{
    const struct listed *first = NULL;

    for (uint32_t i = 0; i < count; i++) {
        const struct listed *item = &lists[i].items[lists[i].at];

        if (lists[i].at == lists[i].count)
            continue;
        if (!first || memcmp(item->hash, first->hash, sizeof item->hash) < 0)
            first = item;
    }
    return first;
}

static const struct listed *list_at(const struct list *list, const uint8_t hash[16])
{
    const struct listed *item = &list->items[list->at];

    return list->at < list->count && memcmp(item->hash, hash, 16) == 0 ? item : NULL;
}

static bool same_dots(const struct listed *a, const struct listed *b)
{
    struct slice left = a ? buffer_slice(&a->dots) : slice_of("", 0);
    struct slice right = b ? buffer_slice(&b->dots) : slice_of("", 0);

    return slice_equal(left, right);
}

static void difference_add(struct shard_keys *out, const struct list *lists, uint32_t count,
                           const uint8_t hash[16])
{
    struct key_differs *item;

    out->items = memory_grow(out->items, (out->count + 1) * sizeof *out->items);
    item = &out->items[out->count++];
    *item = (struct key_differs){.dots = memory_new(count * sizeof *item->dots)};
    for (uint32_t i = 0; i < count; i++) {
        const struct listed *listed = list_at(&lists[i], hash);

        if (!listed)
            continue;
        buffer_add_slice(&item->dots[i], buffer_slice(&listed->dots));
        if (item->key.size > 0 || listed->bucket_size == 0)
            continue;
        buffer_add(&item->bucket, listed->name.data, listed->bucket_size);
        buffer_add(&item->key, listed->name.data + listed->bucket_size,
                   listed->name.size - listed->bucket_size);
    }
}

// One key: do all owners' copies hold the same of it?
static bool key_differs(const struct shard_copies *copies, const struct list *lists,
                        const uint8_t hash[16])
{
    const struct listed *first = NULL;
    bool any = false;
    bool differs = false;

    for (uint32_t i = 0; i < copies->count; i++) {
        const struct listed *listed = list_at(&lists[i], hash);

        if (!copies->copies[i].owner)
            continue;
        differs |= any && !same_dots(first, listed);
        first = any ? first : listed;
        any = true;
    }
    return differs;
}

static void lists_compare(const struct shard_copies *copies, struct list *lists,
                          uint32_t listed_max, struct shard_keys *out)
{
    const struct listed *first;

    while ((first = lists_first(lists, copies->count))) {
        uint8_t hash[16];

        (void)memcpy(hash, first->hash, sizeof hash);
        if (key_differs(copies, lists, hash)) {
            if (out->count < listed_max)
                difference_add(out, lists, copies->count, hash);
            else
                out->more += 1;
        }
        for (uint32_t i = 0; i < copies->count; i++)
            lists[i].at += list_at(&lists[i], hash) != NULL;
    }
}

int verify_keys(struct verify *verify, uint32_t shard, uint32_t listed_max, struct shard_keys *out)
{
    const struct shard_copies *copies = &verify->table[shard];
    struct list *lists = memory_new((copies->count + 1) * sizeof *lists);
    int err = 0;

    *out = (struct shard_keys){0};
    for (uint32_t i = 0; i < copies->count && !err; i++)
        err = list_read(verify, &copies->copies[i], shard, &lists[i]);
    if (!err)
        lists_compare(copies, lists, listed_max, out);
    for (uint32_t i = 0; i < copies->count; i++)
        list_done(&lists[i]);
    free(lists);
    return err;
}

void shard_keys_done(struct shard_keys *keys, uint32_t copies)
{
    for (uint32_t i = 0; i < keys->count; i++) {
        struct key_differs *item = &keys->items[i];

        buffer_done(&item->bucket);
        buffer_done(&item->key);
        for (uint32_t k = 0; k < copies; k++)
            buffer_done(&item->dots[k]);
        free(item->dots);
    }
    free(keys->items);
}
