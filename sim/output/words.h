// SPDX-License-Identifier: Apache-2.0
// What a question's rows say, in one or two sentences: the same under the table and in the report.
// One context is looked at, the last; its static sharding (else its first case) is told, and which
// of the others is lowest and highest. Nothing is said that no row says.
#ifndef SIM_OUTPUT_WORDS_H
#define SIM_OUTPUT_WORDS_H

#include "sim/output/view.h"

// In the view's arena; "" when there is nothing to say.
const char *words_of(const struct view *view);

#endif
