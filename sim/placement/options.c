// SPDX-License-Identifier: Apache-2.0
#include "sim/placement/options.h"

#include "base/check.h"
#include "base/text.h"
#include "sim/placement/choice.h"
#include "sim/placement/defaults.h"
#include "sim/placement/help.h"
#include "sim/placement/take.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_BOUND = 0x100,
    KEY_BOUND_ON,
    KEY_BOOST_COPIES,
    KEY_BOOST_SHARDS,
    KEY_TABLE,
    KEY_R,
    KEY_W,
    KEY_WORKLOAD,
    KEY_THETA,
    KEY_KEYS,
    KEY_OPERATIONS,
    KEY_READ_SHARE,
    KEY_BYTES,
    KEY_HOT_OPERATIONS,
    KEY_HOT_KEYS,
    KEY_TRACE,
    KEY_WEIGHTS,
    KEY_ZONES,
    KEY_EVENT,
    KEY_TO,
    KEY_LOAD,
    KEY_SERVICE,
    KEY_READS,
    KEY_HEDGE,
    KEY_REQUESTS,
    KEY_LEGS,
    KEY_LEG,
    KEY_SITES,
    KEY_CLIENT,
    KEY_COORDINATOR,
    KEY_PAIR,
    KEY_TIMES,
    KEY_PROBABILITIES,
    KEY_TRIALS,
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

