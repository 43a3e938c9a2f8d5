// SPDX-License-Identifier: Apache-2.0
// Ranges that split and move by size and load. CockroachDB cuts a range that holds too many bytes
// or serves too many requests ("Load-Based Splitting" in its manual) and moves replicas and leases
// from stores that bear much to those that bear little ("Replication Layer"); YugabyteDB cuts
// tablets of hashed keys by size ("Tablet splitting") and balances tablets and leaders.
//
// Here they know all keys and loads before they begin. Both are counted in the cells of a grid over
// the hash space, and a range is a run of cells:
//
//     cells  . : . . | : . . |#|: . . : |      #: a hot key in a cell, which cannot be cut
//            range 0   1      2 3
//
// It begins with one range. A range that holds more than one part in (V x nodes) of all keys or of
// all load is cut at the border that halves best what it has too much of, and so on. The bound is a
// size, as in those systems: it stays when nodes come and go, and so do the ranges. Who owns what
// level.c decides.
#include "sim/scheme/kinds.h"

#include "base/check.h"
#include "sim/scheme/level.h"

#include <stdlib.h>

enum {
    CELL_BITS = 18,
    CELLS = 1 << CELL_BITS,
    // Cuts inside cuts. Each leaves at most two thirds of the load or of the keys on either side,
    // or has a cell of more than a third at the border, which the next one cuts off. From all to
    // one part in 2^22 that is some 150 cuts.
    DEPTH_MAX = 1024
};

#define LOAD_UNIT 0x1p-40 // of all load: costs are whole numbers, so that sums are exact

struct split {
    double *load;             // of each cell: the share of all requests
    uint64_t *keys;           // and the number of keys
    bool fresh;               // there was something to observe since the ranges were cut
    bool learned;             // the ranges are cut by what was observed
    uint64_t parts;           // V x nodes when they were first cut so
    struct level_cost *costs; // of each range
};

// Sums up to each border between cells.
struct sums {
    double *load;
    double *keys;
    double load_max; // of a range
    double keys_max;
};

struct cut {
    uint64_t *ends; // of the new ranges, room for CELLS
    uint32_t *from; // the old range that each was part of
    uint32_t count;
};

// ---------------------------------------------------------------- what there is to cut

static void sums_fill(struct sums *sums, const struct split *split, bool observed)
{
    sums->load = memory_new((CELLS + 1) * sizeof *sums->load);
    sums->keys = memory_new((CELLS + 1) * sizeof *sums->keys);
    for (uint32_t cell = 0; cell < CELLS; cell++) {
        sums->load[cell + 1] = sums->load[cell] + (observed ? split->load[cell] : 1);
        sums->keys[cell + 1] = sums->keys[cell] + (observed ? (double)split->keys[cell] : 1);
    }
    sums->load_max = sums->load[CELLS] / (double)split->parts;
    sums->keys_max = sums->keys[CELLS] / (double)split->parts;
}

static void sums_done(struct sums *sums)
{
    free(sums->load);
    free(sums->keys);
}

// ---------------------------------------------------------------- cutting

// The border inside the cells begin..end-1 that halves the sum best.
static uint32_t border_of(const double *sum, uint32_t begin, uint32_t end)
{
    double half = (sum[begin] + sum[end]) / 2;
    uint32_t low = begin + 1;
    uint32_t high = end - 1;

    while (low < high) { // the first border with at least half before it
        uint32_t middle = low + (high - low) / 2;

        if (sum[middle] < half)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > begin + 1 && half - sum[low - 1] < sum[low] - half)
        low -= 1;
    return low;
}

// Where to cut the cells begin..end-1; `end` when they are within the bounds, or one cell.
static uint32_t cut_at(const struct sums *sums, uint32_t begin, uint32_t end)
{
    double load = sums->load[end] - sums->load[begin];
    double keys = sums->keys[end] - sums->keys[begin];

    if (end - begin == 1 || (load <= sums->load_max && keys <= sums->keys_max))
        return end;
    return border_of(load * sums->keys_max > keys * sums->load_max ? sums->load : sums->keys, begin,
                     end);
}

// Cuts the cells begin..end-1, which are the old range `from`, and lists the pieces.
static void cells_cut(struct cut *cut, const struct sums *sums, const uint32_t cells[2],
                      uint32_t from)
{
    uint32_t ends[DEPTH_MAX]; // of the pieces that are not yet looked at, the next one last
    uint32_t depth = 0;
    uint32_t begin = cells[0];

    ends[depth++] = cells[1];
    while (depth) {
        uint32_t end = ends[depth - 1];
        uint32_t at = cut_at(sums, begin, end);

        if (at < end) {
            check(depth < DEPTH_MAX);
            ends[depth++] = at;
            continue;
        }
        cut->ends[cut->count] = ((uint64_t)end << (64 - CELL_BITS)) - 1;
        cut->from[cut->count] = from;
        cut->count += 1;
        begin = end;
        depth -= 1;
    }
}

