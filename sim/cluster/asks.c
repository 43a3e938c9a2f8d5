// SPDX-License-Identifier: Apache-2.0
// Operations under way, in slots that are used again; a slot's generation is in the ticket, so what
// comes late for an earlier attempt meets nobody.
//
// What has failed is tried again by the rules of the client library (client/retry.h): at another
// owner, after a pause, if it can do no harm. A node that cannot be connected to is left out for
// half a second.
#include "sim/cluster/play.h"

#include "base/check.h"
#include "base/err.h"
#include "client/retry.h"
#include "node/data/message.h"
#include "sim/world/host.h"

#include <stdlib.h>
#include <string.h>

enum { SLOT_BITS = 24, AVOID_US = 500000, STATUS_WAIT_US = 1000000 };

static const char bucket_name[] = "sim";

void key_name(uint64_t key, uint8_t name[KEY_NAME_SIZE])
{
    for (unsigned i = 0; i < KEY_NAME_SIZE; i++)
        name[i] = (uint8_t)(key >> (8 * i));
}

static uint64_t ticket_of(const struct play *play, uint32_t slot)
{
    const struct ask *ask = &play->asks[slot];

    return sim_ticket((uint64_t)ask->generation << SLOT_BITS | slot, ask->method);
}

// NULL when it is too late.
static struct ask *ask_of(const struct play *play, uint64_t ticket)
{
    uint64_t number = ticket >> SIM_TICKET_METHOD_BITS;
    uint32_t slot = (uint32_t)(number & ((1 << SLOT_BITS) - 1));
    struct ask *ask = &play->asks[slot];

    if (slot >= play->ask_room || !ask->busy || ask->generation != number >> SLOT_BITS)
        return NULL;
    return ask;
}

static uint32_t slot_take(struct play *play)
{
    if (play->free_count == 0) {
        uint32_t room = play->ask_room ? 2 * play->ask_room : 256;

        check(room <= 1 << SLOT_BITS);
        play->asks = memory_grow(play->asks, room * sizeof *play->asks);
        play->free = memory_grow(play->free, room * sizeof *play->free);
        for (uint32_t slot = room; slot-- > play->ask_room;) {
            play->asks[slot] = (struct ask){.generation = 0};
            play->free[play->free_count++] = slot;
        }
        play->ask_room = room;
    }
    play->busy_count += 1;
    return play->free[--play->free_count];
}

void asks_done(struct play *play)
{
    free(play->asks);
    free(play->free);
}

// ---- sending ------------------------------------------------------------------------------------

static const uint16_t *owners_of_key(const struct play *play, uint64_t key)
{
    return owners_of(&play->owners, workload_key_hash(play->trial->workload, play->seed, key));
}

static bool is_avoided(const struct play *play, uint32_t node)
{
    return play->avoid_until_us[node] > sim_now_us(play->sim);
}

// Where the next attempt goes: in turn, nodes that cannot be connected to left out.
static uint32_t target_of(struct play *play, struct ask *ask)
{
    const uint16_t *owners = owners_of_key(play, ask->key);
    bool anywhere = play->setup->route == ROUTE_ANY;
    uint32_t count = anywhere ? play->trial->nodes : play->owners.replicas;
    uint32_t node = 0;

    if (ask->attempts == 0)
        ask->first =
            play->setup->route == ROUTE_FIRST ? 0 : (uint32_t)rng_below(&play->route_rng, count);
    for (uint32_t tried = 0; tried < count; tried++) {
        uint32_t place = (ask->first + ask->attempts + tried) % count;

        node = anywhere ? place : owners[place];
        if (!is_avoided(play, node))
            break;
    }
    return node;
}

// Of a value: the same for a key every time.
static uint32_t value_size(const struct play *play, uint64_t key)
{
    const struct workload_setup *setup = workload_setup(play->trial->workload);

    return setup->bytes_min + (uint32_t)(rng_mix(key) % (setup->bytes_max - setup->bytes_min + 1));
}

static void request_fill(const struct play *play, const struct ask *ask, struct request *request)
{
    int w = ask->kind == ASK_FILL ? (int)play->owners.replicas : (int)play->trial->w;

    request_init(request, ask->method);
    request->bucket = slice_of_text(bucket_name);
    request->timeout_ms = play->setup->timeout_ms;
    request->strict = play->setup->strict;
    if (ask->method == METHOD_GET) {
        request->r = (int)play->trial->r;
        return;
    }
    request->w = w;
    request->blind = BLIND_OVERWRITE;
    request->value = slice_of(play->value, value_size(play, ask->key));
}

static bool is_owner(const struct play *play, uint64_t key, uint32_t node)
{
    const uint16_t *owners = owners_of_key(play, key);

    for (uint32_t i = 0; i < play->owners.replicas; i++) {
        if (owners[i] == node)
            return true;
    }
    return false;
}

