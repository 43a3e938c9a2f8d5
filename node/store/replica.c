// SPDX-License-Identifier: Apache-2.0
// The invariant: floor and dot log are disjoint and together they are the clock. So "is it still
// in the log" can be asked of two clocks, without touching an entry.
#include "node/store/replica.h"

#include "base/check.h"
#include "base/plant.h"

#include <stdlib.h>

void replica_done(struct replica *replica)
{
    clock_done(&replica->clock);
    clock_done(&replica->floor);
    for (uint32_t i = 0; i < replica->fill_count; i++)
        clock_done(&replica->fills[i].start);
    free(replica->fills);
    replica->fills = NULL;
    replica->fill_count = 0;
}

bool replica_is_blank(const struct replica *replica)
{
    return replica->clock.count == 0 && replica->keys == 0 && replica->rests == 0 &&
           replica->unknown == 0 && !replica->unlisted && replica->fill_count == 0 &&
           !replica->born;
}

// ---------------------------------------------------------------- fills

bool fill_has_passed(const struct fill *fill, const uint8_t tree_key[TREE_KEY_SIZE])
{
    return fill->moved && memcmp(tree_key, fill->cursor, TREE_KEY_SIZE) <= 0;
}

struct fill *replica_fill(const struct replica *replica)
{
    return replica->filling ? &replica->fills[replica->fill_count - 1] : NULL;
}

bool replica_join_passed(const struct replica *replica, const uint8_t tree_key[TREE_KEY_SIZE],
                         struct clock *into)
{
    bool any = false;

    for (uint32_t i = 0; i < replica->fill_count; i++) {
        // ... or: a fill's clock counts in front of its cursor too
        if (!fill_has_passed(&replica->fills[i], tree_key) && !planted("fill-ahead"))
            continue;
        clock_join(into, &replica->fills[i].start);
        any = true;
    }
    return any;
}

static bool fill_says_nothing(const struct replica *replica, uint32_t index)
{
    const struct fill *fill = &replica->fills[index];
    bool nothing = !fill->moved || clock_covers(&replica->clock, &fill->start);

    // Only a newer one replaces it, so that no two replace each other.
    for (uint32_t i = index + 1; i < replica->fill_count && !nothing; i++) {
        const struct fill *other = &replica->fills[i];

        nothing = fill_has_passed(other, fill->cursor) && clock_covers(&other->start, &fill->start);
    }
    return nothing;
}

void replica_drop_fills(struct replica *replica)
{
    for (uint32_t i = 0; i + replica->filling < replica->fill_count;) {
        if (!fill_says_nothing(replica, i)) {
            i += 1;
            continue;
        }
        clock_done(&replica->fills[i].start);
        replica->fill_count -= 1;
        memmove(&replica->fills[i], &replica->fills[i + 1],
                (replica->fill_count - i) * sizeof *replica->fills);
    }
}

bool replica_has_fill_room(const struct replica *replica)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < replica->fill_count; i++)
        count += !fill_says_nothing(replica, i);
    return count < FILLS_MAX;
}

void replica_begin_fill(struct replica *replica, const struct clock *start)
{
    struct fill *fill;

    replica->filling = false;
    replica_drop_fills(replica);
    if (planted("fill-forgets")) // one that was given up counts no more
        replica->fill_count = 0;
    check(replica->fill_count < FILLS_MAX);
    if (!replica->fills)
        replica->fills = memory_new(FILLS_MAX * sizeof *replica->fills);
    fill = &replica->fills[replica->fill_count++];
    *fill = (struct fill){0};
    clock_copy(&fill->start, start);
    replica->filling = true;
    replica->changed = true;
}

void replica_end_fill(struct replica *replica)
{
    struct fill *fill = replica_fill(replica);
    struct clock gained = {0};

    clock_copy(&gained, &fill->start);
    clock_subtract(&gained, &replica->clock);
    clock_join(&replica->clock, &gained);
    clock_join(&replica->floor, &gained);
    clock_done(&gained);
    replica->filling = false;
    replica_drop_fills(replica);
    replica->changes += 1;
    replica->changed = true;
}

// ---------------------------------------------------------------- counts and dots

