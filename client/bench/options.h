// SPDX-License-Identifier: Apache-2.0
// The options that `quorate bench` has besides those of other commands (client/cli_options.h).
#ifndef CLIENT_BENCH_OPTIONS_H
#define CLIENT_BENCH_OPTIONS_H

#include "client/bench/floor.h"
#include "client/bench/mix.h"
#include "client/bench/schedule.h"
#include "client/bench/servers.h"
#include "client/bench/watch.h"
#include "client/cli_options.h"

enum { THREADS_MAX = 256, CONNECTIONS_MAX = 65536, CHECK_KEYS_MAX = 100 * 1000 * 1000 };

enum protocol { PROTOCOL_QUORATE, PROTOCOL_REDIS };

struct bench_options {
    // what is done
    const char *workload; // as it was given
    struct mix mix;
    bool has_distribution;
    enum workload_kind distribution;
    uint64_t keys;
    double theta;
    double hot_operations, hot_keys;
    uint32_t size_min, size_max; // of values
    uint64_t seed;
    bool load, load_only;
    // how
    uint32_t connections, depth, threads;
    bool has_spread;
    enum spread spread;
    uint64_t rate; // 0: closed loop
    bool has_arrivals;
    enum arrivals arrivals;
    uint64_t warm_up_ms, duration_ms;
    bool has_duration;
    uint64_t operations; // 0: as many as go into the time
    // against what
    enum protocol protocol;
    uint32_t wait; // redis
    bool has_floor;
    enum floor_kind floor;
    // what is told
    bool check;
    pid_t watch[WATCH_MAX];
    uint32_t watch_count;
    const char *histogram; // a file; NULL: none
};

// The options for argp; they make cli->more a struct bench_options.
extern const struct argp bench_argp;

const char *floor_word(enum floor_kind floor);
const char *spread_word(enum spread spread);
const char *arrivals_word(enum arrivals arrivals);

// Looks at all of it together, and fills in what was left out. 0, or the exit code for a usage that
// makes no sense, which it has told.
int bench_options_finish(struct cli *cli, struct bench_options *options);

#endif
