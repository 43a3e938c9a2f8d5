// SPDX-License-Identifier: Apache-2.0
#include "sim/question/lookup.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

static void place_all(struct lookup *lookup)
{
    size_t row = lookup->scheme->width;
    struct key_walk *walk = memory_new(sizeof *walk);

    key_walk_begin(walk, lookup->trial, lookup->seed);
    check(walk->total * row <= LOOKUP_COPIES_MAX);
    lookup->placed = walk->total;
    lookup->remember = memory_grow(NULL, walk->total * row * sizeof *lookup->remember);
    scheme_begin(lookup->scheme, walk->total);
    while (key_walk_next(walk)) {
        struct scheme_places places = {.owners = lookup->remember + walk->keys.from * row};

        scheme_locate(lookup->scheme, &walk->batch, &places);
    }
    free(walk);
}

void lookup_init(struct lookup *lookup, const struct trial *trial, struct scheme *scheme,
                 uint64_t seed)
{
    *lookup = (struct lookup){.trial = trial, .scheme = scheme, .seed = seed};
    if (scheme->kind->uses & SCHEME_ORDERED)
        place_all(lookup);
}

void lookup_done(struct lookup *lookup)
{
    free(lookup->remember);
    lookup->remember = NULL;
}

// Keys that are not remembered are new ones, without a known load.
void lookup_keys(struct lookup *lookup, const uint64_t *keys, uint32_t count, uint16_t *owners)
{
    size_t row = lookup->scheme->width;
    static const double nothing[SCHEME_BATCH_MAX];
    uint64_t hash[SCHEME_BATCH_MAX];
    struct scheme_batch batch = {count, hash, nothing, false};
    struct scheme_places places = {.owners = owners};

    check(count <= SCHEME_BATCH_MAX);
    for (uint32_t i = 0; i < count; i++)
        hash[i] = workload_key_hash(lookup->trial->workload, lookup->seed, keys[i]);
    if (!lookup->remember) {
        scheme_locate(lookup->scheme, &batch, &places);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct scheme_batch one = {1, &hash[i], nothing, false};
        struct scheme_places there = {.owners = owners + i * row};

        if (keys[i] < lookup->placed)
            memcpy(owners + i * row, lookup->remember + keys[i] * row, row * sizeof *owners);
        else
            scheme_locate(lookup->scheme, &one, &there);
    }
}
