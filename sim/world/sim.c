// SPDX-License-Identifier: Apache-2.0
// Time. Two heaps: what is on its way, and the deadlines of processes; the earlier one happens, of
// equals the one that came first. What is on its way is reused with the buffer it has grown, so a
// running world allocates nothing.
#include "sim/world/inside.h"

#include "base/check.h"
#include "base/err.h"
#include "node/wire/client.h"
#include "sim/world/net.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#define LEG_US_MAX UINT64_C(3600000000) // an hour

enum { KEEP_BYTES = 4096, START_US = 1000000, INIT_TIMEOUT_US = 60000000, INIT_TRIES = 20 };

static const char *const probe_texts[] = {
#define X(name, text) text,
    PROBE_MAP(X)
#undef X
};

const char *probe_text(enum probe probe)
{
    check(probe < PROBE_COUNT);
    return probe_texts[probe];
}

void probe_hit(struct sim *sim, enum probe probe)
{
    sim->counts.probes[probe] += 1;
}

void sim_settings_init(struct sim_settings *settings)
{
    *settings = (struct sim_settings){.nodes = 3,
                                      .segment_bytes = 64 << 10,
                                      .memtable_bytes = 256 << 10,
                                      .memtable_keys = 1000,
                                      .dot_log_bytes = 1 << 20,
                                      .siblings_max = 100,
                                      .operations_max = 4096,
                                      .repair_bytes_per_s = 64 << 20,
                                      .repair_keys_per_s = 50000,
                                      .calm_us = 60000000,
                                      .disk_us = 200,
                                      .tree_us = 5000,
                                      .delay_us = 200,
                                      .break_us = 3000000,
                                      .detect_us = 2000000,
                                      .gossip_us = 200000};
}

// ---- what is on its way -------------------------------------------------------------------------

void happenings_init(struct happenings *list)
{
    list->first = NULL;
    list->end = &list->first;
}

void happenings_add(struct happenings *list, struct happening *happening)
{
    happening->next = NULL;
    *list->end = happening;
    list->end = &happening->next;
}

struct happening *happenings_take(struct happenings *list)
{
    struct happening *first = list->first;

    if (!first)
        return NULL;
    list->first = first->next;
    if (!list->first)
        list->end = &list->first;
    first->next = NULL;
    return first;
}

struct happening *happening_new(struct sim *sim, enum happening_kind kind, uint32_t host)
{
    struct happening *happening = sim->free;
    struct buffer bytes;

    if (happening)
        sim->free = happening->next;
    else
        happening = memory_new(sizeof *happening);
    bytes = happening->bytes;
    *happening = (struct happening){.kind = kind, .host = host, .bytes = bytes};
    return happening;
}

void happening_add(struct sim *sim, struct happening *happening, uint64_t at_us)
{
    heap_add(&sim->queue, &happening->due, at_us > sim->now_us ? at_us : sim->now_us);
}

void happening_free(struct sim *sim, struct happening *happening)
{
    buffer_reset(&happening->bytes, KEEP_BYTES);
    happening->next = sim->free;
    sim->free = happening;
}

// ---- the trace ----------------------------------------------------------------------------------

static void hash_add(struct sim *sim, const void *data, size_t size)
{
    sim->hash = XXH3_64bits_withSeed(data, size, sim->hash);
}

void sim_mark(struct sim *sim, uint64_t what, uint64_t a, uint64_t b)
{
    uint8_t bytes[32];

    bytes_put_u64(bytes, sim->now_us);
    bytes_put_u64(bytes + 8, what);
    bytes_put_u64(bytes + 16, a);
    bytes_put_u64(bytes + 24, b);
    hash_add(sim, bytes, sizeof bytes);
}

bool sim_listens(const struct sim *sim)
{
    return sim->settings.calls.line != NULL;
}

void sim_line(struct sim *sim, int node, const char *format, ...)
{
    char line[512];
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    check(size >= 0);
    sim->settings.calls.line(sim->settings.data, sim->now_us, node, line);
}

// ---- clients ------------------------------------------------------------------------------------

uint64_t sim_ticket(uint64_t number, enum method method)
{
    static_assert(METHOD_COUNT <= 1 << SIM_TICKET_METHOD_BITS, "a ticket holds a method");
    return number << SIM_TICKET_METHOD_BITS | (uint64_t)method;
}

static enum method ticket_method(uint64_t ticket)
{
    return (enum method)(ticket & ((1 << SIM_TICKET_METHOD_BITS) - 1));
}

uint64_t us_of_delay(const struct delay *delay, struct rng *rng)
{
    double us = delay_draw(delay, rng) * 1000 + 0.5;

    return us < (double)LEG_US_MAX ? (uint64_t)us : LEG_US_MAX;
}

static uint64_t client_delay_us(struct sim *sim)
{
    if (sim->settings.client_leg)
        return us_of_delay(sim->settings.client_leg, &sim->client_rng);
    return 50 + rng_below(&sim->client_rng, 1 + sim->settings.delay_us);
}

