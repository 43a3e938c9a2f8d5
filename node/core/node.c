// SPDX-License-Identifier: Apache-2.0
// The machine's one entry: an event goes to whoever it concerns; what they decide becomes actions.
#include "node/core/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// Per upkeep: 1280 records a second are looked at for expiry, and up to 8 times as many while much
// is found.
enum { SWEEP_ITEMS = 256, SWEEP_ROUNDS = 8, STAMP_ALARM_US = 60000000 };

void node_settings_init(struct node_settings *settings)
{
    *settings = (struct node_settings){.value_size_max = VALUE_SIZE_DEFAULT,
                                       .operations_max = 4096,
                                       .memory_max = (size_t)256 << 20,
                                       .siblings_max = 100,
                                       .hedge_us_min = 1000,
                                       .repair_bytes_per_s = (uint64_t)64 << 20,
                                       .repair_keys_per_s = 50000,
                                       .repair_page_items = 512,
                                       .repair_calm_us = 70000000,
                                       .build = "",
                                       .durability = "sync"};
}

int node_new(const struct node_settings *settings, struct store *store, uint64_t now_us,
             struct node **out)
{
    struct node *node = memory_new(sizeof *node);
    int err;

    node->settings = *settings;
    node->store = store;
    node->now_us = now_us;
    node->started_us = now_us;
    node->next_upkeep_us = now_us;
    node->self = -1;
    rng_init(&node->rng, settings->seed);
    node->hedge_us = get_hedge_delay_us(node);
    node->put_hedge_us = put_hedge_delay_us(node);
    // Answers to operations of an earlier life must not fit one of this life.
    node->next_op = (rng_u64(&node->rng) >> 1) | 1;
    pace_init(&node->pace, now_us);
    repair_new(node);
    err = cluster_load(node);
    if (err) {
        node_free(node);
        return err;
    }
    *out = node;
    return 0;
}

void node_free(struct node *node)
{
    if (!node)
        return;
    ops_done(node);
    waits_done(node);
    kept_done(node);
    repair_done(node);
    peers_done(node);
    buckets_done(node);
    topology_free(node->topology);
    buffer_done(&node->proposal);
    buffer_done(&node->scratch);
    free(node->accepted);
    arena_done(&node->arena);
    free(node->actions.items);
    free(node);
}

struct action *node_act(struct node *node, enum action_kind kind)
{
    struct actions *actions = &node->actions;
    struct action *action;

    if (actions->count == actions->capacity) {
        actions->capacity = actions->capacity ? actions->capacity * 2 : 16;
        actions->items = memory_grow(actions->items, actions->capacity * sizeof(struct action));
    }
    action = &actions->items[actions->count++];
    *action = (struct action){.kind = kind};
    return action;
}

void node_send(struct node *node, uint64_t to, const struct message *message)
{
    struct action *action;

    if (kept_take(node, to, message))
        return;
    action = node_act(node, ACTION_SEND);
    action->to = to;
    action->message = *message;
}

void node_log(struct node *node, enum log_level level, const char *format, ...)
{
    char line[512];
    va_list args;
    struct action *action;
    int size;

    va_start(args, format);
    size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    check(size >= 0);
    action = node_act(node, ACTION_LOG);
    action->level = level;
    action->text = arena_text(&node->arena, "%s", line);
}

// The data is taken whatever its stamp; only our own clock does not follow it too far.
void node_see_stamp(struct node *node, uint64_t stamp)
{
    if (stamp_see(&node->stamp, node->wall_ms, stamp))
        return;
    if (node->stamp_alarm_us && node->now_us < node->stamp_alarm_us + STAMP_ALARM_US)
        return;
    node->stamp_alarm_us = node->now_us;
    node_log(node, LOG_ALARM,
             "a version was stamped more than %d s ahead of this node's clock: the clock of some "
             "node is wrong; the version is kept, and wins where the latest write does",
             STAMP_AHEAD_MS_MAX / 1000);
}

