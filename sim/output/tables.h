// SPDX-License-Identifier: Apache-2.0
// The sheets of one question, without caption and words: for the terminal, and as text in the
// report.
#ifndef SIM_OUTPUT_TABLES_H
#define SIM_OUTPUT_TABLES_H

#include "sim/output/output.h"
#include "sim/output/view.h"

void tables_write(const struct view *view, const struct table_setup *setup, struct buffer *out);

#endif
