// SPDX-License-Identifier: Apache-2.0
// Properties of buckets: ordinary objects in the system's own bucket, read at quorum when first
// needed and remembered for some seconds. A change is told to all members; who misses that reads it
// again when what it remembers is no longer fresh.
#include "node/core/machine.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    FETCH_TIMEOUT_MS = 2000,
    BUCKET_SET_READ = 1 << 30
}; // the second in request.set, ours alone

static int system_key(const struct node *node, struct slice name, struct key *out)
{
    return key_make(node->topology->seed, node->topology->shards, slice_of_text(BUCKET_PROPERTIES),
                    name, out);
}

static void bucket_free(struct bucket *bucket)
{
    free((void *)(uintptr_t)bucket->name.data);
    buffer_done(&bucket->token);
    free(bucket);
}

void buckets_done(struct node *node)
{
    struct bucket *bucket;
    size_t at = 0;

    while ((bucket = table_next(&node->buckets, &at)))
        bucket_free(bucket);
    table_done(&node->buckets);
}

// The entry of a name; NULL when there is none or another name with the same hash has its place.
static struct bucket *bucket_find(const struct node *node, const struct key *key)
{
    struct bucket *bucket = table_find(&node->buckets, key->low);

    return bucket && slice_equal(bucket->name, key->key) ? bucket : NULL;
}

static void bucket_evict(struct node *node)
{
    struct bucket *bucket;
    size_t at = 0;

    while ((bucket = table_next(&node->buckets, &at))) {
        struct key key;

        if (bucket->fetching || system_key(node, bucket->name, &key))
            continue;
        table_remove(&node->buckets, key.low);
        bucket_free(bucket);
        return;
    }
}

static struct bucket *bucket_take(struct node *node, const struct key *key)
{
    struct bucket *bucket = bucket_find(node, key);
    uint8_t *name;

    if (bucket)
        return bucket;
    bucket = table_remove(&node->buckets, key->low);
    if (bucket)
        bucket_free(bucket);
    if (node->buckets.count >= BUCKETS_MAX)
        bucket_evict(node);
    bucket = memory_new(sizeof *bucket);
    name = memory_new(key->key.size);
    memcpy(name, key->key.data, key->key.size);
    bucket->name = slice_of(name, key->key.size);
    table_set(&node->buckets, key->low, bucket);
    return bucket;
}

// May finish before it returns, when the answer is at hand.
static void bucket_fetch(struct node *node, struct bucket *bucket, const struct key *key)
{
    struct op *op = op_new(node, OP_GET, NULL, FETCH_TIMEOUT_MS);

    op_keep_key(node, op, key);
    bucket->fetching = op->id;
    bucket->tried_us = node->now_us;
    bucket->outdated = false;
    get_start_internal(node, op);
}

static bool bucket_wants_fetch(const struct node *node, const struct bucket *bucket)
{
    bool tried = bucket->tried_us && node->now_us - bucket->tried_us <= BUCKET_FRESH_US;

    bool old = bucket->stale || node->now_us - bucket->fetched_us > BUCKET_FRESH_US;

    return !bucket->known || (old && !tried);
}

// Too old to go by while somebody can still be asked.
static bool bucket_is_stale(const struct node *node, const struct bucket *bucket)
{
    return bucket->stale || node->now_us - bucket->fetched_us > BUCKET_STALE_US;
}

int bucket_lookup(struct node *node, struct slice name, struct bucket_properties *out,
                  uint64_t *out_waits_for)
{
    struct bucket *bucket;
    struct key key;
    int err = system_key(node, name, &key);

    if (err)
        return err;
    bucket = bucket_take(node, &key);
    if (!bucket->fetching && bucket_wants_fetch(node, bucket))
        bucket_fetch(node, bucket, &key);
    if (bucket->known && !(bucket->fetching && bucket_is_stale(node, bucket))) {
        *out = bucket->properties;
        return 0;
    }
    *out_waits_for = bucket->fetching;
    return bucket->fetching ? ERR_AGAIN : ERR_UNAVAILABLE;
}

void bucket_remember(struct node *node, struct slice name)
{
    struct bucket_properties properties;
    uint64_t waits_for;

    (void)bucket_lookup(node, name, &properties, &waits_for);
}

static void bucket_learn(struct node *node, struct bucket *bucket, const struct object *merged)
{
    int latest = object_latest(merged);

    bucket->properties = bucket_properties_default;
    if (latest >= 0 &&
        bucket_properties_decode(merged->versions[latest].value, &bucket->properties))
        node_log(node, LOG_WARNING, "the properties of a bucket are malformed: defaults are used");
    bucket->token.size = 0;
    token_encode(slice_of_text(BUCKET_PROPERTIES), bucket->name, &merged->rest, &bucket->token);
    bucket->known = true;
    bucket->stale = bucket->outdated;
    if (bucket->outdated)
        bucket->tried_us = 0;
    bucket->fetched_us = node->now_us;
}

void bucket_fetched(struct node *node, struct op *op, int err, const struct object *merged)
{
    struct bucket *bucket = bucket_find(node, &op->key);

    if (bucket && bucket->fetching == op->id) {
        bucket->fetching = 0;
        if (!err)
            bucket_learn(node, bucket, merged);
        if (bucket->known)
            err = 0; // what was known before stays good enough
    }
    parked_wake(node, op->id, err ? ERR_UNAVAILABLE : 0,
                "the properties of the bucket cannot be read: too few of their owners answered; "
                "nothing was done, try again");
}

void bucket_forget(struct node *node, struct slice name)
{
    struct bucket *bucket;
    struct key key;

    if (!node->topology || system_key(node, name, &key))
        return;
    bucket = bucket_find(node, &key);
    if (!bucket)
        return;
    bucket->outdated = true;
    bucket->stale = true;
    bucket->tried_us = 0;
    // Read at once: later this node may be alone, and what it knew must do then.
    if (!bucket->fetching)
        bucket_fetch(node, bucket, &key);
}

