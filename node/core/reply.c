// SPDX-License-Identifier: Apache-2.0
// Replies: to a client by its ticket or to the peer that forwarded the request, and the sentences
// of failures: what failed: counts: what to do.
#include "node/core/machine.h"

#include "base/text.h"

#include <inttypes.h>

struct reply *reply_new(struct node *node, enum method method)
{
    struct reply *reply = arena_new(&node->arena, sizeof *reply);

    reply->method = method;
    return reply;
}

void reply_outcome(struct node *node, const struct op *op, const struct reply *reply)
{
    if (op->origin.kind == ORIGIN_CLIENT && op->started_us != node->now_us)
        pace_answered(&node->pace, node->now_us - op->started_us);
    reply_send(node, &op->origin, reply);
}

void reply_send(struct node *node, const struct origin *origin, const struct reply *reply)
{
    struct message message = {.kind = MESSAGE_FORWARDED, .op = origin->id, .reply = reply};
    struct action *action;

    if (reply->err)
        node->counts.refused += 1;
    if (origin->kind == ORIGIN_CLIENT) {
        action = node_act(node, ACTION_REPLY);
        action->ticket = origin->id;
        action->reply = reply;
    } else if (origin->kind == ORIGIN_PEER) {
        node_send(node, origin->peer, &message);
    }
}

void reply_error(struct node *node, const struct origin *origin, enum method method, int err,
                 const char *text)
{
    struct reply *reply = reply_new(node, method);

    reply->err = err;
    reply->text = slice_of_text(text);
    reply_send(node, origin, reply);
}

enum { SLOW_US = 100000 }; // before that an answer is not late

static const char *answer_word(const struct node *node, const struct answer *answer)
{
    enum member_state state = node_state_of(node, answer->node);

    if (answer->state == ANSWER_FAILED && answer->err != ERR_CLOSED)
        return err_code(answer->err);
    if (state == MEMBER_DEAD || state == MEMBER_LEFT)
        return "dead";
    if (answer->state == ANSWER_WAITING && answer->err)
        return err_code(answer->err);
    if (answer->state == ANSWER_FAILED)
        return answer->asked_us ? "went away" : "not connected";
    return node->now_us - answer->asked_us < SLOW_US ? "no answer yet" : "slow";
}

// " (n2 dead, n3 slow, guest n4 went away)"; empty when all answered.
static void add_missing(const struct node *node, const struct op *op, struct buffer *out)
{
    const char *before = " (";

    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        const struct answer *answer = &op->answers[rank];

        if (answer->state == ANSWER_OK || answer->state == ANSWER_UNASKED)
            continue;
        buffer_add_format(out, "%s%s%s %s", before, answer_is_guest(op, rank) ? "guest " : "",
                          node_name_of(node, answer->node), answer_word(node, answer));
        before = ", ";
    }
    if (before[0] == ',')
        buffer_add_u8(out, ')');
}

// One of the two things that a quorum asks for: so many answers, or so many of owners.
struct count {
    uint32_t had; // answers, or replicas that could have answered
    uint32_t wanted;
};

static uint32_t possible_count(const struct op *op, uint32_t ranks)
{
    uint32_t count = 0;

    for (uint32_t rank = 0; rank < ranks; rank++)
        count += op->answers[rank].state != ANSWER_FAILED;
    return count;
}

static struct count count_of_all(const struct op *op, int err)
{
    uint32_t possible = possible_count(op, op->answer_count) + op->quorum.spare;

    return (struct count){err == ERR_UNAVAILABLE ? possible : quorum_count(&op->quorum),
                          op->quorum.needed};
}

static struct count count_of_owners(const struct op *op, int err)
{
    uint32_t possible = possible_count(op, op->owner_count);

    return (struct count){err == ERR_UNAVAILABLE ? possible : quorum_owner_count(&op->quorum),
                          op->quorum.needed_owners};
}

// Whether pr or pw is what could not be met, rather than r or w.
static bool owners_bind(const struct op *op, int err)
{
    struct count all = count_of_all(op, err);
    struct count owners = count_of_owners(op, err);

    return owners.had < owners.wanted && (all.had >= all.wanted || owners.wanted >= all.wanted);
}

// "or use --r 1": the knob that binds, if a smaller number would have done.
static void add_knob(const struct op *op, bool owners, const struct count *count,
                     struct buffer *out)
{
    bool read = op->request.method == METHOD_GET;

    if (count->had > 0 && count->had < count->wanted)
        buffer_add_format(out, ", or use --%s%c %" PRIu32, owners ? "p" : "", read ? 'r' : 'w',
                          count->had);
}

static void add_unavailable(const struct node *node, const struct op *op, bool owners,
                            struct buffer *out)
{
    bool read = op->request.method == METHOD_GET;
    bool strict = guests_allowed(node, op->sloppy) && op->request.method != METHOD_BUCKET_SET &&
                  !op->properties.strict;

