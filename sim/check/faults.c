// SPDX-License-Identifier: Apache-2.0
#include "sim/check/faults.h"

#include "base/check.h"
#include "base/err.h"
#include "sim/world/host.h"
#include "sim/world/net.h"

#include <inttypes.h>
#include <stdlib.h>

enum { RESTART_US = 200000, RETRY_US = 500000, SECOND_US = 1000000 };

struct fault {
    enum fault_kind kind;
    uint64_t at_us; // behind the beginning
    uint64_t length_us;
    uint64_t draw;
    bool going;
};

struct faults {
    struct faults_setup setup;
    struct sim *sim;
    struct fault *list;
    uint32_t count;
    uint32_t nodes;
    uint32_t victim;
    bool destroyed;
    uint64_t saved_us; // when the victim's image was taken; 0: never
    bool ended;
    uint64_t happened;
    uint64_t down_until_us[SIM_NODES_MAX];
    bool held[SIM_NODES_MAX];
    bool starting[SIM_NODES_MAX];                // a start is in the queue
    uint32_t cuts[SIM_NODES_MAX][SIM_NODES_MAX]; // faults that cut a direction
};

static const char *const fault_names[] = {
#define X(name, text, what) text,
    FAULT_MAP(X)
#undef X
};

// ---- drawing ------------------------------------------------------------------------------------

static enum fault_kind kind_draw(const struct knobs *knobs, struct rng *rng, uint64_t total)
{
    uint64_t draw = rng_below(rng, total);
    int kind = 0;

    while (draw >= knobs->at[KNOB_FAULT_KILL + kind]) {
        draw -= knobs->at[KNOB_FAULT_KILL + kind];
        kind += 1;
    }
    return (enum fault_kind)kind;
}

static void faults_draw(struct faults *faults)
{
    const uint64_t *at = faults->setup.knobs->at;
    uint64_t until_us = at[KNOB_SECONDS] * SECOND_US;
    uint64_t now_us = 0;
    uint64_t total = 0;
    struct rng rng;

    rng_init(&rng, rng_mix(rng_mix(faults->setup.seed) ^ 0xfa017));
    faults->victim = (uint32_t)rng_below(&rng, faults->nodes);
    for (int kind = 0; kind < FAULT_KINDS; kind++)
        total += at[KNOB_FAULT_KILL + kind];
    while (total && faults->count < FAULTS_MAX) {
        struct fault *fault = &faults->list[faults->count];

        now_us += 1 + rng_below(&rng, 2000 * at[KNOB_FAULT_MS]);
        fault->kind = kind_draw(faults->setup.knobs, &rng, total);
        fault->length_us = 1000 + rng_below(&rng, 2000 * at[KNOB_FAULT_LENGTH_MS]);
        fault->draw = rng_u64(&rng);
        fault->at_us = now_us;
        if (now_us >= until_us)
            break;
        faults->count += 1;
    }
}

struct faults *faults_new(const struct faults_setup *setup)
{
    struct faults *faults = memory_new(sizeof *faults);

    faults->setup = *setup;
    faults->sim = setup->sim;
    faults->nodes = sim_nodes(setup->sim);
    faults->list = memory_new(FAULTS_MAX * sizeof *faults->list);
    faults_draw(faults);
    return faults;
}

void faults_free(struct faults *faults)
{
    if (!faults)
        return;
    free(faults->list);
    free(faults);
}

// ---- the supervisor -----------------------------------------------------------------------------

static void start_node(void *data, uint64_t number);

static void start_at(struct faults *faults, uint32_t node, uint64_t at_us)
{
    if (faults->starting[node])
        return;
    faults->starting[node] = true;
    sim_call(faults->sim, at_us, start_node, faults, node);
}

static void lose(struct faults *faults, uint64_t since_us)
{
    struct history_loss loss = {faults->victim, since_us, sim_now_us(faults->sim)};

    faults->destroyed = true;
    history_lose(faults->setup.history, &loss);
}

