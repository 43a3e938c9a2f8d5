// SPDX-License-Identifier: Apache-2.0
// MessagePack-RPC framing: a connection carries MessagePack arrays back to back, nothing between:
//
//      [0, id, method, params]   a request        [1, id, error, result]   its response
//      [2, method, params]       a notification
//
// A frame is one such array. The scanner walks the bytes of a frame as they arrive, each byte once,
// allocates nothing and does not recurse; only a complete and well-formed frame is decoded.
#ifndef NODE_WIRE_RPC_H
#define NODE_WIRE_RPC_H

#include "base/buffer.h"

enum rpc_type { RPC_REQUEST, RPC_RESPONSE, RPC_NOTIFICATION };

enum {
    RPC_DEPTH_MAX = 16,             // arrays and maps within each other, the frame itself included
    REQUEST_FRAME_EXTRA = 64 << 10, // bytes that a request may have beside its value
    REQUEST_VALUES_MAX = 256,       // MessagePack values in one request
    REPLY_FRAME_MAX = 256 << 20,    // bytes of a reply that a client accepts
    REPLY_VALUES_MAX = 1 << 20,
    PEER_FRAME_MAX = 256 << 20, // bytes of a message among nodes
    PEER_VALUES_MAX = 64
};

// Where the scanner is in the frame that is arriving.
struct rpc_scan {
    size_t size_max;              // bytes of a frame
    uint64_t values_max;          // MessagePack values of a frame
    size_t at;                    // bytes of this frame passed so far
    uint64_t values;              // values declared so far
    uint64_t pending;             // of them not yet met: at least as many bytes are to come
    uint64_t open[RPC_DEPTH_MAX]; // of those, by container
    uint32_t depth;               // containers open
    uint32_t elements;            // of the frame's array: 3 or 4
};

// On a client port size_max is the greatest value's size + REQUEST_FRAME_EXTRA.
void rpc_scan_init(struct rpc_scan *scan, size_t size_max, uint64_t values_max);

// `bytes` is all that has arrived from the frame's first byte on (the memory may move between
// calls); only what is new is looked at. 0: the frame is complete and takes *out_size bytes; the
// scanner is ready for the next one. ERR_AGAIN: more bytes are needed. Otherwise the connection
// cannot go on: ERR_PROTOCOL (reserved byte, no such array, nested too deep) or ERR_TOO_LARGE (size
// or number of values beyond the limits, told by what is declared and not by what came).
int rpc_scan_more(struct rpc_scan *scan, struct slice bytes, size_t *out_size);

// A lower bound of the size of the frame that is arriving, for reserving memory; at most size_max.
size_t rpc_scan_expected(const struct rpc_scan *scan);

// The type and id of a complete frame, without decoding it (id 0 for a notification). ERR_PROTOCOL
// when the first elements are not these. A client finds by the id what it had asked.
int rpc_peek(struct slice frame, enum rpc_type *out_type, uint32_t *out_id);

#endif
