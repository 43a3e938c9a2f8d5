// SPDX-License-Identifier: Apache-2.0
// What the charts of all questions are made with: a metric over what varies, and curves that were
// found.
#ifndef SIM_OUTPUT_FIGURES_DRAW_H
#define SIM_OUTPUT_FIGURES_DRAW_H

#include "sim/output/plot.h"
#include "sim/output/view.h"

enum { FIGURES_X_MAX = 2 };

struct figures {
    const struct view *view;
    struct plot plot;
};

// What the cases are called: "scheme", or "case" when other things vary.
const char *figures_case_title(const struct figures *figures);

// The cases that are shown where all would be too many: those of the last context; and the title
// with that context: "Keys: 10 nodes, theta 0.99".
bool figures_show(const struct figures *figures, const struct view_case *one);
const char *figures_title(const struct figures *figures, const char *title);

// Which labels become the x of lines; their count.
size_t figures_x(const struct view *view, enum label out[FIGURES_X_MAX]);

// What is drawn of a metric: a panel a spot, with its title.
struct measure {
    struct chart like; // name, title, y_title as of lines, unit, even_line
    const struct spot *spots;
    const char *const *titles;
    size_t count;
};

// Lines over that label.
void figures_over(struct figures *figures, const struct measure *measure, enum label x);

// Lines over each label that varies, or bars when none does.
void figures_measure(struct figures *figures, const struct measure *measure);

// A curve that was found: lines over `at`, a panel a metric.
struct curve {
    struct chart like;
    struct spot spots[3];
    const char *titles[3];
    size_t count;
};

void figures_curve(struct figures *figures, const struct curve *curve);

// figures_cluster.c: the charts of `quorate-sim cluster`.
void figures_cluster(struct figures *figures);

#endif
