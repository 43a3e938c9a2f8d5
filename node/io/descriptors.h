// SPDX-License-Identifier: Apache-2.0
// Who may use how many descriptors. The files of the store come first: a log that cannot open its
// next segment ends the process, and no stranger may bring that about by connecting.
#ifndef NODE_IO_DESCRIPTORS_H
#define NODE_IO_DESCRIPTORS_H

#include <stdint.h>

struct descriptors {
    uint32_t clients; // connections of clients
    uint32_t peers;   // connections that others dialled on the peer port
    uint32_t gossip;  // accepted gossip streams
    uint32_t all;     // connections of all kinds; the rest is for files
};

// Shares out `limit` descriptors; `clients` are wanted for clients.
void descriptors_share(uint64_t limit, uint32_t clients, struct descriptors *out);

// Raises the limit of this process as far as allowed, and tells it.
uint64_t descriptors_limit(void);

#endif
