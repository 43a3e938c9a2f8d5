// SPDX-License-Identifier: Apache-2.0
#include "sim/check/asked.h"

#include "base/check.h"
#include "base/err.h"
#include "sim/world/host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct asked *asked_new(struct users *users)
{
    struct asked *asked = users->free;
    struct buffer token;
    struct clock context;

    if (!asked)
        return memory_new(sizeof *asked);
    users->free = asked->next_free;
    token = asked->token;
    context = asked->context;
    token.size = 0;
    context.count = 0;
    *asked = (struct asked){.token = token, .context = context};
    return asked;
}

void asked_free(struct users *users, struct asked *asked)
{
    asked->next_free = users->free;
    users->free = asked;
}

uint32_t users_timeout_ms(const struct users *users)
{
    uint32_t timeout_ms = (uint32_t)users->knobs->at[KNOB_TIMEOUT_MS];

    return users->within && timeout_ms < 2000 ? 2000 : timeout_ms;
}

// ---- keys ---------------------------------------------------------------------------------------

struct key users_key(const struct users *users, uint32_t number)
{
    static _Thread_local char name[16];
    struct key key;

    snprintf(name, sizeof name, "k%" PRIu32, number);
    check(key_make(users->seed, users->shards, slice_of_text("b"), slice_of_text(name), &key) == 0);
    return key;
}

uint32_t users_key_number(struct slice bucket, struct slice key)
{
    uint32_t number = 0;

    if (!slice_is(bucket, "b") || key.size < 2 || key.size > 8 || key.data[0] != 'k')
        return UINT32_MAX;
    for (size_t i = 1; i < key.size; i++) {
        if (key.data[i] < '0' || key.data[i] > '9')
            return UINT32_MAX;
        number = number * 10 + (uint32_t)(key.data[i] - '0');
    }
    return number;
}

// ---- what is known of contexts ------------------------------------------------------------------

static struct clock *seen_of(struct users *users, uint32_t key)
{
    struct key made = users_key(users, key);

    return &users->seen[made.shard];
}

static struct clock decode(struct users *users, uint32_t key, struct slice token)
{
    struct key made = users_key(users, key);
    struct clock clock = clock_in(&users->arena);

    check(token_decode(token, made.bucket, made.key, &clock) == 0);
    return clock;
}

static void without_dot(struct users *users, struct clock *clock, struct dot dot)
{
    struct clock own = clock_in(&users->arena);

    if (dot.actor == 0)
        return;
    clock_add(&own, dot);
    clock_subtract(clock, &own);
}

// What an overwrite covered: as its token tells, or a message, or at worst all that anybody had.
static void sent_find(struct users *users, struct asked *asked, const struct reply *reply,
                      struct clock *out)
{
    if (asked->token.size) {
        *out = decode(users, asked->op.key, buffer_slice(&asked->token));
        return;
    }
    *out = clock_in(&users->arena);
    if (reply && !reply->err && reply->token.size)
        *out = decode(users, asked->op.key, reply->token);
    else if (asked->context_told)
        clock_copy(out, &asked->context);
    else
        clock_copy(out, seen_of(users, asked->op.key));
    without_dot(users, out, asked->op.dot);
}

static const struct history_sibling *siblings_of(struct users *users, const struct reply *reply)
{
    struct history_sibling *siblings =
        arena_new(&users->arena, (reply->version_count + 1) * sizeof *siblings);

    for (uint32_t i = 0; i < reply->version_count; i++) {
        siblings[i].value = users_value_number(reply->versions[i].value);
        siblings[i].dot = reply->versions[i].dot;
    }
    return siblings;
}

void asked_record(struct users *users, struct asked *asked, const struct reply *reply)
{
    struct history_op *op = &asked->op;
    struct clock sent;
    struct clock received;
    uint32_t id;

    if (asked->silent)
        return;
    arena_reset(&users->arena);
    if (reply && reply->dot.actor)
        op->dot = reply->dot;
    if (reply && !reply->err && reply->token.size) {
        received = decode(users, op->key, reply->token);
        clock_join(seen_of(users, op->key), &received);
        op->received = &received;
    }
    if (asked->method != METHOD_GET && (asked->token.size || asked->overwrites)) {
        sent_find(users, asked, reply, &sent);
        op->sent = &sent;
    }
    if (asked->method == METHOD_GET && reply && !reply->err) {
        op->siblings = siblings_of(users, reply);
        op->sibling_count = reply->version_count;
    }
    id = history_add(users->history, op);
    if (op->value) {
        users->values.list[op->value].asked = NULL;
        users->values.list[op->value].op = id;
        users->values.list[op->value].dot_known = op->dot.actor != 0;
    }
}

