// SPDX-License-Identifier: Apache-2.0
#include "node/io/keys.h"

#include "base/check.h"
#include "base/err.h"
#include "node/io/log_text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 4096 };

static void warn_if_open(const char *path, int fd)
{
    struct stat found;

    if (fstat(fd, &found) == 0 && (found.st_mode & (S_IRWXG | S_IRWXO)))
        log_warning("%s: others than its owner may read it: chmod 600 it", path);
}

// The size that was read; below 0: errno says why.
static ssize_t read_file(const char *path, uint8_t bytes[FILE_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size, got = 1;

    if (fd < 0)
        return -1;
    warn_if_open(path, fd);
    for (size = 0; size < FILE_MAX && got > 0; size += got > 0 ? got : 0)
        got = read(fd, bytes + size, FILE_MAX - (size_t)size);
    close(fd);
    return got < 0 ? -1 : size;
}

static int load_keys(const char *path, struct keyring *keys, struct buffer *why)
{
    uint8_t bytes[FILE_MAX];
    ssize_t size = read_file(path, bytes);
    struct buffer what = {0};
    int err;

    if (size < 0 || size == FILE_MAX) {
        buffer_add_format(why, "gossip-key: %s: %s", path,
                          size < 0 ? strerror(errno) : "no key file: it is too long");
        return ERR_IO;
    }
    err = keyring_read(keys, slice_of(bytes, (size_t)size), &what);
    explicit_bzero(bytes, sizeof bytes);
    if (err)
        buffer_add_format(why, "gossip-key: %s: %.*s", path, (int)what.size, (char *)what.data);
    buffer_done(&what);
    return err;
}

int keys_load(const struct settings *settings, struct guard *out, struct buffer *why)
{
    struct guard guard = {.takes_plain = settings->verify != VERIFY_BOTH,
                          .sends_plain = settings->verify == VERIFY_NONE};
    int err = guard_set_label(&guard, slice_of_text(settings->gossip_label));

    if (err == 0 && settings->gossip_keys)
        err = load_keys(settings->gossip_keys, &guard.keys, why);
    if (err == 0)
        *out = guard;
    guard_done(&guard);
    return err;
}

void keys_fill(void *unused, uint8_t *out, size_t size)
{
    ssize_t got;

    (void)unused;
    while (size) {
        got = getrandom(out, size, 0);
        check(got >= 0 || errno == EINTR);
        if (got > 0) {
            out += got;
            size -= (size_t)got;
        }
    }
}
