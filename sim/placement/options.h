// SPDX-License-Identifier: Apache-2.0
// The options of `quorate-sim placement`: what was asked, before it becomes a grid of experiments.
// Every value is within its limits; whether values go together is the grid's to say.
#ifndef SIM_PLACEMENT_OPTIONS_H
#define SIM_PLACEMENT_OPTIONS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "sim/placement/list.h"
#include "sim/question/latency.h"
#include "sim/question/question.h"
#include "sim/question/staleness.h"

enum {
    QUESTIONS_MAX = 8,
    SCHEMES_MAX = 16,
    WORKLOADS_MAX = 8,
    EVENTS_MAX = 16,
    LEGS_MAX = 8,
    THREADS_MAX = 256
};

enum output_format { OUTPUT_TABLE, OUTPUT_CSV, OUTPUT_JSON };

// A level of R or W: a number, or what it is of N.
enum { CHOICE_QUORUM = -1, CHOICE_ALL = -2 };

struct leg_choice {
    const char *name;       // "lnkd-ssd", or "custom"
    const char *text[LEGS]; // notation of each leg
    struct delay delay[LEGS];
};

struct options {
    const struct question *asked[QUESTIONS_MAX];
    unsigned asked_count;
    const struct scheme_kind *schemes[SCHEMES_MAX];
    unsigned scheme_count;
    bool every_scheme; // "all": those that cannot do what is asked are left out, with a word
    struct list nodes, replicas, shards, vnodes, partitions, bound, boost_copies, boost_shards;
    struct list zones, keys, theta, operations, read_share;
    int r[SCHEME_REPLICAS_MAX], w[SCHEME_REPLICAS_MAX];
    unsigned r_count, w_count;
    bool endless; // --keys inf
    bool bound_keys;
    bool successive;
    enum workload_kind workloads[WORKLOADS_MAX];
    unsigned workload_count;
    double hot_operations, hot_keys;
    uint32_t bytes_min, bytes_max;
    const char *trace_path;
    uint32_t weights[SCHEME_NODES_MAX];
    uint32_t weight_count; // 0: all alike
    const char *weights_text;
    const char *events[EVENTS_MAX];
    unsigned event_count;
    bool events_default; // nobody asked for them: those that do not fit are left out
    struct latency_setup latency;
    const char *service_text;
    struct staleness_setup staleness; // legs: of each leg_choice
    struct leg_choice legs[LEGS_MAX];
    unsigned leg_count;
    const char *leg_text[LEGS]; // of --leg; NULL: the fit's
    const char *sites_text, *client_text;
    const char *pair_text[STALENESS_PAIRS_MAX];
    unsigned pair_count;
    uint64_t seed;
    uint32_t repetitions;
    unsigned threads;
    enum output_format format;
    const char *csv_path;    // NULL: none
    const char *report_path; // NULL: none
    const char *charts_path; // folder for SVG files; NULL: none
    bool color, progress;
    struct arena texts;
    struct buffer command; // what was asked, as it can be typed again; terminated
};

// Reads all of it; ends the program for --help, and with 2 and a sentence for what is wrong.
void sim_options_read(struct options *options, int argc, char **argv);
void sim_options_done(struct options *options);

#endif
