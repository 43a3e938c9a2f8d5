// SPDX-License-Identifier: Apache-2.0
// A process and the turn of its loop, as node/io/loop does it: what happened is handed to the
// machine, then come messages to itself, the topology, what has become durable, the end of the
// store's turn, until nothing is left; and then the disk is set to work.
#include "sim/world/inside.h"

#include "base/check.h"
#include "base/err.h"
#include "base/plant.h"
#include "node/store/tree_memory.h"
#include "node/wire/peer.h"

#include <inttypes.h>
#include <stdio.h>

// A Tuesday in November 2023.
#define WALL_MS UINT64_C(1700000000000)

enum { ROUNDS_MAX = 64, LINGER_US = 1000, STALL_LOOK_US = 20000 };

// ---- the turn -----------------------------------------------------------------------------------

static uint64_t host_wall_ms(const struct sim *sim, uint32_t node)
{
    int64_t ms = (int64_t)(WALL_MS + sim->now_us / 1000) + sim->hosts[node].wall_skew_ms;

    return ms < 0 ? 0 : (uint64_t)ms;
}

static void action_log(struct sim *sim, const struct host *host, const struct action *action)
{
    static const char *const words[] = {
        [LOG_INFO] = "says", [LOG_WARNING] = "warns", [LOG_ALARM] = "ALARMS"};

    if (strncmp(action->text, "a damaged record in shard", 25) == 0)
        probe_hit(sim, PROBE_DAMAGE_SEEN);
    if (action->level == LOG_ALARM && strstr(action->text, "has seen the same writes and holds"))
        sim->counts.digest_alarms += 1;
    sim_tell(sim, (int)host->index, "%s: %s", words[action->level], action->text);
}

static void act(struct sim *sim, struct host *host, const struct action *action)
{
    switch (action->kind) {
    case ACTION_REPLY:
        sim_reply(sim, host, action);
        break;
    case ACTION_SEND:
        if (action->to == host->member.id)
            peer_message_encode(&action->message, &host->to_self);
        else
            net_send(sim, host, action);
        break;
    case ACTION_TOPOLOGY:
        host->topology_changed = true;
        break;
    case ACTION_LOG:
        action_log(sim, host, action);
        break;
    }
}

static void step(struct sim *sim, struct host *host, struct event *event)
{
    const struct actions *actions;

    event->now_us = sim->now_us;
    event->wall_ms = host_wall_ms(sim, host->index);
    actions = node_step(host->node, event);
    for (uint32_t i = 0; i < actions->count; i++)
        act(sim, host, &actions->items[i]);
}

static bool step_to_self(struct sim *sim, struct host *host)
{
    struct event event = {.kind = EVENT_MESSAGE, .from = host->member.id};
    struct buffer batch = host->to_self;
    struct message message;
    size_t size;

    if (batch.size == 0)
        return false;
    host->to_self = (struct buffer){0};
    event.message = &message;
    for (size_t at = 0; at < batch.size; at += size) {
        check(peer_message_size(slice_of(batch.data + at, batch.size - at), &size) == 0);
        check(peer_message_decode(slice_of(batch.data + at, size), &host->decoder, &message) == 0);
        step(sim, host, &event);
    }
    if (host->to_self.data) {
        buffer_done(&batch);
    } else {
        batch.size = 0;
        host->to_self = batch;
    }
    return true;
}

static bool step_durable(struct sim *sim, struct host *host)
{
    struct event event = {.kind = EVENT_DURABLE};
    uint64_t durable = store_durable(host->store);

    if (durable == host->durable)
        return false;
    host->durable = durable;
    step(sim, host, &event);
    return true;
}

static bool tell_topology(struct sim *sim, struct host *host)
{
    const struct topology *topology = node_topology(host->node);

    if (!host->topology_changed)
        return false;
    host->topology_changed = false;
    host->cluster = topology->cluster;
    host->topology_epoch = topology->epoch;
    host->topology_digest = topology_digest(topology);
    rumor_refresh(sim);
    return true;
}

// ---- what the process waits for -----------------------------------------------------------------

static void arm_disk(struct sim *sim, struct host *host)
{
    struct happening *happening;
    uint64_t at_us = sim->now_us + sim->settings.disk_us;

    if (host->disk_busy || !disk_memory_waiting(host->disk))
        return;
    at_us += rng_below(&host->disk_rng, 1 + sim->settings.disk_us);
    if (host->disk_slow > 1)
        at_us += (at_us - sim->now_us) * (host->disk_slow - 1);
    host->disk_busy = true;
    happening = happening_new(sim, HAPPEN_DISK, host->index);
    happening->number = host->life;
    happening_add(sim, happening, at_us);
}

