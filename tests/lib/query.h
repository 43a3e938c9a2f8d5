// SPDX-License-Identifier: Apache-2.0
// Short ways to ask a world (world.h) for things, in bucket "b", and to look at what came back.
#ifndef TESTS_LIB_QUERY_H
#define TESTS_LIB_QUERY_H

#include "tests/lib/world.h"

// Requests with the bucket, key and value filled in; the rest at its defaults.
struct request query_get(const char *key);
struct request query_put(const char *key, const char *value);
struct request query_delete(const char *key);

// Sends and waits.
struct world_reply query(struct world *world, uint32_t node, const struct request *request);

// Puts and expects success; gives the reply.
struct world_reply query_put_ok(struct world *world, uint32_t node, const char *key,
                                const char *value);

// Reads at quorum through a node and expects exactly these values, sorted, joined by "," ("" for
// not found); gives the reply.
struct world_reply query_expect(struct world *world, uint32_t node, const char *key,
                                const char *values);

// The values of a get's reply, sorted, joined by ",".
const char *query_values(const struct reply *reply, char *out, size_t size);

// The nodes that own the key, by rank.
void query_owners(struct world *world, const char *key, uint32_t out[REPLICAS_MAX]);

// A node that does not own the key; fails the test when all do.
uint32_t query_stranger(struct world *world, const char *key);

#endif
