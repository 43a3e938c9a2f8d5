// SPDX-License-Identifier: Apache-2.0
// quorate-sim: experiments on clusters that are not there.
#include "base/err.h"
#include "sim/check/command.h"
#include "sim/cluster/cluster.h"
#include "sim/placement/placement.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: quorate-sim COMMAND [OPTION...]\n"
    "\n"
    "  placement   how evenly schemes of placement spread keys and load, what growth moves,\n"
    "              how long requests queue, what look-ups cost, how stale reads may be\n"
    "  cluster     the code of the nodes itself, whole clusters in virtual time: how fast, how\n"
    "              stale, who works how much, what is sent\n"
    "  check       whole clusters in virtual time, under faults: are all promises kept?\n"
    "\n"
    "  quorate-sim COMMAND --help tells more.  --version tells the version.\n";

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "placement") == 0)
        return placement_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "cluster") == 0)
        return cluster_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "check") == 0)
        return check_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        puts("quorate-sim " QUORATE_VERSION);
        return 0;
    }
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc > 1)
        fprintf(stderr, "quorate-sim: there is no command '%s'\n", argv[1]);
    fputs(help, stderr);
    return err_exit(ERR_INVALID);
}
