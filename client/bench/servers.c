// SPDX-License-Identifier: Apache-2.0
#include "client/bench/servers.h"

#include "base/check.h"
#include "base/err.h"
#include "client/quorate.h"
#include "node/data/key.h"

#include <stdlib.h>

void servers_done(struct servers *servers)
{
    free(servers->addresses);
    free(servers->server_of);
    topology_free(servers->topology);
    *servers = (struct servers){0};
}

static int server_add(struct servers *servers, const char *text, struct buffer *why)
{
    struct address address;
    int err = address_find(text, QUORATE_PORT, &address);

    if (err == ERR_INVALID)
        buffer_add_format(why, "%s: endpoints are HOST:PORT or [IPV6]:PORT, separated by commas",
                          text);
    else if (err)
        buffer_add_format(why, "%s: no such host", text);
    if (err)
        return err;
    servers->addresses =
        memory_grow(servers->addresses, (servers->count + 1) * sizeof *servers->addresses);
    servers->addresses[servers->count++] = address;
    return 0;
}

int servers_read(const char *endpoints, enum spread spread, struct servers *out, struct buffer *why)
{
    char *copy = memory_text(endpoints);
    char *rest = copy;
    char *endpoint;
    int err = 0;

    *out = (struct servers){.spread = spread, .properties = bucket_properties_default};
    while (!err && (endpoint = strsep(&rest, ",")) != NULL)
        err = server_add(out, endpoint, why);
    free(copy);
    if (err)
        servers_done(out);
    else if (spread == SPREAD_FIRST)
        out->count = 1;
    return err;
}

// The members instead of the endpoints, in the order of their ids; those that own nothing too.
static int members_take(struct servers *servers, const struct reply *reply, struct buffer *why)
{
    struct servers members = {.spread = servers->spread, .properties = servers->properties};
    int err = 0;

    members.topology = topology_clone(reply->topology);
    members.server_of = memory_new(reply->topology->member_count * sizeof *members.server_of);
    for (uint32_t i = 0; !err && i < reply->topology->member_count; i++) {
        const char *address = reply->topology->members[i].client_address;

        // What the record says may be old; gossip knows where the member is now.
        for (uint32_t j = 0; j < reply->member_count; j++) {
            if (reply->members[j].member.id == reply->topology->members[i].id)
                address = reply->members[j].member.client_address;
        }
        members.server_of[i] = i;
        err = server_add(&members, address, why);
    }
    if (err) {
        servers_done(&members);
        return err;
    }
    servers_done(servers);
    *servers = members;
    return 0;
}

static int refusal(const struct answered *answered, const struct address *address,
                   struct buffer *why)
{
    const struct reply *reply = &answered->reply;
    int err = reply->err;

    if (!err && reply->method == METHOD_TOPOLOGY && (!reply->topology || !reply->topology->epoch))
        err = ERR_NO_CLUSTER;
    if (err == ERR_NO_CLUSTER)
        buffer_add_format(why, "%s belongs to no cluster yet: form one with quorate cluster init",
                          address->text);
    else if (err)
        buffer_add_format(why, "%s: %.*s", address->text, (int)reply->text.size,
                          (const char *)reply->text.data);
    return err;
}

// Of one server. `why` is emptied first.
static int learn_from(struct servers *servers, uint32_t which, struct slice bucket,
                      uint32_t timeout_ms, struct buffer *why)
{
    struct address address = servers->addresses[which];
    struct answered answered;
    struct request request;
    int err;

    why->size = 0;
    request_init(&request, METHOD_BUCKET_SHOW);
    request.bucket = bucket;
    err = question_ask(&address, &request, timeout_ms, &answered);
    if (!err) {
        err = refusal(&answered, &address, why);
        servers->properties = answered.reply.properties;
        answered_done(&answered);
    }
    if (!err)
        request_init(&request, METHOD_TOPOLOGY);
    if (!err && (err = question_ask(&address, &request, timeout_ms, &answered)) == 0) {
        err = refusal(&answered, &address, why);
        if (!err && servers->spread == SPREAD_FIRST)
            servers->topology = topology_clone(answered.reply.topology);
        else if (!err)
            err = members_take(servers, &answered.reply, why);
        answered_done(&answered);
    }
    if (err && why->size == 0)
        buffer_add_format(why, "%s: %s: is the node running? name others with -e HOST:PORT",
                          address.text, err_text(err));
    return err;
}

int servers_learn(struct servers *servers, struct slice bucket, uint32_t timeout_ms,
                  struct buffer *why)
{
    uint32_t count = servers->count;
    int err = ERR_CONNECT;

    for (uint32_t i = 0; err && i < count; i++)
        err = learn_from(servers, i, bucket, timeout_ms, why);
    return err == ERR_TIMEOUT || err == ERR_CLOSED ? ERR_CONNECT : err;
}

uint32_t servers_owners(const struct servers *servers, struct slice bucket, struct slice name,
                        uint32_t out[REPLICAS_MAX])
{
    const struct topology *topology = servers->topology;
    const uint16_t *owners;
    struct key key;

    if (servers->spread != SPREAD_OWNER || !topology ||
        key_make(topology->seed, topology->shards, bucket, name, &key))
        return 0;
    owners = topology_owners(topology, key.shard);
    for (uint32_t i = 0; i < topology->replicas; i++)
        out[i] = servers->server_of[owners[i]];
    return topology->replicas;
}
