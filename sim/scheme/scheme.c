// SPDX-License-Identifier: Apache-2.0
// What all schemes share: limits, the list of nodes and its changes, and looking up where a scheme
// is a table of ranges.
#include "sim/scheme/scheme.h"

#include "base/check.h"
#include "base/err.h"
#include "node/data/key.h"
#include "sim/scheme/kinds.h"
#include "sim/scheme/tokens.h"

#include <stdlib.h>

const struct scheme_kind *const scheme_kinds[] = {
    &scheme_static,           // shards
    &scheme_static_boost,     //
    &scheme_modulo,           // nodes in a row
    &scheme_ring,             // tokens
    &scheme_ring_equal,       // partitions
    &scheme_ring_token_equal, // both
    &scheme_bounded,          // tokens
    &scheme_jump,             // buckets
    &scheme_rendezvous,       // scores
    &scheme_split,            // ranges
    NULL,
};

const struct scheme_kind *scheme_find(const char *name)
{
    for (uint32_t i = 0; scheme_kinds[i]; i++) {
        if (strcmp(scheme_kinds[i]->name, name) == 0)
            return scheme_kinds[i];
    }
    return NULL;
}

// ---------------------------------------------------------------- what kinds ask of a setup

static uint32_t nodes_with_weight(const struct scheme_setup *setup)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < setup->node_count; i++)
        count += setup->nodes[i].weight > 0;
    return count;
}

bool scheme_weights_alike(const struct scheme_setup *setup)
{
    uint32_t weight = 0;

    for (uint32_t i = 0; i < setup->node_count; i++) {
        uint32_t other = setup->nodes[i].weight;

        if (weight && other && weight != other)
            return false;
        weight = other ? other : weight;
    }
    return true;
}

bool scheme_zones_none(const struct scheme_setup *setup)
{
    for (uint32_t i = 0; i < setup->node_count; i++) {
        if (setup->nodes[i].weight && setup->nodes[i].zone != SCHEME_NO_ZONE)
            return false;
    }
    return true;
}

uint32_t scheme_list_present(const struct scheme *scheme, uint16_t *out)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < scheme->setup.node_count; i++) {
        if (scheme->nodes[i].weight)
            out[count++] = (uint16_t)i;
    }
    return count;
}

uint64_t scheme_list_bytes(const struct scheme *scheme)
{
    return (uint64_t)scheme->present * SCHEME_NODE_BYTES;
}

// ---------------------------------------------------------------- limits

static bool nodes_refuse(const struct scheme_setup *setup, struct buffer *why)
{
    uint32_t present;

    if (setup->node_count < 1 || setup->node_count > SCHEME_NODES_MAX) {
        buffer_add_format(why, "the number of nodes is 1 to %d, not %u", SCHEME_NODES_MAX,
                          setup->node_count);
        return true;
    }
    if (setup->replicas < 1 || setup->replicas > SCHEME_REPLICAS_MAX) {
        buffer_add_format(why, "the number of copies is 1 to %d, not %u", SCHEME_REPLICAS_MAX,
                          setup->replicas);
        return true;
    }
    present = nodes_with_weight(setup);
    if (setup->replicas > present) {
        buffer_add_format(why,
                          "copies lie on different nodes: at most %u with so many nodes of "
                          "weight above 0, not %u",
                          present, setup->replicas);
        return true;
    }
    return false;
}

static bool tokens_refuse(const struct scheme_setup *setup, struct buffer *why)
{
    if (setup->vnodes < 1 || setup->vnodes > SCHEME_VNODES_MAX) {
        buffer_add_format(why, "the number of virtual nodes is 1 to %d, not %u", SCHEME_VNODES_MAX,
                          setup->vnodes);
        return true;
    }
    if (tokens_total(setup) >= RANGES_MAX) {
        buffer_add_format(why, "virtual nodes of all nodes, by weight, are fewer than %d",
                          RANGES_MAX);
        return true;
    }
    return false;
}

static bool boost_refuse(const struct scheme_setup *setup, struct buffer *why)
{
    if (setup->boost_shards > setup->shards) {
        buffer_add_format(why, "boosted shards are at most the %u shards, not %u", setup->shards,
                          setup->boost_shards);
        return true;
    }
    if (setup->boost_copies > SCHEME_WIDTH_MAX - setup->replicas) {
        buffer_add_format(why, "copies and boosted copies are at most %d together, not %u + %u",
                          SCHEME_WIDTH_MAX, setup->replicas, setup->boost_copies);
        return true;
    }
    return false;
}

