// SPDX-License-Identifier: Apache-2.0
// Who is told who is alive: a model of what gossip comes to, not gossip itself. A node is alive for
// another one if messages pass both ways between them, perhaps over others, as indirect probes and
// rumours do. A change is told after detect_us (it died) or gossip_us (it lives, has a new life or
// another topology), if it still holds then.
#include "sim/world/inside.h"
#include "sim/world/net.h"

#include <inttypes.h>

enum member_state rumor_state(const struct sim *sim, uint32_t who, uint32_t about)
{
    return rumor_of(sim, who, about)->told;
}

void rumor_forget(struct sim *sim, uint32_t who)
{
    for (uint32_t about = 0; about < sim->settings.nodes; about++) {
        uint64_t serial = rumor_of(sim, who, about)->serial + 1;

        *rumor_of(sim, who, about) = (struct rumor){.serial = serial};
    }
}

// One round of joining; false when nothing changed.
static bool groups_join(const struct sim *sim, uint32_t groups[SIM_NODES_MAX])
{
    bool changed = false;

    for (uint32_t a = 0; a < sim->settings.nodes; a++) {
        for (uint32_t b = 0; b < sim->settings.nodes; b++) {
            if (sim->hosts[a].state != HOST_UP || sim->hosts[b].state != HOST_UP ||
                groups[b] <= groups[a] || !net_passes(sim, a, b))
                continue;
            groups[b] = groups[a];
            changed = true;
        }
    }
    return changed;
}

// Which nodes hear of each other: the smallest index of each group.
static void groups_find(const struct sim *sim, uint32_t groups[SIM_NODES_MAX])
{
    for (uint32_t i = 0; i < sim->settings.nodes; i++)
        groups[i] = i;
    while (groups_join(sim, groups))
        continue;
}

static void rumor_schedule(struct sim *sim, uint32_t who, uint32_t about, enum member_state state)
{
    const struct host *subject = &sim->hosts[about];
    struct rumor *rumor = rumor_of(sim, who, about);
    uint64_t base_us = state == MEMBER_DEAD ? sim->settings.detect_us : sim->settings.gossip_us;
    struct happening *happening = happening_new(sim, HAPPEN_MEMBER, who);

    rumor->coming = state;
    rumor->coming_life = subject->life;
    rumor->coming_digest = subject->topology_digest;
    happening->other = about;
    happening->number = ++rumor->serial;
    happening_add(sim, happening, sim->now_us + base_us + rng_below(&sim->rumor_rng, base_us + 1));
}

static bool is_told(const struct rumor *rumor, enum member_state state, const struct host *subject)
{
    if (rumor->told != state)
        return state == MEMBER_DEAD && rumor->told == MEMBER_UNKNOWN;
    return state == MEMBER_DEAD ||
           (rumor->life == subject->life && rumor->digest == subject->topology_digest);
}

static bool is_coming(const struct rumor *rumor, enum member_state state,
                      const struct host *subject)
{
    return rumor->coming == state &&
           (state == MEMBER_DEAD || (rumor->coming_life == subject->life &&
                                     rumor->coming_digest == subject->topology_digest));
}

static void pair_refresh(struct sim *sim, uint32_t who, uint32_t about, bool reached)
{
    struct rumor *rumor = rumor_of(sim, who, about);
    const struct host *subject = &sim->hosts[about];
    enum member_state state = reached ? MEMBER_ALIVE : MEMBER_DEAD;

    if (rumor->lie_until_us > sim->now_us || is_coming(rumor, state, subject))
        return;
    if (is_told(rumor, state, subject)) {
        rumor->coming = MEMBER_UNKNOWN;
        rumor->serial += 1; // what is in the queue is no longer so
        return;
    }
    rumor_schedule(sim, who, about, state);
}

void rumor_refresh(struct sim *sim)
{
    uint32_t groups[SIM_NODES_MAX];

    groups_find(sim, groups);
    for (uint32_t who = 0; who < sim->settings.nodes; who++) {
        // A process that stands still hears nothing; it hears when it goes on.
        if (sim->hosts[who].state != HOST_UP)
            continue;
        for (uint32_t about = 0; about < sim->settings.nodes; about++) {
            if (about != who)
                pair_refresh(sim, who, about, groups[who] == groups[about]);
        }
    }
}

static void tell(struct sim *sim, uint32_t who, uint32_t about, enum member_state state)
{
    const struct host *subject = &sim->hosts[about];
    struct rumor *rumor = rumor_of(sim, who, about);
    struct member_view view = {.member = subject->member,
                               .state = state,
                               .epoch = subject->topology_epoch,
                               .digest = subject->topology_digest};
    struct event event = {.kind = EVENT_MEMBER, .member = &view, .cluster = subject->cluster};
    bool fresh = rumor->told != state || rumor->life != subject->life;

    rumor->told = state;
    rumor->life = subject->life;
    rumor->digest = subject->topology_digest;
    sim->counts.traffic[SIM_TRAFFIC_RUMOR].count += 1;
    sim_mark(sim, 'g', who << 8 | about, state);
    if (fresh)
        sim_tell(sim, (int)who, "hears that n%" PRIu32 " is %s", about + 1,
                 member_state_name(state));
    host_event(sim, &sim->hosts[who], &event);
    if (state != MEMBER_ALIVE || !sim->hosts[who].node)
        return;
    net_outdated(sim, who, about);
    net_dial_soon(sim, who, about, fresh);
}

void rumor_told(struct sim *sim, const struct happening *happening)
{
    struct rumor *rumor = rumor_of(sim, happening->host, happening->other);
    enum member_state state = rumor->coming;

    if (rumor->serial != happening->number || state == MEMBER_UNKNOWN ||
        !sim->hosts[happening->host].node)
        return;
    rumor->coming = MEMBER_UNKNOWN;
    tell(sim, happening->host, happening->other, state);
}

static void lie_ends(void *data, uint64_t number)
{
    (void)number;
    rumor_refresh(data);
}

void net_call_dead(struct sim *sim, uint32_t who, uint32_t about, uint64_t until_us)
{
    struct rumor *rumor = rumor_of(sim, who, about);

    if (who == about || sim->hosts[who].state != HOST_UP || rumor->told != MEMBER_ALIVE)
        return;
    if (sim->hosts[about].state == HOST_UP)
        probe_hit(sim, PROBE_FALSE_DEATH);
    rumor->coming = MEMBER_UNKNOWN;
    rumor->serial += 1;
    rumor->lie_until_us = until_us;
    tell(sim, who, about, MEMBER_DEAD);
    sim_call(sim, until_us + 1, lie_ends, sim, 0);
}

void rumor_heal(struct sim *sim)
{
    for (uint32_t who = 0; who < sim->settings.nodes; who++) {
        for (uint32_t about = 0; about < sim->settings.nodes; about++)
            rumor_of(sim, who, about)->lie_until_us = 0;
    }
    rumor_refresh(sim);
}
