// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/sim_rows.h"

#include "base/check.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

static const struct scheme {
    const char *name;
    enum label own; // LABEL_SCHEME: none
    const char *value;
    double spread; // of keys: how far the fullest node is above the average
    double heat;   // how much of the load of a hot key it does not cure
    double moved;  // times the least
} schemes[SIM_ROWS_SCHEMES] = {
    {"static", LABEL_SHARDS, "256", 0.02, 1, 1},
    {"ring", LABEL_VNODES, "128", 0.142, 1.01, 1.01},
    {"jump", LABEL_SCHEME, "", 0.001, 1, 1},
    {"split", LABEL_SCHEME, "", 0.01, 0.04, 1.4},
    {"modulo", LABEL_SCHEME, "", 0.001, 1, 10},
    {"rendezvous", LABEL_SCHEME, "", 0.001, 1, 1},
    {"bounded", LABEL_BOUND, "1.25", 0.12, 0.4, 1.1},
    {"ring-equal", LABEL_PARTITIONS, "1024", 0.03, 1, 1.05},
    {"static", LABEL_SHARDS, "64", 0.097, 1.02, 1},
    {"ring", LABEL_VNODES, "1", 1.9, 1.3, 1},
    {"ring", LABEL_VNODES, "8", 0.6, 1.1, 1},
    {"ring", LABEL_VNODES, "16", 0.41, 1.05, 1},
    {"ring", LABEL_VNODES, "64", 0.2, 1.02, 1},
    {"ring", LABEL_VNODES, "256", 0.096, 1, 1},
    {"ring-token-equal", LABEL_VNODES, "128", 0.3, 1.03, 1.2},
    {"static-boost", LABEL_SHARDS, "256", 0.02, 0.6, 1.02},
};

const struct sim_rows_setup sim_rows_plain = {
    .schemes = 4,
    .nodes = (const char *const[]){"10", NULL},
    .thetas = (const char *const[]){"0.99", NULL},
    .events = (const char *const[]){"add", "fail:2", "double", NULL},
    .loads = (const char *const[]){"0.3", "0.5", "0.6", "0.7", "0.8", NULL},
    .repetitions = 100,
};

void sim_rows_done(struct sim_rows *rows)
{
    free(rows->result.rows);
    arena_done(&rows->arena);
    *rows = (struct sim_rows){0};
}

struct row *sim_rows_add(struct sim_rows *rows, const struct row *row)
{
    struct row *copy;

    if (rows->result.count == rows->room) {
        rows->room = rows->room ? 2 * rows->room : 64;
        rows->result.rows = memory_grow(rows->result.rows, rows->room * sizeof *rows->result.rows);
    }
    copy = &rows->result.rows[rows->result.count++];
    *copy = *row;
    for (unsigned label = 0; label < LABELS; label++) {
        if (!copy->labels[label])
            copy->labels[label] = "";
    }
    if (!copy->unit)
        copy->unit = "";
    if (!copy->note)
        copy->note = "";
    if (!rows->result.command)
        rows->result.command = "";
    return copy;
}

// ---- one case -------------------------------------------------------------------------------

struct maker {
    struct sim_rows *rows;
    const struct sim_rows_setup *setup;
    const struct scheme *scheme;
    struct row like; // labels of the case
    double nodes;
    double theta;
    struct rng rng;
};

// A value with a range around it when there are repetitions.
static void put(struct maker *maker, const char *metric, double value)
{
    double width = value * (0.02 + 0.05 * maker->scheme->spread);
    double off = (double)(rng_u64(&maker->rng) >> 11) / 9007199254740992.0;
    bool one = maker->setup->repetitions == 1;

    maker->like.labels[LABEL_METRIC] = metric;
    value += width * (off - 0.5) * 0.5;
    maker->like.value =
        (struct summary){value, one ? value : value - width, one ? value : value - width * 0.05,
                         one ? value : value + width};
    sim_rows_add(maker->rows, &maker->like);
}

static void put_at(struct maker *maker, const char *metric, const char *at, double value)
{
    maker->like.labels[LABEL_AT] = at;
    put(maker, metric, value);
    maker->like.labels[LABEL_AT] = "";
}

static void about(struct maker *maker, const char *subject, const char *copies, const char *unit)
{
    maker->like.labels[LABEL_SUBJECT] = subject;
    maker->like.labels[LABEL_COPIES] = copies;
    maker->like.unit = unit;
}

