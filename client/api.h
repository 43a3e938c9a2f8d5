// SPDX-License-Identifier: Apache-2.0
// The application's words made into requests, for the calls that return at once and those that
// wait.
#ifndef CLIENT_API_H
#define CLIENT_API_H

#include "client/operation.h"

// What an application asked for.
struct ask {
    struct request request;
    const char *address; // NULL: any node fit for it
    int refused;         // 0, or why it cannot be sent
    char why[96];        // with refused
};

struct ask ask_get(struct quorate_key key, const struct quorate_get_options *options);
struct ask ask_put(struct quorate_key key, struct quorate_bytes value,
                   const struct quorate_put_options *options);
struct ask ask_delete(struct quorate_key key, const struct quorate_put_options *options);
struct ask ask_scan(const struct quorate_scan_options *options);
struct ask ask_bucket_show(struct quorate_bytes bucket);
struct ask ask_bucket_set(struct quorate_bytes bucket, unsigned set,
                          const struct quorate_bucket *properties);
struct ask ask_cluster_init(const struct quorate_cluster_options *options);
struct ask ask_node(enum method method, const char *address, uint32_t timeout_ms);

// Starts it, and the refresh of the topology when one is due. NULL when the client is closing.
struct operation *ask_start(struct quorate_client *client, const struct ask *ask,
                            struct quorate_done done);

#endif
