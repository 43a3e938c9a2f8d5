// SPDX-License-Identifier: Apache-2.0
// The keys of a ring, and what is done with them: AES-GCM (NIST SP 800-38D) as memberlist uses it,
// by OpenSSL. Keys of 16, 24 or 32 bytes mean AES-128, AES-192, AES-256. The first key of the ring
// seals; every key opens.
//
//      version (1) | nonce (12) | ciphertext | tag (16)        a sealed message
//
// Version 1 seals the bytes as they are, version 0 (members that speak protocol 1) pads them to 16
// first, as PKCS#7 does (RFC 5652 section 6.3). Which one it is stands in the first byte, the only
// one that is not protected: whoever changes it can cut off or leave some bytes at the end.
//
// Changing keys while the ring runs, one step on all members before the next: add the new key
// (keyring_add), use it (keyring_use), remove the old one (keyring_remove). So each step leaves
// everybody able to read everybody.
//
// A nonce must never come twice under one key, or the key is given away. Nothing here draws random
// numbers: the caller hands each nonce in, from the operating system's source and nowhere else.
// Random ones of 96 bits are safe for 2^32 messages under a key: change keys within a year, in
// rings of thousands within a month.
#ifndef GOSSIP_KEYRING_H
#define GOSSIP_KEYRING_H

#include "base/buffer.h"

enum {
    KEYRING_KEYS_MAX = 8,
    KEYRING_KEY_MAX = 32, // bytes of a key
    KEYRING_NONCE = 12,
    KEYRING_TAG = 16,
    KEYRING_OVERHEAD = 1 + KEYRING_NONCE + KEYRING_TAG, // of version 1
    KEYRING_PADDING = 16                                // at most, more, of version 0
};

enum keyring_version { KEYRING_PADDED = 0, KEYRING_PLAIN = 1 };

struct keyring_key {
    uint8_t bytes[KEYRING_KEY_MAX];
    uint8_t size;
};

// A zeroed key ring is empty: nothing is sealed. It may be copied.
struct keyring {
    struct keyring_key keys[KEYRING_KEYS_MAX]; // the first one seals
    size_t count;
};

// Wipes the keys.
void keyring_done(struct keyring *keyring);

// Adds a key behind the others (the first one seals at once); one that is there already stays where
// it is. ERR_INVALID for another size than 16, 24, 32; ERR_TOO_LARGE when the ring is full.
int keyring_add(struct keyring *keyring, struct slice key);

// Seals with this key from now on. ERR_NOT_FOUND.
int keyring_use(struct keyring *keyring, struct slice key);

// ERR_NOT_FOUND; ERR_PRECONDITION for the key that seals, unless it is the only one.
int keyring_remove(struct keyring *keyring, struct slice key);

// Reads a key file: keys in base64, one a line, the first one seals; empty lines and lines that
// begin with # are left out. ERR_INVALID: `why` gets half a sentence that names the line and never
// shows a key, and *keyring is untouched.
int keyring_read(struct keyring *keyring, struct slice text, struct buffer *why);

// Appends the sealed message. The ring is not empty.
struct keyring_terms {
    enum keyring_version version;
    const uint8_t *nonce;    // KEYRING_NONCE bytes
    struct slice associated; // protected with the message, and not in it
};
void keyring_seal(const struct keyring *keyring, const struct keyring_terms *terms,
                  struct slice plain, struct buffer *out);

// The size that a message has when it is sealed.
size_t keyring_sealed_size(enum keyring_version version, size_t plain_size);

// Appends what was sealed, by whichever key. ERR_PROTOCOL when it is no sealed message,
// ERR_PRECONDITION when none of our keys opens it (or somebody changed it: that looks alike).
int keyring_open(const struct keyring *keyring, struct slice sealed, struct slice associated,
                 struct buffer *out);

#endif
