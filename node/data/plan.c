// SPDX-License-Identifier: Apache-2.0
// Plans the table of owners in four steps.
//
// 1. Bounds. Each shard has at most one copy on a member, and at most so many on a host and in a
//    zone as it takes to place N copies: one, while there are N hosts and N zones; otherwise the
//    copies spread as evenly as the cluster allows. A host lies in the zone of its first member.
// 2. Quotas (share.c): how many copies each member holds, within those bounds. 3. Copies. Without
// an old table all quotas are laid end to end on a line, zone by zone and host by
//    host, and place p of the line goes to shard p mod S:
//
//        | m0 m0 m0 m0 m1 m1 | m1 m2 m2 m2 m2 m3 | m3 m3 m3 ...      S = 6
//          s0 s1 s2 s3 s4 s5   s0 s1 s2 s3 s4 s5   s0 s1 s2
//
//    A member with at most S copies meets no shard twice, a zone with at most c S copies meets none
//    more than c times: every bound holds and every quota is met exactly. Then copies change
//    places at random, within the bounds, so that the load of a lost member spreads over all.
//
//    With an old table every copy that the bounds allow stays. Holes are filled by the members that
//    lack most. Then members above their quota pass copies on to those below: each step replaces
//    one owner of one shard within the bounds. Where no direct step exists, the shortest chain of
//    steps is taken (a breadth-first search over members). A chain always exists, because sets
//    that keep the bounds are the bases of a matroid: between this table and one that meets all
//    quotas, owners can be exchanged one for one (Brualdi 1969). The search has a budget all the
//    same; if it runs out, balance counts more than moves, and the table is made anew.
// 4. Ranks (rank.c): who is first owner of what.
//
// The only randomness is a generator seeded from the topology: one input, one table.
#include "base/check.h"
#include "base/err.h"
#include "base/rng.h"
#include "node/data/chain.h"
#include "node/data/key.h"
#include "node/data/rank.h"
#include "node/data/share.h"
#include "node/data/topology.h"

#define NOBODY UINT16_MAX

enum { SEARCH_BUDGET = 100 * 1000 * 1000, SCATTER_ROUNDS = 4 };

struct plan {
    const struct topology *topology;
    struct arena arena;
    struct rng rng;
    uint32_t shards;
    uint32_t replicas;
    uint32_t members;

    uint16_t *takers; // members with weight, zone by zone and host by host
    uint32_t taker_count;
    uint16_t *host; // of each member, numbered from 0
    uint16_t *zone; // of each host
    uint32_t hosts;
    uint32_t zones;
    uint32_t *host_size; // members on it
    uint32_t host_cap;   // copies of a shard on one host at most
    uint32_t zone_cap;

    uint16_t *owners;     // the table in the making; NOBODY: a hole
    uint32_t *quota;      // copies that a member is to hold
    uint32_t *held;       // and holds
    struct chains places; // of each member, in the table
    uint16_t *under;      // members below their quota
    uint32_t under_count;
    uint16_t *via; // of a search: the member before, NOBODY: not reached
    uint16_t *queue;
    uint64_t budget; // steps of searches that are left
};

