// SPDX-License-Identifier: Apache-2.0
// Whom a node may call to find its ring: the hosts given by --join, looked up beside the loop, and
// the members that it knew.
#ifndef NODE_IO_SEEDS_H
#define NODE_IO_SEEDS_H

#include "node/io/known.h"
#include "node/io/settings.h"

#include <uv.h>

enum { SEEDS_LIST_MAX = SETTINGS_JOIN_MAX + 256 };

struct seed {
    struct seeds *seeds;
    struct endpoint endpoint;
    uv_getaddrinfo_t lookup;
    bool looking;
    uint32_t turn; // look-ups so far: each takes another of the addresses that a name has
    struct swim_address address; // size 0: not known yet
};

struct seeds {
    uv_loop_t *uv;
    int family;    // of our own socket
    uint64_t self; // node id: never called
    struct seed list[SETTINGS_JOIN_MAX];
    size_t count;
    bool has_news; // a look-up found something
    bool was_told; // that a look-up failed
};

void seeds_init(struct seeds *seeds, uv_loop_t *uv, const struct endpoint *join, size_t count);

// Looks the hosts up that have no address yet, or all: a name may come to mean another address.
void seeds_look_up(struct seeds *seeds, bool all);

// True once after a look-up found something.
bool seeds_take_news(struct seeds *seeds);

// Writes at most SEEDS_LIST_MAX addresses: of the hosts, and of known members that are not here;
// with `all` also those who left. Returns how many.
size_t seeds_list(const struct seeds *seeds, const struct known *known, bool all,
                  struct swim_address *out);

// Gives up look-ups under way. False when one cannot be given up: the resolver was asked and has
// not answered, and the loop does not run out before it has.
bool seeds_close(struct seeds *seeds);

#endif
