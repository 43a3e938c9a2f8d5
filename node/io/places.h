// SPDX-License-Identifier: Apache-2.0
// The three addresses of a node: where it binds, and where it tells others that it is.
#ifndef NODE_IO_PLACES_H
#define NODE_IO_PLACES_H

#include "node/io/address.h"
#include "node/io/known.h"
#include "node/io/settings.h"

struct place {
    struct sockaddr_storage bind;  // asked for, then as bound
    struct swim_address announced; // what others are told
    char text[ADDRESS_TEXT];       // the same
};

struct places {
    struct place client;
    struct place peer;
    struct place gossip;
};

// Where to bind. Where any free port is wanted, it is the one of the last time if that is free.
// ERR_CONNECT: `why` gets a sentence.
int places_resolve(struct places *places, const struct settings *settings,
                   const struct known *known, struct buffer *why);

// What to tell others, once `bind` has real ports; and notes these for the next start. ERR_CONNECT.
int places_announce(struct places *places, const struct settings *settings, struct known *known,
                    struct buffer *why);

#endif
