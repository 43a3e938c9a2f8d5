// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/options.h"

#include "base/check.h"
#include "base/text.h"
#include "sim/cluster/cluster.h"
#include "sim/placement/choice.h"
#include "sim/placement/defaults.h"
#include "sim/placement/take.h"
#include "sim/world/sim.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_R = 0x100,
    KEY_W,
    KEY_WORKLOAD,
    KEY_THETA,
    KEY_KEYS,
    KEY_READ_SHARE,
    KEY_BYTES,
    KEY_HOT_OPERATIONS,
    KEY_HOT_KEYS,
    KEY_EMPTY,
    KEY_RATE,
    KEY_CLIENTS,
    KEY_SECONDS,
    KEY_WARM_UP,
    KEY_TIMEOUT,
    KEY_ROUTE,
    KEY_STRICT,
    KEY_LATENCY,
    KEY_LEG,
    KEY_CLIENT_LEG,
    KEY_ORDERED,
    KEY_SERVICE,
    KEY_DISK,
    KEY_HEDGE,
    KEY_KILL,
    KEY_PARTITION,
    KEY_TIMES,
    KEY_PROBES,
    KEY_SEED,
    KEY_REPETITIONS,
    // What follows changes no result, and so is no part of the command that is noted down.
    KEY_THREADS,
    KEY_CSV,
    KEY_REPORT,
    KEY_CHARTS,
    KEY_NO_COLOR,
    KEY_NO_PROGRESS,
    EXIT_USAGE = 2
};

#define HEADER(text, number)                                                                       \
    {                                                                                              \
        .doc = text, .group = number                                                               \
    }
#define OPTION(word, letter, value, text, number)                                                  \
    {                                                                                              \
        .name = word, .key = letter, .arg = value, .doc = text, .group = number                    \
    }
#define ALIAS(word, number)                                                                        \
    {                                                                                              \
        .name = word, .flags = OPTION_ALIAS, .group = number                                       \
    }