void sim_ask(struct sim *sim, uint32_t node, uint64_t ticket, const struct request *request)
{
    struct happening *happening = happening_new(sim, HAPPEN_REQUEST, node);

    check(node < sim->settings.nodes && ticket_method(ticket) == request->method);
    happening->number = ticket;
    request_encode((uint32_t)ticket, request, &happening->bytes);
    sim->counts.traffic[SIM_TRAFFIC_REQUEST].count += 1;
    sim->counts.traffic[SIM_TRAFFIC_REQUEST].bytes += happening->bytes.size;
    happening_add(sim, happening, sim->now_us + client_delay_us(sim));
}

void sim_cut_clients(struct sim *sim, uint32_t node, bool cut)
{
    sim->hosts[node].clients_cut = cut;
    sim_mark(sim, 'c' << 8 | 'c', node, cut);
    sim_tell(sim, (int)node, "clients %s", cut ? "cannot reach it" : "reach it again");
}

static void request_arrive(struct sim *sim, struct happening *happening)
{
    struct host *host = &sim->hosts[happening->host];
    struct wire_request request;
    struct event event = {.kind = EVENT_REQUEST, .ticket = happening->number};

    sim_mark(sim, 'r', happening->host, happening->number);
    if (host->clients_cut)
        return;
    if (!host->node) {
        if (sim->settings.calls.refused)
            sim->settings.calls.refused(sim->settings.data, happening->number);
        return;
    }
    check(request_decode(buffer_slice(&happening->bytes), &host->decoder, &request) == 0);
    check(!request.refused);
    sim->counts.requests += 1;
    event.request = &request.request;
    host_event(sim, host, &event);
}

// An answer to sim_init's request, which has ticket number 0.
static bool is_of_init(uint64_t ticket)
{
    return ticket == sim_ticket(0, METHOD_CLUSTER_INIT);
}

static void reply_arrive(struct sim *sim, struct happening *happening)
{
    enum method method = ticket_method(happening->number);
    struct reply reply;

    if (sim->hosts[happening->host].clients_cut)
        return;
    check(reply_decode(buffer_slice(&happening->bytes), method, &sim->client_decoder, &reply) == 0);
    sim->counts.replies += 1;
    if (is_of_init(happening->number)) {
        sim->init_err = reply.err;
        if (reply.err)
            sim_tell(sim, 0, "cluster init: %.*s", (int)reply.text.size,
                     (const char *)reply.text.data);
        return;
    }
    if (sim->settings.calls.reply)
        sim->settings.calls.reply(sim->settings.data, happening->number, &reply);
}

void sim_reply(struct sim *sim, const struct host *host, const struct action *action)
{
    struct happening *happening = happening_new(sim, HAPPEN_REPLY, host->index);

    happening->number = action->ticket;
    reply_encode((uint32_t)action->ticket, action->reply, &happening->bytes);
    hash_add(sim, happening->bytes.data, happening->bytes.size);
    sim->counts.traffic[SIM_TRAFFIC_REPLY].count += 1;
    sim->counts.traffic[SIM_TRAFFIC_REPLY].bytes += happening->bytes.size;
    happening_add(sim, happening, sim->now_us + client_delay_us(sim));
}

// ---- time ---------------------------------------------------------------------------------------

static bool is_for_process(enum happening_kind kind)
{
    return kind != HAPPEN_REPLY && kind != HAPPEN_CALL;
}

static void happen(struct sim *sim, struct happening *happening)
{
    struct host *host = &sim->hosts[happening->host];

    switch (happening->kind) {
    case HAPPEN_MESSAGE:
        net_arrive(sim, happening);
        break;
    case HAPPEN_DIAL:
        net_dial(sim, happening->host, happening->other);
        break;
    case HAPPEN_BREAK:
        net_broken(sim, happening);
        break;
    case HAPPEN_MEMBER:
        rumor_told(sim, happening);
        break;
    case HAPPEN_DISK:
        if (host->node && happening->number == host->life)
            host_disk_done(sim, host);
        break;
    case HAPPEN_TREE:
        if (host->node && happening->number == host->life)
            host_tree_done(sim, host);
        break;
    case HAPPEN_REQUEST:
        request_arrive(sim, happening);
        break;
    case HAPPEN_REPLY:
        reply_arrive(sim, happening);
        break;
    case HAPPEN_CALL:
        happening->call(happening->data, happening->number);
        break;
    }
}

// Puts what a process has to handle at the end of its queue; false when it has been through.
static bool is_queued(struct sim *sim, struct host *host, struct happening *happening)
{
    if (happening->kind != HAPPEN_MESSAGE && happening->kind != HAPPEN_REQUEST)
        return false;
    if (!sim->settings.service_us || happening->served) {
        host->handled += host->node != NULL;
        return false;
    }
    if (host->busy_until_us < sim->now_us)
        host->busy_until_us = sim->now_us;
    host->busy_until_us += sim->settings.service_us;
    happening->served = true;
    happening_add(sim, happening, host->busy_until_us);
    return true;
}

