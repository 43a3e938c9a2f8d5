// SPDX-License-Identifier: Apache-2.0
// What clients do. A command waits for its reply and then a moment longer, so that what is under
// way for it has arrived; with `async` it does not wait, and `wait` tells how it ended.
#include "tests/lib/scenario_stage.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>

enum { PATIENCE_US = 70000000, STEP_US = 1000, VALUE_MAX = 4096 };

// ---- tokens -------------------------------------------------------------------------------------

static struct token *token_find(struct stage *stage, const char *name)
{
    for (uint32_t i = 0; i < stage->token_count; i++) {
        if (strcmp(stage->tokens[i].name, name) == 0)
            return &stage->tokens[i];
    }
    return NULL;
}

static struct token *token_make(struct stage *stage, const char *name)
{
    struct token *token = token_find(stage, name);

    if (token) {
        token->bytes.size = 0;
        return token;
    }
    check(stage->token_count < TOKENS_MAX);
    token = &stage->tokens[stage->token_count++];
    snprintf(token->name, sizeof token->name, "%s", name);
    return token;
}

static void token_say(struct stage *stage, const struct asked *asked, struct slice token,
                      struct buffer *out)
{
    struct words *words = (struct words *)(uintptr_t)&asked->words;
    const char *name = script_value(words, "save", NULL);
    struct clock clock = clock_in(&stage->arena);

    if (!name || token.size == 0)
        return;
    buffer_add_slice(&token_make(stage, name)->bytes, token);
    check(token_decode(token, slice_of_text(script_value(words, "bucket", "b")),
                       slice_of_text(script_value(words, "key", "k")), &clock) == 0);
    buffer_add_format(out, "; %s is ", name);
    say_clock(stage, &clock, out);
}

// "7" or "1-7".
static struct run forge_run(struct stage *stage, uint64_t actor, char *numbers)
{
    char *last = strchr(numbers, '-');
    struct run run = {.actor = actor};

    if (last)
        *last++ = 0;
    run.first = stage_number(stage, numbers, UINT32_MAX);
    run.last = last ? stage_number(stage, last, UINT32_MAX) : run.first;
    return run;
}

// A token that nobody gave out: forge t9 key=k dots=n1a:99,n2a:1-7
static void forge_dot(struct stage *stage, char *word, struct clock *clock)
{
    char *colon = strchr(word, ':');
    size_t size = colon ? (size_t)(colon - word) : 0;

    for (uint32_t i = 0; size > 2 && i < stage->life_count; i++) {
        const struct life *life = &stage->lives[i];
        char name[8];

        snprintf(name, sizeof name, "n%" PRIu32 "%c", life->node + 1, life->letter);
        if (strlen(name) == size && strncmp(name, word, size) == 0) {
            clock_add_run(clock, forge_run(stage, life->actor, colon + 1));
            return;
        }
    }
    stage_wrong(stage, "no such dot: %s", word);
}

void scene_forge(struct stage *stage, struct words *words)
{
    const char *name = script_next(words);
    char *dots = (char *)(uintptr_t)script_value(words, "dots", "");
    struct clock clock = clock_in(&stage->arena);
    char *dot;

    if (!name) {
        stage_wrong(stage, "forge needs a name");
        return;
    }
    while ((dot = strsep(&dots, ",")))
        forge_dot(stage, dot, &clock);
    token_encode(slice_of_text(script_value(words, "bucket", "b")),
                 slice_of_text(script_value(words, "key", "k")), &clock,
                 &token_make(stage, name)->bytes);
}

// ---- replies ------------------------------------------------------------------------------------

static struct asked *asked_find(struct stage *stage, uint64_t ticket)
{
    for (uint32_t i = 0; i < stage->asked_count; i++) {
        if (stage->asked[i].ticket == ticket && !stage->asked[i].answered)
            return &stage->asked[i];
    }
    return NULL;
}

