// SPDX-License-Identifier: Apache-2.0
// The forms in which a result leaves the program. All are pure: rows in, bytes out, the same bytes
// for the same rows.
#ifndef SIM_OUTPUT_OUTPUT_H
#define SIM_OUTPUT_OUTPUT_H

#include "sim/output/row.h"

// Tables for people, at most `columns` wide (100 is what is aimed at), one per question: parameters
// that do not vary stand in the caption, those that vary in the first columns, the main metrics in
// the others as "mean" or "mean [p5-p95]" when there are several repetitions. Curves and per-node
// shares are left to CSV, JSON and the report. After each table one line in words that says what it
// shows.
struct table_setup {
    unsigned columns;
    bool color;
};
void output_tables(const struct run_result *result, const struct table_setup *setup,
                   struct buffer *out);

// RFC 4180 with a header line, but lines end as Unix tools want them, with a line feed: every
// label, then unit, mean, p5, p50, p95, repetitions, seed, note. Columns are only ever added, at
// the end. Numbers with up to 9 significant digits; a value that does not exist is empty, an
// infinite one "inf". UTF-8.
void output_csv(const struct run_result *result, struct buffer *out);

// One object: {"command":..., "seed":..., "rows":[{...}]}; the keys of the CSV; labels that do not
// apply are left out, values that do not exist or are infinite are null. One row a line. A label of
// numbers is a number where its text is one, else a string.
void output_json(const struct run_result *result, struct buffer *out);

// One HTML page that needs nothing else: the command and seed, the words of the tables, a chart for
// each question with its numbers beside it, light and dark, printable. See chart.h.
void output_report(const struct run_result *result, struct buffer *out);

// The charts of the report one by one, each a standalone SVG: for each calls `take` with a file
// name ("balance-peak.svg") and the text, which is valid during the call.
void output_charts(const struct run_result *result,
                   void (*take)(void *context, const char *name, struct slice svg), void *context);

#endif