static void answer_step(struct node *node, uint64_t from, const struct message *message)
{
    struct op *op = op_find(node, message->op);

    if (!op)
        return; // late, or meant for an earlier life
    if (message->kind == MESSAGE_APPLIED && op->kind == OP_PUT)
        put_acked(node, op, from, message->err);
    else if (message->kind == MESSAGE_OBJECT && op->kind == OP_GET)
        get_answered(node, op, from, message);
    else if (message->kind == MESSAGE_OBJECT && op->kind == OP_REBUILD)
        rebuild_answered(node, op, from, message);
    else if (message->kind == MESSAGE_FORWARDED && op->kind == OP_FORWARD)
        forward_answered(node, op, from, message);
}

static void message_step(struct node *node, uint64_t from, const struct message *message)
{
    struct origin origin = {ORIGIN_PEER, message->op, from, node->now_us};

    peer_heard(node, from);
    switch (message->kind) {
    case MESSAGE_APPLY:
        replica_apply(node, from, message);
        break;
    case MESSAGE_READ:
        replica_read(node, from, message);
        break;
    case MESSAGE_APPLIED:
    case MESSAGE_OBJECT:
    case MESSAGE_FORWARDED:
        answer_step(node, from, message);
        break;
    case MESSAGE_FORWARD:
        request_step(node, &origin, message->request);
        break;
    case MESSAGE_PROPERTIES:
        bucket_forget(node, message->bucket);
        break;
    case MESSAGE_NAME:
        mend_asked(node, from, message);
        break;
    case MESSAGE_NAMED:
        mend_named(node, from, message);
        break;
    case MESSAGE_OFFER:
    case MESSAGE_SYNC:
    case MESSAGE_SYNCED:
    case MESSAGE_FILL:
    case MESSAGE_FILLED:
        repair_message(node, from, message);
        break;
    default:
        cluster_message(node, from, message);
        break;
    }
}

static void sweep(struct node *node)
{
    uint32_t dropped = SWEEP_ITEMS;

    for (int round = 0; round < SWEEP_ROUNDS && dropped >= SWEEP_ITEMS / 4; round++) {
        dropped = store_sweep(node->store, node->wall_ms, SWEEP_ITEMS);
        repair_spend(node, 0, dropped);
    }
}

static void upkeep(struct node *node)
{
    if (node->now_us < node->next_upkeep_us)
        return;
    node->next_upkeep_us = node->now_us + UPKEEP_US;
    kept_expire(node);
    pace_turn(&node->pace, node->now_us);
    cluster_upkeep(node);
    cluster_init_upkeep(node);
    node->hedge_us = get_hedge_delay_us(node);
    node->put_hedge_us = put_hedge_delay_us(node);
    if (repair_allows(node))
        sweep(node);
}

const struct actions *node_step(struct node *node, const struct event *event)
{
    struct origin origin = {ORIGIN_CLIENT, event->ticket, 0, 0};

    arena_reset(&node->arena);
    node->actions.count = 0;
    if (event->now_us > node->now_us)
        node->now_us = event->now_us;
    origin.since_us = node->now_us;
    node->wall_ms = event->wall_ms;
    switch (event->kind) {
    case EVENT_REQUEST:
        request_step(node, &origin, event->request);
        break;
    case EVENT_CLIENT_GONE:
        op_client_gone(node, event->ticket);
        break;
    case EVENT_MESSAGE:
        message_step(node, event->from, event->message);
        break;
    case EVENT_LINK:
        peer_link(node, event);
        break;
    case EVENT_MEMBER:
        peer_member(node, event);
        break;
    case EVENT_DURABLE:
        wait_release(node);
        break;
    case EVENT_TICK:
        op_tick(node);
        upkeep(node);
        repair_tick(node);
        break;
    }
    return &node->actions;
}

uint64_t node_deadline(const struct node *node)
{
    const struct heap_item *first = heap_first(&node->timers);
    uint64_t due = node->next_upkeep_us;

    if (repair_deadline(node) < due)
        due = repair_deadline(node);
    return first && first->key < due ? first->key : due;
}

const struct topology *node_topology(const struct node *node)
{
    return node->topology;
}

uint32_t node_in_flight(const struct node *node)
{
    return node->client_ops;
}

void node_drain(struct node *node)
{
    node->draining = true;
}
