// SPDX-License-Identifier: Apache-2.0
#include "sim/placement/save.h"

#include "base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int file, struct slice bytes)
{
    while (bytes.size > 0) {
        ssize_t written = write(file, bytes.data, bytes.size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? errno : EIO;
        bytes.data += written;
        bytes.size -= (size_t)written;
    }
    return 0;
}

static int save_as(const char *path, const char *beside, struct slice bytes)
{
    int file = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int err;

    if (file < 0)
        return errno;
    err = write_all(file, bytes);
    if (!err && fsync(file))
        err = errno;
    if (close(file) && !err)
        err = errno;
    if (!err && rename(beside, path))
        err = errno;
    if (err)
        (void)unlink(beside);
    return err;
}

// Devices and pipes cannot be replaced: they are written to.
static int write_into(const char *path, struct slice bytes)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    int err;

    if (file < 0)
        return errno;
    err = write_all(file, bytes);
    if (close(file) && !err)
        err = errno;
    return err;
}

static bool is_special(const char *path)
{
    struct stat is;

    return stat(path, &is) == 0 && !S_ISREG(is.st_mode);
}

int file_save(const char *path, struct slice bytes)
{
    struct buffer beside = {0};
    sigset_t ending;
    sigset_t before;
    int err;

    if (is_special(path))
        return write_into(path, bytes);
    buffer_add_format(&beside, "%s.%ld.part", path, (long)getpid());
    buffer_add_u8(&beside, 0);
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    sigprocmask(SIG_BLOCK, &ending, &before);
    err = save_as(path, (const char *)beside.data, bytes);
    sigprocmask(SIG_SETMASK, &before, NULL);
    buffer_done(&beside);
    return err;
}

int file_savable(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct buffer folder = {0};
    struct stat is;
    int err = 0;

    if (slash)
        buffer_add(&folder, path, (size_t)(slash - path) + 1);
    else
        buffer_add(&folder, ".", 1);
    buffer_add_u8(&folder, 0);
    if (!*path)
        err = ENOENT;
    else if (stat(path, &is) == 0 && S_ISDIR(is.st_mode))
        err = EISDIR;
    else if (is_special(path) ? access(path, W_OK) : access((const char *)folder.data, W_OK | X_OK))
        err = errno;
    buffer_done(&folder);
    return err;
}
