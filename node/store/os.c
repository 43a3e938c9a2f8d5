// SPDX-License-Identifier: Apache-2.0
#include "node/store/os.h"

#include "base/check.h"
#include "base/err.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ZEROS_SIZE = 1 << 20 };

int os_err(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return ERR_DISK_FULL;
    case EROFS:
    case EACCES:
    case EPERM:
        return ERR_READ_ONLY;
    case ENOENT:
        return ERR_NOT_FOUND;
    default:
        return ERR_IO;
    }
}

int os_list(int directory, struct buffer *out)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    int err;

    if (!stream) {
        err = os_err(errno);
        if (fd >= 0)
            close(fd);
        return err;
    }
    errno = 0;
    while ((entry = readdir(stream)))
        buffer_add(out, entry->d_name, strlen(entry->d_name) + 1);
    err = errno ? os_err(errno) : 0;
    closedir(stream);
    return err;
}

int os_read_file(int directory, const char *name, struct buffer *out)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    ssize_t got = 1;
    int err = 0;

    if (fd < 0)
        return os_err(errno);
    while (got > 0 && !err) {
        uint8_t *at = buffer_reserve(out, ZEROS_SIZE);

        got = read(fd, at, ZEROS_SIZE);
        if (got > 0)
            out->size += (size_t)got;
        else if (got < 0 && errno != EINTR)
            err = os_err(errno);
        else if (got < 0)
            got = 1;
    }
    close(fd);
    return err;
}

int os_write(int fd, struct slice bytes, uint64_t offset)
{
    while (bytes.size > 0) {
        ssize_t put = pwrite(fd, bytes.data, bytes.size, (off_t)offset);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? os_err(errno) : ERR_IO;
        bytes = slice_of(bytes.data + put, bytes.size - (size_t)put);
        offset += (uint64_t)put;
    }
    return 0;
}

int os_write_zeros(int fd, uint64_t size)
{
    uint8_t *zeros = memory_new(ZEROS_SIZE);
    uint64_t at = 0;
    int err = 0;

    while (at < size && !err) {
        uint64_t piece = size - at < ZEROS_SIZE ? size - at : ZEROS_SIZE;

        err = os_write(fd, slice_of(zeros, (size_t)piece), at);
        at += piece;
    }
    free(zeros);
    return err;
}

int os_replace_file(int directory, const char *name, struct slice bytes, bool no_sync)
{
    char fresh[64];
    int fd;
    int err;

    snprintf(fresh, sizeof fresh, "%s.new", name);
    fd = openat(directory, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return os_err(errno);
    err = os_write(fd, bytes, 0);
    if (!err && !no_sync && fsync(fd) != 0)
        err = os_err(errno);
    close(fd);
    if (!err && renameat(directory, fresh, directory, name) != 0)
        err = os_err(errno);
    if (!err && !no_sync && fsync(directory) != 0)
        err = os_err(errno);
    return err;
}

int os_thread(pthread_t *out, void *(*run)(void *), void *data)
{
    sigset_t all;
    sigset_t old;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    failed = pthread_create(out, NULL, run, data);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failed;
}

int os_compare_u64(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}