// ---- what messages tell -------------------------------------------------------------------------

// A write on its way to another owner: one version that stands for exactly its dot.
static bool is_put(const struct message *message)
{
    const struct delta *delta = &message->delta;

    return message->kind == MESSAGE_APPLY && message->op && delta->count == 1 &&
           clock_size(&delta->dots) == 1 && clock_contains(&delta->dots, delta->versions[0].dot);
}

void users_message(struct users *users, const struct message *message)
{
    const struct delta *delta = &message->delta;
    uint32_t key;
    uint64_t value;
    struct value_at *at;

    if (message->kind != MESSAGE_APPLY || !users->shards)
        return;
    key = users_key_number(message->bucket, message->key);
    if (key >= users->knobs->at[KNOB_KEYS])
        return;
    clock_join(seen_of(users, key), &delta->context);
    if (!is_put(message))
        return;
    value = users_value_number(delta->versions[0].value);
    if (value == 0 || value > users->values.count)
        return;
    at = &users->values.list[value];
    if (at->asked && !at->asked->context_told) {
        at->asked->op.dot = delta->versions[0].dot;
        clock_copy(&at->asked->context, &delta->context);
        at->asked->context_told = true;
    } else if (!at->asked && !at->dot_known) {
        history_set_dot(users->history, at->op, delta->versions[0].dot);
        at->dot_known = true;
    }
}

// ---- beginning and end --------------------------------------------------------------------------

struct users *users_new(struct sim *sim, const struct knobs *knobs, uint64_t seed,
                        struct history *history)
{
    struct users *users = memory_new(sizeof *users);

    users->sim = sim;
    users->knobs = knobs;
    users->history = history;
    users->count = (uint32_t)knobs->at[KNOB_CLIENTS];
    users->list = memory_new(users->count * sizeof *users->list);
    users->nodes = (UINT64_C(1) << sim_nodes(sim)) - 1;
    users->next_session = users->count;
    users->next_number = 1;
    users->stopped = true;
    for (uint32_t i = 0; i < users->count; i++) {
        struct user *user = &users->list[i];

        user->number = i;
        user->session = i;
        user->open = i < knobs->at[KNOB_OPEN];
        rng_init(&user->rng, rng_mix(seed ^ (0x05e4000 + i)));
        user->home = (uint32_t)rng_below(&user->rng, sim_nodes(sim));
        user->tokens = memory_new((size_t)knobs->at[KNOB_KEYS] * sizeof *user->tokens);
    }
    return users;
}

void users_set_topology(struct users *users, const struct topology *topology)
{
    users->seed = topology->seed;
    users->shards = topology->shards;
    users->seen = memory_new(users->shards * sizeof *users->seen);
}

static void user_done(const struct users *users, struct user *user)
{
    for (uint64_t key = 0; key < users->knobs->at[KNOB_KEYS]; key++) {
        buffer_done(&user->tokens[key].newest);
        buffer_done(&user->tokens[key].older);
    }
    free(user->tokens);
}

static void asked_done(struct asked *asked)
{
    buffer_done(&asked->token);
    clock_done(&asked->context);
    free(asked);
}

void users_free(struct users *users)
{
    struct asked *asked;
    size_t at = 0;

    if (!users)
        return;
    for (uint32_t i = 0; i < users->count; i++)
        user_done(users, &users->list[i]);
    while ((asked = table_next(&users->asked, &at)))
        asked_done(asked);
    while ((asked = users->free)) {
        users->free = asked->next_free;
        asked_done(asked);
    }
    for (uint32_t shard = 0; shard < users->shards; shard++)
        clock_done(&users->seen[shard]);
    free(users->seen);
    free(users->list);
    table_done(&users->asked);
    values_done(&users->values);
    arena_done(&users->arena);
    buffer_done(&users->scratch);
    free(users);
}
