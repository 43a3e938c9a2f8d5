// SPDX-License-Identifier: Apache-2.0
//
// Prints a port that is free, for datagrams and streams, on all addresses of this machine; not one
// of those that the kernel gives out by itself.

#include "base/rng.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST = 20000, COUNT = 12000, TRIES = 1000 };

static int is_free(uint16_t port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
    int taken = bind(udp, (struct sockaddr *)&any, sizeof any) ||
                bind(tcp, (struct sockaddr *)&any, sizeof any);

    close(udp);
    close(tcp);
    return !taken;
}

int main(void)
{
    uint64_t seed;
    struct rng rng;

    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        return 1;
    rng_init(&rng, seed);
    for (int i = 0; i < TRIES; i++) {
        uint16_t port = (uint16_t)(FIRST + rng_below(&rng, COUNT));

        if (is_free(port)) {
            printf("%u\n", port);
            return 0;
        }
    }
    return 1;
}
