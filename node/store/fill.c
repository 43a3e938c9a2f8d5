// SPDX-License-Identifier: Apache-2.0
// What a replica is filled with: a merge-join in tree order of a stream and what is here.
//
//      stream:        c        f           k
//      here:      a b c      e             k   m
//                 └┬┘ │      │ └┬─┘        │   │
//         with nothing│ with nothing       │   with nothing, at the end
//                   merged               merged
//
// Each item is one record of the log, and so is each stretch of keys that are here alone: it says
// under which context, and where the cursor stands afterwards. So a crash leaves a prefix.
//
// What the start clock has does not enter the shard's clock with an item: it counts for the keys
// that the cursor has passed, this one included, and joins at the end. Otherwise the clock would
// hold one run for every second version of the shard. Everything else that a key then holds, be it
// left by an earlier fill, enters with it, so that no version stays outside of clock and start.
#include "base/plant.h"
#include "node/store/state.h"

#include "base/check.h"
#include "base/err.h"

#include <assert.h>

static_assert((int)FILLS_MAX == (int)STORE_FILLS_MAX, "what is promised is what is stored");

// What the stream has of one key; NULL versions and no dots: nothing.
struct came {
    const struct object *object;
    const struct clock *context; // of the page
    const struct clock *dots;
};

static bool is_behind(const struct fill *fill, const uint8_t *tree_key)
{
    return !fill_has_passed(fill, tree_key);
}

static void cursor_set(struct replica *replica, const uint8_t *tree_key)
{
    struct fill *fill = replica_fill(replica);

    memcpy(fill->cursor, tree_key, TREE_KEY_SIZE);
    fill->moved = true;
    replica->changed = true;
}

// The item's whole context, in the arena.
static struct clock came_context(struct arena *arena, const struct came *came)
{
    struct clock context = clock_in(arena);

    clock_copy(&context, came->context);
    clock_join(&context, &came->object->rest);
    clock_join(&context, came->dots);
    for (uint32_t i = 0; i < came->object->count; i++)
        clock_add(&context, came->object->versions[i].dot);
    return context;
}

// What enters the shard's clock: what the item stands for and what the key then holds, less what
// joins at the end.
static void came_dots(struct store *store, struct change *change, const struct came *came,
                      const struct object *next)
{
    const struct replica *replica = replica_of(store, change->tree_key);

    clock_copy(&change->dots, came->dots);
    if (planted("fill-joins-early")) // the clock takes the whole context with the first item
        clock_join(&change->dots, came->context);
    for (uint32_t i = 0; i < came->object->count; i++)
        clock_add(&change->dots, came->object->versions[i].dot);
    for (uint32_t i = 0; i < next->count; i++)
        clock_add(&change->dots, next->versions[i].dot);
    clock_subtract(&change->dots, &replica_fill(replica)->start);
    clock_subtract(&change->dots, &replica->clock);
}

static struct object came_merge(struct store *store, struct change *change, const struct came *came,
                                const struct clock *context)
{
    const struct replica *replica = replica_of(store, change->tree_key);
    struct clock seen = clock_in(change->arena);
    struct merge_side ours = {change->old.versions, change->old.count, &replica->clock, &seen};
    struct merge_side theirs = {came->object->versions, came->object->count, context, NULL};
    struct object next;

    clock_copy(&seen, &change->old.rest);
    clock_join(&seen, &change->passed);
    if (planted("fill-replaces")) // what is here goes, whatever the source had seen
        ours.count = 0;
    object_merge(change->arena, &ours, &theirs, &next);
    next.rest = clock_in(change->arena); // see came_rest
    return next;
}

// What the key remembers by itself. With dots that enter the clock all of its context goes into
// the rest, also what clocks of fills say: those dots are given away with the clock, where a key
// that is empty is not mentioned. Without any, the fill's clock need not be remembered twice.
static void came_rest(const struct replica *replica, const struct change *change,
                      const struct clock *context, struct object *next)
{
    struct clock passed = clock_in(change->arena);

    clock_copy(&next->rest, context);
    if (change->dots.count) {
        clock_join(&next->rest, &change->passed);
    } else {
        replica_join_passed(replica, change->tree_key, &passed);
        clock_subtract(&next->rest, &passed);
    }
    clock_join(&next->rest, &change->old.rest);
    clock_subtract(&next->rest, &replica->clock);
}

