// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/swarm.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/err.h"

#include <stdlib.h>

enum event_kind { EVENT_DATAGRAM, EVENT_CONNECT, EVENT_BYTES };

// Something under way. Streams: the opener's number and node, the acceptor's number and node.
struct event {
    struct heap_item timer;
    enum event_kind kind;
    struct swim_address from;
    struct swim_address to;
    size_t node;
    uint64_t stream;
    size_t other_node;
    uint64_t other_stream;
    struct buffer bytes;
};

// An accepted stream answers to its opener: remembered until the run ends.
struct pipe {
    size_t node;
    uint64_t stream;
    size_t other_node;
    uint64_t other_stream;
};

static struct pipe pipes[4096];
static size_t pipe_count;

static void note(struct swarm *swarm, uint64_t value)
{
    swarm->trace = rng_mix(swarm->trace ^ value);
}

static void note_bytes(struct swarm *swarm, struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        note(swarm, bytes.data[i]);
}

void swarm_init(struct swarm *swarm, uint64_t seed)
{
    *swarm = (struct swarm){.delay_ms_max = 5, .timing = swim_timing_of(SWIM_LAN), .now_ms = 1000};
    rng_init(&swarm->rng, seed);
    pipe_count = 0;
}

static struct event *event_of(struct heap_item *item)
{
    return (struct event *)((char *)item - offsetof(struct event, timer));
}

static void event_free(struct swarm *swarm, struct event *event)
{
    heap_remove(&swarm->events, &event->timer);
    buffer_done(&event->bytes);
    free(event);
}

void swarm_done(struct swarm *swarm)
{
    while (heap_first(&swarm->events))
        event_free(swarm, event_of(heap_first(&swarm->events)));
    heap_done(&swarm->events);
    for (size_t i = 0; i < swarm->count; i++)
        swim_free(swarm->nodes[i].swim);
}

static struct event *event_add(struct swarm *swarm, enum event_kind kind, struct slice bytes)
{
    struct event *event = memory_new(sizeof *event);

    event->kind = kind;
    buffer_add_slice(&event->bytes, bytes);
    heap_add(&swarm->events, &event->timer,
             swarm->now_ms + 1 + rng_below(&swarm->rng, swarm->delay_ms_max));
    return event;
}

static size_t node_at(const struct swarm *swarm, const struct swim_address *address)
{
    for (size_t i = 0; i < swarm->count; i++) {
        if (swarm->nodes[i].swim && swim_address_equal(&swarm->nodes[i].address, address))
            return i;
    }
    return swarm->count;
}

static bool connected(const struct swarm *swarm, size_t a, size_t b)
{
    bool apart = (a == swarm->apart[0] && b == swarm->apart[1]) ||
                 (a == swarm->apart[1] && b == swarm->apart[0]);

    if (a >= swarm->count || b >= swarm->count || (apart && a != b))
        return false;
    return swarm->nodes[a].side == swarm->nodes[b].side;
}

static void send_datagram(struct swarm *swarm, size_t index, const struct swim_action *action)
{
    struct event *event;

    swarm->datagrams++;
    if (rng_below(&swarm->rng, 1000) < swarm->loss_permille)
        return;
    event = event_add(swarm, EVENT_DATAGRAM, action->bytes);
    event->node = index;
    event->from = swarm->nodes[index].address;
    event->to = action->address;
}

static void open_stream(struct swarm *swarm, size_t index, const struct swim_action *action)
{
    struct event *event = event_add(swarm, EVENT_CONNECT, action->bytes);

    event->node = index;
    event->stream = action->stream;
    event->to = action->address;
}

static void write_stream(struct swarm *swarm, size_t index, const struct swim_action *action)
{
    for (size_t i = 0; i < pipe_count; i++) {
        struct event *event;

        if (pipes[i].node != index || pipes[i].stream != action->stream)
            continue;
        event = event_add(swarm, EVENT_BYTES, action->bytes);
        event->node = pipes[i].other_node;
        event->stream = pipes[i].other_stream;
        event->other_node = index;
        return;
    }
}

