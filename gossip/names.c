// SPDX-License-Identifier: Apache-2.0
// Two names with one hash: the second one is found under the next hash that is free. Names come
// from peers, who can choose them so; then a look-up is as slow as going through all.
#include "gossip/names.h"

#include <xxhash.h>

struct name {
    struct slice text;
    size_t number;
};

void names_done(struct names *names)
{
    table_done(&names->by_hash);
    arena_done(&names->arena);
    *names = (struct names){0};
}

// The name, or NULL and the hash under which it would be.
static const struct name *look_up(const struct names *names, struct slice text, uint64_t *hash)
{
    const struct name *name;

    *hash = XXH3_64bits(text.data, text.size);
    while ((name = table_find(&names->by_hash, *hash)) && !slice_equal(name->text, text))
        ++*hash;
    return name;
}

ptrdiff_t names_find(const struct names *names, struct slice text)
{
    uint64_t hash;
    const struct name *name = look_up(names, text, &hash);

    return name ? (ptrdiff_t)name->number : NAMES_NONE;
}

size_t names_add(struct names *names, struct slice text)
{
    uint64_t hash;
    const struct name *known = look_up(names, text, &hash);
    struct name *name;

    if (known)
        return known->number;
    name = arena_alloc(&names->arena, sizeof *name);
    *name = (struct name){arena_copy(&names->arena, text), names->count};
    table_set(&names->by_hash, hash, name);
    return names->count++;
}
