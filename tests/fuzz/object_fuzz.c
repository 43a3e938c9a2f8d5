// SPDX-License-Identifier: Apache-2.0
// Any bytes as an object, a shard's clock and a delta: refused, or the one spelling of what they
// say. When all three are there, the delta is applied: applying it again changes nothing.
#include "base/check.h"
#include "node/data/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void apply_twice(struct arena *arena, const struct object *old, struct clock *clock,
                        const struct delta *delta)
{
    struct clock before = clock_in(arena);
    struct object once = object_apply(arena, old, clock, NULL, delta);
    struct object twice;

    check(!clock_overlaps(&once.rest, clock));
    check(clock_covers(clock, &delta->dots));
    clock_copy(&before, clock);
    twice = object_apply(arena, &once, clock, NULL, delta);
    check(clock_equal(clock, &before));
    check(object_same_versions(&once, &twice) && clock_equal(&once.rest, &twice.rest));
}

static void delta_try(struct reader *reader, struct arena *arena, const struct object *object)
{
    struct clock clock = clock_in(arena);
    struct buffer bytes = {0};
    struct delta delta;

    if (clock_decode(reader, &clock) == 0) {
        const uint8_t *start = reader->at;

        if (delta_decode(reader, arena, &delta) == 0) {
            delta_encode(&delta, &bytes);
            check(slice_equal(buffer_slice(&bytes), slice_of(start, (size_t)(reader->at - start))));
            apply_twice(arena, object, &clock, &delta);
        }
    }
    buffer_done(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader reader = reader_of(slice_of(data, size));
    struct arena arena = {0};
    struct buffer bytes = {0};
    struct object object;

    if (object_decode(&reader, &arena, &object) == 0) {
        object_encode(&object, &bytes);
        check(slice_equal(buffer_slice(&bytes), slice_of(data, size - reader_left(&reader))));
        check(object_latest(&object) < (int)object.count);
        delta_try(&reader, &arena, &object);
    }
    arena_done(&arena);
    buffer_done(&bytes);
    return 0;
}
