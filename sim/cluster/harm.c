// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/play.h"

#include "sim/world/host.h"
#include "sim/world/net.h"

static bool is_of_event(const struct cluster_event *event, uint32_t node)
{
    for (unsigned i = 0; i < event->node_count; i++) {
        if (event->nodes[i] == node)
            return true;
    }
    return false;
}

static void part(struct play *play, const struct cluster_event *event, bool cut)
{
    uint32_t nodes = play->trial->nodes;

    for (uint32_t a = 0; a < nodes; a++) {
        for (uint32_t b = 0; b < nodes; b++) {
            if (is_of_event(event, a) != is_of_event(event, b))
                net_cut(play->sim, a, b, cut);
        }
    }
}

static void happen(struct play *play, const struct cluster_event *event, bool begins)
{
    if (event->kind == CLUSTER_PARTITION) {
        part(play, event, begins);
        return;
    }
    for (unsigned i = 0; i < event->node_count; i++) {
        if (begins)
            host_stop(play->sim, event->nodes[i], HOST_KILLED);
        else
            (void)host_start(play->sim, event->nodes[i]);
    }
}

static void event_begins(void *data, uint64_t number)
{
    struct play *play = data;

    happen(play, &play->setup->events[number], true);
}

static void event_ends(void *data, uint64_t number)
{
    struct play *play = data;

    happen(play, &play->setup->events[number], false);
}

void harm_begin(struct play *play)
{
    for (unsigned i = 0; i < play->setup->event_count; i++) {
        const struct cluster_event *event = &play->setup->events[i];

        sim_call(play->sim, play->from_us + (uint64_t)(event->from * SECOND_US), event_begins, play,
                 i);
        if (event->to < play->setup->seconds + 3600)
            sim_call(play->sim, play->from_us + (uint64_t)(event->to * SECOND_US), event_ends, play,
                     i);
    }
}
