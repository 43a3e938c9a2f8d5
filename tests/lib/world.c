// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/world.h"

#include "base/check.h"
#include "base/err.h"
#include "base/heap.h"
#include "node/store/disk_memory.h"
#include "node/store/engine.h"
#include "node/store/tree_memory.h"
#include "node/wire/client.h"
#include "node/wire/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

enum { REPLIES_MAX = 1 << 16, SEGMENT_BYTES = 1 << 18, WALL_MS = 1700000000 };

// A message under way, a reply under way, or a disk that completes.
struct flight {
    struct heap_item due;
    uint32_t from;
    uint32_t to;
    bool disk;
    bool lost;
    struct buffer bytes;
};

struct kept_reply {
    struct buffer bytes;
    enum method method;
    struct wire_decoder decoder;
    struct reply reply;
    char text[512];
};

struct world {
    struct world_settings settings;
    struct rng rng;
    uint64_t now_us;
    uint64_t wall_ahead_ms;
    struct world_node nodes[WORLD_NODES_MAX];
    bool cut[WORLD_NODES_MAX][WORLD_NODES_MAX];
    uint64_t lives;
    struct heap flights;
    struct kept_reply *replies[REPLIES_MAX];
    uint64_t next_ticket;
    enum method methods[REPLIES_MAX];
    uint32_t lost, twice; // of 100
    bool mute[MESSAGE_KIND_COUNT];
    uint64_t sent_bytes[MESSAGE_KIND_COUNT];
    uint64_t sent[MESSAGE_KIND_COUNT];
    uint64_t alarms;
    uint64_t hash;
};

static void node_event(struct world *world, uint32_t index, struct event *event);

static uint64_t wall_ms(const struct world *world)
{
    return WALL_MS + world->wall_ahead_ms + world->now_us / 1000;
}

static int index_of(const struct world *world, uint64_t id)
{
    for (uint32_t i = 0; i < world->settings.nodes; i++) {
        if (world->nodes[i].member.id == id)
            return (int)i;
    }
    return -1;
}

static struct flight *fly(struct world *world, uint32_t from, uint32_t to)
{
    struct flight *flight = memory_new(sizeof *flight);
    uint64_t delay = 1 + rng_below(&world->rng, world->settings.delay_us_max);

    flight->from = from;
    flight->to = to;
    heap_add(&world->flights, &flight->due, world->now_us + delay);
    return flight;
}

static void send(struct world *world, uint32_t from, const struct action *action)
{
    int to = index_of(world, action->to);
    struct flight *flight;

    if (to >= 0 && world->settings.watch)
        world->settings.watch(world->settings.watch_data, from, (uint32_t)to, &action->message);
    if (to < 0 || world->cut[from][to] || !world->nodes[to].node ||
        world->mute[action->message.kind])
        return;
    flight = fly(world, from, (uint32_t)to);
    peer_message_encode(&action->message, &flight->bytes);
    world->sent_bytes[action->message.kind] += flight->bytes.size;
    world->sent[action->message.kind] += 1;
    world->hash = XXH3_64bits_withSeed(flight->bytes.data, flight->bytes.size, world->hash);
    if (world->twice && rng_below(&world->rng, 100) < world->twice)
        buffer_add_slice(&fly(world, from, (uint32_t)to)->bytes, buffer_slice(&flight->bytes));
    flight->lost = world->lost && rng_below(&world->rng, 100) < world->lost;
}

// Through the codec and back, as a client would get it.
static void keep_reply(struct world *world, uint64_t ticket, const struct reply *reply)
{
    struct kept_reply *kept = memory_new(sizeof *kept);

    check(ticket < REPLIES_MAX && !world->replies[ticket]); // exactly one reply
    kept->method = world->methods[ticket];
    reply_encode(1, reply, &kept->bytes);
    check(reply_decode(buffer_slice(&kept->bytes), kept->method, &kept->decoder, &kept->reply) ==
          0);
    snprintf(kept->text, sizeof kept->text, "%.*s", (int)kept->reply.text.size,
             (const char *)kept->reply.text.data);
    world->replies[ticket] = kept;
}