static double number_of(const char *text)
{
    return strtod(text, NULL);
}

static void make_case(struct maker *maker, const char *nodes, const char *theta, uint64_t seed)
{
    rng_init(&maker->rng, seed);
    maker->nodes = number_of(nodes);
    maker->theta = number_of(theta);
    maker->like = (struct row){.unit = "", .note = "", .repetitions = maker->setup->repetitions};
    maker->like.labels[LABEL_SCHEME] = maker->scheme->name;
    if (maker->scheme->own != LABEL_SCHEME)
        maker->like.labels[maker->scheme->own] = maker->scheme->value;
    maker->like.labels[LABEL_NODES] = nodes;
    maker->like.labels[LABEL_REPLICAS] = "3";
    maker->like.labels[LABEL_WORKLOAD] = "zipf";
    maker->like.labels[LABEL_THETA] = theta;
    maker->like.labels[LABEL_KEYS] = "1000000";
}

// Calls `make` for each scheme, count of nodes and theta.
static void each_case(struct sim_rows *rows, const struct sim_rows_setup *setup,
                      const char *question, void (*make)(struct maker *maker))
{
    struct maker maker = {.rows = rows, .setup = setup};
    uint64_t seed = 0;

    for (unsigned i = 0; i < setup->schemes; i++) {
        for (unsigned node = 0; setup->nodes[node]; node++) {
            for (unsigned theta = 0; setup->thetas[theta]; theta++) {
                maker.scheme = &schemes[i];
                make_case(&maker, setup->nodes[node], setup->thetas[theta], ++seed);
                maker.like.labels[LABEL_QUESTION] = question;
                make(&maker);
            }
        }
    }
}

// ---- balance --------------------------------------------------------------------------------

// How far above the average the fullest node is.
static double excess(const struct maker *maker, bool load, bool all)
{
    double hot = maker->theta * maker->theta * maker->theta * 0.07;
    double grown = maker->scheme->spread * (0.8 + maker->nodes / 50);
    double peak = grown + (load ? (maker->nodes - 1) * hot * maker->scheme->heat : 0);

    return all ? peak * 0.4 : peak;
}

static void put_spread(struct maker *maker, double peak)
{
    put(maker, "peak/average", 1 + peak);
    put(maker, "min/average", 1 / (1 + peak));
    put(maker, "p99/average", 1 + 0.97 * peak);
    put(maker, "cv", peak * 0.4);
    put(maker, "gini", peak * 0.2 / (1 + peak));
    put(maker, "efficiency", 1 / (1 + peak));
}

static void put_shares(struct maker *maker, double peak)
{
    unsigned nodes = (unsigned)maker->nodes;

    for (unsigned rank = 1; rank <= nodes; rank++) {
        double place = ((double)rank - 1) / (nodes > 1 ? nodes - 1 : 1); // 0..1
        double share = 1 + peak * (1 - place) * (1 - place) * (1 - place) - peak * 0.25;

        put_at(maker, "share", arena_text(&maker->rows->arena, "%u", rank),
               share > 0.02 ? share : 0.02);
    }
}

static void make_balance(struct maker *maker)
{
    static const char *const subjects[] = {"keys", "bytes", "reads", "writes", "load"};
    static const char *const notes[] = {"shard 17 on n1, n2, n3", "shard 203 on n4, n5, n6",
                                        "shard 5 on n9, n10, n1", "shard 96 on n7, n8, n9",
                                        "shard 1 on n2, n3, n4"};
    static const char *const ranks[] = {"1", "2", "3", "4", "5"};
    bool shards = maker->scheme->own == LABEL_SHARDS || maker->scheme->own == LABEL_PARTITIONS;

    for (unsigned i = 0; i < 10; i++) {
        double peak = excess(maker, i % 5 >= 2, i >= 5);

        about(maker, subjects[i % 5], i < 5 ? "1" : "all", "");
        put_spread(maker, peak);
        put_shares(maker, peak);
    }
    if (!shards)
        return;
    about(maker, "shard-keys", "", "");
    put_spread(maker, 0.48);
    about(maker, "shard-load", "", "");
    put_spread(maker, 0.48 + 25 * maker->theta);
    about(maker, "hot-shard", "", "");
    for (unsigned i = 0; i < 5; i++) {
        maker->like.note = notes[i];
        put_at(maker, "share", ranks[i], 0.0978 / (i + 1));
        maker->like.note = "";
    }
}

