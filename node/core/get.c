// SPDX-License-Identifier: Apache-2.0
// The coordinator of a read. Asks r replicas, the own one first; one more when an answer takes
// longer than most do (a hedged read: Dean and Barroso, "The Tail at Scale", 2013); another one for
// each that fails, and where no owner is left to ask one that stands in (guest.c). Merges what it
// got, replies at r answers, repairs the owners that it saw behind, and stays to repair those that
// answer late.
//
// Invariant: every replica is UNASKED, WAITING, OK or FAILED; the quorum's bits say the same of OK
// and FAILED.
#include "base/plant.h"
#include "node/core/machine.h"

#include <inttypes.h>

// Hedges must not become the load: where all are slow because all are busy, one more question makes
// it worse. So peers that are only slow cost at most one more question in 20 reads (and at most
// HEDGE_BURST at once). Those that have said nothing at all for a while are asked past freely, and
// whoever fails is replaced at once in any case.
enum {
    HEDGE_SAMPLES_MIN = 64,
    HEDGE_FADE_AT = 8192,
    HEDGE_US_DEFAULT = 10000,
    HEDGE_EARN = 5, // a read
    HEDGE_COST = 100,
    HEDGE_BURST = 32,
    SILENT_US = 20000,
    PATIENCE_PART = 4
};

// ---- repair -------------------------------------------------------------------------------------

// Compared without what has expired: replicas drop that at slightly different times.
static bool answer_behind(struct node *node, const struct object *answer,
                          const struct object *merged)
{
    struct object left = *answer;
    struct object right = *merged;

    left.versions = arena_alloc(&node->arena, answer->count * sizeof *left.versions);
    right.versions = arena_alloc(&node->arena, merged->count * sizeof *right.versions);
    if (answer->count)
        memcpy(left.versions, answer->versions, answer->count * sizeof *left.versions);
    if (merged->count)
        memcpy(right.versions, merged->versions, merged->count * sizeof *right.versions);
    object_expire(&left, node->wall_ms);
    object_expire(&right, node->wall_ms);
    return !object_same_versions(&left, &right);
}

// Read repair is an apply of the merged object and context that stands for no dots but those of the
// versions it carries. The message may outlive the operation, and the operation this step.
static void repair_send(struct node *node, struct op *op, struct answer *answer,
                        const struct object *merged)
{
    struct message message = {.kind = MESSAGE_APPLY,
                              .bucket = arena_copy(&node->arena, op->key.bucket),
                              .key = arena_copy(&node->arena, op->key.key),
                              .delta = {.versions = merged->versions,
                                        .count = merged->count,
                                        .context = merged->rest,
                                        .dots = clock_in(&node->arena)}};
    uint64_t position;

    answer->repaired = true;
    node->counts.repairs += 1;
    trace(op, "%s is behind: repaired", node_name_of(node, answer->node));
    if (answer->node == node->settings.self.id)
        store_apply(node->store, &op->key, &message.delta, &node->arena, &position);
    else
        node_send(node, answer->node, &message);
}

static void first_versions(struct node *node, const struct op *op, struct object *into)
{
    struct object held;

    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        if (op->answers[rank].state != ANSWER_OK)
            continue;
        answer_decode(node, &op->answers[rank], &held);
        into->versions = held.versions;
        into->count = held.count;
        return;
    }
}

// Those that stand in for owners are left as they are: what they lack is no fault of theirs.
static void answers_repair(struct node *node, struct op *op, const struct object *merged)
{
    struct object first;

    if (planted("repair-first")) { // its versions are sent in place of the merged ones
        first = *merged;
        first_versions(node, op, &first);
        merged = &first;
    }
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        struct answer *answer = &op->answers[rank];
        struct object held;

        if (answer->state != ANSWER_OK || answer->repaired || answer_is_guest(op, rank))
            continue;
        answer_decode(node, answer, &held);
        if (answer_behind(node, &held, merged))
            repair_send(node, op, answer, merged);
    }
}

// ---- replying -----------------------------------------------------------------------------------