static const struct argp_option rows[] = {
    HEADER("Schemes (a LIST is numbers with commas between them; k, M and e6 are understood)", 1),
    OPTION("scheme", 's', "NAMES", "all, or some of the schemes below (static,ring)", 1),
    OPTION("nodes", 'n', "LIST", "Nodes (10)", 1),
    OPTION("replicas", 'N', "LIST", "Copies of each key, N (3)", 1),
    OPTION("shards", 'S', "LIST", "static, static-boost: shards, powers of two (256)", 1),
    OPTION("vnodes", 'V', "LIST", "Tokens or ranges per node of weight 1 (128)", 1),
    OPTION("partitions", 'Q', "LIST", "ring-equal (V x nodes), ring-token-equal (1024)", 1),
    OPTION("bound", KEY_BOUND, "LIST", "bounded: factor c, above 1 (1.25)", 1),
    OPTION("bound-on", KEY_BOUND_ON, "WHAT", "bounded: bound load or keys (load)", 1),
    OPTION("boost-copies", KEY_BOOST_COPIES, "LIST", "static-boost: copies more (N)", 1),
    OPTION("boost-shards", KEY_BOOST_SHARDS, "LIST", "static-boost: of how many shards (S/100)", 1),
    OPTION("table", KEY_TABLE, "HOW", "static: planner (as nodes do) or successive nodes", 1),
    OPTION("weights", KEY_WEIGHTS, "LIST", "Of the nodes in turn, from 0.01 to 10000 (1)", 1),
    OPTION("zones", KEY_ZONES, "LIST", "Deal the nodes to so many zones (0: none)", 1),
    HEADER("Workload", 2),
    OPTION("workload", KEY_WORKLOAD, "NAMES",
           "uniform, zipf, zipf-scrambled, hotspot, latest, trace (zipf)", 2),
    {.name = "distribution", .flags = OPTION_ALIAS, .group = 2},
    OPTION("theta", KEY_THETA, "LIST", "Zipf's exponent, 0 (uniform) to 2 (0,0.99)", 2),
    OPTION("keys", KEY_KEYS, "LIST", "Keys (1e6); inf: the limit of many, all alike", 2),
    OPTION("operations", KEY_OPERATIONS, "LIST", "Draw so many; 0: expected shares (0)", 2),
    OPTION("read-share", KEY_READ_SHARE, "LIST", "Of operations, those that read (0.95)", 2),
    OPTION("value-bytes", KEY_BYTES, "SIZE", "Of a value: a number or MIN-MAX (100)", 2),
    OPTION("hot-operations", KEY_HOT_OPERATIONS, "SHARE", "hotspot: so many operations (0.9)", 2),
    OPTION("hot-keys", KEY_HOT_KEYS, "SHARE", "hotspot: on so many of the keys (0.1)", 2),
    OPTION("trace", KEY_TRACE, "FILE", "A key per line, - for standard input", 2),
    HEADER("movement", 3),
    OPTION("event", KEY_EVENT, "LIST",
           "add[:K], remove[:K], fail[:K], reweigh[:FACTOR], double, to:NODES (add,remove where "
           "there are enough nodes); repeatable",
           3),
    OPTION("to", KEY_TO, "LIST", "The same as --event to:NODES", 3),
    HEADER("latency", 4),
    OPTION("load", KEY_LOAD, "LIST", "Shares of capacity (0.3,0.5,0.7,0.8,0.9)", 4),
    OPTION("service", KEY_SERVICE, "DELAY", "Time to serve a request at a node (exp:1)", 4),
    OPTION("reads", KEY_READS, "HOW", "Go to the primary copies, or spread over all (spread)", 4),
    OPTION("hedge", KEY_HEDGE, "MS", "Ask one copy more after so long; none (none)", 4),
    OPTION("requests", KEY_REQUESTS, "COUNT", "Per repetition and load (200k)", 4),
    OPTION("r", KEY_R, "LIST", "Copies that answer a read: numbers, one, quorum, all (quorum)", 4),
    OPTION("w", KEY_W, "LIST", "Copies that confirm a write (quorum)", 4),
    HEADER("staleness", 5),
    OPTION("legs", KEY_LEGS, "NAMES",
           "lnkd-ssd, lnkd-disk, ymmr: measured fits; or a DELAY for all legs, exp:1 (lnkd-ssd)",
           5),
    OPTION("leg", KEY_LEG, "LEG=DELAY", "One of the legs W, A, R, S; repeatable", 5),
    OPTION("sites", KEY_SITES, "NAMES", "Where the replicas stand, in turn", 5),
    OPTION("client", KEY_CLIENT, "NAMES", "Where writer and reader stand (the first site)", 5),
    OPTION("coordinator", KEY_COORDINATOR, "WHERE",
           "Stands apart and asks all replicas, or is a replica and asks R, as in quorate (apart)",
           5),
    OPTION("pair", KEY_PAIR, "A-B=DELAY", "Added to each leg between two sites; repeatable", 5),
    OPTION("t", KEY_TIMES, "LIST", "Milliseconds after the write (0,0.5,1,2,5,10,20,50,100)", 5),
    OPTION("p", KEY_PROBABILITIES, "LIST", "Consistency wanted (0.5,0.9,0.99,0.999)", 5),
    OPTION("trials", KEY_TRIALS, "COUNT", "Writes and reads per repetition (200k)", 5),
    HEADER("Run", 6),
    OPTION("seed", KEY_SEED, "NUMBER", "The same seed gives the same bytes (1)", 6),
    OPTION("repetitions", KEY_REPETITIONS, "COUNT", "Of each experiment, other seeds (10)", 6),
    OPTION("threads", KEY_THREADS, "COUNT", "(all cores)", 6),
    OPTION("format", 'f', "FORMAT", "table, csv or json (table)", 6),
    OPTION("csv", KEY_CSV, "FILE", "Write all rows as CSV as well", 6),
    OPTION("report", KEY_REPORT, "FILE", "Write an HTML page with charts as well", 6),
    OPTION("charts", KEY_CHARTS, "FOLDER", "Write each chart as an SVG file as well", 6),
    OPTION("no-color", KEY_NO_COLOR, NULL, "No colour (NO_COLOR)", 6),
    OPTION("no-progress", KEY_NO_PROGRESS, NULL, "No progress bar", 6),
    {0},
};

static const char *option_name(int key)
{
    for (size_t i = 0; rows[i].name || rows[i].doc; i++) {
        if (rows[i].key == key && rows[i].name)
            return rows[i].name;
    }
    return "?";
}

// ---- groups of options -------------------------------------------------------------------------

