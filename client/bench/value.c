// SPDX-License-Identifier: Apache-2.0
#include "client/bench/value.h"

#include "base/check.h"
#include "base/rng.h"

#include <stdlib.h>
#include <xxhash.h>

enum {
    MARK = 0x31766271, // "qbv1"
    AT_RUN = 4,
    AT_KEY = 8,
    AT_NUMBER = 16,
    AT_SUM = 24
};

void key_name(uint64_t key, uint8_t out[KEY_NAME_SIZE])
{
    (void)memcpy(out, "user", 4);
    for (unsigned i = KEY_NAME_SIZE; i > 4; i--) {
        out[i - 1] = (uint8_t)('0' + key % 10);
        key /= 10;
    }
}

void values_init(struct values *values, uint32_t size_min, uint32_t size_max, uint32_t run)
{
    size_t size = (size_t)size_max + VALUES_EXTRA;
    struct rng rng;

    check(size_min <= size_max && size_max <= VALUE_SIZE_MAX);
    *values = (struct values){.size_min = size_min, .size_max = size_max, .run = run};
    values->filler = memory_new(size);
    rng_init(&rng, run);
    for (size_t i = 0; i + 8 <= size; i += 8)
        bytes_put_u64(values->filler + i, rng_u64(&rng));
}

void values_done(struct values *values)
{
    free(values->filler);
    values->filler = NULL;
}

uint32_t values_size(const struct values *values, uint64_t key)
{
    uint64_t choices = (uint64_t)values->size_max - values->size_min + 1;

    if (choices == 1)
        return values->size_min;
    return values->size_min + (uint32_t)((rng_mix(key) >> 32) * choices >> 32);
}

// Of all but the place where it stands.
static uint64_t value_sum(const uint8_t *value, size_t size)
{
    return XXH3_64bits_withSeed(value + VALUE_HEADER, size - VALUE_HEADER,
                                XXH3_64bits(value, AT_SUM));
}

void values_write(const struct values *values, uint64_t key, uint64_t number, uint8_t *out)
{
    uint32_t size = values_size(values, key);
    size_t from = (size_t)(rng_mix(key + number) % (VALUES_EXTRA - 8));

    (void)memcpy(out, values->filler + from, size);
    if (size < VALUE_HEADER)
        return;
    bytes_put_u32(out, MARK);
    bytes_put_u32(out + AT_RUN, values->run);
    bytes_put_u64(out + AT_KEY, key);
    bytes_put_u64(out + AT_NUMBER, number);
    bytes_put_u64(out + AT_SUM, value_sum(out, size));
}

const char *value_fault_text(enum value_fault fault)
{
    static const char *const texts[] = {
        [VALUE_RIGHT] = "right",
        [VALUE_FOREIGN] = "not written by this program",
        [VALUE_TORN] = "a wrong checksum",
        [VALUE_OTHER_KEY] = "the value of another key",
    };

    check((unsigned)fault < VALUE_FAULTS);
    return texts[fault];
}

struct value_seen value_look(struct slice value, uint64_t key)
{
    struct value_seen seen = {.fault = VALUE_RIGHT};

    if (value.size < VALUE_HEADER || bytes_u32(value.data) != MARK)
        seen.fault = VALUE_FOREIGN;
    else if (bytes_u64(value.data + AT_SUM) != value_sum(value.data, value.size))
        seen.fault = VALUE_TORN;
    else if (bytes_u64(value.data + AT_KEY) != key)
        seen.fault = VALUE_OTHER_KEY;
    if (seen.fault)
        return seen;
    seen.run = bytes_u32(value.data + AT_RUN);
    seen.number = bytes_u64(value.data + AT_NUMBER);
    return seen;
}
