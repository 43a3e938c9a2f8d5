// SPDX-License-Identifier: Apache-2.0
// The command `quorate bench`.
#ifndef CLIENT_BENCH_BENCH_H
#define CLIENT_BENCH_BENCH_H

#include "client/bench/options.h"

int command_bench(struct cli *cli);

#endif
