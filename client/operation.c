// SPDX-License-Identifier: Apache-2.0
// An operation asks one site at a time:
//
//      asking ──answer──▶ done
//        │  ▲
//        │  └── pausing    the way failed, or the node refused: another site, when the request
//        └──────▲          may be asked again without harm (retry.c), time is left and the
//                          budget allows it; a read is also asked of another site when half of
//                          its time has passed in silence
//
// The node is told how much time is left and answers by then, if only with TIMEOUT and its counts;
// we wait a little longer before we speak for it.
#include "client/operation.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "node/wire/client.h"

#include <inttypes.h>
#include <stdlib.h>

static void operation_try(struct operation *operation);

// ---- the end ------------------------------------------------------------------------------------

static void operation_free(struct operation *operation)
{
    struct quorate_client *client = operation->client;

    link_forget(&operation->question);
    alarm_clear(&client->turn, &operation->alarm);
    TAILQ_REMOVE(&client->operations, operation, entry);
    if (client->refresh == operation)
        client->refresh = NULL;
    client->in_flight--;
    buffer_done(&operation->why);
    free(operation);
}

// Shows the result in `box` and ends. The callback may start others and may close the client.
static void operation_end(struct operation *operation, struct result_box *box)
{
    struct quorate_done done = operation->done;

    box->result.attempts = operation->attempts;
    box->result.elapsed_us = turn_now_us() - operation->started_us;
    if (operation->attempts > 0 || operation->at_address)
        box->result.address = result_text(box, slice_of_text(operation->address));
    operation_free(operation);
    if (done.call)
        done.call(done.data, &box->result);
}

static struct result_box *operation_box(struct operation *operation)
{
    struct result_box *box = operation->box ? operation->box : &operation->client->box;

    result_box_reset(box);
    return box;
}

static void operation_fail_in(struct operation *operation, struct result_box *box)
{
    box->result.err = operation->failure.err;
    box->result.unknown = failure_is_unknown(&operation->failure);
    box->result.message = result_text(box, buffer_slice(&operation->why));
    operation_end(operation, box);
}

static void operation_fail(struct operation *operation)
{
    operation_fail_in(operation, operation_box(operation));
}

// ---- sentences ----------------------------------------------------------------------------------

static void why_begin(struct operation *operation)
{
    struct buffer *why = &operation->why;

    buffer_reset(why, SIZE_MAX);
    buffer_add_format(why, "%s", method_title(operation->request.method));
    if (operation->request.key.size > 0) {
        buffer_add_u8(why, ' ');
        text_add_shown(why, operation->request.key);
    }
    buffer_add_format(why, ": ");
}

// The node's sentence; what failed is put before it where the node left that out.
static void why_said(struct operation *operation, struct slice text)
{
    const char *name = method_title(operation->request.method);
    size_t size = strlen(name);

    why_begin(operation);
    if (text.size > size && memcmp(text.data, name, size) == 0)
        buffer_reset(&operation->why, SIZE_MAX);
    buffer_add_slice(&operation->why, text);
}

static void why_way_failed(struct operation *operation, const struct outcome *outcome)
{
    struct buffer *why = &operation->why;

    why_begin(operation);
    if (outcome->err == ERR_CONNECT)
        buffer_add_format(why, "cannot connect to %s: %s", operation->address, outcome->why);
    else if (outcome->err == ERR_PROTOCOL)
        buffer_add_format(why, "%s: %s", operation->address, outcome->why);
    else
        buffer_add_format(why, "the connection to %s ended: %s", operation->address, outcome->why);
    if (failure_is_unknown(&operation->failure))
        buffer_add_format(why, ": it may still take effect; retry with the same token");
}

static void why_too_late(struct operation *operation)
{
    uint64_t ms = (turn_now_us() - operation->started_us) / 1000;

    why_begin(operation);
    buffer_add_format(&operation->why, "no answer from %s in %" PRIu64 " ms", operation->address,
                      ms);
    if (failure_is_unknown(&operation->failure))
        buffer_add_format(&operation->why, ": it may still take effect; retry with the same token");
    else
        buffer_add_format(&operation->why, ": retry");
}