static void arm_tree(struct sim *sim, struct host *host)
{
    struct happening *happening;

    if (host->tree_busy || !tree_memory_waiting(host->tree))
        return;
    host->tree_busy = true;
    happening = happening_new(sim, HAPPEN_TREE, host->index);
    happening->number = host->life;
    happening_add(sim, happening,
                  sim->now_us + sim->settings.tree_us +
                      rng_below(&host->disk_rng, 1 + sim->settings.tree_us));
}

static void arm_tick(struct sim *sim, struct host *host)
{
    uint64_t due_us = node_deadline(host->node);
    uint64_t store_ms = store_deadline(host->store);

    if (store_ms < UINT64_MAX / 1000 && store_ms * 1000 < due_us)
        due_us = store_ms * 1000;
    if (due_us <= sim->now_us)
        due_us = sim->now_us + LINGER_US;
    if (host->tick.place && host->tick.key == due_us)
        return;
    heap_remove(&sim->ticks, &host->tick);
    heap_add(&sim->ticks, &host->tick, due_us);
}

static void note_checkpoints(struct sim *sim, struct host *host)
{
    struct store_totals totals;

    store_totals(host->store, &totals);
    if (totals.checkpoints == host->checkpoints)
        return;
    host->checkpoints = totals.checkpoints;
    probe_hit(sim, PROBE_CHECKPOINT);
    sim_tell(sim, (int)host->index, "checkpoint: %" PRIu64 " keys, %" PRIu64 " bytes of log left",
             totals.keys, totals.log_bytes);
}

// The log cannot be written: the process stops at once, and nothing more leaves it.
static void stop_itself(struct sim *sim, struct host *host)
{
    probe_hit(sim, PROBE_DISK_STOPPED);
    sim->counts.stops += 1;
    sim_tell(sim, (int)host->index, "the log cannot be written: the process stops");
    host_stop(sim, host->index, HOST_KILLED);
}

static void turn_end(struct sim *sim, struct host *host)
{
    bool more = true;

    for (int round = 0; more && round < ROUNDS_MAX; round++) {
        if (store_poll(host->store)) {
            stop_itself(sim, host);
            return;
        }
        more = step_to_self(sim, host);
        more |= tell_topology(sim, host);
        more |= step_durable(sim, host);
        store_turn_end(host->store, sim->now_us / 1000);
        more |= store_durable(host->store) != host->durable;
    }
    arm_disk(sim, host);
    arm_tree(sim, host);
    arm_tick(sim, host);
}

void host_event(struct sim *sim, struct host *host, struct event *event)
{
    check(host->node && host->state == HOST_UP);
    step(sim, host, event);
    turn_end(sim, host);
}

void host_tick(struct sim *sim, struct host *host)
{
    struct event event = {.kind = EVENT_TICK};

    heap_remove(&sim->ticks, &host->tick);
    if (node_deadline(host->node) <= sim->now_us)
        step(sim, host, &event);
    turn_end(sim, host);
}

// Looks now and then whether a stall is over: it may end sooner than was planned.
static bool is_stalled(struct sim *sim, struct host *host)
{
    struct happening *happening;

    if (sim->now_us >= host->stalled_until_us)
        return false;
    happening = happening_new(sim, HAPPEN_DISK, host->index);
    happening->number = host->life;
    happening_add(sim, happening, sim->now_us + STALL_LOOK_US);
    return true;
}

void host_disk_done(struct sim *sim, struct host *host)
{
    if (is_stalled(sim, host))
        return;
    host->disk_busy = false;
    disk_memory_complete(host->disk, 1);
    turn_end(sim, host);
}

void host_tree_done(struct sim *sim, struct host *host)
{
    host->tree_busy = false;
    tree_memory_complete(host->tree);
    turn_end(sim, host);
    if (host->node)
        note_checkpoints(sim, host);
}

// ---- starting and stopping ----------------------------------------------------------------------

static void on_applied(void *data, const struct key *key, const struct delta *delta)
{
    struct host *host = data;
    const struct sim_settings *settings = host->settings;

    settings->calls.applied(settings->data, host->index, key, delta);
}