    add_missing(node, op, out);
    buffer_add_format(out, ": nothing was %s; try again when they are back",
                      read ? "read" : "written");
    if (strict && !owners)
        buffer_add_format(out, ", or let others stand in (not --strict)");
}

const char *reply_shortfall(struct node *node, const struct op *op, int err)
{
    bool read = op->request.method == METHOD_GET;
    bool owners = owners_bind(op, err);
    struct count count = owners ? count_of_owners(op, err) : count_of_all(op, err);
    struct buffer text = {0};
    const char *kept;

    buffer_add_format(&text, "%s ", method_title(op->request.method));
    text_add_shown(&text, op->key.key);
    buffer_add_format(&text, ": %" PRIu32 " of %" PRIu32 " ", count.had, count.wanted);
    if (err == ERR_UNAVAILABLE) {
        buffer_add_format(&text, "%s reachable", owners ? "owners" : "replicas");
        add_unavailable(node, op, owners, &text);
    } else {
        buffer_add_format(&text, "%s%s in %" PRIu64 " ms", read ? "answers" : "acknowledgements",
                          owners ? " of owners" : "", (node->now_us - op->started_us) / 1000);
        add_missing(node, op, &text);
        buffer_add_format(&text, read ? ": retry"
                                      : ": it may still take effect; retry with the same token");
    }
    add_knob(op, owners, &count, &text);
    kept = arena_text(&node->arena, "%.*s", (int)text.size, (const char *)text.data);
    buffer_done(&text);
    return kept;
}

static struct slice answer_outcome(const struct answer *answer)
{
    switch (answer->state) {
    case ANSWER_UNASKED:
        return slice_of_text("not asked");
    case ANSWER_WAITING:
        return slice_of_text(answer->err ? err_code(answer->err) : "no answer yet");
    case ANSWER_FAILED:
        return slice_of_text(err_code(answer->err));
    case ANSWER_OK:
        break;
    }
    return slice_of_text(answer->repaired ? "repaired" : answer->hedge ? "hedge" : "ok");
}

static void explain_dots(struct node *node, struct answer *answer, struct explain_replica *out)
{
    struct reader reader = reader_of(buffer_slice(&answer->object));
    struct object object;

    if (!answer->object.size || object_decode(&reader, &node->arena, &object))
        return;
    out->dots = arena_alloc(&node->arena, object.count * sizeof *out->dots);
    out->dot_count = object.count;
    for (uint32_t i = 0; i < object.count; i++)
        out->dots[i] = object.versions[i].dot;
}

static void explain_trace(struct node *node, struct op *op, struct explain *explain)
{
    struct slice kept = arena_copy(&node->arena, buffer_slice(&op->trace));
    uint32_t count = 0;

    for (size_t i = 0; i < kept.size; i++)
        count += kept.data[i] == 0;
    explain->trace = arena_alloc(&node->arena, count * sizeof *explain->trace);
    explain->trace_count = count;
    for (uint32_t i = 0; i < count; i++) {
        explain->trace[i] = slice_of_text((const char *)kept.data);
        kept.data += explain->trace[i].size + 1;
    }
}

void reply_explain(struct node *node, struct op *op, struct reply *reply)
{
    struct explain *explain = &reply->explain;

    if (!op->request.explain)
        return;
    reply->has_explain = true;
    explain->shard = op->key.shard;
    explain->epoch = node->topology->epoch;
    explain->coordinator = slice_of_text(node->settings.self.name);
    explain->replica_count = op->answer_count;
    explain->replicas = arena_new(&node->arena, op->answer_count * sizeof *explain->replicas);
    for (uint32_t rank = 0; rank < op->answer_count; rank++) {
        struct answer *answer = &op->answers[rank];
        struct explain_replica *replica = &explain->replicas[rank];

        replica->node = slice_of_text(node_name_of(node, answer->node));
        replica->role = slice_of_text(answer_is_guest(op, rank) ? "guest" : "owner");
        replica->asked = answer->asked_us != 0;
        replica->repaired = answer->repaired;
        replica->answered_us =
            answer->state == ANSWER_OK ? (int64_t)(answer->answered_us - op->started_us) : -1;
        replica->outcome = answer_outcome(answer);
        explain_dots(node, answer, replica);
    }
    explain_trace(node, op, explain);
}

void reply_failure(struct node *node, struct op *op, int err, const char *text)
{
    struct reply *reply = reply_new(node, op->request.method);

    reply->err = err;
    reply->text = slice_of_text(text);
    if (op->kind == OP_GET) {
        reply->r = op->quorum.needed;
        reply->replies = quorum_count(&op->quorum);
    } else {
        reply->w = op->quorum.needed;
        reply->acks = quorum_count(&op->quorum);
        reply->dot = op->dot;
        reply->token = arena_copy(&node->arena, buffer_slice(&op->token));
    }
    reply_explain(node, op, reply);
    reply_send(node, &op->origin, reply);
}