// ---- trying again -------------------------------------------------------------------------------

static struct wish wish_of(const struct operation *operation)
{
    const struct request *request = &operation->request;
    enum method method = request->method;

    return (struct wish){.address = operation->at_address ? operation->address : NULL,
                         .has_key = method == METHOD_GET || method == METHOD_PUT ||
                                    method == METHOD_DELETE,
                         .bucket = request->bucket,
                         .key = request->key,
                         .has_shard = method == METHOD_SCAN,
                         .shard = request->shard,
                         .tried = operation->tried,
                         .tried_count = operation->attempts};
}

static bool tries_are_used_up(const struct operation *operation)
{
    return operation->attempts == OPERATION_TRIES_MAX ||
           operation->attempts - operation->unreached >= RETRY_ATTEMPTS_MAX;
}

// Prepares the next attempt; false when there shall be none. A site that could not be reached costs
// nobody anything, so the next one is tried at once, and for free; each is tried once.
static bool operation_again(struct operation *operation, bool unreached)
{
    struct quorate_client *client = operation->client;
    struct wish wish = wish_of(operation);
    uint64_t due_ms = turn_now_ms();

    operation->unreached += unreached;
    if (!failure_is_retryable(&operation->failure) || client->options.no_retry)
        return false;
    if (!unreached)
        due_ms += retry_pause_ms(operation->attempts - operation->unreached, &client->rng);
    if (due_ms >= operation->deadline_ms || tries_are_used_up(operation))
        return false;
    if (unreached ? operation->attempts >= client_choices(client, &wish)
                  : !retry_budget_spend(&client->budget))
        return false;
    operation->state = OPERATION_PAUSING;
    alarm_set(&client->turn, &operation->alarm, due_ms);
    return true;
}

static bool suggests_change(const struct failure *failure)
{
    return !failure->answered || failure->err == ERR_NOT_SERVING ||
           failure->err == ERR_UNAVAILABLE || failure->err == ERR_SHUTDOWN ||
           failure->err == ERR_STALE || failure->err == ERR_NO_CLUSTER;
}

// ---- answers ------------------------------------------------------------------------------------

// What a node said earlier tells more than that another could not be reached: it stays the reason.
static void way_failed(struct operation *operation, const struct outcome *outcome)
{
    bool unreached = outcome->err == ERR_CONNECT;

    site_failed(operation->site);
    operation->client->outdated = true;
    if (!unreached || !operation->failure.answered) {
        operation->failure = (struct failure){
            .method = operation->request.method, .err = outcome->err, .sent = outcome->sent};
        why_way_failed(operation, outcome);
    }
    if (!operation_again(operation, unreached))
        operation_fail(operation);
}

static void node_refused(struct operation *operation, const struct reply *reply)
{
    struct quorate_client *client = operation->client;

    operation->failure = (struct failure){.method = operation->request.method,
                                          .err = reply->err,
                                          .answered = true,
                                          .acks = reply->acks};
    why_said(operation, reply->text);
    if (suggests_change(&operation->failure))
        client->outdated = true;
}

// Decodes into the box that the result will be shown from. A blocking call keeps the frame too.
static int answer_decode(struct operation *operation, struct result_box *box, struct slice frame,
                         struct reply *out)
{
    if (operation->box)
        frame = arena_copy(&box->arena, frame);
    return reply_decode(frame, operation->request.method, &box->decoder, out);
}

