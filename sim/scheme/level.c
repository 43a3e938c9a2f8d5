// SPDX-License-Identifier: Apache-2.0
// Greedy, one step at a time: from the node that bears most to the one that bears least goes the
// copy that brings the worse of the two down furthest. As both load and size count, that is an
// ordinary range rather than the hottest one, and a new node gets its share of the keys with its
// share of the requests. Each step leaves the two nodes with less than the worse of them bore, so
// there is an end. A node of which no step is of use (one range is its load, or zones forbid the
// rest) is left alone until others have had their steps. Differences below the slack are not worth
// one.
#include "sim/scheme/level.h"

#include "base/arena.h"
#include "base/check.h"
#include "node/data/chain.h"
#include "sim/scheme/pick.h"

#include <stdlib.h>

enum { LOOK_MAX = 1024 }; // places of a node that a step chooses from, when one of them will do

// What lies on the nodes: all copies, or the first ones.
struct sums {
    struct level_cost *nodes;
    double *per_load; // of each node: 1 / its fair share of all load
    double *per_size;
};

struct level {
    const struct scheme *scheme;
    struct ranges *ranges;
    const struct level_cost *costs;
    struct arena arena;
    uint32_t nodes;
    uint32_t zone_cap;
    uint32_t *order;      // ranges, the dearest first
    struct chains places; // of each node: range x width + rank
    struct sums copies;
    struct sums firsts;
    bool *stuck; // no step helps this node
    bool *tried; // not a target for the node that is looked at
};

// Multiples of a node's fair share.
struct share {
    double load;
    double size;
};

struct step {
    uint32_t place; // CHAIN_END: none
    uint16_t to;
    double worse; // what the worse of the two nodes bears afterwards, by which steps are compared
};

// ---------------------------------------------------------------- what a node bears

// How load and size are weighed against each other: the larger of the two counts, and a little of
// both, so that who bears equally much by one bears less by the other.
struct scale {
    double size_part;
    double tie_part;
};

static const struct scale leaning = {0.8, 0.0001};
static const struct scale even = {1, 0};

static double burden_of(struct share share, struct scale scale)
{
    double size = scale.size_part * share.size;

    return (share.load > size ? share.load : size) + scale.tie_part * (share.load + share.size);
}

// With a range more (sign 1) or less (-1); NULL: as it is.
static struct share share_of(const struct sums *sums, uint32_t node,
                             const struct level_cost *change, int sign)
{
    struct level_cost sum = sums->nodes[node];

    if (change) {
        sum.load += sign > 0 ? change->load : -change->load;
        sum.size += sign > 0 ? change->size : -change->size;
    }
    return (struct share){(double)sum.load * sums->per_load[node],
                          (double)sum.size * sums->per_size[node]};
}

static double burden(const struct sums *sums, uint32_t node)
{
    return burden_of(share_of(sums, node, NULL, 0), leaning);
}

// What node pair[0] without the range and pair[1] with it bear, the worse of the two.
static double burden_after(const struct sums *sums, const uint16_t pair[2],
                           const struct level_cost *cost, struct scale scale)
{
    double from = burden_of(share_of(sums, pair[0], cost, -1), scale);
    double to = burden_of(share_of(sums, pair[1], cost, 1), scale);

    return from > to ? from : to;
}

// The node that bears most (sign 1) or least (-1) of those not excluded; SCHEME_NOBODY: none.
static uint16_t node_extreme(const struct level *level, const struct sums *sums,
                             const bool *excluded, int sign)
{
    uint16_t best = SCHEME_NOBODY;
    double best_burden = 0;

    for (uint32_t node = 0; node < level->nodes; node++) {
        double here;

        if (!level->scheme->nodes[node].weight || excluded[node])
            continue;
        here = sign * burden(sums, node);
        if (best != SCHEME_NOBODY && here <= best_burden)
            continue;
        best = (uint16_t)node;
        best_burden = here;
    }
    return best;
}

