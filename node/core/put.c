// SPDX-License-Identifier: Apache-2.0
// The coordinator of a write. An owner mints the dot, applies the delta to its own replica and
// sends the same delta to the other owners at once: no remote read comes before a write. It replies
// when w replicas, itself counted, have the write on stable storage.
//
// A sloppy write wants N copies whoever is away: an owner that cannot be reached, fails or stays
// silent for longer than a hedge delay gets a stand-in (guest.c), and so does a stand-in. Whoever
// was sent the write counts when it acknowledges, also an owner that somebody stands in for by now:
// w counts distinct nodes, pw distinct owners.
//
// A cluster that is written to faster than its disks follow slows its writers down. An owner that
// refuses for want of room is offered the write again for as long as the write has time, and gets a
// stand-in after half of that; where the coordinator itself has no room the request waits
// (request.c).
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

// A token that somebody can have been given names no dot of ours that was never issued, none that
// is further ahead of what we know than anybody could be, and is no flood. Nobody can tell a token
// that was made up from one of another node, so see dot_skip.
static bool token_plausible(const struct node *node, const struct write *write)
{
    const struct clock *context = &write->delta.context;
    const struct clock *known = store_clock(node->store, write->key->shard);
    struct dot next = store_mint(node->store, write->key->shard);

    if (context->count > TOKEN_RUNS_MAX || clock_last(context, next.actor) >= next.counter)
        return false;
    for (uint32_t i = 0; i < context->count; i++) {
        const struct run *run = &context->runs[i];

        if (run->last > clock_last(known, run->actor) + TOKEN_AHEAD_MAX)
            return false;
    }
    return true;
}