static void reply_versions(struct node *node, struct reply *reply, const struct object *merged,
                           enum conflict_rule rule)
{
    struct object shown = *merged;
    int latest;

    shown.versions = arena_alloc(&node->arena, merged->count * sizeof *shown.versions);
    if (merged->count)
        memcpy(shown.versions, merged->versions, merged->count * sizeof *shown.versions);
    object_expire(&shown, node->wall_ms);
    latest = object_latest(&shown);
    if (rule == CONFLICT_LWW && latest >= 0) {
        shown.versions += latest;
        shown.count = 1;
    }
    reply->found = shown.count > 0;
    reply->versions = shown.versions;
    reply->version_count = shown.count;
}

// What won and why, for those who asked to be told.
static void trace_winner(struct op *op, const struct reply *reply, const struct object *merged)
{
    if (!reply->found)
        trace(op, "no version is left to show");
    else if (op->properties.conflict == CONFLICT_LWW && merged->count > 1)
        trace(op, "lww: of %" PRIu32 " versions the one with stamp %" PRIu64 " is the latest",
              merged->count, reply->versions[0].stamp);
}

static void object_to_arena(struct node *node, struct object *object)
{
    struct object copy;

    object_copy(&node->arena, object, &copy);
    *object = copy;
}

// After the reply: keep what was merged for late answers, or end.
static void linger_or_end(struct node *node, struct op *op, const struct object *merged)
{
    bool waiting = false;

    for (uint32_t rank = 0; rank < op->answer_count; rank++)
        waiting |= op->answers[rank].state == ANSWER_WAITING;
    if (!waiting) {
        op_end(node, op);
        return;
    }
    op->merged.size = 0;
    object_encode(merged, &op->merged);
    op_account(node, op, op->merged.size);
    if (!op->replied) {
        heap_remove(&node->timers, &op->deadline.item);
        op_timer_start(node, op, &op->deadline, node->now_us + LINGER_US);
    }
    if (op->origin.kind == ORIGIN_CLIENT)
        node->client_ops -= 1;
    op->origin.kind = ORIGIN_NONE;
    op->replied = true;
}

static void get_reply(struct node *node, struct op *op)
{
    struct reply *reply = reply_new(node, METHOD_GET);
    struct object merged;

    reply->unanimous = answers_merge(node, op, &merged);
    object_to_arena(node, &merged);
    reply->replies = quorum_count(&op->quorum);
    reply->r = op->quorum.needed;
    trace(op, "quorum met: %" PRIu32 " of %u answered, %" PRIu32 " version(s) after the merge",
          reply->replies, op->quorum.needed, merged.count);
    if (!reply->unanimous)
        answers_repair(node, op, &merged);
    if (op->internal) {
        bucket_fetched(node, op, 0, &merged);
    } else {
        reply_versions(node, reply, &merged, op->properties.conflict);
        trace_winner(op, reply, &merged);
        reply->token = context_token(node, op->key.bucket, op->key.key, &merged.rest);
        reply_explain(node, op, reply);
        histogram_add(&node->get_us, node->now_us - op->started_us);
        reply_outcome(node, op, reply);
    }
    linger_or_end(node, op, &merged);
}

static void get_fail(struct node *node, struct op *op, int err)
{
    if (op->internal)
        bucket_fetched(node, op, err, NULL);
    else
        reply_failure(node, op, err, reply_shortfall(node, op, err));
    op_end(node, op);
}

// An answer that came after the reply: repair whoever it shows behind.
static void get_late(struct node *node, struct op *op)
{
    struct reader reader = reader_of(arena_copy(&node->arena, buffer_slice(&op->merged)));
    struct object merged;

    check(object_decode(&reader, &node->arena, &merged) == 0);
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        struct object late;

        if (op->answers[rank].state != ANSWER_OK)
            continue;
        answer_decode(node, &op->answers[rank], &late);
        object_to_arena(node, &late);
        answer_merge_into(node, &merged, &late);
    }
    answers_repair(node, op, &merged);
    linger_or_end(node, op, &merged);
}

