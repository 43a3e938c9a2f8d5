// SPDX-License-Identifier: Apache-2.0
// Lists of numbers as people type them: "5,10,20", "0,0.8,0.99", "1e6", "10k", "2M". Decimal points
// only; k, M and G are thousands, millions and billions.
#ifndef SIM_PLACEMENT_LIST_H
#define SIM_PLACEMENT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIST_MAX = 1024 };

struct list {
    double values[LIST_MAX];
    size_t count;
};

// One number; false for anything else. Exact for whole numbers up to 2^53.
bool number_read(const char *text, double *out);

// False when it cannot be read, is empty or too long. All of `out` is set, or nothing.
bool list_read(const char *text, struct list *out);

// True when all values lie within the bounds, and are whole numbers if `whole`.
bool list_within(const struct list *list, double min, double max, bool whole);

// Leaves out what stands in the list before.
void list_unique(struct list *list);

// The same words, each a text of its own behind a NUL in `copy` (which has the size of `text`);
// returns how many, 0 when one is empty or there are more than `max`.
size_t words_split(const char *text, char *copy, const char **words, size_t max);

#endif
