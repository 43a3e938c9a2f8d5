// SPDX-License-Identifier: Apache-2.0
#include "client/bench/report.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "client/cli_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { QUANTILES = 5, MICROSECONDS_SIZE = 32 };

#define BUSY_SHARE 0.9
#define NS_PER_S   UINT64_C(1000000000)

static const struct {
    const char *heading;
    const char *name; // of a member
    double share;
} quantiles[QUANTILES] = {{"P50", "p50_us", 0.5},
                          {"P90", "p90_us", 0.9},
                          {"P99", "p99_us", 0.99},
                          {"P99.9", "p99_9_us", 0.999},
                          {"P99.99", "p99_99_us", 0.9999}};

// ---- numbers ------------------------------------------------------------------------------------

static double per_s(uint64_t count, uint64_t ns)
{
    return ns ? (double)count * 1e9 / (double)ns : 0;
}

double report_rate(const struct report *report)
{
    return per_s(tally_done(&report->outcome->tally), report->outcome->measured_ns);
}

static bool meet(int read, int written, uint32_t replicas)
{
    return read > 0 && written > 0 && (uint32_t)(read + written) > replicas;
}

double report_busy(const struct report *report)
{
    double us = (double)(report->client.user_us + report->client.system_us);
    double all_us = (double)report->outcome->measured_ns / 1000 * report->options->threads;

    return all_us > 0 ? us / all_us : 0;
}

bool report_stale_is_wrong(const struct report *report)
{
    if (report->one_server)
        return true;
    if (report->last_write_wins || report->replicas == 0)
        return false;
    return meet(report->pr, report->pw, report->replicas) ||
           (report->owners_only && meet(report->r, report->w, report->replicas));
}

// Why it is not.
static const char *stale_excuse(const struct report *report)
{
    if (report->replicas == 0)
        return " (allowed: writes may reach other servers later)";
    if (report->last_write_wins)
        return " (allowed: clocks decide which write is the last)";
    if (meet(report->r, report->w, report->replicas))
        return " (allowed: stand-ins may have answered, without --strict)";
    return " (allowed: R + W is not above N)";
}

uint64_t report_wrong(const struct report *report)
{
    const struct wrongs *wrongs = &report->outcome->tally.wrongs;

    return wrongs_values(wrongs) + (report_stale_is_wrong(report) ? wrongs->stale : 0);
}

// Of one operation; 0 when there was none.
static double each_us(const struct report *report, uint64_t us)
{
    uint64_t count = tally_done(&report->outcome->tally);

    return count ? (double)us / (double)count : 0;
}

static double quantile_us(const struct latency *latency, unsigned which)
{
    return (double)latency_quantile_ns(latency, quantiles[which].share) / 1000;
}

static const char *shown_us(double us, char out[MICROSECONDS_SIZE])
{
    (void)snprintf(out, MICROSECONDS_SIZE, us < 100 ? "%.1f" : "%.0f", us);
    return out;
}

// The kinds that there were, then all together, each with its latencies.
static void each_kind(const struct report *report, void *data,
                      void (*take)(const struct report *report, const char *kind,
                                   const struct latency *latency, void *data))
{
    const struct tally *tally = &report->outcome->tally;
    struct latency *all = memory_new(sizeof *all);

    for (unsigned kind = 0; kind < OP_KINDS; kind++) {
        if (tally->of[kind].count > 0)
            take(report, op_word((enum op_kind)kind), &tally->of[kind], data);
    }
    tally_all(tally, all);
    take(report, "all", all, data);
    free(all);
}

// ---- text ---------------------------------------------------------------------------------------

static void plural(struct output *output, uint64_t count, const char *one)
{
    output_format(output, "%" PRIu64 " %s%s", count, one, count == 1 ? "" : "s");
}

static void text_asked(const struct report *report, struct output *output)
{
    const struct bench_options *options = report->options;

    output_format(output, "%s against %s: ", options->workload, report->against);
    plural(output, report->servers, report->replicas ? "node" : "server");
    output_format(output, " (%s), ", spread_word(options->spread));
    plural(output, options->connections, "connection");
    output_format(output, " x %" PRIu32 ", ", options->depth);
    plural(output, options->threads, "thread");
    if (options->rate)
        output_format(output, ", open loop of %" PRIu64 "/s (%s)", options->rate,
                      arrivals_word(options->arrivals));
    else
        output_format(output, ", closed loop");
    output_format(output, "\n%" PRIu64 " keys (%s), values of %" PRIu32, options->keys,
                  workload_word(options->distribution), options->size_min);
    if (options->size_max != options->size_min)
        output_format(output, " to %" PRIu32, options->size_max);
    output_format(output, " bytes");
    if (report->replicas)
        output_format(output, ", r %d w %d of %" PRIu32, report->r, report->w, report->replicas);
    output_format(output, "; measured %.2f s after %.2f s\n\n",
                  (double)report->outcome->measured_ns / 1e9, (double)options->warm_up_ms / 1000);
}

