// SPDX-License-Identifier: Apache-2.0
// What a client has: its nodes, its picture of the cluster, its requests under way.
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "client/quorate.h"
#include "client/result.h"
#include "client/retry.h"
#include "client/route.h"
#include "client/site.h"

enum {
    CLIENT_CONNECT_MS = 1000,
    CLIENT_CONNECTIONS = 2,
    CLIENT_IN_FLIGHT = 4096,
    CLIENT_GRACE_MS = 100,         // a node's TIMEOUT, which can tell more, comes before ours
    CLIENT_SILENCE_MS_MIN = 50,    // a node has at least so long before a read is asked of another
    CLIENT_DOUBT_MS = 500,         // silent so long, its connection is given up too
    CLIENT_REFRESH_MS = 30000,     // the topology is asked for again after this
    CLIENT_REFRESH_MS_MIN = 500,   // and not more often than this
    CLIENT_CLUSTER_INIT_MS = 15000 // default time of cluster_init
};

struct operation;
TAILQ_HEAD(operation_list, operation);

struct quorate_client {
    struct turn turn;
    uv_loop_t own_loop;
    bool blocking; // the loop is its own
    bool closing;
    struct quorate_client_options options; // defaults filled in
    struct rng rng;
    struct retry_budget budget;
    struct patience patience; // of reads
    struct site_list sites;
    uint32_t site_count;
    uint64_t last_site_id;
    struct operation_list operations;
    size_t in_flight;
    size_t probes;         // of them our own, see client.c
    struct result_box box; // the result being shown to a callback
    // what is known of the cluster
    struct topology *topology; // NULL: nothing yet
    struct member_view *views; // by member index of the topology
    struct site **view_sites;  // by member index; NULL: no address known
    uint64_t requests;         // ever started
    uint64_t refreshed_ms;     // when the topology was asked for last; 0: never
    bool outdated;             // something suggests that it has changed
    struct operation *refresh; // asking for it now
};

// An address as it is shown and compared: "host:port". ERR_INVALID.
int address_normal(const char *text, char out[SITE_ADDRESS_MAX]);

// The site of a normal address, made when there is none.
struct site *client_site(struct quorate_client *client, const char *address);

// What a request asks to be sent to.
struct wish {
    const char *address; // this one only, or NULL
    bool has_key;        // owners of this key are preferred
    struct slice bucket;
    struct slice key;
    bool has_shard; // owners of this shard are preferred
    uint32_t shard;
    const uint64_t *tried; // ids of sites asked already
    uint32_t tried_count;
};

// Never NULL.
struct site *client_choose(struct quorate_client *client, const struct wish *wish);

// How many different sites the wish allows.
uint32_t client_choices(const struct quorate_client *client, const struct wish *wish);

// Takes up a topology reply, unless it is older than what is known.
void client_learn(struct quorate_client *client, const struct reply *reply);

// Fills a zeroed client; nothing is sent. ERR_INVALID: no endpoint, or a malformed one.
// client_done in any case; it frees what an unopened or ended client holds.
void client_done(struct quorate_client *client);

// For turn.ended: no handle is open any more.
void client_ended(struct turn *turn);

int client_init(struct quorate_client *client, const char *endpoints,
                const struct quorate_client_options *options);

#endif
