// SPDX-License-Identifier: Apache-2.0
#include "client/bench/options.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "client/bench/connection.h"

#include <stdlib.h>

enum {
    KEY_WORKLOAD = 0x200,
    KEY_DISTRIBUTION,
    KEY_KEYS,
    KEY_THETA,
    KEY_HOT_OPERATIONS,
    KEY_HOT_KEYS,
    KEY_VALUE_SIZE,
    KEY_SEED,
    KEY_LOAD,
    KEY_LOAD_ONLY,
    KEY_CONNECTIONS,
    KEY_DEPTH,
    KEY_THREADS,
    KEY_SPREAD,
    KEY_RATE,
    KEY_ARRIVALS,
    KEY_WARM_UP,
    KEY_DURATION,
    KEY_OPERATIONS,
    KEY_PROTOCOL,
    KEY_WAIT,
    KEY_FLOOR,
    KEY_CHECK,
    KEY_WATCH,
    KEY_HISTOGRAM,
    FLOOR_BESIDE = 1024, // more than a frame has beside its value
    SECONDS_MAX = 7 * 24 * 3600,
    MS_PER_S = 1000
};

#define OPERATIONS_MAX UINT64_C(1000000000000)

#define OPTION(n, k, a, d)                                                                         \
    {                                                                                              \
        .name = (n), .key = (k), .arg = (a), .doc = (d)                                            \
    }
#define HEADING(d)                                                                                 \
    {                                                                                              \
        .doc = (d)                                                                                 \
    }

static const struct argp_option rows[] = {
    {.doc = "What is done:", .group = 2},
    OPTION("workload", KEY_WORKLOAD, "WORKLOAD", "The same as the word behind bench"),
    OPTION("keys", KEY_KEYS, "COUNT", "How many keys there are (100000)"),
    OPTION("distribution", KEY_DISTRIBUTION, "NAME",
           "Of keys: uniform, zipf, zipf-scrambled, latest or hotspot (what the workload says)"),
    OPTION("theta", KEY_THETA, "NUMBER", "zipf, latest: skew, 0 to 2 (0.99)"),
    OPTION("hot-operations", KEY_HOT_OPERATIONS, "SHARE", "hotspot: so many operations (0.9)"),
    OPTION("hot-keys", KEY_HOT_KEYS, "SHARE", "hotspot: on so many of the keys (0.1)"),
    OPTION("value-size", KEY_VALUE_SIZE, "BYTES", "N, or MIN-MAX: uniform, fixed for a key (100)"),
    OPTION("seed", KEY_SEED, "NUMBER", "Draw the same operations again (0)"),
    OPTION("load", KEY_LOAD, NULL, "Write every key first"),
    OPTION("load-only", KEY_LOAD_ONLY, NULL, "Write every key, and no more"),
    HEADING("How:"),
    OPTION("connections", KEY_CONNECTIONS, "COUNT", "Of all threads together (64)"),
    OPTION("depth", KEY_DEPTH, "COUNT", "Requests in flight on each connection (1)"),
    OPTION("threads", KEY_THREADS, "COUNT", "Of this program (1)"),
    OPTION("spread", KEY_SPREAD, "HOW",
           "Send to an owner of the key, to any node in turn, or to the first endpoint (owner)"),
    OPTION("rate", KEY_RATE, "COUNT",
           "Send so many a second, whatever is answered (as fast as may)"),
    OPTION("arrivals", KEY_ARRIVALS, "HOW", "With --rate: poisson or uniform (poisson)"),
    OPTION("warm-up", KEY_WARM_UP, "SECONDS", "Before anything is measured (1)"),
    OPTION("duration", KEY_DURATION, "SECONDS", "Of what is measured (10)"),
    OPTION("operations", KEY_OPERATIONS, "COUNT", "Measure so many instead of a time"),
    HEADING("Against what:"),
    OPTION("protocol", KEY_PROTOCOL, "NAME", "quorate or redis (quorate)"),
    OPTION("wait", KEY_WAIT, "COUNT", "redis: replicas that must have a write (0: no WAIT)"),
    OPTION("floor", KEY_FLOOR, "KIND",
           "Instead of a cluster, servers of its own: echo, fanout or fanout-log"),
    HEADING("What is told:"),
    OPTION("check", KEY_CHECK, NULL, "Look at every value read; exit code 8 when one is wrong"),
    OPTION("watch", KEY_WATCH, "PID,...", "Tell what these processes used"),
    OPTION("histogram", KEY_HISTOGRAM, "FILE", "Write the distribution of latencies to a file"),
    {0},
};