static bool take_scheme_option(struct options *options, int key, const char *text,
                               struct argp_state *state)
{
    static const char *const bounds_on[] = {"load", "keys"};
    static const char *const tables[] = {"planner", "successive"};
    const struct {
        int key;
        struct list *list;
        struct take_bounds bounds;
    } lists[] = {
        {'n', &options->nodes, {1, SCHEME_NODES_MAX, true}},
        {'N', &options->replicas, {1, SCHEME_REPLICAS_MAX, true}},
        {'S', &options->shards, {1, 1 << 16, true}},
        {'V', &options->vnodes, {1, SCHEME_VNODES_MAX, true}},
        {'Q', &options->partitions, {1, SCHEME_PARTITIONS_MAX, true}},
        {KEY_BOUND, &options->bound, {1.0001, 1000, false}},
        {KEY_BOOST_COPIES, &options->boost_copies, {1, SCHEME_WIDTH_MAX - 1, true}},
        {KEY_BOOST_SHARDS, &options->boost_shards, {1, 1 << 16, true}},
        {KEY_ZONES, &options->zones, {0, SCHEME_NODES_MAX, true}},
    };
    struct buffer why = {0};

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (lists[i].key == key) {
            take_list(state, option_name(key), text, lists[i].list, &lists[i].bounds);
            return true;
        }
    }
    switch (key) {
    case 's':
        take_must(state, option_name(key), choose_schemes(options, text, &why), &why);
        return true;
    case KEY_BOUND_ON:
        options->bound_keys = take_either(state, option_name(key), text, bounds_on);
        return true;
    case KEY_TABLE:
        options->successive = take_either(state, option_name(key), text, tables);
        return true;
    case KEY_WEIGHTS:
        take_must(state, option_name(key), choose_weights(options, text, &why), &why);
        return true;
    default:
        return false;
    }
}

static void take_keys(struct options *options, const char *text, struct argp_state *state)
{
    options->endless = strcmp(text, "inf") == 0;
    if (!options->endless && strstr(text, "inf"))
        argp_error(state, "--keys %s: inf stands alone, or give numbers", text);
    if (!options->endless)
        take_list(state, option_name(KEY_KEYS), text, &options->keys,
                  &(struct take_bounds){1, (double)WORKLOAD_KEYS_MAX, true});
}

static bool take_workload_option(struct options *options, int key, char *text,
                                 struct argp_state *state)
{
    const struct take_bounds share = {0, 1, false};
    struct buffer why = {0};

    switch (key) {
    case KEY_WORKLOAD:
        take_must(state, option_name(key), choose_workloads(options, text, &why), &why);
        return true;
    case KEY_THETA:
        take_list(state, option_name(key), text, &options->theta,
                  &(struct take_bounds){0, 2, false});
        return true;
    case KEY_KEYS:
        take_keys(options, text, state);
        return true;
    case KEY_OPERATIONS:
        take_list(state, option_name(key), text, &options->operations,
                  &(struct take_bounds){0, 1e10, true});
        return true;
    case KEY_READ_SHARE:
        take_list(state, option_name(key), text, &options->read_share, &share);
        return true;
    case KEY_BYTES:
        take_must(state, option_name(key), choose_bytes(options, text, &why), &why);
        return true;
    case KEY_HOT_OPERATIONS:
        options->hot_operations = take_number(state, option_name(key), text, &share);
        return true;
    case KEY_HOT_KEYS:
        options->hot_keys =
            take_number(state, option_name(key), text, &(struct take_bounds){1e-9, 1, false});
        return true;
    case KEY_TRACE:
        options->trace_path = text;
        options->workloads[0] = WORKLOAD_TRACE;
        options->workload_count = 1;
        return true;
    default:
        return false;
    }
}

