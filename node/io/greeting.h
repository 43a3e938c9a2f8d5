// SPDX-License-Identifier: Apache-2.0
// What a node says when it is ready: to people in the log, to scripts in the port file.
#ifndef NODE_IO_GREETING_H
#define NODE_IO_GREETING_H

#include "node/io/places.h"
#include "node/store/engine.h"
#include "node/wire/meta.h"

// Where it listens, what it found, which cluster it belongs to, what to do next; and warnings.
void greeting_say(const struct settings *settings, const struct node_meta *meta,
                  const struct store_found *found, const struct places *places);

// Writes lines client=, gossip=, peer= with the addresses to FILE, in one step; nothing when FILE
// is NULL. ERR_IO: errno tells why.
int greeting_write_ports(const char *path, const struct places *places);

#endif