// What an operator does: a disk that is damaged is emptied, one that failed is tried again.
static void start_failed(struct faults *faults, uint32_t node, int err)
{
    uint64_t now_us = sim_now_us(faults->sim);

    if (err == ERR_DAMAGED && faults->destroyed && node == faults->victim) {
        host_empty(faults->sim, node);
        lose(faults, 0);
    } else if (err == ERR_IO) {
        host_fail_disk(faults->sim, node, 0, false);
    } else if (err != ERR_DISK_FULL) {
        verdict_add(faults->setup.verdict, VERDICT_STATE,
                    "n%" PRIu32 " does not start on a disk that only crashed: %s: %s", node + 1,
                    err_code(err), host_why(faults->sim, node));
        return;
    }
    start_at(faults, node, now_us + RETRY_US);
}

static void start_node(void *data, uint64_t number)
{
    struct faults *faults = data;
    uint32_t node = (uint32_t)number;
    int err;

    faults->starting[node] = false;
    if (host_state(faults->sim, node) != HOST_DOWN || faults->held[node])
        return;
    if (sim_now_us(faults->sim) < faults->down_until_us[node]) {
        start_at(faults, node, faults->down_until_us[node]);
        return;
    }
    err = host_start(faults->sim, node);
    if (err)
        start_failed(faults, node, err);
}

void faults_closed(struct faults *faults, uint32_t node)
{
    uint64_t at_us = sim_now_us(faults->sim) + RESTART_US;

    if (!faults->held[node])
        start_at(faults, node,
                 at_us > faults->down_until_us[node] ? at_us : faults->down_until_us[node]);
}

void faults_hold(struct faults *faults, uint32_t node, bool hold)
{
    faults->held[node] = hold;
    if (hold)
        host_stop(faults->sim, node, HOST_POWER_OFF);
    else if (host_state(faults->sim, node) == HOST_DOWN)
        start_at(faults, node, sim_now_us(faults->sim) + 1);
}

static void take_down(struct faults *faults, uint32_t node, enum host_end how, uint64_t until_us)
{
    if (until_us > faults->down_until_us[node])
        faults->down_until_us[node] = until_us;
    host_stop(faults->sim, node, how);
}

// ---- the network --------------------------------------------------------------------------------

static void cut(struct faults *faults, uint32_t from, uint32_t to, bool on)
{
    uint32_t *count = &faults->cuts[from][to];

    if (from == to)
        return;
    *count += on ? 1u : -1u;
    net_cut(faults->sim, from, to, *count > 0);
}

// Whether the fault cuts from -> to.
static bool fault_cuts(const struct faults *faults, const struct fault *fault, uint32_t from,
                       uint32_t to)
{
    uint32_t nodes = faults->nodes;
    uint32_t one = (uint32_t)(fault->draw % nodes);
    uint32_t other = (uint32_t)((fault->draw >> 8) % nodes);
    uint64_t side = fault->draw >> 16;
    uint32_t gap = from > to ? from - to : to - from;

    switch (fault->kind) {
    case FAULT_ONE_WAY:
        return from == one && to == other;
    case FAULT_HALVES:
        return (side >> from & 1) != (side >> to & 1);
    case FAULT_ISOLATE:
        return from == one || to == one;
    case FAULT_BRIDGE:
        return from != one && to != one && (side >> from & 1) != (side >> to & 1);
    case FAULT_RING:
        return gap != 1 && gap != nodes - 1;
    default:
        return false;
    }
}

static void cuts(struct faults *faults, const struct fault *fault, bool on)
{
    for (uint32_t from = 0; from < faults->nodes; from++) {
        for (uint32_t to = 0; to < faults->nodes; to++) {
            if (fault_cuts(faults, fault, from, to))
                cut(faults, from, to, on);
        }
    }
}

// ---- disks --------------------------------------------------------------------------------------

