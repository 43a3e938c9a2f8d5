// SPDX-License-Identifier: Apache-2.0
// From what the protocol says to what the application sees.
#ifndef CLIENT_RESULT_H
#define CLIENT_RESULT_H

#include "base/arena.h"
#include "client/quorate.h"
#include "node/data/message.h"
#include "node/wire/decoder.h"

// A result with all that it points to. The result is its first member, so that the application's
// pointer leads back to it.
struct result_box {
    struct quorate_result result;
    struct wire_decoder decoder;
    struct arena arena;
};

void result_box_reset(struct result_box *box);
void result_box_done(struct result_box *box);

// Fills box->result from a reply, but for the message of a failure. Values and keys stay where the
// reply has them; all else goes to the box's arena.
void result_fill(struct result_box *box, const struct reply *reply);

// A terminated copy of a text.
const char *result_text(struct result_box *box, struct slice text);

static inline struct slice slice_of_bytes(struct quorate_bytes bytes)
{
    return slice_of(bytes.data, bytes.size);
}

static inline struct quorate_bytes bytes_of_slice(struct slice slice)
{
    return quorate_bytes(slice.data, slice.size);
}

// Levels as the application spells them to levels of a request, and back.
int level_of_public(int level);
int level_to_public(int level);

#endif
