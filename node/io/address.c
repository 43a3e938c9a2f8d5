// SPDX-License-Identifier: Apache-2.0
#include "node/io/address.h"

#include "base/err.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <unistd.h>

void address_text(const struct sockaddr *address, char out[ADDRESS_TEXT])
{
    struct swim_address plain = address_to_swim(address);

    if (plain.size == 0)
        memcpy(out, "?", 2);
    else
        swim_address_text(&plain, out);
}

uint16_t address_port(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
    return ntohs(((const struct sockaddr_in *)address)->sin_port);
}

void address_set_port(struct sockaddr *address, uint16_t port)
{
    if (address->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)address)->sin_port = htons(port);
}

bool address_is_loopback(const struct sockaddr *address)
{
    struct swim_address plain = address_to_swim(address);

    return swim_address_is_loopback(&plain);
}

bool address_is_wildcard(const struct sockaddr *address)
{
    struct swim_address plain = address_to_swim(address);
    uint8_t any = 0, i;

    for (i = 0; i < plain.size; i++)
        any |= plain.bytes[i];
    return any == 0;
}

int address_resolve(const char *host, uint16_t port, int family, struct sockaddr_storage *out,
                    struct buffer *why)
{
    struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG, .ai_family = family};
    struct addrinfo *found;
    int err = getaddrinfo(host, NULL, &hints, &found);

    if (err && family != AF_UNSPEC) {
        hints.ai_family = AF_UNSPEC;
        err = getaddrinfo(host, NULL, &hints, &found);
    }
    if (err) { // a number of a family that no interface has
        hints.ai_flags = AI_NUMERICHOST;
        if (getaddrinfo(host, NULL, &hints, &found)) {
            buffer_add_format(why, "%s: %s", host, gai_strerror(err));
            return ERR_CONNECT;
        }
    }
    memset(out, 0, sizeof *out);
    memcpy(out, found->ai_addr, found->ai_addrlen);
    address_set_port((struct sockaddr *)out, port);
    freeaddrinfo(found);
    return 0;
}

int address_read(const char *text, struct sockaddr_storage *out)
{
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    char host[256];
    uint16_t port;

    if (text_read_address(text, 0, host, &port))
        return ERR_INVALID;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
        out->ss_family = AF_INET;
    else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1)
        out->ss_family = AF_INET6;
    else
        return ERR_INVALID;
    address_set_port((struct sockaddr *)out, port);
    return 0;
}

static bool is_usable(const struct ifaddrs *one, int family)
{
    return one->ifa_addr && one->ifa_addr->sa_family == family && (one->ifa_flags & IFF_UP) &&
           !address_is_loopback(one->ifa_addr) &&
           !(family == AF_INET6 &&
             IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *)one->ifa_addr)->sin6_addr));
}

int address_of_machine(int family, struct sockaddr_storage *out)
{
    struct ifaddrs *list, *one;
    int err = ERR_NOT_FOUND;

    if (getifaddrs(&list))
        return ERR_NOT_FOUND;
    for (one = list; one && err; one = one->ifa_next) {
        if (!is_usable(one, family))
            continue;
        memset(out, 0, sizeof *out);
        memcpy(out, one->ifa_addr,
               family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
        err = 0;
    }
    freeifaddrs(list);
    return err;
}

static socklen_t size_of(const struct sockaddr *address)
{
    return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

static int bind_socket(int type, const struct sockaddr *address)
{
    int on = 1, keep;
    int fd = socket(address->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address, size_of(address)) == 0)
        return fd;
    keep = errno;
    close(fd);
    errno = keep;
    return -1;
}

int address_bind_udp(const struct sockaddr *address, struct sockaddr_storage *out_bound)
{
    enum { TRIES = 32 };
    socklen_t size = sizeof *out_bound;
    int fd = -1, probe = -1, keep, i;

    for (i = 0; i < TRIES; i++) {
        fd = bind_socket(SOCK_DGRAM, address);
        if (fd < 0)
            return -1;
        size = sizeof *out_bound;
        getsockname(fd, (struct sockaddr *)out_bound, &size);
        probe = bind_socket(SOCK_STREAM, (struct sockaddr *)out_bound);
        if (probe >= 0) {
            close(probe);
            return fd;
        }
        keep = errno;
        close(fd);
        errno = keep;
        if (address_port(address))
            return -1;
    }
    return -1;
}

bool address_is_free(const struct sockaddr *address)
{
    int stream = bind_socket(SOCK_STREAM, address);
    int datagram = bind_socket(SOCK_DGRAM, address);

    if (stream >= 0)
        close(stream);
    if (datagram >= 0)
        close(datagram);
    return stream >= 0 && datagram >= 0;
}

struct swim_address address_to_swim(const struct sockaddr *address)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

    if (address->sa_family == AF_INET6)
        return swim_address_of(slice_of(&v6->sin6_addr, 16), ntohs(v6->sin6_port));
    if (address->sa_family == AF_INET)
        return swim_address_of(slice_of(&v4->sin_addr, 4), ntohs(v4->sin_port));
    return swim_address_of(slice_of(NULL, 0), 0);
}

int address_of_swim(const struct swim_address *from, int family, struct sockaddr_storage *out)
{
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;

    memset(out, 0, sizeof *out);
    if (from->size == 4 && family == AF_INET) {
        memcpy(&v4->sin_addr, from->bytes, 4);
    } else if (from->size == 16 && family == AF_INET6) {
        memcpy(&v6->sin6_addr, from->bytes, 16);
    } else if (from->size == 4 && family == AF_INET6) {
        v6->sin6_addr.s6_addr[10] = v6->sin6_addr.s6_addr[11] = 0xff;
        memcpy(v6->sin6_addr.s6_addr + 12, from->bytes, 4);
    } else {
        return ERR_INVALID;
    }
    out->ss_family = (sa_family_t)family;
    address_set_port((struct sockaddr *)out, from->port);
    return 0;
}
