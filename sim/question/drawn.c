// SPDX-License-Identifier: Apache-2.0
#include "sim/question/drawn.h"

#include "base/check.h"
#include "base/rng.h"
#include "sim/question/lookup.h"

#include <stdlib.h>

enum { SALT_DRAW = 0x64726177 };

// Each operation counts as its share of all reads, or of all writes.
static void draw_batch(struct tally *tally, struct workload_draw *draw, struct lookup *lookup,
                       uint32_t count, uint16_t *owners)
{
    const struct scheme *scheme = tally->scheme;
    double read_share = workload_setup(tally->trial->workload)->read_share;
    double all = (double)tally->trial->operations;
    struct operation operations[SCHEME_BATCH_MAX];
    uint64_t keys[SCHEME_BATCH_MAX];

    for (uint32_t i = 0; i < count; i++) {
        operations[i] = workload_draw(tally->trial->workload, draw);
        keys[i] = operations[i].key;
    }
    lookup_keys(lookup, keys, count, owners);
    for (uint32_t i = 0; i < count; i++) {
        struct amount amount = {0};
        uint32_t range = 0;

        if (operations[i].write)
            amount.writes = 1 / ((1 - read_share) * all);
        else
            amount.reads = 1 / (read_share * all);
        if (scheme->ranges)
            range = ranges_find(scheme->ranges,
                                workload_key_hash(tally->trial->workload, lookup->seed, keys[i]));
        tally_add(tally, &amount, owners + (size_t)i * scheme->width, range);
    }
}

void tally_draw(struct tally *tally, uint64_t seed)
{
    struct workload_draw draw;
    struct lookup lookup;
    uint16_t *owners = memory_new((size_t)SCHEME_BATCH_MAX * tally->scheme->width * sizeof *owners);

    lookup_init(&lookup, tally->trial, tally->scheme, seed);
    workload_draw_init(&draw, rng_mix(seed ^ SALT_DRAW));
    for (uint64_t left = tally->trial->operations; left > 0;) {
        uint32_t count = left < SCHEME_BATCH_MAX ? (uint32_t)left : SCHEME_BATCH_MAX;

        draw_batch(tally, &draw, &lookup, count, owners);
        left -= count;
    }
    lookup_done(&lookup);
    free(owners);
}
