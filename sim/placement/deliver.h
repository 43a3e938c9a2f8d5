// SPDX-License-Identifier: Apache-2.0
// A result to where the options want it: a page, charts, CSV beside it, and standard output.
#ifndef SIM_PLACEMENT_DELIVER_H
#define SIM_PLACEMENT_DELIVER_H

#include "sim/output/row.h"
#include "sim/placement/options.h"

// Looks before the work at whether files can be written, so that it is not done in vain. 0, or the
// exit code after a complaint in the name of `program`.
int deliver_check(const struct options *options, const char *program);

// The same for the result itself.
int deliver(const struct options *options, const char *program, const struct run_result *result);

#endif