static void queue_step(struct sim *sim)
{
    struct heap_item *item = heap_first(&sim->queue);
    struct happening *happening = (struct happening *)(void *)item;

    sim->now_us = item->key > sim->now_us ? item->key : sim->now_us;
    heap_remove(&sim->queue, item);
    if (is_for_process(happening->kind) && sim->hosts[happening->host].state == HOST_PAUSED) {
        happenings_add(&sim->hosts[happening->host].parked, happening);
        return;
    }
    if (is_queued(sim, &sim->hosts[happening->host], happening))
        return;
    happen(sim, happening);
    happening_free(sim, happening);
}

#define host_of_tick(at) ((struct host *)(void *)((char *)(at)-offsetof(struct host, tick)))

bool sim_step(struct sim *sim, uint64_t until_us)
{
    struct heap_item *item = heap_first(&sim->queue);
    struct heap_item *tick = heap_first(&sim->ticks);
    uint64_t due_us = item ? item->key : UINT64_MAX;
    uint64_t tick_us = tick ? tick->key : UINT64_MAX;

    if (due_us > until_us && tick_us > until_us)
        return false;
    sim->counts.events += 1;
    if (due_us <= tick_us) {
        queue_step(sim);
        return true;
    }
    sim->now_us = tick_us > sim->now_us ? tick_us : sim->now_us;
    host_tick(sim, host_of_tick(tick));
    return true;
}

void sim_run(struct sim *sim, uint64_t until_us)
{
    while (sim_step(sim, until_us))
        continue;
    sim->now_us = until_us > sim->now_us ? until_us : sim->now_us;
}

void sim_call(struct sim *sim, uint64_t at_us, void (*call)(void *data, uint64_t number),
              void *data, uint64_t number)
{
    struct happening *happening = happening_new(sim, HAPPEN_CALL, 0);

    happening->call = call;
    happening->data = data;
    happening->number = number;
    happening_add(sim, happening, at_us);
}

// ---- beginning and end --------------------------------------------------------------------------

struct sim *sim_new(const struct sim_settings *settings)
{
    struct sim *sim = memory_new(sizeof *sim);

    check(settings->nodes >= 1 && settings->nodes <= SIM_NODES_MAX);
    sim->settings = *settings;
    sim->now_us = START_US;
    sim->wires = memory_new((size_t)settings->nodes * settings->nodes * sizeof *sim->wires);
    sim->rumors = memory_new((size_t)settings->nodes * settings->nodes * sizeof *sim->rumors);
    rng_init(&sim->client_rng, rng_mix(rng_mix(settings->seed) ^ 0xc11e));
    rng_init(&sim->rumor_rng, rng_mix(rng_mix(settings->seed) ^ 0x4035));
    for (uint32_t i = 0; i < settings->nodes; i++)
        host_init(sim, i);
    net_init(sim);
    for (uint32_t i = 0; i < settings->nodes; i++)
        check(host_start(sim, i) == 0);
    return sim;
}

int sim_init(struct sim *sim, uint32_t shards, uint32_t replicas)
{
    struct request request;
    uint64_t until_us;

    request_init(&request, METHOD_CLUSTER_INIT);
    request.nodes = sim->settings.nodes;
    request.shards = shards;
    request.replicas = replicas;
    for (int i = 0; i < INIT_TRIES; i++) {
        // Gossip and links need some time to come up.
        sim_run(sim, sim->now_us + 5 * sim->settings.gossip_us + 10 * sim->settings.delay_us);
        sim->init_err = 1;
        sim_ask(sim, 0, sim_ticket(0, METHOD_CLUSTER_INIT), &request);
        until_us = sim->now_us + INIT_TIMEOUT_US;
        while (sim->init_err == 1 && sim_step(sim, until_us))
            continue;
        if (sim->init_err == 0 || sim->init_err == ERR_CLUSTER_EXISTS)
            return 0;
    }
    return sim->init_err == 1 ? ERR_TIMEOUT : sim->init_err;
}

void sim_free(struct sim *sim)
{
    struct heap_item *item;
    struct happening *happening;

    if (!sim)
        return;
    for (uint32_t i = 0; i < sim->settings.nodes; i++) {
        host_stop(sim, i, HOST_POWER_OFF);
        while ((happening = happenings_take(&sim->hosts[i].parked)))
            happening_free(sim, happening);
        host_done(&sim->hosts[i]);
    }
    net_done(sim);
    while ((item = heap_first(&sim->queue))) {
        heap_remove(&sim->queue, item);
        happening_free(sim, (struct happening *)(void *)item);
    }
    while ((happening = sim->free)) {
        sim->free = happening->next;
        buffer_done(&happening->bytes);
        free(happening);
    }
    heap_done(&sim->queue);
    heap_done(&sim->ticks);
    wire_decoder_done(&sim->client_decoder);
    buffer_done(&sim->scratch);
    free(sim->wires);
    free(sim->rumors);
    free(sim);
}

uint64_t sim_now_us(const struct sim *sim)
{
    return sim->now_us;
}

uint32_t sim_nodes(const struct sim *sim)
{
    return sim->settings.nodes;
}

uint64_t sim_hash(const struct sim *sim)
{
    return sim->hash;
}

struct sim_counts *sim_counts(struct sim *sim)
{
    return &sim->counts;
}
