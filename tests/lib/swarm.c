// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/swarm.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/err.h"
#include "gossip/machine.h"

#include <stdlib.h>
#include <xxhash.h>

enum event_kind { EVENT_DATAGRAM, EVENT_CONNECT, EVENT_BYTES };

enum { PORT = 7946, STOPPED_POLL_MS = 5 };

// Something under way. Streams: the opener's number and node, the acceptor's number and node.
struct event {
    struct heap_item timer;
    enum event_kind kind;
    struct swim_address from;
    struct swim_address to;
    size_t node;
    uint64_t stream;
    size_t other_node;
    struct buffer bytes;
};

// An accepted stream answers to its opener.
struct pipe {
    size_t other_node;
    uint64_t other_stream;
};

static void note(struct swarm *swarm, uint64_t value)
{
    swarm->trace = rng_mix(swarm->trace ^ value);
}

void swarm_init(struct swarm *swarm, uint64_t seed)
{
    *swarm = (struct swarm){.delay_ms_max = 5, .timing = swim_timing_of(SWIM_LAN), .now_ms = 1000};
    rng_init(&swarm->rng, seed);
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
    struct pipe *pipe;
    size_t at = 0;

    while (heap_first(&swarm->events))
        event_free(swarm, event_of(heap_first(&swarm->events)));
    heap_done(&swarm->events);
    heap_done(&swarm->timers);
    while ((pipe = table_next(&swarm->pipes, &at)))
        free(pipe);
    table_done(&swarm->pipes);
    table_done(&swarm->by_address);
    for (size_t i = 0; i < swarm->count; i++)
        swim_free(swarm->nodes[i].swim);
    free(swarm->nodes);
}

// --- The network ---------------------------------------------------------------------------------

// What a blocked node sends leaves when it is free again.
static struct event *event_add(struct swarm *swarm, size_t from, enum event_kind kind,
                               struct slice bytes)
{
    struct event *event = memory_new(sizeof *event);
    uint64_t free_ms = swarm->nodes[from].blocked_until_ms;
    uint64_t leaves_ms = free_ms > swarm->now_ms ? free_ms : swarm->now_ms;

    event->kind = kind;
    buffer_add_slice(&event->bytes, bytes);
    heap_add(&swarm->events, &event->timer,
             leaves_ms + 1 + rng_below(&swarm->rng, swarm->delay_ms_max));
    return event;
}

static uint64_t address_key(const struct swim_address *address)
{
    uint64_t key = address->port;

    for (size_t i = 0; i < SWIM_ADDRESS_V4; i++)
        key = key << 8 | address->bytes[i];
    return key;
}

static size_t node_at(const struct swarm *swarm, const struct swim_address *address)
{
    size_t found = (size_t)(uintptr_t)table_find(&swarm->by_address, address_key(address));

    return found && swarm->nodes[found - 1].swim ? found - 1 : swarm->count;
}

static bool reaches(const struct swarm *swarm, size_t from, size_t to)
{
    bool apart = (from == swarm->apart[0] && to == swarm->apart[1]) ||
                 (from == swarm->apart[1] && to == swarm->apart[0]);

    if (from >= swarm->count || to >= swarm->count || (apart && from != to))
        return false;
    if (swarm->reaches && !swarm->reaches(swarm, from, to))
        return false;
    return swarm->nodes[from].side == swarm->nodes[to].side;
}

static bool connected(const struct swarm *swarm, size_t a, size_t b)
{
    return reaches(swarm, a, b) && reaches(swarm, b, a);
}

static void send_datagram(struct swarm *swarm, size_t index, const struct swim_action *action)
{
    struct event *event;

    swarm->datagrams++;
    if (swarm->tap)
        swarm->tap(swarm, index, action->bytes);
    if (rng_below(&swarm->rng, 1000) < swarm->loss_permille)
        return;
    event = event_add(swarm, index, EVENT_DATAGRAM, action->bytes);
    event->node = index;
    event->from = swarm->nodes[index].address;
    event->to = action->address;
}

static void open_stream(struct swarm *swarm, size_t index, const struct swim_action *action)
{
    struct event *event = event_add(swarm, index, EVENT_CONNECT, action->bytes);

    event->node = index;
    event->stream = action->stream;
    event->to = action->address;
}

static uint64_t pipe_key(size_t node, uint64_t stream)
{
    return (uint64_t)node << 40 ^ stream;
}

static void write_stream(struct swarm *swarm, size_t index, const struct swim_action *action)
{
    struct pipe *pipe = table_remove(&swarm->pipes, pipe_key(index, action->stream));
    struct event *event;

    if (!pipe)
        return;
    event = event_add(swarm, index, EVENT_BYTES, action->bytes);
    event->node = pipe->other_node;
    event->stream = pipe->other_stream;
    event->other_node = index;
    free(pipe);
}

// --- Actions -------------------------------------------------------------------------------------

