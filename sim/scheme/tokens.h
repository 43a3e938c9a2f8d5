// SPDX-License-Identifier: Apache-2.0
// Tokens on a ring of 64-bit positions (Karger et al., "Consistent Hashing and Random Trees", STOC
// 1997). A node's tokens follow from its id alone, the first k of them are the same whatever their
// number: who comes, goes or changes weight adds or takes away tokens of its own.
#ifndef SIM_SCHEME_TOKENS_H
#define SIM_SCHEME_TOKENS_H

#include "sim/scheme/scheme.h"

struct token {
    uint64_t position;
    uint16_t node;
};

struct tokens {
    uint32_t count;
    struct token *list; // ascending by position, then node
};

// How many tokens a node of this weight has: vnodes * weight / SCHEME_WEIGHT, rounded to the
// nearest, at least 1; without weight none.
uint64_t tokens_of_node(uint32_t vnodes, uint32_t weight);

// Of all nodes.
uint64_t tokens_total(const struct scheme_setup *setup);

// The tokens of all nodes as they now are. tokens_done frees them.
struct tokens tokens_make(const struct scheme *scheme);
void tokens_done(struct tokens *tokens);

#endif
