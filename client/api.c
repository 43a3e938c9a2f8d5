// SPDX-License-Identifier: Apache-2.0
#include "client/api.h"

#include "base/check.h"
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

// ---- requests -----------------------------------------------------------------------------------

static void ask_refuse(struct ask *ask, int err, const char *what, size_t size, size_t size_max)
{
    if (ask->refused)
        return;
    ask->refused = err;
    if (size == 0)
        (void)snprintf(ask->why, sizeof ask->why, "the %s is empty", what);
    else
        (void)snprintf(ask->why, sizeof ask->why, "the %s has %zu bytes: at most %zu are allowed",
                       what, size, size_max);
}

static void ask_measure(struct ask *ask, const char *what, size_t size, size_t size_max)
{
    if (size == 0)
        ask_refuse(ask, ERR_INVALID, what, size, size_max);
    else if (size > size_max)
        ask_refuse(ask, ERR_TOO_LARGE, what, size, size_max);
}

static struct slice bucket_or_default(struct quorate_bytes bucket)
{
    return bucket.size > 0 ? slice_of_bytes(bucket) : slice_of_text("default");
}

static struct ask ask_of(enum method method, uint32_t timeout_ms)
{
    struct ask ask = {0};

    request_init(&ask.request, method);
    ask.request.timeout_ms = timeout_ms > TIMEOUT_MS_MAX ? TIMEOUT_MS_MAX : timeout_ms;
    return ask;
}

static struct ask ask_of_key(enum method method, uint32_t timeout_ms, struct quorate_key key)
{
    struct ask ask = ask_of(method, timeout_ms);

    ask.request.bucket = bucket_or_default(key.bucket);
    ask.request.key = slice_of_bytes(key.key);
    ask_measure(&ask, "bucket's name", ask.request.bucket.size, BUCKET_SIZE_MAX);
    ask_measure(&ask, "key", key.key.size, KEY_SIZE_MAX);
    return ask;
}

struct ask ask_get(struct quorate_key key, const struct quorate_get_options *options)
{
    static const struct quorate_get_options defaults;
    const struct quorate_get_options *from = options ? options : &defaults;
    struct ask ask = ask_of_key(METHOD_GET, from->timeout_ms, key);

    ask.request.r = level_of_public(from->r);
    ask.request.pr = level_of_public(from->pr);
    ask.request.strict = from->strict;
    ask.request.explain = from->explain;
    return ask;
}

static struct ask ask_write(enum method method, struct quorate_key key,
                            const struct quorate_put_options *options)
{
    static const struct quorate_put_options defaults;
    const struct quorate_put_options *from = options ? options : &defaults;
    struct ask ask = ask_of_key(method, from->timeout_ms, key);

    ask.request.w = level_of_public(from->w);
    ask.request.pw = level_of_public(from->pw);
    ask.request.strict = from->strict;
    ask.request.explain = from->explain;
    ask.request.ttl_ms = from->ttl_ms;
    ask.request.has_token = from->context.size > 0;
    ask.request.token = slice_of_bytes(from->context);
    ask.request.blind = (enum blind)from->blind;
    return ask;
}

struct ask ask_put(struct quorate_key key, struct quorate_bytes value,
                   const struct quorate_put_options *options)
{
    struct ask ask = ask_write(METHOD_PUT, key, options);

    ask.request.value = slice_of_bytes(value);
    if (value.size > REPLY_FRAME_MAX / 2)
        ask_refuse(&ask, ERR_TOO_LARGE, "value", value.size, REPLY_FRAME_MAX / 2);
    return ask;
}

struct ask ask_delete(struct quorate_key key, const struct quorate_put_options *options)
{
    struct ask ask = ask_write(METHOD_DELETE, key, options);

    ask.request.ttl_ms = 0;
    return ask;
}

struct ask ask_scan(const struct quorate_scan_options *options)
{
    static const struct quorate_scan_options defaults;
    const struct quorate_scan_options *from = options ? options : &defaults;
    struct ask ask = ask_of(METHOD_SCAN, from->timeout_ms);

    ask.request.shard = from->shard;
    ask.request.after = slice_of_bytes(from->after);
    ask.request.items_max = from->items_max;
    return ask;
}

struct ask ask_bucket_show(struct quorate_bytes bucket)
{
    struct ask ask = ask_of(METHOD_BUCKET_SHOW, 0);

    ask.request.bucket = bucket_or_default(bucket);
    ask_measure(&ask, "bucket's name", ask.request.bucket.size, BUCKET_SIZE_MAX);
    return ask;
}

struct ask ask_bucket_set(struct quorate_bytes bucket, unsigned set,
                          const struct quorate_bucket *properties)
{
    struct ask ask = ask_bucket_show(bucket);
    struct slice name = ask.request.bucket;

    request_init(&ask.request, METHOD_BUCKET_SET);
    ask.request.bucket = name;
    ask.request.set = set;
    ask.request.properties =
        (struct bucket_properties){.conflict = properties->lww ? CONFLICT_LWW : CONFLICT_SIBLINGS,
                                   .r = level_of_public(properties->r),
                                   .w = level_of_public(properties->w),
                                   .pr = level_of_public(properties->pr),
                                   .pw = level_of_public(properties->pw),
                                   .ttl_ms = properties->ttl_ms,
                                   .strict = properties->strict};
    return ask;
}