static void plan_init(struct plan *plan, const struct topology *topology)
{
    uint32_t members = topology->member_count;
    size_t places = (size_t)topology->shards * topology->replicas;

    *plan = (struct plan){.topology = topology,
                          .shards = topology->shards,
                          .replicas = topology->replicas,
                          .members = members,
                          .budget = SEARCH_BUDGET};
    rng_init(&plan->rng, topology->seed);
    plan->takers = arena_new(&plan->arena, members * sizeof *plan->takers);
    plan->host = arena_new(&plan->arena, members * sizeof *plan->host);
    plan->zone = arena_new(&plan->arena, members * sizeof *plan->zone);
    plan->host_size = arena_new(&plan->arena, members * sizeof *plan->host_size);
    plan->owners = arena_new(&plan->arena, places * sizeof *plan->owners);
    plan->quota = arena_new(&plan->arena, members * sizeof *plan->quota);
    plan->held = arena_new(&plan->arena, members * sizeof *plan->held);
    plan->under = arena_new(&plan->arena, members * sizeof *plan->under);
    plan->via = arena_new(&plan->arena, members * sizeof *plan->via);
    plan->queue = arena_new(&plan->arena, members * sizeof *plan->queue);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

// ---------------------------------------------------------------- bounds

static bool same_host(const struct member *a, const struct member *b)
{
    return a->host[0] && strcmp(a->host, b->host) == 0;
}

// Numbers hosts and zones in the order of their first members.
static void groups_number(struct plan *plan)
{
    const struct member *members = plan->topology->members;
    uint16_t *first = plan->queue; // member of each host

    for (uint32_t i = 0; i < plan->members; i++) {
        uint32_t host = 0;
        uint32_t like = 0;

        if (members[i].weight == 0)
            continue;
        while (host < plan->hosts && !same_host(&members[first[host]], &members[i]))
            host += 1;
        plan->host[i] = (uint16_t)host;
        plan->host_size[host] += 1;
        if (host < plan->hosts)
            continue;
        while (like < host && strcmp(members[first[like]].zone, members[i].zone))
            like += 1;
        plan->zone[host] = like < host ? plan->zone[like] : (uint16_t)plan->zones++;
        first[plan->hosts++] = (uint16_t)i;
    }
}

// Lists members with weight by zone, host, number.
static void takers_list(struct plan *plan)
{
    uint32_t groups = plan->hosts * plan->zones;

    for (uint32_t group = 0; group < groups; group++) {
        uint32_t host = group % plan->hosts;

        if (plan->zone[host] != group / plan->hosts)
            continue;
        for (uint32_t i = 0; i < plan->members; i++) {
            if (plan->topology->members[i].weight && plan->host[i] == host)
                plan->takers[plan->taker_count++] = (uint16_t)i;
        }
    }
}

// How many copies of a shard find a place within these bounds.
static uint32_t bounds_room(const struct plan *plan, uint32_t host_cap, uint32_t zone_cap)
{
    uint32_t room = 0;

    for (uint32_t zone = 0; zone < plan->zones; zone++) {
        uint32_t in_zone = 0;

        for (uint32_t host = 0; host < plan->hosts; host++) {
            if (plan->zone[host] == zone)
                in_zone += smaller(plan->host_size[host], host_cap);
        }
        room += smaller(in_zone, zone_cap);
    }
    return room;
}

static void bounds_set(struct plan *plan)
{
    plan->host_cap = 1;
    plan->zone_cap = 1;
    while (bounds_room(plan, plan->host_cap, plan->replicas) < plan->replicas)
        plan->host_cap += 1;
    while (bounds_room(plan, plan->host_cap, plan->zone_cap) < plan->replicas)
        plan->zone_cap += 1;
}

// May the member stand at this place of the table, beside the other owners of the shard?
static bool place_fits(const struct plan *plan, uint32_t place, uint32_t member)
{
    uint32_t start = place - place % plan->replicas;
    uint32_t host = plan->host[member];
    uint32_t on_host = 0;
    uint32_t in_zone = 0;

    for (uint32_t other = start; other < start + plan->replicas; other++) {
        uint32_t owner = plan->owners[other];

        if (owner == member)
            return false;
        if (other == place || owner == NOBODY)
            continue;
        on_host += plan->host[owner] == host;
        in_zone += plan->zone[plan->host[owner]] == plan->zone[host];
    }
    return on_host < plan->host_cap && in_zone < plan->zone_cap;
}

// ---------------------------------------------------------------- quotas

// Builds the tree of share.h: all, zones, hosts, members.
static void quotas_set(struct plan *plan)
{
    uint32_t hosts_at = 1 + plan->zones;
    uint32_t takers_at = hosts_at + plan->hosts;
    uint32_t count = takers_at + plan->taker_count;
    struct share *nodes = arena_new(&plan->arena, count * sizeof *nodes);

    nodes[0].cap = plan->shards * plan->replicas;
    for (uint32_t i = 0; i < plan->zones; i++)
        nodes[1 + i].cap = plan->shards * plan->zone_cap;
    for (uint32_t i = 0; i < plan->hosts; i++) {
        nodes[hosts_at + i].parent = 1 + plan->zone[i];
        nodes[hosts_at + i].cap = plan->shards * plan->host_cap;
    }
    for (uint32_t i = 0; i < plan->taker_count; i++) {
        uint32_t member = plan->takers[i];
        struct share *node = &nodes[takers_at + i];

        node->parent = hosts_at + plan->host[member];
        node->cap = plan->shards;
        node->weight = plan->topology->members[member].weight;
        node->kept = plan->held[member];
    }
    share_fill(nodes, count);
    for (uint32_t i = 0; i < plan->taker_count; i++)
        plan->quota[plan->takers[i]] = nodes[takers_at + i].quota;
}

// ---------------------------------------------------------------- a table from nothing

// Each row of S places on the line is one copy of every shard.
static void line_lay(struct plan *plan)
{
    uint32_t place = 0;

    for (uint32_t i = 0; i < plan->taker_count; i++) {
        uint32_t member = plan->takers[i];

        plan->held[member] = plan->quota[member];
        for (uint32_t end = place + plan->quota[member]; place < end; place++) {
            uint32_t shard = place % plan->shards;
            uint32_t row = place / plan->shards;
            uint32_t rank = (row + shard) % plan->replicas; // nobody is first everywhere

            plan->owners[shard * plan->replicas + rank] = (uint16_t)member;
        }
    }
    check(place == plan->shards * plan->replicas);
}

// Two copies change places where the bounds allow it.
static void line_scatter(struct plan *plan)
{
    uint32_t places = plan->shards * plan->replicas;

    for (uint32_t i = 0; i < SCATTER_ROUNDS * places; i++) {
        uint64_t random = rng_u64(&plan->rng);
        uint32_t a = (uint32_t)((random & UINT32_MAX) * places >> 32);
        uint32_t b = (uint32_t)((random >> 32) * places >> 32);
        uint16_t owner = plan->owners[a];

        if (!place_fits(plan, a, plan->owners[b]) || !place_fits(plan, b, owner))
            continue;
        plan->owners[a] = plan->owners[b];
        plan->owners[b] = owner;
    }
}

static void table_make(struct plan *plan)
{
    memset(plan->held, 0, plan->members * sizeof *plan->held);
    quotas_set(plan);
    line_lay(plan);
    line_scatter(plan);
}

// ---------------------------------------------------------------- a table from an old one

static void table_keep(struct plan *plan, const uint16_t *old)
{
    uint32_t places = plan->shards * plan->replicas;

    memset(plan->owners, 0xff, places * sizeof *plan->owners);
    for (uint32_t place = 0; place < places; place++) {
        uint16_t owner = old[place];

        if (owner >= plan->members || plan->topology->members[owner].weight == 0 ||
            !place_fits(plan, place, owner))
            continue;
        plan->owners[place] = owner;
        plan->held[owner] += 1;
    }
}

// How much a member lacks, in parts of what it is to hold.
static int64_t member_lack(const struct plan *plan, uint32_t member)
{
    int64_t lack = (int64_t)plan->quota[member] - (int64_t)plan->held[member];

    return lack * plan->shards / (plan->quota[member] + 1);
}

static void hole_fill(struct plan *plan, uint32_t place)
{
    uint32_t start = (uint32_t)rng_below(&plan->rng, plan->taker_count);
    uint16_t best = NOBODY;

    for (uint32_t i = 0; i < plan->taker_count; i++) {
        uint16_t member = plan->takers[(start + i) % plan->taker_count];
        bool better = best == NOBODY || member_lack(plan, member) > member_lack(plan, best);

        if (better && place_fits(plan, place, member))
            best = member;
    }
    check(best != NOBODY);
    plan->owners[place] = best;
    plan->held[best] += 1;
}

static bool was_owner(const struct plan *plan, const uint16_t *old, uint32_t place)
{
    uint32_t start = place - place % plan->replicas;

    for (uint32_t i = 0; i < plan->replicas; i++) {
        if (old[start + i] == plan->owners[place])
            return true;
    }
    return false;
}

// Copies that are new anyway stand first in the chains: they are passed on before those that stay.
// Shards are taken in a scrambled order, so that neighbours do not move together.
static void places_chain(struct plan *plan, const uint16_t *old)
{
    uint32_t factor = (uint32_t)rng_u64(&plan->rng) | 1;

    chains_init(&plan->places, &plan->arena, plan->shards * plan->replicas, plan->members);
    for (uint32_t i = 0; i < plan->shards; i++) {
        uint32_t start = (i * factor & (plan->shards - 1)) * plan->replicas;

        for (uint32_t place = start; place < start + plan->replicas; place++) {
            if (was_owner(plan, old, place))
                chain_add_last(&plan->places, plan->owners[place], place);
            else
                chain_add_first(&plan->places, plan->owners[place], place);
        }
    }
}

static void place_pass(struct plan *plan, uint32_t place, uint32_t to)
{
    uint32_t from = plan->owners[place];

    chain_remove(&plan->places, from, place);
    chain_add_first(&plan->places, to, place);
    plan->owners[place] = (uint16_t)to;
    plan->held[from] -= 1;
    plan->held[to] += 1;
}

// Passes one copy of `from` to `to`. What does not fit goes to the end of the chain, so that it
// is not tried each time.
static bool copy_pass(struct plan *plan, uint32_t from, uint32_t to)
{
    uint32_t tries = plan->held[from];

    for (; tries > 0 && plan->budget > 0; tries--, plan->budget--) {
        uint32_t place = plan->places.first[from];

        if (place_fits(plan, place, to)) {
            place_pass(plan, place, to);
            return true;
        }
        chain_remove(&plan->places, from, place);
        chain_add_last(&plan->places, from, place);
    }
    return false;
}

// Notes which members can take over a copy of `from`; returns one below its quota, or NOBODY.
static uint16_t search_extend(struct plan *plan, uint16_t from, uint32_t *queued)
{
    for (uint32_t place = plan->places.first[from]; place != CHAIN_END;
         place = plan->places.next[place]) {
        if (plan->budget <= plan->taker_count)
            return NOBODY;
        plan->budget -= plan->taker_count;
        for (uint32_t i = 0; i < plan->taker_count; i++) {
            uint16_t next = plan->takers[i];

            if (plan->via[next] != NOBODY || !place_fits(plan, place, next))
                continue;
            plan->via[next] = from;
            if (plan->held[next] < plan->quota[next])
                return next;
            plan->queue[(*queued)++] = next;
        }
    }
    return NOBODY;
}

// A shortest chain of steps from a member above its quota to one below; its steps are taken from
// the end on, so that no bound is broken in between. Whatever part of it succeeds, the table
// stays complete.
static bool surplus_pass(struct plan *plan, uint16_t from)
{
    uint16_t end = NOBODY;
    uint32_t queued = 1;

    memset(plan->via, 0xff, plan->members * sizeof *plan->via);
    plan->via[from] = from;
    plan->queue[0] = from;
    for (uint32_t at = 0; at < queued && end == NOBODY; at++)
        end = search_extend(plan, plan->queue[at], &queued);
    if (end == NOBODY)
        return false;
    for (; end != from; end = plan->via[end]) {
        if (!copy_pass(plan, plan->via[end], end))
            return plan->budget > 0;
    }
    return true;
}

static void under_list(struct plan *plan)
{
    plan->under_count = 0;
    for (uint32_t i = 0; i < plan->taker_count; i++) {
        uint16_t member = plan->takers[i];

        if (plan->held[member] < plan->quota[member])
            plan->under[plan->under_count++] = member;
    }
}

// One direct step to some member below its quota, beginning anywhere in their list.
static bool surplus_give(struct plan *plan, uint16_t from)
{
    uint32_t start = (uint32_t)rng_below(&plan->rng, plan->under_count);

    for (uint32_t i = 0; i < plan->under_count; i++) {
        uint32_t at = (start + i) % plan->under_count;
        uint16_t to = plan->under[at];

        if (!copy_pass(plan, from, to))
            continue;
        if (plan->held[to] == plan->quota[to])
            plan->under[at] = plan->under[--plan->under_count];
        return true;
    }
    return false;
}

// False when the budget ran out before everybody held the quota.
static bool table_balance(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->taker_count; i++) {
        uint16_t member = plan->takers[i];

        under_list(plan);
        while (plan->held[member] > plan->quota[member] && surplus_give(plan, member))
            ;
    }
    for (uint32_t i = 0; i < plan->taker_count; i++) {
        uint16_t member = plan->takers[i];

        while (plan->held[member] > plan->quota[member]) {
            if (!surplus_pass(plan, member))
                return false;
        }
    }
    under_list(plan);
    return plan->under_count == 0;
}

