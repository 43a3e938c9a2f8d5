// SPDX-License-Identifier: Apache-2.0
// The topology record: who owns which shard. It changes only when a person changes it; gossip
// says who is alive and never who owns. Every node keeps the newest one and carries (epoch,
// digest) in gossip.
#ifndef NODE_DATA_TOPOLOGY_H
#define NODE_DATA_TOPOLOGY_H

#include "base/arena.h"
#include "base/buffer.h"

enum {
    MEMBERS_MAX = 1024,
    REPLICAS_MAX = 7,
    NAME_SIZE_MAX = 63,   // bytes of a name, zone or host label
    ADDRESS_SIZE_MAX = 79 // bytes of "host:port"
};

struct member {
    uint64_t id; // random, for the life of the data directory
    char name[NAME_SIZE_MAX + 1];
    char zone[NAME_SIZE_MAX + 1];              // "" : no zone
    char host[NAME_SIZE_MAX + 1];              // defaults to the id in hex
    char client_address[ADDRESS_SIZE_MAX + 1]; // as of the epoch; gossip has the current ones
    char peer_address[ADDRESS_SIZE_MAX + 1];
    uint32_t weight; // shares of load; 0: owns nothing; default 100
};

struct topology {
    uint64_t epoch;         // from 1; 0: none
    uint64_t parent_digest; // of the record before; 0 in epoch 1
    uint64_t cluster;       // random id, not 0
    uint64_t seed;          // of the key hash; random, so nobody can aim at one shard
    uint32_t shards;        // S, a power of two
    uint32_t replicas;      // N
    struct member *members; // sorted by id
    uint32_t member_count;
    uint16_t *owners; // S x N indices into members: owners[shard * replicas + rank]
};

// A copy on the heap.
struct topology *topology_clone(const struct topology *from);
void topology_free(struct topology *topology);

// The index of the member, -1 when it is none.
int topology_member(const struct topology *topology, uint64_t id);

// The owners of a shard in order: `replicas` member indices.
const uint16_t *topology_owners(const struct topology *topology, uint32_t shard);

// The rank (0..N-1) of a member index among the owners of a shard, -1 when it owns none of it.
int topology_rank(const struct topology *topology, uint32_t shard, int member);

// How many shards the member owns.
uint32_t topology_owned(const struct topology *topology, int member);

// The stand-in order (guests) for a shard: members that own none of it, by rendezvous hash
// (Thaler and Ravishankar, 1998) of (cluster seed, shard, member id). Writes member indices,
// returns their count.
uint32_t topology_stand_ins(const struct topology *topology, uint32_t shard, uint16_t *out);

// What decoding demands of a record: epoch and cluster not 0, the first epoch without parent, S a
// power of two up to SHARDS_MAX, 1..REPLICAS_MAX copies of each shard on different members, members
// sorted by id with printable names.
bool topology_valid(const struct topology *topology);

// Canonical encoding; the digest is XXH3-64 of it. The record is valid.
//
//   u8 layout (1), varint epoch, u64 parent digest, u64 cluster, u64 seed, varint shards,
//   varint replicas, varint members, per member, ascending by id:
//          u64 id, name, zone, host, client address, peer address (each: u8 size, bytes),
//          varint weight
//   owners, S x N: u16 (little-endian)
void topology_encode(const struct topology *topology, struct buffer *out);

// Into the heap. ERR_PROTOCOL for anything but the canonical encoding of a valid record.
int topology_decode(struct slice bytes, struct topology **out);

uint64_t topology_digest(const struct topology *topology);

// Plans the table of owners: balanced to within one copy of each member's share by weight. In
// this order: copies on distinct hosts, on distinct zones while there are enough zones, balance,
// fewest moves from `old` (NULL: none; S x N with indices into the same members). Ranks are
// balanced as well, so that every member is first owner of its share. Deterministic: the same
// input gives the same bytes. Reads members, shards, replicas and seed of `topology`; fills
// topology->owners (in the caller's memory, S x N). ERR_INVALID when fewer members with weight
// than replicas. Hosts: fewer distinct hosts than replicas is allowed (copies then share hosts as
// evenly as possible) and reported in `out_shared_hosts` (may be NULL): how many shards have two
// copies on one host.
int plan_table(struct topology *topology, const uint16_t *old, uint32_t *out_shared_hosts);

#endif