static void ask_send(struct play *play, uint32_t slot)
{
    struct ask *ask = &play->asks[slot];
    uint8_t name[KEY_NAME_SIZE];
    struct request request;

    ask->generation += 1;
    if (ask->kind == ASK_STATUS) {
        request_init(&request, METHOD_STATUS);
        sim_ask(play->sim, ask->node, ticket_of(play, slot), &request);
        return;
    }
    ask->node = target_of(play, ask);
    ask->attempts += 1;
    request_fill(play, ask, &request);
    key_name(ask->key, name);
    request.key = slice_of(name, sizeof name);
    if (is_owner(play, ask->key, ask->node))
        play->work[ask->node].coordinated += 1;
    sim_ask(play->sim, ask->node, ticket_of(play, slot), &request);
}

void ask_begin(struct play *play, const struct ask *like)
{
    uint32_t slot = slot_take(play);
    struct ask *ask = &play->asks[slot];
    uint32_t generation = ask->generation;

    *ask = *like;
    ask->busy = true;
    ask->generation = generation;
    ask->began_us = sim_now_us(play->sim);
    ask->measured = play->measuring;
    if (ask->kind == ASK_LOAD && ask->measured)
        (ask->method == METHOD_GET ? &play->reads : &play->writes)->asked += 1;
    play->played += ask->kind != ASK_STATUS;
    ask_send(play, slot);
}

// ---- ending -------------------------------------------------------------------------------------

static uint32_t slot_of(const struct play *play, const struct ask *ask)
{
    return (uint32_t)(ask - play->asks);
}

static void ask_end(struct play *play, struct ask *ask, const struct reply *reply)
{
    struct ask ended = *ask;
    bool good = reply && reply->err == 0;

    ask->busy = false;
    play->free[play->free_count++] = slot_of(play, ask);
    play->busy_count -= 1;
    gain_ended(play, &ended, reply, good);
    user_ended(play, &ended, good);
}

static void ask_again(void *data, uint64_t ticket)
{
    struct ask *ask = ask_of(data, ticket);

    if (ask)
        ask_send(data, slot_of(data, ask));
}

// Ends an attempt that failed, or tries again after a pause as the client library would.
static void attempt_failed(struct play *play, struct ask *ask, const struct failure *failure,
                           const struct reply *reply)
{
    uint64_t now_us = sim_now_us(play->sim);
    uint64_t pause_us = retry_pause_ms(ask->attempts, &play->retry_rng) * 1000;

    if (ask->kind == ASK_STATUS || ask->attempts >= RETRY_ATTEMPTS_MAX ||
        !failure_is_retryable(failure) ||
        now_us + pause_us >= ask->began_us + play->setup->timeout_ms * UINT64_C(1000)) {
        ask_end(play, ask, reply);
        return;
    }
    ask->node = NOWHERE;
    sim_call(play->sim, now_us + pause_us, ask_again, play, ticket_of(play, slot_of(play, ask)));
}

void ask_replied(void *data, uint64_t ticket, const struct reply *reply)
{
    struct ask *ask = ask_of(data, ticket);
    struct failure failure = {.err = reply->err, .answered = true, .acks = reply->acks};

    if (!ask || ask->node == NOWHERE)
        return;
    failure.method = ask->method;
    if (reply->err)
        attempt_failed(data, ask, &failure, reply);
    else
        ask_end(data, ask, reply);
}

void ask_refused(void *data, uint64_t ticket)
{
    struct play *play = data;
    struct ask *ask = ask_of(play, ticket);
    struct failure failure = {.err = ERR_CONNECT};

    if (!ask || ask->node == NOWHERE)
        return;
    failure.method = ask->method;
    play->avoid_until_us[ask->node] = sim_now_us(play->sim) + AVOID_US;
    attempt_failed(play, ask, &failure, NULL);
}

void asks_closed(void *data, uint32_t node)
{
    struct play *play = data;
    uint32_t room = play->ask_room; // new ones go to others

    play->avoid_until_us[node] = sim_now_us(play->sim) + AVOID_US;
    for (uint32_t slot = 0; slot < room; slot++) {
        struct ask *ask = &play->asks[slot];
        struct failure failure = {.method = ask->method, .err = ERR_CLOSED, .sent = true};

        if (ask->busy && ask->node == node)
            attempt_failed(play, ask, &failure, NULL);
    }
}

void asks_status(struct play *play)
{
    uint64_t until_us = sim_now_us(play->sim) + STATUS_WAIT_US;

    play->status_left = 0;
    for (uint32_t node = 0; node < play->trial->nodes; node++) {
        if (host_state(play->sim, node) != HOST_UP)
            continue;
        play->status_left += 1;
        ask_begin(play, &(struct ask){.kind = ASK_STATUS, .method = METHOD_STATUS, .node = node});
    }
    while (play->status_left > 0 && sim_step(play->sim, until_us))
        continue;
}