static void settings_make(struct sim *sim, struct host *host, struct store_settings *out)
{
    const struct sim_settings *settings = &sim->settings;

    *out = store_settings_default();
    out->actor = rng_u64(&host->process_rng) | 1;
    if (planted("actor-shared")) // all nodes mint as the same one
        out->actor = 1;
    if (planted("actor-reused")) // a start takes up the actor of the life before
        out->actor = rng_mix(host->member.id) | 1;
    out->salt = (uint32_t)rng_u64(&host->process_rng);
    out->segment_bytes = settings->segment_bytes;
    out->memtable_bytes = settings->memtable_bytes;
    out->memtable_keys = settings->memtable_keys;
    out->dot_log_bytes = settings->dot_log_bytes;
    out->retry_ms = 200;
    if (settings->calls.applied) {
        out->watch = on_applied;
        out->watch_data = host;
    }
}

static int open_store(struct sim *sim, struct host *host)
{
    struct store_settings settings;
    struct store_found found = {0};
    int err;

    settings_make(sim, host, &settings);
    disk_memory_eager(host->disk, true);
    tree_memory_eager(host->tree, true);
    err = store_open(&settings, host->disk, host->tree, &host->store, &found);
    disk_memory_eager(host->disk, false);
    tree_memory_eager(host->tree, false);
    if (err) {
        memcpy(host->why, found.error, sizeof host->why);
        probe_hit(sim, err == ERR_DAMAGED ? PROBE_RESTART_DAMAGED : PROBE_RESTART_FAILED);
        return err;
    }
    sim->counts.probes[PROBE_RESTART_REPLAYED] += found.replayed > 0;
    sim->counts.probes[PROBE_RESTART_TORN] += found.torn_bytes > 0;
    if (sim->settings.calls.started)
        sim->settings.calls.started(sim->settings.data, host->index, settings.actor);
    sim_tell(sim, (int)host->index,
             "starts: actor %016" PRIx64 ", %" PRIu64 " keys, %" PRIu64
             " records replayed, %" PRIu64 " bytes torn off",
             found.actor, found.keys, found.replayed, found.torn_bytes);
    return 0;
}

static int open_node(struct sim *sim, struct host *host)
{
    struct node_settings settings;
    const struct topology *topology;
    int err;

    node_settings_init(&settings);
    settings.self = host->member;
    settings.seed = rng_u64(&host->process_rng);
    settings.repair_bytes_per_s = sim->settings.repair_bytes_per_s;
    settings.repair_keys_per_s = sim->settings.repair_keys_per_s;
    settings.repair_calm_us = sim->settings.calm_us;
    settings.siblings_max = sim->settings.siblings_max;
    settings.operations_max = sim->settings.operations_max;
    if (sim->settings.hedge_us_min)
        settings.hedge_us_min = sim->settings.hedge_us_min;
    err = node_new(&settings, host->store, sim->now_us, &host->node);
    if (err) {
        snprintf(host->why, sizeof host->why, "the machine: %s", err_text(err));
        host->node = NULL;
        disk_memory_crash(host->disk, DISK_CRASH_KEEP);
        tree_memory_crash(host->tree);
        store_abandon(host->store);
        host->store = NULL;
        return err;
    }
    topology = node_topology(host->node);
    host->cluster = topology ? topology->cluster : 0;
    host->topology_epoch = topology ? topology->epoch : 0;
    host->topology_digest = topology ? topology_digest(topology) : 0;
    return 0;
}

int host_start(struct sim *sim, uint32_t node)
{
    struct host *host = &sim->hosts[node];
    int err;

    if (host->node)
        return 0;
    sim_mark(sim, 's', node, 0);
    err = open_store(sim, host);
    if (!err)
        err = open_node(sim, host);
    if (err) {
        sim_tell(sim, (int)node, "does not start: %s: %s", err_code(err), host->why);
        return err;
    }
    host->state = HOST_UP;
    host->life = ++sim->lives;
    host->durable = store_durable(host->store);
    host->checkpoints = 0;
    host->disk_busy = host->tree_busy = host->topology_changed = false;
    sim->counts.starts += 1;
    turn_end(sim, host);
    net_host_started(sim, node);
    rumor_refresh(sim);
    return 0;
}

static bool all_are_down(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->settings.nodes; i++) {
        if (sim->hosts[i].state != HOST_DOWN)
            return false;
    }
    return true;
}

static enum disk_crash crash_kind(struct host *host, enum host_end how)
{
    static const enum disk_crash kinds[] = {DISK_CRASH_LOSE, DISK_CRASH_CUT, DISK_CRASH_TEAR};

