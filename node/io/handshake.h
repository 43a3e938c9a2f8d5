// SPDX-License-Identifier: Apache-2.0
// Who may speak to whom: what both ends of a link decide when they hear the other's hello.
#ifndef NODE_IO_HANDSHAKE_H
#define NODE_IO_HANDSHAKE_H

#include "node/wire/peer.h"

// 0 when `own` may hear `other`. ERR_WRONG_CLUSTER: both belong to a cluster, and not to the same
// (a node without one may link to one that has one, to fetch the topology). ERR_CONFLICT: one id or
// one life twice, a copied data directory. ERR_PROTOCOL: it speaks another version. `why`: a
// sentence.
int handshake_judge(const struct hello *own, const struct hello *other, struct buffer *why);

#endif
