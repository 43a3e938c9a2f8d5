// SPDX-License-Identifier: Apache-2.0
// quorate: the client program. One command per row; common options may also stand before the
// command.
#include "base/err.h"
#include "client/bench/bench.h"
#include "client/cli_command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

static const struct command commands[] = {
    {"get", "KEY", "Read a key", OPTIONS_READ, 1, 1, command_get, NULL},
    {"put", "KEY VALUE", "Write a value; - is standard input, @FILE a file",
     OPTIONS_WRITE | OPTIONS_VALUE, 2, 2, command_put, NULL},
    {"del", "KEY", "Delete a key", OPTIONS_WRITE, 1, 1, command_del, NULL},
    {"load", "FILE",
     "Write the records of a file (- is standard input)\v"
     "The lines are key<TAB>value, or JSON objects as dump writes them. --format tsv takes them "
     "as the former whatever they look like.",
     OPTIONS_LOAD, 1, 1, command_load, NULL},
    {"dump", "",
     "Write all records to standard output\v"
     "As JSON lines, or with --format tsv as lines key<TAB>value.",
     OPTIONS_NAME, 0, 0, command_dump, NULL},
    {"bucket set", "BUCKET", "Change properties of a bucket", OPTIONS_BUCKET, 1, 1,
     command_bucket_set, NULL},
    {"bucket show", "BUCKET", "Show the properties of a bucket", 0, 1, 1, command_bucket_show,
     NULL},
    {"cluster init", "", "Form a cluster of nodes that have joined each other", OPTIONS_CLUSTER, 0,
     0, command_cluster_init, NULL},
    {"cluster status", "",
     "Show the members and how they are\v"
     "Exit code 3 when one is not well.",
     0, 0, 0, command_cluster_status, NULL},
    {"verify", "",
     "Compare the copies of the shards\v"
     "Asks every member what it holds. Exit code 3 when copies differ, are incomplete or cannot be "
     "seen; --wait gives them time to become equal.",
     OPTIONS_VERIFY, 0, 0, command_verify, NULL},
    {"compact", "",
     "Give back disk space of the nodes named\v"
     "Each endpoint in turn, while the node goes on with its work. A node that writes too fast, or "
     "that has no room for a copy of its keys, is left as it is: exit code 3.",
     0, 0, 0, command_compact, NULL},
    {"bench", "WORKLOAD",
     "Measure how fast requests are answered\v"
     "WORKLOAD is one of YCSB's a, b, c, d or f, or read, write, or mixed=PERCENT of reads. "
     "Latencies are in microseconds; with --rate they count from when a request was meant to be "
     "sent.",
     OPTIONS_BENCH, 0, 1, command_bench, &bench_argp},
    {"ping", "", "Ask the endpoints whether they are there", 0, 0, 0, command_ping, NULL},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void usage(FILE *to)
{
    (void)fprintf(to, "Usage: quorate COMMAND [OPTION...] [ARGUMENT...]\n\n");
    for (int i = 0; i < COMMANDS; i++)
        (void)fprintf(to, "  %-15s%-11s%.*s\n", commands[i].name, commands[i].arguments,
                      (int)strcspn(commands[i].text, "\v"), commands[i].text);
    (void)fprintf(to,
                  "\nquorate COMMAND --help tells the options. Nodes are named by -e HOST:PORT\n"
                  "(repeatable) or QUORATE_ENDPOINTS=HOST:PORT,...; else 127.0.0.1:7400.\n\n"
                  "Exit codes: 0 done, 1 not found, 2 usage, 3 quorum not met or overloaded,\n"
                  "4 timeout (outcome unknown), 5 cannot connect, 6 conflict where one value\n"
                  "was asked for, 7 precondition failed, 8 anything else.\n");
}

static void version(FILE *to, struct argp_state *state)
{
    (void)state;
    (void)fprintf(to, "quorate %s\n", quorate_version());
}

// How many words of the command line the command's name takes, when it is this one.
static int words_matched(const struct command *command, int argc, char **argv)
{
    const char *space = strchr(command->name, ' ');
    size_t size = space ? (size_t)(space - command->name) : strlen(command->name);

    if (argc < 1 || strlen(argv[0]) != size || strncmp(argv[0], command->name, size) != 0)
        return 0;
    if (!space)
        return 1;
    return argc > 1 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

static const struct command *command_find(int argc, char **argv, int *out_words)
{
    for (int i = 0; i < COMMANDS; i++) {
        *out_words = words_matched(&commands[i], argc, argv);
        if (*out_words)
            return &commands[i];
    }
    return NULL;
}

static _Noreturn void command_unknown(int argc, char **argv)
{
    bool is_group = argc > 0 && (!strcmp(argv[0], "bucket") || !strcmp(argv[0], "cluster"));

    if (argc == 0) {
        usage(stderr);
    } else if (is_group) {
        complain("%s takes %s", argv[0],
                 strcmp(argv[0], "bucket") == 0 ? "set or show" : "init or status");
    } else {
        complain("there is no command %s; quorate --help lists them", argv[0]);
    }
    exit(EXIT_USAGE);
}

// How many words before the command are options that every command has, with their values.
static int options_leading(int argc, char **argv)
{
    static const char *const valued[] = {"-e", "--endpoint", "-f", "--format", "--timeout", NULL};
    int at = 0;

    while (at < argc && argv[at][0] == '-' && argv[at][1]) {
        bool takes_value = false;

        for (int i = 0; valued[i]; i++)
            takes_value |= strcmp(argv[at], valued[i]) == 0;
        at += takes_value ? 2 : 1;
    }
    return at < argc ? at : argc;
}

// Moves the command's words before the options that lead: what stays is what the command reads.
static void options_behind(char **argv, int leading, int words)
{
    char *moved[2];

    for (int i = 0; i < words; i++)
        moved[i] = argv[leading + i];
    (void)memmove(argv + words, argv, (size_t)leading * sizeof *argv);
    (void)memcpy(argv, moved, (size_t)words * sizeof *argv);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct cli cli = {0};
    int code;
    int written;

    output_init(&cli.output);
    cli_read(&cli, command, argc, argv);
    code = command->run(&cli);
    written = output_done(&cli.output);
    buffer_done(&cli.endpoints);
    buffer_done(&cli.context);
    return code ? code : written;
}

// A socket must not take the number of a standard stream that is closed. What is written to
// standard output then fails, as it should.
static void streams_hold(void)
{
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++) {
        if (fcntl(file, F_GETFD) < 0)
            (void)open("/dev/null", file == STDOUT_FILENO ? O_RDONLY : O_RDWR);
    }
}

// Help and version go through stdio, also from argp, which then ends the program.
static void stdio_end(void)
{
    if (fflush(stdout) == 0 || errno == EPIPE)
        return;
    complain("cannot write to standard output: %s", strerror(errno));
    _exit(err_exit(ERR_IO));
}

int main(int argc, char **argv)
{
    const struct command *command;
    int leading, words;

    streams_hold();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)atexit(stdio_end);
    argp_program_version_hook = version;
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))) {
        usage(stdout);
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "--version")) {
        version(stdout, NULL);
        return 0;
    }
    leading = options_leading(argc - 1, argv + 1);
    command = command_find(argc - 1 - leading, argv + 1 + leading, &words);
    if (!command)
        command_unknown(argc - 1 - leading, argv + 1 + leading);
    options_behind(argv + 1, leading, words);
    return run(command, argc - words, argv + words);
}
