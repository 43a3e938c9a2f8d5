// SPDX-License-Identifier: Apache-2.0
// The command line of quorate-members.
#ifndef GOSSIP_CLI_OPTIONS_H
#define GOSSIP_CLI_OPTIONS_H

#include "gossip/cli/report.h"

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_PLAIN };

struct options {
    char **addresses;
    size_t count;
    uint64_t timeout_ms;
    bool has_timeout;
    enum format format;
    bool has_format;
    bool no_color;
    bool all;  // ask those that the asked ones name, too
    bool diff; // print what differs only
    bool watch;
    uint64_t interval_ms; // of watching
    bool has_wait;
    uint64_t wait; // until so many are alive
    struct filter filter;
    struct guard guard; // the ring's label and keys; guard_done wipes them
};

// Answers --help and --version itself; on a mistake it says on stderr which one and exits with 2.
void members_options_read(int argc, char **argv, struct options *options);

#endif