// ---- asking -------------------------------------------------------------------------------------

static void answer_ok(struct node *node, struct op *op, uint32_t rank)
{
    op->answers[rank].state = ANSWER_OK;
    op->answers[rank].answered_us = node->now_us;
    quorum_add(&op->quorum, rank);
    trace(op, "%s answered after %" PRIu64 " us", node_name_of(node, op->answers[rank].node),
          node->now_us - op->started_us);
}

static void ask_self(struct node *node, struct op *op, uint32_t rank)
{
    struct store_view view;
    bool guest = answer_is_guest(op, rank);
    int err = guest || replica_born(node, op->key.shard) ? 0 : ERR_NOT_SERVING;

    op->answers[rank].asked_us = node->now_us;
    if (!err)
        err = store_read(node->store, &op->key, &node->arena, &view);
    if (err == ERR_DAMAGED)
        rebuild_start(node, &op->key);
    if (err) {
        trace(op, "own replica: %s", err_code(err));
        answer_fail(op, rank, err);
        return;
    }
    op->answers[rank].object.size = 0;
    replica_encode(node, &op->key, &view, &op->answers[rank].object);
    op_account(node, op, op->answers[rank].object.size);
    if (wait_durable(node, view.position) || planted("read-undurable")) {
        answer_ok(node, op, rank);
    } else {
        trace(op, "own replica: waits for the log");
        op->answers[rank].state = ANSWER_WAITING;
        wait_new(node, WAIT_OP, view.position)->op = op->id;
    }
}

static void ask(struct node *node, struct op *op, uint32_t rank)
{
    struct answer *answer = &op->answers[rank];
    struct message message = {
        .kind = MESSAGE_READ, .op = op->id, .guest = answer_is_guest(op, rank)};

    if (answer->node == node->settings.self.id) {
        ask_self(node, op, rank);
        return;
    }
    message.bucket = arena_copy(&node->arena, op->key.bucket);
    message.key = arena_copy(&node->arena, op->key.key);
    answer->state = ANSWER_WAITING;
    answer->asked_us = node->now_us;
    trace(op, "asks %s", node_name_of(node, answer->node));
    node_send(node, answer->node, &message);
}

// The next replica to ask: our own first, then by rank. -1: none is left.
static int next_unasked(const struct node *node, const struct op *op)
{
    int own = op_rank(op, node->settings.self.id);

    if (own >= 0 && op->answers[own].state == ANSWER_UNASKED)
        return own;
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        if (op->answers[rank].state == ANSWER_UNASKED)
            return (int)rank;
    }
    return -1;
}

static uint32_t answers_expected(const struct op *op)
{
    uint32_t count = 0;

    for (uint32_t rank = 0; rank < op->answer_count; rank++)
        count += op->answers[rank].state == ANSWER_WAITING || op->answers[rank].state == ANSWER_OK;
    return count;
}

// Owners first; others only when no owner is left that has not failed.
static void ask_enough(struct node *node, struct op *op)
{
    uint32_t wanted =
        op->quorum.needed > op->quorum.needed_owners ? op->quorum.needed : op->quorum.needed_owners;
    int rank;

    while (answers_expected(op) < wanted) {
        rank = next_unasked(node, op);
        if (rank < 0)
            rank = guest_take(node, op);
        if (rank < 0)
            break;
        ask(node, op, (uint32_t)rank);
    }
}

void get_settle(struct node *node, struct op *op)
{
    if (op->replied) {
        get_late(node, op);
        return;
    }
    if (op_verdict(node, op) == QUORUM_WAIT)
        ask_enough(node, op);
    switch (op_verdict(node, op)) {
    case QUORUM_MET:
        get_reply(node, op);
        break;
    case QUORUM_IMPOSSIBLE:
        get_fail(node, op, ERR_UNAVAILABLE);
        break;
    case QUORUM_WAIT:
        break;
    }
}