// ---------------------------------------------------------------- rows

// May the node stand at this place, beside the other owners of the range?
static bool place_fits(const struct level *level, uint32_t place, uint16_t node)
{
    const struct scheme_node *nodes = level->scheme->nodes;
    uint32_t start = place - place % level->ranges->width;
    uint32_t in_zone = 0;

    for (uint32_t other = start; other < start + level->ranges->width; other++) {
        uint16_t owner = level->ranges->owners[other];

        if (owner == node)
            return false;
        if (other != place && owner != SCHEME_NOBODY)
            in_zone += nodes[owner].zone == nodes[node].zone;
    }
    return nodes[node].zone == SCHEME_NO_ZONE || in_zone < level->zone_cap;
}

static void sums_add(struct sums *sums, uint16_t node, const struct level_cost *cost)
{
    sums->nodes[node].load += cost->load;
    sums->nodes[node].size += cost->size;
}

static void sums_take(struct sums *sums, uint16_t node, const struct level_cost *cost)
{
    sums->nodes[node].load -= cost->load;
    sums->nodes[node].size -= cost->size;
}

static void place_set(struct level *level, uint32_t place, uint16_t node)
{
    const struct level_cost *cost = &level->costs[place / level->ranges->width];

    level->ranges->owners[place] = node;
    sums_add(&level->copies, node, cost);
    if (place % level->ranges->width == 0)
        sums_add(&level->firsts, node, cost);
    chain_add_last(&level->places, node, place);
}

static void place_clear(struct level *level, uint32_t place)
{
    const struct level_cost *cost = &level->costs[place / level->ranges->width];
    uint16_t node = level->ranges->owners[place];

    sums_take(&level->copies, node, cost);
    if (place % level->ranges->width == 0)
        sums_take(&level->firsts, node, cost);
    chain_remove(&level->places, node, place);
    level->ranges->owners[place] = SCHEME_NOBODY;
}

// ---------------------------------------------------------------- 1. copies without a place

// Keeps the owners that may stay, in their order. Their number.
static uint32_t row_sift(struct level *level, uint16_t *row)
{
    uint32_t width = level->ranges->width;
    uint32_t start = (uint32_t)(row - level->ranges->owners);
    uint16_t before[SCHEME_REPLICAS_MAX];
    uint32_t kept = 0;

    check(width <= SCHEME_REPLICAS_MAX);
    memcpy(before, row, width * sizeof *row);
    for (uint32_t rank = 0; rank < width; rank++)
        row[rank] = SCHEME_NOBODY;
    for (uint32_t rank = 0; rank < width; rank++) {
        uint16_t node = before[rank];

        if (node != SCHEME_NOBODY && level->scheme->nodes[node].weight &&
            place_fits(level, start + kept, node))
            row[kept++] = node;
    }
    return kept;
}

static uint16_t node_for(const struct level *level, uint32_t place)
{
    const struct level_cost *cost = &level->costs[place / level->ranges->width];
    uint16_t best = SCHEME_NOBODY;
    double best_burden = 0;

    for (uint32_t node = 0; node < level->nodes; node++) {
        double here;

        if (!level->scheme->nodes[node].weight)
            continue;
        here = burden_of(share_of(&level->copies, node, cost, 1), leaning);
        if (best != SCHEME_NOBODY && here >= best_burden)
            continue;
        if (!place_fits(level, place, (uint16_t)node))
            continue;
        best = (uint16_t)node;
        best_burden = here;
    }
    check(best != SCHEME_NOBODY);
    return best;
}

// The one that bears least as first becomes the first of a new range.
static void row_lead(struct level *level, uint16_t *row, const struct level_cost *cost)
{
    uint32_t best = 0;
    double best_burden = 0;
    uint16_t first;

    for (uint32_t rank = 0; rank < level->ranges->width; rank++) {
        double here = burden_of(share_of(&level->firsts, row[rank], cost, 1), leaning);

        if (rank > 0 && here >= best_burden)
            continue;
        best = rank;
        best_burden = here;
    }
    first = row[best];
    row[best] = row[0];
    row[0] = first;
}

