// SPDX-License-Identifier: Apache-2.0
// Results of `quorate-sim placement` made up for tests of what is written from them: the rows that
// each question gives, with numbers of a likely size. The same setup gives the same rows.
#ifndef TESTS_LIB_SIM_ROWS_H
#define TESTS_LIB_SIM_ROWS_H

#include "base/arena.h"
#include "sim/output/row.h"

struct sim_rows {
    struct run_result result;
    struct arena arena; // of texts
    size_t room;
};

// Lists end with NULL.
struct sim_rows_setup {
    unsigned schemes;          // 1..SIM_ROWS_SCHEMES, see sim_rows.c
    const char *const *nodes;  // "5", "10"
    const char *const *thetas; // "0", "0.99"
    const char *const *events; // of movement
    const char *const *loads;  // of latency
    uint32_t repetitions;
};

enum { SIM_ROWS_SCHEMES = 16 };

// Four schemes, 10 nodes, theta 0.99, 100 repetitions, a few events and loads.
extern const struct sim_rows_setup sim_rows_plain;

// Zeroed rows are empty and ready.
void sim_rows_done(struct sim_rows *rows);

// A copy of the row; labels that are NULL become "", texts must outlive the rows.
struct row *sim_rows_add(struct sim_rows *rows, const struct row *row);

void sim_rows_balance(struct sim_rows *rows, const struct sim_rows_setup *setup);
void sim_rows_movement(struct sim_rows *rows, const struct sim_rows_setup *setup);
void sim_rows_latency(struct sim_rows *rows, const struct sim_rows_setup *setup);
void sim_rows_staleness(struct sim_rows *rows, const struct sim_rows_setup *setup);
void sim_rows_cost(struct sim_rows *rows, const struct sim_rows_setup *setup);

// What is hard to show: long names, marks of HTML and CSV in texts, values that are not a number,
// infinite, 0, tiny and huge.
void sim_rows_hard(struct sim_rows *rows);

// All of them but the hard ones, with a command and a seed.
void sim_rows_all(struct sim_rows *rows, const struct sim_rows_setup *setup);

#endif
