// SPDX-License-Identifier: Apache-2.0
// The numbers of a chart as a table of HTML: of every point the mean and, where they differ, p5
// and p95; of ranks the first and the last.
#ifndef SIM_OUTPUT_NUMBERS_H
#define SIM_OUTPUT_NUMBERS_H

#include "sim/output/chart.h"

void numbers_write(const struct chart *chart, struct arena *arena, struct buffer *out);

#endif