static const char *const floor_words[] = {"echo", "fanout", "fanout-log", NULL};
static const char *const spread_words[] = {"owner", "any", "first", NULL};
static const char *const arrivals_words[] = {"closed", "uniform", "poisson", NULL};
static const char *const protocol_words[] = {"quorate", "redis", NULL};

const char *floor_word(enum floor_kind floor)
{
    return floor_words[floor];
}

const char *spread_word(enum spread spread)
{
    return spread_words[spread];
}

const char *arrivals_word(enum arrivals arrivals)
{
    return arrivals_words[arrivals];
}

// ---- values of options --------------------------------------------------------------------------

static const char *name_of(int key)
{
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].name && rows[i].key == key)
            return rows[i].name;
    }
    return "";
}

static uint64_t read_count(struct argp_state *state, int key, const char *text, uint64_t min,
                           uint64_t max)
{
    uint64_t count = 0;

    if (text_read_u64(text, min, max, &count))
        argp_error(state, "--%s %s: give a number from %llu to %llu", name_of(key), text,
                   (unsigned long long)min, (unsigned long long)max);
    return count;
}

static double read_decimal(struct argp_state *state, int key, const char *text, double max)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end || !(value >= 0 && value <= max))
        argp_error(state, "--%s %s: give a number from 0 to %g", name_of(key), text, max);
    return value;
}

// The index of a word in a list that ends with NULL, from `first` on.
static unsigned read_word(struct argp_state *state, int key, const char *text,
                          const char *const *words)
{
    struct buffer list = {0};

    for (unsigned i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0) {
            buffer_done(&list);
            return i;
        }
        buffer_add_format(&list, "%s%s", i ? ", " : "", words[i]);
    }
    buffer_add_u8(&list, 0);
    argp_error(state, "--%s %s: give one of %s", name_of(key), text, (const char *)list.data);
    return 0;
}

// A number without a unit is seconds.
static uint64_t read_seconds(struct argp_state *state, int key, const char *text, uint64_t min_ms)
{
    uint64_t ms = 0;
    char *end;
    double seconds = strtod(text, &end);

    if (end != text && !*end && seconds >= 0 && seconds <= SECONDS_MAX)
        ms = (uint64_t)(seconds * MS_PER_S + 0.5);
    else if (text_read_ms(text, &ms) || ms > (uint64_t)SECONDS_MAX * MS_PER_S)
        ms = UINT64_MAX;
    if (ms == UINT64_MAX || ms < min_ms)
        argp_error(state, "--%s %s: give seconds, or a time like 500ms, 10s or 5m, at most 7d",
                   name_of(key), text);
    return ms;
}

static void read_size(struct argp_state *state, char *text, struct bench_options *options)
{
    char *dash = strchr(text, '-');
    uint64_t min = 0, max = 0;

    if (dash)
        *dash = 0;
    if (text_read_u64(text, 0, VALUE_SIZE_MAX, &min) ||
        text_read_u64(dash ? dash + 1 : text, min, VALUE_SIZE_MAX, &max))
        argp_error(state, "--value-size: give bytes, or MIN-MAX, up to %d", VALUE_SIZE_MAX);
    options->size_min = (uint32_t)min;
    options->size_max = (uint32_t)max;
}

static void read_distribution(struct argp_state *state, const char *text,
                              struct bench_options *options)
{
    if (!workload_find(text, &options->distribution) || options->distribution == WORKLOAD_TRACE)
        argp_error(state,
                   "--distribution %s: give one of uniform, zipf, zipf-scrambled, latest, "
                   "hotspot",
                   text);
    options->has_distribution = true;
}

static void read_pids(struct argp_state *state, char *text, struct bench_options *options)
{
    char *rest = text;
    char *one;

    while ((one = strsep(&rest, ",")) != NULL) {
        char name[PROCESS_NAME_SIZE];
        uint64_t pid = 0;

        if (text_read_u64(one, 1, INT32_MAX, &pid) || process_name((pid_t)pid, name))
            argp_error(state, "--watch %s: there is no such process", one);
        if (options->watch_count == WATCH_MAX)
            argp_error(state, "--watch: at most %d processes", WATCH_MAX);
        options->watch[options->watch_count++] = (pid_t)pid;
    }
}