static const struct argp_option rows[] = {
    HEADER("Placement (a LIST is numbers with commas between them; k, M and e6 are understood)", 1),
    OPTION("scheme", 's', "NAMES",
           "static, ring, modulo, ring-equal, ring-token-equal, jump, rendezvous (static,ring)", 1),
    OPTION("nodes", 'n', "LIST", "Nodes, up to 128 (10)", 1),
    OPTION("replicas", 'N', "LIST", "Copies of each key, N (3)", 1),
    OPTION("shards", 'S', "LIST", "static: shards, powers of two (256)", 1),
    OPTION("vnodes", 'V', "LIST", "Tokens or ranges per node (128)", 1),
    OPTION("partitions", 'Q', "LIST", "ring-equal (V x nodes), ring-token-equal (1024)", 1),
    HEADER("Workload", 2),
    OPTION("workload", KEY_WORKLOAD, "NAMES",
           "uniform, zipf, zipf-scrambled, hotspot, latest (zipf)", 2),
    OPTION("theta", KEY_THETA, "LIST", "Zipf's exponent, 0 (uniform) to 2 (0,0.99)", 2),
    OPTION("keys", KEY_KEYS, "LIST", "Keys (10k)", 2),
    OPTION("read-share", KEY_READ_SHARE, "LIST", "Of operations, those that read (0.95)", 2),
    OPTION("value-bytes", KEY_BYTES, "SIZE", "Of a value: a number or MIN-MAX (100)", 2),
    ALIAS("value-size", 2),
    OPTION("hot-operations", KEY_HOT_OPERATIONS, "SHARE", "hotspot: so many operations (0.9)", 2),
    OPTION("hot-keys", KEY_HOT_KEYS, "SHARE", "hotspot: on so many of the keys (0.1)", 2),
    OPTION("empty", KEY_EMPTY, NULL, "Begin without keys; else all are written before", 2),
    HEADER("Requests", 3),
    OPTION("rate", KEY_RATE, "LIST", "Open load: operations asked for in a second (20k)", 3),
    OPTION("clients", KEY_CLIENTS, "LIST", "Closed load: clients with one request each", 3),
    OPTION("seconds", KEY_SECONDS, "SECONDS", "Measured (1)", 3),
    OPTION("warm-up", KEY_WARM_UP, "SECONDS", "Before that (0.2)", 3),
    OPTION("r", KEY_R, "LIST", "Copies that answer a read: numbers, one, quorum, all (quorum)", 3),
    OPTION("w", KEY_W, "LIST", "Copies that confirm a write (quorum)", 3),
    OPTION("timeout", KEY_TIMEOUT, "MS", "Of a request (2000)", 3),
    OPTION("route", KEY_ROUTE, "WHERE",
           "owner: one of the key's at random; first: its first; any: a node that forwards (owner)",
           3),
    OPTION("strict", KEY_STRICT, NULL, "Owners only: nobody stands in for one that is away", 3),
    HEADER("Network and nodes", 4),
    OPTION("latency", KEY_LATENCY, "NAMES",
           "lnkd-ssd, lnkd-disk, ymmr: measured fits; or a DELAY for all legs, exp:1 (lnkd-ssd)",
           4),
    ALIAS("legs", 4),
    OPTION("leg", KEY_LEG, "LEG=DELAY", "One of the legs W, A, R, S; repeatable", 4),
    OPTION("client-leg", KEY_CLIENT_LEG, "DELAY", "Between client and node, each way (const:0)", 4),
    OPTION("ordered", KEY_ORDERED, NULL, "Messages between two nodes arrive in order, as in TCP",
           4),
    OPTION("service-us", KEY_SERVICE, "LIST", "Of a node, for each message, in turn (20)", 4),
    OPTION("disk-us", KEY_DISK, "US", "To twice this, until a write is on the disk (0)", 4),
    OPTION("hedge", KEY_HEDGE, "MS", "Never earlier than this; none; 0: as nodes do (0)", 4),
    OPTION("kill", KEY_KILL, "NODES@FROM[..TO]",
           "Their processes are gone from then (until then); repeatable", 4),
    OPTION("partition", KEY_PARTITION, "NODES@FROM[..TO]",
           "They and the other nodes do not reach each other; repeatable", 4),
    HEADER("Staleness", 5),
    OPTION("t", KEY_TIMES, "LIST", "Milliseconds after a write (0,1,2,5,10,20)", 5),
    OPTION("probes", KEY_PROBES, "COUNT",
           "For each t: keys of their own, written once and read once (100)", 5),
    HEADER("Run", 6),
    OPTION("seed", KEY_SEED, "NUMBER", "The same seed gives the same bytes (1)", 6),
    OPTION("repetitions", KEY_REPETITIONS, "COUNT", "Of each experiment, other seeds (5)", 6),
    ALIAS("seeds", 6),
    OPTION("threads", KEY_THREADS, "COUNT", "(all cores)", 6),
    OPTION("format", 'f', "FORMAT", "table, csv or json (table)", 6),
    OPTION("csv", KEY_CSV, "FILE", "Write all rows as CSV as well", 6),
    OPTION("report", KEY_REPORT, "FILE", "Write an HTML page with charts as well", 6),
    OPTION("charts", KEY_CHARTS, "FOLDER", "Write each chart as an SVG file as well", 6),
    OPTION("no-color", KEY_NO_COLOR, NULL, "No colour (NO_COLOR)", 6),
    OPTION("no-progress", KEY_NO_PROGRESS, NULL, "No progress bar", 6),
    {0},
};

static const char *name_of(int key)
{
    for (size_t i = 0; rows[i].name || rows[i].doc; i++) {
        if (rows[i].key == key && rows[i].name)
            return rows[i].name;
    }
    return "?";
}

// ---- groups of options -------------------------------------------------------------------------

static bool take_lists(struct cluster_options *options, int key, const char *text,
                       struct argp_state *state)
{
    struct options *shared = &options->shared;
    const struct {
        int key;
        struct list *list;
        struct take_bounds bounds;
    } lists[] = {
        {'n', &shared->nodes, {1, SIM_NODES_MAX, true}},
        {'N', &shared->replicas, {1, SCHEME_REPLICAS_MAX, true}},
        {'S', &shared->shards, {1, 1 << 16, true}},
        {'V', &shared->vnodes, {1, SCHEME_VNODES_MAX, true}},
        {'Q', &shared->partitions, {1, SCHEME_PARTITIONS_MAX, true}},
        {KEY_THETA, &shared->theta, {0, 2, false}},
        {KEY_KEYS, &shared->keys, {1, CLUSTER_KEYS_MAX, true}},
        {KEY_READ_SHARE, &shared->read_share, {0, 1, false}},
        {KEY_RATE, &options->rate, {1, 1e8, false}},
        {KEY_CLIENTS, &options->clients, {1, 100000, true}},
        {KEY_SERVICE, &options->service_us, {0, 1e6, true}},
    };

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (lists[i].key == key) {
            take_list(state, name_of(key), text, lists[i].list, &lists[i].bounds);
            return true;
        }
    }
    return false;
}

static bool take_words(struct cluster_options *options, int key, char *text,
                       struct argp_state *state)
{
    struct options *shared = &options->shared;
    struct buffer why = {0};
    bool good;

