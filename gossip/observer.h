// SPDX-License-Identifier: Apache-2.0
// Asking members who is in the ring, without being in it: a full exchange with no record in it and
// the join flag off. The answers of several members are laid side by side.
#ifndef GOSSIP_OBSERVER_H
#define GOSSIP_OBSERVER_H

#include "gossip/exchange.h"

enum { OBSERVER_ROWS_MAX = 8192, OBSERVER_ANSWER_MAX = 8 << 20 };

// A member, as those who were asked know it. Of several lives the newest counts, and of one life
// what is worse: dead beats suspect beats alive.
struct observed {
    char name[SWIM_NAME_MAX + 1];
    struct swim_address address;
    enum member_state state;
    uint32_t incarnation;
    uint16_t meta_size;
    uint8_t meta[SWIM_META_MAX];
    size_t told;   // how many told of it
    bool disputed; // some told another state
};

struct observation {
    struct observed *rows;
    size_t count;
    size_t capacity;
    size_t answers;
};

// A zeroed observation is empty and ready.
void observation_done(struct observation *observation);

// Appends the request.
void observation_ask(struct buffer *out);

// Takes in a complete answer (exchange_scan says when it is). `user_state` gets what came with it,
// appended. ERR_PROTOCOL, ERR_TOO_LARGE; records before the fault count all the same.
int observation_take(struct observation *observation, struct slice answer,
                     struct buffer *user_state);

// When all answers are in: a member that not all told of is disputed too.
void observation_finish(struct observation *observation);

#endif