// Merges what came. The cursor has not moved yet; afterwards it stands on this key or behind it.
static void came_apply(struct store *store, struct change *change, const struct came *came,
                       uint64_t position)
{
    struct replica *replica = replica_of(store, change->tree_key);
    struct clock context = came_context(change->arena, came);
    struct object next = came_merge(store, change, came, &context);

    came_dots(store, change, came, &next);
    cursor_set(replica, change->tree_key);
    dots_enter(store, change);
    came_rest(replica, change, &context, &next);
    replica_account(replica, &change->key, &change->old, &next);
    object_put(store, &change->key, &next, position, change->old_rest);
}

// The key's record is damaged: the clock learns what the item stands for, and the key stays unknown
// until the other owners' copies replace it.
static void came_damaged(struct store *store, struct change *change, const struct came *came)
{
    static const struct object nothing;

    came_dots(store, change, came, &nothing);
    cursor_set(replica_of(store, change->tree_key), change->tree_key);
    dots_enter(store, change);
}

// ---------------------------------------------------------------- what is here alone

struct stretch {
    uint32_t shard;
    uint8_t at[TREE_KEY_SIZE]; // the last key looked at
    bool moved;
};

static struct stretch stretch_begin(const struct store *store, uint32_t shard)
{
    const struct fill *fill = replica_fill(&store->replicas[shard]);
    struct stretch stretch = {.shard = shard, .moved = fill->moved};

    if (fill->moved)
        memcpy(stretch.at, fill->cursor, TREE_KEY_SIZE);
    else
        key_shard_first(shard, store->shards, stretch.at);
    return stretch;
}

// The next key here, not behind `upto` (NULL: of the shard). ERR_NOT_FOUND when there is none.
static int stretch_next(struct store *store, struct stretch *stretch, const uint8_t *upto,
                        struct walk_item *out)
{
    int err = walk_next(store, stretch->moved ? stretch->at : NULL, stretch->at, out);

    if (err)
        return err;
    if (key_tree_shard(out->tree_key, store->shards) != stretch->shard ||
        (upto && memcmp(out->tree_key, upto, TREE_KEY_SIZE) > 0))
        return ERR_NOT_FOUND;
    memcpy(stretch->at, out->tree_key, TREE_KEY_SIZE);
    stretch->moved = true;
    return 0;
}

// Merges all keys here up to `upto` with nothing. Whatever is empty by now, though it may still be
// stored, is passed by: whether it is stored depends on when it was stripped.
static int stretch_apply(struct store *store, uint32_t shard, const uint8_t *upto,
                         const struct clock *context, uint64_t position)
{
    struct stretch stretch = stretch_begin(store, shard);
    struct walk_item walk;
    int err;

    while (!(err = stretch_next(store, &stretch, upto, &walk))) {
        struct key key = key_of_tree(walk.tree_key, store->shards);
        struct change change;
        struct object nothing;
        struct clock none;

        arena_reset(&store->arena);
        nothing = (struct object){.rest = clock_in(&store->arena)};
        none = clock_in(&store->arena);
        if (planted("fill-keeps-alone")) // what the source has not is kept
            continue;
        if (walk.damaged || change_begin(store, &key, &store->arena, &change) ||
            object_is_empty(&change.old))
            continue;
        came_apply(store, &change, &(struct came){&nothing, context, &none}, position);
    }
    if (err != ERR_NOT_FOUND)
        return err;
    cursor_set(&store->replicas[shard], upto);
    return 0;
}

// Where a step that passes the keys here up to `upto` may end: there, or at the last of as many as
// one step takes (ERR_AGAIN). `out_any`: there are some.
static int stretch_end(struct store *store, uint32_t shard, const uint8_t *upto,
                       uint8_t out[TREE_KEY_SIZE], bool *out_any)
{
    struct stretch stretch = stretch_begin(store, shard);
    uint8_t last[TREE_KEY_SIZE];
    struct walk_item walk;
    uint32_t count = 0;
    int err;

    while (!(err = stretch_next(store, &stretch, upto, &walk))) {
        if (count == STORE_FILL_STEP) {
            memcpy(out, last, TREE_KEY_SIZE);
            *out_any = true;
            return ERR_AGAIN;
        }
        memcpy(last, walk.tree_key, TREE_KEY_SIZE);
        count += 1;
    }
    if (err != ERR_NOT_FOUND)
        return err;
    memcpy(out, upto, TREE_KEY_SIZE);
    *out_any = count > 0;
    return 0;
}

// One logged step towards `upto`. ERR_AGAIN: not there yet. When no key lies in between, `always`
// decides whether the cursor moves.
static int stretch_step(struct store *store, const struct log_record *wanted, bool always,
                        uint64_t *out_position)
{
    struct log_record record = *wanted;
    uint32_t shard = key_tree_shard(wanted->tree_key, store->shards);
    bool any = false;
    int more = stretch_end(store, shard, wanted->tree_key, record.tree_key, &any);
    int err;

    if (more && more != ERR_AGAIN)
        return more;
    if (!any && !always)
        return 0;
    err = record_append(store, &record, out_position);
    if (!err)
        err = stretch_apply(store, shard, record.tree_key, &record.clock, *out_position);
    return err ? err : more;
}

