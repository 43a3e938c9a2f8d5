// SPDX-License-Identifier: Apache-2.0
// Where requests enter: refused at once, answered at once, coordinated here, forwarded once to an
// owner, or parked until something that they need has been fetched. Where no owner serves, the node
// that was asked coordinates as a guest, unless that is forbidden (strict).
#include "node/core/machine.h"

#include <inttypes.h>

enum {
    FORWARD_SILENT_US = 500000,
    ROOM_LOOK_US = 20000,      // how often a write that waits for room looks for it
    ROOM_LOOK_US_MAX = 100000, // as it grows older
    ROOM_LOOK_SHARE = 8,       // of its age
    ROOM_SHARE = 2,            // it waits for one part in so many of its time
    ROOM_WAITS_SHARE = 4 // of all that may be in flight, and of their memory, so much may wait
};

static void request_dispatch(struct node *node, const struct origin *origin,
                             const struct request *request);
static void coordinate(struct node *node, const struct origin *origin,
                       const struct request *request, const struct key *key);

static bool method_writes(enum method method)
{
    return method == METHOD_PUT || method == METHOD_DELETE || method == METHOD_BUCKET_SET;
}

static uint64_t op_left_us(const struct node *node, const struct op *op)
{
    uint64_t due_us = op->deadline.item.key;

    return due_us > node->now_us ? due_us - node->now_us : 0;
}

// ---- parking ------------------------------------------------------------------------------------

void park_request(struct node *node, const struct origin *origin, const struct request *request,
                  uint64_t waits_for)
{
    struct op *op;

    if (!waits_for) {
        reply_error(node, origin, request->method, ERR_DAMAGED,
                    "the record of this key is damaged here and cannot be rebuilt now: no other "
                    "owner can be reached, or too many are being rebuilt; nothing was done, retry");
        return;
    }
    op = op_new(node, OP_PARKED, origin, request->timeout_ms);
    op_keep_request(node, op, request);
    op->waits_for = waits_for;
}

// The kept request, with the time that it has left. Its bytes move to the step's arena, since
// actions will point into them when the operation is long gone.
static struct request request_take(struct node *node, const struct op *op)
{
    struct request request = op->request;
    uint64_t left_us = op_left_us(node, op);

    request.bucket = arena_copy(&node->arena, request.bucket);
    request.key = arena_copy(&node->arena, request.key);
    request.value = arena_copy(&node->arena, request.value);
    request.token = arena_copy(&node->arena, request.token);
    request.timeout_ms = left_us < 1000 ? 1 : (uint32_t)(left_us / 1000);
    return request;
}

static void parked_restart(struct node *node, struct op *op)
{
    struct request request = request_take(node, op);
    struct origin origin = op->origin;

    op_end(node, op);
    request_dispatch(node, &origin, &request);
}

static bool other_owner_reachable(const struct node *node, uint32_t shard)
{
    const uint16_t *owners = topology_owners(node->topology, shard);
    bool any = false;

    for (uint32_t rank = 0; rank < node->topology->replicas; rank++)
        any |= (int)owners[rank] != node->self &&
               node_reachable(node, node->topology->members[owners[rank]].id);
    return any;
}

// The record is damaged here, and nobody can tell yet what it held: another owner coordinates. A
// request that somebody forwarded goes back to him, and he does the same.
static bool parked_elsewhere(struct node *node, struct op *op)
{
    struct request request = request_take(node, op);
    struct origin origin = op->origin;
    struct key key;

    if (origin.kind != ORIGIN_CLIENT || request.method == METHOD_BUCKET_SET ||
        key_make(node->topology->seed, node->topology->shards, request.bucket, request.key, &key) ||
        !other_owner_reachable(node, key.shard))
        return false;
    op_end(node, op);
    forward_start(node, &origin, &request, &key);
    return true;
}

