// SPDX-License-Identifier: Apache-2.0

#include "tests/lib/raw.h"

#include "base/err.h"
#include "base/pack.h"
#include "base/text.h"
#include "tests/lib/wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RAW_VALUES_MAX = 1 << 20, RAW_CHUNK = 65536 };

static bool raw_address(const char *text, struct sockaddr_in *out)
{
    char host[256];
    uint16_t port;

    if (text_read_address(text, 0, host, &port))
        return false;
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    return inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

int raw_connect(const char *address)
{
    struct sockaddr_in to;
    int fd = raw_address(address, &to) ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
        close(fd);
        return -1;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

// True when the socket is ready for `events` before the end.
static bool raw_ready(int fd, short events, uint64_t end_ms)
{
    uint64_t now = wait_now_ms();
    struct pollfd wait = {fd, events, 0};

    return poll(&wait, 1, now < end_ms ? (int)(end_ms - now) : 0) > 0;
}

bool raw_send(int fd, struct slice bytes, uint64_t timeout_ms)
{
    uint64_t end = wait_now_ms() + wait_patience(timeout_ms);

    while (bytes.size) {
        ssize_t put = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (put > 0)
            bytes = slice_of(bytes.data + put, bytes.size - (size_t)put);
        else if (errno != EAGAIN || !raw_ready(fd, POLLOUT, end))
            return false;
    }
    return true;
}

// Takes what is there, waiting for it until the end; false when nothing came or it is closed.
static bool raw_take(int fd, struct buffer *out, uint64_t end_ms)
{
    if (!raw_ready(fd, POLLIN, end_ms))
        return false;
    ssize_t got = recv(fd, buffer_reserve(out, RAW_CHUNK), RAW_CHUNK, 0);
    if (got > 0)
        out->size += (size_t)got;
    return got > 0;
}

bool raw_read(int fd, struct buffer *out, size_t size, uint64_t timeout_ms)
{
    uint64_t end = wait_now_ms() + wait_patience(timeout_ms);

    while (out->size < size) {
        if (!raw_take(fd, out, end))
            return false;
    }
    return true;
}

bool raw_closes(int fd, uint64_t timeout_ms)
{
    uint64_t end = wait_now_ms() + wait_patience(timeout_ms);
    char dropped[RAW_CHUNK];

    while (raw_ready(fd, POLLIN, end)) {
        ssize_t got = recv(fd, dropped, sizeof(dropped), 0);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return true;
    }
    return false;
}

bool raw_broken(int fd)
{
    struct pollfd look = {fd, POLLIN | POLLRDHUP, 0};

    return poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

void raw_datagram(const char *address, struct slice bytes)
{
    struct sockaddr_in to;
    int fd = raw_address(address, &to) ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

    if (fd < 0)
        return;
    (void)!sendto(fd, bytes.data, bytes.size, 0, (struct sockaddr *)&to, sizeof(to));
    close(fd);
}

size_t raw_read_value(int fd, struct buffer *out, size_t skip, uint64_t timeout_ms)
{
    uint64_t end = wait_now_ms() + wait_patience(timeout_ms);
    size_t size = 0;

    for (;;) {
        struct slice behind = slice_of(out->data + skip, out->size - skip);
        int err = out->size > skip ? pack_extent(behind, RAW_VALUES_MAX, &size) : ERR_AGAIN;
        if (err == 0)
            return size;
        if (err != ERR_AGAIN || !raw_take(fd, out, end))
            return 0;
    }
}
