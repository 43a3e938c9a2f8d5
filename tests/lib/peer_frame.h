// SPDX-License-Identifier: Apache-2.0
// A frame among nodes around any body, with the right sum: what no node says, in a sound envelope.
#ifndef TESTS_LIB_PEER_FRAME_H
#define TESTS_LIB_PEER_FRAME_H

#include "base/buffer.h"

// Replaces what `out` holds. The name has at most 31 bytes.
void peer_frame(struct buffer *out, const char *name, struct slice body);

#endif