// The ids of those that wait for this operation, in the order in which they came; in the arena.
static uint64_t *parked_ids(struct node *node, uint64_t ended, size_t *out_count)
{
    uint64_t *ids = arena_alloc(&node->arena, node->ops.count * sizeof *ids);
    size_t count = 0;
    size_t at = 0;
    struct op *op;

    while ((op = table_next(&node->ops, &at))) {
        if (op->kind == OP_PARKED && op->waits_for == ended)
            ids[count++] = op->id;
    }
    ids_sort(ids, count);
    *out_count = count;
    return ids;
}

void parked_wake(struct node *node, uint64_t ended, int err, const char *text)
{
    size_t count;
    uint64_t *ids = parked_ids(node, ended, &count);

    for (size_t i = 0; i < count; i++) {
        struct op *op = op_find(node, ids[i]);

        if (!op)
            continue;
        if (!err) {
            parked_restart(node, op);
            continue;
        }
        if (err == ERR_DAMAGED && parked_elsewhere(node, op))
            continue;
        reply_error(node, &op->origin, op->request.method, err, text);
        op_end(node, op);
    }
}

static void room_refuse(struct node *node, struct op *op)
{
    reply_error(node, &op->origin, op->request.method, ERR_OVERLOADED,
                arena_text(&node->arena,
                           "%s: %s is written to faster than its disk follows (waited %" PRIu64
                           " ms): nothing was written; slow down and retry",
                           method_title(op->request.method), node->settings.self.name,
                           (node->now_us - op->started_us) / 1000));
    op_end(node, op);
}

static bool room_patience(const struct node *node, const struct op *op)
{
    uint64_t time_us = op->deadline.item.key - op->started_us;

    return op->origin.kind != ORIGIN_NONE && // somebody still waits
           node->now_us - op->started_us < time_us / ROOM_SHARE &&
           node->room_waits <= node->settings.operations_max / ROOM_WAITS_SHARE &&
           node->memory <= node->settings.memory_max / ROOM_WAITS_SHARE;
}

static void room_look_later(struct node *node, struct op *op)
{
    uint64_t pause_us = (node->now_us - op->started_us) / ROOM_LOOK_SHARE;

    if (pause_us < ROOM_LOOK_US)
        pause_us = ROOM_LOOK_US;
    if (pause_us > ROOM_LOOK_US_MAX)
        pause_us = ROOM_LOOK_US_MAX;
    op_timer_start(node, op, &op->hedge, node->now_us + pause_us);
}

void park_for_room(struct node *node, const struct origin *origin, const struct request *request)
{
    struct op *op = op_new(node, OP_PARKED, origin, request->timeout_ms);

    op_keep_request(node, op, request);
    op->waits_for_room = true;
    node->room_waits += 1;
    if (room_patience(node, op))
        room_look_later(node, op);
    else
        room_refuse(node, op);
}

void parked_look(struct node *node, struct op *op)
{
    if (store_refusal(node->store) != ERR_OVERLOADED && op->origin.kind != ORIGIN_NONE)
        parked_restart(node, op);
    else if (room_patience(node, op))
        room_look_later(node, op);
    else
        room_refuse(node, op);
}

// ---- forwarding ---------------------------------------------------------------------------------

// The coordinator must give up before we do: it knows the counts.
static uint32_t forward_timeout_ms(const struct node *node, const struct op *op)
{
    uint64_t left_ms = op_left_us(node, op) / 1000;
    uint64_t spare_ms = left_ms / 8 < 100 ? left_ms / 8 : 100;

    return left_ms - spare_ms < 1 ? 1 : (uint32_t)(left_ms - spare_ms);
}

static void refuse_unreachable(struct node *node, const struct origin *origin,
                               const struct request *request, uint32_t shard)
{
    const char *strict = request->strict ? " and --strict lets nobody stand in" : "";

    reply_error(node, origin, request->method, ERR_UNAVAILABLE,
                arena_text(&node->arena,
                           "%s: none of the %" PRIu32 " owners of shard %" PRIu32
                           " is reachable from %s%s: nothing was done; try another node",
                           method_title(request->method), node->topology->replicas, shard,
                           node->settings.self.name, strict));
}