static void explain_say(struct stage *stage, const struct asked *asked,
                        const struct explain *explain, struct buffer *out)
{
    if (!slice_is(explain->coordinator, host_member(stage->sim, asked->node)->name))
        buffer_add_format(out, "  n%" PRIu32 " forwards, %.*s coordinates\n", asked->node + 1,
                          (int)explain->coordinator.size, (const char *)explain->coordinator.data);
    for (uint32_t i = 0; i < explain->trace_count; i++) {
        buffer_add_format(out, "  ");
        say_sentence(explain->trace[i], out);
        buffer_add_format(out, "\n");
    }
    for (uint32_t i = 0; i < explain->replica_count; i++) {
        const struct explain_replica *replica = &explain->replicas[i];
        struct clock dots = clock_in(&stage->arena);

        buffer_add_format(out, "%s%.*s (%.*s): %.*s", i ? "; " : "  ", (int)replica->node.size,
                          (const char *)replica->node.data, (int)replica->role.size,
                          (const char *)replica->role.data, (int)replica->outcome.size,
                          (const char *)replica->outcome.data);
        for (uint32_t j = 0; j < replica->dot_count; j++)
            clock_add(&dots, replica->dots[j]);
        if (dots.count)
            buffer_add_u8(out, ' ');
        if (dots.count)
            say_clock(stage, &dots, out);
    }
    buffer_add_format(out, "\n");
}

static void outcome_say(struct stage *stage, const struct asked *asked, const struct reply *reply,
                        struct buffer *out)
{
    if (reply->err) {
        buffer_add_format(out, "%s: ", err_code(reply->err));
        say_sentence(reply->text, out);
        token_say(stage, asked, reply->token, out);
    } else if (reply->method == METHOD_GET) {
        if (reply->found)
            say_versions(stage, reply->versions, reply->version_count, out);
        else
            buffer_add_format(out, "not found");
        buffer_add_format(out, " (%" PRIu32 " answered%s)", reply->replies,
                          reply->unanimous ? ", all the same" : "");
        token_say(stage, asked, reply->token, out);
    } else if (reply->method == METHOD_PUT || reply->method == METHOD_DELETE) {
        buffer_add_format(out, "ok, ");
        say_dot(stage, reply->dot, out);
        buffer_add_format(out, " (%" PRIu32 " acknowledged, w %" PRIu32 ")", reply->acks, reply->w);
        token_say(stage, asked, reply->token, out);
    } else {
        buffer_add_format(out, "ok");
    }
    buffer_add_format(out, "\n");
    if (reply->has_explain)
        explain_say(stage, asked, &reply->explain, out);
}

static void status_say(const struct status *status, struct buffer *out)
{
    buffer_add_format(out,
                      "%" PRIu32 " of %" PRIu32 " shards complete, %" PRIu64 " keys, %" PRIu64
                      " in the dot log, guest of %" PRIu32 " shards\n"
                      "repair: %.*s, %" PRIu64 " missing here, %" PRIu64 " owed to others, %" PRIu32
                      " filling, %" PRIu64 " damaged, %" PRIu64 " alarms\n",
                      status->shards_born, status->shards_owned, status->keys, status->dots,
                      status->guest_shards, (int)status->repair_state.size,
                      (const char *)status->repair_state.data, status->repair_missing,
                      status->repair_owed, status->shards_filling, status->unknown,
                      status->digest_alarms);
}

void request_answered(void *data, uint64_t ticket, const struct reply *reply)
{
    struct stage *stage = data;
    struct asked *asked = asked_find(stage, ticket);

    if (!asked)
        return;
    if (reply->method == METHOD_STATUS && !reply->err)
        status_say(&reply->status, &asked->text);
    else
        outcome_say(stage, asked, reply, &asked->text);
    asked->answered = true;
}

void request_refused(void *data, uint64_t ticket)
{
    struct asked *asked = asked_find(data, ticket);

    if (!asked)
        return;
    buffer_add_format(&asked->text, "nobody listens at n%" PRIu32 "\n", asked->node + 1);
    asked->answered = true;
}

