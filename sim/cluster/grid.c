// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/grid.h"

#include "base/check.h"
#include "base/err.h"
#include "sim/cluster/owners.h"

#include <stdlib.h>

static const char *label_number(struct grid *grid, double value)
{
    struct buffer text = {0};
    const char *label;

    number_write(&text, value, 12);
    buffer_add_u8(&text, 0);
    label = arena_text(&grid->texts, "%s", (const char *)text.data);
    buffer_done(&text);
    return label;
}

static bool refuses_scheme(struct grid *grid, const struct cluster_options *options,
                           const struct scheme_kind *kind, struct buffer *why)
{
    if (owners_possible(kind))
        return false;
    buffer_add_format(options->shared.every_scheme ? &grid->left_out : why,
                      "%s%s goes by the load of keys, a node by their hash alone%s", kind->name,
                      options->shared.every_scheme ? ": left out: it" : "",
                      options->shared.every_scheme ? "\n" : ": use static, ring or another scheme");
    return true;
}

static bool refuses_workload(const struct trial *trial, const struct cluster_setup *setup,
                             struct buffer *why)
{
    if (workload_setup(trial->workload)->kind == WORKLOAD_TRACE) {
        buffer_add_format(why, "--workload trace: a cluster wants keys by number: use another");
        return true;
    }
    if (setup->rate * (setup->seconds + setup->warm) > CLUSTER_OPERATIONS_MAX) {
        buffer_add_format(why,
                          "more than %d operations in a repetition: give less --rate or "
                          "--seconds",
                          CLUSTER_OPERATIONS_MAX);
        return true;
    }
    return false;
}

static bool refuses_events(const struct trial *trial, const struct cluster_setup *setup,
                           struct buffer *why)
{
    for (unsigned i = 0; i < setup->event_count; i++) {
        for (unsigned j = 0; j < setup->events[i].node_count; j++) {
            if (setup->events[i].nodes[j] >= trial->nodes) {
                buffer_add_format(why, "there is no node %u among %u: events name nodes from 1",
                                  setup->events[i].nodes[j] + 1, trial->nodes);
                return true;
            }
        }
    }
    return false;
}

// The experiment of one load and service time.
static void experiment_fill(struct grid *grid, const struct cluster_options *options,
                            struct experiment *out, const size_t digits[2])
{
    struct cluster_setup *setup = arena_alloc(&grid->texts, sizeof *setup);
    bool open = options->rate.count > 0;
    double load = open ? options->rate.values[digits[0]] : options->clients.values[digits[0]];

    *setup = options->setup;
    setup->rate = open ? load : 0;
    setup->clients = open ? 0 : (uint32_t)load;
    setup->service_us = (uint32_t)options->service_us.values[digits[1]];
    setup->legs = out->trial.staleness->legs;
    setup->client_leg = &options->client_leg;
    out->trial.cluster = setup;
    out->labels[open ? LABEL_RATE : LABEL_CLIENTS] = label_number(grid, load);
    out->labels[LABEL_SERVICE] = label_number(grid, setup->service_us);
}

static int experiments_multiply(struct grid *grid, const struct cluster_options *options,
                                struct buffer *why)
{
    size_t loads = options->rate.count ? options->rate.count : options->clients.count;
    size_t services = options->service_us.count;
    struct experiment *list =
        memory_new(((size_t)grid->count * loads * services + 1) * sizeof *list);
    const struct scheme_kind *refused = NULL;
    uint32_t count = 0;
    int err = 0;

    for (size_t i = 0; i < grid->count * loads * services && !err; i++) {
        const struct experiment *like = &grid->list[i / loads / services];
        const size_t digits[2] = {i % loads, i / loads % services};

        if (like->trial.kind == refused)
            continue;
        list[count] = *like;
        experiment_fill(grid, options, &list[count], digits);
        if (refuses_scheme(grid, options, like->trial.kind, why))
            refused = like->trial.kind;
        else
            count += 1;
        if ((refused == like->trial.kind && !options->shared.every_scheme) ||
            (count && (refuses_workload(&like->trial, list[count - 1].trial.cluster, why) ||
                       refuses_events(&like->trial, list[count - 1].trial.cluster, why))))
            err = ERR_INVALID;
    }
    free(grid->list);
    grid->list = list;
    grid->count = count;
    return err;
}

int cluster_grid_make(struct grid *grid, const struct cluster_options *options, struct buffer *why)
{
    size_t loads = options->rate.count ? options->rate.count : options->clients.count;
    int err = grid_make(grid, &options->shared, NULL, why);

    if (!err && grid->count * loads * options->service_us.count > EXPERIMENTS_MAX) {
        buffer_add_format(why, "more than %d experiments: give fewer values", EXPERIMENTS_MAX);
        err = ERR_INVALID;
    }
    return err ? err : experiments_multiply(grid, options, why);
}