// ---------------------------------------------------------------- begin

static bool begin_goes_on(const struct replica *replica, const struct clock *start)
{
    const struct fill *fill = replica_fill(replica);

    return fill && clock_equal(&fill->start, start);
}

int fill_begin_replay(struct store *store, const struct log_record *record)
{
    if (record->number >= store->shards || !replica_has_fill_room(&store->replicas[record->number]))
        return ERR_DAMAGED;
    replica_begin_fill(&store->replicas[record->number], &record->clock);
    // Its dots may go from the dot log for want of room from now on.
    dot_log_keep_none(&store->dot_log);
    return 0;
}

int store_fill_begin(struct store *store, uint32_t shard, const struct clock *start,
                     uint64_t *out_position)
{
    struct log_record record = {.type = LOG_FILL_BEGIN, .number = shard, .clock = *start};
    struct replica *replica = &store->replicas[shard];
    int err;

    check(shard < store->shards);
    if (begin_goes_on(replica, start)) {
        *out_position = log_end(&store->log);
        return 0;
    }
    if (start->count > CLOCK_RUNS_MAX / 4)
        return ERR_TOO_LARGE;
    if (!replica_has_fill_room(replica))
        return ERR_OVERLOADED;
    err = record_append(store, &record, out_position);
    if (!err)
        err = fill_begin_replay(store, &record);
    return err;
}

// ---------------------------------------------------------------- items

// 0 when the fill that goes on may take what comes with this context.
static int fill_admit(const struct replica *replica, const uint8_t *tree_key,
                      const struct clock *context)
{
    const struct fill *fill = replica_fill(replica);

    if (!fill || (tree_key && !is_behind(fill, tree_key)))
        return ERR_PRECONDITION;
    return clock_covers(context, &fill->start) ? 0 : ERR_INVALID;
}

// `change` has been begun, as of a damaged key when `damaged`.
static int item_admit(struct store *store, struct change *change, const struct came *came,
                      bool damaged)
{
    struct object nothing = {.rest = clock_in(change->arena)};
    struct clock context = came_context(change->arena, came);
    struct object next = damaged ? nothing : came_merge(store, change, came, &context);

    came_dots(store, change, came, &next);
    if (clock_size(&change->dots) > DELTA_DOTS_MAX || context_too_large(store, change, &context))
        return ERR_TOO_LARGE;
    return 0;
}

static int item_begin(struct store *store, const struct key *key, struct change *out,
                      bool *out_damaged)
{
    int err;

    arena_reset(&store->arena);
    err = change_begin(store, key, &store->arena, out);
    *out_damaged = err == ERR_DAMAGED;
    if (err == ERR_DAMAGED) {
        change_begin_damaged(store, key, &store->arena, out);
        err = 0;
    }
    return err;
}

static void item_apply(struct store *store, struct change *change, const struct came *came,
                       uint64_t position, bool damaged)
{
    if (damaged)
        came_damaged(store, change, came);
    else
        came_apply(store, change, came, position);
}

int fill_item_replay(struct store *store, const struct log_record *record, uint64_t position)
{
    struct came came = {&record->object, &record->clock, &record->dots};
    struct key key = record->key;
    uint8_t tree_key[TREE_KEY_SIZE];
    struct change change;
    bool damaged;
    int err;

    key.shard = (uint32_t)(key.low & (store->shards - 1));
    key_tree(&key, tree_key);
    if (fill_admit(&store->replicas[key.shard], tree_key, &record->clock))
        return ERR_DAMAGED;
    err = item_begin(store, &key, &change, &damaged);
    if (!err)
        err = item_admit(store, &change, &came, damaged) ? ERR_DAMAGED : 0;
    if (!err)
        item_apply(store, &change, &came, position, damaged);
    return err;
}

// What is here alone in front of the item.
static int item_approach(struct store *store, const struct store_filled *filled,
                         uint64_t *out_position)
{
    struct log_record record = {.type = LOG_FILL_PASS, .clock = *filled->context};
    struct slice before = key_below(filled->item->tree_key, record.tree_key);
    const struct fill *fill = replica_fill(&store->replicas[filled->shard]);

    // Nothing can lie between the cursor, or the shard's first key, and the item.
    if (before.size == 0 || key_tree_shard(before.data, store->shards) != filled->shard ||
        !is_behind(fill, before.data))
        return 0;
    return stretch_step(store, &record, false, out_position);
}

