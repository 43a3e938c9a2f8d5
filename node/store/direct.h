// SPDX-License-Identifier: Apache-2.0
// Writing a file from front to back past the page cache (O_DIRECT), in whole blocks:
//
//      file      | ..... written ..... | block that is half full |  zeros or older bytes
//      memory                          | kept ... | new bytes    | zeros up to a block
//
// The block that is half full is kept in memory and written again, with what follows; what stood in
// it before stays the same, so a write that power cuts short cannot harm it where sectors are
// written whole. A synced write is one call, and the kernel neither copies pages nor looks for
// dirty ones: pwrite and fdatasync take a tenth to a fifth more time and work.
#ifndef NODE_STORE_DIRECT_H
#define NODE_STORE_DIRECT_H

#include "base/slice.h"

enum { DIRECT_BLOCK = 4096 };

struct direct {
    uint8_t *memory; // NULL: nothing was written yet
    uint64_t end;    // of what was written
};

// A zeroed struct is ready. Frees the memory.
void direct_done(struct direct *direct);

// Writes to a file opened with O_DIRECT that has blocks there already, at offset 0 or where the
// last write ended; `sync`: it is on stable storage when this returns. ERR_INVALID: this file
// cannot be written so (nothing of this was; in the first block only); else as os_write.
int direct_write(struct direct *direct, int fd, struct slice bytes, uint64_t offset, bool sync);

#endif
