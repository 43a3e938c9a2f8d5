// SPDX-License-Identifier: Apache-2.0
// What a node tells about itself by gossip: the opaque payload of the membership machine. It has
// two parts: the meta (small, changes rarely, travels with each announcement) and the user state
// (travels with each full exchange).
//
// Meta is a MessagePack map with short keys; unknown keys are ignored, missing ones are zero or
// empty, so that versions mix. Absent values are not written.
//
//      v   format, 1           id  node id             ac  actor id
//      cl  cluster id          nm  name                zo  zone
//      ho  host label          ca  client address      pa  peer address
//      we  weight              ep  topology epoch      di  topology digest
//      sh  shards owned        bu  build
//
// A member whose meta is something else (a Go program, a Serf agent) is an observer: it takes part
// in gossip and never holds data.
#ifndef NODE_WIRE_META_H
#define NODE_WIRE_META_H

#include "base/buffer.h"

enum {
    META_SIZE_MAX = 512, // bytes of the encoded map; kept by the limits below
    META_NAME_MAX = 63,  // name, zone, host
    META_ADDRESS_MAX = 64,
    META_BUILD_MAX = 32,
    META_VIEWS_MAX = 3072 // members in one user state
};

// Texts are terminated and hold no control characters.
struct node_meta {
    uint64_t node_id; // not 0
    uint64_t actor;
    uint64_t cluster; // 0: belongs to none yet
    char name[META_NAME_MAX + 1];
    char zone[META_NAME_MAX + 1];
    char host[META_NAME_MAX + 1];
    char client_address[META_ADDRESS_MAX + 1]; // "host:port"; empty: none
    char peer_address[META_ADDRESS_MAX + 1];
    uint32_t weight;
    uint64_t epoch;  // of the topology the node follows; 0: none
    uint64_t digest; // of that topology record
    uint32_t shards; // shard copies it owns
    char build[META_BUILD_MAX + 1];
};

// Appends the encoded map, at most META_SIZE_MAX bytes whatever the values.
void meta_encode(const struct node_meta *meta, struct buffer *out);

// ERR_PROTOCOL when the bytes are no such map (the member is an observer), or a value is out of its
// limits. *out is untouched then.
int meta_decode(struct slice bytes, struct node_meta *out);

// The same for the meta that came under this node id: what tells of another node is not its own.
int meta_decode_of(uint64_t node_id, struct slice bytes, struct node_meta *out);

// What a member tells along with each full exchange, for people who look at the ring: how it fares
// itself, and how it sees the others. Nothing is decided by it.
struct node_load {
    uint64_t node_id;   // who tells; 0: not told
    uint64_t keys;      // it holds
    uint64_t bytes;     // of buckets, keys and values
    uint64_t unknown;   // damaged keys that are still to be rebuilt: its repair debt
    uint64_t in_flight; // requests of clients
};

struct node_view {
    uint64_t node_id;
    uint64_t age_ms;     // since it changed its state
    uint64_t ack_age_ms; // since its last direct acknowledgement, at least 1; 0: there was none
    uint64_t rtt_ms;     // how long that took, rounded up
    uint64_t accusers;   // who suspect it now
};

// Appends {"v":1,"id":,"keys":,"bytes":,"debt":,"in_flight":,"members":[{"id":,"age_ms":,"ack_ms":,
// "rtt_ms":,"accusers":},...]}; zeros are not written. count is at most META_VIEWS_MAX.
void meta_encode_told(const struct node_load *load, const struct node_view *views, size_t count,
                      struct buffer *out);

// Fills views[0..*count-1], at most `room` of them (the rest is left out). ERR_PROTOCOL when the
// bytes are no such map.
int meta_decode_told(struct slice bytes, struct node_load *load, struct node_view *views,
                     size_t room, size_t *count);

#endif
