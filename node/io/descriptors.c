// SPDX-License-Identifier: Apache-2.0
#include "node/io/descriptors.h"

#include <sys/resource.h>

enum {
    FILES = 32,     // of the store, the loop, the listeners
    RESERVED = 256, // kept from clients where there are many
    PEERS_MAX = 2048,
    GOSSIP_MAX = 64
};

static uint32_t at_most(uint64_t value, uint32_t max)
{
    return value < max ? (uint32_t)value : max;
}

void descriptors_share(uint64_t limit, uint32_t clients, struct descriptors *out)
{
    uint64_t eighth = limit / 8;

    out->clients = at_most(limit > 2 * RESERVED ? limit - eighth - RESERVED : limit / 4, clients);
    out->peers = at_most(eighth, PEERS_MAX);
    out->gossip = at_most(eighth, GOSSIP_MAX);
    out->all = at_most(limit > 2 * FILES ? limit - FILES : limit / 2, UINT32_MAX);
}

uint64_t descriptors_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}