void get_answered(struct node *node, struct op *op, uint64_t from, const struct message *message)
{
    int found = op_rank(op, from);
    uint32_t rank = found < 0 ? 0 : (uint32_t)found;
    struct answer *answer = &op->answers[rank];

    if (found < 0 || answer->state == ANSWER_OK || answer->state == ANSWER_UNASKED)
        return;
    if (message->err) {
        trace(op, "%s: %s", node_name_of(node, from), err_code(message->err));
        answer_fail(op, rank, message->err);
    } else {
        answer_keep(node, op, rank, message->encoded);
        answer_ok(node, op, rank);
        histogram_add(&node->peer_read_us, node->now_us - answer->asked_us);
        if (node->peer_read_us.count >= HEDGE_FADE_AT)
            histogram_fade(&node->peer_read_us);
    }
    get_settle(node, op);
}

void get_local_durable(struct node *node, struct op *op)
{
    int rank = op_rank(op, node->settings.self.id);

    if (rank < 0 || op->answers[rank].state != ANSWER_WAITING)
        return;
    answer_ok(node, op, (uint32_t)rank);
    get_settle(node, op);
}

// Others stand in for owners that are merely slow only after a good part of the request's time, and
// only for those that say nothing at all: a read that counted an empty guest for an owner that is
// about to answer would miss writes without need.
static void hedge_by_guests(struct node *node, struct op *op)
{
    uint64_t patience_us = (op->deadline.item.key - op->started_us) / PATIENCE_PART;
    uint64_t due_us = op->started_us + patience_us;
    uint32_t count = op->answer_count;
    int guest;

    if (!op->sloppy)
        return;
    if (node->now_us < due_us) {
        op_timer_start(node, op, &op->hedge, due_us);
        return;
    }
    op_timer_start(node, op, &op->hedge, node->now_us + patience_us);
    for (uint32_t rank = 0; rank < count; rank++) {
        struct answer *answer = &op->answers[rank];

        if (answer->state != ANSWER_WAITING || answer->replaced ||
            !peer_is_silent(node, answer->node, patience_us / 2))
            continue;
        guest = guest_take(node, op);
        if (guest < 0)
            break;
        answer->replaced = true;
        trace(op, "%s is silent: %s stands in", node_name_of(node, answer->node),
              node_name_of(node, op->answers[guest].node));
        ask(node, op, (uint32_t)guest);
    }
    get_settle(node, op);
}

// Pays for a question that should not be needed; false when that must wait.
static bool hedge_is_paid(struct node *node, const struct op *op)
{
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        if (op->answers[rank].state == ANSWER_WAITING &&
            op->answers[rank].node != node->settings.self.id &&
            peer_is_silent(node, op->answers[rank].node, SILENT_US))
            return true;
    }
    if (node->get_hedge_credit < HEDGE_COST)
        return false;
    node->get_hedge_credit -= HEDGE_COST;
    return true;
}

void get_hedge(struct node *node, struct op *op)
{
    int rank = next_unasked(node, op);

    if (op->replied)
        return;
    if (rank < 0) {
        hedge_by_guests(node, op);
        return;
    }
    if (!hedge_is_paid(node, op)) {
        op_timer_start(node, op, &op->hedge, node->now_us + node->hedge_us);
        return;
    }
    if (op->sloppy)
        op_timer_start(node, op, &op->hedge, node->now_us + node->hedge_us);
    node->counts.hedges += 1;
    op->answers[rank].hedge = true;
    trace(op, "hedge: no quorum after %" PRIu64 " us", node->now_us - op->started_us);
    ask(node, op, (uint32_t)rank);
    get_settle(node, op);
}

// The 95th percentile of what peers took lately. Walks the histogram: called now and then, not for
// each read.
uint64_t get_hedge_delay_us(const struct node *node)
{
    uint64_t measured = HEDGE_US_DEFAULT;

    if (node->peer_read_us.count >= HEDGE_SAMPLES_MIN)
        measured = histogram_quantile(&node->peer_read_us, 9500);
    return measured > node->settings.hedge_us_min ? measured : node->settings.hedge_us_min;
}

// ---- starting -----------------------------------------------------------------------------------