    switch (key) {
    case 's':
        good = choose_schemes(shared, text, &why);
        break;
    case KEY_WORKLOAD:
        good = choose_workloads(shared, text, &why);
        break;
    case KEY_BYTES:
        good = choose_bytes(shared, text, &why);
        break;
    case KEY_R:
        good = choose_levels(text, shared->r, &shared->r_count, &why);
        break;
    case KEY_W:
        good = choose_levels(text, shared->w, &shared->w_count, &why);
        break;
    case KEY_LATENCY:
        good = choose_legs(shared, text, &why);
        break;
    case KEY_LEG:
        good = choose_leg(shared, text, &why);
        break;
    default:
        return false;
    }
    take_must(state, name_of(key), good, &why);
    return true;
}

static enum cluster_route take_route(struct argp_state *state, const char *text)
{
    static const char *const routes[] = {"owner", "first", "any"};

    for (unsigned i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(text, routes[i]) == 0)
            return (enum cluster_route)i;
    }
    argp_error(state, "--route %s: give owner, first or any", text);
    return ROUTE_OWNER;
}

static void take_event(struct cluster_options *options, int key, const char *text,
                       struct argp_state *state)
{
    struct cluster_setup *setup = &options->setup;
    struct buffer why = {0};

    if (setup->event_count == CLUSTER_EVENTS_MAX)
        argp_error(state, "--%s: give at most %d events", name_of(key), CLUSTER_EVENTS_MAX);
    take_must(state, name_of(key),
              cluster_event_read(text, &setup->events[setup->event_count], &why), &why);
    setup->events[setup->event_count++].kind = key == KEY_KILL ? CLUSTER_KILL : CLUSTER_PARTITION;
}

static double number(struct argp_state *state, int key, const char *text, struct take_bounds bounds)
{
    return take_number(state, name_of(key), text, &bounds);
}

static void take_hedge(struct cluster_setup *setup, const char *text, struct argp_state *state)
{
    setup->hedged = strcmp(text, "none") != 0;
    if (setup->hedged)
        setup->hedge_ms = number(state, KEY_HEDGE, text, (struct take_bounds){0, 1e6, false});
}

static void take_times(struct cluster_setup *setup, const char *text, struct argp_state *state)
{
    const struct take_bounds bounds = {0, 1e5, false};

    setup->time_count = take_ascending(state, name_of(KEY_TIMES), text, &bounds,
                                       &(struct take_points){setup->times, CLUSTER_TIMES_MAX});
}

static bool take_setup(struct cluster_options *options, int key, char *text,
                       struct argp_state *state)
{
    struct cluster_setup *setup = &options->setup;
    const struct take_bounds share = {0, 1, false};

    switch (key) {
    case KEY_HOT_OPERATIONS:
        options->shared.hot_operations = number(state, key, text, share);
        return true;
    case KEY_HOT_KEYS:
        options->shared.hot_keys = number(state, key, text, (struct take_bounds){1e-9, 1, false});
        return true;
    case KEY_EMPTY:
        setup->empty = true;
        return true;
    case KEY_SECONDS:
        setup->seconds = number(state, key, text, (struct take_bounds){0.001, 1e5, false});
        return true;
    case KEY_WARM_UP:
        setup->warm = number(state, key, text, (struct take_bounds){0, 1e5, false});
        return true;
    case KEY_TIMEOUT:
        setup->timeout_ms =
            (uint32_t)number(state, key, text, (struct take_bounds){1, 60000, true});
        return true;
    case KEY_ROUTE:
        setup->route = take_route(state, text);
        return true;
    case KEY_STRICT:
        setup->strict = true;
        return true;
    case KEY_CLIENT_LEG:
        options->client_leg_text = text;
        return true;
    case KEY_ORDERED:
        setup->ordered = true;
        return true;
    case KEY_DISK:
        setup->disk_us = (uint32_t)number(state, key, text, (struct take_bounds){0, 1e7, true});
        return true;
    case KEY_HEDGE:
        take_hedge(setup, text, state);
        return true;
    case KEY_KILL:
    case KEY_PARTITION:
        take_event(options, key, text, state);
        return true;
    case KEY_TIMES:
        take_times(setup, text, state);
        return true;
    case KEY_PROBES:
        setup->probes = (uint32_t)number(state, key, text, (struct take_bounds){0, 1e6, true});
        return true;
    default:
        return false;
    }
}

