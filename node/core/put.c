// SPDX-License-Identifier: Apache-2.0
// The coordinator of a write. An owner mints the dot, applies the delta to its own replica and
// sends the same delta to the other owners at once: no remote read comes before a write. It replies
// when w replicas, itself counted, have the write on stable storage.
//
// UNAVAILABLE and the other refusals mean: certainly nothing was written anywhere. Once the delta
// is on its way every failure is TIMEOUT: the write may still take effect.
#include "base/plant.h"
#include "node/core/machine.h"

#include <inttypes.h>

struct write {
    const struct request *request;
    const struct key *key;
    const struct bucket_properties *properties;
    uint32_t w, pw;
    struct version version; // a delete has none
    struct delta delta;
};

static const char *levels_resolve(struct node *node, struct write *write)
{
    const struct bucket_properties *bucket = write->properties;
    uint32_t replicas = node->topology->replicas;
    int w = level_resolve(level_pick(write->request->w, bucket->w, LEVEL_QUORUM), replicas);
    int pw = level_resolve(level_pick(write->request->pw, bucket->pw, 0), replicas);

    if (w < 1 || pw < 0)
        return arena_text(&node->arena,
                          "w must be 1..%" PRIu32 " and pw 0..%" PRIu32
                          " here (the cluster keeps %" PRIu32 " replicas)",
                          replicas, replicas, replicas);
    write->w = (uint32_t)w;
    write->pw = (uint32_t)pw;
    return NULL;
}

// A blind delete covers what the coordinating replica has seen: one that covers nothing would
// delete nothing.
static bool write_overwrites(const struct write *write)
{
    enum blind blind = write->request->blind;

    if (write->request->has_token || blind == BLIND_SIBLINGS)
        return false;
    return blind == BLIND_OVERWRITE || write->request->method == METHOD_DELETE ||
           write->properties->conflict == CONFLICT_LWW;
}

// A token that we can have given out names no dot of ours that was never issued, and is no flood.
static bool token_plausible(const struct node *node, const struct write *write)
{
    const struct clock *context = &write->delta.context;
    struct dot next = store_mint(node->store, write->key->shard);

    return context->count <= TOKEN_RUNS_MAX && clock_last(context, next.actor) < next.counter;
}

// The context of the write, without its own dot. 0, or ERR_TOKEN.
static int context_make(struct node *node, struct write *write, const struct object *held)
{
    struct clock *context = &write->delta.context;
    int err;

    *context = clock_in(&node->arena);
    if (write->request->has_token && !planted("token-dropped")) {
        err = token_decode(write->request->token, write->key->bucket, write->key->key, context);
        return err ? err : token_plausible(node, write) ? 0 : ERR_TOKEN;
    }
    if (write_overwrites(write)) {
        clock_copy(context, store_clock(node->store, write->key->shard));
        clock_join(context, &held->rest);
    }
    return 0;
}

// How many of the versions held would stay beside the new one.
static uint32_t siblings_left(const struct node *node, const struct write *write,
                              const struct object *held)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < held->count; i++) {
        const struct version *version = &held->versions[i];
        bool expired = version->expires_ms && version->expires_ms <= node->wall_ms;

        left += !expired && !clock_contains(&write->delta.context, version->dot);
    }
    return left;
}

// A delete adds no sibling: it is never refused for their number.
static bool siblings_too_many(struct node *node, const struct write *write,
                              const struct object *held)
{
    uint32_t left = held->count < SIBLINGS_WARN ? 0 : siblings_left(node, write, held);

    if (write->request->method == METHOD_DELETE)
        return false;
    if (left == SIBLINGS_WARN)
        node_log(node, LOG_WARNING,
                 "a key in shard %" PRIu32 " now has more than %d siblings: somebody writes it "
                 "without a token",
                 write->key->shard, SIBLINGS_WARN);
    return left >= node->settings.siblings_max;
}

static void delta_make(struct node *node, struct write *write)
{
    struct dot dot = store_mint(node->store, write->key->shard);
    uint64_t ttl_ms = write->request->ttl_ms;

    if (!ttl_ms && write->request->method == METHOD_PUT)
        ttl_ms = write->properties->ttl_ms;
    write->version = (struct version){.dot = dot,
                                      .stamp = stamp_next(&node->stamp, node->wall_ms),
                                      .expires_ms = ttl_ms ? node->wall_ms + ttl_ms : 0,
                                      .value = write->request->value};
    clock_add(&write->delta.context, dot);
    write->delta.dots = clock_in(&node->arena);
    clock_add(&write->delta.dots, dot);
    if (write->request->method != METHOD_DELETE) {
        write->delta.versions = &write->version;
        write->delta.count = 1;
    }
}

// Marks the owners that cannot be reached; the verdict then says whether a quorum is possible.
static struct op *op_begin(struct node *node, const struct origin *origin,
                           const struct write *write)
{
    struct op *op = op_new(node, OP_PUT, origin, write->request->timeout_ms);

    op->request.method = write->request->method;
    op->request.explain = write->request->explain;
    op->properties = *write->properties;
    op_keep_key(node, op, write->key);
    op_set_owners(node, op);
    quorum_init(&op->quorum, op->answer_count, UINT32_MAX, write->w, write->pw);
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        if (node_reachable(node, op->answers[rank].node))
            continue;
        answer_fail(op, rank, ERR_CLOSED);
    }
    trace(op, "%s in shard %" PRIu32 ": w %" PRIu32 ", pw %" PRIu32 " of %" PRIu32 " replicas",
          method_title(op->request.method), op->key.shard, write->w, write->pw, op->answer_count);
    return op;
}

