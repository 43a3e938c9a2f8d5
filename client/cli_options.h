// SPDX-License-Identifier: Apache-2.0
// The options of the program: those that every command has, and those of requests for keys.
#ifndef CLIENT_CLI_OPTIONS_H
#define CLIENT_CLI_OPTIONS_H

#include "client/cli_output.h"
#include "client/quorate.h"

#include <argp.h>

enum format {
    FORMAT_AUTO, // a table on a terminal, in a pipe the raw value
    FORMAT_TEXT,
    FORMAT_JSON,
    FORMAT_RAW,
    FORMAT_TSV, // dump and load
    FORMAT_CSV  // bench
};

struct cli {
    struct output output;
    struct buffer endpoints; // terminated, once cli_read is through
    enum format format;
    uint32_t timeout_ms; // 0: default
    // requests for keys
    struct quorate_get_options get;
    struct quorate_put_options put;
    const char *bucket; // NULL: not given
    struct buffer context;
    bool literal; // VALUE stands for itself
    // bucket set
    unsigned set;
    struct quorate_bucket properties;
    // cluster init
    struct quorate_cluster_options cluster;
    // verify
    int64_t shard; // -1: all
    uint32_t wait_ms;
    uint32_t keys_shown;
    // load, dump
    bool go_on;
    uint32_t window;
    void *more; // of command->more, which makes it
    // what stands behind the command
    char *arguments[64];
    int argument_count;
};

// Which groups of options a command takes.
enum {
    OPTIONS_READ = 1,    // --r --pr --strict --explain --bucket
    OPTIONS_WRITE = 2,   // --w --pw --strict --explain --bucket --context --ttl
    OPTIONS_BUCKET = 4,  // --conflict --r --w --pr --pw --ttl
    OPTIONS_CLUSTER = 8, // --nodes --shards --replicas
    OPTIONS_LOAD = 16,
    OPTIONS_VALUE = 32,   // --literal
    OPTIONS_NAME = 64,    // --bucket alone
    OPTIONS_VERIFY = 128, // --shard --wait --keys
    OPTIONS_BENCH = 256   // --r --w --pr --pw --strict --bucket --blind
};

struct command {
    const char *name;      // "get", "cluster init"
    const char *arguments; // for the usage line
    const char *text;      // one sentence, then "\v" and more
    unsigned options;
    int arguments_min, arguments_max;
    int (*run)(struct cli *cli); // returns the exit code
    const struct argp *more;     // options of its own, NULL: none; its input is the cli
};

// Reads all options of a command. Ends the program for --help, and with 2 for what is wrong.
void cli_read(struct cli *cli, const struct command *command, int argc, char **argv);

// Opens a client for the endpoints; ends the program when they are malformed.
struct quorate_client *cli_open(struct cli *cli);
struct quorate_client *cli_attach(struct cli *cli, struct uv_loop_s *loop);

#endif
