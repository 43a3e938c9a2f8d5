// SPDX-License-Identifier: Apache-2.0
// While a trace is read, an open-addressing table of key numbers finds the lines that were there
// before; it is at most half full, grows by doubling and is gone afterwards. What stays is 8 bytes
// a key beside its text.
#include "sim/workload/trace.h"

#include "base/check.h"
#include "base/err.h"
#include "node/data/hash.h"
#include "node/data/key.h"
#include "sim/number/lines.h"
#include "sim/workload/workload.h"

#include <stdlib.h>

enum { SLOTS_MIN = 1024, STRIDE = 64 };

struct index {
    uint32_t *slots; // number of a key + 1; 0: free
    size_t capacity; // a power of two
};

struct slice trace_key(const struct trace *trace, uint64_t key)
{
    uint32_t begin = key ? trace->ends[key - 1] : 0;

    check(key < trace->keys);
    return slice_of(trace->texts.data + begin, trace->ends[key] - begin);
}

// The slot where a text stands or would stand.
static size_t index_find(const struct index *index, const struct trace *trace, struct slice text)
{
    size_t mask = index->capacity - 1;
    size_t at = (size_t)hash_64(text) & mask;

    while (index->slots[at] && !slice_equal(trace_key(trace, index->slots[at] - 1), text))
        at = (at + 1) & mask;
    return at;
}

static void index_grow(struct index *index, struct trace *trace)
{
    size_t capacity = index->capacity ? 2 * index->capacity : SLOTS_MIN;

    free(index->slots);
    index->slots = (uint32_t *)memory_new(capacity * sizeof *index->slots);
    index->capacity = capacity;
    trace->ends = (uint32_t *)memory_grow(trace->ends, capacity / 2 * sizeof *trace->ends);
    trace->counts = (uint32_t *)memory_grow(trace->counts, capacity / 2 * sizeof *trace->counts);
    for (uint32_t key = 0; key < trace->keys; key++)
        index->slots[index_find(index, trace, trace_key(trace, key))] = key + 1;
}

static int refuse(const struct lines *lines, const char *sentence, struct buffer *why)
{
    buffer_add_format(why, "%s: line %llu: %s", lines->name, (unsigned long long)lines->number,
                      sentence);
    return ERR_INVALID;
}

static int add_line(const struct lines *lines, struct slice text, struct index *index,
                    struct trace *trace, struct buffer *why)
{
    size_t at;

    if (text.size == 0)
        return 0;
    if (trace->lines == UINT32_MAX)
        return refuse(lines, "a trace may have 2^32 - 1 lines at most", why);
    if (2 * (size_t)trace->keys >= index->capacity)
        index_grow(index, trace);
    at = index_find(index, trace, text);
    if (!index->slots[at]) {
        if (trace->keys == TRACE_KEYS_MAX)
            return refuse(lines, "a trace may have 50 million different keys at most", why);
        if (trace->texts.size + text.size > UINT32_MAX)
            return refuse(lines, "the keys of a trace may have 4 GiB at most", why);
        buffer_add_slice(&trace->texts, text);
        trace->ends[trace->keys] = (uint32_t)trace->texts.size;
        trace->counts[trace->keys] = 0;
        index->slots[at] = ++trace->keys;
    }
    trace->counts[index->slots[at] - 1] += 1;
    trace->lines += 1;
    return 0;
}

static int read_lines(struct lines *lines, struct trace *trace, struct buffer *why)
{
    struct index index = {0};
    struct slice text;
    int got;

    while ((got = lines_next(lines, &text, why)) > 0) {
        got = add_line(lines, text, &index, trace, why);
        if (got)
            break;
    }
    free(index.slots);
    if (got == 0 && trace->keys == 0) {
        buffer_add_format(why, "%s: no key stands in it; a trace must have one key a line",
                          lines->name);
        return ERR_INVALID;
    }
    return got == ERR_TOO_LARGE ? ERR_INVALID : got;
}

static void sum_before(struct trace *trace)
{
    uint64_t sum = 0;

    trace->before = (uint64_t *)memory_new((trace->keys / STRIDE + 1) * sizeof *trace->before);
    for (uint32_t key = 0; key < trace->keys; key++) {
        if (key % STRIDE == 0)
            trace->before[key / STRIDE] = sum;
        sum += trace->counts[key];
    }
}

int trace_read(const char *path, struct trace **out, struct buffer *why)
{
    struct trace *trace;
    struct lines lines;
    int err = lines_open(path, KEY_SIZE_MAX, &lines, why);

    if (err)
        return err;
    trace = (struct trace *)memory_new(sizeof *trace);
    err = read_lines(&lines, trace, why);
    lines_close(&lines);
    if (err) {
        trace_free(trace);
        return err;
    }
    sum_before(trace);
    *out = trace;
    return 0;
}

void trace_free(struct trace *trace)
{
    if (!trace)
        return;
    buffer_done(&trace->texts);
    free(trace->ends);
    free(trace->counts);
    free(trace->before);
    free(trace);
}

uint64_t trace_key_of_line(const struct trace *trace, uint64_t line)
{
    uint32_t low = 0;
    uint32_t high = (trace->keys - 1) / STRIDE; // the last run that begins at or before the line
    uint32_t key;

    check(line < trace->lines);
    while (low < high) {
        uint32_t middle = high - (high - low) / 2;

        if (trace->before[middle] <= line)
            low = middle;
        else
            high = middle - 1;
    }
    line -= trace->before[low];
    for (key = low * STRIDE; line >= trace->counts[key]; key++)
        line -= trace->counts[key];
    return key;
}
