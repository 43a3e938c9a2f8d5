// SPDX-License-Identifier: Apache-2.0
#include "base/plant.h"

#ifndef QUORATE_PLANTS

typedef int plants_are_left_out; // C has no empty files

#else

#include <stddef.h>
#include <string.h>

static const char *chosen;

void plant_choose(const char *name)
{
    chosen = name;
}

bool planted(const char *name)
{
    return chosen && strcmp(chosen, name) == 0;
}

#endif
