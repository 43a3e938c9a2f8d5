// SPDX-License-Identifier: Apache-2.0
// The inside of users: what is in flight, the values written, and how an end becomes a record of
// the history. For users.c, asked.c and values.c.
#ifndef SIM_CHECK_ASKED_H
#define SIM_CHECK_ASKED_H

#include "base/table.h"
#include "sim/check/users.h"

struct asked {
    uint64_t number;
    uint32_t user;
    uint32_t node;
    enum method method;
    uint8_t level;  // r or w
    uint8_t owners; // pr or pw
    bool strict;
    bool overwrites; // without a token: covers what the coordinator has seen
    uint64_t ttl_ms;
    uint32_t tries;
    struct buffer token;
    struct history_op op;
    struct clock context; // of an overwrite, as the store took it
    bool context_told;
    struct asked *next_free;
};

struct user_tokens {
    struct buffer newest;
    struct buffer older;
};

struct user {
    uint32_t number;
    struct rng rng;
    uint32_t home;
    uint32_t session;
    uint32_t in_flight;
    bool open;                  // does not wait for answers
    bool waiting;               // the next operation is in the queue
    struct user_tokens *tokens; // by key
};

// By value number.
struct value_at {
    struct asked *asked; // in flight; else NULL
    uint32_t op;         // in the history, then
    bool dot_known;
};

struct values {
    struct value_at *list; // from 1
    uint64_t count;
    uint64_t capacity;
};

// A delete as a store took it. Nothing in it tells whose it is.
struct deletion {
    uint32_t key;
    struct dot dot;
    struct clock context;
    uint64_t at_us;
};

struct users {
    struct sim *sim;
    const struct knobs *knobs;
    struct history *history;
    struct user *list;
    uint32_t count;
    uint64_t nodes; // mask of those to use
    bool stopped;
    bool within;
    bool guests; // the store knows stand-ins
    uint32_t next_session;
    uint64_t next_number;
    uint64_t operations;
    uint64_t done;
    struct table asked; // by number
    struct asked *free;
    struct values values;
    struct arena arena; // of one record
    struct buffer scratch;
    uint64_t seed; // of the hash of keys
    uint32_t shards;
    struct buffer deletions; // struct deletion: all that were applied
    struct arena lasting;    // what they point to
};

// values.c
uint64_t values_new(struct values *values, struct asked *asked);
void values_done(struct values *values);
void values_write(uint64_t number, uint64_t most, struct buffer *out);

// asked.c
struct asked *asked_new(struct users *users);
void asked_free(struct users *users, struct asked *asked);
void asked_record(struct users *users, struct asked *asked, const struct reply *reply);
uint32_t users_timeout_ms(const struct users *users);

#endif