// A context that names dots of ours before they are issued would cover our writes before they are
// made: those dots are passed over. (While it has not reached us it still can.)
static void dot_skip(struct node *node, const struct write *write, const struct object *held)
{
    struct dot next = store_mint(node->store, write->key->shard);
    uint64_t last = clock_last(&held->rest, next.actor);

    if (last < next.counter)
        return;
    store_skip(node->store, write->key->shard, last);
    node_log(node, LOG_ALARM,
             "a key in shard %" PRIu32 " names writes of this node that were never made: a client "
             "sent a token that was made up",
             write->key->shard);
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

struct siblings {
    uint32_t count; // versions held that would stay beside the new one
    uint64_t bytes; // of their values
};

static struct siblings siblings_left(const struct node *node, const struct write *write,
                                     const struct object *held)
{
    struct siblings left = {0};

    for (uint32_t i = 0; i < held->count; i++) {
        const struct version *version = &held->versions[i];
        bool expired = version->expires_ms && version->expires_ms <= node->wall_ms;

        if (expired || clock_contains(&write->delta.context, version->dot))
            continue;
        left.count += 1;
        left.bytes += version->value.size;
    }
    return left;
}

// NULL, or why the write may not be added to the siblings that there are. Repair sends a key's
// siblings together, so their sum has a limit too. A delete adds none and is never refused for it.
static const char *siblings_refusal(struct node *node, const struct write *write,
                                    const struct object *held)
{
    uint64_t bytes_max = SIBLINGS_VALUES * (uint64_t)node->settings.value_size_max;
    struct siblings left = siblings_left(node, write, held);

    if (left.count == 0 || write->request->method == METHOD_DELETE)
        return NULL;
    if (left.count == SIBLINGS_WARN)
        node_log(node, LOG_WARNING,
                 "a key in shard %" PRIu32 " now has more than %d siblings: somebody writes it "
                 "without a token",
                 write->key->shard, SIBLINGS_WARN);
    if (left.count >= node->settings.siblings_max)
        return arena_text(&node->arena,
                          "the key has %" PRIu32 " siblings, the limit is %" PRIu32
                          ": get it and write with the token that comes with it",
                          left.count, node->settings.siblings_max);
    if (left.bytes + write->request->value.size > bytes_max)
        return arena_text(&node->arena,
                          "this value and the %" PRIu32 " siblings of the key would have %" PRIu64
                          " bytes together, the limit is %" PRIu64
                          ": get it and write with the token that comes with it",
                          left.count, left.bytes + write->request->value.size, bytes_max);
    return NULL;
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

// We are no owner: we stand in for one of those that are away.
static void stand_in_self(struct node *node, struct op *op)
{
    uint32_t guest = guest_join(op, node->settings.self.id);

    for (uint32_t rank = 0; rank < guest; rank++) {
        struct answer *answer = &op->answers[rank];

        if (answer->state != ANSWER_FAILED)
            continue;
        answer->replaced = true;
        break;
    }
    trace(op, "no owner serves: %s stands in", node->settings.self.name);
}

// Marks the owners that cannot be reached; the verdict then says whether a quorum is possible.
static struct op *op_begin(struct node *node, const struct origin *origin,
                           const struct write *write)
{
    struct op *op = op_new(node, OP_PUT, origin, write->request->timeout_ms);

    op->request.method = write->request->method;
    op->request.explain = write->request->explain;
    op->properties = *write->properties;
    op->sloppy = guests_allowed(node, write->request->strict || write->properties->strict);
    op_keep_key(node, op, write->key);
    op_set_owners(node, op);
    quorum_init(&op->quorum, op->answer_count, UINT32_MAX, write->w, write->pw);
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        if (node_reachable(node, op->answers[rank].node))
            continue;
        answer_fail(op, rank, ERR_CLOSED);
    }
    if (op_rank(op, node->settings.self.id) < 0)
        stand_in_self(node, op);
    trace(op, "%s in shard %" PRIu32 ": w %" PRIu32 ", pw %" PRIu32 " of %" PRIu32 " replicas%s",
          method_title(op->request.method), op->key.shard, write->w, write->pw, op->owner_count,
          op->sloppy ? "" : ", owners only");
    if (op->started_us < node->now_us)
        trace(op, "waited for room or properties: begins after %" PRIu64 " us",
              node->now_us - op->started_us);
    return op;
}

static void op_fail(struct node *node, struct op *op, int err, const char *text)
{
    reply_failure(node, op, err, text);
    op_end(node, op);
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

static const struct clock *token_context(struct node *node, const struct write *write)
{
    struct clock *less;

    if (!planted("token-without-own")) // the token of a write does not cover it
        return &write->delta.context;
    less = arena_new(&node->arena, sizeof *less);
    *less = clock_in(&node->arena);
    clock_copy(less, &write->delta.context);
    clock_subtract(less, &write->delta.dots);
    return less;
}

// The log, the other owners and those that stand in later get the same bytes.
static void delta_encode_once(struct node *node, struct op *op, struct delta *delta)
{
    enum { COPY_MAX = 64 << 10 }; // a large value is copied as often as need be, but not kept

    op->delta.size = 0;
    delta_encode(delta, &op->delta);
    if (op->delta.size <= COPY_MAX) // sent after this step, and the operation may end in it
        delta->encoded = arena_copy(&node->arena, buffer_slice(&op->delta));
}

// Applies here and sends; the dot counts as issued only if the store takes it.
static void write_dispatch(struct node *node, struct op *op, struct write *write)
{
    uint64_t position;
    int err;

    delta_make(node, write);
    delta_encode_once(node, op, &write->delta);
    err = store_apply(node->store, write->key, &write->delta, &node->arena, &position);
    if (err == ERR_OVERLOADED) {
        park_for_room(node, &op->origin, write->request);
        op_end(node, op);
        return;
    }
    if (err) {
        op_fail(node, op, err,
                arena_text(&node->arena, "%s: %s on %s: nothing was written",
                           method_title(op->request.method), err_text(err),
                           node->settings.self.name));
        return;
    }
    op->dot = write->version.dot;
    token_encode(write->key->bucket, write->key->key, token_context(node, write), &op->token);
    put_send(node, op, write->key, &write->delta);
    wait_for_log(node, op, position);
}

// Why nothing was even begun.
static const char *refusal_text(struct node *node, int err)
{
    if (err == ERR_TOKEN)
        return "the token is malformed or belongs to another key: get the key again and use the "
               "token that comes with it";
    if (err == ERR_OVERLOADED)
        return arena_text(&node->arena,
                          "no owner is reachable from %s, which keeps as many writes for others as "
                          "it can: nothing was written; try another node, or again when they are "
                          "back",
                          node->settings.self.name);
    return err_text(err);
}

static void write_start(struct node *node, const struct origin *origin, struct write *write)
{
    struct store_view held;
    const char *crowded;
    struct op *op;
    int err = store_read(node->store, write->key, &node->arena, &held);
    bool owner = topology_rank(node->topology, write->key->shard, node->self) >= 0;

    if (!err && !owner)
        err = guest_refusal(node);
    if (err == ERR_DAMAGED) {
        park_request(node, origin, write->request, rebuild_start(node, write->key));
        return;
    }
    op = op_begin(node, origin, write);
    if (!err)
        err = context_make(node, write, &held.object);
    if (err) {
        op_fail(node, op, err, refusal_text(node, err));
    } else if (op_verdict(node, op) == QUORUM_IMPOSSIBLE) {
        op_fail(node, op, ERR_UNAVAILABLE, reply_shortfall(node, op, ERR_UNAVAILABLE));
    } else if ((crowded = siblings_refusal(node, write, &held.object))) {
        op_fail(node, op, ERR_SIBLINGS, crowded);
    } else {
        dot_skip(node, write, &held.object);
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
    reply_outcome(node, op, reply);
    op_end(node, op);
}

void put_settle(struct node *node, struct op *op)
{
    switch (op_verdict(node, op)) {
    case QUORUM_MET:
        put_reply(node, op);
        break;
    case QUORUM_IMPOSSIBLE:
        op_fail(node, op, ERR_TIMEOUT, reply_shortfall(node, op, ERR_TIMEOUT));
        break;
    case QUORUM_WAIT:
        if (op->sloppy)
            put_replace_failed(node, op);
        break;
    }
}

// Nobody can stand in where the write itself is what is refused.
static bool write_is_refused(int err)
{
    return err == ERR_COLLISION || err == ERR_TOO_LARGE;
}

static void peer_ack_measure(struct node *node, uint64_t from, const struct answer *answer)
{
    enum { FADE_AT = 8192 };

    if (from == node->settings.self.id)
        return;
    histogram_add(&node->peer_ack_us, node->now_us - answer->asked_us);
    if (node->peer_ack_us.count >= FADE_AT)
        histogram_fade(&node->peer_ack_us);
}

void put_acked(struct node *node, struct op *op, uint64_t from, int err)
{
    int rank = op_rank(op, from);
    struct answer *answer = &op->answers[rank < 0 ? 0 : rank];

    if (rank >= 0 && answer->state == ANSWER_OK && planted("ack-again") && op->quorum.needed > 1)
        op->quorum.needed -= 1; // what comes again counts again
    if (rank < 0 || answer->state == ANSWER_OK)
        return;
    answer->answered_us = node->now_us;
    if (err)
        trace(op, "%s: %s", node_name_of(node, from), err_code(err));
    if (err == ERR_OVERLOADED && answer->state == ANSWER_WAITING &&
        !answer_is_guest(op, (uint32_t)rank)) {
        put_offer_later(node, op, answer);
        return;
    }
    if (err) {
        answer_fail(op, (uint32_t)rank, err);
        op->sloppy = op->sloppy && !write_is_refused(err);
    } else {
        peer_ack_measure(node, from, answer);
        answer->state = ANSWER_OK;
        quorum_add(&op->quorum, (uint32_t)rank);
        trace(op, "%s: durable after %" PRIu64 " us", node_name_of(node, from),
              node->now_us - op->started_us);
    }
    put_settle(node, op);
}
