// SPDX-License-Identifier: Apache-2.0
// An operation is asked, and ends once: by its reply, by a connection that closes, or by patience
// that runs out. Then it goes into the history, and a write whose outcome nobody knows may be tried
// again. Dots and contexts that no reply told are taken from what the stores take.
#include "sim/check/users.h"

#include "base/check.h"
#include "base/err.h"
#include "base/table.h"
#include "sim/check/asked.h"
#include "sim/world/host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { GIVE_UP_MS = 1000, BURST_US = 2000000, REFUSED_PAUSE_US = 5000, CALM_THINK_US = 100000 };

static void user_next(void *data, uint64_t number);

// ---- pauses -------------------------------------------------------------------------------------

static uint64_t pause_us(struct users *users, struct user *user)
{
    uint64_t think = users->knobs->at[KNOB_THINK_US];

    if (users->within && think < CALM_THINK_US)
        think = CALM_THINK_US;
    else if (users->knobs->at[KNOB_BURST])
        think = sim_now_us(users->sim) / BURST_US % 2 ? think * 3 : think / 8;
    return 1 + rng_below(&user->rng, 2 * think + 1);
}

static void next_after(struct users *users, struct user *user, uint64_t us)
{
    user->waiting = true;
    sim_call(users->sim, sim_now_us(users->sim) + us, user_next, users, user->number);
}

// ---- asking -------------------------------------------------------------------------------------

static bool percent(struct user *user, uint64_t share)
{
    return rng_below(&user->rng, 100) < share;
}

static uint32_t node_choose(struct users *users, struct user *user, bool any)
{
    uint32_t nodes = sim_nodes(users->sim);
    uint32_t node = user->home;

    if (any || !(users->nodes >> node & 1))
        node = (uint32_t)rng_below(&user->rng, nodes);
    while (!(users->nodes >> node & 1))
        node = (node + 1) % nodes;
    return node;
}

// What the write says that it has seen.
static void choose_context(struct users *users, struct user *user, struct asked *asked)
{
    const uint64_t *at = users->knobs->at;
    const struct buffer *token = &user->tokens[asked->op.key].newest;
    bool blind = percent(user, at[KNOB_BLIND]);
    bool overwrite = percent(user, at[KNOB_OVERWRITE]);
    bool stale = percent(user, at[KNOB_STALE]);

    if (users->within)
        blind = overwrite = true;
    if (stale && user->tokens[asked->op.key].older.size) {
        token = &user->tokens[asked->op.key].older;
        probe_hit(users->sim, PROBE_STALE_TOKEN);
    }
    if (!blind && token->size)
        buffer_add_slice(&asked->token, buffer_slice(token));
    asked->overwrites = !asked->token.size && (overwrite || asked->method == METHOD_DELETE);
}

static void choose_levels(struct users *users, struct user *user, struct asked *asked)
{
    const uint64_t *at = users->knobs->at;
    uint64_t replicas = at[KNOB_REPLICAS];
    uint64_t least = asked->method == METHOD_GET ? at[KNOB_R] : at[KNOB_W];

    asked->level = (uint8_t)least;
    if (percent(user, 10) && !users->within)
        asked->level = (uint8_t)(least + rng_below(&user->rng, replicas - least + 1));
    if (percent(user, at[KNOB_WEAK]) && !users->within)
        asked->level = (uint8_t)(1 + rng_below(&user->rng, replicas));
    asked->strict = !percent(user, at[KNOB_SLOPPY]);
    if (percent(user, 10))
        asked->owners = (uint8_t)rng_below(&user->rng, asked->level + 1u);
}

static void choose(struct users *users, struct user *user, struct asked *asked)
{
    const uint64_t *at = users->knobs->at;
    bool reads = percent(user, at[KNOB_READS]);
    bool deletes = percent(user, at[KNOB_DELETES]);

    asked->method = reads ? METHOD_GET : deletes ? METHOD_DELETE : METHOD_PUT;
    asked->op.key = (uint32_t)rng_below(&user->rng, at[KNOB_KEYS]);
    asked->node = node_choose(users, user, percent(user, at[KNOB_ROAM]));
    choose_levels(users, user, asked);
    if (asked->method != METHOD_GET)
        choose_context(users, user, asked);
    if (asked->method == METHOD_PUT && percent(user, at[KNOB_TTL]))
        asked->ttl_ms = 100 + rng_below(&user->rng, rng_below(&user->rng, 2) ? 2000 : 200000);
}

