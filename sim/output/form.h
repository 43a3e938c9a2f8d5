// SPDX-License-Identifier: Apache-2.0
// A sheet of a view: columns for what tells the lines apart, then columns of metrics. The lines
// come context by context, so that series of one context stand below each other.
#ifndef SIM_OUTPUT_FORM_H
#define SIM_OUTPUT_FORM_H

#include "sim/output/sheet.h"
#include "sim/output/view.h"

struct form {
    const struct view *view;
    const struct view_case **cases; // by context; view->count of them
    struct sheet sheet;
    enum label contexts[LABELS];
    unsigned context_count;
    enum label extras[LABELS];
    unsigned extra_count;
    bool scheme;    // there is a column of schemes
    unsigned first; // column of metrics
};

// A column of metrics: what is looked up, and how it is called.
struct form_metric {
    struct spot spot;
    const char *group;
    const char *title;
    unsigned rank;
    const char *below; // not NULL: divided by the mean of this metric of the same spot
};

// Columns for the contexts, then `extras` (of LABEL_EVENT.. LABEL_AT, such as the event), then the
// schemes.
void form_begin(struct form *form, const struct view *view, const enum label *extras,
                unsigned extra_count);

void form_metrics(struct form *form, const struct form_metric *metrics, unsigned count);

// The first of form->cases behind `first` that is of another context, or their count.
size_t form_next_context(const struct form *form, size_t first);

// A line of a case: `at` adds to the spots of all metrics what is not NULL in it; its texts fill
// the columns of the extras. No line when the case has none of the rows.
void form_line(struct form *form, const struct view_case *one, const struct spot *at,
               const struct form_metric *metrics, unsigned count);

#endif