    return how == HOST_KILLED ? DISK_CRASH_KEEP : kinds[rng_below(&host->disk_rng, 3)];
}

void host_stop(struct sim *sim, uint32_t node, enum host_end how)
{
    struct host *host = &sim->hosts[node];
    struct happening *parked;

    if (!host->node)
        return;
    sim_mark(sim, 'k', node, how);
    sim_tell(sim, (int)node, how == HOST_KILLED ? "the process is gone" : "the power is gone");
    heap_remove(&sim->ticks, &host->tick);
    node_free(host->node);
    disk_memory_crash(host->disk, crash_kind(host, how));
    tree_memory_crash(host->tree);
    store_abandon(host->store);
    host->node = NULL;
    host->store = NULL;
    host->state = HOST_DOWN;
    host->to_self.size = 0;
    // What waited for a stopped process meets nobody now.
    while ((parked = happenings_take(&host->parked)))
        happening_add(sim, parked, sim->now_us);
    rumor_forget(sim, node);
    net_host_ended(sim, node, how == HOST_POWER_OFF);
    rumor_refresh(sim);
    if (all_are_down(sim))
        probe_hit(sim, PROBE_ALL_DOWN);
    if (sim->settings.calls.closed)
        sim->settings.calls.closed(sim->settings.data, node);
}

void host_pause(struct sim *sim, uint32_t node)
{
    struct host *host = &sim->hosts[node];

    if (host->state != HOST_UP)
        return;
    sim_mark(sim, 'p', node, 0);
    sim_tell(sim, (int)node, "the process stands still");
    host->state = HOST_PAUSED;
    heap_remove(&sim->ticks, &host->tick);
    net_host_paused(sim, node);
    rumor_refresh(sim);
}

void host_resume(struct sim *sim, uint32_t node)
{
    struct host *host = &sim->hosts[node];
    struct happening *parked;

    if (host->state != HOST_PAUSED)
        return;
    sim_mark(sim, 'p', node, 1);
    sim_tell(sim, (int)node, "the process goes on");
    host->state = HOST_UP;
    while ((parked = happenings_take(&host->parked)))
        happening_add(sim, parked, sim->now_us);
    arm_tick(sim, host);
    rumor_refresh(sim);
}

// ---- beginning and end --------------------------------------------------------------------------

void host_init(struct sim *sim, uint32_t index)
{
    struct host *host = &sim->hosts[index];
    uint64_t seed = rng_mix(rng_mix(sim->settings.seed) + 0x1000 + index);

    host->index = index;
    host->settings = &sim->settings;
    rng_init(&host->disk_rng, seed ^ 0xd15c);
    rng_init(&host->process_rng, seed ^ 0x970c);
    happenings_init(&host->parked);
    host->member.id = seed | 1;
    sim->ids[index] = host->member.id;
    host->member.weight = 100;
    snprintf(host->member.name, sizeof host->member.name, "n%u", index + 1);
    snprintf(host->member.host, sizeof host->member.host, "h%u", index + 1);
    snprintf(host->member.client_address, sizeof host->member.client_address, "10.0.0.%u:7400",
             index + 1);
    snprintf(host->member.peer_address, sizeof host->member.peer_address, "10.0.0.%u:7500",
             index + 1);
    host->disk = disk_memory_new(sim->settings.segment_bytes, rng_u64(&host->disk_rng));
    disk_memory_limit(host->disk, sim->settings.disk_segments);
    host->tree = tree_memory_new();
}

void host_done(struct host *host)
{
    host->disk->calls->close(host->disk);
    host->tree->calls->close(host->tree);
    if (host->image_disk)
        host->image_disk->calls->close(host->image_disk);
    if (host->image_tree)
        host->image_tree->calls->close(host->image_tree);
    wire_decoder_done(&host->decoder);
    buffer_done(&host->to_self);
}

enum host_state host_state(const struct sim *sim, uint32_t node)
{
    return sim->hosts[node].state;
}

const struct member *host_member(const struct sim *sim, uint32_t node)
{
    return &sim->hosts[node].member;
}

struct store *host_store(const struct sim *sim, uint32_t node)
{
    return sim->hosts[node].store;
}

struct node *host_node(const struct sim *sim, uint32_t node)
{
    return sim->hosts[node].node;
}

uint64_t host_handled(const struct sim *sim, uint32_t node)
{
    return sim->hosts[node].handled;
}

const char *host_why(const struct sim *sim, uint32_t node)
{
    return sim->hosts[node].why;
}
