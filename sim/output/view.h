// SPDX-License-Identifier: Apache-2.0
// The rows of a result as people look at them: question by question, and within a question case by
// case. A case is one experiment: its rows agree in all that options set, and differ in what was
// found. Cases are told apart by a series (the scheme and its own parameters: "ring V=128") and a
// context (all else that varies: "10 nodes, theta 0.99"); tables, words and charts compare series
// within one context.
#ifndef SIM_OUTPUT_VIEW_H
#define SIM_OUTPUT_VIEW_H

#include "base/arena.h"
#include "sim/output/row.h"

// Labels that options set; the later ones say what was found.
#define VIEW_FIRST LABEL_SCHEME
#define VIEW_LAST  LABEL_SERVICE

struct view_case {
    const struct row **rows; // in their order
    size_t count;
};

struct view {
    struct arena *arena; // of all texts
    const char *question;
    struct view_case *cases;
    size_t count;
    bool varies[LABELS];  // VIEW_FIRST..VIEW_LAST
    const char **aliases; // pairs: a long text that varies, and its short name
    size_t alias_count;
    uint32_t repetitions; // most of any row
};

// One view for each question, in the order in which they first appear. The arena keeps all.
size_t view_list(const struct run_result *result, struct arena *arena, struct view **out);

// What was found: the first row whose labels are these; NULL is any. NULL when there is none.
struct spot {
    const char *event;
    const char *subject;
    const char *copies;
    const char *metric;
    const char *at;
};
const struct row *view_find(const struct view_case *found, const struct spot *spot);

// The mean of that row; not a number when there is none.
double view_mean(const struct view_case *found, const struct spot *spot);

// True when any case has such a row.
bool view_has(const struct view *view, const struct spot *spot);

// The texts of one label (LABEL_EVENT.. LABEL_AT) among rows like the spot, each once, in order of
// appearance.
size_t view_values(const struct view *view, const struct spot *spot, enum label label,
                   const char ***out);

// The value of a label as shown ("1,000,000"); "" when it does not apply.
const char *view_label(const struct view *view, const struct view_case *one, enum label label);

// The same with what it is: "10 nodes", "theta 0.99", "S=256".
const char *view_pair(const struct view *view, const struct view_case *one, enum label label);

// A text that is a number and nothing else: "0.99", "1e6".
bool view_read(const char *text, double *out);

// A label's value as a number: false when it does not apply or is none.
bool view_number(const struct view_case *one, enum label label, double *out);

// Without the label `skip` (LABELS: with all). When all cases have one series, what varies is the
// series and the context is empty.
const char *view_series(const struct view *view, const struct view_case *one, enum label skip);
const char *view_context(const struct view *view, const struct view_case *one, enum label skip);

// The scheme with all of its own parameters, for sentences: "static (S=256)".
const char *view_scheme(const struct view *view, const struct view_case *one);

// Parameters of schemes: S, V, Q, c, boost.
bool view_is_own(enum label label);

// What does not vary: "10 nodes, N=3, zipf, theta 0.99; 100 repetitions"; "" when nothing is set.
const char *view_caption(const struct view *view);

#endif