static void text_kind(const struct report *report, const char *kind, const struct latency *latency,
                      void *data)
{
    struct cell_table *table = data;
    char shown[MICROSECONDS_SIZE];

    cell_add(table, COLOUR_BOLD, "%s", kind);
    cell_add(table, COLOUR_PLAIN, "%" PRIu64, latency->count);
    cell_add(table, COLOUR_PLAIN, "%.0f", per_s(latency->count, report->outcome->measured_ns));
    cell_add(table, COLOUR_PLAIN, "%s", shown_us(latency_mean_us(latency), shown));
    for (unsigned i = 0; i < QUANTILES; i++)
        cell_add(table, COLOUR_PLAIN, "%s", shown_us(quantile_us(latency, i), shown));
    cell_add(table, COLOUR_PLAIN, "%s", shown_us((double)latency->max_ns / 1000, shown));
}

static void text_latencies(const struct report *report, struct output *output)
{
    struct cell_table table;

    cell_table_init(&table, 5 + QUANTILES);
    cell_add(&table, COLOUR_DIM, "US");
    cell_add(&table, COLOUR_DIM, "OPERATIONS");
    cell_add(&table, COLOUR_DIM, "PER S");
    cell_add(&table, COLOUR_DIM, "MEAN");
    for (unsigned i = 0; i < QUANTILES; i++)
        cell_add(&table, COLOUR_DIM, "%s", quantiles[i].heading);
    cell_add(&table, COLOUR_DIM, "MAX");
    each_kind(report, &table, text_kind);
    output_table(output, &table);
    cell_table_done(&table);
}

static void text_failures(const struct report *report, struct output *output)
{
    const struct tally *tally = &report->outcome->tally;

    for (int i = 0; i < TALLY_ERRORS; i++) {
        if (tally->errors[i] == 0)
            continue;
        output_colour(output, COLOUR_RED);
        output_format(output, "%-12s", err_code(-i));
        output_colour(output, COLOUR_PLAIN);
        output_format(output, " %" PRIu64 " failed (%s)\n", tally->errors[i],
                      tally->texts[i][0] ? tally->texts[i] : err_text(-i));
    }
    if (tally->missing)
        output_format(output, "not found    %" PRIu64 " reads; --load writes every key first\n",
                      tally->missing);
    if (tally->siblings)
        output_format(output, "siblings     %" PRIu64 " reads\n", tally->siblings);
}

static void text_schedule(const struct report *report, struct output *output)
{
    const struct run_outcome *outcome = report->outcome;
    char shown[MICROSECONDS_SIZE];

    if (!report->options->rate)
        return;
    output_format(output, "schedule     ended %.3f s behind, %" PRIu64 " never sent, latest %s us",
                  (double)outcome->behind_ns / 1e9, outcome->unsent,
                  shown_us((double)outcome->tally.late_ns_max / 1000, shown));
    output_format(output, "; from sending: mean %s",
                  shown_us(latency_mean_us(&outcome->tally.service), shown));
    output_format(output, ", p99 %s us\n",
                  shown_us(quantile_us(&outcome->tally.service, 2), shown));
    if (outcome->unsent > report->options->rate / 100 + 1) {
        output_colour(output, COLOUR_YELLOW);
        output_format(output, "             the rate was not reached: latencies tell how long the "
                              "queue grew\n");
        output_colour(output, COLOUR_PLAIN);
    }
}

static void text_check(const struct report *report, struct output *output)
{
    const struct wrongs *wrongs = &report->outcome->tally.wrongs;

    if (!report->options->check)
        return;
    output_format(output,
                  "check        %" PRIu64 " values right, %" PRIu64 " wrong, %" PRIu64
                  " reads too old%s",
                  wrongs->faults[VALUE_RIGHT], wrongs_values(wrongs), wrongs->stale,
                  report_stale_is_wrong(report) ? "" : stale_excuse(report));
    output_format(output, wrongs->first[0] ? "; first: %s\n" : "\n", wrongs->first);
}