static bool limits_refuse(unsigned uses, const struct scheme_setup *setup, struct buffer *why)
{
    if (nodes_refuse(setup, why))
        return true;
    if (uses & SCHEME_USES_SHARDS && (setup->shards < 1 || setup->shards > SHARDS_MAX ||
                                      (setup->shards & (setup->shards - 1)))) {
        buffer_add_format(why, "the number of shards is a power of two from 1 to %d, not %u",
                          SHARDS_MAX, setup->shards);
        return true;
    }
    if (uses & SCHEME_USES_VNODES && tokens_refuse(setup, why))
        return true;
    if (uses & SCHEME_USES_PARTITIONS && setup->partitions > SCHEME_PARTITIONS_MAX) {
        buffer_add_format(why, "the number of partitions is 1 to %d (0: as many as fit), not %u",
                          SCHEME_PARTITIONS_MAX, setup->partitions);
        return true;
    }
    if (uses & SCHEME_USES_BOUND && !(setup->bound > 1 && setup->bound <= SCHEME_NODES_MAX)) {
        buffer_add_format(why, "the bound is above 1 and at most %d times the fair share, not %g",
                          SCHEME_NODES_MAX, setup->bound);
        return true;
    }
    return uses & SCHEME_USES_BOOST && boost_refuse(setup, why);
}

bool scheme_refuses(const struct scheme_kind *kind, const struct scheme_setup *setup,
                    struct buffer *why)
{
    const char *text;

    if (limits_refuse(kind->uses, setup, why))
        return true;
    text = kind->refuse ? kind->refuse(setup) : NULL;
    if (text)
        buffer_add_format(why, "%s", text);
    return text != NULL;
}

uint32_t scheme_partitions(const struct scheme_kind *kind, const struct scheme_setup *setup)
{
    if (setup->partitions)
        return setup->partitions;
    return kind->partitions ? kind->partitions : setup->vnodes * setup->node_count;
}

// 0 when the setup is possible; ERR_METHOD when it asks for what the kind does not have.
static int setup_err(const struct scheme_kind *kind, const struct scheme_setup *setup)
{
    struct buffer why = {0};
    bool refused = limits_refuse(kind->uses, setup, &why);

    buffer_done(&why);
    if (refused)
        return ERR_INVALID;
    return kind->refuse && kind->refuse(setup) ? ERR_METHOD : 0;
}

// ---------------------------------------------------------------- life

static void nodes_total(struct scheme *scheme)
{
    scheme->present = nodes_with_weight(&scheme->setup);
    scheme->weight = 0;
    for (uint32_t i = 0; i < scheme->setup.node_count; i++)
        scheme->weight += scheme->nodes[i].weight;
}

struct scheme *scheme_new(const struct scheme_kind *kind, const struct scheme_setup *setup)
{
    struct scheme *scheme = memory_new(sizeof *scheme);

    check(setup_err(kind, setup) == 0);
    scheme->kind = kind;
    scheme->setup = *setup;
    scheme->nodes = memory_new(SCHEME_NODES_MAX * sizeof *scheme->nodes);
    memcpy(scheme->nodes, setup->nodes, setup->node_count * sizeof *scheme->nodes);
    scheme->setup.nodes = scheme->nodes;
    scheme->width = setup->replicas;
    nodes_total(scheme);
    if (kind->open)
        kind->open(scheme);
    kind->build(scheme);
    return scheme;
}

void scheme_free(struct scheme *scheme)
{
    if (!scheme)
        return;
    if (scheme->kind->close)
        scheme->kind->close(scheme);
    ranges_free(scheme->ranges);
    free(scheme->nodes);
    free(scheme);
}

void scheme_observe(struct scheme *scheme, const struct scheme_batch *batch)
{
    if (scheme->kind->observe)
        scheme->kind->observe(scheme, batch);
}

void scheme_settle(struct scheme *scheme)
{
    if (!(scheme->kind->uses & SCHEME_LEARNS))
        return;
    scheme->settled = true;
    scheme->kind->build(scheme);
}

// ---------------------------------------------------------------- looking up

void scheme_begin(struct scheme *scheme, uint64_t keys)
{
    if (scheme->kind->begin)
        scheme->kind->begin(scheme, keys);
}

