// SPDX-License-Identifier: Apache-2.0
// The compression of memberlist: LZW (Welch, "A Technique for High-Performance Data Compression",
// 1984) in the variant of GIF: least significant bit first, 8-bit literals, codes of 9 to 12 bits,
// 256 clears, 257 ends.
#ifndef GOSSIP_LZW_H
#define GOSSIP_LZW_H

#include "base/buffer.h"

// Appends what the bytes stand for. ERR_PROTOCOL when they are malformed or end early,
// ERR_TOO_LARGE when the output would exceed size_max; *out then holds what was read until there.
int lzw_read(struct slice packed, size_t size_max, struct buffer *out);

// Appends the bytes compressed: the same that Go's writer makes of them.
void lzw_write(struct slice plain, struct buffer *out);

#endif