static void usage_cells(const struct report *report, struct cell_table *table,
                        const struct usage *usage)
{
    double operations = (double)tally_done(&report->outcome->tally);
    uint64_t switches = usage->switches_voluntary + usage->switches_involuntary;

    cell_add(table, COLOUR_PLAIN, "%.2f", (double)usage->user_us / 1e6);
    cell_add(table, COLOUR_PLAIN, "%.2f", (double)usage->system_us / 1e6);
    cell_add(table, COLOUR_PLAIN, "%.2f", each_us(report, usage->user_us));
    cell_add(table, COLOUR_PLAIN, "%.2f", each_us(report, usage->system_us));
    cell_add(table, COLOUR_BOLD, "%.2f", each_us(report, usage->user_us + usage->system_us));
    cell_add(table, COLOUR_PLAIN, "%.3f", operations > 0 ? (double)switches / operations : 0);
    cell_add(table, COLOUR_PLAIN, "%.1f", (double)usage->memory_bytes / (1 << 20));
}

static struct usage usage_sum(const struct report *report)
{
    struct usage sum = {0};

    for (uint32_t i = 0; i < report->watched_count; i++) {
        const struct watched *watched = &report->watched[i];
        struct usage usage = usage_between(&watched->from, &watched->until);

        sum.user_us += usage.user_us;
        sum.system_us += usage.system_us;
        sum.switches_voluntary += usage.switches_voluntary;
        sum.switches_involuntary += usage.switches_involuntary;
        sum.memory_bytes += usage.memory_bytes;
        sum.memory_peak_bytes += usage.memory_peak_bytes;
    }
    return sum;
}

static void text_watched(const struct report *report, struct output *output)
{
    static const char *const headings[] = {"PROCESS",   "USER S", "SYS S",       "USER US/OP",
                                           "SYS US/OP", "US/OP",  "SWITCHES/OP", "MIB"};
    struct usage sum = usage_sum(report);
    struct cell_table table;

    cell_table_init(&table, sizeof headings / sizeof headings[0]);
    for (unsigned i = 0; i < sizeof headings / sizeof headings[0]; i++)
        cell_add(&table, COLOUR_DIM, "%s", headings[i]);
    for (uint32_t i = 0; i < report->watched_count; i++) {
        const struct watched *watched = &report->watched[i];
        struct usage usage = usage_between(&watched->from, &watched->until);

        cell_add(&table, watched->gone ? COLOUR_RED : COLOUR_PLAIN, "%s %d%s", watched->name,
                 watched->pid, watched->gone ? " (ended)" : "");
        usage_cells(report, &table, &usage);
    }
    if (report->watched_count > 0) {
        cell_add(&table, COLOUR_PLAIN, "together");
        usage_cells(report, &table, &sum);
    }
    cell_add(&table, COLOUR_DIM, "this client");
    usage_cells(report, &table, &report->client);
    output_table(output, &table);
    cell_table_done(&table);
}

static void text_loaded(const struct report *report, struct output *output)
{
    const struct run_outcome *loaded = report->loaded;

    if (!loaded || loaded == report->outcome)
        return;
    output_format(output, "loaded %" PRIu64 " keys in %.2f s, %.0f/s\n", tally_done(&loaded->tally),
                  (double)loaded->measured_ns / 1e9,
                  per_s(tally_done(&loaded->tally), loaded->measured_ns));
}

// What makes the numbers doubtful.
static void text_doubts(const struct report *report, struct output *output)
{
    double busy = report_busy(report);

    bool few = report->outcome->connected < report->options->connections;

    if (busy < BUSY_SHARE && !few)
        return;
    output_colour(output, COLOUR_YELLOW);
    if (busy >= BUSY_SHARE)
        output_format(output,
                      "this client was busy for %.0f %% of the time of its threads, and may be "
                      "what was measured: give it more --threads\n",
                      busy * 100);
    if (few)
        output_format(output, "only %" PRIu32 " of %" PRIu32 " connections came up at first\n",
                      report->outcome->connected, report->options->connections);
    output_colour(output, COLOUR_PLAIN);
}

static bool has_remarks(const struct report *report)
{
    const struct tally *tally = &report->outcome->tally;

    return tally_failures(tally) > 0 || tally->missing > 0 || tally->siblings > 0 ||
           report->options->rate > 0 || report->options->check;
}

static void text_remarks(const struct report *report, struct output *output)
{
    text_failures(report, output);
    text_schedule(report, output);
    text_check(report, output);
}

