// SPDX-License-Identifier: Apache-2.0
// Positions are random numbers, so sorting them takes two passes: deal them into as many buckets
// as there are tokens, by their first bits, then put the few in each in order.
#include "sim/scheme/tokens.h"

#include "base/check.h"
#include "base/rng.h"

#include <stdlib.h>

uint64_t tokens_of_node(uint32_t vnodes, uint32_t weight)
{
    uint64_t count = ((uint64_t)vnodes * weight + SCHEME_WEIGHT / 2) / SCHEME_WEIGHT;

    if (weight == 0)
        return 0;
    return count ? count : 1;
}

uint64_t tokens_total(const struct scheme_setup *setup)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < setup->node_count; i++)
        total += tokens_of_node(setup->vnodes, setup->nodes[i].weight);
    return total;
}

static void tokens_draw(const struct scheme *scheme, struct token *out)
{
    for (uint32_t node = 0; node < scheme->setup.node_count; node++) {
        uint64_t count = tokens_of_node(scheme->setup.vnodes, scheme->nodes[node].weight);
        struct rng rng;

        rng_init(&rng, scheme->nodes[node].id);
        for (uint64_t i = 0; i < count; i++)
            *out++ = (struct token){rng_u64(&rng), (uint16_t)node};
    }
}

static bool token_before(const struct token *a, const struct token *b)
{
    return a->position < b->position || (a->position == b->position && a->node < b->node);
}

static void tokens_insert(struct token *list, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct token token = list[i];
        uint32_t at = i;

        for (; at > 0 && token_before(&token, &list[at - 1]); at--)
            list[at] = list[at - 1];
        list[at] = token;
    }
}

static void tokens_sort(const struct token *from, uint32_t count, struct token *to)
{
    unsigned bits = 1;
    uint32_t *start;
    size_t buckets;

    while ((uint32_t)1 << bits < count)
        bits += 1;
    buckets = (size_t)1 << bits;
    start = memory_new((buckets + 1) * sizeof *start);
    for (uint32_t i = 0; i < count; i++)
        start[(from[i].position >> (64 - bits)) + 1] += 1;
    for (size_t bucket = 0; bucket < buckets; bucket++)
        start[bucket + 1] += start[bucket];
    for (uint32_t i = 0; i < count; i++)
        to[start[from[i].position >> (64 - bits)]++] = from[i];
    // Now each start is where the next bucket begins.
    for (size_t bucket = 0; bucket < buckets; bucket++) {
        uint32_t first = bucket ? start[bucket - 1] : 0;

        tokens_insert(to + first, start[bucket] - first);
    }
    free(start);
}

struct tokens tokens_make(const struct scheme *scheme)
{
    uint64_t count = tokens_total(&scheme->setup);
    struct token *drawn = memory_new(count * sizeof *drawn);
    struct tokens tokens = {(uint32_t)count, memory_new(count * sizeof *drawn)};

    check(count >= 1 && count <= RANGES_MAX);
    tokens_draw(scheme, drawn);
    tokens_sort(drawn, tokens.count, tokens.list);
    free(drawn);
    return tokens;
}

void tokens_done(struct tokens *tokens)
{
    free(tokens->list);
    *tokens = (struct tokens){0};
}
