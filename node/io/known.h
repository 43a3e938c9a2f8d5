// SPDX-License-Identifier: Apache-2.0
// What a node keeps from one start to the next about where it and the others were: the file
// DIR/ring. With it a node finds its ring again though nobody told it whom to join, and takes the
// same ports again where "any free port" was asked for. Losing the file loses nothing else.
//
//     listen 7400
//     peer 40123
//     gossip 7401
//     member 00c0ffee00c0ffee 127.0.0.1:7411
#ifndef NODE_IO_KNOWN_H
#define NODE_IO_KNOWN_H

#include "base/buffer.h"
#include "gossip/address.h"

enum { KNOWN_MAX = 1024, KNOWN_FILE_MAX = 1 << 20 };

struct known_member {
    uint64_t id;
    char address[SWIM_ADDRESS_TEXT]; // of its gossip
    bool is_here;                    // alive or suspect, as far as we know
    bool has_left;                   // said goodbye: is not called
};

struct known {
    uint16_t listen, peer, gossip; // ports; 0: none known
    struct known_member *members;
    size_t count;
    bool changed; // since it was written
};

void known_done(struct known *known);

// Notes where a member is. A full list forgets one that is not here.
void known_set(struct known *known, uint64_t id, const char *address);

// NULL when there is none.
struct known_member *known_find(const struct known *known, uint64_t id);

// Text as above to a zeroed struct and back. Lines that make no sense are skipped.
void known_read(struct known *known, struct slice text);
void known_write(const struct known *known, struct buffer *out);

// DIR/ring. Loading nothing is no failure. Saving: ERR_IO.
void known_load(struct known *known, const char *directory);
int known_save(struct known *known, const char *directory);

// Replaces a file in one step: a reader sees the old or the new text, whole. ERR_IO: errno tells
// why.
int known_replace_file(const char *path, struct slice text);

#endif
