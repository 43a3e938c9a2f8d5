// SPDX-License-Identifier: Apache-2.0
#include "gossip/members.h"

#include "base/check.h"

#include <stdlib.h>
#include <xxhash.h>

void members_init(struct members *members, uint32_t max, uint64_t seed)
{
    *members = (struct members){.max = max, .seed = seed};
}

void members_done(struct members *members)
{
    for (size_t i = 0; i < members->count; i++)
        member_free(members->list[i]);
    free(members->list);
    table_done(&members->by_name);
    *members = (struct members){0};
}

uint64_t members_hash(const struct members *members, struct slice name)
{
    return XXH3_64bits_withSeed(name.data, name.size, members->seed);
}

struct swim_member *members_find(const struct members *members, struct slice name)
{
    struct swim_member *member = table_find(&members->by_name, members_hash(members, name));

    return member && slice_equal(member_name(member), name) ? member : NULL;
}

struct swim_member *members_find_hash(const struct members *members, uint64_t name_hash)
{
    return table_find(&members->by_name, name_hash);
}

static void place(struct members *members, struct swim_member *member, size_t at)
{
    members->list[at] = member;
    member->place = (uint32_t)at;
}

struct swim_member *members_add(struct members *members, struct slice name, struct rng *rng)
{
    uint64_t hash = members_hash(members, name);
    struct swim_member *member;
    size_t at;

    check(name.size <= SWIM_NAME_MAX);
    if (members->count == members->max || table_find(&members->by_name, hash))
        return NULL;
    if (members->count == members->capacity) {
        members->capacity = members->capacity ? members->capacity * 2 : 16;
        members->list = memory_grow(members->list, members->capacity * sizeof *members->list);
    }
    member = memory_new(sizeof *member + name.size + 1);
    memcpy(member->name, name.data, name.size);
    member->name_hash = hash;
    member->node_id = member_read_name(name);
    member->state = MEMBER_DEAD;
    at = (size_t)rng_below(rng, members->count + 1);
    place(members, member, members->count);
    place(members, members->list[at], members->count++);
    place(members, member, at);
    table_set(&members->by_name, hash, member);
    return member;
}

void members_take(struct members *members, struct swim_member *member)
{
    check(members->list[member->place] == member);
    check(table_remove(&members->by_name, member->name_hash) == member);
    place(members, members->list[--members->count], member->place);
}

void members_shuffle(struct members *members, struct rng *rng)
{
    for (size_t i = members->count; i > 1; i--) {
        size_t other = (size_t)rng_below(rng, i);
        struct swim_member *last = members->list[i - 1];

        place(members, members->list[other], i - 1);
        place(members, last, other);
    }
}

size_t members_pick(const struct members *members, const struct members_choice *choice,
                    struct rng *rng, struct swim_member **out, size_t want)
{
    size_t seen = 0;

    // Reservoir sampling: after i fitting members each of them is among the chosen with want / i.
    for (size_t i = 0; i < members->count; i++) {
        struct swim_member *member = members->list[i];
        size_t at;

        if (member->local || member == choice->without ||
            !choice->fits(member, choice->now_ms, choice->limit_ms))
            continue;
        at = seen < want ? seen : (size_t)rng_below(rng, seen + 1);
        if (at < want)
            out[at] = member;
        seen++;
    }
    return seen < want ? seen : want;
}
