// SPDX-License-Identifier: Apache-2.0
#include "sim/placement/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BAR = 40 };

#define SECOND UINT64_C(1000000000)

uint64_t progress_clock_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

void progress_begin(struct progress *progress)
{
    *progress = (struct progress){.started_ns = progress_clock_ns()};
}

void progress_show(void *context, uint64_t done, uint64_t total)
{
    struct progress *progress = context;
    uint64_t now = progress_clock_ns();
    uint64_t spent = now - progress->started_ns;
    uint64_t left = done ? spent / done * (total - done) : 0;
    char bar[BAR + 1];
    int full = (int)(done * BAR / total);

    if (spent < SECOND || (progress->drawn_ns && now - progress->drawn_ns < SECOND / 10))
        return;
    progress->drawn_ns = now;
    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)full);
    bar[BAR] = 0;
    fprintf(stderr, "\r[%s] %3llu %%, about %llu s left \033[K", bar,
            (unsigned long long)(done * 100 / total), (unsigned long long)(left / SECOND + 1));
}

void progress_end(struct progress *progress)
{
    if (progress->drawn_ns)
        fprintf(stderr, "\r\033[K");
}
