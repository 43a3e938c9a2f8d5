// SPDX-License-Identifier: Apache-2.0
// What holds when nothing is said: the values that the help shows in parentheses.
#ifndef SIM_PLACEMENT_DEFAULTS_H
#define SIM_PLACEMENT_DEFAULTS_H

#include "sim/placement/options.h"

void sim_options_default(struct options *options);

#endif