static bool table_adapt(struct plan *plan, const uint16_t *old)
{
    uint32_t places = plan->shards * plan->replicas;

    table_keep(plan, old);
    quotas_set(plan);
    for (uint32_t place = 0; place < places; place++) {
        if (plan->owners[place] == NOBODY)
            hole_fill(plan, place);
    }
    places_chain(plan, old);
    return table_balance(plan);
}

// ---------------------------------------------------------------- all of it

static uint32_t shared_hosts(const struct plan *plan)
{
    uint32_t shared = 0;

    for (uint32_t shard = 0; shard < plan->shards; shard++) {
        const uint16_t *owners = &plan->owners[shard * plan->replicas];
        bool twice = false;

        for (uint32_t i = 1; i < plan->replicas; i++) {
            for (uint32_t j = 0; j < i; j++)
                twice = twice || plan->host[owners[i]] == plan->host[owners[j]];
        }
        shared += twice;
    }
    return shared;
}

int plan_table(struct topology *topology, const uint16_t *old, uint32_t *out_shared_hosts)
{
    size_t size = (size_t)topology->shards * topology->replicas * sizeof *topology->owners;
    bool power = topology->shards && (topology->shards & (topology->shards - 1)) == 0;
    uint32_t takers = 0;
    struct plan plan;

    if (!power || topology->shards > SHARDS_MAX || topology->replicas == 0 ||
        topology->replicas > REPLICAS_MAX || topology->member_count > MEMBERS_MAX)
        return ERR_INVALID;
    for (uint32_t i = 0; i < topology->member_count; i++)
        takers += topology->members[i].weight > 0;
    if (takers < topology->replicas)
        return ERR_INVALID;

    plan_init(&plan, topology);
    groups_number(&plan);
    takers_list(&plan);
    bounds_set(&plan);
    if (!old || !table_adapt(&plan, old))
        table_make(&plan);
    rank_balance(&plan.arena, plan.owners, plan.shards, plan.replicas, plan.members);
    memcpy(topology->owners, plan.owners, size);
    if (out_shared_hosts)
        *out_shared_hosts = shared_hosts(&plan);
    arena_done(&plan.arena);
    return 0;
}
