// SPDX-License-Identifier: Apache-2.0
// Jump hash numbers buckets 0..n-1 and can only add or drop the last one. So a list says which node
// is which bucket. A new node becomes the last bucket. When a node leaves from the middle, the last
// bucket's node moves into its place: the price is that all that lay in that last bucket moves as
// well, twice the least possible.
//
// Copies: the hash, then the hash mixed with 1, 2, ... are jumped until the buckets are as many
// nodes in as many zones as wanted. Each of these jumps moves little when buckets come and go, and
// so does the list: only where two of a key's jumps go to the new bucket, another copy moves too.
// Where this takes too long (all nodes are wanted, or a zone has few), the buckets behind the first
// copy's fill the list.
#include "sim/scheme/jump.h"

#include "base/check.h"
#include "base/rng.h"
#include "sim/scheme/kinds.h"
#include "sim/scheme/pick.h"

#include <stdlib.h>

enum { TRIES_MAX = 64 };

struct jump {
    uint32_t count;
    uint32_t zone_cap;
    uint16_t buckets[SCHEME_NODES_MAX]; // the node of each
};

// Section 2 of the paper. A key that is in bucket b when there are b + 1 of them stays there until
// a next one j > b with probability (b + 1) / j: so the next jump is drawn at once, from a random
// sequence (a linear congruence, Knuth's factor as in the paper) that the key alone decides.
uint32_t jump_hash(uint64_t key, uint32_t buckets)
{
    int64_t bucket = 0;
    int64_t next = 0;

    while (next < (int64_t)buckets) {
        double draw;

        bucket = next;
        key = key * 2862933555777941757u + 1;
        draw = (double)((key >> 33) + 1) / 0x1p31; // in (0, 1]
        next = (int64_t)((double)(bucket + 1) * (1 / draw));
    }
    return (uint32_t)bucket;
}

static const char *jump_refuse(const struct scheme_setup *setup)
{
    if (!scheme_weights_alike(setup))
        return "jump counts buckets and knows no weights: they must all be alike";
    return NULL;
}

static void jump_open(struct scheme *scheme)
{
    scheme->state = memory_new(sizeof(struct jump));
}

// The last bucket moves into the place of each that lost its node.
static void buckets_close(struct jump *jump, const struct scheme *scheme)
{
    uint32_t at = 0;

    while (at < jump->count) {
        if (scheme->nodes[jump->buckets[at]].weight)
            at += 1;
        else
            jump->buckets[at] = jump->buckets[--jump->count];
    }
}

static void jump_build(struct scheme *scheme)
{
    struct jump *jump = scheme->state;
    bool has[SCHEME_NODES_MAX] = {false};

    buckets_close(jump, scheme);
    for (uint32_t i = 0; i < jump->count; i++)
        has[jump->buckets[i]] = true;
    for (uint32_t i = 0; i < scheme->setup.node_count; i++) {
        if (scheme->nodes[i].weight && !has[i])
            jump->buckets[jump->count++] = (uint16_t)i;
    }
    check(jump->count == scheme->present);
    jump->zone_cap = pick_zone_cap(scheme, scheme->setup.replicas);
}

static void key_locate(const struct scheme *scheme, uint64_t hash, uint16_t *owners)
{
    const struct jump *jump = scheme->state;
    uint32_t first = jump_hash(hash, jump->count);
    struct pick pick;
    bool full;

    pick_init(&pick, scheme, owners, scheme->setup.replicas, jump->zone_cap);
    full = pick_offer(&pick, jump->buckets[first]);
    for (uint32_t i = 1; !full && i < TRIES_MAX; i++) {
        uint64_t mixed = rng_mix(hash + i);

        full = pick_offer(&pick, jump->buckets[jump_hash(mixed, jump->count)]);
    }
    for (uint32_t i = 1; !full && i < jump->count; i++)
        full = pick_offer(&pick, jump->buckets[(first + i) % jump->count]);
    check(full);
}

static void jump_locate(struct scheme *scheme, const struct scheme_batch *batch,
                        struct scheme_places *out)
{
    for (uint32_t i = 0; i < batch->count; i++)
        key_locate(scheme, batch->hash[i], out->owners + (size_t)i * scheme->width);
}

static void jump_close(struct scheme *scheme)
{
    free(scheme->state);
}

const struct scheme_kind scheme_jump = {
    .name = "jump",
    .text = "jump consistent hash: buckets are counted, nothing is stored",
    .paper = "Lamping and Veach, \"A Fast, Minimal Memory, Consistent Hash Algorithm\", 2014",
    .fair = true,
    .refuse = jump_refuse,
    .open = jump_open,
    .build = jump_build,
    .locate = jump_locate,
    .metadata = scheme_list_bytes,
    .close = jump_close,
};