// As the history has it; `sent` and the answer come later.
static void begin_op(struct users *users, const struct user *user, struct asked *asked)
{
    struct history_op *op = &asked->op;

    op->method = asked->method == METHOD_GET   ? HISTORY_GET
                 : asked->method == METHOD_PUT ? HISTORY_PUT
                                               : HISTORY_DELETE;
    op->client = user->number;
    op->session = user->open ? users->next_session++ : user->session;
    op->began = sim_now_us(users->sim);
    op->asked = asked->level;
    op->owners = asked->owners;
    op->strict = asked->strict || !users->guests;
    op->within_reach = users->within && !users->stopped;
    if (asked->method == METHOD_PUT)
        op->value = values_new(&users->values, asked);
    if (asked->ttl_ms)
        op->expires = op->began + asked->ttl_ms * 1000;
}

static void send(struct users *users, struct asked *asked)
{
    struct request request;
    char key[16];

    request_init(&request, asked->method);
    snprintf(key, sizeof key, "k%" PRIu32, asked->op.key);
    request.bucket = slice_of_text("b");
    request.key = slice_of_text(key);
    users->scratch.size = 0;
    if (asked->method == METHOD_PUT)
        values_write(asked->op.value, users->knobs->at[KNOB_VALUE_BYTES], &users->scratch);
    request.value = buffer_slice(&users->scratch);
    request.has_token = asked->token.size > 0;
    request.token = buffer_slice(&asked->token);
    request.blind = asked->overwrites ? BLIND_OVERWRITE : BLIND_SIBLINGS;
    if (asked->method == METHOD_GET) {
        request.r = asked->level;
        request.pr = asked->owners;
    } else {
        request.w = asked->level;
        request.pw = asked->owners;
    }
    request.strict = asked->strict;
    request.ttl_ms = asked->ttl_ms;
    request.timeout_ms = users_timeout_ms(users);
    sim_tell(users->sim, -1,
             "client %" PRIu32 " op %" PRIu64 " to n%" PRIu32 ": %s %s value %" PRIu64
             "%s, level %u",
             asked->op.client, asked->number, asked->node + 1, method_name(asked->method), key,
             asked->op.value,
             request.has_token   ? ", token"
             : asked->overwrites ? ", blind overwrite"
                                 : "",
             asked->level);
    sim_ask(users->sim, asked->node, sim_ticket(asked->number, asked->method), &request);
}

static void give_up(void *data, uint64_t number);

static void launch(struct users *users, struct user *user, struct asked *asked)
{
    asked->number = users->next_number++;
    asked->user = user->number;
    table_set(&users->asked, asked->number, asked);
    begin_op(users, user, asked);
    user->in_flight += 1;
    users->operations += 1;
    send(users, asked);
    sim_call(users->sim, sim_now_us(users->sim) + (users_timeout_ms(users) + GIVE_UP_MS) * 1000ul,
             give_up, users, asked->number);
}

static void user_next(void *data, uint64_t number)
{
    struct users *users = data;
    struct user *user = &users->list[number];
    struct asked *asked;
    bool open = user->open && !users->within;

    user->waiting = false;
    if (users->stopped || (user->in_flight && !open))
        return;
    asked = asked_new(users);
    choose(users, user, asked);
    launch(users, user, asked);
    if (open)
        next_after(users, user, pause_us(users, user));
}

// ---- ends ---------------------------------------------------------------------------------------

static bool try_again(struct users *users, struct user *user, const struct asked *asked)
{
    struct asked *again;

    if (asked->method == METHOD_GET || asked->tries >= users->knobs->at[KNOB_RETRIES] ||
        users->stopped || users->within || user->open)
        return false;
    again = asked_new(users);
    again->method = asked->method;
    again->op.key = asked->op.key;
    again->level = asked->level;
    again->owners = asked->owners;
    again->strict = asked->strict;
    again->overwrites = asked->overwrites;
    again->ttl_ms = asked->ttl_ms;
    again->tries = asked->tries + 1;
    again->node = node_choose(users, user, true);
    buffer_add_slice(&again->token, buffer_slice(&asked->token));
    probe_hit(users->sim, PROBE_RETRIED);
    launch(users, user, again);
    return true;
}

static void note_outcome(struct users *users, const struct asked *asked, int err)
{
    static const struct {
        int err;
        enum probe probe;
    } probes[] = {{ERR_UNAVAILABLE, PROBE_UNAVAILABLE}, {ERR_TIMEOUT, PROBE_TIMED_OUT},
                  {ERR_OVERLOADED, PROBE_OVERLOADED},   {ERR_SIBLINGS, PROBE_SIBLINGS_REFUSED},
                  {ERR_DISK_FULL, PROBE_DISK_FULL},     {ERR_CLOSED, PROBE_CLOSED}};

    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        if (probes[i].err == err)
            probe_hit(users->sim, probes[i].probe);
    }
    if (!err && asked->method == METHOD_DELETE)
        probe_hit(users->sim, PROBE_DELETED);
    sim_tell(users->sim, -1, "client %" PRIu32 " op %" PRIu64 " (history %" PRIu32 "): %s",
             asked->op.client, asked->number, users->history->op_count, err_code(err));
}