// One loop for each usual width: a row is then copied by a move or two.
static inline void rows_copy(const struct ranges *ranges, const uint32_t *slots, uint32_t count,
                             uint32_t width, uint16_t *out)
{
    for (uint32_t i = 0; i < count; i++)
        memcpy(out + (size_t)i * width, ranges->owners + (size_t)slots[i] * width,
               width * sizeof *out);
}

static void ranges_locate(const struct ranges *ranges, const struct scheme_batch *batch,
                          struct scheme_places *out)
{
    uint32_t own[SCHEME_BATCH_MAX];
    uint32_t *slots = out->slots ? out->slots : own;

    ranges_find_all(ranges, batch->hash, batch->count, slots);
    switch (ranges->width) {
    case 1:
        rows_copy(ranges, slots, batch->count, 1, out->owners);
        break;
    case 3:
        rows_copy(ranges, slots, batch->count, 3, out->owners);
        break;
    default:
        rows_copy(ranges, slots, batch->count, ranges->width, out->owners);
    }
}

void scheme_locate(struct scheme *scheme, const struct scheme_batch *batch,
                   struct scheme_places *out)
{
    check(batch->count <= SCHEME_BATCH_MAX);
    if (!scheme->kind->locate) {
        ranges_locate(scheme->ranges, batch, out);
        return;
    }
    if (out->slots)
        memset(out->slots, 0, batch->count * sizeof *out->slots);
    scheme->kind->locate(scheme, batch, out);
}

double scheme_fair(const struct scheme *scheme, uint32_t node)
{
    check(node < scheme->setup.node_count);
    return (double)scheme->nodes[node].weight / (double)scheme->weight;
}

uint64_t scheme_metadata(const struct scheme *scheme)
{
    return scheme->kind->metadata(scheme);
}

// ---------------------------------------------------------------- changes

// Tries the node in its place of the list; all is as before when the scheme cannot be so.
static int node_set(struct scheme *scheme, uint32_t number, struct scheme_node node)
{
    struct scheme_node before = scheme->nodes[number];
    uint32_t count_before = scheme->setup.node_count;
    int err;

    scheme->nodes[number] = node;
    if (number == count_before)
        scheme->setup.node_count += 1;
    err = setup_err(scheme->kind, &scheme->setup);
    if (err) {
        scheme->nodes[number] = before;
        scheme->setup.node_count = count_before;
        return err;
    }
    nodes_total(scheme);
    scheme->kind->build(scheme);
    return 0;
}

int scheme_add(struct scheme *scheme, struct scheme_node node, uint32_t *out_number)
{
    uint32_t number = scheme->setup.node_count;
    int err;

    if (number == SCHEME_NODES_MAX || node.weight == 0)
        return ERR_INVALID;
    err = node_set(scheme, number, node);
    if (err)
        return err;
    if (out_number)
        *out_number = number;
    return 0;
}

static bool node_is_present(const struct scheme *scheme, uint32_t number)
{
    return number < scheme->setup.node_count && scheme->nodes[number].weight > 0;
}

int scheme_remove(struct scheme *scheme, uint32_t number)
{
    struct scheme_node node;

    if (!node_is_present(scheme, number))
        return ERR_INVALID;
    node = scheme->nodes[number];
    node.weight = 0;
    return node_set(scheme, number, node);
}

int scheme_reweigh(struct scheme *scheme, uint32_t number, uint32_t weight)
{
    struct scheme_node node;

    if (!node_is_present(scheme, number) || weight == 0)
        return ERR_INVALID;
    node = scheme->nodes[number];
    node.weight = weight;
    return node_set(scheme, number, node);
}

// What a scheme cuts the space into: shards, or partitions, or else tokens.
static void setup_double(unsigned uses, struct scheme_setup *setup)
{
    if (uses & SCHEME_USES_SHARDS)
        setup->shards *= 2;
    else if (uses & SCHEME_USES_PARTITIONS)
        setup->partitions *= 2;
    else
        setup->vnodes *= 2;
}

int scheme_double(struct scheme *scheme)
{
    struct scheme_setup doubled = scheme->setup;
    int err;

    if (!scheme->kind->twice)
        return ERR_METHOD;
    setup_double(scheme->kind->uses, &doubled);
    err = setup_err(scheme->kind, &doubled);
    if (err)
        return err;
    scheme->kind->twice(scheme);
    scheme->kind->build(scheme);
    return 0;
}
