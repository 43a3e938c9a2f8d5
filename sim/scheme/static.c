// SPDX-License-Identifier: Apache-2.0
// Static sharding, as quorate itself does it: the shard of a key is the low bits of its hash, and a
// table says which nodes own a shard.
#include "base/check.h"
#include "sim/scheme/kinds.h"
#include "sim/scheme/shards.h"

#include <stdlib.h>

static void static_open(struct scheme *scheme)
{
    scheme->state = memory_new(sizeof(struct shards));
}

static void static_build(struct scheme *scheme)
{
    shards_plan(scheme->state, scheme);
    ranges_free(scheme->ranges);
    scheme->ranges = shards_ranges(scheme->state, scheme);
    ranges_index(scheme->ranges);
}

static void static_twice(struct scheme *scheme)
{
    shards_double(scheme->state, scheme);
}

static uint64_t static_metadata(const struct scheme *scheme)
{
    return scheme_list_bytes(scheme) + shards_bytes(scheme);
}

static void static_close(struct scheme *scheme)
{
    shards_done(scheme->state);
    free(scheme->state);
}

const struct scheme_kind scheme_static = {
    .name = "static",
    .text = "hash modulo a power of two of shards, and a balanced table of their owners",
    .paper = "quorate's own; fixed slots as in Redis Cluster, Couchbase's vBuckets",
    .uses = SCHEME_USES_SHARDS | SCHEME_USES_TABLE,
    .refuse = shards_refuse,
    .open = static_open,
    .build = static_build,
    .twice = static_twice,
    .metadata = static_metadata,
    .close = static_close,
};