void report_text(const struct report *report, struct output *output)
{
    text_loaded(report, output);
    text_asked(report, output);
    text_latencies(report, output);
    output_format(output, "\n");
    if (has_remarks(report)) {
        text_remarks(report, output);
        output_format(output, "\n");
    }
    text_watched(report, output);
    text_doubts(report, output);
}

// ---- JSON ---------------------------------------------------------------------------------------

static void json_decimal(struct buffer *out, const char *name, double value)
{
    json_name(out, name);
    buffer_add_format(out, "%.3f", value);
}

static void json_latency(const struct latency *latency, uint64_t measured_ns, struct buffer *out)
{
    json_number(out, "operations", latency->count);
    json_decimal(out, "rate", per_s(latency->count, measured_ns));
    json_decimal(out, "mean_us", latency_mean_us(latency));
    for (unsigned i = 0; i < QUANTILES; i++)
        json_decimal(out, quantiles[i].name, quantile_us(latency, i));
    json_decimal(out, "max_us", (double)latency->max_ns / 1000);
}

static void json_kind(const struct report *report, const char *kind, const struct latency *latency,
                      void *data)
{
    struct buffer *out = data;

    json_name(out, kind);
    json_open(out, '{');
    json_latency(latency, report->outcome->measured_ns, out);
    json_close(out, '}');
}

static void json_asked(const struct report *report, struct buffer *out)
{
    const struct bench_options *options = report->options;

    json_text(out, "workload", options->workload);
    json_text(out, "against", report->against);
    json_number(out, "servers", report->servers);
    json_number(out, "replicas", report->replicas);
    json_number(out, "r", report->r > 0 ? (uint64_t)report->r : 0);
    json_number(out, "w", report->w > 0 ? (uint64_t)report->w : 0);
    json_number(out, "keys", options->keys);
    json_text(out, "distribution", workload_word(options->distribution));
    json_number(out, "value_size_min", options->size_min);
    json_number(out, "value_size_max", options->size_max);
    json_text(out, "spread", spread_word(options->spread));
    json_number(out, "connections", options->connections);
    json_number(out, "connected", report->outcome->connected);
    json_number(out, "depth", options->depth);
    json_number(out, "threads", options->threads);
    json_text(out, "arrivals", arrivals_word(options->arrivals));
}

static void json_failures(const struct tally *tally, struct buffer *out)
{
    json_number(out, "failed", tally_failures(tally));
    json_name(out, "errors");
    json_open(out, '{');
    for (int i = 0; i < TALLY_ERRORS; i++) {
        if (tally->errors[i] > 0)
            json_number(out, err_code(-i), tally->errors[i]);
    }
    json_close(out, '}');
    json_number(out, "missing", tally->missing);
}

static void json_schedule(const struct report *report, struct buffer *out)
{
    const struct run_outcome *outcome = report->outcome;

    if (!report->options->rate)
        return;
    json_name(out, "schedule");
    json_open(out, '{');
    json_number(out, "rate", report->options->rate);
    json_number(out, "behind_us", outcome->behind_ns / 1000);
    json_number(out, "unsent", outcome->unsent);
    json_number(out, "late_max_us", outcome->tally.late_ns_max / 1000);
    json_close(out, '}');
    json_name(out, "service");
    json_open(out, '{');
    json_latency(&outcome->tally.service, outcome->measured_ns, out);
    json_close(out, '}');
}

static void json_check(const struct report *report, struct buffer *out)
{
    const struct wrongs *wrongs = &report->outcome->tally.wrongs;

    if (!report->options->check)
        return;
    json_name(out, "check");
    json_open(out, '{');
    json_number(out, "right", wrongs->faults[VALUE_RIGHT]);
    json_number(out, "foreign", wrongs->faults[VALUE_FOREIGN]);
    json_number(out, "torn", wrongs->faults[VALUE_TORN]);
    json_number(out, "other_key", wrongs->faults[VALUE_OTHER_KEY]);
    json_number(out, "stale", wrongs->stale);
    json_number(out, "siblings", report->outcome->tally.siblings);
    json_bool(out, "stale_is_wrong", report_stale_is_wrong(report));
    json_text(out, "first", wrongs->first);
    json_close(out, '}');
}

