// SPDX-License-Identifier: Apache-2.0
// What one repetition of an experiment found: a list of numbers, each with the words that say what
// it is. All repetitions of an experiment find the same list with other numbers.
#ifndef SIM_QUESTION_FINDING_H
#define SIM_QUESTION_FINDING_H

#include "base/arena.h"

#include <stdbool.h>

// The words are texts that live as long as the program, or in the findings' arena; "" when one does
// not apply.
struct finding {
    const char *event; // of movement: "add", "remove:2", ...
    const char
        *subject;       // what is counted: "keys", "bytes", "reads", "writes", "load", "shard-keys"
    const char *copies; // "1": first owners only; "all": every copy
    const char *metric; // "peak/average", "moved", "p99", ...
    const char *unit;   // "", "ms", "bytes", "ns", "%" is not used: shares are 0..1
    const char *note;   // what only a person reads: "shard 17"
    double at;          // of a curve: the x (a rank, ms, a share of capacity); else 0
    bool curve;         // `at` means something
    double value;
};

struct findings {
    struct finding *list;
    size_t count;
    size_t capacity;
    struct arena texts;
};

// Zeroed findings are empty and ready.
void findings_done(struct findings *findings);
void findings_add(struct findings *findings, const struct finding *finding);

#endif
