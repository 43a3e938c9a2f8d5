// SPDX-License-Identifier: Apache-2.0
// A toy store that keeps its promises by construction: three owners and two guests, each holding
// per key a set of versions and a set of writes it knows, as bits of a mask. Messages arrive in any
// order, late, twice or never; a disk may be lost. It plays a random history from a seed for the
// checkers to judge, which must find nothing.
#ifndef TESTS_LIB_TOY_H
#define TESTS_LIB_TOY_H

#include "base/rng.h"
#include "sim/checker/judge.h"

enum {
    TOY_OWNERS = 3,
    TOY_NODES = 5,
    TOY_KEYS = 2,
    TOY_WRITES_MAX = 64,
    TOY_SESSIONS = 4,
    TOY_MESSAGES_MAX = 256,
    TOY_REQUESTS_MAX = 512
};

// Bits of masks are numbers of writes.
struct toy_held {
    uint64_t versions;
    uint64_t known;
};

struct toy_write {
    uint32_t key;
    bool put;
    uint64_t seen; // the context sent
    struct dot dot;
    uint64_t expires;
    uint32_t op; // in the history; NOWHERE: not recorded yet
};

struct toy_request {
    bool open;
    enum history_method method;
    uint32_t session;
    uint32_t key;
    uint32_t write;
    uint8_t asked;
    bool strict;
    uint64_t began;
    uint64_t answered; // nodes
    struct toy_held gathered;
};

struct toy_message {
    uint32_t request;
    uint32_t node;
};

struct toy_session {
    uint32_t id;
    uint32_t request; // NOWHERE: idle
    uint64_t tokens[TOY_KEYS];
};

struct toy {
    struct rng rng;
    uint64_t now;
    struct history history;
    struct toy_held held[TOY_NODES][TOY_KEYS];
    uint64_t actors[TOY_NODES];
    uint64_t counters[TOY_NODES];
    struct toy_write writes[TOY_WRITES_MAX];
    uint32_t write_count;
    struct toy_request requests[TOY_REQUESTS_MAX];
    uint32_t request_count;
    struct toy_message messages[TOY_MESSAGES_MAX];
    uint32_t message_count;
    struct toy_session sessions[TOY_SESSIONS];
    uint32_t lost; // disks
    bool calm;     // no losses
};

// Plays a history and lets all nodes become equal.
void toy_play(struct toy *toy, uint64_t seed);
void toy_done(struct toy *toy);

// The clock of a mask of writes. In the history's arena.
const struct clock *toy_clock(struct toy *toy, uint64_t mask);

// Judges all: the history, and what the owners hold, `held` of each key.
void toy_judge(struct toy *toy, const uint64_t held[TOY_KEYS], struct verdict *verdict);

#endif
