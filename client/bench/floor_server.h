// SPDX-License-Identifier: Apache-2.0
// A floor's server: what one of its processes does, for as long as it lives.
#ifndef CLIENT_BENCH_FLOOR_SERVER_H
#define CLIENT_BENCH_FLOOR_SERVER_H

#include "client/bench/floor.h"

enum { FLOOR_SITES = 3, FLOOR_PEERS = FLOOR_SITES - 1 };

// Where one of the processes stands. Descriptors; -1: none.
struct floor_site {
    struct sockaddr_in address;
    int listener;           // listening sockets of clients
    int peers[FLOOR_PEERS]; // a connection with each of the other processes
    int log;                // a file of floor_log_file
};

_Noreturn void floor_serve(enum floor_kind kind, const struct floor_site *site);

#endif
