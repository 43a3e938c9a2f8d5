// SPDX-License-Identifier: Apache-2.0
// Beginning: data directory, ports, machine, gossip; then the port file, which means ready. End:
// refuse new requests and say goodbye at once, let what is in flight finish for a bounded time,
// then close connections first and the store last.
#include "node/io/service.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "node/io/clients.h"
#include "node/io/descriptors.h"
#include "node/io/greeting.h"
#include "node/io/inbound.h"
#include "node/io/keys.h"
#include "node/io/links.h"
#include "node/io/places.h"
#include "node/io/ring.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    SWEEP_MS_MAX = 250,
    DRAIN_POLL_MS = 10,
    KNOWN_SAVE_MS = 1000,
    STRANGERS_MAX = 1024, // members of other clusters that the log has told of
    TICKETS_EXTRA = 1024, // requests that need no operation: ping, status
    SEGMENT_SLACK = 1 << 20,
    EXIT_FAILURE_CODE = 8
};

struct service {
    const struct settings *settings;
    struct loop loop;
    struct places places;
    struct store *store;
    struct store_found found;
    struct known known;
    struct clients clients;
    struct inbound inbound;
    struct links links;
    struct ring ring;
    struct guard guard; // of gossip
    struct member self;
    struct node_meta meta;
    struct hello hello;
    struct table strangers;
    uint64_t known_saved_ms;
    bool known_told; // that it cannot be saved
    uv_signal_t terminate;
    uv_signal_t interrupt;
    uv_signal_t hangup;
    uv_timer_t drain;
    uint64_t drain_until_ms;
    bool has_signals;
    bool draining;
    bool has_left;
};

static uint64_t random_u64(void)
{
    uint64_t value = 0;

    while (value == 0)
        keys_fill(NULL, (uint8_t *)&value, sizeof value);
    return value;
}

// --- What the machine and gossip want ------------------------------------------------------------

static void on_reply(void *data, uint64_t ticket, const struct reply *reply)
{
    struct service *service = data;

    clients_reply(&service->clients, ticket, reply);
}

static void on_send(void *data, uint64_t to, const struct message *message)
{
    struct service *service = data;

    links_send(&service->links, to, message);
}

static const struct loop_calls loop_calls = {.reply = on_reply, .send = on_send};

static void on_topology(void *data, const struct topology *topology)
{
    struct service *service = data;
    uint64_t cluster = service->meta.cluster;
    int index;

    if (!topology)
        return;
    index = topology_member(topology, service->self.id);
    service->meta.cluster = service->hello.cluster = topology->cluster;
    service->meta.epoch = service->hello.epoch = topology->epoch;
    service->meta.digest = topology_digest(topology);
    service->meta.shards = index < 0 ? 0 : topology_owned(topology, index);
    ring_set_meta(&service->ring, &service->meta);
    if (cluster != topology->cluster)
        ring_tell_all(&service->ring); // who belongs to another one is known only now
}

static const enum member_state state_of[] = {
    [RING_ALIVE] = MEMBER_ALIVE, [RING_SUSPECT] = MEMBER_SUSPECT,   [RING_DEAD] = MEMBER_DEAD,
    [RING_LEFT] = MEMBER_LEFT,   [RING_FORGOTTEN] = MEMBER_UNKNOWN,
};

static void member_of(const struct node_meta *meta, struct member *out)
{
    memset(out, 0, sizeof *out);
    out->id = meta->node_id;
    out->weight = meta->weight;
    memcpy(out->name, meta->name, sizeof meta->name);
    memcpy(out->zone, meta->zone, sizeof meta->zone);
    memcpy(out->host, meta->host, sizeof meta->host);
    memcpy(out->client_address, meta->client_address, sizeof meta->client_address);
    memcpy(out->peer_address, meta->peer_address, sizeof meta->peer_address);
}

static_assert(sizeof(((struct member *)0)->name) >= META_NAME_MAX + 1, "member_of copies");
static_assert(sizeof(((struct member *)0)->peer_address) >= META_ADDRESS_MAX + 1,
              "member_of copies");

