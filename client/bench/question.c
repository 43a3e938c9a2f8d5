// SPDX-License-Identifier: Apache-2.0
#include "client/bench/question.h"

#include "base/err.h"
#include "base/text.h"
#include "node/wire/client.h"
#include "node/wire/rpc.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { READ_SIZE = 64 << 10 };

int address_find(const char *text, uint16_t port, struct address *out)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found;
    char host[256];
    char service[8];

    if (strlen(text) > ADDRESS_SIZE_MAX || text_read_address(text, port, host, &port))
        return ERR_INVALID;
    (void)snprintf(service, sizeof service, "%u", port);
    // Loopback addresses are known also where no other network is.
    if (getaddrinfo(host, service, &hints, &found) && getaddrinfo(host, service, NULL, &found))
        return ERR_CONNECT;
    *out = (struct address){0};
    (void)memcpy(&out->socket, found->ai_addr, found->ai_addrlen);
    (void)snprintf(out->text, sizeof out->text, "%s", text);
    freeaddrinfo(found);
    return 0;
}

socklen_t address_size(const struct address *address)
{
    return address->socket.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                 : sizeof(struct sockaddr_in);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Waits until the socket can be written to or read from.
static int wait_for(int file, short events, uint64_t until_ms)
{
    struct pollfd entry = {.fd = file, .events = events};
    uint64_t now = now_ms();

    while (now < until_ms) {
        int count = poll(&entry, 1, (int)(until_ms - now));

        if (count > 0)
            return 0;
        if (count < 0 && errno != EINTR)
            return ERR_CLOSED;
        now = now_ms();
    }
    return ERR_TIMEOUT;
}

static int connect_to(const struct address *address, uint64_t until_ms, int *out)
{
    int file = socket(address->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int failure = 0;
    socklen_t size = sizeof failure;

    if (file < 0)
        return ERR_CONNECT;
    if (connect(file, (const struct sockaddr *)&address->socket, address_size(address)) &&
        (errno != EINPROGRESS || wait_for(file, POLLOUT, until_ms) ||
         getsockopt(file, SOL_SOCKET, SO_ERROR, &failure, &size) || failure)) {
        (void)close(file);
        return ERR_CONNECT;
    }
    *out = file;
    return 0;
}

static int send_all(int file, struct slice bytes, uint64_t until_ms)
{
    while (bytes.size > 0) {
        ssize_t size = send(file, bytes.data, bytes.size, MSG_NOSIGNAL);
        int err = 0;

        if (size >= 0)
            bytes = slice_of(bytes.data + size, bytes.size - (size_t)size);
        else if (errno == EAGAIN)
            err = wait_for(file, POLLOUT, until_ms);
        else if (errno != EINTR)
            err = ERR_CLOSED;
        if (err)
            return err;
    }
    return 0;
}

static int receive_frame(int file, struct buffer *memory, size_t *out_size, uint64_t until_ms)
{
    struct rpc_scan scan;

    rpc_scan_init(&scan, REPLY_FRAME_MAX, REPLY_VALUES_MAX);
    for (;;) {
        int err = wait_for(file, POLLIN, until_ms);
        ssize_t size;

        if (err)
            return err;
        size = recv(file, buffer_reserve(memory, READ_SIZE), READ_SIZE, 0);
        if (size <= 0 && (size == 0 || (errno != EAGAIN && errno != EINTR)))
            return ERR_CLOSED;
        memory->size += size > 0 ? (size_t)size : 0;
        err = rpc_scan_more(&scan, buffer_slice(memory), out_size);
        if (err != ERR_AGAIN)
            return err ? ERR_PROTOCOL : 0;
    }
}

int question_ask(const struct address *address, const struct request *request, uint32_t timeout_ms,
                 struct answered *out)
{
    uint64_t until_ms = now_ms() + timeout_ms;
    struct buffer bytes = {0};
    size_t size = 0;
    int file;
    int err = connect_to(address, until_ms, &file);

    *out = (struct answered){0};
    if (err)
        return err;
    request_encode(1, request, &bytes);
    err = send_all(file, buffer_slice(&bytes), until_ms);
    if (!err)
        err = receive_frame(file, &out->memory, &size, until_ms);
    if (!err)
        err = reply_decode(slice_of(out->memory.data, size), request->method, &out->decoder,
                           &out->reply);
    (void)close(file);
    buffer_done(&bytes);
    if (err)
        answered_done(out);
    return err;
}

void answered_done(struct answered *answered)
{
    wire_decoder_done(&answered->decoder);
    buffer_done(&answered->memory);
}