static enum history_outcome outcome_of(int err)
{
    if (!err)
        return HISTORY_ACKNOWLEDGED;
    return err == ERR_TIMEOUT || err == ERR_CLOSED ? HISTORY_UNKNOWN : HISTORY_REFUSED;
}

static void finish(struct users *users, struct asked *asked, int err, const struct reply *reply)
{
    struct user *user = &users->list[asked->user];
    bool again = false;

    note_outcome(users, asked, err);
    asked->op.outcome = outcome_of(err);
    asked->op.ended = sim_now_us(users->sim);
    // What a damaged record held is known nowhere as long as others may come who have it: until
    // then its owner takes no writes of the key, and where owners are wanted nobody can help.
    if (err && (asked->op.strict || asked->op.owners) && users_key_damaged(users, asked->op.key))
        asked->op.within_reach = false;
    users->done += !err;
    asked_record(users, asked, reply);
    table_remove(&users->asked, asked->number);
    user->in_flight -= 1;
    if (asked->op.outcome == HISTORY_UNKNOWN)
        again = try_again(users, user, asked);
    if (err && rng_below(&user->rng, 2))
        user->home = (uint32_t)rng_below(&user->rng, sim_nodes(users->sim));
    if (!again && !user->waiting)
        next_after(users, user, pause_us(users, user) + (err ? REFUSED_PAUSE_US : 0));
    asked_free(users, asked);
}

static void give_up(void *data, uint64_t number)
{
    struct users *users = data;
    struct asked *asked = table_find(&users->asked, number);

    if (asked)
        finish(users, asked, ERR_TIMEOUT, NULL);
}

static struct asked *asked_of(struct users *users, uint64_t ticket)
{
    return table_find(&users->asked, ticket >> SIM_TICKET_METHOD_BITS);
}

static void tokens_keep(struct user *user, const struct asked *asked, struct slice token)
{
    struct user_tokens *tokens = &user->tokens[asked->op.key];

    if (token.size == 0)
        return;
    if (rng_below(&user->rng, 4) == 0) {
        tokens->older.size = 0;
        buffer_add_slice(&tokens->older, buffer_slice(&tokens->newest));
    }
    tokens->newest.size = 0;
    buffer_add_slice(&tokens->newest, token);
}

void users_reply(struct users *users, uint64_t ticket, const struct reply *reply)
{
    struct asked *asked = asked_of(users, ticket);

    if (!asked)
        return; // given up
    if (!reply->err) {
        tokens_keep(&users->list[asked->user], asked, reply->token);
        if (reply->version_count > 1)
            probe_hit(users->sim, PROBE_SIBLINGS);
    }
    finish(users, asked, reply->err, reply);
}

void users_refused(struct users *users, uint64_t ticket)
{
    struct asked *asked = asked_of(users, ticket);

    if (asked)
        finish(users, asked, ERR_CONNECT, NULL);
}

static int number_compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

// Told later, in the order in which they asked.
static void close_one(void *data, uint64_t number)
{
    struct users *users = data;
    struct asked *asked = table_find(&users->asked, number);

    if (asked)
        finish(users, asked, ERR_CLOSED, NULL);
}

void users_closed(struct users *users, uint32_t node)
{
    uint64_t *numbers = memory_new((users->asked.count + 1) * sizeof *numbers);
    size_t count = 0;
    size_t at = 0;
    struct asked *asked;

    while ((asked = table_next(&users->asked, &at))) {
        if (asked->node == node)
            numbers[count++] = asked->number;
    }
    qsort(numbers, count, sizeof *numbers, number_compare);
    for (size_t i = 0; i < count; i++)
        sim_call(users->sim, sim_now_us(users->sim) + 1000, close_one, users, numbers[i]);
    free(numbers);
}

// ---- from outside -------------------------------------------------------------------------------

void users_start(struct users *users)
{
    users->stopped = false;
    for (uint32_t i = 0; i < users->count; i++) {
        if (!users->list[i].waiting)
            next_after(users, &users->list[i], pause_us(users, &users->list[i]));
    }
}

void users_stop(struct users *users)
{
    users->stopped = true;
}

void users_within_reach(struct users *users, bool within)
{
    users->within = within;
}

void users_set_nodes(struct users *users, uint64_t mask)
{
    check(mask);
    users->nodes = mask;
}

uint32_t users_in_flight(const struct users *users)
{
    return (uint32_t)users->asked.count;
}

uint64_t users_operations(const struct users *users)
{
    return users->operations;
}

uint64_t users_done(const struct users *users)
{
    return users->done;
}
