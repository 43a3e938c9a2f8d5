// SPDX-License-Identifier: Apache-2.0
// Calls that wait: the same operations on a loop of the client's own, which runs only during a
// call. What happened to the connections since the last call is taken in first, so that a request
// is not written into one that the node has closed.
#include "client/api.h"

#include "base/check.h"
#include "base/err.h"

#include <stdlib.h>

static void call_done(void *data, const struct quorate_result *result)
{
    (void)result;
    *(bool *)data = true;
}

static void call_run(struct quorate_client *client, const struct ask *ask, struct result_box *box)
{
    struct operation *operation;
    bool is_done = false;

    (void)uv_run(&client->own_loop, UV_RUN_NOWAIT);
    operation = ask_start(client, ask, quorate_done(call_done, &is_done));
    check(operation);
    operation->box = box;
    while (!is_done)
        (void)uv_run(&client->own_loop, UV_RUN_ONCE);
}

static int call(struct quorate_client *client, const struct ask *ask, struct quorate_result **out)
{
    struct result_box *box = memory_new(sizeof *box);
    int err;

    result_box_reset(box);
    if (client->blocking) {
        call_run(client, ask, box);
    } else {
        box->result.err = ERR_INVALID;
        box->result.message = "a blocking call on a client that is attached to a loop";
    }
    err = box->result.err;
    if (out)
        *out = &box->result;
    else
        quorate_result_free(&box->result);
    return err;
}

int quorate_get(struct quorate_client *client, struct quorate_key key,
                const struct quorate_get_options *options, struct quorate_result **out)
{
    struct ask ask = ask_get(key, options);

    return call(client, &ask, out);
}

int quorate_put(struct quorate_client *client, struct quorate_key key, struct quorate_bytes value,
                const struct quorate_put_options *options, struct quorate_result **out)
{
    struct ask ask = ask_put(key, value, options);

    return call(client, &ask, out);
}

int quorate_delete(struct quorate_client *client, struct quorate_key key,
                   const struct quorate_put_options *options, struct quorate_result **out)
{
    struct ask ask = ask_delete(key, options);

    return call(client, &ask, out);
}

int quorate_scan(struct quorate_client *client, const struct quorate_scan_options *options,
                 struct quorate_result **out)
{
    struct ask ask = ask_scan(options);

    return call(client, &ask, out);
}

int quorate_replicas(struct quorate_client *client, const char *address, uint32_t first_shard,
                     uint32_t timeout_ms, struct quorate_result **out)
{
    struct ask ask = ask_node(METHOD_REPLICAS, address, timeout_ms);

    ask.request.shard = first_shard;
    return call(client, &ask, out);
}

int quorate_held(struct quorate_client *client, const char *address,
                 const struct quorate_scan_options *options, struct quorate_result **out)
{
    struct ask ask = ask_scan(options);

    ask.request.method = METHOD_HELD;
    ask.address = address;
    return call(client, &ask, out);
}

int quorate_bucket_show(struct quorate_client *client, struct quorate_bytes bucket,
                        struct quorate_result **out)
{
    struct ask ask = ask_bucket_show(bucket);

    return call(client, &ask, out);
}

int quorate_bucket_set(struct quorate_client *client, struct quorate_bytes bucket, unsigned set,
                       const struct quorate_bucket *properties, struct quorate_result **out)
{
    struct ask ask = ask_bucket_set(bucket, set, properties);

    return call(client, &ask, out);
}

int quorate_cluster_init(struct quorate_client *client,
                         const struct quorate_cluster_options *options, struct quorate_result **out)
{
    struct ask ask = ask_cluster_init(options);

    return call(client, &ask, out);
}

int quorate_topology(struct quorate_client *client, struct quorate_result **out)
{
    struct ask ask = ask_node(METHOD_TOPOLOGY, NULL, 0);

    return call(client, &ask, out);
}

int quorate_status(struct quorate_client *client, const char *address, uint32_t timeout_ms,
                   struct quorate_result **out)
{
    struct ask ask = ask_node(METHOD_STATUS, address, timeout_ms);

    return call(client, &ask, out);
}

int quorate_compact(struct quorate_client *client, const char *address, bool start,
                    uint32_t timeout_ms, struct quorate_result **out)
{
    struct ask ask = ask_node(METHOD_COMPACT, address, timeout_ms);

    ask.request.start = start;
    return call(client, &ask, out);
}

int quorate_ping(struct quorate_client *client, const char *address, uint32_t timeout_ms,
                 struct quorate_result **out)
{
    struct ask ask = ask_node(METHOD_PING, address, timeout_ms);

    return call(client, &ask, out);
}