// The next owner that has not been tried; one that said something lately before one that is silent:
// on a line that has just been cut a request is lost for its whole time. NULL: there is none.
static struct answer *forward_choose(const struct node *node, struct op *op)
{
    struct answer *silent = NULL;

    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        struct answer *answer = &op->answers[rank];

        if (answer->state != ANSWER_UNASKED || answer->node == node->settings.self.id ||
            !node_reachable(node, answer->node))
            continue;
        if (!peer_is_silent(node, answer->node, FORWARD_SILENT_US))
            return answer;
        if (!silent)
            silent = answer;
    }
    return silent;
}

// Sends the kept request to an owner that has not been tried; false when there is none.
static bool forward_next(struct node *node, struct op *op)
{
    struct message message = {.kind = MESSAGE_FORWARD, .op = op->id};
    struct answer *answer = forward_choose(node, op);
    struct request *request;

    if (!answer)
        return false;
    answer->state = ANSWER_WAITING;
    answer->asked_us = node->now_us;
    request = arena_alloc(&node->arena, sizeof *request);
    *request = op->request; // its slices stay where the operation keeps them
    request->timeout_ms = forward_timeout_ms(node, op);
    message.request = request;
    node_send(node, answer->node, &message);
    return true;
}

static struct answer *forward_waiting(struct op *op, uint64_t from)
{
    int rank = op_rank(op, from);

    if (rank < 0 || op->answers[rank].state != ANSWER_WAITING)
        return NULL;
    return &op->answers[rank];
}

static bool guest_may_coordinate(const struct node *node, const struct request *request)
{
    bool data = request->method == METHOD_GET || request->method == METHOD_PUT ||
                request->method == METHOD_DELETE;

    return data && guests_allowed(node, request->strict);
}

// No owner serves, as far as we can see: we coordinate ourselves, or refuse. Ends the operation.
static void forward_nobody(struct node *node, struct op *op)
{
    struct origin origin = op->origin;
    struct request request = request_take(node, op);
    struct key key = op->key;

    key.bucket = request.bucket;
    key.key = request.key;
    op_end(node, op);
    if (guest_may_coordinate(node, &request))
        coordinate(node, &origin, &request, &key);
    else
        refuse_unreachable(node, &origin, &request, key.shard);
}

void forward_start(struct node *node, const struct origin *origin, const struct request *request,
                   const struct key *key)
{
    struct op *op = op_new(node, OP_FORWARD, origin, request->timeout_ms);

    if (guest_may_coordinate(node, request))
        bucket_remember(node, request->bucket);
    op_keep_request(node, op, request);
    op->key = *key;
    op->key.bucket = op->request.bucket;
    op->key.key = op->request.key;
    op_set_owners(node, op);
    if (forward_next(node, op))
        return;
    forward_nobody(node, op);
}

// Slices of the reply belong to the event: they are good until the step ends, like all actions.
void forward_answered(struct node *node, struct op *op, uint64_t from,
                      const struct message *message)
{
    struct answer *answer = forward_waiting(op, from);
    struct reply *reply;

    if (!message->reply || !answer)
        return;
    answer->state = ANSWER_FAILED;
    if ((message->reply->err == ERR_NOT_SERVING || message->reply->err == ERR_DAMAGED) &&
        forward_next(node, op)) // nothing was done
        return;
    if (message->reply->err == ERR_NOT_SERVING && guest_may_coordinate(node, &op->request)) {
        forward_nobody(node, op);
        return;
    }
    reply = reply_new(node, op->request.method);
    *reply = *message->reply;
    reply->method = op->request.method;
    reply_outcome(node, op, reply);
    op_end(node, op);
}

