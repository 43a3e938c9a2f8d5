// SPDX-License-Identifier: Apache-2.0
// The servers that are put under load, and which of them own a key.
#ifndef CLIENT_BENCH_SERVERS_H
#define CLIENT_BENCH_SERVERS_H

#include "client/bench/question.h"

enum spread {
    SPREAD_OWNER, // each request to an owner of its key
    SPREAD_ANY,   // to all in turn
    SPREAD_FIRST  // all to the first
};

enum { SERVERS_MAX = MEMBERS_MAX };

struct servers {
    enum spread spread;
    struct address *addresses;
    uint32_t count;
    struct topology *topology; // of a cluster of quorate; else NULL
    uint32_t *server_of;       // by member index
    // levels that the bucket gives to requests that name none
    struct bucket_properties properties;
};

void servers_done(struct servers *servers);

// Reads "HOST:PORT,..."; with SPREAD_FIRST only the first counts. ERR_INVALID, ERR_CONNECT; `why`
// then gets a sentence.
int servers_read(const char *endpoints, enum spread spread, struct servers *out,
                 struct buffer *why);

// Asks the servers, one after the other, for the topology and the bucket's properties, and makes
// the members the servers (with SPREAD_FIRST it stays with the first). ERR_CONNECT when none
// answers, ERR_NO_CLUSTER, or what the servers said; `why` gets a sentence.
int servers_learn(struct servers *servers, struct slice bucket, uint32_t timeout_ms,
                  struct buffer *why);

// The owners of a key, as indices of servers: `out` has room for REPLICAS_MAX; returns how many.
// None when it is not known.
uint32_t servers_owners(const struct servers *servers, struct slice bucket, struct slice name,
                        uint32_t out[REPLICAS_MAX]);

#endif
