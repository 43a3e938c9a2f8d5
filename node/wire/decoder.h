// SPDX-License-Identifier: Apache-2.0
// The memory of decoding: one per connection or per loop, used again for each frame, so that the
// steady path allocates nothing. What is decoded lives in it and in the frame: keys and values are
// slices into the frame. Both must stay until the decoded struct is no longer used.
#ifndef NODE_WIRE_DECODER_H
#define NODE_WIRE_DECODER_H

#include "base/arena.h"
#include "base/buffer.h"

struct msgpack_zone;
struct topology;

struct wire_decoder {
    struct msgpack_zone *zone; // MessagePack trees
    struct arena arena;        // arrays of versions, clocks, texts
    struct buffer scratch;     // base64 on its way
    struct topology *topology; // a decoded record, which lives on the heap
};

// A zeroed decoder is ready to use; no _init is needed.
void wire_decoder_done(struct wire_decoder *decoder);

// Takes back all that was decoded. Each decoding function calls it first.
void wire_decoder_reset(struct wire_decoder *decoder);

#endif