// ---- options ------------------------------------------------------------------------------------

static bool take_what(struct bench_options *options, int key, char *text, struct argp_state *state)
{
    switch (key) {
    case KEY_WORKLOAD:
        options->workload = text;
        return true;
    case KEY_KEYS:
        options->keys = read_count(state, key, text, 1, WORKLOAD_KEYS_MAX);
        return true;
    case KEY_DISTRIBUTION:
        read_distribution(state, text, options);
        return true;
    case KEY_THETA:
        options->theta = read_decimal(state, key, text, 2);
        return true;
    case KEY_HOT_OPERATIONS:
        options->hot_operations = read_decimal(state, key, text, 1);
        return true;
    case KEY_HOT_KEYS:
        options->hot_keys = read_decimal(state, key, text, 1);
        return true;
    case KEY_VALUE_SIZE:
        read_size(state, text, options);
        return true;
    case KEY_SEED:
        options->seed = read_count(state, key, text, 0, UINT64_MAX);
        return true;
    case KEY_LOAD:
        options->load = true;
        return true;
    case KEY_LOAD_ONLY:
        options->load = options->load_only = true;
        return true;
    default:
        return false;
    }
}

static bool take_how(struct bench_options *options, int key, char *text, struct argp_state *state)
{
    switch (key) {
    case KEY_CONNECTIONS:
        options->connections = (uint32_t)read_count(state, key, text, 1, CONNECTIONS_MAX);
        return true;
    case KEY_DEPTH:
        options->depth = (uint32_t)read_count(state, key, text, 1, DEPTH_MAX);
        return true;
    case KEY_THREADS:
        options->threads = (uint32_t)read_count(state, key, text, 1, THREADS_MAX);
        return true;
    case KEY_SPREAD:
        options->spread = (enum spread)read_word(state, key, text, spread_words);
        options->has_spread = true;
        return true;
    case KEY_RATE:
        options->rate = read_count(state, key, text, 1, RATE_MAX);
        return true;
    case KEY_ARRIVALS:
        options->arrivals = (enum arrivals)(1 + read_word(state, key, text, arrivals_words + 1));
        options->has_arrivals = true;
        return true;
    case KEY_WARM_UP:
        options->warm_up_ms = read_seconds(state, key, text, 0);
        return true;
    case KEY_DURATION:
        options->duration_ms = read_seconds(state, key, text, 1);
        options->has_duration = true;
        return true;
    case KEY_OPERATIONS:
        options->operations = read_count(state, key, text, 1, OPERATIONS_MAX);
        return true;
    default:
        return false;
    }
}

static bool take_rest(struct bench_options *options, int key, char *text, struct argp_state *state)
{
    switch (key) {
    case KEY_PROTOCOL:
        options->protocol = (enum protocol)read_word(state, key, text, protocol_words);
        return true;
    case KEY_WAIT:
        options->wait = (uint32_t)read_count(state, key, text, 0, REPLICAS_MAX);
        return true;
    case KEY_FLOOR:
        options->floor = (enum floor_kind)read_word(state, key, text, floor_words);
        options->has_floor = true;
        return true;
    case KEY_CHECK:
        options->check = true;
        return true;
    case KEY_WATCH:
        read_pids(state, text, options);
        return true;
    case KEY_HISTOGRAM:
        options->histogram = text;
        return true;
    default:
        return false;
    }
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
    struct cli *cli = state->input;

    if (key == ARGP_KEY_INIT) {
        struct bench_options *options = memory_new(sizeof *options);

        *options = (struct bench_options){.keys = 100000,
                                          .theta = 0.99,
                                          .hot_operations = 0.9,
                                          .hot_keys = 0.1,
                                          .size_min = 100,
                                          .size_max = 100,
                                          .connections = 64,
                                          .depth = 1,
                                          .threads = 1,
                                          .arrivals = ARRIVALS_POISSON,
                                          .warm_up_ms = MS_PER_S,
                                          .duration_ms = 10 * MS_PER_S};
        cli->more = options;
        return 0;
    }
    if (take_what(cli->more, key, text, state) || take_how(cli->more, key, text, state) ||
        take_rest(cli->more, key, text, state))
        return 0;
    return ARGP_ERR_UNKNOWN;
}