// A bucket_set was acknowledged: everybody is to read it afresh.
void bucket_changed(struct node *node, struct op *op, struct reply *reply)
{
    struct message message = {.kind = MESSAGE_PROPERTIES,
                              .bucket = arena_copy(&node->arena, op->key.key)};

    reply->properties = op->properties;
    bucket_forget(node, message.bucket);
    for (uint32_t i = 0; i < node->topology->member_count; i++) {
        uint64_t id = node->topology->members[i].id;

        if ((int)i != node->self && node_reachable(node, id))
            node_send(node, id, &message);
    }
}

static void properties_change(const struct request *request, struct bucket_properties *properties)
{
    const struct bucket_properties *wish = &request->properties;

    if (request->set & BUCKET_SET_CONFLICT)
        properties->conflict = wish->conflict;
    if (request->set & BUCKET_SET_R)
        properties->r = wish->r;
    if (request->set & BUCKET_SET_W)
        properties->w = wish->w;
    if (request->set & BUCKET_SET_PR)
        properties->pr = wish->pr;
    if (request->set & BUCKET_SET_PW)
        properties->pw = wish->pw;
    if (request->set & BUCKET_SET_TTL)
        properties->ttl_ms = wish->ttl_ms;
    if (request->set & BUCKET_SET_STRICT)
        properties->strict = wish->strict;
}

static struct slice bucket_token(struct node *node, const struct key *key)
{
    const struct bucket *bucket = bucket_find(node, key);

    check(bucket && bucket->token.size);
    return arena_copy(&node->arena, buffer_slice(&bucket->token));
}

static bool level_allowed(const struct node *node, int level, int lowest)
{
    return level == LEVEL_DEFAULT || level_resolve(level, node->topology->replicas) >= lowest;
}

static void properties_write(struct node *node, const struct origin *origin,
                             const struct request *request, const struct key *key,
                             struct bucket_properties *properties)
{
    struct request write = *request;
    struct buffer value = {0};

    properties_change(request, properties);
    if (!level_allowed(node, properties->r, 1) || !level_allowed(node, properties->w, 1) ||
        !level_allowed(node, properties->pr, 0) || !level_allowed(node, properties->pw, 0)) {
        reply_error(node, origin, METHOD_BUCKET_SET, ERR_INVALID,
                    arena_text(&node->arena,
                               "r and w must be 1..%" PRIu32 ", pr and pw 0..%" PRIu32,
                               node->topology->replicas, node->topology->replicas));
        return;
    }
    bucket_properties_encode(properties, &value);
    write.value = arena_copy(&node->arena, buffer_slice(&value));
    buffer_done(&value);
    write.has_token = true; // of the read just made: nothing set meanwhile is lost
    write.token = bucket_token(node, key);
    write.w = LEVEL_QUORUM;
    write.pw = 0;
    write.strict = true; // where the strict reads will find it
    put_start(node, origin, &write, key, properties);
}

// A change is made to what a read of this moment brings, so the first time round it only reads.
static bool change_reads_first(struct node *node, const struct request *request)
{
    if (request->method != METHOD_BUCKET_SET || request->set & BUCKET_SET_READ)
        return false;
    bucket_forget(node, request->bucket);
    return true;
}

static void bucket_coordinate(struct node *node, const struct origin *origin,
                              const struct request *wish, const struct key *key)
{
    struct bucket_properties properties;
    struct request with_read = *wish;
    const struct request *request = &with_read;
    uint64_t waits_for;
    struct reply *reply;
    int err;

    if (change_reads_first(node, wish))
        with_read.set |= BUCKET_SET_READ;
    err = bucket_lookup(node, request->bucket, &properties, &waits_for);
    if (err == ERR_AGAIN) {
        park_request(node, origin, request, waits_for);
    } else if (err) {
        reply_error(node, origin, request->method, err,
                    "the properties of the bucket cannot be read: try again");
    } else if (request->method == METHOD_BUCKET_SET && bucket_find(node, key)->stale) {
        // What it were made to is what was known before: a change of somebody else would be undone.
        reply_error(node, origin, request->method, ERR_UNAVAILABLE,
                    "the properties of the bucket as they are now cannot be read: nothing was "
                    "changed, try again");
    } else if (request->method == METHOD_BUCKET_SET) {
        properties_write(node, origin, request, key, &properties);
    } else {
        reply = reply_new(node, METHOD_BUCKET_SHOW);
        reply->properties = properties;
        reply_send(node, origin, reply);
    }
}

void bucket_request(struct node *node, const struct origin *origin, const struct request *request)
{
    struct key key;

    if (!node->topology)
        reply_error(node, origin, request->method, ERR_NO_CLUSTER,
                    "this node belongs to no cluster yet: run quorate cluster init");
    else if (request->bucket.size > BUCKET_SIZE_MAX)
        reply_error(node, origin, request->method, ERR_TOO_LARGE, "a bucket name has 1..255 bytes");
    else if (system_key(node, request->bucket, &key) ||
             request->bucket.data[0] == BUCKET_SYSTEM_PREFIX)
        reply_error(node, origin, request->method, ERR_INVALID,
                    "a bucket name has 1..255 bytes and does not begin with '$'");
    else if (node_serves(node, key.shard))
        bucket_coordinate(node, origin, request, &key);
    else if (origin->kind == ORIGIN_PEER)
        reply_error(node, origin, request->method, ERR_NOT_SERVING,
                    "the owner asked holds no complete copy of the shard: try another node");
    else
        forward_start(node, origin, request, &key);
}