static void flight_free(struct flight *flight)
{
    buffer_done(&flight->bytes);
    free(flight);
}

// Everybody hears of everybody at once: gossip is tested elsewhere.
void world_tell_members(struct world *world, uint32_t about)
{
    const struct world_node *subject = &world->nodes[about];
    const struct topology *topology = subject->node ? node_topology(subject->node) : NULL;
    struct member_view view = {.member = subject->member,
                               .state = subject->node ? MEMBER_ALIVE : MEMBER_DEAD,
                               .epoch = topology ? topology->epoch : 0,
                               .digest = topology ? topology_digest(topology) : 0};
    struct event event = {
        .kind = EVENT_MEMBER, .member = &view, .cluster = topology ? topology->cluster : 0};

    for (uint32_t i = 0; i < world->settings.nodes; i++) {
        if (i != about && world->nodes[i].node)
            node_event(world, i, &event);
    }
}

static void tell_link(struct world *world, uint32_t a, uint32_t b, bool up)
{
    struct event event = {.kind = EVENT_LINK, .from = world->nodes[b].member.id, .up = up};

    if (world->nodes[a].node)
        node_event(world, a, &event);
}

static void turn_end(struct world *world, uint32_t index)
{
    struct world_node *node = &world->nodes[index];
    struct event event = {.kind = EVENT_DURABLE};

    store_turn_end(node->store, world->now_us / 1000);
    if (world->settings.slow_disk && disk_memory_waiting(node->disk))
        fly(world, index, index)->disk = true;
    check(store_poll(node->store) == 0);
    if (store_durable(node->store) != node->durable) {
        node->durable = store_durable(node->store);
        node_event(world, index, &event);
    }
}

static void act(struct world *world, uint32_t index, const struct action *action)
{
    switch (action->kind) {
    case ACTION_REPLY:
        keep_reply(world, action->ticket, action->reply);
        break;
    case ACTION_SEND:
        send(world, index, action);
        break;
    case ACTION_LOG:
        world->alarms += action->level == LOG_ALARM;
        break;
    case ACTION_TOPOLOGY:
        break;
    }
}

static void node_event(struct world *world, uint32_t index, struct event *event)
{
    struct world_node *node = &world->nodes[index];
    const struct actions *actions;
    bool topology = false;

    event->now_us = world->now_us;
    event->wall_ms = wall_ms(world);
    actions = node_step(node->node, event);
    for (uint32_t i = 0; i < actions->count; i++) {
        act(world, index, &actions->items[i]);
        topology |= actions->items[i].kind == ACTION_TOPOLOGY;
    }
    turn_end(world, index);
    if (topology)
        world_tell_members(world, index);
}

static void node_up(struct world *world, uint32_t index)
{
    struct world_node *node = &world->nodes[index];
    struct store_settings settings = store_settings_default();
    struct node_settings machine;
    struct store_found found;

    settings.actor = 0xac00 + ++world->lives;
    settings.segment_bytes = SEGMENT_BYTES;
    if (world->settings.dot_log_bytes)
        settings.dot_log_bytes = world->settings.dot_log_bytes;
    disk_memory_eager(node->disk, true);
    if (store_open(&settings, node->disk, node->tree, &node->store, &found)) {
        fprintf(stderr, "node %u: %s\n", index, found.error);
        abort();
    }
    disk_memory_eager(node->disk, !world->settings.slow_disk);
    node_settings_init(&machine);
    machine.self = node->member;
    machine.seed = rng_u64(&world->rng);
    if (world->settings.page_items)
        machine.repair_page_items = world->settings.page_items;
    if (world->settings.calm_us)
        machine.repair_calm_us = world->settings.calm_us;
    check(node_new(&machine, node->store, world->now_us, &node->node) == 0);
    node->durable = store_durable(node->store);
}

static void links_up(struct world *world, uint32_t index)
{
    for (uint32_t i = 0; i < world->settings.nodes; i++) {
        if (i == index || !world->nodes[i].node)
            continue;
        world_tell_members(world, i);
        tell_link(world, index, i, true);
        tell_link(world, i, index, true);
    }
    world_tell_members(world, index);
}