void request_closed(void *data, uint32_t node)
{
    struct stage *stage = data;

    for (uint32_t i = 0; i < stage->asked_count; i++) {
        struct asked *asked = &stage->asked[i];

        if (asked->answered || asked->node != node)
            continue;
        buffer_add_format(&asked->text,
                          "n%" PRIu32 " is gone before it answered: outcome unknown\n", node + 1);
        asked->answered = true;
    }
}

// ---- asking -------------------------------------------------------------------------------------

static int level(struct stage *stage, struct words *words, const char *name)
{
    const char *word = script_value(words, name, NULL);
    int out = LEVEL_DEFAULT;

    if (word && level_read(slice_of_text(word), &out))
        stage_wrong(stage, "not a number of replicas: %s", word);
    return out;
}

static enum blind blind_read(struct stage *stage, const char *word)
{
    if (strcmp(word, "siblings") == 0)
        return BLIND_SIBLINGS;
    if (strcmp(word, "overwrite") == 0)
        return BLIND_OVERWRITE;
    if (*word)
        stage_wrong(stage, "blind=siblings or blind=overwrite, not %s", word);
    return BLIND_DEFAULT;
}

static void token_take(struct stage *stage, struct words *words, struct request *out)
{
    const char *name = script_value(words, "token", NULL);
    struct token *token = name ? token_find(stage, name) : NULL;

    if (name && !token) {
        stage_wrong(stage, "no such token: %s", name);
    } else if (token) {
        out->has_token = true;
        out->token = buffer_slice(&token->bytes);
    }
}

static void request_make(struct stage *stage, struct words *words, enum method method,
                         struct request *out)
{
    request_init(out, method);
    out->bucket = slice_of_text(script_value(words, "bucket", "b"));
    out->key = slice_of_text(script_value(words, "key", "k"));
    out->timeout_ms = (uint32_t)(stage_time(stage, script_value(words, "timeout", "2s")) / 1000);
    out->strict = script_flag(words, "strict");
    out->explain = script_flag(words, "explain");
    token_take(stage, words, out);
    if (method == METHOD_GET) {
        out->r = level(stage, words, "r");
        out->pr = level(stage, words, "pr");
        return;
    }
    out->w = level(stage, words, "w");
    out->pw = level(stage, words, "pw");
    out->blind = blind_read(stage, script_value(words, "blind", ""));
    if (method != METHOD_PUT)
        return;
    out->value = slice_of_text(script_value(words, "value", ""));
    out->ttl_ms = stage_time(stage, script_value(words, "ttl", "0")) / 1000;
}

static struct asked *ask(struct stage *stage, struct words *words, const struct request *request)
{
    const char *via = script_value(words, "via", NULL);
    const char *bare = via ? via : script_next(words);
    uint32_t node = stage_node(stage, bare ? bare : "n1");
    struct asked *asked;

    (void)script_value(words, "save", NULL);
    if (stage->wrong[0])
        return NULL;
    check(stage->asked_count < ASKED_MAX);
    asked = &stage->asked[stage->asked_count++];
    *asked = (struct asked){.ticket = sim_ticket(++stage->tickets, request->method), .node = node};
    asked->words = *words;
    for (uint32_t i = 0; i < words->count; i++)
        asked->words.items[i] = asked->words.text + (words->items[i] - words->text);
    sim_ask(stage->sim, node, asked->ticket, request);
    return asked;
}

static void answer_await(struct stage *stage, const struct asked *asked)
{
    uint64_t end_us = sim_now_us(stage->sim) + PATIENCE_US;

    while (!asked->answered && sim_now_us(stage->sim) < end_us && sim_step(stage->sim, end_us))
        continue;
    check(asked->answered);
}

