// SPDX-License-Identifier: Apache-2.0
// The label and the keys of gossip, as the settings want them.
#ifndef NODE_IO_KEYS_H
#define NODE_IO_KEYS_H

#include "node/io/settings.h"

// Reads the key file, if there is one. ERR_INVALID, ERR_IO: `why` gets a sentence, and *out is
// untouched. guard_done wipes the keys.
int keys_load(const struct settings *settings, struct guard *out, struct buffer *why);

// Random bytes from the operating system, for swim_entropy.fill. Never fails.
void keys_fill(void *unused, uint8_t *out, size_t size);

#endif