void forward_peer_gone(struct node *node, uint64_t from, struct op *op)
{
    struct answer *answer = forward_waiting(op, from);
    bool harmless = !method_writes(op->request.method);

    if (!answer)
        return;
    answer->state = ANSWER_FAILED;
    if (harmless && forward_next(node, op))
        return;
    if (harmless && guest_may_coordinate(node, &op->request)) {
        forward_nobody(node, op);
        return;
    }
    reply_error(node, &op->origin, op->request.method, ERR_CLOSED,
                arena_text(&node->arena, "%s: %s went away while it coordinated: %s",
                           method_title(op->request.method), node_name_of(node, from),
                           harmless ? "retry"
                                    : "it may have taken effect; retry with the same "
                                      "token"));
    op_end(node, op);
}

// ---- timeouts -----------------------------------------------------------------------------------

static const char *timed_out_text(struct node *node, const struct op *op, const char *advice)
{
    return arena_text(&node->arena, "%s: no answer in %" PRIu64 " ms: %s",
                      method_title(op->request.method), (node->now_us - op->started_us) / 1000,
                      advice);
}

void op_timed_out(struct node *node, struct op *op)
{
    switch (op->kind) {
    case OP_GET:
        if (op->internal && !op->replied)
            bucket_fetched(node, op, ERR_TIMEOUT, NULL);
        else if (!op->replied)
            reply_failure(node, op, ERR_TIMEOUT, reply_shortfall(node, op, ERR_TIMEOUT));
        break;
    case OP_PUT:
        reply_failure(node, op, ERR_TIMEOUT, reply_shortfall(node, op, ERR_TIMEOUT));
        break;
    case OP_FORWARD:
        reply_error(node, &op->origin, op->request.method, ERR_TIMEOUT,
                    timed_out_text(node, op,
                                   method_writes(op->request.method)
                                       ? "it may still take effect; retry with the same "
                                         "token"
                                       : "retry"));
        break;
    case OP_PARKED:
    case OP_SCAN:
        reply_error(node, &op->origin, op->request.method, ERR_UNAVAILABLE,
                    timed_out_text(node, op, "nothing was done; retry"));
        break;
    case OP_REBUILD:
        rebuild_failed(node, op);
        return;
    case OP_INIT:
        cluster_timed_out(node, op);
        return;
    }
    op_end(node, op);
}

// ---- entering -----------------------------------------------------------------------------------

// 0, or why a request is not let in: bounds that hold for all that may last.
static int admission_refusal(struct node *node, const struct origin *origin,
                             const struct request *request, const char **out_text)
{
    uint32_t operations_max = node->settings.operations_max;

    if (node->draining && origin->kind == ORIGIN_CLIENT) {
        *out_text = "this node is shutting down: use another one";
        return ERR_SHUTDOWN;
    }
    if (node->client_ops >= operations_max ||
        node->ops.count >= (size_t)operations_max * OPS_PER_REQUEST ||
        node->memory >= node->settings.memory_max) {
        *out_text = arena_text(&node->arena,
                               "%" PRIu32 " requests and %zu bytes are in flight here: nothing was "
                               "done; slow down and retry",
                               node->client_ops, node->memory);
        return ERR_OVERLOADED;
    }
    if (!pace_allows(&node->pace, node->client_ops, request->timeout_ms)) {
        *out_text = "more requests are in flight here than are answered in time: nothing was done; "
                    "slow down and retry"; // nothing to format: this must cost little
        return ERR_OVERLOADED;
    }
    return 0;
}

// 0, or why a request for data is refused before its key is looked at.
static int data_refusal(struct node *node, const struct request *request, const char **out_text)
{
    if (!node->topology) {
        *out_text = "this node belongs to no cluster yet: run quorate cluster init";
        return ERR_NO_CLUSTER;
    }
    if (request->value.size > node->settings.value_size_max) {
        *out_text = arena_text(&node->arena, "a value of %zu bytes is over the limit of %zu bytes",
                               request->value.size, node->settings.value_size_max);
        return ERR_TOO_LARGE;
    }
    if (request->bucket.size && request->bucket.data[0] == BUCKET_SYSTEM_PREFIX) {
        *out_text = "buckets whose name begins with '$' belong to the system";
        return ERR_INVALID;
    }
    return 0;
}

