// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/options.h"

#include "sim/number/number.h"
#include "sim/world/sim.h"

#include <string.h>

// "0.5" or "0.5..2.5".
static bool times_read(const char *text, struct cluster_event *out)
{
    const char *dots = strstr(text, "..");
    size_t size = dots ? (size_t)(dots - text) : strlen(text);
    char from[64];

    if (size >= sizeof from)
        return false;
    memcpy(from, text, size);
    from[size] = 0;
    out->to = NUMBER_INFINITY;
    if (!number_read(from, &out->from) || (dots && !number_read(dots + 2, &out->to)))
        return false;
    return out->from >= 0 && out->to > out->from;
}

static bool nodes_read(const char *text, size_t size, struct cluster_event *out)
{
    static _Thread_local struct list list;
    char nodes[512];

    if (size >= sizeof nodes)
        return false;
    memcpy(nodes, text, size);
    nodes[size] = 0;
    if (!list_read(nodes, &list) || !list_within(&list, 1, SIM_NODES_MAX, true) ||
        list.count > CLUSTER_EVENT_NODES_MAX)
        return false;
    list_unique(&list);
    out->node_count = (unsigned)list.count;
    for (unsigned i = 0; i < out->node_count; i++)
        out->nodes[i] = (uint32_t)list.values[i] - 1;
    return true;
}

bool cluster_event_read(const char *text, struct cluster_event *out, struct buffer *why)
{
    const char *at = strchr(text, '@');

    if (at && nodes_read(text, (size_t)(at - text), out) && times_read(at + 1, out))
        return true;
    buffer_add_format(why,
                      "%s: give NODES@FROM or NODES@FROM..TO: numbers of nodes from 1 with commas "
                      "between them, and seconds, like 1,2@0.5..2",
                      text);
    return false;
}