const struct argp bench_argp = {.options = rows, .parser = take_option};

// ---- all of it together -------------------------------------------------------------------------

static int refuse(const char *sentence)
{
    complain("bench: %s", sentence);
    return err_exit(ERR_INVALID);
}

static int finish_keys(struct bench_options *options)
{
    enum op_kind *other = &options->mix.other;

    if (!options->has_distribution)
        options->distribution = options->mix.keys;
    if (*other == OP_INSERT && options->distribution != WORKLOAD_LATEST)
        return refuse("workload d reads the latest keys: leave --distribution out");
    if (options->distribution != WORKLOAD_LATEST || options->mix.read_share >= 1)
        return 0;
    if (*other == OP_RMW)
        return refuse("workload f changes keys that are there: the latest distribution writes new "
                      "ones");
    *other = OP_INSERT; // what sim/workload calls the writes of `latest`
    return 0;
}

static int finish_check(struct bench_options *options)
{
    if (!options->check)
        return 0;
    if (options->size_min < VALUE_HEADER)
        return refuse("--check needs values of at least 32 bytes: they carry a checksum");
    if (options->keys > CHECK_KEYS_MAX)
        return refuse("--check remembers every key: at most 100000000 --keys");
    if (options->has_floor)
        return refuse("--check and --floor: a floor keeps no values");
    return 0;
}

static int finish_against(struct bench_options *options)
{
    bool redis = options->protocol == PROTOCOL_REDIS;

    if (options->has_floor && redis)
        return refuse("--floor and --protocol redis do not go together");
    if (options->has_floor && options->size_max > FLOOR_FRAME_MAX - FLOOR_BESIDE)
        return refuse("--floor takes values of at most 4193280 bytes");
    if (options->has_floor && options->load)
        return refuse("--floor keeps no values: leave --load out");
    if (options->wait && !redis)
        return refuse("--wait is for --protocol redis; nodes of quorate take --w");
    if (redis && options->mix.other == OP_RMW)
        return refuse("workload f needs tokens: redis has none");
    if (redis && options->has_spread && options->spread == SPREAD_OWNER)
        return refuse("--spread owner needs a topology: with redis take any or first");
    if (redis && !options->has_spread)
        options->spread = SPREAD_FIRST;
    if (options->has_floor)
        options->spread = options->spread == SPREAD_FIRST ? SPREAD_FIRST : SPREAD_ANY;
    return 0;
}

static int finish_how(struct bench_options *options)
{
    if (options->connections < options->threads)
        return refuse("each thread needs a connection: more --connections or fewer --threads");
    if (options->operations && options->operations < options->threads)
        return refuse("each thread needs an operation: more --operations or fewer --threads");
    if (options->operations && options->has_duration)
        return refuse("give --operations or --duration, not both");
    if (options->has_arrivals && !options->rate)
        return refuse("--arrivals needs --rate");
    if (options->rate && options->rate < options->threads)
        return refuse("--rate: at least one a second for each of the --threads");
    if (!options->rate)
        options->arrivals = ARRIVALS_CLOSED;
    return 0;
}

int bench_options_finish(struct cli *cli, struct bench_options *options)
{
    char why[MIX_TEXT_MAX];
    int code = 0;

    if (cli->argument_count > 0 && options->workload)
        return refuse("one workload: as a word or with --workload");
    if (cli->argument_count > 0)
        options->workload = cli->arguments[0];
    if (cli->format == FORMAT_RAW || cli->format == FORMAT_TSV)
        return refuse("--format is text, json or csv");
    if (!options->workload && !options->load_only)
        return refuse("lacks a workload: a, b, c, d, f, read, write or mixed=PERCENT");
    if (!options->workload)
        options->workload = "write";
    if (mix_find(options->workload, &options->mix, why))
        return refuse(why);
    code = finish_keys(options);
    if (!code)
        code = finish_check(options);
    if (!code)
        code = finish_against(options);
    return code ? code : finish_how(options);
}
