// SPDX-License-Identifier: Apache-2.0
#include "sim/check/options.h"

#include "base/err.h"
#include "sim/check/shrink.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    KEY_HOURS = 0x100,
    KEY_FAULTS,
    KEY_REPLAY,
    KEY_SET,
    KEY_KEEP,
    KEY_NO_TRACE,
    KEY_KNOBS,
    KEY_SHOW,
    KEY_NO_SHRINK,
    KEY_SHRINK,
    KEY_NO_PROGRESS,
    KEY_FAILURES,
    KEY_LIMIT,
    KEY_PLANT,
    EXIT_USAGE = 2,
    SEEDS_DEFAULT = 1000,
    LIMIT_DEFAULT = 120, // seconds of one run
    SHRINK_DEFAULT = 400
};

static const struct argp_option rows[] = {
    {"seeds", 's', "A..B|N", 0, "Run these seeds, or 1..N (1000)", 1},
    {"hours", KEY_HOURS, "HOURS", 0, "Stop when so much virtual time has passed in all runs", 1},
    {"nodes", 'n', "COUNT", 0, "Nodes in each run (3 to 7, by seed)", 1},
    {"faults", KEY_FAULTS, "LIST", 0, "Only these kinds, `all' or `none' (all)", 1},
    {"set", KEY_SET, "NAME=VALUE,...", 0, "Fix knobs that else follow from the seed; repeatable",
     1},
    {"failures", KEY_FAILURES, "COUNT", 0, "Stop after so many bad seeds, 1 to 16 (1)", 1},
    {"replay", KEY_REPLAY, "SEED", 0, "Repeat one run and print what happens in it", 2},
    {"keep", KEY_KEEP, "LIST", 0, "Of its faults only these numbers, like 3,7-9, or `none'", 2},
    {"no-trace", KEY_NO_TRACE, NULL, 0, "Print the verdict only", 2},
    {"show", KEY_SHOW, NULL, 0, "Print the knobs of the seeds and run nothing", 2},
    {"knobs", KEY_KNOBS, NULL, 0, "Print what knobs and kinds of faults there are", 2},
    {"jobs", 'j', "COUNT", 0, "Processes (all cores)", 3},
    {"limit", KEY_LIMIT, "SECONDS", 0, "A run that takes longer in real time is bad (120)", 3},
    {"shrink", KEY_SHRINK, "COUNT", 0, "Runs to make a bad one smaller, at most (400)", 3},
    {"no-shrink", KEY_NO_SHRINK, NULL, 0, "Leave bad runs as they are", 3},
    {"format", 'f', "FORMAT", 0, "text or json (text)", 3},
    {"no-progress", KEY_NO_PROGRESS, NULL, 0, "No progress line", 3},
#ifdef QUORATE_PLANTS
    {"plant", KEY_PLANT, "NAME", 0, "Have this planted bug (QUORATE_PLANT)", 4},
#endif
    {0},
};

static uint64_t take_number(struct argp_state *state, const char *what, const char *text,
                            uint64_t least, uint64_t most)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end || number < least || number > most)
        argp_error(state, "--%s %s: give a number from %llu to %llu", what, text,
                   (unsigned long long)least, (unsigned long long)most);
    return number;
}

static void take_seeds(struct argp_state *state, struct check_options *options, const char *text)
{
    const char *dots = strstr(text, "..");
    char first[24] = {0};

    if (!dots) {
        options->setup.first = 1;
        options->setup.last = take_number(state, "seeds", text, 1, UINT64_MAX - JOBS_MAX);
        return;
    }
    if ((size_t)(dots - text) >= sizeof first)
        argp_error(state, "--seeds %s: give A..B", text);
    memcpy(first, text, (size_t)(dots - text));
    options->setup.first = take_number(state, "seeds", first, 0, UINT64_MAX - JOBS_MAX);
    options->setup.last =
        take_number(state, "seeds", dots + 2, options->setup.first, UINT64_MAX - JOBS_MAX);
}

static void must(struct argp_state *state, const char *what, int err, struct buffer *why)
{
    buffer_add_u8(why, 0);
    if (err)
        argp_error(state, "--%s: %s", what, (const char *)why->data);
    buffer_done(why);
}

static void take_knobs(struct argp_state *state, struct check_options *options, const char *text)
{
    struct buffer why = {0};
    int err = 0;

    while (*text && !err) {
        size_t size = strcspn(text, ",");

        err = knobs_set_read(&options->setup.trial.set, slice_of(text, size), &why);
        text += size + (text[size] == ',');
    }
    must(state, "set", err, &why);
}

