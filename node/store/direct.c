// SPDX-License-Identifier: Apache-2.0
#include "node/store/direct.h"

#include "base/check.h"
#include "base/err.h"
#include "node/store/os.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

enum { PIECE = 256 << 10 }; // bytes of one call

void direct_done(struct direct *direct)
{
    free(direct->memory);
    *direct = (struct direct){0};
}

// Writes whole blocks from the memory's beginning.
static int blocks_write(struct direct *direct, int fd, size_t size, uint64_t at, int flags)
{
    size_t done = 0;

    while (done < size) {
        struct iovec piece = {direct->memory + done, size - done};
        ssize_t put = pwritev2(fd, &piece, 1, (off_t)(at + done), flags);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && at + done == 0 &&
            (errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS))
            return ERR_INVALID;
        if (put < DIRECT_BLOCK)
            return put < 0 ? os_err(errno) : ERR_IO;
        done += (size_t)put & ~(size_t)(DIRECT_BLOCK - 1);
    }
    return 0;
}

int direct_write(struct direct *direct, int fd, struct slice bytes, uint64_t offset, bool sync)
{
    size_t kept = (size_t)(offset % DIRECT_BLOCK);
    int err = 0;

    check(offset == 0 || (offset == direct->end && direct->memory));
    if (!direct->memory) {
        direct->memory = aligned_alloc(DIRECT_BLOCK, PIECE);
        check(direct->memory);
    }
    while (bytes.size > 0 && !err) {
        size_t some = bytes.size < PIECE - kept ? bytes.size : PIECE - kept;
        size_t size = kept + some;
        size_t whole = (size + DIRECT_BLOCK - 1) & ~(size_t)(DIRECT_BLOCK - 1);

        memcpy(direct->memory + kept, bytes.data, some);
        memset(direct->memory + size, 0, whole - size);
        err = blocks_write(direct, fd, whole, offset - kept, sync ? RWF_DSYNC : 0);
        bytes = slice_of(bytes.data + some, bytes.size - some);
        offset += some;
        kept = (size_t)(offset % DIRECT_BLOCK);
        memmove(direct->memory, direct->memory + (size - kept), kept);
    }
    direct->end = offset;
    return err;
}
