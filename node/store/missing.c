// SPDX-License-Identifier: Apache-2.0
// What another replica is sent, read from the dot log and the records as they are now.
//
//     missing:    dots wanted ─▶ dot log ─▶ keys ─▶ record + all dots of the key
//     fill page:  records in tree order, and between them the keys of new dots that have none
//
// An effect and its dots travel together: a receiver that had the effect of a dot without the dot
// would not be asked for it by a third one, and if the sender were then lost, the two would differ
// for ever under equal clocks.
#include "node/store/state.h"

#include "base/check.h"
#include "base/err.h"
#include "base/plant.h"

#include <stdlib.h>

bool store_prune(struct store *store, uint32_t shard, const struct clock *known, uint32_t dots_max)
{
    check(shard < store->shards);
    return replica_prune(&store->replicas[shard], &store->dot_log, shard, known, dots_max);
}

// The dots that the dot log has of a key, less what the receiver has (NULL: nothing). False when
// they are too many for a message.
static bool key_dots(const struct store *store, const uint8_t *tree_key, const struct clock *known,
                     struct clock *out)
{
    const struct dot_entry *entry = NULL;

    while ((entry = dot_log_of_key(&store->dot_log, tree_key, entry))) {
        if (known && clock_contains(known, entry->dot))
            continue;
        clock_add(out, entry->dot);
        if (out->count > STORE_ITEM_RUNS_MAX)
            return false;
    }
    return true;
}

// The key's object, which is empty and has no name when nothing is stored. ERR_DAMAGED, ERR_IO.
static int effect_read(struct store *store, const uint8_t *tree_key, struct arena *arena,
                       struct store_item *out)
{
    struct lookup found;
    int err = object_find(store, tree_key, &found);

    *out = (struct store_item){.object = {.rest = clock_in(arena)}};
    memcpy(out->tree_key, tree_key, TREE_KEY_SIZE);
    if (err)
        return err;
    out->position = found.position;
    if (found.body.size) {
        err = object_read(store, tree_key, &found, arena, out);
        if (err)
            damage_note(store, tree_key);
    }
    if (!err)
        object_widen(store, tree_key, &out->object);
    return err;
}

static size_t effect_size(const struct store_effect *effect)
{
    size_t size =
        effect->item.bucket.size + effect->item.key.size + effect->dots.count * sizeof(struct run);

    for (uint32_t i = 0; i < effect->item.object.count; i++)
        size += effect->item.object.versions[i].value.size;
    return size;
}

// ---------------------------------------------------------------- missing dots

struct gathering {
    struct store *store;
    const struct store_ask *ask;
    struct arena *arena;
    struct clock done; // dots that need not be looked at: their keys were
    struct store_effects out;
    size_t bytes;
};

// Takes the key of a dot in. False when the page is full.
static int dot_gather(struct gathering *gathering, struct dot dot)
{
    struct store *store = gathering->store;
    const struct dot_entry *entry = dot_log_find(&store->dot_log, gathering->ask->shard, dot);
    struct store_effect *effect = &gathering->out.items[gathering->out.count];
    int err;

    check(entry != NULL);
    effect->dots = clock_in(gathering->arena);
    if (!key_dots(store, entry->tree_key, NULL, &effect->dots)) {
        gathering->out.below_floor = true;
        return 0;
    }
    err = effect_read(store, entry->tree_key, gathering->arena, &effect->item);
    if (err && err != ERR_DAMAGED)
        return err;
    clock_join(&gathering->done, &effect->dots);
    if (err) {
        gathering->out.unknown += 1;
        return 0;
    }
    gathering->bytes += effect_size(effect);
    gathering->out.count += 1;
    return 0;
}

static bool page_is_full(const struct gathering *gathering)
{
    return gathering->out.count == gathering->ask->items_max ||
           (gathering->out.count > 0 && gathering->bytes > gathering->ask->bytes_max);
}

static int dots_gather_all(struct gathering *gathering, const struct clock *missing)
{
    for (uint32_t i = 0; i < missing->count; i++) {
        struct dot dot = {missing->runs[i].actor, missing->runs[i].first};

        for (; dot.counter <= missing->runs[i].last; dot.counter++) {
            int err;

            if (clock_contains(&gathering->done, dot))
                continue;
            if (page_is_full(gathering)) {
                gathering->out.more = true;
                return 0;
            }
            err = dot_gather(gathering, dot);
            if (err || gathering->out.below_floor)
                return err;
        }
    }
    return 0;
}

int store_missing(struct store *store, const struct store_ask *ask, struct arena *arena,
                  struct store_effects *out)
{
    const struct replica *replica = &store->replicas[ask->shard];
    struct gathering gathering = {store, ask, arena, .done = clock_in(arena)};
    struct clock missing = clock_in(arena);
    int err = 0;

    check(ask->shard < store->shards && ask->items_max > 0);
    clock_copy(&missing, &replica->clock);
    clock_intersect(&missing, ask->clock);
    if (planted("floor-ignored")) // dots that have left the dot log are passed over
        clock_subtract(&missing, &replica->floor);
    gathering.out.below_floor = clock_overlaps(&missing, &replica->floor);
    if (!gathering.out.below_floor) {
        gathering.out.items = arena_alloc(arena, ask->items_max * sizeof *gathering.out.items);
        err = dots_gather_all(&gathering, &missing);
    }
    if (err)
        return err;
    if (gathering.out.below_floor)
        gathering.out = (struct store_effects){.below_floor = true};
    *out = gathering.out;
    return 0;
}

