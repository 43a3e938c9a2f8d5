// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/ring.h"

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

static void note(struct ring *ring, uint64_t value)
{
    ring->trace = rng_mix(ring->trace ^ value);
}

static void note_bytes(struct ring *ring, struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        note(ring, bytes.data[i]);
}

void ring_init(struct ring *ring, uint64_t seed)
{
    *ring = (struct ring){.delay_ms_max = 5, .timing = swim_timing_of(SWIM_LAN), .now_ms = 1000};
    rng_init(&ring->rng, seed);
    pipe_count = 0;
}

static struct event *event_of(struct heap_item *item)
{
    return (struct event *)((char *)item - offsetof(struct event, timer));
}

static void event_free(struct ring *ring, struct event *event)
{
    heap_remove(&ring->events, &event->timer);
    buffer_done(&event->bytes);
    free(event);
}

void ring_done(struct ring *ring)
{
    while (heap_first(&ring->events))
        event_free(ring, event_of(heap_first(&ring->events)));
    heap_done(&ring->events);
    for (size_t i = 0; i < ring->count; i++)
        swim_free(ring->nodes[i].swim);
}

static struct event *event_add(struct ring *ring, enum event_kind kind, struct slice bytes)
{
    struct event *event = memory_new(sizeof *event);

    event->kind = kind;
    buffer_add_slice(&event->bytes, bytes);
    heap_add(&ring->events, &event->timer,
             ring->now_ms + 1 + rng_below(&ring->rng, ring->delay_ms_max));
    return event;
}

static size_t node_at(const struct ring *ring, const struct swim_address *address)
{
    for (size_t i = 0; i < ring->count; i++) {
        if (ring->nodes[i].swim && swim_address_equal(&ring->nodes[i].address, address))
            return i;
    }
    return ring->count;
}

static bool connected(const struct ring *ring, size_t a, size_t b)
{
    bool apart = (a == ring->apart[0] && b == ring->apart[1]) ||
                 (a == ring->apart[1] && b == ring->apart[0]);

    if (a >= ring->count || b >= ring->count || (apart && a != b))
        return false;
    return ring->nodes[a].side == ring->nodes[b].side;
}

static void send_datagram(struct ring *ring, size_t index, const struct swim_action *action)
{
    struct event *event;

    ring->datagrams++;
    if (rng_below(&ring->rng, 1000) < ring->loss_permille)
        return;
    event = event_add(ring, EVENT_DATAGRAM, action->bytes);
    event->node = index;
    event->from = ring->nodes[index].address;
    event->to = action->address;
}

static void open_stream(struct ring *ring, size_t index, const struct swim_action *action)
{
    struct event *event = event_add(ring, EVENT_CONNECT, action->bytes);

    event->node = index;
    event->stream = action->stream;
    event->to = action->address;
}

static void write_stream(struct ring *ring, size_t index, const struct swim_action *action)
{
    for (size_t i = 0; i < pipe_count; i++) {
        struct event *event;

        if (pipes[i].node != index || pipes[i].stream != action->stream)
            continue;
        event = event_add(ring, EVENT_BYTES, action->bytes);
        event->node = pipes[i].other_node;
        event->stream = pipes[i].other_stream;
        event->other_node = index;
        return;
    }
}