static void node_answered(struct operation *operation, struct slice frame)
{
    static const struct outcome nonsense = {
        .err = ERR_PROTOCOL, .sent = true, .why = "what it says is not quorate's protocol"};
    struct result_box *box = operation_box(operation);
    struct reply reply;

    if (answer_decode(operation, box, frame, &reply)) {
        way_failed(operation, &nonsense);
        return;
    }
    site_answered(operation->site);
    if (operation->request.method == METHOD_GET)
        patience_learn(&operation->client->patience, turn_now_us() - operation->asked_us);
    if (reply.err) {
        node_refused(operation, &reply);
        if (operation_again(operation, false))
            return;
    }
    result_fill(box, &reply);
    if (reply.err)
        box->result.message = result_text(box, buffer_slice(&operation->why));
    box->result.unknown = reply.err && failure_is_unknown(&operation->failure);
    if (!reply.err && reply.method == METHOD_TOPOLOGY && !operation->at_address)
        client_learn(operation->client, &reply);
    operation_end(operation, box);
}

static void question_answered(struct question *question, const struct outcome *outcome)
{
    struct operation *operation;

    operation = (struct operation *)((char *)question - offsetof(struct operation, question));
    if (outcome->err)
        way_failed(operation, outcome);
    else
        node_answered(operation, outcome->frame);
}

// ---- attempts -----------------------------------------------------------------------------------

static void operation_late(struct operation *operation)
{
    site_failed(operation->site);
    operation->client->outdated = true;
    // Sent or still in a buffer that will be: either way it may arrive.
    operation->failure =
        (struct failure){.method = operation->request.method, .err = ERR_TIMEOUT, .sent = true};
    link_doubt(&operation->question);
    why_too_late(operation);
    operation_fail(operation);
}

// When to look again for an answer: a read has time to ask another site.
static uint64_t patience_ends_ms(const struct operation *operation)
{
    const struct quorate_client *client = operation->client;
    struct wish wish = wish_of(operation);
    uint64_t now_ms = turn_now_ms();
    uint64_t end_ms = operation->deadline_ms + CLIENT_GRACE_MS;

    if (!retry_is_read(operation->request.method) || client->options.no_retry ||
        operation->attempts >= client_choices(client, &wish) || tries_are_used_up(operation) ||
        operation->deadline_ms < now_ms + CLIENT_SILENCE_MS_MIN * 2)
        return end_ms;
    return now_ms + patience_ms(&client->patience, CLIENT_SILENCE_MS_MIN,
                                (operation->deadline_ms - now_ms) / 2);
}

// Somebody else who is likely to answer sooner.
static bool another_is_well(const struct operation *operation)
{
    struct wish wish = wish_of(operation);
    const struct site *site = client_choose(operation->client, &wish);

    for (uint32_t i = 0; i < operation->attempts; i++) {
        if (operation->tried[i] == site->id)
            return false;
    }
    return site->failures == 0 && !site_silent(site);
}

static void operation_silent(struct operation *operation)
{
    struct quorate_client *client = operation->client;

    if (turn_now_ms() >= operation->deadline_ms) {
        operation_late(operation);
    } else if (another_is_well(operation) && retry_budget_spend(&client->budget)) {
        if (link_deaf(&operation->question)) {
            site_failed(operation->site);
            client->outdated = true;
        }
        // A connection is not given up for a pause.
        if (turn_now_us() >= operation->asked_us + CLIENT_DOUBT_MS * 1000)
            link_doubt(&operation->question);
        else
            link_forget(&operation->question);
        operation_try(operation);
    } else {
        alarm_set(&client->turn, &operation->alarm, patience_ends_ms(operation));
    }
}

static void alarm_rings(struct alarm *alarm)
{
    struct operation *operation;

    operation = (struct operation *)((char *)alarm - offsetof(struct operation, alarm));
    if (operation->state == OPERATION_REFUSED)
        operation_fail(operation);
    else if (operation->state == OPERATION_PAUSING)
        operation_try(operation);
    else
        operation_silent(operation);
}

