// SPDX-License-Identifier: Apache-2.0
#include "sim/workload/workload.h"

#include "sim/number/number.h"
#include "sim/workload/parts.h"

void workload_draw_init(struct workload_draw *draw, uint64_t seed)
{
    rng_init(&draw->rng, seed);
    draw->born = 0;
}

// As YCSB's Utils.fnvhash64 has it: FNV-1a of the 8 bytes, the lowest first, then the absolute
// value of what it is as a signed number.
static uint64_t scramble(uint64_t value)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (unsigned i = 0; i < 8; i++) {
        hash ^= value >> (8 * i) & 0xff;
        hash *= 1099511628211;
    }
    return hash >> 63 ? -hash : hash;
}

static uint64_t hotspot_draw(const struct workload *workload, struct rng *rng)
{
    uint64_t cold = workload->setup.keys - workload->hot;

    if (cold == 0 || number_unit(rng) < workload->setup.hot_operations)
        return rng_below(rng, workload->hot);
    return workload->hot + rng_below(rng, cold);
}

static uint64_t latest_draw(const struct workload *workload, struct workload_draw *draw, bool write)
{
    uint64_t born = workload->setup.keys + draw->born;

    if (!write)
        return born - 1 - zipf_draw(&workload->zipf, &draw->rng);
    draw->born += 1;
    return born;
}

static uint64_t key_draw(const struct workload *workload, struct workload_draw *draw, bool write)
{
    struct rng *rng = &draw->rng;

    switch (workload->setup.kind) {
    case WORKLOAD_UNIFORM:
        return rng_below(rng, workload->setup.keys);
    case WORKLOAD_ZIPF:
        return zipf_draw(&workload->zipf, rng);
    case WORKLOAD_SCRAMBLED:
        return scramble(zipf_draw(&workload->zipf, rng)) % workload->setup.keys;
    case WORKLOAD_HOTSPOT:
        return hotspot_draw(workload, rng);
    case WORKLOAD_LATEST:
        return latest_draw(workload, draw, write);
    case WORKLOAD_TRACE:
        return trace_key_of_line(workload->trace, rng_below(rng, workload->trace->lines));
    }
    return 0;
}

struct operation workload_draw(const struct workload *workload, struct workload_draw *draw)
{
    bool write = number_unit(&draw->rng) >= workload->setup.read_share;

    return (struct operation){key_draw(workload, draw, write), write};
}
