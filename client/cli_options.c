// SPDX-License-Identifier: Apache-2.0
#include "client/cli_options.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "node/data/message.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    KEY_R = 0x100,
    KEY_W,
    KEY_PR,
    KEY_PW,
    KEY_STRICT,
    KEY_BUCKET_STRICT,
    KEY_CONTEXT,
    KEY_BLIND,
    KEY_TTL,
    KEY_EXPLAIN,
    KEY_LITERAL,
    KEY_TIMEOUT,
    KEY_NO_COLOUR,
    KEY_CONFLICT,
    KEY_NODES,
    KEY_SHARDS,
    KEY_REPLICAS,
    KEY_GO_ON,
    KEY_WINDOW,
    KEY_SHARD,
    KEY_WAIT,
    KEY_KEYS,
    EXIT_USAGE = 2,
    WAIT_MS_MAX = 86400000,
    WINDOW_MAX = 4096,
    VERIFY_WAIT_MS = 2000,
    VERIFY_KEYS = 10
};

struct option_row {
    struct argp_option option;
    unsigned groups; // 0: every command
};

static const struct option_row rows[] = {
    {{.name = "r", .key = KEY_R, .arg = "LEVEL", .doc = "Replicas that must answer"},
     OPTIONS_READ | OPTIONS_BENCH | OPTIONS_BUCKET},
    {{.name = "w", .key = KEY_W, .arg = "LEVEL", .doc = "Replicas that must have it on disk"},
     OPTIONS_WRITE | OPTIONS_BENCH | OPTIONS_LOAD | OPTIONS_BUCKET},
    {{.name = "pr", .key = KEY_PR, .arg = "LEVEL", .doc = "Of those that answer, owners"},
     OPTIONS_READ | OPTIONS_BENCH | OPTIONS_BUCKET},
    {{.name = "pw", .key = KEY_PW, .arg = "LEVEL", .doc = "Of those that have it, owners"},
     OPTIONS_WRITE | OPTIONS_BENCH | OPTIONS_LOAD | OPTIONS_BUCKET},
    {{.name = "consistency",
      .key = 'c',
      .arg = "LEVEL",
      .doc = "Both --r and --w. LEVEL: a number, one, quorum or all"},
     OPTIONS_READ | OPTIONS_BENCH | OPTIONS_WRITE | OPTIONS_LOAD | OPTIONS_BUCKET},
    {{.name = "strict", .key = KEY_STRICT, .doc = "Owners only, no stand-ins"},
     OPTIONS_READ | OPTIONS_BENCH | OPTIONS_WRITE | OPTIONS_LOAD},
    {{.name = "strict",
      .key = KEY_BUCKET_STRICT,
      .arg = "yes|no",
      .doc = "Owners only, no stand-ins, whatever a request says"},
     OPTIONS_BUCKET},
    {{.name = "bucket",
      .key = 'b',
      .arg = "NAME",
      .doc = "Bucket of the key (default; with bench: bench)"},
     OPTIONS_READ | OPTIONS_WRITE | OPTIONS_LOAD | OPTIONS_NAME | OPTIONS_BENCH},
    {{.name = "context",
      .key = KEY_CONTEXT,
      .arg = "TOKEN",
      .doc = "Replace what the get that gave this token showed"},
     OPTIONS_WRITE},
    {{.name = "blind",
      .key = KEY_BLIND,
      .arg = "HOW",
      .doc = "Without a token: siblings (stand beside what is there) or overwrite"},
     OPTIONS_WRITE | OPTIONS_BENCH | OPTIONS_LOAD},
    {{.name = "ttl", .key = KEY_TTL, .arg = "TIME", .doc = "Time to live: 500ms, 10s, 5m, 12h, 7d"},
     OPTIONS_VALUE | OPTIONS_BUCKET | OPTIONS_LOAD},
    {{.name = "explain", .key = KEY_EXPLAIN, .doc = "Tell how it was carried out"},
     OPTIONS_READ | OPTIONS_WRITE},
    {{.name = "literal", .key = KEY_LITERAL, .doc = "VALUE stands for itself, also - and @x"},
     OPTIONS_VALUE},
    {{.name = "conflict",
      .key = KEY_CONFLICT,
      .arg = "RULE",
      .doc = "siblings (show all concurrent values) or lww (last write wins)"},
     OPTIONS_BUCKET},
    {{.name = "nodes", .key = KEY_NODES, .arg = "COUNT", .doc = "Members there must be, exactly"},
     OPTIONS_CLUSTER},
    {{.name = "shards", .key = KEY_SHARDS, .arg = "COUNT", .doc = "A power of two (256)"},
     OPTIONS_CLUSTER},
    {{.name = "replicas", .key = KEY_REPLICAS, .arg = "COUNT", .doc = "Copies of each key (3)"},
     OPTIONS_CLUSTER},
    {{.name = "continue-on-error", .key = KEY_GO_ON, .doc = "Count what fails and go on"},
     OPTIONS_LOAD},
    {{.name = "window", .key = KEY_WINDOW, .arg = "COUNT", .doc = "Requests under way (64)"},
     OPTIONS_LOAD},
    {{.name = "shard", .key = KEY_SHARD, .arg = "NUMBER", .doc = "Only this one"}, OPTIONS_VERIFY},
    {{.name = "wait",
      .key = KEY_WAIT,
      .arg = "TIME",
      .doc = "How long copies may take to become equal (2s)"},
     OPTIONS_VERIFY},
    {{.name = "keys",
      .key = KEY_KEYS,
      .arg = "COUNT",
      .doc = "Differing keys shown of each shard (10)"},
     OPTIONS_VERIFY},
    {{.name = "endpoint",
      .key = 'e',
      .arg = "HOST:PORT",
      .doc = "A node; repeatable (QUORATE_ENDPOINTS, else 127.0.0.1:7400)",
      .group = 1},
     0},
    {{.name = "format",
      .key = 'f',
      .arg = "FORMAT",
      .doc = "text, json, raw, tsv or csv",
      .group = 1},
     0},
    {{.name = "timeout",
      .key = KEY_TIMEOUT,
      .arg = "TIME",
      .doc = "For a request (2s)",
      .group = 1},
     0},
    {{.name = "no-color", .key = KEY_NO_COLOUR, .doc = "No colour (NO_COLOR)", .group = 1}, 0},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

// ---- values of options --------------------------------------------------------------------------

static int read_level(struct argp_state *state, const char *option, const char *text, bool may_be_0)
{
    int level;

    if (level_read(slice_of_text(text), &level) || (level == 0 && !may_be_0))
        argp_error(state, "%s %s: give a number from %d to %d, or one, quorum or all", option, text,
                   may_be_0 ? 0 : 1, REPLICAS_MAX);
    return level == 0 ? QUORATE_LEVEL_NONE : level;
}

static uint64_t read_time(struct argp_state *state, const char *option, const char *text,
                          uint64_t ms_max)
{
    uint64_t ms;

    if (text_read_ms(text, &ms) || ms == 0 || ms > ms_max)
        argp_error(state, "%s %s: give a time like %s", option, text,
                   ms_max > TIMEOUT_MS_MAX ? "500ms, 10s, 5m, 12h or 7d, at most 203612d"
                                           : "250ms, 10s or 1m, at most 60s");
    return ms;
}

static uint32_t read_number(struct argp_state *state, const char *option, const char *text,
                            uint64_t max)
{
    uint64_t number;

    if (text_read_u64(text, 0, max, &number))
        argp_error(state, "%s %s: give a number from 0 to %llu", option, text,
                   (unsigned long long)max);
    return (uint32_t)number;
}

static uint32_t read_count(struct argp_state *state, const char *option, const char *text,
                           uint64_t max)
{
    uint64_t count;

    if (text_read_u64(text, 1, max, &count))
        argp_error(state, "%s %s: give a number from 1 to %llu", option, text,
                   (unsigned long long)max);
    return (uint32_t)count;
}

// The index of the word in a list that ends with NULL.
static int read_word(struct argp_state *state, const char *option, const char *text,
                     const char *const *words)
{
    struct buffer list = {0};

    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0) {
            buffer_done(&list);
            return i;
        }
        buffer_add_format(&list, "%s%s", i ? ", " : "", words[i]);
    }
    buffer_add_u8(&list, 0);
    argp_error(state, "%s %s: give one of %s", option, text, (const char *)list.data);
    return 0;
}

