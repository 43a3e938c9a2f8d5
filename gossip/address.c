// SPDX-License-Identifier: Apache-2.0
#include "gossip/address.h"

#include <stdio.h>

enum { V6_GROUPS = 8 };

static bool is_mapped_v4(struct slice ip)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    return ip.size == SWIM_ADDRESS_V6 && memcmp(ip.data, prefix, sizeof prefix) == 0;
}

struct swim_address swim_address_of(struct slice ip, uint16_t port)
{
    struct swim_address address = {.port = port};

    if (is_mapped_v4(ip))
        ip = slice_of(ip.data + 12, SWIM_ADDRESS_V4);
    if (ip.size != SWIM_ADDRESS_V4 && ip.size != SWIM_ADDRESS_V6)
        return address;
    memcpy(address.bytes, ip.data, ip.size);
    address.size = (uint8_t)ip.size;
    return address;
}

bool swim_address_equal(const struct swim_address *a, const struct swim_address *b)
{
    return a->port == b->port && slice_equal(swim_address_ip(a), swim_address_ip(b));
}

bool swim_address_is_loopback(const struct swim_address *address)
{
    static const uint8_t v6[SWIM_ADDRESS_V6] = {[15] = 1};

    if (address->size == SWIM_ADDRESS_V4)
        return address->bytes[0] == 127;
    return address->size == SWIM_ADDRESS_V6 && memcmp(address->bytes, v6, sizeof v6) == 0;
}

// The first of the longest runs of at least two zero groups, which "::" stands for.
static void find_zeros(const uint16_t groups[V6_GROUPS], unsigned *start, unsigned *length)
{
    unsigned run = 0;

    *start = V6_GROUPS;
    *length = 1;
    for (unsigned i = 0; i < V6_GROUPS; i++) {
        run = groups[i] ? 0 : run + 1;
        if (run > *length) {
            *length = run;
            *start = i + 1 - run;
        }
    }
}

static void write_v6(const struct swim_address *address, char out[SWIM_ADDRESS_TEXT])
{
    uint16_t groups[V6_GROUPS];
    unsigned start;
    unsigned length;
    size_t size = 1;

    for (unsigned i = 0; i < V6_GROUPS; i++)
        groups[i] = (uint16_t)(address->bytes[2 * i] << 8 | address->bytes[2 * i + 1]);
    find_zeros(groups, &start, &length);
    out[0] = '[';
    for (unsigned i = 0; i < V6_GROUPS; i++) {
        bool colon = i > 0 && i != start + length;

        if (i == start) {
            size += (size_t)snprintf(out + size, SWIM_ADDRESS_TEXT - size, "::");
            i += length - 1;
            continue;
        }
        size += (size_t)snprintf(out + size, SWIM_ADDRESS_TEXT - size, "%s%x", colon ? ":" : "",
                                 groups[i]);
    }
    snprintf(out + size, SWIM_ADDRESS_TEXT - size, "]:%u", address->port);
}

const char *swim_address_text(const struct swim_address *address, char out[SWIM_ADDRESS_TEXT])
{
    const uint8_t *ip = address->bytes;

    if (address->size == SWIM_ADDRESS_V6)
        write_v6(address, out);
    else if (address->size == SWIM_ADDRESS_V4)
        snprintf(out, SWIM_ADDRESS_TEXT, "%u.%u.%u.%u:%u", ip[0], ip[1], ip[2], ip[3],
                 address->port);
    else
        snprintf(out, SWIM_ADDRESS_TEXT, "-");
    return out;
}