static void take_targets(struct options *options, const char *text, struct argp_state *state)
{
    struct list list;
    struct buffer why = {0};

    take_list(state, option_name(KEY_TO), text, &list,
              &(struct take_bounds){1, SCHEME_NODES_MAX, true});
    for (size_t i = 0; i < list.count; i++) {
        const char *event = arena_text(&options->texts, "to:%.0f", list.values[i]);

        take_must(state, option_name(KEY_TO), choose_events(options, event, &why), &why);
        why = (struct buffer){0};
    }
}

static void take_loads(struct options *options, const char *text, struct argp_state *state)
{
    struct list list;

    take_list(state, option_name(KEY_LOAD), text, &list, &(struct take_bounds){0.0001, 10, false});
    if (list.count > LATENCY_LOADS_MAX)
        argp_error(state, "--load: give at most %d", LATENCY_LOADS_MAX);
    memcpy(options->latency.loads, list.values, list.count * sizeof list.values[0]);
    options->latency.load_count = (unsigned)list.count;
}

static bool take_question_option(struct options *options, int key, char *text,
                                 struct argp_state *state)
{
    static const char *const reads[] = {"primary", "spread"};
    struct latency_setup *latency = &options->latency;
    struct buffer why = {0};

    switch (key) {
    case KEY_EVENT:
        take_must(state, option_name(key), choose_events(options, text, &why), &why);
        return true;
    case KEY_TO:
        take_targets(options, text, state);
        return true;
    case KEY_LOAD:
        take_loads(options, text, state);
        return true;
    case KEY_SERVICE:
        options->service_text = text;
        return true;
    case KEY_READS:
        latency->reads =
            take_either(state, option_name(key), text, reads) ? LATENCY_SPREAD : LATENCY_PRIMARY;
        return true;
    case KEY_HEDGE:
        latency->hedged = strcmp(text, "none") != 0;
        if (latency->hedged)
            latency->hedge_ms =
                take_number(state, option_name(key), text, &(struct take_bounds){0, 1e6, false});
        return true;
    case KEY_REQUESTS:
        latency->requests = (uint64_t)take_number(
            state, option_name(key), text, &(struct take_bounds){100, LATENCY_REQUESTS_MAX, true});
        return true;
    case KEY_R:
        take_must(state, option_name(key), choose_levels(text, options->r, &options->r_count, &why),
                  &why);
        return true;
    case KEY_W:
        take_must(state, option_name(key), choose_levels(text, options->w, &options->w_count, &why),
                  &why);
        return true;
    default:
        return false;
    }
}

// An ascending list of at most STALENESS_TIMES_MAX.
static void take_points(struct argp_state *state, int key, const char *text, double *out,
                        unsigned *count)
{
    const struct take_bounds bounds = {0, key == KEY_TIMES ? 1e9 : 1, false};
    const struct take_points points = {out, STALENESS_TIMES_MAX};

    *count = take_ascending(state, option_name(key), text, &bounds, &points);
}

static bool take_staleness_option(struct options *options, int key, char *text,
                                  struct argp_state *state)
{
    static const char *const coordinators[] = {"apart", "replica"};
    struct staleness_setup *staleness = &options->staleness;
    struct buffer why = {0};

    switch (key) {
    case KEY_LEGS:
        take_must(state, option_name(key), choose_legs(options, text, &why), &why);
        return true;
    case KEY_LEG:
        take_must(state, option_name(key), choose_leg(options, text, &why), &why);
        return true;
    case KEY_SITES:
        options->sites_text = text;
        return true;
    case KEY_CLIENT:
        options->client_text = text;
        return true;
    case KEY_COORDINATOR:
        staleness->local = take_either(state, option_name(key), text, coordinators);
        return true;
    case KEY_PAIR:
        if (options->pair_count == STALENESS_PAIRS_MAX)
            argp_error(state, "--pair: give at most %d", STALENESS_PAIRS_MAX);
        options->pair_text[options->pair_count++] = text;
        return true;
    case KEY_TIMES:
        take_points(state, key, text, staleness->times, &staleness->time_count);
        return true;
    case KEY_PROBABILITIES:
        take_points(state, key, text, staleness->probabilities, &staleness->probability_count);
        return true;
    case KEY_TRIALS:
        staleness->trials = (uint64_t)take_number(
            state, option_name(key), text, &(struct take_bounds){100, STALENESS_TRIALS_MAX, true});
        return true;
    default:
        return false;
    }
}

