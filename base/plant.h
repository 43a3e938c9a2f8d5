// SPDX-License-Identifier: Apache-2.0
// Planted bugs: faults that a test build can be told to have, so that the simulator can be shown to
// find them. In every other build `planted` is the constant false and nothing is left of it.
//
//     if (planted("ack-early"))   // counts before it is durable
//         ...
//
// Names have small letters and dashes; tests/plants.sh knows them all by grep. `make plants T=name`
// searches for a seed that finds it and writes that to tests/plants.txt.
#ifndef BASE_PLANT_H
#define BASE_PLANT_H

#include <stdbool.h>

#ifdef QUORATE_PLANTS

// Chooses the one that this process has; NULL: none. The text must last.
void plant_choose(const char *name);

bool planted(const char *name);

#else
#define planted(name) ((void)sizeof(name), false)
#endif

#endif
