// SPDX-License-Identifier: Apache-2.0
#include "sim/workload/workload.h"

#include "base/check.h"
#include "base/err.h"
#include "node/data/key.h"
#include "sim/workload/parts.h"

#include <stdlib.h>

static const char *const words[] = {
#define X(name, word, text) word,
    WORKLOAD_MAP(X)
#undef X
};

enum { KINDS = sizeof words / sizeof words[0] };

const char *workload_word(enum workload_kind kind)
{
    check((unsigned)kind < KINDS);
    return words[kind];
}

bool workload_find(const char *word, enum workload_kind *out)
{
    for (unsigned i = 0; i < KINDS; i++) {
        if (strcmp(words[i], word) == 0) {
            *out = (enum workload_kind)i;
            return true;
        }
    }
    return false;
}

// ---------------------------------------------------------------- making one

static bool is_share(double value)
{
    return value >= 0 && value <= 1;
}

static bool has_theta(enum workload_kind kind)
{
    return kind == WORKLOAD_ZIPF || kind == WORKLOAD_SCRAMBLED || kind == WORKLOAD_LATEST;
}

static int refuse(struct buffer *why, const char *sentence)
{
    buffer_add_format(why, "%s", sentence);
    return ERR_INVALID;
}

static int check_setup(const struct workload_setup *setup, struct buffer *why)
{
    bool hotspot = setup->kind == WORKLOAD_HOTSPOT;
    bool trace = setup->kind == WORKLOAD_TRACE;

    if ((unsigned)setup->kind >= KINDS)
        return refuse(why, "no such workload");
    if (!trace && (setup->keys < 1 || setup->keys > WORKLOAD_KEYS_MAX))
        return refuse(why, "the number of keys must be from 1 to 1000000000");
    if (has_theta(setup->kind) && !(setup->theta >= 0 && setup->theta <= 2))
        return refuse(why, "theta must be from 0 to 2");
    if (hotspot && !is_share(setup->hot_operations))
        return refuse(why, "the share of operations on hot keys must be from 0 to 1");
    if (hotspot && !(setup->hot_keys > 0 && setup->hot_keys <= 1))
        return refuse(why, "the share of hot keys must be above 0 and at most 1");
    if (!is_share(setup->read_share))
        return refuse(why, "the share of reads must be from 0 to 1");
    if (setup->bytes_min > setup->bytes_max)
        return refuse(why, "the smallest value must not be larger than the largest");
    if (trace && (!setup->trace_path || !setup->trace_path[0]))
        return refuse(why, "a trace must have a path, or - for standard input");
    return 0;
}

static void prepare(struct workload *workload)
{
    const struct workload_setup *setup = &workload->setup;
    double hot = (double)setup->keys * setup->hot_keys;

    switch (setup->kind) {
    case WORKLOAD_ZIPF:
    case WORKLOAD_LATEST:
        zipf_init(&workload->zipf, setup->keys, setup->theta);
        workload_prepare_shares(workload);
        break;
    case WORKLOAD_SCRAMBLED:
        zipf_init(&workload->zipf, SCRAMBLED_ITEMS, setup->theta);
        break;
    case WORKLOAD_HOTSPOT:
        workload->hot = hot < 1 ? 1 : (uint64_t)(hot + 0.5);
        break;
    case WORKLOAD_UNIFORM:
    case WORKLOAD_TRACE:
        break;
    }
}

int workload_new(const struct workload_setup *setup, struct workload **out, struct buffer *why)
{
    struct trace *trace = NULL;
    struct workload *workload;
    int err = check_setup(setup, why);

    if (!err && setup->kind == WORKLOAD_TRACE)
        err = trace_read(setup->trace_path, &trace, why);
    if (err)
        return ERR_INVALID;
    workload = (struct workload *)memory_new(sizeof *workload);
    *workload = (struct workload){.setup = *setup, .trace = trace};
    if (trace)
        workload->setup.keys = trace->keys;
    if (setup->trace_path)
        workload->setup.trace_path = workload->trace_path = memory_text(setup->trace_path);
    prepare(workload);
    *out = workload;
    return 0;
}

void workload_free(struct workload *workload)
{
    if (!workload)
        return;
    trace_free(workload->trace);
    free(workload->trace_path);
    free(workload->shares);
    free(workload);
}

const struct workload_setup *workload_setup(const struct workload *workload)
{
    return &workload->setup;
}

bool workload_only_drawn(const struct workload *workload)
{
    return workload->setup.kind == WORKLOAD_SCRAMBLED;
}

// ---------------------------------------------------------------- keys

#define BUCKET slice_of("sim", 3)

static uint64_t text_hash(uint64_t seed, struct slice text)
{
    struct key key;
    int err = key_make(seed, 1, BUCKET, text, &key);

    check(!err);
    return key.low;
}

uint64_t workload_key_hash(const struct workload *workload, uint64_t seed, uint64_t key)
{
    uint8_t bytes[8];

    if (workload->trace)
        return text_hash(seed, trace_key(workload->trace, key));
    bytes_put_u64(bytes, key);
    return text_hash(seed, slice_of(bytes, sizeof bytes));
}

void workload_hash(const struct workload *workload, uint64_t seed, struct workload_keys *keys)
{
    check(keys->count <= WORKLOAD_CHUNK);
    if (!workload->trace) {
        key_lows_of_numbers(seed, BUCKET, keys->from, keys->count, keys->hash);
        return;
    }
    for (uint32_t i = 0; i < keys->count; i++)
        keys->hash[i] = text_hash(seed, trace_key(workload->trace, keys->from + i));
}