static void read_token(struct argp_state *state, struct cli *cli, const char *text)
{
    if (text_read_base64(slice_of_text(text), &cli->context) || cli->context.size == 0)
        argp_error(state, "--context: this is no token: take the one that a get of the key shows");
    cli->put.context = quorate_bytes(cli->context.data, cli->context.size);
}

// Looked at when the client is opened, all together.
static void add_endpoint(struct argp_state *state, struct cli *cli, const char *text)
{
    if (!*text)
        argp_error(state, "-e: give HOST:PORT");
    if (cli->endpoints.size > 0)
        buffer_add_u8(&cli->endpoints, ',');
    buffer_add_format(&cli->endpoints, "%s", text);
}

// ---- options ------------------------------------------------------------------------------------

static void take_levels(struct cli *cli, int key, char *text, struct argp_state *state)
{
    bool all = key == 'c';

    if (all || key == KEY_R) {
        cli->get.r = read_level(state, all ? "-c" : "--r", text, false);
        cli->properties.r = cli->get.r;
        cli->set |= QUORATE_BUCKET_R;
    }
    if (all || key == KEY_W) {
        cli->put.w = read_level(state, all ? "-c" : "--w", text, false);
        cli->properties.w = cli->put.w;
        cli->set |= QUORATE_BUCKET_W;
    }
    if (key == KEY_PR) {
        cli->get.pr = read_level(state, "--pr", text, true);
        cli->properties.pr = cli->get.pr;
        cli->set |= QUORATE_BUCKET_PR;
    }
    if (key == KEY_PW) {
        cli->put.pw = read_level(state, "--pw", text, true);
        cli->properties.pw = cli->put.pw;
        cli->set |= QUORATE_BUCKET_PW;
    }
}

