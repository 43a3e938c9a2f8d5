// SPDX-License-Identifier: Apache-2.0
// The commands of the program. Each takes the options that were read and returns the exit code.
#ifndef CLIENT_CLI_COMMAND_H
#define CLIENT_CLI_COMMAND_H

#include "client/cli_options.h"

int command_get(struct cli *cli);
int command_put(struct cli *cli);
int command_del(struct cli *cli);
int command_load(struct cli *cli);
int command_dump(struct cli *cli);
int command_bucket_set(struct cli *cli);
int command_bucket_show(struct cli *cli);
int command_cluster_init(struct cli *cli);
int command_cluster_status(struct cli *cli);
int command_verify(struct cli *cli);
int command_compact(struct cli *cli);
int command_ping(struct cli *cli);

#endif
