// SPDX-License-Identifier: Apache-2.0
// Any text as a delay: refused with a sentence, or a distribution whose draws are finite and whose
// distribution function rises from 0 to 1. Texts that would open a file are left alone.
#include "base/check.h"
#include "sim/number/delay.h"
#include "sim/number/number.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct delay *delay)
{
    struct rng rng;
    double last = 0;

    check(delay->count >= 1 && delay->count <= DELAY_PARTS_MAX && delay_mean(delay) >= 0);
    rng_init(&rng, 1);
    for (unsigned i = 0; i < 20; i++) {
        double ms = delay_draw(delay, &rng);

        check(ms >= delay->extra && ms < NUMBER_INFINITY);
    }
    for (double ms = 1e-9; ms < 1e12; ms *= 10) {
        double share = delay_cdf(delay, ms);

        check(share >= last - 1e-12 && share <= 1);
        last = share;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer why = {0};
    struct delay delay;
    char *text = (char *)memory_new(size + 1);

    if (size)
        memcpy(text, data, size);
    if (!strstr(text, "file:")) {
        int err = delay_read(text, &delay, &why);

        check(err ? why.size > 0 : why.size == 0);
        if (!err) {
            look_at(&delay);
            delay_done(&delay);
        }
    }
    buffer_done(&why);
    free(text);
    return 0;
}
