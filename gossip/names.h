// SPDX-License-Identifier: Apache-2.0
// Numbers for names: the first one is 0, the next new one 1, and so on. For tables whose rows come
// in by name, thousands of them.
#ifndef GOSSIP_NAMES_H
#define GOSSIP_NAMES_H

#include "base/arena.h"
#include "base/table.h"

struct names {
    struct table by_hash; // of struct name
    struct arena arena;
    size_t count;
};

enum { NAMES_NONE = -1 };

// A zeroed one is empty and ready.
void names_done(struct names *names);

// NAMES_NONE when it is not there.
ptrdiff_t names_find(const struct names *names, struct slice name);

// The same, but gives a new name the next number.
size_t names_add(struct names *names, struct slice name);

#endif
