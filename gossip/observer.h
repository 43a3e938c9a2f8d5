// SPDX-License-Identifier: Apache-2.0
// Asking members who is in the ring, without being in it: a full exchange with no record in it and
// the join flag off. The answers of several members are laid side by side.
//
//      observation_ask_guarded(&guard, nonce, &request);          label and keys, or a zeroed guard
//      ... send it, and read until it is not ERR_AGAIN:
//      err = intake_take(&intake, &guard, bytes_so_far, OBSERVER_ANSWER_MAX, &answer);
//      err = observation_take(&observation, answer, &user_state);
//
// with `struct intake intake = {.dialled = true}`, one for each stream. A ring that refuses us
// closes the stream (another label), or answers with an error, plain or encrypted.
#ifndef GOSSIP_OBSERVER_H
#define GOSSIP_OBSERVER_H

#include "gossip/intake.h"
#include "gossip/names.h"

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
    struct names names; // their numbers are those of the rows
    struct observed *rows;
    size_t count;
    size_t capacity;
    size_t answers;
};

// A zeroed observation is empty and ready.
void observation_done(struct observation *observation);

// Appends the request.
void observation_ask(struct buffer *out);

// The same with the ring's label, and encrypted when there are keys. A fresh nonce for each request
// (see keyring.h); not read when guard_seals is false.
void observation_ask_guarded(const struct guard *guard, const uint8_t nonce[KEYRING_NONCE],
                             struct buffer *out);

// Takes in a complete answer (intake_take hands it out). `user_state` gets what came with it,
// appended. ERR_PROTOCOL, ERR_TOO_LARGE; records before the fault count all the same.
int observation_take(struct observation *observation, struct slice answer,
                     struct buffer *user_state);

// When all answers are in: a member that not all told of is disputed too.
void observation_finish(struct observation *observation);

#endif
