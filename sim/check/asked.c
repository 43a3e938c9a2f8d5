// SPDX-License-Identifier: Apache-2.0
#include "sim/check/asked.h"

#include "base/check.h"
#include "base/err.h"
#include "node/core/store.h"
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

static struct key users_key(const struct users *users, uint32_t number)
{
    static _Thread_local char name[16];
    struct key key;

    snprintf(name, sizeof name, "k%" PRIu32, number);
    check(key_make(users->seed, users->shards, slice_of_text("b"), slice_of_text(name), &key) == 0);
    return key;
}

static bool store_key_unknown(const struct store *store, const struct key *key)
{
    uint8_t wanted[TREE_KEY_SIZE];
    uint8_t found[TREE_KEY_SIZE];
    bool any = store_unknown_next(store, key->shard, NULL, found);

    key_tree(key, wanted);
    while (any && memcmp(found, wanted, TREE_KEY_SIZE) != 0)
        any = store_unknown_next(store, key->shard, found, found);
    return any;
}

bool users_key_damaged(const struct users *users, uint32_t number)
{
    struct key key = users_key(users, number);
    bool damaged = false;

    for (uint32_t node = 0; node < sim_nodes(users->sim); node++) {
        const struct store *store = host_store(users->sim, node);

        damaged |= store && key.shard < store_shards(store) && store_key_unknown(store, &key);
    }
    return damaged;
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

uint32_t users_asked(const struct users *users, uint64_t ticket, struct key *out)
{
    const struct asked *asked = table_find(&users->asked, ticket >> SIM_TICKET_METHOD_BITS);

    if (asked)
        *out = users_key(users, asked->op.key);
    return asked ? asked->level : 0;
}

// ---- what is known of contexts ------------------------------------------------------------------

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

// What a write covers: as its token tells; of an overwrite as its reply tells, or the store that
// took it. False: not known now; the store may take it later, or never.
static bool sent_find(struct users *users, struct asked *asked, const struct reply *reply,
                      struct clock *out)
{
    if (asked->token.size) {
        *out = decode(users, asked->op.key, buffer_slice(&asked->token));
        return true;
    }
    *out = clock_in(&users->arena);
    if (reply && !reply->err && reply->token.size)
        *out = decode(users, asked->op.key, reply->token);
    else if (asked->context_told)
        clock_copy(out, &asked->context);
    else
        return false;
    without_dot(users, out, asked->op.dot);
    return true;
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

    arena_reset(&users->arena);
    if (reply && reply->dot.actor)
        op->dot = reply->dot;
    if (reply && !reply->err && reply->token.size) {
        received = decode(users, op->key, reply->token);
        op->received = &received;
    }
    if (asked->method != METHOD_GET && (asked->token.size || asked->overwrites) &&
        sent_find(users, asked, reply, &sent))
        op->sent = &sent;
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

// ---- what stores tell ---------------------------------------------------------------------------

static void take_put(struct users *users, const struct delta *delta)
{
    uint64_t value = users_value_number(delta->versions[0].value);
    struct dot dot = delta->versions[0].dot;
    struct value_at *at;
    struct clock sent;

    if (value == 0 || value > users->values.count)
        return;
    at = &users->values.list[value];
    if (at->asked && !at->asked->context_told) {
        at->asked->op.dot = dot;
        clock_copy(&at->asked->context, &delta->context);
        at->asked->context_told = true;
    } else if (!at->asked && !at->dot_known) {
        sent = clock_in(&users->lasting);
        clock_copy(&sent, &delta->context);
        without_dot(users, &sent, dot);
        history_set_dot(users->history, at->op, dot);
        history_set_sent(users->history, at->op, &sent);
        at->dot_known = true;
    }
}

static void take_delete(struct users *users, uint32_t key, const struct delta *delta)
{
    struct deletion deletion = {.key = key,
                                .dot = {delta->dots.runs[0].actor, delta->dots.runs[0].first},
                                .context = clock_in(&users->lasting),
                                .at_us = sim_now_us(users->sim)};

    clock_copy(&deletion.context, &delta->context);
    buffer_add(&users->deletions, &deletion, sizeof deletion);
}

// The first store that takes a write is the coordinator's, whose actor its dot has.
void users_applied(struct users *users, uint32_t node, const struct key *key,
                   const struct delta *delta)
{
    uint32_t number = users_key_number(key->bucket, key->key);
    struct store_totals totals;

    if (number >= users->knobs->at[KNOB_KEYS] || clock_size(&delta->dots) != 1)
        return;
    store_totals(host_store(users->sim, node), &totals);
    if (delta->dots.runs[0].actor != totals.actor)
        return;
    if (delta->count == 1 && clock_contains(&delta->dots, delta->versions[0].dot))
        take_put(users, delta);
    else if (delta->count == 0)
        take_delete(users, number, delta);
}

// Dots are unique within a shard, so the key goes with them.
struct told {
    struct dot dot;
    uint32_t key;
    uint32_t op;
};

static int told_order(const void *a, const void *b)
{
    const struct told *left = a;
    const struct told *right = b;

    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return dot_compare(left->dot, right->dot);
}

// The deletes whose dots were told, by dot, and the deletes of which nothing was told.
static void deletes_sort_out(struct users *users, struct buffer *told, struct buffer *untold)
{
    for (uint32_t i = 0; i < users->history->op_count; i++) {
        const struct history_op *op = &users->history->ops[i];

        if (op->method != HISTORY_DELETE || op->outcome == HISTORY_REFUSED)
            continue;
        if (op->dot.actor)
            buffer_add(told, &(struct told){op->dot, op->key, i}, sizeof(struct told));
        else
            buffer_add(untold, &i, sizeof i);
    }
    if (told->size)
        qsort(told->data, told->size / sizeof(struct told), sizeof(struct told), told_order);
}

// A delete that was told with its dot, but perhaps without its context.
static bool deletion_is_told(struct users *users, const struct deletion *deletion,
                             const struct buffer *told)
{
    struct told wanted = {deletion->dot, deletion->key, 0};
    const struct told *found = NULL;

    if (told->size)
        found = bsearch(&wanted, told->data, told->size / sizeof wanted, sizeof wanted, told_order);
    if (found && !users->history->ops[found->op].sent)
        history_set_sent(users->history, found->op, &deletion->context);
    return found != NULL;
}

// Could the deletion be this delete's? Its context must be the token's, if there was one.
static bool may_be(const struct history_op *op, const struct deletion *deletion)
{
    return op->key == deletion->key && op->began <= deletion->at_us && !op->dot.actor &&
           (!op->sent || clock_equal(op->sent, &deletion->context));
}

static void deletion_give(struct users *users, struct deletion *deletion,
                          const struct buffer *untold)
{
    const uint32_t *ids = (const void *)untold->data;
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < untold->size / sizeof *ids; i++) {
        const struct history_op *op = &users->history->ops[ids[i]];

        if (may_be(op, deletion) && (best == SIZE_MAX || op->sent))
            best = i;
    }
    if (best == SIZE_MAX)
        return;
    history_set_dot(users->history, ids[best], deletion->dot);
    history_set_sent(users->history, ids[best], &deletion->context);
}

// Deletes whose clients were told nothing: what a store has taken and is nobody's may be theirs.
// They are given out in the order of time: who may have an earlier one may have a later one too.
void users_settle(struct users *users)
{
    struct deletion *list = (void *)users->deletions.data;
    struct buffer told = {0};
    struct buffer untold = {0};

    deletes_sort_out(users, &told, &untold);
    for (size_t i = 0; i < users->deletions.size / sizeof *list; i++) {
        arena_reset(&users->arena);
        without_dot(users, &list[i].context, list[i].dot);
        if (!deletion_is_told(users, &list[i], &told))
            deletion_give(users, &list[i], &untold);
    }
    buffer_done(&told);
    buffer_done(&untold);
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
    users->guests = true;
    for (uint32_t i = 0; i < users->count; i++) {
        struct user *user = &users->list[i];

        user->number = i;
        user->session = i;
        user->open = i < knobs->at[KNOB_OPEN];
        rng_init(&user->rng, rng_mix(rng_mix(seed) ^ (0x05e4000 + i)));
        user->home = (uint32_t)rng_below(&user->rng, sim_nodes(sim));
        user->tokens = memory_new((size_t)knobs->at[KNOB_KEYS] * sizeof *user->tokens);
    }
    return users;
}

void users_set_topology(struct users *users, const struct topology *topology)
{
    users->seed = topology->seed;
    users->shards = topology->shards;
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
    free(users->list);
    table_done(&users->asked);
    values_done(&users->values);
    arena_done(&users->arena);
    arena_done(&users->lasting);
    buffer_done(&users->deletions);
    buffer_done(&users->scratch);
    free(users);
}
