// SPDX-License-Identifier: Apache-2.0
#include "sim/question/work.h"

#include "base/check.h"
#include "sim/question/latency.h"
#include "sim/question/requests.h"

#include <stdlib.h>

// The sum so far: of each node, how many requests it was sent.
struct sum {
    const struct trial *trial;
    struct scheme *scheme;
    double *node;
};

// Of the requests, these are reads and writes of a key. A write goes to all copies, a read to the
// first r or to each with the same chance.
static void sum_add(struct sum *sum, double reads, double writes, const uint16_t *owners)
{
    uint32_t copies = owners_count(owners, sum->scheme->width);
    uint32_t r = sum->trial->r;
    uint32_t readers = sum->trial->latency->reads == LATENCY_SPREAD ? copies : r;
    double each = reads * r / readers;

    check(copies >= r);
    for (uint32_t i = 0; i < copies; i++)
        sum->node[owners[i]] += writes + (i < readers ? each : 0);
}

static void sum_walk(struct sum *sum, uint64_t seed)
{
    struct key_walk *walk = memory_new(sizeof *walk);
    size_t width = sum->scheme->width;
    uint16_t *owners = memory_new(SCHEME_BATCH_MAX * width * sizeof *owners);
    struct scheme_places places = {.owners = owners};
    double read_share = workload_setup(sum->trial->workload)->read_share;

    key_walk_begin(walk, sum->trial, seed);
    scheme_begin(sum->scheme, walk->total);
    while (key_walk_next(walk)) {
        scheme_locate(sum->scheme, &walk->batch, &places);
        for (uint32_t i = 0; i < walk->keys.count; i++)
            sum_add(sum, walk->keys.reads[i] * read_share, walk->keys.writes[i] * (1 - read_share),
                    owners + i * width);
    }
    free(owners);
    free(walk);
}

static void sum_draw(struct sum *sum, struct lookup *lookup, uint64_t seed)
{
    struct requests requests;
    double one = 1 / (double)sum->trial->latency->requests;

    requests_init(&requests, lookup, seed, sum->trial->latency->requests);
    while (requests_next(&requests))
        for (uint32_t i = 0; i < requests.count; i++) {
            bool write = requests.operations[i].write;

            sum_add(sum, write ? 0 : one, write ? one : 0, requests_owners(&requests, i));
        }
    requests_done(&requests);
}

static struct work sum_up(const struct sum *sum)
{
    struct work work = {0};

    for (uint32_t i = 0; i < sum->scheme->setup.node_count; i++)
        work.copies += sum->node[i];
    for (uint32_t i = 0; i < sum->scheme->setup.node_count; i++) {
        double fair = scheme_fair(sum->scheme, i);

        if (fair > 0 && sum->node[i] / work.copies / fair > work.peak)
            work.peak = sum->node[i] / work.copies / fair;
    }
    return work;
}

// With writes, "latest" has another hottest key all the time: which node that burdens over a while
// is not what the keys at one moment say.
static bool is_drawn(const struct workload *workload)
{
    const struct workload_setup *setup = workload_setup(workload);

    return workload_only_drawn(workload) ||
           (setup->kind == WORKLOAD_LATEST && setup->read_share < 1);
}

struct work work_of(const struct trial *trial, struct lookup *lookup, uint64_t seed)
{
    struct sum sum = {.trial = trial, .scheme = lookup->scheme};
    struct work work;

    sum.node = memory_new(sum.scheme->setup.node_count * sizeof *sum.node);
    if (is_drawn(trial->workload))
        sum_draw(&sum, lookup, seed);
    else
        sum_walk(&sum, lookup->seed);
    work = sum_up(&sum);
    free(sum.node);
    return work;
}
