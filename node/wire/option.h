// SPDX-License-Identifier: Apache-2.0
// The options of requests: one table of names, methods and places in struct request, by which they
// are written, read and explained. For the files of this folder.
#ifndef NODE_WIRE_OPTION_H
#define NODE_WIRE_OPTION_H

#include "node/data/message.h"
#include "node/wire/decoder.h"

#include <msgpack.h>

// Appends the map of the options that differ from their defaults; nothing when there is none and
// returns false.
bool options_write(const struct request *request, struct buffer *out);

// Reads the options of request->method into the request. On refusal (ERR_INVALID, ERR_TOKEN)
// *out_text is the sentence for the client, in the decoder's arena.
int options_read(const msgpack_object *map, struct wire_decoder *decoder, struct request *request,
                 struct slice *out_text);

#endif
