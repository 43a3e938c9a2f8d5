// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/query.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct request query_key(enum method method, const char *key)
{
    struct request request;

    request_init(&request, method);
    request.bucket = slice_of_text("b");
    request.key = slice_of_text(key);
    return request;
}

struct request query_get(const char *key)
{
    return query_key(METHOD_GET, key);
}

struct request query_put(const char *key, const char *value)
{
    struct request request = query_key(METHOD_PUT, key);

    request.value = slice_of_text(value);
    return request;
}

struct request query_delete(const char *key)
{
    return query_key(METHOD_DELETE, key);
}

struct world_reply query(struct world *world, uint32_t node, const struct request *request)
{
    struct world_reply reply = world_wait(world, world_request(world, node, request));

    assert_true(reply.came);
    return reply;
}

struct world_reply query_put_ok(struct world *world, uint32_t node, const char *key,
                                const char *value)
{
    struct request request = query_put(key, value);
    struct world_reply reply = query(world, node, &request);

    if (reply.err)
        fail_msg("put %s: %s %s", key, err_code(reply.err), reply.text);
    return reply;
}

static int text_compare(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

const char *query_values(const struct reply *reply, char *out, size_t size)
{
    struct slice values[128];
    size_t used = 0;

    out[0] = 0;
    assert_true(reply->version_count <= 128);
    for (uint32_t i = 0; i < reply->version_count; i++)
        values[i] = reply->versions[i].value;
    qsort(values, reply->version_count, sizeof values[0], text_compare);
    for (uint32_t i = 0; i < reply->version_count; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%.*s", i ? "," : "",
                                 (int)values[i].size, (const char *)values[i].data);
    return out;
}

struct world_reply query_expect(struct world *world, uint32_t node, const char *key,
                                const char *values)
{
    struct request request = query_get(key);
    struct world_reply reply = query(world, node, &request);
    char held[1024];

    if (reply.err)
        fail_msg("get %s: %s %s", key, err_code(reply.err), reply.text);
    assert_string_equal(query_values(reply.reply, held, sizeof held), values);
    assert_int_equal(reply.reply->found, values[0] != 0);
    return reply;
}

void query_owners(struct world *world, const char *key, uint32_t out[REPLICAS_MAX])
{
    const struct topology *topology = NULL;
    const uint16_t *owners;
    struct key placed;

    for (uint32_t i = 0; !topology && i < WORLD_NODES_MAX; i++) {
        struct node *node = world_node(world, i)->node;

        topology = node ? node_topology(node) : NULL;
    }
    assert_int_equal(
        key_make(topology->seed, topology->shards, slice_of_text("b"), slice_of_text(key), &placed),
        0);
    owners = topology_owners(topology, placed.shard);
    for (uint32_t rank = 0; rank < topology->replicas; rank++)
        out[rank] =
            (uint32_t)(topology->members[owners[rank]].id - world_node(world, 0)->member.id);
}

uint32_t query_stranger(struct world *world, const char *key)
{
    uint32_t owners[REPLICAS_MAX] = {0};

    query_owners(world, key, owners);
    for (uint32_t node = 0; node < 4; node++) {
        if (node != owners[0] && node != owners[1] && node != owners[2])
            return node;
    }
    fail_msg("every node owns %s", key);
    return 0;
}
