// SPDX-License-Identifier: Apache-2.0
// The table again and again, on all of the terminal.
#ifndef GOSSIP_CLI_WATCH_H
#define GOSSIP_CLI_WATCH_H

#include "gossip/cli/options.h"

// Until a key quits it. The exit code: of what was seen last.
int watch_run(const struct options *options);

#endif
