// SPDX-License-Identifier: Apache-2.0
// The hash modulo the number of nodes: perfectly even, and nearly every key moves when a node comes
// or goes. The further copies lie on the next nodes of the list, so a row of owners for each place
// in the list is all that there is to look up.
#include "base/check.h"
#include "sim/scheme/kinds.h"
#include "sim/scheme/pick.h"

#include <stdlib.h>

struct modulo {
    uint32_t nodes;
    uint16_t rows[SCHEME_NODES_MAX * SCHEME_REPLICAS_MAX]; // nodes x replicas
};

static const char *modulo_refuse(const struct scheme_setup *setup)
{
    if (!scheme_weights_alike(setup))
        return "modulo counts nodes and knows no weights: they must all be alike";
    return NULL;
}

static void modulo_open(struct scheme *scheme)
{
    scheme->state = memory_new(sizeof(struct modulo));
}

static void modulo_build(struct scheme *scheme)
{
    struct modulo *modulo = scheme->state;
    uint32_t replicas = scheme->setup.replicas;
    uint32_t zone_cap = pick_zone_cap(scheme, replicas);
    uint16_t list[SCHEME_NODES_MAX];

    modulo->nodes = scheme_list_present(scheme, list);
    for (uint32_t first = 0; first < modulo->nodes; first++) {
        struct pick pick;
        uint32_t at = first;

        pick_init(&pick, scheme, modulo->rows + first * replicas, replicas, zone_cap);
        while (!pick_offer(&pick, list[at]))
            at = (at + 1) % modulo->nodes;
    }
}

static void modulo_locate(struct scheme *scheme, const struct scheme_batch *batch,
                          struct scheme_places *out)
{
    const struct modulo *modulo = scheme->state;
    uint32_t replicas = scheme->setup.replicas;

    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t row = (uint32_t)(batch->hash[i] % modulo->nodes);

        memcpy(out->owners + (size_t)i * replicas, modulo->rows + row * replicas,
               replicas * sizeof *out->owners);
    }
}

static void modulo_close(struct scheme *scheme)
{
    free(scheme->state);
}

const struct scheme_kind scheme_modulo = {
    .name = "modulo",
    .text = "hash modulo the number of nodes",
    .paper = "the usual first idea; Karger et al., STOC 1997, section 1, say what is wrong with it",
    .fair = true,
    .refuse = modulo_refuse,
    .open = modulo_open,
    .build = modulo_build,
    .locate = modulo_locate,
    .metadata = scheme_list_bytes,
    .close = modulo_close,
};
