// SPDX-License-Identifier: Apache-2.0
// A cluster whose table of owners comes from outside. Every process is told to accept and then to
// commit one record, by the messages that the coordinator of an init sends: from there on nodes
// cannot tell the difference.
#include "sim/world/inside.h"

#include "base/check.h"
#include "base/err.h"
#include "sim/world/net.h"

#include <stdlib.h>

enum { ROUND_US = 100000, ROUNDS_MAX = 600, FIRST_BALLOT = 1 };

// The numbers of the nodes, by the id of their members; places[i] is where node i went.
static void members_sort(const struct sim *sim, struct member *members, uint16_t *places)
{
    uint32_t count = sim->settings.nodes;

    for (uint32_t i = 0; i < count; i++) {
        uint16_t place = 0;

        for (uint32_t j = 0; j < count; j++)
            place = (uint16_t)(place + (sim->ids[j] < sim->ids[i]));
        places[i] = place;
        members[place] = sim->hosts[i].member;
    }
}

static void record_encode(const struct sim *sim, const struct sim_plan *plan, struct buffer *out)
{
    size_t slots = (size_t)plan->shards * plan->replicas;
    struct topology topology = {.epoch = 1,
                                .cluster = rng_mix(sim->settings.seed ^ 0xc1057e4) | 1,
                                .seed = plan->seed,
                                .shards = plan->shards,
                                .replicas = plan->replicas,
                                .member_count = sim->settings.nodes};
    uint16_t places[SIM_NODES_MAX];

    topology.members = memory_new(sim->settings.nodes * sizeof *topology.members);
    topology.owners = memory_new(slots * sizeof *topology.owners);
    members_sort(sim, topology.members, places);
    for (size_t i = 0; i < slots; i++) {
        check(plan->owners[i] < sim->settings.nodes);
        topology.owners[i] = places[plan->owners[i]];
    }
    check(topology_valid(&topology));
    topology_encode(&topology, out);
    free(topology.members);
    free(topology.owners);
}

static void tell_all(struct sim *sim, enum message_kind kind, struct slice record)
{
    struct message message = {.kind = kind, .ballot = FIRST_BALLOT, .record = record};

    for (uint32_t i = 0; i < sim->settings.nodes; i++) {
        struct event event = {.kind = EVENT_MESSAGE, .from = sim->ids[0], .message = &message};

        if (sim->hosts[i].node)
            host_event(sim, &sim->hosts[i], &event);
    }
}

// Everybody has the record, and is connected to and has heard of everybody.
static bool is_founded(const struct sim *sim, uint64_t digest)
{
    for (uint32_t i = 0; i < sim->settings.nodes; i++) {
        if (!sim->hosts[i].node || sim->hosts[i].topology_digest != digest)
            return false;
        for (uint32_t j = 0; j < sim->settings.nodes; j++) {
            if (i != j && (!wire_of(sim, i, j)->up || rumor_of(sim, i, j)->digest != digest))
                return false;
        }
    }
    return true;
}

static bool is_connected(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->settings.nodes; i++) {
        for (uint32_t j = 0; j < sim->settings.nodes; j++) {
            if (i != j && !wire_of(sim, i, j)->up)
                return false;
        }
    }
    return true;
}

int sim_found(struct sim *sim, const struct sim_plan *plan)
{
    struct buffer record = {0};
    struct topology *topology = NULL;
    uint64_t digest;
    bool founded = false;

    record_encode(sim, plan, &record);
    check(topology_decode(buffer_slice(&record), &topology) == 0);
    digest = topology_digest(topology);
    topology_free(topology);
    for (int i = 0; i < ROUNDS_MAX && !is_connected(sim); i++)
        sim_run(sim, sim->now_us + ROUND_US);
    tell_all(sim, MESSAGE_PREPARE, buffer_slice(&record));
    sim_run(sim, sim->now_us + ROUND_US);
    tell_all(sim, MESSAGE_COMMIT, buffer_slice(&record));
    for (int i = 0; i < ROUNDS_MAX && !founded; i++) {
        sim_run(sim, sim->now_us + ROUND_US);
        founded = is_founded(sim, digest);
    }
    buffer_done(&record);
    return founded ? 0 : ERR_TIMEOUT;
}
