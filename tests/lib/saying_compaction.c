// SPDX-License-Identifier: Apache-2.0
// Random replies about a compaction, and their comparison.
#include "tests/lib/saying.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SAME(member) assert_true(a->member == b->member)

void saying_compaction(struct saying *saying, struct compaction *out)
{
    out->state = (enum compaction_state)rng_below(&saying->rng, COMPACTION_FAILED + 1);
    out->bytes_before = rng_u64(&saying->rng);
    out->bytes_after = rng_u64(&saying->rng) >> 32;
    out->elapsed_ms = rng_below(&saying->rng, 1 << 20);
    if (out->state == COMPACTION_FAILED) {
        out->err = -1 - (int)rng_below(&saying->rng, 29);
        out->text = saying_text(saying, 80);
    }
}

void saying_same_compaction(const struct compaction *a, const struct compaction *b)
{
    SAME(state);
    SAME(err);
    assert_true(slice_equal(a->text, b->text));
    SAME(bytes_before);
    SAME(bytes_after);
    SAME(elapsed_ms);
}