static void take_ttl(struct cli *cli, char *text, struct argp_state *state)
{
    bool none = strcmp(text, "none") == 0;

    cli->put.ttl_ms = none ? 0 : read_time(state, "--ttl", text, (uint64_t)1 << 44);
    cli->properties.ttl_ms = cli->put.ttl_ms;
    cli->set |= QUORATE_BUCKET_TTL;
}

static bool take_request_option(struct cli *cli, int key, char *text, struct argp_state *state)
{
    static const char *const blinds[] = {"default", "siblings", "overwrite", NULL};

    switch (key) {
    case KEY_STRICT:
        cli->get.strict = cli->put.strict = true;
        return true;
    case KEY_EXPLAIN:
        cli->get.explain = cli->put.explain = true;
        return true;
    case 'b':
        cli->bucket = text;
        return true;
    case KEY_CONTEXT:
        read_token(state, cli, text);
        return true;
    case KEY_BLIND:
        cli->put.blind = (enum quorate_blind)read_word(state, "--blind", text, blinds);
        return true;
    case KEY_TTL:
        take_ttl(cli, text, state);
        return true;
    case KEY_LITERAL:
        cli->literal = true;
        return true;
    default:
        return false;
    }
}

static bool take_admin_option(struct cli *cli, int key, char *text, struct argp_state *state)
{
    static const char *const rules[] = {"siblings", "lww", NULL};
    static const char *const answers[] = {"no", "yes", NULL};

    switch (key) {
    case KEY_CONFLICT:
        cli->properties.lww = read_word(state, "--conflict", text, rules) == 1;
        cli->set |= QUORATE_BUCKET_LWW;
        return true;
    case KEY_BUCKET_STRICT:
        cli->properties.strict = read_word(state, "--strict", text, answers) == 1;
        cli->set |= QUORATE_BUCKET_STRICT;
        return true;
    case KEY_NODES:
        cli->cluster.nodes = read_count(state, "--nodes", text, MEMBERS_MAX);
        return true;
    case KEY_SHARDS:
        cli->cluster.shards = read_count(state, "--shards", text, SHARDS_MAX);
        return true;
    case KEY_REPLICAS:
        cli->cluster.replicas = read_count(state, "--replicas", text, REPLICAS_MAX);
        return true;
    case KEY_GO_ON:
        cli->go_on = true;
        return true;
    case KEY_WINDOW:
        cli->window = read_count(state, "--window", text, WINDOW_MAX);
        return true;
    case KEY_SHARD:
        cli->shard = read_number(state, "--shard", text, SHARDS_MAX - 1);
        return true;
    case KEY_WAIT:
        cli->wait_ms = (uint32_t)read_time(state, "--wait", text, WAIT_MS_MAX);
        return true;
    case KEY_KEYS:
        cli->keys_shown = read_number(state, "--keys", text, UINT32_MAX);
        return true;
    default:
        return false;
    }
}