static bool take_run_option(struct options *options, int key, char *text, struct argp_state *state)
{
    switch (key) {
    case KEY_SEED:
        if (text_read_u64(text, 0, UINT64_MAX, &options->seed))
            argp_error(state, "--seed %s: give a whole number from 0 to 2^64 - 1", text);
        return true;
    case KEY_REPETITIONS:
        options->repetitions = (uint32_t)take_number(state, option_name(key), text,
                                                     &(struct take_bounds){1, 1e6, true});
        return true;
    case KEY_THREADS:
        options->threads = (unsigned)take_number(state, option_name(key), text,
                                                 &(struct take_bounds){1, THREADS_MAX, true});
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

// ---- the command as it is noted down -----------------------------------------------------------

static void note_option(struct options *options, int key, const char *text)
{
    if (key == 'f' || key == KEY_SEED || key >= KEY_THREADS)
        return;
    take_note(&options->command, option_name(key), text);
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
    struct options *options = state->input;
    struct buffer why = {0};
    bool good;

    if (key == ARGP_KEY_ARG) {
        good = choose_question(options, text, &why);
        buffer_add_u8(&why, 0);
        if (!good)
            argp_error(state, "%s", (const char *)why.data);
        buffer_done(&why);
        buffer_add_format(&options->command, " %s", text);
        return 0;
    }
    if (!take_scheme_option(options, key, text, state) &&
        !take_workload_option(options, key, text, state) &&
        !take_question_option(options, key, text, state) &&
        !take_staleness_option(options, key, text, state) &&
        !take_run_option(options, key, text, state))
        return ARGP_ERR_UNKNOWN;
    note_option(options, key, text);
    return 0;
}

// ---- all of it ---------------------------------------------------------------------------------

static const struct argp program = {
    .options = rows,
    .parser = take_option,
    .args_doc = "[QUESTION...]",
    .doc = "How evenly do schemes of placement spread keys and load over nodes, what does it cost "
           "to grow, how long do requests queue, how stale may a read be?\v"
           "A DELAY is in milliseconds: const:5, exp:RATE, pareto:XM,ALPHA, uniform:MIN,MAX, "
           "lognormal:MEDIAN,SIGMA, file:PATH, a mixture like 0.9*exp:1+0.1*const:20, or any of "
           "these after a constant, like 40+exp:1.\n\n"
           "Ends with 0: done; 2: usage; 8: a file could not be written.",
    .help_filter = help_filter,
};

void sim_options_read(struct options *options, int argc, char **argv)
{
    struct buffer why = {0};
    static char name[] = "quorate-sim placement";

    sim_options_default(options);
    buffer_add_format(&options->command, "%s", name);
    argv[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    (void)argp_parse(&program, argc, argv, 0, NULL, options);
    if (options->asked_count == 0)
        check(choose_question(options, "balance", &why));
    options->events_default = options->event_count == 0;
    if (options->events_default)
        check(choose_events(options, "add,remove", &why));
    if (!choose_finish(options, &why)) {
        buffer_add_u8(&why, 0);
        fprintf(stderr, "%s: %s\n", name, (const char *)why.data);
        exit(EXIT_USAGE);
    }
    buffer_add_format(&options->command, " --seed %llu", (unsigned long long)options->seed);
    buffer_add_u8(&options->command, 0);
}

void sim_options_done(struct options *options)
{
    for (unsigned i = 0; i < options->leg_count; i++) {
        for (unsigned leg = 0; leg < LEGS; leg++)
            delay_done(&options->legs[i].delay[leg]);
    }
    for (unsigned i = 0; i < options->staleness.pair_count; i++)
        delay_done(&options->staleness.pairs[i].delay);
    delay_done(&options->latency.service);
    buffer_done(&options->command);
    arena_done(&options->texts);
}