static void row_fill(struct level *level, uint32_t range)
{
    uint32_t width = level->ranges->width;
    uint32_t start = range * width;
    uint16_t *row = level->ranges->owners + start;
    uint32_t kept = row_sift(level, row);

    for (uint32_t rank = kept; rank < width; rank++)
        row[rank] = node_for(level, start + rank);
    if (kept == 0)
        row_lead(level, row, &level->costs[range]);
    for (uint32_t rank = 0; rank < width; rank++)
        place_set(level, start + rank, row[rank]);
}

// ---------------------------------------------------------------- 2. copies

// The first `count` places of a node become its last ones.
static void places_rotate(struct level *level, uint16_t node, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = level->places.first[node];

        chain_remove(&level->places, node, place);
        chain_add_last(&level->places, node, place);
    }
}

// Of the steps that leave both nodes with less than the first bore, the one after which neither
// load nor size of the two stands out. Where a node has very many ranges, among the next ones.
static struct step copy_step(struct level *level, const uint16_t pair[2])
{
    const struct sums *sums = &level->copies;
    double before = burden(sums, pair[0]);
    struct step best = {CHAIN_END, pair[1], 0};
    uint32_t place = level->places.first[pair[0]];
    uint32_t looked = 0;

    for (; place != CHAIN_END; place = level->places.next[place]) {
        uint32_t range = place / level->ranges->width;
        const struct level_cost *cost = &level->costs[range];
        double worse = burden_after(sums, pair, cost, even);

        if (looked++ >= LOOK_MAX && best.place != CHAIN_END)
            break;
        if ((best.place != CHAIN_END && worse >= best.worse) ||
            burden_after(sums, pair, cost, leaning) >= before || !place_fits(level, place, pair[1]))
            continue;
        best.place = place;
        best.worse = worse;
    }
    if (looked > LOOK_MAX)
        places_rotate(level, pair[0], LOOK_MAX);
    return best;
}

// True when a copy has left the node.
static bool copy_move(struct level *level, uint16_t from)
{
    double before = burden(&level->copies, from);

    memset(level->tried, 0, level->nodes * sizeof *level->tried);
    for (;;) {
        uint16_t to = node_extreme(level, &level->copies, level->tried, -1);
        struct step step;

        if (to == SCHEME_NOBODY || before - burden(&level->copies, to) <= LEVEL_SLACK)
            return false;
        step = copy_step(level, (uint16_t[2]){from, to});
        if (step.place != CHAIN_END) {
            place_clear(level, step.place);
            place_set(level, step.place, to);
            return true;
        }
        level->tried[to] = true;
    }
}

// ---------------------------------------------------------------- 3. first copies

static struct step first_step(const struct level *level, uint16_t from)
{
    double before = burden(&level->firsts, from);
    uint32_t width = level->ranges->width;
    struct step best = {CHAIN_END, SCHEME_NOBODY, before};
    uint32_t place = level->places.first[from];

    for (; place != CHAIN_END; place = level->places.next[place]) {
        if (place % width != 0)
            continue;
        for (uint32_t rank = 1; rank < width; rank++) {
            uint16_t to = level->ranges->owners[place + rank];
            double worse = burden_after(&level->firsts, (uint16_t[2]){from, to},
                                        &level->costs[place / width], leaning);

            if (worse >= best.worse || before - burden(&level->firsts, to) <= LEVEL_SLACK)
                continue;
            best = (struct step){place, to, worse};
        }
    }
    return best;
}

// True when the node is first for one range less.
static bool first_move(struct level *level, uint16_t from)
{
    struct step step = first_step(level, from);
    uint32_t place = step.place;

    if (place == CHAIN_END)
        return false;
    while (level->ranges->owners[place] != step.to)
        place += 1;
    place_clear(level, place);
    place_clear(level, step.place);
    place_set(level, step.place, step.to);
    place_set(level, place, from);
    return true;
}