void sim_rows_balance(struct sim_rows *rows, const struct sim_rows_setup *setup)
{
    each_case(rows, setup, "balance", make_balance);
}

// ---- movement, latency, staleness, cost -----------------------------------------------------

static void make_movement(struct maker *maker)
{
    bool doubles = maker->scheme->own != LABEL_SCHEME || strcmp(maker->scheme->name, "split") == 0;

    for (unsigned i = 0; maker->setup->events[i]; i++) {
        const char *event = maker->setup->events[i];
        bool known = strcmp(event, "double") != 0 || doubles;
        double least = strcmp(event, "double") == 0 ? 0.5 : 1 / (maker->nodes + 1);
        double share = least * maker->scheme->moved;
        double moved = known ? share < 0.95 ? share : 0.95 : __builtin_nan("");

        maker->like.labels[LABEL_EVENT] = event;
        about(maker, "keys", "all", "");
        put(maker, "moved", moved);
        put(maker, "minimum", least);
        put(maker, "copied", moved * 3000000);
        about(maker, "bytes", "all", "bytes");
        put(maker, "copied", moved * 3000000 * 1024);
        maker->like.unit = "";
        put(maker, "moved", moved);
        put(maker, "minimum", least);
        about(maker, "keys", "1", "");
        put(maker, "moved", moved * 0.9);
        for (unsigned j = 0; j < 4 && known; j++) {
            about(maker, j / 2 ? "load" : "keys", j % 2 ? "all" : "1", "");
            put(maker, "peak/average", 1 + excess(maker, j / 2, j % 2));
        }
    }
    maker->like.labels[LABEL_EVENT] = "";
}

void sim_rows_movement(struct sim_rows *rows, const struct sim_rows_setup *setup)
{
    each_case(rows, setup, "movement", make_movement);
}

static void put_times(struct maker *maker, const char *subject, const char *at, double base)
{
    about(maker, subject, "", "ms");
    put_at(maker, "mean", at, base);
    put_at(maker, "p50", at, base * 0.7);
    put_at(maker, "p99", at, base * 5);
    put_at(maker, "p99.9", at, base * 9);
}

static void make_latency(struct maker *maker)
{
    double peak = 1 + excess(maker, true, true);

    maker->like.labels[LABEL_R] = "2";
    maker->like.labels[LABEL_W] = "2";
    for (unsigned i = 0; maker->setup->loads[i]; i++) {
        const char *at = maker->setup->loads[i];
        double room = 1 - number_of(at) * peak;
        double base = 1 / (room > 0.002 ? room : 0.002);

        put_times(maker, "reads", at, base);
        about(maker, "reads", "", "");
        put_at(maker, "extra-requests", at, 0.02 * base);
        put_times(maker, "writes", at, 1.2 * base);
        put_times(maker, "requests", at, 1.1 * base);
        about(maker, "", "", "");
        put_at(maker, "busiest", at, number_of(at) * peak);
    }
    put(maker, "max-load", 1 / peak);
}

void sim_rows_latency(struct sim_rows *rows, const struct sim_rows_setup *setup)
{
    each_case(rows, setup, "latency", make_latency);
}

