// SPDX-License-Identifier: Apache-2.0
// A progress bar on standard error: drawn after a second, at most ten times a second, and wiped
// away at the end.
#ifndef SIM_PLACEMENT_PROGRESS_H
#define SIM_PLACEMENT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    uint64_t started_ns;
    uint64_t drawn_ns; // 0: never
};

// Of a clock that only goes forward.
uint64_t progress_clock_ns(void);

void progress_begin(struct progress *progress);
void progress_show(void *progress, uint64_t done, uint64_t total);
void progress_end(struct progress *progress);

#endif