// ---------------------------------------------------------------- all

// Steps from the node that bears most, until none that is left has one that helps. True when there
// was any.
static bool steps_take(struct level *level, const struct sums *sums,
                       bool (*move)(struct level *level, uint16_t from))
{
    bool moved = false;

    memset(level->stuck, 0, level->nodes * sizeof *level->stuck);
    for (;;) {
        uint16_t from = node_extreme(level, sums, level->stuck, 1);

        if (from == SCHEME_NOBODY)
            return moved;
        if (move(level, from))
            moved = true;
        else
            level->stuck[from] = true;
    }
}

static struct sums sums_new(struct level *level, const struct level_cost *total, uint32_t copies)
{
    struct arena *arena = &level->arena;
    struct sums sums = {arena_new(arena, level->nodes * sizeof *sums.nodes),
                        arena_new(arena, level->nodes * sizeof *sums.per_load),
                        arena_new(arena, level->nodes * sizeof *sums.per_size)};

    for (uint32_t node = 0; node < level->nodes; node++) {
        double fair = scheme_fair(level->scheme, node) * copies;

        if (level->scheme->nodes[node].weight == 0)
            continue;
        sums.per_load[node] = 1 / (fair * (double)(total->load ? total->load : 1));
        sums.per_size[node] = 1 / (fair * (double)(total->size ? total->size : 1));
    }
    return sums;
}

struct priced {
    double price;
    uint32_t range;
};

static int priced_compare(const void *a, const void *b)
{
    const struct priced *x = a;
    const struct priced *y = b;

    if (x->price != y->price)
        return x->price > y->price ? -1 : 1;
    return x->range < y->range ? -1 : x->range > y->range;
}

static void order_make(struct level *level, const struct level_cost *total)
{
    uint32_t count = level->ranges->count;
    struct priced *priced = memory_new(count * sizeof *priced);
    double load_all = (double)(total->load ? total->load : 1);
    double size_all = (double)(total->size ? total->size : 1);

    for (uint32_t i = 0; i < count; i++) {
        struct share share = {(double)level->costs[i].load / load_all,
                              (double)level->costs[i].size / size_all};

        priced[i] = (struct priced){burden_of(share, leaning), i};
    }
    qsort(priced, count, sizeof *priced, priced_compare);
    for (uint32_t i = 0; i < count; i++)
        level->order[i] = priced[i].range;
    free(priced);
}

void level_ranges(const struct scheme *scheme, struct ranges *ranges,
                  const struct level_cost *costs)
{
    uint32_t nodes = scheme->setup.node_count;
    struct level level = {.scheme = scheme,
                          .ranges = ranges,
                          .costs = costs,
                          .nodes = nodes,
                          .zone_cap = pick_zone_cap(scheme, ranges->width)};
    struct arena *arena = &level.arena;
    struct level_cost total = {0};

    for (uint32_t i = 0; i < ranges->count; i++) {
        total.load += costs[i].load;
        total.size += costs[i].size;
    }
    level.copies = sums_new(&level, &total, ranges->width);
    level.firsts = sums_new(&level, &total, 1);
    level.order = arena_new(arena, ranges->count * sizeof *level.order);
    level.stuck = arena_new(arena, nodes * sizeof *level.stuck);
    level.tried = arena_new(arena, nodes * sizeof *level.tried);
    chains_init(&level.places, arena, ranges->count * ranges->width, nodes);
    order_make(&level, &total);
    for (uint32_t i = 0; i < ranges->count; i++)
        row_fill(&level, level.order[i]);
    // A step of one node may make room for one that was stuck before.
    while (steps_take(&level, &level.copies, copy_move))
        continue;
    while (steps_take(&level, &level.firsts, first_move))
        continue;
    arena_done(arena);
}