static void perform(struct swarm *swarm, size_t index, const struct swim_action *action)
{
    struct swarm_node *node = &swarm->nodes[index];

    note(swarm, action->kind);
    note_bytes(swarm, action->bytes);
    switch (action->kind) {
    case SWIM_DATAGRAM:
        send_datagram(swarm, index, action);
        break;
    case SWIM_OPEN:
        open_stream(swarm, index, action);
        break;
    case SWIM_WRITE:
        write_stream(swarm, index, action);
        break;
    case SWIM_NOTICE:
        note(swarm, action->notice);
        node->notices[action->notice]++;
        break;
    case SWIM_JOIN_RESULT:
        node->joins_ok += action->err == 0;
        node->joins_failed += action->err != 0;
        break;
    case SWIM_USER_STATE:
        node->user_states++;
        break;
    case SWIM_LEFT_RING:
        node->left = true;
        break;
    case SWIM_CLOSE:
    case SWIM_USER_MESSAGE:
        break;
    }
}

void swarm_perform(struct swarm *swarm, size_t index)
{
    size_t count;
    const struct swim_action *actions = swim_actions(swarm->nodes[index].swim, &count);

    for (size_t i = 0; i < count; i++)
        perform(swarm, index, &actions[i]);
}

void swarm_start_at(struct swarm *swarm, size_t index, uint8_t host)
{
    const uint8_t ip[4] = {10, 0, 0, host};
    struct swarm_node *node = &swarm->nodes[index];
    struct swim_settings settings;

    swim_settings_init(&settings, SWIM_LAN);
    settings.timing = swarm->timing;
    settings.node_id = index + 1;
    settings.seed = rng_u64(&swarm->rng);
    settings.address = swim_address_of(slice_of(ip, sizeof ip), 7946);
    settings.meta = slice_of_text("meta");
    *node = (struct swarm_node){.node_id = index + 1, .address = settings.address};
    check(swim_new(&settings, swarm->now_ms, &node->swim) == 0);
    if (index >= swarm->count)
        swarm->count = index + 1;
}

void swarm_start(struct swarm *swarm, size_t index)
{
    swarm_start_at(swarm, index, (uint8_t)(index + 1));
}

void swarm_kill(struct swarm *swarm, size_t index)
{
    swim_free(swarm->nodes[index].swim);
    swarm->nodes[index].swim = NULL;
}

void swarm_join(struct swarm *swarm, size_t index, size_t seed_index)
{
    swim_join(swarm->nodes[index].swim, swarm->now_ms, &swarm->nodes[seed_index].address, 1);
    swarm_perform(swarm, index);
}

void swarm_leave(struct swarm *swarm, size_t index)
{
    swim_leave(swarm->nodes[index].swim, swarm->now_ms);
    swarm_perform(swarm, index);
}

static void arrive_datagram(struct swarm *swarm, const struct event *event)
{
    size_t to = node_at(swarm, &event->to);

    if (!connected(swarm, event->node, to) || swarm->nodes[to].deaf)
        return;
    swim_datagram(swarm->nodes[to].swim, swarm->now_ms, &event->from, buffer_slice(&event->bytes));
    swarm_perform(swarm, to);
}

static void arrive_connection(struct swarm *swarm, const struct event *event)
{
    size_t to = node_at(swarm, &event->to);
    struct swarm_node *opener = &swarm->nodes[event->node];
    uint64_t number;

    if (!opener->swim)
        return;
    if (!connected(swarm, event->node, to)) {
        swim_stream_ended(opener->swim, swarm->now_ms, event->stream, ERR_CONNECT);
        swarm_perform(swarm, event->node);
        return;
    }
    number = swim_accept(swarm->nodes[to].swim, swarm->now_ms, &opener->address);
    pipes[pipe_count++ % 4096] = (struct pipe){to, number, event->node, event->stream};
    if (pipe_count >= 4096)
        pipe_count = 0;
    // In two pieces, so that growing streams are always tried.
    for (size_t i = 0; i < 2; i++) {
        size_t half = event->bytes.size / 2;
        struct slice piece = i == 0 ? slice_of(event->bytes.data, half)
                                    : slice_of(event->bytes.data + half, event->bytes.size - half);

        swim_stream_bytes(swarm->nodes[to].swim, swarm->now_ms, number, piece);
        swarm_perform(swarm, to);
    }
}

