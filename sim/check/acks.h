// SPDX-License-Identifier: Apache-2.0
// An acknowledgement means a write on stable storage: that of a replica, on its own; that of a
// client, on as many nodes as it says. Seen as it happens, since a history shows it only when just
// these copies are lost.
#ifndef SIM_CHECK_ACKS_H
#define SIM_CHECK_ACKS_H

#include "base/table.h"
#include "sim/check/early.h"

// A write that its coordinator sent to others.
struct acks_write;

struct acks {
    struct table by_op;
    struct table by_dot;
    struct arena arena; // of the writes
};

// A zeroed one is ready.
void acks_done(struct acks *acks);

struct acks_sight {
    const struct sim *sim;
    struct early *early; // what is not durable yet
    uint32_t from, to;
    const struct message *message;
};

// The coordinator sends a write with a key, or (key NULL) a replica says something.
void acks_message(struct acks *acks, const struct acks_sight *sight, const struct key *key,
                  struct verdict *verdict);

struct acks_told {
    struct key key;
    uint32_t level; // that was asked for
    const struct reply *reply;
};

// A client is told that a write has been done.
void acks_reply(const struct acks *acks, const struct sim *sim, struct early *early,
                const struct acks_told *told, struct verdict *verdict);

#endif