uint64_t replica_object_bytes(const struct key *key, const struct object *object)
{
    uint64_t bytes = key->bucket.size + key->key.size;

    if (object->count == 0)
        return 0;
    for (uint32_t i = 0; i < object->count; i++)
        bytes += object->versions[i].value.size;
    return bytes;
}

static bool object_expires(const struct object *object)
{
    for (uint32_t i = 0; i < object->count; i++) {
        if (object->versions[i].expires_ms)
            return true;
    }
    return false;
}

void replica_account(struct replica *replica, const struct key *key, const struct object *old,
                     const struct object *next)
{
    replica->keys += (next->count > 0) - (uint64_t)(old->count > 0);
    if (planted("count-again") && old->count > 1) // siblings count as keys
        replica->keys += 1;
    replica->bytes += replica_object_bytes(key, next) - replica_object_bytes(key, old);
    replica->expiring += object_expires(next) - (uint64_t)object_expires(old);
    replica->digest ^=
        object_digest(key->low, key->high, old) ^ object_digest(key->low, key->high, next);
    replica->changed = true;
}

void replica_account_rest(struct replica *replica, bool old, bool next)
{
    replica->rests += next - (uint64_t)old;
    replica->changed |= old != next;
}

void replica_new_dots(const struct replica *replica, const struct delta *delta, struct clock *out)
{
    clock_copy(out, &delta->dots);
    for (uint32_t i = 0; i < delta->count; i++)
        clock_add(out, delta->versions[i].dot);
    clock_subtract(out, &replica->clock);
}

void replica_log_dots(struct replica *replica, struct dot_log *log, uint32_t shard,
                      const uint8_t tree_key[TREE_KEY_SIZE], const struct clock *dots)
{
    for (uint32_t i = 0; i < dots->count; i++) {
        const struct run *run = &dots->runs[i];

        for (uint64_t n = 0; n <= run->last - run->first; n++)
            dot_log_add(log, shard, (struct dot){run->actor, run->first + n}, tree_key);
        replica->dots += run->last - run->first + 1;
    }
}

// Leaves the first dots_max dots in a clock; true when some went.
static bool clock_cut(struct clock *clock, uint64_t dots_max)
{
    for (uint32_t i = 0; i < clock->count; i++) {
        struct run *run = &clock->runs[i];
        uint64_t length = run->last - run->first + 1;

        if (length <= dots_max) {
            dots_max -= length;
            continue;
        }
        run->last = run->first + dots_max - 1;
        clock->count = i + (dots_max > 0);
        return true;
    }
    return false;
}

// What may be pruned is what is known, in the clock, and above the floor: then each dot costs one
// removal, however much is known.
bool replica_prune(struct replica *replica, struct dot_log *log, uint32_t shard,
                   const struct clock *known, uint64_t dots_max)
{
    struct clock *gone = &log->scratch;
    bool more;

    if (replica->dots == 0)
        return false;
    clock_copy(gone, &replica->clock);
    clock_subtract(gone, &replica->floor);
    clock_intersect(gone, known);
    more = clock_cut(gone, dots_max);
    for (uint32_t i = 0; i < gone->count; i++) {
        const struct run *run = &gone->runs[i];

        for (uint64_t n = 0; n <= run->last - run->first; n++) {
            bool removed = dot_log_remove(log, shard, (struct dot){run->actor, run->first + n});

            check(removed);
            replica->dots -= 1;
        }
    }
    clock_join(&replica->floor, gone);
    return more;
}

bool replica_valid(const struct replica *replica, const struct dot_log *log, uint32_t shard)
{
    struct clock logged = {0};
    bool valid = clock_covers(&replica->clock, &replica->floor);

    clock_copy(&logged, &replica->clock);
    clock_subtract(&logged, &replica->floor);
    valid = valid && clock_size(&logged) == replica->dots;
    for (uint32_t i = 0; i < logged.count && valid; i++) {
        const struct run *run = &logged.runs[i];

        for (uint64_t n = 0; n <= run->last - run->first && valid; n++)
            valid = dot_log_find(log, shard, (struct dot){run->actor, run->first + n}) != NULL;
    }
    clock_done(&logged);
    return valid;
}