static void perform(struct swarm *swarm, size_t index, const struct swim_action *action)
{
    struct swarm_node *node = &swarm->nodes[index];

    note(swarm, action->kind);
    note(swarm, XXH3_64bits(action->bytes.data, action->bytes.size));
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
        if (swarm->noticed)
            swarm->noticed(swarm, index, action);
        break;
    case SWIM_JOIN_RESULT:
        node->joins_ok += action->err == 0;
        node->joins_failed += action->err != 0;
        break;
    case SWIM_USER_STATE:
        node->user_states++;
        break;
    case SWIM_USER_MESSAGE:
        node->user_messages++;
        break;
    case SWIM_LEFT_RING:
        node->left = true;
        break;
    case SWIM_CLOSE:
        break;
    }
}

void swarm_perform(struct swarm *swarm, size_t index)
{
    struct swarm_node *node = &swarm->nodes[index];
    size_t count;
    const struct swim_action *actions = swim_actions(node->swim, &count);

    for (size_t i = 0; i < count; i++)
        perform(swarm, index, &actions[i]);
    heap_remove(&swarm->timers, &node->timer);
    heap_add(&swarm->timers, &node->timer, swim_deadline(node->swim));
}

// --- Nodes ---------------------------------------------------------------------------------------

// The heap points to the nodes, so they move only while it is empty.
static void make_room(struct swarm *swarm, size_t count)
{
    struct swarm_node *nodes;
    size_t capacity = swarm->capacity ? swarm->capacity : 64;

    if (count <= swarm->capacity)
        return;
    while (capacity < count)
        capacity *= 2;
    for (size_t i = 0; i < swarm->count; i++)
        heap_remove(&swarm->timers, &swarm->nodes[i].timer);
    nodes = memory_new(capacity * sizeof *nodes);
    if (swarm->count)
        memcpy(nodes, swarm->nodes, swarm->count * sizeof *nodes);
    free(swarm->nodes);
    swarm->nodes = nodes;
    swarm->capacity = capacity;
    for (size_t i = 0; i < swarm->count; i++) {
        if (nodes[i].swim)
            heap_add(&swarm->timers, &nodes[i].timer, swim_deadline(nodes[i].swim));
    }
}

void swarm_start_at(struct swarm *swarm, size_t index, uint32_t host)
{
    const uint8_t ip[4] = {10, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host};
    struct swim_settings settings;
    struct swarm_node *node;

    make_room(swarm, index + 1);
    node = &swarm->nodes[index];
    swim_settings_init(&settings, SWIM_LAN);
    settings.timing = swarm->timing;
    settings.node_id = index + 1;
    settings.seed = rng_u64(&swarm->rng);
    settings.address = swim_address_of(slice_of(ip, sizeof ip), PORT);
    settings.meta = slice_of_text("meta");
    if (swarm->adjust)
        swarm->adjust(swarm, index, &settings);
    if (node->address.size)
        table_remove(&swarm->by_address, address_key(&node->address));
    heap_remove(&swarm->timers, &node->timer);
    *node = (struct swarm_node){.node_id = settings.node_id, .address = settings.address};
    table_set(&swarm->by_address, address_key(&node->address), (void *)(uintptr_t)(index + 1));
    check(swim_new(&settings, swarm->now_ms, &node->swim) == 0);
    heap_add(&swarm->timers, &node->timer, swim_deadline(node->swim));
    if (index >= swarm->count)
        swarm->count = index + 1;
}

void swarm_start(struct swarm *swarm, size_t index)
{
    swarm_start_at(swarm, index, (uint32_t)(index + 1));
}

size_t swarm_index(uint64_t node_id)
{
    return (size_t)node_id - 1;
}

