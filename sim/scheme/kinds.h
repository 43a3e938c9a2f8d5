// SPDX-License-Identifier: Apache-2.0
// The kinds of schemes, one a file, and what several of them need. Who uses schemes includes
// scheme.h.
#ifndef SIM_SCHEME_KINDS_H
#define SIM_SCHEME_KINDS_H

#include "sim/scheme/scheme.h"

extern const struct scheme_kind scheme_static;
extern const struct scheme_kind scheme_static_boost;
extern const struct scheme_kind scheme_modulo;
extern const struct scheme_kind scheme_ring;
extern const struct scheme_kind scheme_ring_equal;
extern const struct scheme_kind scheme_ring_token_equal;
extern const struct scheme_kind scheme_bounded;
extern const struct scheme_kind scheme_jump;
extern const struct scheme_kind scheme_rendezvous;
extern const struct scheme_kind scheme_split;

// True when all nodes in the cluster weigh the same; true when none has a zone.
bool scheme_weights_alike(const struct scheme_setup *setup);
bool scheme_zones_none(const struct scheme_setup *setup);

// The numbers of the nodes in the cluster, ascending; room for SCHEME_NODES_MAX. Their count.
uint32_t scheme_list_present(const struct scheme *scheme, uint16_t *out);

// Bytes of the list of nodes, which every scheme needs: of each its id (8), address and port (6),
// weight (4) and zone (2).
enum { SCHEME_NODE_BYTES = 20, SCHEME_OWNER_BYTES = 2, SCHEME_POSITION_BYTES = 8 };
uint64_t scheme_list_bytes(const struct scheme *scheme);

#endif
