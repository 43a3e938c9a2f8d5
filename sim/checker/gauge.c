// SPDX-License-Identifier: Apache-2.0

#include "sim/checker/gauge.h"

#include <inttypes.h>

enum { TENTHS = 10 };

void gauges_check(const struct gauge *gauges, uint32_t count, struct verdict *verdict)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct gauge *it = &gauges[i];
        uint64_t most = it->before + it->before / TENTHS + it->allowance;

        if (it->after > most)
            verdict_add(verdict, VERDICT_UNBOUNDED,
                        "%s: %" PRIu64 " before, %" PRIu64 " after, at most %" PRIu64 " expected",
                        it->name, it->before, it->after, most);
        if (it->limit && it->highest > it->limit)
            verdict_add(verdict, VERDICT_UNBOUNDED,
                        "%s: reached %" PRIu64 ", above its bound of %" PRIu64, it->name,
                        it->highest, it->limit);
    }
}
