// SPDX-License-Identifier: Apache-2.0
// The share of each key, without drawing. A share by Zipf's law costs a power; the first million
// are kept, and beyond, where a thousand ranks on the share has hardly changed, it follows from
// that of the last multiple s of 1,024 by five terms of a series:
//
//     (s + i)^-theta = s^-theta (1 - theta t + theta (theta+1)/2 t^2 - ...),   t = i/s < 1/1024
//
// whose sixth is below 1e-17. So a share never depends on how the walk over the keys is cut.
#include "sim/workload/workload.h"

#include "base/check.h"
#include "base/rng.h"
#include "sim/workload/parts.h"

#include <string.h>

enum { SHARES_MAX = 1 << 20, BLOCK = 1024 };

void workload_prepare_shares(struct workload *workload)
{
    uint64_t ranks = workload->zipf.items < SHARES_MAX ? workload->zipf.items : SHARES_MAX;

    workload->shares = (double *)memory_new(ranks * sizeof *workload->shares);
    for (uint64_t rank = 0; rank < ranks; rank++)
        workload->shares[rank] = zipf_share(&workload->zipf, rank);
}

// Shares of `count` ranks from `rank` on, all of one block.
static void block_fill(const struct zipf *zipf, uint64_t rank, uint32_t count, double *out)
{
    uint64_t first = rank / BLOCK * BLOCK;
    double share = zipf_share(zipf, first);
    double step = 1 / ((double)first + 1);
    double theta = zipf->theta;

    for (uint32_t i = 0; i < count; i++) {
        double t = (double)(rank - first + i) * step;
        double series = 1 - (theta + 4) * t * (1.0 / 5);

        series = 1 - (theta + 3) * t * (1.0 / 4) * series;
        series = 1 - (theta + 2) * t * (1.0 / 3) * series;
        series = 1 - (theta + 1) * t * (1.0 / 2) * series;
        out[i] = share * (1 - theta * t * series);
    }
}

static void ranks_fill(const struct workload *workload, uint64_t rank, uint32_t count, double *out)
{
    uint64_t end = rank + count;

    while (rank < end) {
        uint64_t stop = (rank / BLOCK + 1) * BLOCK;
        uint32_t some = (uint32_t)((stop < end ? stop : end) - rank);

        if (rank < SHARES_MAX)
            memcpy(out, workload->shares + rank, some * sizeof *out);
        else
            block_fill(&workload->zipf, rank, some, out);
        rank += some;
        out += some;
    }
}

static void reverse(double *values, uint32_t count)
{
    for (uint32_t i = 0; i < count / 2; i++) {
        double kept = values[i];

        values[i] = values[count - 1 - i];
        values[count - 1 - i] = kept;
    }
}

static void fill(double *values, uint32_t count, double value)
{
    for (uint32_t i = 0; i < count; i++)
        values[i] = value;
}

static void hotspot_fill(const struct workload *workload, struct workload_keys *keys)
{
    double hot = (double)workload->hot;
    double cold = (double)(workload->setup.keys - workload->hot);
    double operations = cold > 0 ? workload->setup.hot_operations : 1;

    for (uint32_t i = 0; i < keys->count; i++)
        keys->reads[i] =
            keys->from + i < workload->hot ? operations / hot : (1 - operations) / cold;
}

static void trace_fill(const struct trace *trace, struct workload_keys *keys)
{
    double share = 1 / (double)trace->lines;

    for (uint32_t i = 0; i < keys->count; i++)
        keys->reads[i] = trace->counts[keys->from + i] * share;
}

// By the key's number, the same in every run.
static void bytes_fill(const struct workload_setup *setup, struct workload_keys *keys)
{
    uint64_t sizes = (uint64_t)setup->bytes_max - setup->bytes_min + 1;

    for (uint32_t i = 0; i < keys->count; i++)
        keys->bytes[i] =
            setup->bytes_min + (uint32_t)((rng_mix(keys->from + i) >> 32) * sizes >> 32);
}

void workload_expect(const struct workload *workload, struct workload_keys *keys)
{
    const struct workload_setup *setup = &workload->setup;
    double alike = 1 / (double)setup->keys;

    check(keys->count <= WORKLOAD_CHUNK && keys->from + keys->count <= setup->keys);
    bytes_fill(setup, keys);
    switch (setup->kind) {
    case WORKLOAD_UNIFORM:
        fill(keys->reads, keys->count, alike);
        break;
    case WORKLOAD_ZIPF:
        ranks_fill(workload, keys->from, keys->count, keys->reads);
        break;
    case WORKLOAD_SCRAMBLED:
        fill(keys->reads, keys->count, 0);
        break;
    case WORKLOAD_HOTSPOT:
        hotspot_fill(workload, keys);
        break;
    case WORKLOAD_LATEST:
        ranks_fill(workload, setup->keys - keys->from - keys->count, keys->count, keys->reads);
        reverse(keys->reads, keys->count);
        fill(keys->writes, keys->count, alike);
        return;
    case WORKLOAD_TRACE:
        trace_fill(workload->trace, keys);
        break;
    }
    memcpy(keys->writes, keys->reads, keys->count * sizeof keys->reads[0]);
}
