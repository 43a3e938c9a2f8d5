// SPDX-License-Identifier: Apache-2.0
// Which charts a question gets. What varies decides: a numeric label that varies becomes the x of
// lines, the others panels; when none varies there are bars. Curves that were found (shares of
// nodes, latency over load, consistency over time) are drawn over what they run over. At most ten
// lines meet in one panel; more become panels of their own, and more panels than one page holds
// become charts of their own.
#ifndef SIM_OUTPUT_FIGURES_H
#define SIM_OUTPUT_FIGURES_H

#include "sim/output/chart.h"
#include "sim/output/view.h"

// In the view's arena; returns how many.
size_t figures_of(const struct view *view, struct chart **out);

#endif