static const char *key_refusal(struct node *node, const struct request *request)
{
    if (request->bucket.size == 0 || request->bucket.size > BUCKET_SIZE_MAX)
        return arena_text(&node->arena, "a bucket name has 1..%d bytes, this one %zu",
                          BUCKET_SIZE_MAX, request->bucket.size);
    return arena_text(&node->arena, "a key has 1..%d bytes, this one %zu", KEY_SIZE_MAX,
                      request->key.size);
}

static void coordinate(struct node *node, const struct origin *origin,
                       const struct request *request, const struct key *key)
{
    struct bucket_properties properties;
    uint64_t waits_for = 0;
    int err = bucket_lookup(node, request->bucket, &properties, &waits_for);

    if (err == ERR_AGAIN)
        park_request(node, origin, request, waits_for);
    else if (err)
        reply_error(node, origin, request->method, err,
                    "the properties of the bucket cannot be read: try again");
    else if (!node_serves(node, key->shard) &&
             !guests_allowed(node, request->strict || properties.strict))
        refuse_unreachable(node, origin, request, key->shard);
    else if (request->method == METHOD_GET)
        get_start(node, origin, request, key, &properties);
    else
        put_start(node, origin, request, key, &properties);
}

static void data_request(struct node *node, const struct origin *origin,
                         const struct request *request)
{
    const char *text = NULL;
    struct key key;
    int err = data_refusal(node, request, &text);

    if (!err) {
        err = key_make(node->topology->seed, node->topology->shards, request->bucket, request->key,
                       &key);
        text = err ? key_refusal(node, request) : NULL;
    }
    if (err)
        reply_error(node, origin, request->method, err, text);
    else if (node_serves(node, key.shard))
        coordinate(node, origin, request, &key);
    else if (origin->kind == ORIGIN_PEER)
        reply_error(node, origin, request->method, ERR_NOT_SERVING,
                    "the owner asked holds no complete copy of the shard: try another node");
    else
        forward_start(node, origin, request, &key);
}

static void request_dispatch(struct node *node, const struct origin *origin,
                             const struct request *request)
{
    switch (request->method) {
    case METHOD_GET:
    case METHOD_PUT:
    case METHOD_DELETE:
        data_request(node, origin, request);
        break;
    case METHOD_SCAN:
        scan_request(node, origin, request);
        break;
    case METHOD_BUCKET_SET:
    case METHOD_BUCKET_SHOW:
        bucket_request(node, origin, request);
        break;
    case METHOD_CLUSTER_INIT:
        cluster_init_request(node, origin, request);
        break;
    case METHOD_TOPOLOGY:
        topology_request(node, origin);
        break;
    case METHOD_REPLICAS:
        replicas_request(node, origin, request);
        break;
    case METHOD_HELD:
        held_request(node, origin, request);
        break;
    case METHOD_COMPACT:
        compact_request(node, origin, request);
        break;
    case METHOD_PING:
    case METHOD_STATUS:
        status_request(node, origin, request);
        break;
    case METHOD_COUNT:
        reply_error(node, origin, request->method, ERR_METHOD, "no such method");
        break;
    }
}

void request_step(struct node *node, const struct origin *origin, const struct request *request)
{
    struct request checked = *request;
    bool about_us = checked.method == METHOD_PING || checked.method == METHOD_STATUS ||
                    checked.method == METHOD_TOPOLOGY || checked.method == METHOD_COMPACT;
    const char *text = NULL;
    int err = 0;

    if (checked.timeout_ms == 0)
        checked.timeout_ms = TIMEOUT_MS_DEFAULT;
    if (checked.timeout_ms > TIMEOUT_MS_MAX)
        checked.timeout_ms = TIMEOUT_MS_MAX;
    if (!about_us)
        err = admission_refusal(node, origin, &checked, &text);
    node->counts.requests += 1;
    if (err)
        reply_error(node, origin, checked.method, err, text);
    else
        request_dispatch(node, origin, &checked);
}
