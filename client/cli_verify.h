// SPDX-License-Identifier: Apache-2.0
// The copies of shards as all members hold them, gathered, judged and shown.
#ifndef CLIENT_CLI_VERIFY_H
#define CLIENT_CLI_VERIFY_H

#include "client/cli_options.h"
#include "node/data/clock.h"

// A member of the cluster.
struct holder {
    char *name;    // heap
    char *address; // heap
    int err;       // 0, or why it could not be asked
};

// What one member holds of one shard.
struct copy {
    uint32_t holder;
    bool owner;
    bool complete;
    uint64_t keys;
    uint64_t digest;
    uint64_t unknown;
    uint64_t seen;   // dots in the clock
    uint64_t lacks;  // dots that other copies have seen
    uint64_t logged; // dots kept for sync
    struct clock clock;
};

struct shard_copies {
    struct copy *copies; // heap
    uint32_t count;
    const char *trouble; // NULL: the copies seen are equal and complete
    bool unseen;         // an owner's copy could not be seen
};

// A key that its owners hold differently: per copy of the shard the dots, or none.
struct key_differs {
    struct buffer bucket;
    struct buffer key;
    struct buffer *dots; // per copy: "actor:counter actor:counter"
};

struct shard_keys {
    struct key_differs *items; // heap
    uint32_t count;
    uint64_t more; // not listed
};

struct verify {
    struct cli *cli;
    struct quorate_client *client;
    struct holder *holders;
    uint32_t holder_count;
    uint32_t shards;
    uint32_t replicas;
    struct shard_copies *table; // per shard; heap
    uint32_t differing;         // shards with a trouble
    uint64_t logged;            // dots kept for sync, all copies together
    uint32_t unseen;            // shards of which an owner's copy could not be seen
};

// Which keys the owners' copies of a shard hold differently, at most `listed_max` of them listed.
// 0 or an error of a request.
int verify_keys(struct verify *verify, uint32_t shard, uint32_t listed_max, struct shard_keys *out);
void shard_keys_done(struct shard_keys *keys, uint32_t copies);

enum { VERIFY_SHARDS_SHOWN = 20 }; // in text

// Writes the outcome to standard output, by the format asked for.
void verify_show(struct verify *verify);

#endif