int store_fill_item(struct store *store, const struct store_filled *filled, uint64_t *out_position)
{
    const struct store_item *item = filled->item;
    struct came came = {&item->object, filled->context, filled->dots};
    struct log_record record = {.type = LOG_FILL_ITEM,
                                .key = key_of_tree(item->tree_key, store->shards),
                                .object = item->object,
                                .clock = *filled->context,
                                .dots = *filled->dots};
    struct change change;
    bool damaged;
    int err = fill_admit(&store->replicas[filled->shard], item->tree_key, filled->context);

    record.key.bucket = item->bucket;
    record.key.key = item->key;
    if (!err &&
        (record.key.shard != filled->shard || (!key_is_named(&record.key) && item->object.count)))
        err = ERR_INVALID;
    if (!err)
        err = item_approach(store, filled, out_position);
    if (!err)
        err = item_begin(store, &record.key, &change, &damaged);
    if (!err)
        err = item_admit(store, &change, &came, damaged);
    if (!err)
        err = record_append(store, &record, out_position);
    if (!err)
        item_apply(store, &change, &came, *out_position, damaged);
    return err;
}

// ---------------------------------------------------------------- pass and end

int fill_pass_replay(struct store *store, const struct log_record *record, uint64_t position)
{
    uint32_t shard;

    if (store->shards == 0)
        return ERR_DAMAGED;
    shard = key_tree_shard(record->tree_key, store->shards);
    if (fill_admit(&store->replicas[shard], record->tree_key, &record->clock))
        return ERR_DAMAGED;
    return stretch_apply(store, shard, record->tree_key, &record->clock, position);
}

int store_fill_pass(struct store *store, uint32_t shard, const uint8_t upto[TREE_KEY_SIZE],
                    const struct clock *context, uint64_t *out_position)
{
    struct log_record record = {.type = LOG_FILL_PASS, .clock = *context};
    const struct replica *replica = &store->replicas[shard];
    int err;

    check(shard < store->shards);
    memcpy(record.tree_key, upto, TREE_KEY_SIZE);
    if (key_tree_shard(upto, store->shards) != shard)
        return ERR_INVALID;
    err = fill_admit(replica, NULL, context);
    if (err)
        return err;
    // The last item stood there already.
    if (!is_behind(replica_fill(replica), upto)) {
        *out_position = log_end(&store->log);
        return 0;
    }
    return stretch_step(store, &record, true, out_position);
}

// Dots of this life that came back with a start clock were given out, whoever says so.
static uint64_t counter_with(uint64_t counter, const struct clock *clock, uint64_t actor)
{
    uint64_t last = clock_last(clock, actor);

    return last > counter ? last : counter;
}

int fill_end_replay(struct store *store, const struct log_record *record)
{
    struct replica *replica;
    struct fill *fill;
    uint8_t last[TREE_KEY_SIZE];

    if (record->number >= store->shards)
        return ERR_DAMAGED;
    replica = &store->replicas[record->number];
    fill = replica_fill(replica);
    key_shard_last(record->number, store->shards, last);
    if (!fill || !fill_has_passed(fill, last))
        return ERR_DAMAGED;
    replica->counter = counter_with(replica->counter, &fill->start, store->settings.actor);
    replica_end_fill(replica);
    store->clock_changes += 1;
    born_apply(store, record->number);
    return 0;
}

int store_fill_end(struct store *store, uint32_t shard, const struct clock *context,
                   uint64_t *out_position)
{
    struct log_record record = {.type = LOG_FILL_END, .number = shard};
    uint8_t last[TREE_KEY_SIZE];
    int err;

    check(shard < store->shards);
    key_shard_last(shard, store->shards, last);
    err = store_fill_pass(store, shard, last, context, out_position);
    if (!err)
        err = record_append(store, &record, out_position);
    if (!err)
        err = fill_end_replay(store, &record);
    return err;
}

bool store_fill(const struct store *store, uint32_t shard, struct store_fill *out)
{
    const struct fill *fill = replica_fill(&store->replicas[shard]);

    check(shard < store->shards);
    if (fill)
        *out = (struct store_fill){&fill->start, fill->moved ? fill->cursor : NULL};
    return fill != NULL;
}

bool store_fill_at(const struct store *store, uint32_t shard, uint32_t index,
                   struct store_fill *out)
{
    const struct replica *replica = &store->replicas[shard];
    const struct fill *fill;

    check(shard < store->shards);
    if (index >= replica->fill_count)
        return false;
    fill = &replica->fills[index];
    *out = (struct store_fill){&fill->start, fill->moved ? fill->cursor : NULL};
    return true;
}