struct world *world_new(const struct world_settings *settings)
{
    struct world *world = memory_new(sizeof *world);

    check(settings->nodes <= WORLD_NODES_MAX);
    world->settings = *settings;
    world->now_us = 1000000;
    rng_init(&world->rng, settings->seed);
    for (uint32_t i = 0; i < settings->nodes; i++) {
        struct world_node *node = &world->nodes[i];

        node->member.id = 0x1000 + i;
        node->member.weight = 100;
        snprintf(node->member.name, sizeof node->member.name, "n%u", i + 1);
        snprintf(node->member.host, sizeof node->member.host, "h%u", i + 1);
        snprintf(node->member.client_address, sizeof node->member.client_address, "127.0.0.1:%u",
                 7400 + i);
        snprintf(node->member.peer_address, sizeof node->member.peer_address, "127.0.0.1:%u",
                 7500 + i);
        node->disk = disk_memory_new(SEGMENT_BYTES, settings->seed + i);
        node->tree = tree_memory_new();
        node_up(world, i);
    }
    for (uint32_t i = 0; i < settings->nodes; i++)
        links_up(world, i);
    return world;
}

static void node_down(struct world *world, uint32_t index)
{
    struct world_node *node = &world->nodes[index];

    node_free(node->node);
    node->node = NULL;
    disk_memory_crash(node->disk, DISK_CRASH_TEAR);
    tree_memory_crash(node->tree);
    store_abandon(node->store);
    node->store = NULL;
    (void)world;
}

void world_free(struct world *world)
{
    struct heap_item *item;

    for (uint32_t i = 0; i < world->settings.nodes; i++) {
        if (world->nodes[i].node)
            node_down(world, i);
        world->nodes[i].disk->calls->close(world->nodes[i].disk);
        world->nodes[i].tree->calls->close(world->nodes[i].tree);
    }
    while ((item = heap_first(&world->flights))) {
        heap_remove(&world->flights, item);
        flight_free((struct flight *)(void *)item);
    }
    heap_done(&world->flights);
    for (uint64_t i = 0; i < world->next_ticket; i++) {
        if (!world->replies[i])
            continue;
        wire_decoder_done(&world->replies[i]->decoder);
        buffer_done(&world->replies[i]->bytes);
        free(world->replies[i]);
    }
    free(world);
}

struct world_node *world_node(struct world *world, uint32_t node)
{
    return &world->nodes[node];
}

uint64_t world_now_us(const struct world *world)
{
    return world->now_us;
}

void world_set_wall_ahead(struct world *world, uint64_t ms)
{
    world->wall_ahead_ms = ms;
}

uint64_t world_request(struct world *world, uint32_t node, const struct request *request)
{
    uint64_t ticket = world->next_ticket++;
    struct event event = {.kind = EVENT_REQUEST, .ticket = ticket, .request = request};

    check(ticket < REPLIES_MAX);
    world->methods[ticket] = request->method;
    node_event(world, node, &event);
    return ticket;
}

struct world_reply world_reply(struct world *world, uint64_t ticket)
{
    const struct kept_reply *kept = world->replies[ticket];

    if (!kept)
        return (struct world_reply){0};
    return (struct world_reply){true, kept->reply.err, kept->text, &kept->reply};
}

static void land(struct world *world, struct flight *flight)
{
    struct world_node *node = &world->nodes[flight->to];
    struct wire_decoder decoder = {0};
    struct message message;
    struct event event = {.kind = EVENT_MESSAGE, .message = &message};

    if (!node->node || world->cut[flight->from][flight->to] || flight->lost)
        return;
    if (flight->disk) {
        disk_memory_complete(node->disk, 100);
        turn_end(world, flight->to);
        return;
    }
    event.from = world->nodes[flight->from].member.id;
    check(peer_message_decode(buffer_slice(&flight->bytes), &decoder, &message) == 0);
    node_event(world, flight->to, &event);
    wire_decoder_done(&decoder);
}