static void operation_try(struct operation *operation)
{
    struct quorate_client *client = operation->client;
    struct wish wish = wish_of(operation);
    struct request request = operation->request;
    uint64_t now_ms = turn_now_ms();

    operation->site = client_choose(client, &wish);
    operation->tried[operation->attempts++] = operation->site->id;
    if (!operation->at_address)
        (void)memcpy(operation->address, operation->site->address, SITE_ADDRESS_MAX);
    request.timeout_ms =
        operation->deadline_ms > now_ms ? (uint32_t)(operation->deadline_ms - now_ms) : 1;
    operation->state = OPERATION_ASKING;
    operation->asked_us = turn_now_us();
    link_ask(site_link(operation->site), &operation->question, &request);
    alarm_set(&client->turn, &operation->alarm, patience_ends_ms(operation));
}

static struct slice bytes_keep(uint8_t **at, struct slice from)
{
    struct slice kept = slice_of(*at, from.size);

    if (from.size > 0)
        (void)memcpy(*at, from.data, from.size);
    *at += from.size;
    return kept;
}

static struct operation *operation_new(struct quorate_client *client, const struct request *request)
{
    size_t size = request->bucket.size + request->key.size + request->value.size +
                  request->token.size + request->after.size;
    struct operation *operation = memory_grow(NULL, sizeof *operation + size);
    uint8_t *at;

    (void)memset(operation, 0, sizeof *operation);
    at = operation->bytes;
    operation->client = client;
    operation->request = *request;
    operation->request.bucket = bytes_keep(&at, request->bucket);
    operation->request.key = bytes_keep(&at, request->key);
    operation->request.value = bytes_keep(&at, request->value);
    operation->request.token = bytes_keep(&at, request->token);
    operation->request.after = bytes_keep(&at, request->after);
    operation->question.answered = question_answered;
    operation->alarm.ring = alarm_rings;
    operation->started_us = turn_now_us();
    TAILQ_INSERT_TAIL(&client->operations, operation, entry);
    return operation;
}

struct operation *operation_start(struct quorate_client *client, const struct request *request,
                                  const char *address, struct quorate_done done)
{
    struct operation *operation = operation_new(client, request);
    uint32_t timeout_ms = request->timeout_ms ? request->timeout_ms : client->options.timeout_ms;

    operation->done = done;
    operation->at_address = address != NULL;
    operation->deadline_ms = turn_now_ms() + timeout_ms;
    client->in_flight++;
    if (quorate_in_flight(client) > client->options.in_flight_max) {
        why_begin(operation);
        buffer_add_format(&operation->why, "%zu requests are under way: wait for some of them",
                          quorate_in_flight(client) - 1);
        operation_refuse(operation, ERR_OVERLOADED, NULL);
        return operation;
    }
    if (address && address_normal(address, operation->address)) {
        operation_refuse(operation, ERR_INVALID, "the address is not host:port");
        return operation;
    }
    retry_budget_earn(&client->budget);
    operation_try(operation);
    return operation;
}

void operation_refuse(struct operation *operation, int err, const char *why)
{
    link_forget(&operation->question);
    if (why) {
        why_begin(operation);
        buffer_add_format(&operation->why, "%s", why);
    }
    operation->failure = (struct failure){.method = operation->request.method, .err = err};
    operation->state = OPERATION_REFUSED;
    alarm_set(&operation->client->turn, &operation->alarm, 0);
}

// A callback that closes the client is still looking at the client's box: this needs one of its
// own.
void operation_abort(struct operation *operation)
{
    struct outcome outcome = {
        .err = ERR_CLOSED, .sent = link_sent(&operation->question), .why = "the client was closed"};
    struct result_box box = {0};

    result_box_reset(&box);
    operation->failure = (struct failure){
        .method = operation->request.method, .err = ERR_CLOSED, .sent = outcome.sent};
    if (operation->attempts > 0) {
        why_way_failed(operation, &outcome);
    } else {
        why_begin(operation);
        buffer_add_format(&operation->why, "%s", outcome.why);
    }
    operation_fail_in(operation, &box);
    result_box_done(&box);
}
