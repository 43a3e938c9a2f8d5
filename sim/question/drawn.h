// SPDX-License-Identifier: Apache-2.0
// Load by operations that are drawn one by one, where a walk over the keys gives the expected one.
#ifndef SIM_QUESTION_DRAWN_H
#define SIM_QUESTION_DRAWN_H

#include "sim/question/tally.h"

// Adds trial->operations operations, each as its share of all reads or of all writes. Keys and
// bytes are added before, by a walk; tally_fold comes after.
void tally_draw(struct tally *tally, uint64_t seed);

#endif