// Whoever cannot be reached has failed before being asked.
static void fail_unreachable(struct node *node, struct op *op)
{
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        if (!node_reachable(node, op->answers[rank].node))
            answer_fail(op, rank, ERR_CLOSED);
    }
}

static void get_begin(struct node *node, struct op *op, uint32_t r, uint32_t pr)
{
    uint32_t replicas = node->topology->replicas;

    op_set_owners(node, op);
    quorum_init(&op->quorum, replicas, UINT32_MAX, r, pr);
    fail_unreachable(node, op);
    trace(op, "get of shard %" PRIu32 ": r %" PRIu32 ", pr %" PRIu32 " of %" PRIu32 " replicas",
          op->key.shard, r, pr, replicas);
    if (op_verdict(node, op) == QUORUM_WAIT) {
        op_timer_start(node, op, &op->hedge, node->now_us + node->hedge_us);
        if (node->get_hedge_credit < HEDGE_BURST * HEDGE_COST)
            node->get_hedge_credit += HEDGE_EARN;
    }
    get_settle(node, op);
}

// r = 1 with our own replica at hand and durable: no operation is needed.
static bool get_at_once(struct node *node, const struct origin *origin, const struct key *key,
                        const struct bucket_properties *properties)
{
    struct reply *reply;
    struct store_view view;
    struct object merged;

    if (!node_serves(node, key->shard))
        return false;
    if (store_read(node->store, key, &node->arena, &view) || !wait_durable(node, view.position))
        return false;
    merged = view.object;
    merged.rest = clock_in(&node->arena);
    clock_copy(&merged.rest, store_clock(node->store, key->shard));
    clock_join(&merged.rest, &view.object.rest);
    reply = reply_new(node, METHOD_GET);
    reply->unanimous = true;
    reply->replies = 1;
    reply->r = 1;
    reply_versions(node, reply, &merged, properties->conflict);
    reply->token = context_token(node, key->bucket, key->key, &merged.rest);
    histogram_add(&node->get_us, 0);
    reply_send(node, origin, reply);
    return true;
}

void get_start(struct node *node, const struct origin *origin, const struct request *request,
               const struct key *key, const struct bucket_properties *properties)
{
    uint32_t replicas = node->topology->replicas;
    int r = level_resolve(level_pick(request->r, properties->r, LEVEL_QUORUM), replicas);
    int pr = level_resolve(level_pick(request->pr, properties->pr, 0), replicas);
    struct op *op;

    if (r < 1 || pr < 0) {
        reply_error(node, origin, METHOD_GET, ERR_INVALID,
                    arena_text(&node->arena,
                               "r must be 1..%" PRIu32 " and pr 0..%" PRIu32
                               " here (the cluster keeps %" PRIu32 " replicas)",
                               replicas, replicas, replicas));
        return;
    }
    if (r == 1 && pr <= 1 && !request->explain && get_at_once(node, origin, key, properties))
        return;
    op = op_new(node, OP_GET, origin, request->timeout_ms);
    op->request = (struct request){.method = METHOD_GET, .explain = request->explain};
    op->properties = *properties;
    op->sloppy = guests_allowed(node, request->strict || properties->strict);
    op_keep_key(node, op, key);
    get_begin(node, op, (uint32_t)r, (uint32_t)pr);
}

// Reads the system's own key `op->key`; ends in bucket_fetched. A quorum, or as many as there are,
// of owners: nobody stands in.
void get_start_internal(struct node *node, struct op *op)
{
    const uint16_t *owners = topology_owners(node->topology, op->key.shard);
    uint32_t quorum = node->topology->replicas / 2 + 1;
    uint32_t reachable = 0;

    for (uint32_t rank = 0; rank < node->topology->replicas; rank++)
        reachable += node_reachable(node, node->topology->members[owners[rank]].id);
    if (reachable > 0 && reachable < quorum)
        quorum = reachable;
    op->internal = true;
    op->request.method = METHOD_GET;
    get_begin(node, op, quorum, 0);
}
