// SPDX-License-Identifier: Apache-2.0
// The invariant: floor and dot log are disjoint and together they are the clock. So "is it still
// in the log" can be asked of two clocks, without touching an entry.
#include "node/store/replica.h"

#include "base/check.h"

void replica_done(struct replica *replica)
{
    clock_done(&replica->clock);
    clock_done(&replica->floor);
}

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
    replica->bytes += replica_object_bytes(key, next) - replica_object_bytes(key, old);
    replica->expiring += object_expires(next) - (uint64_t)object_expires(old);
    replica->digest ^=
        object_digest(key->low, key->high, old) ^ object_digest(key->low, key->high, next);
    replica->changed = true;
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
            replica->dots +=
                dot_log_add(log, shard, (struct dot){run->actor, run->first + n}, tree_key);
    }
}

// What may be pruned is what is known, in the clock, and above the floor: then each dot costs one
// removal, however much is known.
void replica_prune(struct replica *replica, struct dot_log *log, uint32_t shard,
                   const struct clock *known)
{
    struct clock gone = {0};

    if (replica->dots == 0)
        return;
    clock_copy(&gone, &replica->clock);
    clock_subtract(&gone, &replica->floor);
    clock_intersect(&gone, known);
    for (uint32_t i = 0; i < gone.count; i++) {
        const struct run *run = &gone.runs[i];

        for (uint64_t n = 0; n <= run->last - run->first; n++) {
            bool removed = dot_log_remove(log, shard, (struct dot){run->actor, run->first + n});

            check(removed);
            replica->dots -= 1;
        }
    }
    clock_join(&replica->floor, &gone);
    clock_done(&gone);
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
