// SPDX-License-Identifier: Apache-2.0
// How results of requests for keys are shown.
#ifndef CLIENT_CLI_SHOW_H
#define CLIENT_CLI_SHOW_H

#include "client/cli_options.h"

// One request as it was made.
struct shown {
    struct quorate_key key;
    const char *verb; // "put", "del"
    int level;        // asked for with r or w
};

// Each returns the exit code. The result is no failure.
int show_get(struct cli *cli, const struct shown *shown, const struct quorate_result *result);
int show_write(struct cli *cli, const struct shown *shown, const struct quorate_result *result);

// With --explain on a failed request: what is known of it, on standard error.
void show_failed(struct cli *cli, const struct quorate_result *result);

#endif
