// SPDX-License-Identifier: Apache-2.0
#include "node/io/seeds.h"

#include "node/io/address.h"
#include "node/io/log_text.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>

void seeds_init(struct seeds *seeds, uv_loop_t *uv, const struct endpoint *join, size_t count)
{
    struct sockaddr_storage address;
    char host[SETTINGS_HOST_MAX + 16];
    size_t i;

    memset(seeds, 0, sizeof *seeds);
    seeds->uv = uv;
    seeds->count = count;
    for (i = 0; i < count; i++) {
        seeds->list[i].seeds = seeds;
        seeds->list[i].endpoint = join[i];
        snprintf(host, sizeof host, strchr(join[i].host, ':') ? "[%s]:%u" : "%s:%u", join[i].host,
                 join[i].port);
        if (address_read(host, &address) == 0)
            seeds->list[i].address = address_to_swim((struct sockaddr *)&address);
    }
}

// The next of the addresses in turn: one that does not answer must not hide the others.
static struct sockaddr *choose(struct seed *seed, struct addrinfo *found)
{
    struct addrinfo *one = found;
    uint32_t left = seed->turn++;

    for (; left > 0; left--)
        one = one->ai_next ? one->ai_next : found;
    return one->ai_addr;
}

static void on_lookup(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct seed *seed = lookup->data;
    struct sockaddr *address;

    seed->looking = false;
    if (status == 0) {
        address = choose(seed, found);
        address_set_port(address, seed->endpoint.port);
        seed->address = address_to_swim(address);
        seed->seeds->has_news = true;
    } else if (!seed->seeds->was_told && status != UV_ECANCELED) {
        log_warning("gossip: %s: %s: trying again", seed->endpoint.host, uv_strerror(status));
        seed->seeds->was_told = true;
    }
    uv_freeaddrinfo(found);
}

static bool is_number(const char *host)
{
    struct in6_addr ignored;

    return inet_pton(AF_INET, host, &ignored) == 1 || inet_pton(AF_INET6, host, &ignored) == 1;
}

void seeds_look_up(struct seeds *seeds, bool all)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_family = seeds->family == AF_INET ? AF_INET : AF_UNSPEC};
    struct seed *seed;
    size_t i;

    for (i = 0; i < seeds->count; i++) {
        seed = &seeds->list[i];
        if (seed->looking || is_number(seed->endpoint.host) || (seed->address.size && !all))
            continue;
        seed->lookup.data = seed;
        seed->looking = uv_getaddrinfo(seeds->uv, &seed->lookup, on_lookup, seed->endpoint.host,
                                       NULL, &hints) == 0;
    }
}

bool seeds_take_news(struct seeds *seeds)
{
    bool news = seeds->has_news;

    seeds->has_news = false;
    return news;
}

size_t seeds_list(const struct seeds *seeds, const struct known *known, bool all,
                  struct swim_address *out)
{
    const struct known_member *member;
    struct sockaddr_storage address;
    size_t count = 0, i;

    for (i = 0; i < seeds->count; i++)
        if (seeds->list[i].address.size)
            out[count++] = seeds->list[i].address;
    for (i = 0; i < known->count && count < SEEDS_LIST_MAX; i++) {
        member = &known->members[i];
        if (!member->is_here && member->id != seeds->self && (all || !member->has_left) &&
            address_read(member->address, &address) == 0)
            out[count++] = address_to_swim((struct sockaddr *)&address);
    }
    return count;
}

bool seeds_close(struct seeds *seeds)
{
    bool all = true;
    size_t i;

    for (i = 0; i < seeds->count; i++)
        if (seeds->list[i].looking && uv_cancel((uv_req_t *)&seeds->list[i].lookup))
            all = false;
    return all;
}
