// SPDX-License-Identifier: Apache-2.0
// Where the keys of drawn operations lie. Most schemes answer for a key by itself; for one whose
// places depend on the keys before (SCHEME_ORDERED), all keys are placed first and remembered: 2
// bytes for each copy.
#ifndef SIM_QUESTION_LOOKUP_H
#define SIM_QUESTION_LOOKUP_H

#include "sim/question/trial.h"

// Above so many copies, 120 MB in each thread, an ordered scheme is not looked up by key.
enum { LOOKUP_COPIES_MAX = 60 * 1000 * 1000 };

struct lookup {
    const struct trial *trial;
    struct scheme *scheme;
    uint64_t seed;
    uint64_t placed;    // keys that are remembered
    uint16_t *remember; // their owners, or NULL
};

// The scheme is borrowed; lookup_done before it is freed.
void lookup_init(struct lookup *lookup, const struct trial *trial, struct scheme *scheme,
                 uint64_t seed);
void lookup_done(struct lookup *lookup);

// The owners of keys by number (count x scheme->width, as scheme_locate gives them).
// At most SCHEME_BATCH_MAX keys.
void lookup_keys(struct lookup *lookup, const uint64_t *keys, uint32_t count, uint16_t *owners);

#endif
