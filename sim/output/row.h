// SPDX-License-Identifier: Apache-2.0
// The result of a run, as all outputs see it: rows, each one number over all repetitions, with the
// words that say which experiment and which number. What a column means is said here once, for the
// CSV header, the JSON keys, the tables and the manual.
#ifndef SIM_OUTPUT_ROW_H
#define SIM_OUTPUT_ROW_H

#include "base/buffer.h"
#include "sim/number/summary.h"

#include <stdbool.h>
#include <stdint.h>

// Columns that name the experiment: what was varied by options.
// X(name, key in CSV and JSON, title in tables, is a number)
#define LABEL_MAP(X)                                                                               \
    X(LABEL_QUESTION, "question", "question", false)                                               \
    X(LABEL_SCHEME, "scheme", "scheme", false)                                                     \
    X(LABEL_NODES, "nodes", "nodes", true)                                                         \
    X(LABEL_REPLICAS, "replicas", "N", true)                                                       \
    X(LABEL_R, "r", "R", true)                                                                     \
    X(LABEL_W, "w", "W", true)                                                                     \
    X(LABEL_SHARDS, "shards", "S", true)                                                           \
    X(LABEL_VNODES, "vnodes", "V", true)                                                           \
    X(LABEL_PARTITIONS, "partitions", "Q", true)                                                   \
    X(LABEL_BOUND, "bound", "c", true)                                                             \
    X(LABEL_BOOST, "boost", "boost", false)                                                        \
    X(LABEL_WORKLOAD, "workload", "workload", false)                                               \
    X(LABEL_THETA, "theta", "theta", true)                                                         \
    X(LABEL_KEYS, "keys", "keys", true)                                                            \
    X(LABEL_OPERATIONS, "operations", "operations", true)                                          \
    X(LABEL_READ_SHARE, "read_share", "reads", true)                                               \
    X(LABEL_ZONES, "zones", "zones", true)                                                         \
    X(LABEL_WEIGHTS, "weights", "weights", false)                                                  \
    X(LABEL_LEGS, "legs", "legs", false)                                                           \
    X(LABEL_RATE, "rate", "rate", true)                                                            \
    X(LABEL_CLIENTS, "clients", "clients", true)                                                   \
    X(LABEL_SERVICE, "service_us", "service us", true)                                             \
    X(LABEL_EVENT, "event", "event", false)                                                        \
    X(LABEL_SUBJECT, "subject", "of", false)                                                       \
    X(LABEL_COPIES, "copies", "copies", false)                                                     \
    X(LABEL_METRIC, "metric", "metric", false)                                                     \
    X(LABEL_AT, "at", "at", true)

enum label {
#define X(name, key, title, number) name,
    LABEL_MAP(X)
#undef X
        LABELS
};

struct row {
    const char *labels[LABELS]; // "" where one does not apply; owned by the run, equal texts may be
                                // different pointers
    const char *unit;           // "", "ms", "bytes", "ns"
    const char *note;           // for people; "" mostly
    struct summary value;
    uint32_t repetitions;
};

struct run_result {
    const char *command; // as it can be typed again
    uint64_t seed;
    struct row *rows;
    size_t count;
};

// Columns that were added later stand behind all others in CSV: between these two.
#define LABEL_LATE_FIRST LABEL_RATE
#define LABEL_LATE_LAST  LABEL_SERVICE

// The key and the title of a column, and whether it holds numbers.
const char *label_key(enum label label);
const char *label_title(enum label label);
bool label_is_number(enum label label);

// A number as all outputs write it: at most `digits` significant digits (1..17), without zeros at
// the end; plain from 1e-5 to below 1e15 ("0.0000125", "27000000"), beyond as "1.25e-6". Never
// locale dependent; "nan", "inf" and "-inf" as such, never "-0".
void number_write(struct buffer *out, double value, unsigned digits);

#endif