static void op_fail(struct node *node, struct op *op, int err, const char *text)
{
    reply_failure(node, op, err, text);
    op_end(node, op);
}

static void delta_send(struct node *node, struct op *op, const struct write *write)
{
    struct message message = {.kind = MESSAGE_APPLY,
                              .op = op->id,
                              .bucket = write->key->bucket,
                              .key = write->key->key,
                              .delta = write->delta};

    // The action outlives this function: what the delta points to must as well.
    if (write->delta.count)
        message.delta.versions = memcpy(arena_alloc(&node->arena, sizeof write->version),
                                        &write->version, sizeof write->version);
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        struct answer *answer = &op->answers[rank];

        if (answer->state == ANSWER_FAILED || answer->node == node->settings.self.id)
            continue;
        answer->state = ANSWER_WAITING;
        answer->asked_us = node->now_us;
        trace(op, "sends to %s", node_name_of(node, answer->node));
        node_send(node, answer->node, &message);
    }
}

static void wait_for_log(struct node *node, struct op *op, uint64_t position)
{
    int rank = op_rank(op, node->settings.self.id);

    check(rank >= 0);
    op->answers[rank].state = ANSWER_WAITING;
    op->answers[rank].asked_us = node->now_us;
    trace(op, "applied here at log position %" PRIu64, position);
    if (wait_durable(node, position) || planted("ack-early")) // counts before it is durable
        put_acked(node, op, node->settings.self.id, 0);
    else
        wait_new(node, WAIT_OP, position)->op = op->id;
}

// Applies here and sends; the dot counts as issued only if the store takes it.
static void write_dispatch(struct node *node, struct op *op, struct write *write)
{
    struct store_view after;
    int err;

    delta_make(node, write);
    err = store_apply(node->store, write->key, &write->delta, &node->arena, &after);
    if (err) {
        op_fail(node, op, err,
                arena_text(&node->arena, "%s: %s on %s: nothing was written",
                           method_title(op->request.method), err_text(err),
                           node->settings.self.name));
        return;
    }
    op->dot = write->version.dot;
    token_encode(write->key->bucket, write->key->key, &write->delta.context, &op->token);
    delta_send(node, op, write);
    wait_for_log(node, op, after.position);
}

static void write_start(struct node *node, const struct origin *origin, struct write *write)
{
    struct store_view held;
    const char *text;
    struct op *op;
    int err = store_read(node->store, write->key, &node->arena, &held);

    if (err == ERR_DAMAGED) {
        park_request(node, origin, write->request, rebuild_start(node, write->key));
        return;
    }
    op = op_begin(node, origin, write);
    if (!err)
        err = context_make(node, write, &held.object);
    if (err) {
        text = err == ERR_TOKEN ? "the token is malformed or belongs to another key: get the key "
                                  "again and use the token that comes with it"
                                : err_text(err);
        op_fail(node, op, err, text);
    } else if (quorum_verdict(&op->quorum) == QUORUM_IMPOSSIBLE) {
        op_fail(node, op, ERR_UNAVAILABLE, reply_shortfall(node, op, ERR_UNAVAILABLE));
    } else if (siblings_too_many(node, write, &held.object)) {
        op_fail(node, op, ERR_SIBLINGS,
                arena_text(&node->arena,
                           "the key has %" PRIu32 " siblings, the limit is %" PRIu32
                           ": get it and write with the token that comes with it",
                           held.object.count, node->settings.siblings_max));
    } else {
        write_dispatch(node, op, write);
    }
}

void put_start(struct node *node, const struct origin *origin, const struct request *request,
               const struct key *key, const struct bucket_properties *properties)
{
    struct write write = {.request = request, .key = key, .properties = properties};
    const char *wrong = levels_resolve(node, &write);

    if (wrong)
        reply_error(node, origin, request->method, ERR_INVALID, wrong);
    else
        write_start(node, origin, &write);
}

static void put_reply(struct node *node, struct op *op)
{
    struct reply *reply = reply_new(node, op->request.method);

    reply->acks = quorum_count(&op->quorum);
    reply->w = op->quorum.needed;
    reply->dot = op->dot;
    reply->token = arena_copy(&node->arena, buffer_slice(&op->token));
    trace(op, "quorum met: %" PRIu32 " of %u acknowledged", reply->acks, op->quorum.needed);
    reply_explain(node, op, reply);
    histogram_add(&node->put_us, node->now_us - op->started_us);
    if (op->request.method == METHOD_BUCKET_SET)
        bucket_changed(node, op, reply);
    reply_send(node, &op->origin, reply);
    op_end(node, op);
}

void put_settle(struct node *node, struct op *op)
{
    switch (quorum_verdict(&op->quorum)) {
    case QUORUM_MET:
        put_reply(node, op);
        break;
    case QUORUM_IMPOSSIBLE:
        op_fail(node, op, ERR_TIMEOUT, reply_shortfall(node, op, ERR_TIMEOUT));
        break;
    case QUORUM_WAIT:
        break;
    }
}

void put_acked(struct node *node, struct op *op, uint64_t from, int err)
{
    int rank = op_rank(op, from);
    struct answer *answer = &op->answers[rank < 0 ? 0 : rank];

    if (rank < 0 || answer->state == ANSWER_OK)
        return;
    answer->answered_us = node->now_us;
    if (err) {
        answer_fail(op, (uint32_t)rank, err);
        trace(op, "%s: %s", node_name_of(node, from), err_code(err));
    } else {
        answer->state = ANSWER_OK;
        quorum_add(&op->quorum, (uint32_t)rank);
        trace(op, "%s: durable after %" PRIu64 " us", node_name_of(node, from),
              node->now_us - op->started_us);
    }
    put_settle(node, op);
}