static void take_hours(struct argp_state *state, struct check_options *options, const char *text)
{
    char *end;
    double hours = strtod(text, &end);

    if (*end || !(hours > 0 && hours < 1e9))
        argp_error(state, "--hours %s: give a number above 0", text);
    options->setup.virtual_us = (uint64_t)(hours * 3600e6);
}

static bool take_choice(int key, const char *text, struct argp_state *state)
{
    struct check_options *options = state->input;
    struct knobs_set *set = &options->setup.trial.set;
    struct buffer why = {0};

    switch (key) {
    case 's':
        take_seeds(state, options, text);
        return true;
    case 'n':
        set->is[KNOB_NODES] = true;
        set->to[KNOB_NODES] = take_number(state, "nodes", text, 1, 9);
        return true;
    case KEY_HOURS:
        take_hours(state, options, text);
        return true;
    case KEY_FAULTS:
        must(state, "faults", knobs_faults_read(set, text, &why), &why);
        return true;
    case KEY_SET:
        take_knobs(state, options, text);
        return true;
    case KEY_REPLAY:
        options->replay = true;
        options->setup.first = options->setup.last =
            take_number(state, "replay", text, 0, UINT64_MAX - JOBS_MAX);
        return true;
    case KEY_KEEP:
        if (faults_kept_read(text, &options->setup.trial.kept))
            argp_error(state, "--keep %s: give numbers of faults, like 3,7-9, or none", text);
        return true;
    default:
        return false;
    }
}

static bool take_flag(int key, struct check_options *options)
{
    switch (key) {
    case KEY_NO_TRACE:
        options->no_trace = true;
        return true;
    case KEY_KNOBS:
        options->list_knobs = true;
        return true;
    case KEY_SHOW:
        options->show_knobs = true;
        return true;
    case KEY_NO_SHRINK:
        options->no_shrink = true;
        return true;
    case KEY_NO_PROGRESS:
        options->no_progress = true;
        return true;
    default:
        return false;
    }
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
    struct check_options *options = state->input;

    if (take_flag(key, options) || take_choice(key, text, state))
        return 0;
    switch (key) {
    case 'j':
        options->setup.jobs = (unsigned)take_number(state, "jobs", text, 1, JOBS_MAX);
        return 0;
    case KEY_FAILURES:
        options->setup.bad_max =
            (uint32_t)take_number(state, "failures", text, 1, CAMPAIGN_BAD_MAX);
        return 0;
    case KEY_LIMIT:
        options->setup.seconds_max = take_number(state, "limit", text, 1, 1000000);
        return 0;
    case KEY_SHRINK:
        options->shrink_tries = take_number(state, "shrink", text, 1, 1000000);
        return 0;
    case KEY_PLANT:
        options->plant = text;
        return 0;
    case 'f':
        if (strcmp(text, "text") && strcmp(text, "json"))
            argp_error(state, "--format %s: give text or json", text);
        options->format = strcmp(text, "json") ? CHECK_TEXT : CHECK_JSON;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "there is nothing to give but options");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp program = {
    .options = rows,
    .parser = take_option,
    .doc =
        "Runs whole clusters in virtual time under faults, one run a seed, and checks that every "
        "promise is kept: no acknowledged write is lost, no value comes back, strict reads see "
        "what was written, replicas become equal again.\v"
        "A seed decides everything; --show tells what. A bad run is made smaller, and the "
        "command that repeats it is printed.\n\n"
        "Ends with 0: all promises were kept; 2: usage; 8: a promise was broken.",
};

void check_options_read(struct check_options *options, int argc, char **argv)
{
    static char name[] = "quorate-sim check";
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    memset(options, 0, sizeof *options);
    options->setup.first = 1;
    options->setup.last = SEEDS_DEFAULT;
    options->setup.jobs = cores < 1 ? 1 : cores > JOBS_MAX ? JOBS_MAX : (unsigned)cores;
    options->setup.seconds_max = LIMIT_DEFAULT;
    options->setup.bad_max = 1;
    options->shrink_tries = SHRINK_DEFAULT;
    options->no_progress = !isatty(STDERR_FILENO);
    options->plant = getenv("QUORATE_PLANT");
    argv[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    (void)argp_parse(&program, argc, argv, 0, NULL, options);
    if (options->setup.virtual_us && options->setup.last == SEEDS_DEFAULT)
        options->setup.last = UINT64_MAX - JOBS_MAX; // as many as it takes
}