struct ask ask_cluster_init(const struct quorate_cluster_options *options)
{
    uint32_t timeout_ms = options->timeout_ms ? options->timeout_ms : CLIENT_CLUSTER_INIT_MS;
    struct ask ask = ask_of(METHOD_CLUSTER_INIT, timeout_ms);

    ask.request.nodes = options->nodes;
    ask.request.shards = options->shards ? options->shards : 256;
    ask.request.replicas = options->replicas ? options->replicas : 3;
    return ask;
}

struct ask ask_node(enum method method, const char *address, uint32_t timeout_ms)
{
    struct ask ask = ask_of(method, timeout_ms);

    ask.address = address;
    return ask;
}

// ---- starting -----------------------------------------------------------------------------------

static void refresh_start(struct quorate_client *client)
{
    struct ask ask = ask_of(METHOD_TOPOLOGY, 0);

    client->refreshed_ms = turn_now_ms();
    client->refresh = operation_start(client, &ask.request, NULL, (struct quorate_done){0});
}

// A client that asks once does not need to know the cluster; one that asks again does.
static bool refresh_is_due(const struct quorate_client *client)
{
    uint64_t age_ms = turn_now_ms() - client->refreshed_ms;

    if (client->options.no_routing || client->refresh || client->requests < 2)
        return false;
    if (client->refreshed_ms == 0)
        return true;
    return age_ms >= (client->outdated ? CLIENT_REFRESH_MS_MIN : CLIENT_REFRESH_MS);
}

struct operation *ask_start(struct quorate_client *client, const struct ask *ask,
                            struct quorate_done done)
{
    struct operation *operation;

    if (client->closing)
        return NULL;
    client->requests++;
    operation = operation_start(client, &ask->request, ask->address, done);
    if (ask->refused)
        operation_refuse(operation, ask->refused, ask->why);
    if (refresh_is_due(client))
        refresh_start(client);
    return operation;
}

void quorate_get_start(struct quorate_client *client, struct quorate_key key,
                       const struct quorate_get_options *options, struct quorate_done done)
{
    struct ask ask = ask_get(key, options);

    (void)ask_start(client, &ask, done);
}

void quorate_put_start(struct quorate_client *client, struct quorate_key key,
                       struct quorate_bytes value, const struct quorate_put_options *options,
                       struct quorate_done done)
{
    struct ask ask = ask_put(key, value, options);

    (void)ask_start(client, &ask, done);
}

void quorate_delete_start(struct quorate_client *client, struct quorate_key key,
                          const struct quorate_put_options *options, struct quorate_done done)
{
    struct ask ask = ask_delete(key, options);

    (void)ask_start(client, &ask, done);
}

void quorate_scan_start(struct quorate_client *client, const struct quorate_scan_options *options,
                        struct quorate_done done)
{
    struct ask ask = ask_scan(options);

    (void)ask_start(client, &ask, done);
}

void quorate_topology_start(struct quorate_client *client, struct quorate_done done)
{
    struct ask ask = ask_node(METHOD_TOPOLOGY, NULL, 0);

    (void)ask_start(client, &ask, done);
}

void quorate_status_start(struct quorate_client *client, const char *address, uint32_t timeout_ms,
                          struct quorate_done done)
{
    struct ask ask = ask_node(METHOD_STATUS, address, timeout_ms);

    (void)ask_start(client, &ask, done);
}

size_t quorate_in_flight(const struct quorate_client *client)
{
    return client->in_flight - client->probes - (client->refresh ? 1 : 0);
}

// ---- opening and closing ------------------------------------------------------------------------

int quorate_attach(struct uv_loop_s *loop, const char *endpoints,
                   const struct quorate_client_options *options, struct quorate_client **out)
{
    struct quorate_client *client = memory_new(sizeof *client);
    int err = client_init(client, endpoints, options);

    if (err) {
        client_done(client);
        free(client);
        return err;
    }
    turn_init(&client->turn, loop, client_ended);
    *out = client;
    return 0;
}

int quorate_open(const char *endpoints, const struct quorate_client_options *options,
                 struct quorate_client **out)
{
    struct quorate_client *client = memory_new(sizeof *client);
    int err = client_init(client, endpoints, options);

    if (!err && uv_loop_init(&client->own_loop))
        err = ERR_IO;
    if (err) {
        client_done(client);
        free(client);
        return err;
    }
    client->blocking = true;
    turn_init(&client->turn, &client->own_loop, client_ended);
    *out = client;
    return 0;
}

void quorate_close(struct quorate_client *client)
{
    struct operation *operation;
    struct site *site;

    if (!client || client->closing)
        return;
    client->closing = true;
    while ((operation = TAILQ_FIRST(&client->operations)))
        operation_abort(operation);
    TAILQ_FOREACH(site, &client->sites, entry)
    site_close(site);
    turn_close(&client->turn);
    if (!client->blocking)
        return;
    (void)uv_run(&client->own_loop, UV_RUN_DEFAULT);
    check(uv_loop_close(&client->own_loop) == 0);
    free(client);
}
