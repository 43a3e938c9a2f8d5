// SPDX-License-Identifier: Apache-2.0
// Values carry their number and bytes that follow from it.
#include "base/check.h"
#include "sim/check/asked.h"

#include <stdlib.h>

enum { NUMBER_BYTES = 8 };

uint64_t values_new(struct values *values, struct asked *asked)
{
    values->count += 1;
    if (values->count >= values->capacity) {
        values->capacity = values->capacity ? 2 * values->capacity : 1024;
        values->list = memory_grow(values->list, values->capacity * sizeof *values->list);
    }
    values->list[values->count] = (struct value_at){.asked = asked};
    return values->count;
}

void values_done(struct values *values)
{
    free(values->list);
}

static uint8_t filler(uint64_t number, size_t at)
{
    return (uint8_t)(rng_mix(number) >> at % 8 * 8);
}

void values_write(uint64_t number, uint64_t most, struct buffer *out)
{
    size_t size = NUMBER_BYTES + (size_t)(rng_mix(number + 77) % (most - NUMBER_BYTES + 1));

    buffer_add_u64(out, number);
    for (size_t i = NUMBER_BYTES; i < size; i++)
        buffer_add_u8(out, filler(number, i));
}

uint64_t users_value_number(struct slice value)
{
    uint64_t number;

    if (value.size < NUMBER_BYTES)
        return VALUE_GARBAGE;
    number = bytes_u64(value.data);
    for (size_t i = NUMBER_BYTES; i < value.size; i++) {
        if (value.data[i] != filler(number, i))
            return VALUE_GARBAGE;
    }
    return number;
}