// The ranges after the cut, with the owners of those that they were part of; `old` NULL: one range
// that nobody owns.
static struct ranges *cut_apply(const struct cut *cut, const struct ranges *old, uint32_t width)
{
    struct ranges *ranges = ranges_new(cut->count, width);

    memcpy(ranges->ends, cut->ends, cut->count * sizeof *cut->ends);
    for (uint32_t i = 0; i < cut->count; i++) {
        uint16_t *row = ranges->owners + (size_t)i * width;

        for (uint32_t rank = 0; rank < width; rank++)
            row[rank] = old ? old->owners[(size_t)cut->from[i] * width + rank] : SCHEME_NOBODY;
    }
    ranges_index(ranges);
    return ranges;
}

static uint32_t cell_of(uint64_t position)
{
    return (uint32_t)(position >> (64 - CELL_BITS));
}

static struct ranges *ranges_cut(const struct sums *sums, const struct ranges *old, uint32_t width)
{
    struct cut cut = {.ends = memory_new(CELLS * sizeof *cut.ends),
                      .from = memory_new(CELLS * sizeof *cut.from)};
    uint32_t cells[2] = {0, CELLS};
    struct ranges *ranges;

    if (!old)
        cells_cut(&cut, sums, cells, 0);
    for (uint32_t i = 0; old && i < old->count; i++) {
        cells[1] = cell_of(old->ends[i]) + 1;
        cells_cut(&cut, sums, cells, i);
        cells[0] = cells[1];
    }
    ranges = cut_apply(&cut, old, width);
    free(cut.ends);
    free(cut.from);
    return ranges;
}

// Of each range. One is added, so that empty ones are dealt round as well.
static struct level_cost *costs_new(const struct sums *sums, const struct ranges *ranges)
{
    struct level_cost *costs = memory_new(ranges->count * sizeof *costs);
    double load_all = sums->load[CELLS];
    uint32_t begin = 0;

    for (uint32_t i = 0; i < ranges->count; i++) {
        uint32_t end = cell_of(ranges->ends[i]) + 1;
        double load = sums->load[end] - sums->load[begin];

        costs[i].load = load_all > 0 ? (uint64_t)(load / load_all / LOAD_UNIT) : 0;
        costs[i].size = (uint64_t)(sums->keys[end] - sums->keys[begin]) + 1;
        begin = end;
    }
    return costs;
}

// ---------------------------------------------------------------- the kind

static void split_open(struct scheme *scheme)
{
    struct split *split = memory_new(sizeof *split);

    split->load = memory_new(CELLS * sizeof *split->load);
    split->keys = memory_new(CELLS * sizeof *split->keys);
    scheme->state = split;
}

static void split_observe(struct scheme *scheme, const struct scheme_batch *batch)
{
    struct split *split = scheme->state;

    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t cell = cell_of(batch->hash[i]);

        split->load[cell] += batch->load[i];
        split->keys[cell] += !batch->drawn;
    }
    split->fresh = split->fresh || batch->count;
}

// By what was observed, once there is such a thing; else as if all cells were alike.
static void split_cut(struct scheme *scheme)
{
    struct split *split = scheme->state;
    bool observed = scheme->settled && split->fresh;
    struct ranges *old = split->learned ? scheme->ranges : NULL;
    struct ranges *ranges;
    struct sums sums;

    if (!split->learned)
        split->parts = (uint64_t)scheme->setup.vnodes * scheme->present;
    sums_fill(&sums, split, observed);
    ranges = ranges_cut(&sums, old, scheme->width);
    free(split->costs);
    split->costs = costs_new(&sums, ranges);
    sums_done(&sums);
    ranges_free(scheme->ranges);
    scheme->ranges = ranges;
    if (observed) {
        split->learned = true;
        split->fresh = false;
    }
}

static void split_build(struct scheme *scheme)
{
    const struct split *split = scheme->state;

    if (!scheme->ranges || (scheme->settled && split->fresh))
        split_cut(scheme);
    level_ranges(scheme, scheme->ranges, split->costs);
}

// Of each range its border and its owners.
static uint64_t split_metadata(const struct scheme *scheme)
{
    uint64_t row = SCHEME_POSITION_BYTES + (uint64_t)scheme->width * SCHEME_OWNER_BYTES;

    return scheme->ranges->count * row + scheme_list_bytes(scheme);
}

static void split_close(struct scheme *scheme)
{
    struct split *split = scheme->state;

    free(split->load);
    free(split->keys);
    free(split->costs);
    free(split);
}

const struct scheme_kind scheme_split = {
    .name = "split",
    .text = "ranges that split and move by size and load",
    .paper = "CockroachDB, Load-Based Splitting; YugabyteDB, Tablet splitting (their manuals)",
    .uses = SCHEME_USES_VNODES | SCHEME_LEARNS,
    .open = split_open,
    .build = split_build,
    .observe = split_observe,
    .metadata = split_metadata,
    .close = split_close,
};
