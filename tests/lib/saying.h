// SPDX-License-Identifier: Apache-2.0
// Random requests, replies and messages, and their comparison field by field: for the tests of the
// codecs. Only fields that the method or kind has are set, all others keep their defaults, so that
// everything can be compared after a round trip.
#ifndef TESTS_LIB_SAYING_H
#define TESTS_LIB_SAYING_H

#include "base/rng.h"
#include "node/data/message.h"
#include "node/wire/peer.h"

// What is made lives in the arena; a topology is on the heap until saying_done.
struct saying {
    struct rng rng;
    struct arena arena;
    struct topology *topology;
};

void saying_init(struct saying *saying, uint64_t seed);
void saying_done(struct saying *saying);

// Takes back all that was made before.
void saying_reset(struct saying *saying);

struct slice saying_bytes(struct saying *saying, size_t size_max); // 0..size_max bytes
struct slice saying_text(struct saying *saying, size_t size_max);  // letters

void saying_request(struct saying *saying, enum method method, struct request *out);
void saying_reply(struct saying *saying, enum method method, struct reply *out);
void saying_message(struct saying *saying, enum message_kind kind, struct message *out);
void saying_hello(struct saying *saying, struct hello *out);

// Parts of replies: what nodes hold (saying_held.c).
void saying_replicas(struct saying *saying, struct reply *out);
void saying_held(struct saying *saying, struct reply *out);
void saying_same_held(const struct reply *a, const struct reply *b);

// The same for a compaction (saying_compaction.c).
void saying_compaction(struct saying *saying, struct compaction *out);
void saying_same_compaction(const struct compaction *a, const struct compaction *b);

// Fail the running test at the first field that differs.
void saying_same_request(const struct request *a, const struct request *b);
void saying_same_reply(const struct reply *a, const struct reply *b);
void saying_same_message(const struct message *a, const struct message *b);
void saying_same_hello(const struct hello *a, const struct hello *b);

#endif