static void ask_and_tell(struct stage *stage, struct words *words, const struct request *request)
{
    bool async = script_flag(words, "async");
    bool settle = !script_flag(words, "unsettled");
    struct asked *asked = ask(stage, words, request);

    if (!asked)
        return;
    if (async) {
        buffer_add_format(stage->out, "asked\n");
        return;
    }
    answer_await(stage, asked);
    buffer_add_slice(stage->out, buffer_slice(&asked->text));
    buffer_done(&asked->text);
    stage->asked_count -= 1;
    if (settle)
        stage_pass(stage, SETTLE_US);
    stage_tell_events(stage, false);
}

void scene_wait(struct stage *stage, struct words *words)
{
    (void)words;
    for (uint32_t i = 0; i < stage->asked_count; i++) {
        struct asked *asked = &stage->asked[i];

        answer_await(stage, asked);
        buffer_add_format(stage->out, "%s via n%" PRIu32 ": %.*s", asked->words.items[0],
                          asked->node + 1, (int)asked->text.size, (const char *)asked->text.data);
        buffer_done(&asked->text);
    }
    stage->asked_count = 0;
    stage_tell_events(stage, false);
}

static void request_command(struct stage *stage, struct words *words, enum method method)
{
    struct request request;

    request_make(stage, words, method, &request);
    if (!stage->wrong[0])
        ask_and_tell(stage, words, &request);
}

void scene_put(struct stage *stage, struct words *words)
{
    request_command(stage, words, METHOD_PUT);
}

void scene_get(struct stage *stage, struct words *words)
{
    request_command(stage, words, METHOD_GET);
}

void scene_del(struct stage *stage, struct words *words)
{
    request_command(stage, words, METHOD_DELETE);
}

void scene_status(struct stage *stage, struct words *words)
{
    struct request request;

    request_init(&request, METHOD_STATUS);
    ask_and_tell(stage, words, &request);
}

void scene_bucket(struct stage *stage, struct words *words)
{
    struct request request;

    request_init(&request, METHOD_BUCKET_SET);
    request.bucket = slice_of_text(script_value(words, "name", "b"));
    if (script_flag(words, "lww")) {
        request.set |= BUCKET_SET_CONFLICT;
        request.properties.conflict = CONFLICT_LWW;
    }
    if (script_flag(words, "strict")) {
        request.set |= BUCKET_SET_STRICT;
        request.properties.strict = true;
    }
    ask_and_tell(stage, words, &request);
}

// load via=n1 count=600 prefix=k size=100: so many keys, k0000 and on, each with a value of so many
// letters; with key= all are writes of that key. Told is how many of them were acknowledged.
static bool load_one(struct stage *stage, struct words *words, struct request *request)
{
    struct asked *asked = ask(stage, words, request);
    bool ok;

    answer_await(stage, asked);
    ok = asked->text.size > 3 && memcmp(asked->text.data, "ok,", 3) == 0;
    buffer_done(&asked->text);
    stage->asked_count -= 1;
    return ok;
}

void scene_load(struct stage *stage, struct words *words)
{
    uint64_t count = stage_number(stage, script_value(words, "count", "100"), 9999);
    uint64_t size = stage_number(stage, script_value(words, "size", "10"), VALUE_MAX);
    const char *prefix = script_value(words, "prefix", "k");
    const char *same = script_value(words, "key", NULL);
    bool del = script_flag(words, "delete");
    uint64_t done = 0;
    char value[VALUE_MAX];
    char key[64];
    struct request request;

    request_make(stage, words, del ? METHOD_DELETE : METHOD_PUT, &request);
    memset(value, 'v', sizeof value);
    if (!del)
        request.value = slice_of(value, size);
    (void)script_value(words, "via", NULL);
    for (uint64_t i = 0; i < count && !stage->wrong[0]; i++) {
        snprintf(key, sizeof key, "%s%04" PRIu64, prefix, i);
        request.key = slice_of_text(same ? same : key);
        done += load_one(stage, words, &request);
    }
    stage_pass(stage, SETTLE_US);
    buffer_add_format(stage->out, "%" PRIu64 " of %" PRIu64 " acknowledged\n", done, count);
    stage_tell_events(stage, false);
}