static bool take_run(struct options *options, int key, char *text, struct argp_state *state)
{
    switch (key) {
    case KEY_SEED:
        if (text_read_u64(text, 0, UINT64_MAX, &options->seed))
            argp_error(state, "--seed %s: give a whole number from 0 to 2^64 - 1", text);
        return true;
    case KEY_REPETITIONS:
        options->repetitions =
            (uint32_t)number(state, key, text, (struct take_bounds){1, 1e6, true});
        return true;
    case KEY_THREADS:
        options->threads =
            (unsigned)number(state, key, text, (struct take_bounds){1, THREADS_MAX, true});
        return true;
    case 'f':
        options->format = take_format(state, text);
        return true;
    case KEY_CSV:
        options->csv_path = text;
        return true;
    case KEY_REPORT:
        options->report_path = text;
        return true;
    case KEY_CHARTS:
        options->charts_path = text;
        return true;
    case KEY_NO_COLOR:
        options->color = false;
        return true;
    case KEY_NO_PROGRESS:
        options->progress = false;
        return true;
    default:
        return false;
    }
}

static void note(struct cluster_options *options, int key, const char *text)
{
    if (key == 'f' || key == KEY_SEED || key >= KEY_THREADS)
        return;
    if (text)
        take_note(&options->shared.command, name_of(key), text);
    else
        buffer_add_format(&options->shared.command, " --%s", name_of(key));
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
    struct cluster_options *options = state->input;

    if (key == ARGP_KEY_ARG)
        argp_error(state, "%s: there is nothing to name here but options", text);
    if (!take_lists(options, key, text, state) && !take_words(options, key, text, state) &&
        !take_setup(options, key, text, state) && !take_run(&options->shared, key, text, state))
        return ARGP_ERR_UNKNOWN;
    note(options, key, text);
    return 0;
}

// ---- all of it ---------------------------------------------------------------------------------

static const struct argp program = {
    .options = rows,
    .parser = take_option,
    .doc = "What does a cluster do under load? The code of quorate-node itself, many nodes in "
           "virtual time, under a workload, a placement, a model of delays and faults: how fast, "
           "how stale, who works how much, what is sent.\v"
           "Every combination of the values that are given is an experiment. A DELAY is in "
           "milliseconds: const:5, exp:RATE, pareto:XM,ALPHA, uniform:MIN,MAX, "
           "lognormal:MEDIAN,SIGMA, file:PATH, a mixture like 0.9*exp:1+0.1*const:20, or any of "
           "these after a constant, like 40+exp:1.\n\n"
           "Ends with 0: done; 2: usage; 8: a file could not be written.",
};

static void set_defaults(struct cluster_options *options)
{
    static const double times[] = {0, 1, 2, 5, 10, 20};

    *options = (struct cluster_options){.client_leg_text = "const:0"};
    sim_options_default(&options->shared);
    options->shared.asked[0] = &question_cluster;
    options->shared.asked_count = 1;
    options->shared.keys.values[0] = 10000;
    options->shared.repetitions = 5;
    options->service_us = (struct list){.values = {20}, .count = 1};
    options->setup = (struct cluster_setup){.seconds = 1,
                                            .warm = 0.2,
                                            .timeout_ms = 2000,
                                            .hedged = true,
                                            .probes = 100,
                                            .time_count = sizeof times / sizeof times[0]};
    memcpy(options->setup.times, times, sizeof times);
}

// Clients that are answered in no time ask a million times a second.
static bool takes_no_time(const struct cluster_options *options)
{
    bool none = false;

    for (size_t i = 0; i < options->service_us.count; i++)
        none = none || options->service_us.values[i] <= 0;
    return none && delay_mean(&options->client_leg) <= 0;
}

static bool finish(struct cluster_options *options, struct buffer *why)
{
    if (options->rate.count && options->clients.count) {
        buffer_add_format(why, "give --rate (an open load) or --clients (a closed one)");
        return false;
    }
    if (!options->clients.count && !options->rate.count)
        options->rate = (struct list){.values = {20000}, .count = 1};
    if (delay_read(options->client_leg_text, &options->client_leg, why))
        return false;
    if (options->clients.count && takes_no_time(options)) {
        buffer_add_format(why, "--clients that are answered in no time never stop: give them a "
                               "--client-leg, or --service-us above 0");
        return false;
    }
    return choose_finish(&options->shared, why);
}

void cluster_options_read(struct cluster_options *options, int argc, char **argv)
{
    static char name[] = "quorate-sim cluster";
    struct buffer why = {0};

    set_defaults(options);
    buffer_add_format(&options->shared.command, "%s", name);
    argv[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    (void)argp_parse(&program, argc, argv, 0, NULL, options);
    if (!finish(options, &why)) {
        buffer_add_u8(&why, 0);
        fprintf(stderr, "%s: %s\n", name, (const char *)why.data);
        exit(EXIT_USAGE);
    }
    buffer_add_format(&options->shared.command, " --seed %llu",
                      (unsigned long long)options->shared.seed);
    buffer_add_u8(&options->shared.command, 0);
}

void cluster_options_done(struct cluster_options *options)
{
    delay_done(&options->client_leg);
    sim_options_done(&options->shared);
}
