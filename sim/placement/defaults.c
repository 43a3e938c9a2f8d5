// SPDX-License-Identifier: Apache-2.0
#include "sim/placement/defaults.h"

#include "base/check.h"
#include "sim/placement/choice.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct list one(double value)
{
    struct list list = {.count = 1};

    list.values[0] = value;
    return list;
}

void sim_options_default(struct options *options)
{
    static const double loads[] = {0.3, 0.5, 0.7, 0.8, 0.9};
    static const double times[] = {0, 0.5, 1, 2, 5, 10, 20, 50, 100};
    static const double probabilities[] = {0.5, 0.9, 0.99, 0.999};
    const char *no_color = getenv("NO_COLOR");
    struct buffer why = {0};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    *options = (struct options){0};
    check(choose_schemes(options, "static,ring", &why) && choose_legs(options, "lnkd-ssd", &why));
    options->nodes = one(10);
    options->replicas = one(3);
    options->shards = one(256);
    options->vnodes = one(128);
    options->bound = one(1.25);
    options->partitions = options->boost_copies = options->boost_shards = one(0);
    options->zones = options->operations = one(0);
    options->keys = one(1e6);
    options->theta = (struct list){.values = {0, 0.99}, .count = 2};
    options->read_share = one(0.95);
    options->r[0] = options->w[0] = CHOICE_QUORUM;
    options->r_count = options->w_count = 1;
    options->workloads[0] = WORKLOAD_ZIPF;
    options->workload_count = 1;
    options->hot_operations = 0.9;
    options->hot_keys = 0.1;
    options->bytes_min = options->bytes_max = 100;
    options->service_text = "exp:1";
    options->latency.reads = LATENCY_SPREAD;
    options->latency.requests = 200 * 1000;
    options->latency.load_count = sizeof loads / sizeof loads[0];
    memcpy(options->latency.loads, loads, sizeof loads);
    options->staleness.trials = 200 * 1000;
    options->staleness.time_count = sizeof times / sizeof times[0];
    memcpy(options->staleness.times, times, sizeof times);
    options->staleness.probability_count = sizeof probabilities / sizeof probabilities[0];
    memcpy(options->staleness.probabilities, probabilities, sizeof probabilities);
    options->seed = 1;
    options->repetitions = 10;
    options->threads = cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (unsigned)cores;
    options->color = isatty(STDOUT_FILENO) && !(no_color && *no_color);
    options->progress = isatty(STDERR_FILENO);
}
