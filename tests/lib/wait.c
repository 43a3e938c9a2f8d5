// SPDX-License-Identifier: Apache-2.0

#include "tests/lib/wait.h"

#include <stdlib.h>
#include <time.h>

uint64_t wait_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t wait_now_ms(void)
{
    return wait_now_us() / 1000;
}

void wait_ms(uint32_t ms)
{
    struct timespec nap = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&nap, NULL);
}

uint64_t wait_patience(uint64_t ms)
{
    const char *slow = getenv("TEST_SLOW");
    uint64_t times = slow ? strtoull(slow, NULL, 10) : 1;

    return ms * (times ? times : 1);
}

bool wait_until(condition holds, void *context, uint64_t timeout_ms)
{
    uint64_t end = wait_now_ms() + wait_patience(timeout_ms);

    while (!holds(context)) {
        if (wait_now_ms() >= end)
            return holds(context);
        wait_ms(10);
    }
    return true;
}