// True for a member of another cluster than ours; the log tells of each once.
static bool is_stranger(struct service *service, const struct ring_member *member)
{
    const struct node_meta *meta = &member->meta;

    if (!meta->cluster || !service->meta.cluster || meta->cluster == service->meta.cluster)
        return false;
    if (service->strangers.count < STRANGERS_MAX &&
        !table_find(&service->strangers, meta->node_id)) {
        table_set(&service->strangers, meta->node_id, service);
        log_warning("gossip: %s (%s) belongs to cluster %016" PRIx64 ", we to %016" PRIx64
                    ": no data is exchanged with it",
                    meta->name, member->address, meta->cluster, service->meta.cluster);
    }
    return true;
}

static void say_member(const struct ring_member *member)
{
    static const char *const words[] = {
        [RING_ALIVE] = "is here", [RING_SUSPECT] = "does not answer", [RING_DEAD] = "is dead",
        [RING_LEFT] = "has left", [RING_FORGOTTEN] = "is forgotten",
    };

    if (member->state != RING_ALIVE || member->fresh)
        log_info("gossip: %s (%s) %s", member->meta.name, member->address, words[member->state]);
}

static void on_member(void *data, const struct ring_member *member)
{
    struct service *service = data;
    struct member_view view = {.state = state_of[member->state],
                               .epoch = member->meta.epoch,
                               .digest = member->meta.digest,
                               .shards = member->meta.shards};
    struct event event = {.kind = EVENT_MEMBER, .member = &view, .cluster = member->meta.cluster};
    bool reachable = member->state == RING_ALIVE || member->state == RING_SUSPECT;

    say_member(member);
    if (is_stranger(service, member) || member->refused)
        reachable = false;
    member_of(&member->meta, &view.member);
    if (!member->refused)
        loop_step(&service->loop, &event);
    links_member(&service->links, &member->meta, reachable, member->fresh);
    if (member->state == RING_FORGOTTEN)
        links_forget(&service->links, member->meta.node_id);
}

static void on_left(void *data)
{
    struct service *service = data;

    service->has_left = true;
}

static void on_load(void *data, struct node_load *load)
{
    struct service *service = data;
    struct store_totals totals;

    if (!service->loop.node)
        return;
    store_totals(service->store, &totals);
    load->keys = totals.keys;
    load->bytes = totals.bytes;
    load->unknown = totals.unknown;
    load->in_flight = node_in_flight(service->loop.node);
}

static const struct ring_calls ring_calls = {.member = on_member, .left = on_left, .load = on_load};

static void write_known(struct service *service)
{
    if (known_save(&service->known, service->settings->data) == 0) {
        service->known_told = false;
    } else if (!service->known_told) {
        service->known_told = true;
        log_warning("%s/ring: %s: the next start may need --join", service->settings->data,
                    strerror(errno));
    }
}

static void save_known(struct service *service)
{
    uint64_t now_ms = service->loop.hub.now_ms;

    if (!service->known.changed || now_ms - service->known_saved_ms < KNOWN_SAVE_MS)
        return;
    service->known_saved_ms = now_ms;
    write_known(service);
}

static void on_sweep(void *data)
{
    struct service *service = data;

    inbound_sweep(&service->inbound);
    ring_sweep(&service->ring);
    save_known(service);
}

// --- Stopping ------------------------------------------------------------------------------------

