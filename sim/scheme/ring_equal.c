// SPDX-License-Identifier: Apache-2.0
// Equal partitions: Dynamo's third strategy (SOSP 2007, section 6.2, "Q/S tokens per node,
// equal-sized partitions"). The hash space is cut into Q partitions of one size, for ever, and each
// node owns as many of them as its weight is worth, Q/n where all weights are alike. Where they lie
// is random. The copies of a partition are on its owner and on the next distinct nodes clockwise.
//
//     partition   0    1    2    3    4    5    6    7        Q = 8, n = 4, N = 3
//     owner       b    a    d    a    c    b    d    c
//     copies     bad  adc  dac  acb  cbd  bdc  dcb  cba
//
// A node that joins steals its share at random places from those that own more than theirs; what a
// node leaves behind is dealt at random to those that own less. So no more partitions change their
// owner than must. (Their further copies change with their neighbours, which the paper passes over:
// whoever owns a partition decides on the lists of some before it.)
//
// Quotas are exact shares rounded down or up. Up are rounded those who hold so many already, then
// those with the largest remainders.
#include "base/check.h"
#include "base/rng.h"
#include "sim/scheme/kinds.h"
#include "sim/scheme/partition.h"
#include "sim/scheme/walk.h"

#include <stdlib.h>

struct equal {
    struct rng rng;
    uint32_t partitions; // Q
    uint16_t *owner;     // of each; SCHEME_NOBODY: free
    bool cut;            // twice as many since the last build: nobody moves
};

struct quota {
    uint64_t remainder; // of weight x Q / all weights
    uint32_t held;
    uint32_t due; // rounded down; then what the node shall own
    uint32_t node;
};

// ---------------------------------------------------------------- quotas

// Who is rounded up first.
static int quota_compare(const void *a, const void *b)
{
    const struct quota *x = a;
    const struct quota *y = b;
    bool x_holds = x->remainder && x->held > x->due;
    bool y_holds = y->remainder && y->held > y->due;

    if (x_holds != y_holds)
        return x_holds ? -1 : 1;
    if (x->remainder != y->remainder)
        return x->remainder > y->remainder ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

// One for each node, in the order of their numbers; owned by the caller.
static struct quota *quotas_new(const struct scheme *scheme)
{
    const struct equal *equal = scheme->state;
    uint32_t count = scheme->setup.node_count;
    struct quota *sorted = memory_new(count * sizeof *sorted);
    struct quota *quotas = memory_new(count * sizeof *quotas);
    uint32_t left = equal->partitions;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t due = (uint64_t)scheme->nodes[i].weight * equal->partitions;

        sorted[i].node = i;
        sorted[i].due = (uint32_t)(due / scheme->weight);
        sorted[i].remainder = due % scheme->weight;
        left -= sorted[i].due;
    }
    for (uint32_t i = 0; i < equal->partitions; i++) {
        if (equal->owner[i] != SCHEME_NOBODY)
            sorted[equal->owner[i]].held += 1;
    }
    qsort(sorted, count, sizeof *sorted, quota_compare);
    check(left <= count);
    for (uint32_t i = 0; i < count; i++) {
        sorted[i].due += i < left;
        quotas[sorted[i].node] = sorted[i];
    }
    free(sorted);
    return quotas;
}

// ---------------------------------------------------------------- owners

static void shuffle(struct rng *rng, uint32_t *list, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t other = (uint32_t)rng_below(rng, i);
        uint32_t kept = list[i - 1];

        list[i - 1] = list[other];
        list[other] = kept;
    }
}

