// SPDX-License-Identifier: Apache-2.0
// The report as one JSON object on one line, for scripts. Keys are only ever added.
#ifndef GOSSIP_CLI_JSON_H
#define GOSSIP_CLI_JSON_H

#include "gossip/cli/report.h"

void json_write(const struct report *report, struct buffer *out);

#endif