static void on_drain(uv_timer_t *timer)
{
    struct service *service = timer->data;
    struct loop *loop = &service->loop;
    bool late = uv_hrtime() / 1000000 >= service->drain_until_ms;
    uint32_t left = node_in_flight(loop->node);

    if (!late && (!service->has_left || left || !clients_are_idle(&service->clients) ||
                  !links_are_idle(&service->links)))
        return;
    if (left)
        log_warning("%u requests are not finished: their clients see the connection close", left);
    loop_stop(loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct service *service = handle->data;
    uint64_t now_ms = uv_hrtime() / 1000000;

    if (service->draining) {
        log_info("told again to stop: not waiting any longer");
        service->drain_until_ms = now_ms;
        return;
    }
    service->draining = true;
    service->drain_until_ms = now_ms + service->settings->drain_ms;
    log_info("%s: stopping: %u requests in flight, up to %" PRIu64 " ms to finish them",
             number == SIGINT ? "SIGINT" : "SIGTERM", node_in_flight(service->loop.node),
             service->settings->drain_ms);
    node_drain(service->loop.node);
    clients_stop(&service->clients);
    ring_leave(&service->ring);
    uv_timer_start(&service->drain, on_drain, 0, DRAIN_POLL_MS);
    service->loop.hub.dirty = true;
}

// Reads the keys of gossip again. Those in use stay when the file is no good.
static void on_hangup(uv_signal_t *handle, int number)
{
    struct service *service = handle->data;
    struct buffer why = {0};
    struct guard guard;

    (void)number;
    if (keys_load(service->settings, &guard, &why) == 0) {
        ring_set_guard(&service->ring, &guard);
        log_info("SIGHUP: %zu keys of gossip read from %s", guard.keys.count,
                 service->settings->gossip_keys);
        guard_done(&guard);
    } else {
        log_warning("SIGHUP: %.*s: the keys stay as they were", (int)why.size, (char *)why.data);
    }
    buffer_done(&why);
}

static void catch_signals(struct service *service)
{
    uv_loop_t *uv = &service->loop.uv;

    service->has_signals = true;
    uv_signal_init(uv, &service->terminate);
    uv_signal_init(uv, &service->interrupt);
    uv_signal_init(uv, &service->hangup);
    uv_timer_init(uv, &service->drain);
    service->hangup.data = service->terminate.data = service->interrupt.data = service->drain.data =
        service;
    uv_signal_start(&service->terminate, on_signal, SIGTERM);
    uv_signal_start(&service->interrupt, on_signal, SIGINT);
    if (service->settings->gossip_keys)
        uv_signal_start(&service->hangup, on_hangup, SIGHUP);
}

static void say_end(int code)
{
    if (code == 0)
        log_info("stopped; everything is on disk");
}

// The resolver may take half a minute to say that it does not know; even exit() waits for it.
_Noreturn static void leave_now(int code)
{
    say_end(code);
    _exit(code);
}

// Also takes apart what a failed start has built. Returns the exit code.
static int take_apart(struct service *service, int code)
{
    struct node *node = service->loop.node;

    service->loop.node = NULL;
    clients_close(&service->clients);
    inbound_close(&service->inbound);
    links_close(&service->links);
    ring_close(&service->ring);
    if (service->has_signals) {
        uv_close((uv_handle_t *)&service->terminate, NULL);
        uv_close((uv_handle_t *)&service->interrupt, NULL);
        uv_close((uv_handle_t *)&service->hangup, NULL);
        uv_close((uv_handle_t *)&service->drain, NULL);
    }
    if (service->store && service->known.changed)
        known_save(&service->known, service->settings->data);
    node_free(node);
    if (store_close(service->store)) {
        log_warning("the store was not closed cleanly: the next start replays its log");
        code = EXIT_FAILURE_CODE;
    }
    if (service->ring.is_stuck)
        leave_now(code);
    if (loop_done(&service->loop))
        log_warning("some handles were left open");
    clients_done(&service->clients);
    links_done(&service->links);
    ring_done(&service->ring);
    known_done(&service->known);
    table_done(&service->strangers);
    return code;
}

// --- Starting ------------------------------------------------------------------------------------

static int fail(const char *what, struct buffer *why)
{
    log_alarm("%s%.*s", what, (int)why->size, (char *)why->data);
    buffer_done(why);
    return EXIT_FAILURE_CODE;
}

static int open_store(struct service *service)
{
    const struct settings *settings = service->settings;
    struct store_settings wanted = store_settings_default();
    struct engine_place place = {
        .path = settings->data, .wake = loop_wake, .wake_data = &service->loop};
    uint64_t least = 2 * (settings->value_max + SEGMENT_SLACK);
    int err;

    wanted.interval_ms = settings->durability.interval_ms;
    wanted.segment_bytes = settings->log_segment < least ? least : settings->log_segment;
    wanted.memtable_bytes = settings->memtable;
    wanted.map_bytes = settings->map_initial;
    wanted.dot_log_bytes = settings->sync_log_max;
    err = engine_open_directory(&place, &wanted, &service->store, &service->found);
    if (err == 0)
        return 0;
    log_alarm("%s", service->found.error);
    return EXIT_FAILURE_CODE;
}

static struct descriptors share_descriptors(const struct settings *settings)
{
    uint64_t limit = descriptors_limit();
    struct descriptors out;

    descriptors_share(limit, (uint32_t)settings->connections_max, &out);
    if (out.clients < settings->connections_max)
        log_warning("%" PRIu64 " descriptors are allowed: %" PRIu32
                    " client connections instead of %" PRIu64,
                    limit, out.clients, settings->connections_max);
    return out;
}

static int open_ports(struct service *service, struct buffer *why)
{
    const struct settings *settings = service->settings;
    struct descriptors shares = share_descriptors(settings);
    struct clients_limits limits = {.value_max = settings->value_max,
                                    .output_max = settings->output_max,
                                    .buffers_max = settings->buffers_max,
                                    .stall_ms = settings->stall_ms,
                                    .connections_max = shares.clients,
                                    .in_flight_max = (uint32_t)settings->in_flight_max,
                                    .tickets_max =
                                        (uint32_t)settings->operations_max + TICKETS_EXTRA};
    struct places *places = &service->places;
    int err = places_resolve(places, settings, &service->known, why);

    if (err)
        return err;
    service->loop.hub.count_max = shares.all;
    service->inbound.loop = &service->loop;
    service->inbound.connections_max = shares.peers;
    service->inbound.self = &service->hello;
    service->inbound.links = &service->links;
    service->inbound.stall_ms = settings->stall_ms;
    service->inbound.link_stall_ms = settings->link_stall_ms;
    service->ring.streams_max = shares.gossip;
    service->ring.uv = &service->loop.uv;
    service->ring.hub = &service->loop.hub;
    service->ring.calls = &ring_calls;
    service->ring.data = service;
    service->ring.known = &service->known;
    err = clients_open(&service->clients, &service->loop, &limits,
                       (struct sockaddr *)&places->client.bind, why);
    if (err == 0)
        err = inbound_open(&service->inbound, (struct sockaddr *)&places->peer.bind, why);
    if (err == 0)
        err = ring_bind(&service->ring, (struct sockaddr *)&places->gossip.bind, why);
    if (err)
        return err;
    places->client.bind = service->clients.listener.address;
    places->peer.bind = service->inbound.listener.address;
    places->gossip.bind = service->ring.listener.address;
    return places_announce(places, settings, &service->known, why);
}

// Who this node says it is: to the machine, to other nodes, to gossip.
static void describe_self(struct service *service)
{
    const struct settings *settings = service->settings;
    struct node_meta *meta = &service->meta;

    meta->node_id = service->found.node;
    meta->actor = service->found.actor;
    meta->weight = (uint32_t)settings->weight;
    memcpy(meta->name, settings->name, sizeof meta->name);
    memcpy(meta->zone, settings->zone, sizeof meta->zone);
    memcpy(meta->host, settings->host, sizeof meta->host);
    if (!meta->host[0])
        snprintf(meta->host, sizeof meta->host, "%016" PRIx64, meta->node_id);
    memcpy(meta->client_address, service->places.client.text, ADDRESS_TEXT);
    memcpy(meta->peer_address, service->places.peer.text, ADDRESS_TEXT);
    snprintf(meta->build, sizeof meta->build, "%s", QUORATE_VERSION);
    member_of(meta, &service->self);
    service->hello = (struct hello){.node = meta->node_id,
                                    .actor = meta->actor,
                                    .protocol = PEER_PROTOCOL,
                                    .name = slice_of_text(meta->name)};
}

static_assert(META_ADDRESS_MAX + 1 >= ADDRESS_TEXT, "describe_self copies");
static_assert((int)SETTINGS_LABEL_MAX == (int)META_NAME_MAX, "describe_self copies");

static int start_machine(struct service *service)
{
    const struct settings *settings = service->settings;
    struct node_settings wanted;

    node_settings_init(&wanted);
    wanted.self = service->self;
    wanted.seed = random_u64();
    wanted.value_size_max = settings->value_max;
    wanted.operations_max = (uint32_t)settings->operations_max;
    wanted.memory_max = settings->memory_max;
    wanted.siblings_max = (uint32_t)settings->siblings_max;
    wanted.repair_bytes_per_s = settings->repair_rate;
    wanted.repair_keys_per_s = settings->repair_keys;
    wanted.hedge_us_min = settings->hedge_min_ms * 1000;
    wanted.build = QUORATE_VERSION;
    wanted.durability = settings->durability.text;
    service->loop.store = service->store;
    service->loop.self = service->self.id;
    service->loop.calls = &loop_calls;
    service->loop.data = service;
    service->loop.on_topology = on_topology;
    service->loop.on_sweep = on_sweep;
    links_init(&service->links, &service->loop, &service->hello, random_u64());
    service->links.queue_max = settings->link_queue_max;
    service->links.stall_ms = settings->link_stall_ms;
    return node_new(&wanted, service->store, loop_now_us(), &service->loop.node);
}

static int start_gossip(struct service *service)
{
    const struct topology *topology = node_topology(service->loop.node);
    struct swim_timing timing = settings_timing(service->settings);
    struct ring_start start = {.self = service->self.id,
                               .seed = random_u64(),
                               .announced = service->places.gossip.announced,
                               .timing = &timing,
                               .guard = &service->guard,
                               .compress = service->settings->compress,
                               .serf = service->settings->serf,
                               .join = service->settings->join,
                               .join_count = service->settings->join_count,
                               .meta = &service->meta};
    int err = ring_start(&service->ring, &start);

    guard_done(&service->guard);
    if (err == 0)
        on_topology(service, topology);
    return err;
}

static int start(struct service *service)
{
    struct buffer why = {0};
    int err;

    if (keys_load(service->settings, &service->guard, &why))
        return fail("", &why);
    if (open_store(service))
        return EXIT_FAILURE_CODE;
    known_load(&service->known, service->settings->data);
    if (open_ports(service, &why))
        return fail("", &why);
    describe_self(service);
    err = start_machine(service);
    if (err == 0)
        err = start_gossip(service);
    if (err) {
        buffer_add_format(&why, "%s", err_text(err));
        return fail("cannot start: ", &why);
    }
    catch_signals(service);
    // At once: a node that dies soon should take the same ports again, or the others wait long
    // before they believe that it moved.
    if (service->known.changed)
        write_known(service);
    greeting_say(service->settings, &service->meta, &service->found, &service->places);
    if (greeting_write_ports(service->settings->port_file, &service->places)) {
        buffer_add_format(&why, "%s: %s", service->settings->port_file, strerror(errno));
        return fail("port-file: ", &why);
    }
    return 0;
}

int service_run(const struct settings *settings)
{
    struct service *service = memory_new(sizeof *service);
    uint64_t sweep_ms = settings->stall_ms / 4 + 1;
    int code;

    service->settings = settings;
    loop_init(&service->loop, sweep_ms < SWEEP_MS_MAX ? sweep_ms : SWEEP_MS_MAX);
    code = start(service);
    if (code == 0)
        loop_run(&service->loop);
    code = take_apart(service, code);
    say_end(code);
    free(service);
    return code;
}