void sim_rows_staleness(struct sim_rows *rows, const struct sim_rows_setup *setup)
{
    static const char *const quorums[][3] = {{"1", "1", "lnkd-ssd"},
                                             {"1", "2", "lnkd-ssd"},
                                             {"2", "2", "lnkd-ssd"},
                                             {"1", "1", "lnkd-disk"},
                                             {"1", "2", "lnkd-disk"}};
    static const char *const times[] = {"0",  "0.1", "0.2", "0.5", "1",   "2",  "5",
                                        "10", "20",  "50",  "100", "200", "500"};
    static const char *const wanted[] = {"0.9", "0.99", "0.999"};
    static const char *const misses[] = {"1", "2", "3", "4", "5"};

    for (unsigned i = 0; i < 5; i++) {
        struct maker maker = {.rows = rows, .setup = setup, .scheme = &schemes[2]};
        double speed = i >= 3 ? 0.2 : 4;
        double miss = i == 2 ? 0 : (i >= 3 ? 0.56 : 0.026) / (i % 3 + 1);

        rng_init(&maker.rng, i);
        maker.like.repetitions = setup->repetitions;
        maker.like.labels[LABEL_QUESTION] = "staleness";
        maker.like.labels[LABEL_REPLICAS] = "3";
        maker.like.labels[LABEL_R] = quorums[i][0];
        maker.like.labels[LABEL_W] = quorums[i][1];
        maker.like.labels[LABEL_LEGS] = quorums[i][2];
        for (unsigned j = 0; j < 13; j++)
            put_at(&maker, "p-consistent", times[j],
                   0.98 * (1 - miss / (1 + speed * number_of(times[j]) * number_of(times[j]))));
        maker.like.unit = "ms";
        for (unsigned j = 0; j < 3; j++)
            put_at(&maker, "t-visible", wanted[j], miss == 0 ? 0 : (j + 1) * (j + 1) / speed);
        put_times(&maker, "reads", "", 0.3 * (i % 3 + 1));
        put_times(&maker, "writes", "", i >= 3 ? 4 : 0.35 * (i % 3 + 1));
        about(&maker, "", "", "");
        for (unsigned j = 0; j < 5; j++)
            put_at(&maker, "p-stale-versions", misses[j], i == 2 ? 0 : 0.6667 / (1 << (j + i % 3)));
    }
}

static void make_cost(struct maker *maker)
{
    about(maker, "", "", "bytes");
    put(maker, "metadata",
        maker->scheme->own == LABEL_SCHEME ? 16
                                           : 6 * number_of(maker->scheme->value) * maker->nodes);
    maker->like.unit = "ns";
    put(maker, "look-up", 3 + 200 * maker->scheme->spread);
    put(maker, "rebuild",
        strcmp(maker->scheme->name, "rendezvous") == 0 ? __builtin_nan("") : 1200 * maker->nodes);
}

void sim_rows_cost(struct sim_rows *rows, const struct sim_rows_setup *setup)
{
    each_case(rows, setup, "cost", make_cost);
}

void sim_rows_hard(struct sim_rows *rows)
{
    static const char *const weights[] = {"1", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
                                          "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,17"};
    static const char *const names[] = {
        "a scheme whose name is longer than any column has room for, and then some",
        "<b>\"quoted\" & 'marked'</b>", "comma, \xc3\xa4 and\ttab", "broken \xff byte"};
    static const double values[] = {1e-9, 0, 1e12, 1.5};
    static const char *const metrics[] = {"peak/average", "min/average", "cv", "gini"};

    for (unsigned i = 0; i < 12; i++) {
        struct row row = {.note = "a \"note\",\nof two lines", .repetitions = 3};

        row.labels[LABEL_QUESTION] = "balance";
        row.labels[LABEL_SCHEME] = names[i % 4];
        row.labels[LABEL_NODES] = "7";
        row.labels[LABEL_WEIGHTS] = weights[i / 4];
        row.labels[LABEL_SUBJECT] = "keys";
        for (unsigned j = 0; j < 4; j++) {
            double mean = i == 5   ? __builtin_nan("")
                          : i == 6 ? __builtin_inf()
                                   : values[(i + j) % 4];

            row.labels[LABEL_COPIES] = i % 2 ? "1" : "all";
            row.labels[LABEL_METRIC] = metrics[j];
            row.value = (struct summary){mean, mean * 0.5, mean, mean * 2};
            sim_rows_add(rows, &row);
        }
        row.labels[LABEL_QUESTION] = "a <new> question";
        sim_rows_add(rows, &row);
    }
    rows->result.command = "quorate-sim placement --weights \"1,2\" --trace '<a&b>,\xff' \n";
    rows->result.seed = UINT64_MAX;
}

void sim_rows_all(struct sim_rows *rows, const struct sim_rows_setup *setup)
{
    sim_rows_balance(rows, setup);
    sim_rows_movement(rows, setup);
    sim_rows_latency(rows, setup);
    sim_rows_staleness(rows, setup);
    sim_rows_cost(rows, setup);
    rows->result.command = "quorate-sim placement --ask balance,movement,latency,staleness,cost "
                           "--scheme static,ring --theta 0,0.99 --repetitions 100";
    rows->result.seed = 7;
}