static void json_usage(const struct report *report, const struct usage *usage, struct buffer *out)
{
    json_number(out, "user_us", usage->user_us);
    json_number(out, "system_us", usage->system_us);
    json_decimal(out, "user_us_each", each_us(report, usage->user_us));
    json_decimal(out, "system_us_each", each_us(report, usage->system_us));
    json_decimal(out, "us_each", each_us(report, usage->user_us + usage->system_us));
    json_number(out, "switches_voluntary", usage->switches_voluntary);
    json_number(out, "switches_involuntary", usage->switches_involuntary);
    json_number(out, "memory_bytes", usage->memory_bytes);
    json_number(out, "memory_peak_bytes", usage->memory_peak_bytes);
}

static void json_watched(const struct report *report, struct buffer *out)
{
    struct usage sum = usage_sum(report);

    json_name(out, "watched");
    json_open(out, '[');
    for (uint32_t i = 0; i < report->watched_count; i++) {
        const struct watched *watched = &report->watched[i];
        struct usage usage = usage_between(&watched->from, &watched->until);

        json_comma(out);
        json_open(out, '{');
        json_number(out, "pid", (uint64_t)watched->pid);
        json_text(out, "name", watched->name);
        json_bool(out, "ended", watched->gone);
        json_usage(report, &usage, out);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_name(out, "watched_together");
    json_open(out, '{');
    json_usage(report, &sum, out);
    json_close(out, '}');
    json_name(out, "client");
    json_open(out, '{');
    json_usage(report, &report->client, out);
    json_decimal(out, "busy", report_busy(report));
    json_close(out, '}');
}

static void json_seconds(const struct report *report, struct buffer *out)
{
    uint64_t count = (report->outcome->measured_ns + NS_PER_S - 1) / NS_PER_S;

    json_name(out, "seconds");
    json_open(out, '[');
    for (uint64_t i = 0; i < count && i < TALLY_SECONDS; i++) {
        const struct second *second = &report->outcome->tally.seconds[i];

        json_comma(out);
        json_open(out, '{');
        json_number(out, "operations", second->done);
        json_number(out, "failed", second->failed);
        json_number(out, "max_us", second->max_us);
        json_number(out, "p99_us", second->p99_us);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void json_loaded(const struct report *report, struct buffer *out)
{
    const struct run_outcome *loaded = report->loaded;

    if (!loaded)
        return;
    json_name(out, "loaded");
    json_open(out, '{');
    json_number(out, "operations", tally_done(&loaded->tally));
    json_number(out, "elapsed_us", loaded->measured_ns / 1000);
    json_decimal(out, "rate", per_s(tally_done(&loaded->tally), loaded->measured_ns));
    json_close(out, '}');
}

void report_json(const struct report *report, struct buffer *out)
{
    json_open(out, '{');
    json_asked(report, out);
    json_number(out, "elapsed_us", report->outcome->measured_ns / 1000);
    json_number(out, "operations", tally_done(&report->outcome->tally));
    json_decimal(out, "rate", report_rate(report));
    json_failures(&report->outcome->tally, out);
    json_bool(out, "interrupted", report->outcome->interrupted);
    json_name(out, "latency");
    json_open(out, '{');
    each_kind(report, out, json_kind);
    json_close(out, '}');
    json_schedule(report, out);
    json_check(report, out);
    json_watched(report, out);
    json_loaded(report, out);
    json_seconds(report, out);
    json_close(out, '}');
    buffer_add_u8(out, '\n');
}

// ---- CSV ----------------------------------------------------------------------------------------

static void csv_kind(const struct report *report, const char *kind, const struct latency *latency,
                     void *data)
{
    const struct bench_options *options = report->options;
    struct buffer *out = data;

    buffer_add_format(out, "%s,%s,%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu64 ",%s,%" PRIu64,
                      options->workload, report->against, options->connections, options->depth,
                      options->threads, options->rate, kind, latency->count);
    buffer_add_format(out, ",%.3f,%.3f", per_s(latency->count, report->outcome->measured_ns),
                      latency_mean_us(latency));
    for (unsigned i = 0; i < QUANTILES; i++)
        buffer_add_format(out, ",%.3f", quantile_us(latency, i));
    buffer_add_format(out, ",%.3f,%" PRIu64 "\n", (double)latency->max_ns / 1000,
                      tally_failures(&report->outcome->tally));
}

void report_csv(const struct report *report, struct buffer *out)
{
    buffer_add_format(out, "workload,against,connections,depth,threads,wanted_rate,kind,operations,"
                           "rate,mean_us");
    for (unsigned i = 0; i < QUANTILES; i++)
        buffer_add_format(out, ",%s", quantiles[i].name);
    buffer_add_format(out, ",max_us,failed\n");
    each_kind(report, out, csv_kind);
}