// ---------------------------------------------------------------- a page for a fill

// Keys with a dot that the start clock lacks, sorted, behind the cursor.
struct fresh {
    uint8_t (*keys)[TREE_KEY_SIZE];
    size_t count;
    size_t at;
};

static int keys_compare(const void *left, const void *right)
{
    return memcmp(left, right, TREE_KEY_SIZE);
}

static void fresh_gather(const struct store *store, const struct store_ask *ask,
                         struct arena *arena, struct fresh *out)
{
    const struct replica *replica = &store->replicas[ask->shard];
    struct clock dots = clock_in(arena);
    uint64_t size;

    *out = (struct fresh){0};
    clock_copy(&dots, &replica->clock);
    clock_subtract(&dots, &replica->floor);
    clock_subtract(&dots, ask->clock);
    size = clock_size(&dots);
    if (size == 0)
        return;
    out->keys = arena_alloc(arena, size * TREE_KEY_SIZE);
    for (uint32_t i = 0; i < dots.count; i++) {
        struct dot dot = {dots.runs[i].actor, dots.runs[i].first};

        for (; dot.counter <= dots.runs[i].last; dot.counter++) {
            const struct dot_entry *entry = dot_log_find(&store->dot_log, ask->shard, dot);

            check(entry != NULL);
            if (!ask->after || memcmp(entry->tree_key, ask->after, TREE_KEY_SIZE) > 0)
                memcpy(out->keys[out->count++], entry->tree_key, TREE_KEY_SIZE);
        }
    }
    if (out->count)
        qsort(out->keys, out->count, TREE_KEY_SIZE, keys_compare);
}

// The next key of the page: of a record or of a new dot. ERR_NOT_FOUND at the end.
static int page_key(struct store *store, const struct store_ask *ask, const uint8_t *after,
                    struct fresh *fresh, uint8_t out[TREE_KEY_SIZE])
{
    uint8_t first[TREE_KEY_SIZE];
    const uint8_t *new;
    struct walk_item walk;
    int err;

    while (after && fresh->at < fresh->count &&
           memcmp(fresh->keys[fresh->at], after, TREE_KEY_SIZE) <= 0)
        fresh->at += 1;
    new = fresh->at < fresh->count ? fresh->keys[fresh->at] : NULL;
    key_shard_first(ask->shard, store->shards, first);
    err = walk_next(store, after, first, &walk);
    if (!err && key_tree_shard(walk.tree_key, store->shards) != ask->shard)
        err = ERR_NOT_FOUND;
    if (err && (err != ERR_NOT_FOUND || !new))
        return err;
    if (err || (new &&memcmp(new, walk.tree_key, TREE_KEY_SIZE) < 0))
        memcpy(out, new, TREE_KEY_SIZE);
    else
        memcpy(out, walk.tree_key, TREE_KEY_SIZE);
    return 0;
}

static int key_gather(struct gathering *gathering, const uint8_t *tree_key)
{
    struct store_effect *effect = &gathering->out.items[gathering->out.count];
    int err = effect_read(gathering->store, tree_key, gathering->arena, &effect->item);

    if (err == ERR_DAMAGED) {
        gathering->out.unknown += 1;
        return 0;
    }
    if (err)
        return err;
    effect->dots = clock_in(gathering->arena);
    if (!key_dots(gathering->store, tree_key, gathering->ask->clock, &effect->dots)) {
        gathering->out.below_floor = true;
        return 0;
    }
    if (object_is_empty(&effect->item.object) && effect->dots.count == 0)
        return 0;
    gathering->bytes += effect_size(effect);
    gathering->out.count += 1;
    return 0;
}

int store_fill_page(struct store *store, const struct store_ask *ask, struct arena *arena,
                    struct store_effects *out)
{
    struct gathering gathering = {store, ask, arena, .done = clock_in(arena)};
    struct store_effects *page = &gathering.out;
    const uint8_t *after = ask->after;
    uint8_t next[TREE_KEY_SIZE];
    struct fresh fresh;
    int err;

    check(ask->shard < store->shards && ask->items_max > 0);
    page->items = arena_alloc(arena, ask->items_max * sizeof *page->items);
    fresh_gather(store, ask, arena, &fresh);
    while (!(err = page_key(store, ask, after, &fresh, next)) && !page_is_full(&gathering)) {
        err = key_gather(&gathering, next);
        if (err || page->below_floor)
            break;
        memcpy(page->reached, next, TREE_KEY_SIZE);
        after = page->reached;
    }
    if (err && err != ERR_NOT_FOUND)
        return err;
    page->more = !err;
    if (page->below_floor)
        *page = (struct store_effects){.below_floor = true};
    *out = *page;
    return 0;
}

// ---------------------------------------------------------------- damaged keys

bool store_unknown_next(const struct store *store, uint32_t shard, const uint8_t *after,
                        uint8_t out[TREE_KEY_SIZE])
{
    uint8_t first[TREE_KEY_SIZE];
    const uint8_t *key;

    check(shard < store->shards);
    key_shard_first(shard, store->shards, first);
    key = unknown_next(&store->unknown, after, first);
    if (!key || key_tree_shard(key, store->shards) != shard)
        return false;
    memcpy(out, key, TREE_KEY_SIZE);
    return true;
}
