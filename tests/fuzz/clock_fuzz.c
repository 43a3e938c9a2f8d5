// SPDX-License-Identifier: Apache-2.0
// Any bytes as a clock: refused, or the one spelling of what they say. Then the bytes are cut in
// two clocks, which must obey the laws of sets.
#include "base/check.h"
#include "node/data/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void laws(const struct clock *a, const struct clock *b)
{
    struct clock joined = {0};
    struct clock left = {0};
    struct clock both = {0};

    clock_copy(&joined, a);
    clock_join(&joined, b);
    clock_copy(&left, a);
    clock_subtract(&left, b);
    clock_copy(&both, a);
    clock_intersect(&both, b);
    check(clock_valid(&joined) && clock_valid(&left) && clock_valid(&both));
    check(clock_covers(&joined, a) && clock_covers(&joined, b));
    check(!clock_overlaps(&left, b) && clock_covers(a, &left));
    check(clock_covers(a, &both) && clock_covers(b, &both));
    check(clock_overlaps(a, b) == (both.count > 0));
    check(clock_covers(b, a) == (left.count == 0));
    // a = (a - b) + (a * b), and joining b gives a + b again.
    clock_join(&both, &left);
    check(clock_equal(&both, a));
    clock_join(&left, b);
    check(clock_equal(&left, &joined));
    clock_done(&joined);
    clock_done(&left);
    clock_done(&both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader reader = reader_of(slice_of(data, size));
    struct clock first = {0};
    struct clock second = {0};
    struct buffer bytes = {0};

    if (clock_decode(&reader, &first) == 0) {
        check(clock_valid(&first));
        clock_encode(&first, &bytes);
        check(slice_equal(buffer_slice(&bytes), slice_of(data, size - reader_left(&reader))));
        if (clock_decode(&reader, &second) == 0) {
            laws(&first, &second);
            laws(&second, &first);
        }
    }
    clock_done(&first);
    clock_done(&second);
    buffer_done(&bytes);
    return 0;
}
