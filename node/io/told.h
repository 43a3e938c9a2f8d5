// SPDX-License-Identifier: Apache-2.0
// What a node tells with each full exchange, for people who look at the ring (node/wire/meta.h).
#ifndef NODE_IO_TOLD_H
#define NODE_IO_TOLD_H

#include "gossip/swim.h"
#include "node/wire/meta.h"

// Appends how we fare and how we see each member that has a node id.
void told_write(const struct swim *swim, const struct node_load *load, uint64_t now_ms,
                struct buffer *out);

#endif
