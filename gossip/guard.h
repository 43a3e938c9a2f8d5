// SPDX-License-Identifier: Apache-2.0
// What stands around everything that a ring says: a label, so that rings which meet by accident
// ignore each other, and encryption, so that nobody else can speak or listen.
//
//      datagram    f4 size label | version nonce ciphertext tag | ...
//      stream      f4 size label | 0a size(4, big-endian) version nonce ciphertext tag
//
// Each part only when it is set. On a stream the side that dialled sends the label, the other one
// does not; but both protect it along with what is encrypted, so that a message of one ring is none
// of another that has the same keys.
//
// A label hides nothing and keeps nobody out who knows it; keys do.
#ifndef GOSSIP_GUARD_H
#define GOSSIP_GUARD_H

#include "base/arena.h"
#include "gossip/keyring.h"

enum {
    GUARD_LABEL_MAX = 255,
    GUARD_FRAME = 5 // of an encrypted message on a stream: type and size
};

// A zeroed guard lets everything through as it is: no label, no keys. It may be copied; guard_done
// wipes the keys.
struct guard {
    struct keyring keys;
    char label[GUARD_LABEL_MAX + 1]; // terminated; empty: none
    bool takes_plain;                // what is not encrypted is read although there are keys
    bool sends_plain;                // nothing is encrypted although there are keys
    bool padded;                     // encrypt in version 0, for members that speak protocol 1
};

// A ring that has no keys yet gets them in three steps, each on all members: the keys and both of
// takes_plain and sends_plain; then without sends_plain; then without takes_plain.

void guard_done(struct guard *guard);

// ERR_INVALID for a label that is longer than 255 bytes or no printable UTF-8.
int guard_set_label(struct guard *guard, struct slice label);

// Whether what we send is encrypted: only then is a nonce used.
bool guard_seals(const struct guard *guard);

// What a datagram grows by at most.
size_t guard_overhead(const struct guard *guard);

// Appends the datagram with this inside. A nonce as in keyring.h; not read unless guard_seals.
void guard_seal_datagram(const struct guard *guard, const uint8_t nonce[KEYRING_NONCE],
                         struct slice inside, struct buffer *out);

// What is inside a datagram: in the datagram itself, or in the arena. ERR_WRONG_CLUSTER for another
// label than ours, ERR_PRECONDITION when it is not encrypted or no key of ours opens it,
// ERR_PROTOCOL.
int guard_open_datagram(const struct guard *guard, struct slice datagram, struct arena *arena,
                        struct slice *inside);

// Appends one whole message as a stream carries it; `dialled`: by the side that opened the stream.
void guard_seal_stream(const struct guard *guard, bool dialled, const uint8_t nonce[KEYRING_NONCE],
                       struct slice message, struct buffer *out);

// Looks at the first bytes of a stream, all that came so far; `dialled`: by us, so the bytes are an
// answer. ERR_AGAIN until it can be told: 0 then, and either `sealed` is a complete encrypted
// message (for guard_open_stream), or it is empty and the plain message begins at `start`. Errors
// as above, and ERR_TOO_LARGE beyond size_max, which is more than a label takes.
struct guard_view {
    size_t start;        // behind the label
    struct slice sealed; // with its frame
};
int guard_look(const struct guard *guard, bool dialled, struct slice bytes, size_t size_max,
               struct guard_view *view);

// Appends what is in an encrypted message. ERR_PRECONDITION, ERR_PROTOCOL.
int guard_open_stream(const struct guard *guard, struct slice sealed, struct buffer *out);

#endif
