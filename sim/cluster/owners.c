// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/owners.h"

#include "base/check.h"
#include "node/data/key.h"

#include <stdlib.h>

bool owners_possible(const struct scheme_kind *kind)
{
    return !(kind->uses & (SCHEME_LEARNS | SCHEME_ORDERED));
}

static uint32_t shards_of(const struct scheme *scheme)
{
    uint64_t wanted =
        scheme->ranges ? (uint64_t)scheme->ranges->count * OWNERS_FINE : OWNERS_SHARDS;
    uint32_t room = OWNERS_REPLICAS_MAX / scheme->setup.node_count;
    uint32_t shards = 1;

    if (scheme->kind->uses & SCHEME_USES_SHARDS)
        return scheme->setup.shards;
    while (shards < wanted && shards < SHARDS_MAX && 2 * shards <= room)
        shards *= 2;
    return shards;
}

static uint64_t bits_reversed(uint64_t bits)
{
    uint64_t reversed = 0;

    for (int i = 0; i < 64; i++)
        reversed |= (bits >> i & 1) << (63 - i);
    return reversed;
}

// A hash whose place is the middle of the shard's arc; without ranges, any that is the shard's own.
static uint64_t middle_of(const struct scheme *scheme, uint32_t shards, uint32_t shard)
{
    uint64_t length = shards > 1 ? UINT64_MAX / shards + 1 : 0;
    uint64_t middle = bits_reversed(shard) + (shards > 1 ? length / 2 : UINT64_C(1) << 63);

    if (!scheme->ranges)
        return rng_mix(middle);
    return scheme->ranges->reversed ? bits_reversed(middle) : middle;
}

void owners_init(struct owners *owners, const struct trial *trial, uint64_t seed)
{
    struct scheme *scheme = trial_scheme(trial, seed);
    struct scheme_batch batch = {.count = 1};
    const double load = 1;

    check(owners_possible(trial->kind));
    *owners = (struct owners){.shards = shards_of(scheme), .replicas = trial->setup.replicas};
    check(scheme->width == owners->replicas);
    owners->rows = memory_new((size_t)owners->shards * owners->replicas * sizeof *owners->rows);
    scheme_begin(scheme, owners->shards);
    for (uint32_t shard = 0; shard < owners->shards; shard++) {
        uint64_t hash = middle_of(scheme, owners->shards, shard);
        struct scheme_places places = {.owners = owners->rows + (size_t)shard * owners->replicas};

        batch.hash = &hash;
        batch.load = &load;
        scheme_locate(scheme, &batch, &places);
    }
    scheme_free(scheme);
}

void owners_done(struct owners *owners)
{
    free(owners->rows);
}

const uint16_t *owners_of(const struct owners *owners, uint64_t hash)
{
    return owners->rows + (size_t)(hash & (owners->shards - 1)) * owners->replicas;
}
