// SPDX-License-Identifier: Apache-2.0
// quorate-node: a node of a quorate cluster.
#include "node/io/command_line.h"
#include "node/io/service.h"

#include <signal.h>

int main(int argc, char **argv)
{
    struct settings settings;
    int code;

    signal(SIGPIPE, SIG_IGN); // a write to a closed connection is an error, not the end
    settings_init(&settings);
    command_line_read(argc, argv, &settings);
    code = service_run(&settings);
    settings_done(&settings);
    return code;
}