// Takes partitions at random from those who hold more than is due to them, and deals all that are
// free to those who hold less.
static void partitions_deal(const struct scheme *scheme, struct quota *quotas)
{
    struct equal *equal = scheme->state;
    uint32_t *order = memory_new(equal->partitions * sizeof *order);
    uint32_t free_count = 0;

    for (uint32_t i = 0; i < equal->partitions; i++)
        order[i] = i;
    shuffle(&equal->rng, order, equal->partitions);
    for (uint32_t i = 0; i < equal->partitions; i++) {
        uint16_t owner = equal->owner[order[i]];

        if (owner != SCHEME_NOBODY && quotas[owner].held <= quotas[owner].due)
            continue;
        if (owner != SCHEME_NOBODY)
            quotas[owner].held -= 1;
        order[free_count++] = order[i];
    }
    for (uint32_t node = 0; node < scheme->setup.node_count; node++) {
        for (; quotas[node].held < quotas[node].due; quotas[node].held++)
            equal->owner[order[--free_count]] = (uint16_t)node;
    }
    check(free_count == 0);
    free(order);
}

// ---------------------------------------------------------------- the kind

// Partitions may be fewer than nodes: then some own none.
static const char *equal_refuse(const struct scheme_setup *setup)
{
    if (setup->partitions == 0 &&
        (uint64_t)setup->vnodes * setup->node_count > SCHEME_PARTITIONS_MAX)
        return "ring-equal has virtual nodes x nodes partitions when their number is not given, "
               "and at most 1,048,576";
    return NULL;
}

static void equal_open(struct scheme *scheme)
{
    struct equal *equal = memory_new(sizeof *equal);
    struct scheme_setup *setup = &scheme->setup;

    setup->partitions = scheme_partitions(scheme->kind, setup);
    equal->partitions = setup->partitions;
    equal->owner = memory_new(equal->partitions * sizeof *equal->owner);
    for (uint32_t i = 0; i < equal->partitions; i++)
        equal->owner[i] = SCHEME_NOBODY;
    rng_init(&equal->rng, setup->seed);
    scheme->state = equal;
}

static void equal_build(struct scheme *scheme)
{
    struct equal *equal = scheme->state;
    uint32_t width = scheme->width;
    struct walk walk;

    if (!equal->cut) {
        struct quota *quotas = quotas_new(scheme);

        partitions_deal(scheme, quotas);
        free(quotas);
    }
    equal->cut = false;
    ranges_free(scheme->ranges);
    scheme->ranges = ranges_new(equal->partitions, width);
    walk_init(&walk, scheme);
    for (uint32_t i = 0; i < equal->partitions && !walk_offer(&walk, equal->owner[i]);)
        i += 1;
    walk_turn(&walk);
    for (uint32_t i = equal->partitions; i-- > 0;) {
        walk_back(&walk, equal->owner[i]);
        memcpy(&scheme->ranges->owners[(size_t)i * width], walk.owners,
               width * sizeof *walk.owners);
    }
    partitions_cut(scheme->ranges);
    ranges_index(scheme->ranges);
}

static void equal_twice(struct scheme *scheme)
{
    struct equal *equal = scheme->state;
    uint16_t *owner = memory_new(2 * (size_t)equal->partitions * sizeof *owner);

    for (uint32_t i = 0; i < 2 * equal->partitions; i++)
        owner[i] = equal->owner[i / 2];
    free(equal->owner);
    equal->owner = owner;
    equal->partitions *= 2;
    equal->cut = true;
    scheme->setup.partitions = equal->partitions;
}

// The owner of each partition; lists follow.
static uint64_t equal_metadata(const struct scheme *scheme)
{
    const struct equal *equal = scheme->state;

    return (uint64_t)equal->partitions * SCHEME_OWNER_BYTES + scheme_list_bytes(scheme);
}

static void equal_close(struct scheme *scheme)
{
    struct equal *equal = scheme->state;

    free(equal->owner);
    free(equal);
}

const struct scheme_kind scheme_ring_equal = {
    .name = "ring-equal",
    .text = "equal partitions, as many for each node, at random (Dynamo's strategy 3)",
    .paper = "DeCandia et al., Dynamo, SOSP 2007, section 6.2",
    .uses = SCHEME_USES_VNODES | SCHEME_USES_PARTITIONS,
    .refuse = equal_refuse,
    .open = equal_open,
    .build = equal_build,
    .twice = equal_twice,
    .metadata = equal_metadata,
    .close = equal_close,
};