void swarm_kill(struct swarm *swarm, size_t index)
{
    heap_remove(&swarm->timers, &swarm->nodes[index].timer);
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

// --- What happens --------------------------------------------------------------------------------

static void arrive_datagram(struct swarm *swarm, const struct event *event)
{
    size_t to = node_at(swarm, &event->to);

    if (!reaches(swarm, event->node, to) || swarm->nodes[to].deaf)
        return;
    swim_datagram(swarm->nodes[to].swim, swarm->now_ms, &event->from, buffer_slice(&event->bytes));
    swarm_perform(swarm, to);
}

static void end_stream(struct swarm *swarm, size_t node, uint64_t stream, int err)
{
    swim_stream_ended(swarm->nodes[node].swim, swarm->now_ms, stream, err);
    swarm_perform(swarm, node);
}

static void arrive_connection(struct swarm *swarm, const struct event *event)
{
    size_t to = node_at(swarm, &event->to);
    struct swarm_node *opener = &swarm->nodes[event->node];
    struct pipe *pipe;
    uint64_t number;

    if (!opener->swim)
        return;
    number = !swarm->no_streams && connected(swarm, event->node, to)
                 ? swim_accept(swarm->nodes[to].swim, swarm->now_ms, &opener->address)
                 : 0;
    if (number == 0) {
        end_stream(swarm, event->node, event->stream, ERR_CONNECT);
        return;
    }
    pipe = memory_new(sizeof *pipe);
    *pipe = (struct pipe){event->node, event->stream};
    table_set(&swarm->pipes, pipe_key(to, number), pipe);
    // In two pieces, so that growing streams are always tried.
    for (size_t i = 0; i < 2; i++) {
        size_t half = event->bytes.size / 2;
        struct slice piece = i == 0 ? slice_of(event->bytes.data, half)
                                    : slice_of(event->bytes.data + half, event->bytes.size - half);

        swim_stream_bytes(swarm->nodes[to].swim, swarm->now_ms, number, piece);
        swarm_perform(swarm, to);
    }
    pipe = table_remove(&swarm->pipes, pipe_key(to, number)); // not answered: it is closed
    free(pipe);
    if (pipe)
        end_stream(swarm, event->node, event->stream, ERR_CLOSED);
}

static void arrive_bytes(struct swarm *swarm, const struct event *event)
{
    struct swarm_node *node = &swarm->nodes[event->node];

    if (!node->swim || !connected(swarm, event->node, event->other_node))
        return;
    swim_stream_bytes(node->swim, swarm->now_ms, event->stream, buffer_slice(&event->bytes));
    swarm_perform(swarm, event->node);
}

// When what is for this node can be looked at again; 0: now.
static uint64_t waits_until(const struct swarm *swarm, size_t index)
{
    const struct swarm_node *node = &swarm->nodes[index];

    if (index >= swarm->count)
        return 0;
    if (node->stopped)
        return swarm->now_ms + 100;
    if (swarm->loops_block && node->blocked_until_ms == swarm->now_ms)
        return swarm->now_ms + 1; // its loops go on first
    return node->blocked_until_ms > swarm->now_ms ? node->blocked_until_ms : 0;
}

static uint64_t event_waits_until(const struct swarm *swarm, const struct event *event)
{
    uint64_t until;

    if (event->kind == EVENT_BYTES)
        return waits_until(swarm, event->node);
    until = waits_until(swarm, node_at(swarm, &event->to));
    if (!until && event->kind == EVENT_CONNECT)
        until = waits_until(swarm, event->node);
    return until;
}

static void arrive(struct swarm *swarm, struct event *event)
{
    uint64_t until = event_waits_until(swarm, event);

    heap_remove(&swarm->events, &event->timer);
    if (until) {
        heap_add(&swarm->events, &event->timer, until);
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

static void hold(uint64_t *due_ms, uint64_t now_ms, uint64_t until_ms)
{
    if (*due_ms <= now_ms)
        *due_ms = until_ms;
}

// In memberlist each of these is a loop, which stands still in the send that blocks: of many probes
// that were due one is made, and of many rounds of gossip one. The timers of suspicions have no
// loop. A probe whose ping waits begins in time and is found to be late when all goes on.
static void hold_loops(struct swim *swim, uint64_t now_ms, uint64_t until_ms)
{
    hold(&swim->gossip_due_ms, now_ms, until_ms);
    hold(&swim->exchange_due_ms, now_ms, until_ms);
    if (swim->probe.phase != PROBE_IDLE)
        hold(&swim->probe.step_ms, now_ms, until_ms);
}

static void tick(struct swarm *swarm, struct swarm_node *node)
{
    if (swarm->loops_block && node->blocked_until_ms > swarm->now_ms)
        hold_loops(node->swim, swarm->now_ms, node->blocked_until_ms);
    if (node->stopped) {
        heap_remove(&swarm->timers, &node->timer);
        heap_add(&swarm->timers, &node->timer, swarm->now_ms + STOPPED_POLL_MS);
        return;
    }
    swim_tick(node->swim, swarm->now_ms);
    swarm_perform(swarm, (size_t)(node - swarm->nodes));
}

static struct swarm_node *node_of(struct heap_item *item)
{
    return (struct swarm_node *)((char *)item - offsetof(struct swarm_node, timer));
}

// Arrivals come before deadlines of the same time.
static void step(struct swarm *swarm)
{
    struct heap_item *event = heap_first(&swarm->events);
    struct heap_item *timer = heap_first(&swarm->timers);

    if (event && (!timer || event->key <= timer->key))
        arrive(swarm, event_of(event));
    else
        tick(swarm, node_of(timer));
}

static uint64_t next_ms(const struct swarm *swarm)
{
    const struct heap_item *event = heap_first(&swarm->events);
    const struct heap_item *timer = heap_first(&swarm->timers);
    uint64_t at = event ? event->key : UINT64_MAX;

    return timer && timer->key < at ? timer->key : at;
}

bool swarm_run_until(struct swarm *swarm, uint64_t ms, bool (*holds)(const struct swarm *swarm))
{
    uint64_t end_ms = swarm->now_ms + ms;
    uint64_t looked_ms = 0;

    for (;;) {
        uint64_t at = next_ms(swarm);

        // Looking may take long: once for each millisecond in which something happens.
        if (holds && at > looked_ms && holds(swarm))
            return true;
        looked_ms = at;
        if (at > end_ms) {
            swarm->now_ms = end_ms;
            return holds && holds(swarm);
        }
        if (at > swarm->now_ms)
            swarm->now_ms = at;
        step(swarm);
    }
}

void swarm_run(struct swarm *swarm, uint64_t ms)
{
    swarm_run_until(swarm, ms, NULL);
}

// --- Looking -------------------------------------------------------------------------------------

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
