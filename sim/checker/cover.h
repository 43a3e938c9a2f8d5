// SPDX-License-Identifier: Apache-2.0
// Which write first covered which place, when writes are given one after the other; each place is
// touched once, however many contexts cover it (a forest of "next place not covered yet", with
// path halving: Tarjan and van Leeuwen, "Worst-case analysis of set union algorithms", 1984).
// And how many places of a range are in a set (a tree of partial sums: Fenwick, "A new data
// structure for cumulative frequency tables", 1994). Inside this folder only.
#ifndef SIM_CHECKER_COVER_H
#define SIM_CHECKER_COVER_H

#include "sim/checker/book.h"

struct cover {
    uint32_t count;
    uint32_t *next; // the first place not covered yet from here on, nearly
    uint32_t *by;   // the operation that covered the place first; NOBODY
};

// For the places of the book's key.
void cover_init(struct cover *cover, const struct book *book, struct arena *arena);

// The operation covers what its context sent has, itself excepted. Calls `fresh` (may be NULL) for
// each place that nobody had covered.
void cover_add(struct cover *cover, const struct book *book, uint32_t op,
               void (*fresh)(void *context, uint32_t place), void *context);

struct sums {
    uint32_t count;
    uint32_t total;
    int32_t *tree;
};

void sums_init(struct sums *sums, uint32_t count, struct arena *arena);
void sums_add(struct sums *sums, uint32_t place, int32_t amount);
uint32_t sums_range(const struct sums *sums, uint32_t low, uint32_t high); // of [low, high)

#endif