// Where damage makes the next start fail the disk is emptied, and the node must be able to fill.
static void rot(struct faults *faults, const struct fault *fault)
{
    static const enum tree_table tables[] = {TREE_OBJECTS, TREE_OBJECTS, TREE_OBJECTS, TREE_OBJECTS,
                                             TREE_RESTS,   TREE_DOTS,    TREE_CLOCKS,  TREE_META};
    uint32_t choice = (uint32_t)(fault->draw >> 59);
    bool log = choice / 8 == 0;
    bool done = log ? host_rot_log(faults->sim, faults->victim, fault->draw)
                    : host_rot_tree(faults->sim, faults->victim, tables[choice % 8], fault->draw);

    if (done)
        lose(faults, 0);
}

// The first time an image is taken, the next time it is put back.
static void roll_back(struct faults *faults, const struct fault *fault)
{
    uint64_t now_us = sim_now_us(faults->sim);

    if (!faults->saved_us) {
        host_save(faults->sim, faults->victim);
        faults->saved_us = now_us;
        return;
    }
    take_down(faults, faults->victim, HOST_POWER_OFF, now_us + fault->length_us);
    host_restore(faults->sim, faults->victim);
    lose(faults, faults->saved_us);
    faults->saved_us = 0;
}

static void empty(struct faults *faults, const struct fault *fault)
{
    take_down(faults, faults->victim, HOST_POWER_OFF, sim_now_us(faults->sim) + fault->length_us);
    host_empty(faults->sim, faults->victim);
    lose(faults, 0);
}

static int64_t skew_ms(uint64_t draw)
{
    static const int64_t jumps[] = {1000, 60000, 3600000, INT64_C(315576000000)};
    int64_t jump = jumps[(draw >> 8) % 4];

    return draw >> 16 & 1 ? jump : -jump;
}

// ---- happening ----------------------------------------------------------------------------------

static void begin_process(struct faults *faults, const struct fault *fault, uint32_t node)
{
    uint64_t until_us = sim_now_us(faults->sim) + fault->length_us;

    switch (fault->kind) {
    case FAULT_KILL:
        take_down(faults, node, HOST_KILLED, until_us);
        break;
    case FAULT_POWER:
        take_down(faults, node, HOST_POWER_OFF, until_us);
        break;
    case FAULT_ALL_DOWN:
        for (uint32_t i = 0; i < faults->nodes; i++)
            take_down(faults, i, fault->draw >> i & 1 ? HOST_KILLED : HOST_POWER_OFF, until_us);
        break;
    default:
        host_pause(faults->sim, node);
        break;
    }
}

static void begin_disk(struct faults *faults, const struct fault *fault, uint32_t node)
{
    struct sim *sim = faults->sim;

    switch (fault->kind) {
    case FAULT_SLOW_DISK:
        host_slow_disk(sim, node, 2 + (uint32_t)(fault->draw >> 8) % 100);
        break;
    case FAULT_STALL:
        host_stall_disk(sim, node, sim_now_us(sim) + fault->length_us);
        break;
    case FAULT_FULL:
        host_fill_disk(sim, node, (uint32_t)(fault->draw >> 8) % 3);
        break;
    case FAULT_DISK_ERROR:
        host_fail_disk(sim, node, 1 + (fault->draw >> 8) % 60, false);
        break;
    case FAULT_CLOCK:
        host_set_wall(sim, node, skew_ms(fault->draw));
        break;
    case FAULT_ROT:
        rot(faults, fault);
        break;
    case FAULT_ROLLBACK:
        roll_back(faults, fault);
        break;
    default:
        empty(faults, fault);
        break;
    }
}