// The earliest deadline of a machine; its index in *out.
static uint64_t next_tick(const struct world *world, uint32_t *out)
{
    uint64_t first = UINT64_MAX;

    for (uint32_t i = 0; i < world->settings.nodes; i++) {
        uint64_t due = world->nodes[i].node ? node_deadline(world->nodes[i].node) : UINT64_MAX;

        if (due < first) {
            first = due;
            *out = i;
        }
    }
    return first;
}

// One thing happens, if any is due by `until_us`.
static bool world_step(struct world *world, uint64_t until_us)
{
    struct heap_item *item = heap_first(&world->flights);
    uint32_t ticking = 0;
    uint64_t tick = next_tick(world, &ticking);
    struct event event = {.kind = EVENT_TICK};

    if (item && item->key <= tick && item->key <= until_us) {
        struct flight *flight = (struct flight *)(void *)item;

        world->now_us = item->key > world->now_us ? item->key : world->now_us;
        heap_remove(&world->flights, item);
        land(world, flight);
        flight_free(flight);
        return true;
    }
    if (tick > until_us)
        return false;
    world->now_us = tick > world->now_us ? tick : world->now_us;
    node_event(world, ticking, &event);
    return true;
}

void world_run(struct world *world, uint64_t us)
{
    uint64_t until = world->now_us + us;

    while (world_step(world, until))
        ;
    world->now_us = until;
}

struct world_reply world_wait(struct world *world, uint64_t ticket)
{
    uint64_t until = world->now_us + 90000000;

    while (!world->replies[ticket] && world_step(world, until))
        ;
    return world_reply(world, ticket);
}

int world_init(struct world *world, uint32_t shards, uint32_t replicas)
{
    struct request request;
    struct world_reply reply;

    request_init(&request, METHOD_CLUSTER_INIT);
    request.nodes = world->settings.nodes;
    request.shards = shards;
    request.replicas = replicas;
    reply = world_wait(world, world_request(world, 0, &request));
    if (reply.err)
        fprintf(stderr, "cluster init: %s\n", reply.text);
    return reply.err;
}

void world_cut(struct world *world, uint32_t a, uint32_t b, bool notice)
{
    world->cut[a][b] = world->cut[b][a] = true;
    if (!notice)
        return;
    tell_link(world, a, b, false);
    tell_link(world, b, a, false);
}

void world_heal(struct world *world)
{
    memset(world->cut, 0, sizeof world->cut);
    for (uint32_t i = 0; i < world->settings.nodes; i++) {
        if (world->nodes[i].node)
            links_up(world, i);
    }
}

void world_crash(struct world *world, uint32_t node)
{
    node_down(world, node);
    for (uint32_t i = 0; i < world->settings.nodes; i++) {
        if (i != node)
            tell_link(world, i, node, false);
    }
}

void world_restart(struct world *world, uint32_t node)
{
    node_up(world, node);
    links_up(world, node);
}

void world_empty_disk(struct world *world, uint32_t node)
{
    struct world_node *at = &world->nodes[node];

    check(!at->node);
    at->disk->calls->close(at->disk);
    at->tree->calls->close(at->tree);
    at->disk = disk_memory_new(SEGMENT_BYTES, rng_u64(&world->rng));
    at->tree = tree_memory_new();
}

int world_read(struct world *world, uint32_t node, const char *name, struct arena *arena,
               struct store_view *out)
{
    const struct topology *topology = node_topology(world->nodes[node].node);
    struct key key;

    check(key_make(topology->seed, topology->shards, slice_of_text("b"), slice_of_text(name),
                   &key) == 0);
    return store_read(world->nodes[node].store, &key, arena, out);
}

void world_set_trouble(struct world *world, uint32_t lost, uint32_t twice)
{
    world->lost = lost;
    world->twice = twice;
}

void world_set_mute(struct world *world, enum message_kind kind, bool mute)
{
    world->mute[kind] = mute;
}

uint64_t world_sent_bytes(const struct world *world, enum message_kind kind)
{
    return world->sent_bytes[kind];
}

uint64_t world_sent(const struct world *world, enum message_kind kind)
{
    return world->sent[kind];
}

uint64_t world_alarms(const struct world *world)
{
    return world->alarms;
}

uint64_t world_trace_hash(const struct world *world)
{
    return world->hash;
}