static void arrive_bytes(struct swarm *swarm, const struct event *event)
{
    struct swarm_node *node = &swarm->nodes[event->node];

    if (!node->swim || !connected(swarm, event->node, event->other_node))
        return;
    swim_stream_bytes(node->swim, swarm->now_ms, event->stream, buffer_slice(&event->bytes));
    swarm_perform(swarm, event->node);
}

static bool is_stopped(const struct swarm *swarm, size_t index)
{
    return index < swarm->count && swarm->nodes[index].stopped;
}

static bool must_wait(const struct swarm *swarm, const struct event *event)
{
    if (event->kind == EVENT_BYTES)
        return is_stopped(swarm, event->node);
    return is_stopped(swarm, node_at(swarm, &event->to)) ||
           (event->kind == EVENT_CONNECT && is_stopped(swarm, event->node));
}

static void arrive(struct swarm *swarm, struct event *event)
{
    heap_remove(&swarm->events, &event->timer);
    if (must_wait(swarm, event)) {
        heap_add(&swarm->events, &event->timer, swarm->now_ms + 100);
        return;
    }
    if (event->kind == EVENT_DATAGRAM)
        arrive_datagram(swarm, event);
    else if (event->kind == EVENT_CONNECT)
        arrive_connection(swarm, event);
    else
        arrive_bytes(swarm, event);
    event_free(swarm, event);
}

// The next thing to happen: an arrival, or a node's deadline. Returns its time.
static uint64_t next(const struct swarm *swarm, size_t *node)
{
    const struct heap_item *first = heap_first(&swarm->events);
    uint64_t at = first ? first->key : UINT64_MAX;

    *node = swarm->count;
    for (size_t i = 0; i < swarm->count; i++) {
        uint64_t deadline;

        if (!swarm->nodes[i].swim || swarm->nodes[i].stopped)
            continue;
        deadline = swim_deadline(swarm->nodes[i].swim);
        if (deadline < at) {
            at = deadline;
            *node = i;
        }
    }
    return at;
}

bool swarm_run_until(struct swarm *swarm, uint64_t ms, bool (*holds)(const struct swarm *swarm))
{
    uint64_t end_ms = swarm->now_ms + ms;
    size_t node;

    for (;;) {
        uint64_t at = next(swarm, &node);

        if (holds && holds(swarm))
            return true;
        if (at > end_ms) {
            swarm->now_ms = end_ms;
            return holds && holds(swarm);
        }
        if (at > swarm->now_ms)
            swarm->now_ms = at;
        if (node == swarm->count) {
            arrive(swarm, event_of(heap_first(&swarm->events)));
        } else {
            swim_tick(swarm->nodes[node].swim, swarm->now_ms);
            swarm_perform(swarm, node);
        }
    }
}

void swarm_run(struct swarm *swarm, uint64_t ms)
{
    swarm_run_until(swarm, ms, NULL);
}

unsigned swarm_view(const struct swarm *swarm, size_t seer, size_t seen)
{
    const struct swim_member *member =
        swim_find(swarm->nodes[seer].swim, swarm->nodes[seen].node_id);

    return member ? (unsigned)member->state : MEMBER_LEFT + 1;
}

static bool agrees_about(const struct swarm *swarm, size_t seer, size_t seen)
{
    unsigned view = swarm_view(swarm, seer, seen);

    if (swarm->nodes[seen].swim)
        return view == MEMBER_ALIVE;
    return view != MEMBER_ALIVE && view != MEMBER_SUSPECT;
}

bool swarm_agrees(const struct swarm *swarm)
{
    for (size_t seer = 0; seer < swarm->count; seer++) {
        for (size_t seen = 0; swarm->nodes[seer].swim && seen < swarm->count; seen++) {
            if (!agrees_about(swarm, seer, seen))
                return false;
        }
    }
    return true;
}