static bool take_common_option(struct cli *cli, int key, char *text, struct argp_state *state)
{
    static const char *const formats[] = {"auto", "text", "json", "raw", "tsv", "csv", NULL};

    switch (key) {
    case 'e':
        add_endpoint(state, cli, text);
        return true;
    case 'f':
        cli->format = (enum format)read_word(state, "--format", text, formats);
        return true;
    case KEY_TIMEOUT:
        cli->timeout_ms = (uint32_t)read_time(state, "--timeout", text, TIMEOUT_MS_MAX);
        return true;
    case KEY_NO_COLOUR:
        cli->output.no_colour = true;
        return true;
    case ARGP_KEY_ARG:
        if (cli->argument_count < (int)(sizeof cli->arguments / sizeof cli->arguments[0]))
            cli->arguments[cli->argument_count++] = text;
        else
            argp_error(state, "too many arguments");
        return true;
    default:
        return false;
    }
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
    struct cli *cli = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        if (state->child_inputs)
            state->child_inputs[0] = cli;
        return 0;
    case 'c':
    case KEY_R:
    case KEY_W:
    case KEY_PR:
    case KEY_PW:
        take_levels(cli, key, text, state);
        return 0;
    default:
        break;
    }
    if (take_request_option(cli, key, text, state) || take_admin_option(cli, key, text, state) ||
        take_common_option(cli, key, text, state))
        return 0;
    return ARGP_ERR_UNKNOWN;
}

// ---- a command line -----------------------------------------------------------------------------

static void finish(struct cli *cli)
{
    const char *named = getenv("QUORATE_ENDPOINTS");

    if (cli->endpoints.size == 0 && named && *named)
        buffer_add_format(&cli->endpoints, "%s", named);
    else if (cli->endpoints.size == 0)
        buffer_add_format(&cli->endpoints, "127.0.0.1:%d", QUORATE_PORT);
    buffer_add_u8(&cli->endpoints, 0);
    cli->get.timeout_ms = cli->timeout_ms;
    cli->put.timeout_ms = cli->timeout_ms;
    cli->cluster.timeout_ms = cli->timeout_ms;
}

static void options_of(const struct command *command, struct argp_option *out)
{
    for (int i = 0; i < ROWS; i++) {
        if (rows[i].groups == 0 || rows[i].groups & command->options)
            *out++ = rows[i].option;
    }
    *out = (struct argp_option){0};
}

void cli_read(struct cli *cli, const struct command *command, int argc, char **argv)
{
    struct argp_option options[ROWS + 1];
    const struct argp_child more[] = {{.argp = command->more}, {0}};
    struct argp argp = {.options = options,
                        .children = command->more ? more : NULL,
                        .parser = take_option,
                        .args_doc = command->arguments,
                        .doc = command->text};
    char name[64];

    // argp names the program by argv[0] in its messages.
    (void)snprintf(name, sizeof name, "quorate %s", command->name);
    argv[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    options_of(command, options);
    cli->shard = -1;
    cli->wait_ms = VERIFY_WAIT_MS;
    cli->keys_shown = VERIFY_KEYS;
    (void)argp_parse(&argp, argc, argv, 0, NULL, cli);
    if (cli->argument_count < command->arguments_min ||
        cli->argument_count > command->arguments_max) {
        complain("%s %s %s: see quorate %s --help", command->name,
                 cli->argument_count < command->arguments_min ? "lacks an argument; it takes"
                                                              : "has too many arguments; it takes",
                 *command->arguments ? command->arguments : "none", command->name);
        exit(EXIT_USAGE);
    }
    if (cli->set & QUORATE_BUCKET_TTL && cli->properties.ttl_ms == 0 &&
        !(command->options & OPTIONS_BUCKET)) {
        complain("%s: --ttl none is for buckets (bucket set): give a time, or leave --ttl out",
                 command->name);
        exit(EXIT_USAGE);
    }
    finish(cli);
}

static _Noreturn void open_failed(const struct cli *cli, int err)
{
    const char *endpoints = (const char *)cli->endpoints.data;
    const char *named = getenv("QUORATE_ENDPOINTS");

    if (err == ERR_INVALID)
        complain("%s%s: endpoints are HOST:PORT or [IPV6]:PORT, separated by commas",
                 named && strcmp(named, endpoints) == 0 ? "QUORATE_ENDPOINTS=" : "", endpoints);
    else
        complain("%s", err_text(err));
    exit(err_exit(err));
}

struct quorate_client *cli_open(struct cli *cli)
{
    struct quorate_client_options options = {.timeout_ms = cli->timeout_ms};
    struct quorate_client *client;
    int err = quorate_open((const char *)cli->endpoints.data, &options, &client);

    if (err)
        open_failed(cli, err);
    return client;
}

struct quorate_client *cli_attach(struct cli *cli, struct uv_loop_s *loop)
{
    struct quorate_client_options options = {.timeout_ms = cli->timeout_ms,
                                             .in_flight_max = 2 * WINDOW_MAX};
    struct quorate_client *client;
    int err = quorate_attach(loop, (const char *)cli->endpoints.data, &options, &client);

    if (err)
        open_failed(cli, err);
    return client;
}