static void perform(struct ring *ring, size_t index, const struct swim_action *action)
{
    struct ring_node *node = &ring->nodes[index];

    note(ring, action->kind);
    note_bytes(ring, action->bytes);
    switch (action->kind) {
    case SWIM_DATAGRAM:
        send_datagram(ring, index, action);
        break;
    case SWIM_OPEN:
        open_stream(ring, index, action);
        break;
    case SWIM_WRITE:
        write_stream(ring, index, action);
        break;
    case SWIM_NOTICE:
        note(ring, action->notice);
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

void ring_perform(struct ring *ring, size_t index)
{
    size_t count;
    const struct swim_action *actions = swim_actions(ring->nodes[index].swim, &count);

    for (size_t i = 0; i < count; i++)
        perform(ring, index, &actions[i]);
}

void ring_start_at(struct ring *ring, size_t index, uint8_t host)
{
    const uint8_t ip[4] = {10, 0, 0, host};
    struct ring_node *node = &ring->nodes[index];
    struct swim_settings settings;

    swim_settings_init(&settings, SWIM_LAN);
    settings.timing = ring->timing;
    settings.node_id = index + 1;
    settings.seed = rng_u64(&ring->rng);
    settings.address = swim_address_of(slice_of(ip, sizeof ip), 7946);
    settings.meta = slice_of_text("meta");
    *node = (struct ring_node){.node_id = index + 1, .address = settings.address};
    check(swim_new(&settings, ring->now_ms, &node->swim) == 0);
    if (index >= ring->count)
        ring->count = index + 1;
}

void ring_start(struct ring *ring, size_t index)
{
    ring_start_at(ring, index, (uint8_t)(index + 1));
}

void ring_kill(struct ring *ring, size_t index)
{
    swim_free(ring->nodes[index].swim);
    ring->nodes[index].swim = NULL;
}

void ring_join(struct ring *ring, size_t index, size_t seed_index)
{
    swim_join(ring->nodes[index].swim, ring->now_ms, &ring->nodes[seed_index].address, 1);
    ring_perform(ring, index);
}

void ring_leave(struct ring *ring, size_t index)
{
    swim_leave(ring->nodes[index].swim, ring->now_ms);
    ring_perform(ring, index);
}

static void arrive_datagram(struct ring *ring, const struct event *event)
{
    size_t to = node_at(ring, &event->to);

    if (!connected(ring, event->node, to) || ring->nodes[to].deaf)
        return;
    swim_datagram(ring->nodes[to].swim, ring->now_ms, &event->from, buffer_slice(&event->bytes));
    ring_perform(ring, to);
}

static void arrive_connection(struct ring *ring, const struct event *event)
{
    size_t to = node_at(ring, &event->to);
    struct ring_node *opener = &ring->nodes[event->node];
    uint64_t number;

    if (!opener->swim)
        return;
    if (!connected(ring, event->node, to)) {
        swim_stream_ended(opener->swim, ring->now_ms, event->stream, ERR_CONNECT);
        ring_perform(ring, event->node);
        return;
    }
    number = swim_accept(ring->nodes[to].swim, ring->now_ms, &opener->address);
    pipes[pipe_count++ % 4096] = (struct pipe){to, number, event->node, event->stream};
    if (pipe_count >= 4096)
        pipe_count = 0;
    // In two pieces, so that growing streams are always tried.
    for (size_t i = 0; i < 2; i++) {
        size_t half = event->bytes.size / 2;
        struct slice piece = i == 0 ? slice_of(event->bytes.data, half)
                                    : slice_of(event->bytes.data + half, event->bytes.size - half);

        swim_stream_bytes(ring->nodes[to].swim, ring->now_ms, number, piece);
        ring_perform(ring, to);
    }
}

static void arrive_bytes(struct ring *ring, const struct event *event)
{
    struct ring_node *node = &ring->nodes[event->node];

    if (!node->swim || !connected(ring, event->node, event->other_node))
        return;
    swim_stream_bytes(node->swim, ring->now_ms, event->stream, buffer_slice(&event->bytes));
    ring_perform(ring, event->node);
}

static void arrive(struct ring *ring, struct event *event)
{
    heap_remove(&ring->events, &event->timer);
    if (event->kind == EVENT_DATAGRAM)
        arrive_datagram(ring, event);
    else if (event->kind == EVENT_CONNECT)
        arrive_connection(ring, event);
    else
        arrive_bytes(ring, event);
    event_free(ring, event);
}

// The next thing to happen: an arrival, or a node's deadline. Returns its time.
static uint64_t next(const struct ring *ring, size_t *node)
{
    const struct heap_item *first = heap_first(&ring->events);
    uint64_t at = first ? first->key : UINT64_MAX;

    *node = ring->count;
    for (size_t i = 0; i < ring->count; i++) {
        uint64_t deadline;

        if (!ring->nodes[i].swim)
            continue;
        deadline = swim_deadline(ring->nodes[i].swim);
        if (deadline < at) {
            at = deadline;
            *node = i;
        }
    }
    return at;
}

bool ring_run_until(struct ring *ring, uint64_t ms, bool (*holds)(const struct ring *ring))
{
    uint64_t end_ms = ring->now_ms + ms;
    size_t node;

    for (;;) {
        uint64_t at = next(ring, &node);

        if (holds && holds(ring))
            return true;
        if (at > end_ms) {
            ring->now_ms = end_ms;
            return holds && holds(ring);
        }
        if (at > ring->now_ms)
            ring->now_ms = at;
        if (node == ring->count) {
            arrive(ring, event_of(heap_first(&ring->events)));
        } else {
            swim_tick(ring->nodes[node].swim, ring->now_ms);
            ring_perform(ring, node);
        }
    }
}

void ring_run(struct ring *ring, uint64_t ms)
{
    ring_run_until(ring, ms, NULL);
}

unsigned ring_view(const struct ring *ring, size_t seer, size_t seen)
{
    const struct swim_member *member = swim_find(ring->nodes[seer].swim, ring->nodes[seen].node_id);

    return member ? (unsigned)member->state : MEMBER_LEFT + 1;
}

static bool agrees_about(const struct ring *ring, size_t seer, size_t seen)
{
    unsigned view = ring_view(ring, seer, seen);

    if (ring->nodes[seen].swim)
        return view == MEMBER_ALIVE;
    return view != MEMBER_ALIVE && view != MEMBER_SUSPECT;
}

bool ring_agrees(const struct ring *ring)
{
    for (size_t seer = 0; seer < ring->count; seer++) {
        for (size_t seen = 0; ring->nodes[seer].swim && seen < ring->count; seen++) {
            if (!agrees_about(ring, seer, seen))
                return false;
        }
    }
    return true;
}