static void begin(struct faults *faults, struct fault *fault)
{
    struct sim *sim = faults->sim;
    uint32_t node = (uint32_t)(fault->draw % faults->nodes);
    uint32_t other = (uint32_t)((fault->draw >> 8) % faults->nodes);

    if (fault->kind <= FAULT_PAUSE) {
        begin_process(faults, fault, node);
    } else if (fault->kind <= FAULT_RING) {
        cuts(faults, fault, true);
    } else if (fault->kind >= FAULT_SLOW_DISK) {
        begin_disk(faults, fault, node);
    } else if (fault->kind == FAULT_SLOW_LINK) {
        if (node != other)
            net_slow(sim, node, other, 2 + (uint32_t)(fault->draw >> 16) % 100);
    } else if (fault->kind == FAULT_HALF_OPEN) {
        net_half_open(sim, node, other);
    } else if (fault->kind == FAULT_RESET) {
        net_reset(sim, node, other);
    } else if (fault->kind == FAULT_FALSE_DEATH) {
        net_call_dead(sim, node, other, sim_now_us(sim) + fault->length_us);
    } else {
        sim_cut_clients(sim, node, true);
    }
}

static void end(struct faults *faults, struct fault *fault)
{
    struct sim *sim = faults->sim;
    uint32_t node = (uint32_t)(fault->draw % faults->nodes);
    uint32_t other = (uint32_t)((fault->draw >> 8) % faults->nodes);

    if (fault->kind == FAULT_PAUSE)
        host_resume(sim, node);
    else if (fault->kind == FAULT_SLOW_LINK && node != other)
        net_slow(sim, node, other, 1);
    else if (fault->kind == FAULT_CLIENTS)
        sim_cut_clients(sim, node, false);
    else if (fault->kind == FAULT_SLOW_DISK)
        host_slow_disk(sim, node, 1);
    else if (fault->kind == FAULT_FULL)
        host_room_disk(sim, node);
    else if (fault->kind == FAULT_CLOCK)
        host_set_wall(sim, node, 0);
    else
        cuts(faults, fault, false);
}

static void fault_end(void *data, uint64_t number)
{
    struct faults *faults = data;
    struct fault *fault = &faults->list[number];

    if (!fault->going)
        return;
    fault->going = false;
    end(faults, fault);
}

static void fault_begin(void *data, uint64_t number)
{
    struct faults *faults = data;
    struct fault *fault = &faults->list[number];

    if (faults->ended)
        return;
    fault->going = true;
    faults->happened += 1;
    sim_tell(faults->sim, -1, "fault %" PRIu64 ": %s", number, fault_names[fault->kind]);
    sim_mark(faults->sim, 'f', number, fault->kind);
    begin(faults, fault);
    sim_call(faults->sim, sim_now_us(faults->sim) + fault->length_us, fault_end, faults, number);
}

void faults_begin(struct faults *faults)
{
    uint64_t now_us = sim_now_us(faults->sim);

    for (uint32_t i = 0; i < faults->count; i++) {
        if (fault_is_kept(faults->setup.kept, i))
            sim_call(faults->sim, now_us + faults->list[i].at_us, fault_begin, faults, i);
    }
}

void faults_end(struct faults *faults)
{
    struct sim *sim = faults->sim;

    faults->ended = true;
    for (uint32_t i = 0; i < faults->count; i++)
        fault_end(faults, i);
    net_heal(sim);
    for (uint32_t node = 0; node < faults->nodes; node++) {
        host_resume(sim, node);
        host_fail_disk(sim, node, 0, false);
        host_slow_disk(sim, node, 1);
        host_stall_disk(sim, node, sim_now_us(sim));
        faults->down_until_us[node] = 0;
        if (host_state(sim, node) == HOST_DOWN && !faults->held[node]) {
            faults->starting[node] = false; // sooner than was planned
            start_at(faults, node, sim_now_us(sim) + 1);
        }
    }
}

uint32_t faults_count(const struct faults *faults)
{
    return faults->count;
}

uint64_t faults_happened(const struct faults *faults)
{
    return faults->happened;
}

int faults_victim(const struct faults *faults)
{
    return faults->destroyed ? (int)faults->victim : -1;
}
