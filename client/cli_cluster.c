// SPDX-License-Identifier: Apache-2.0
// cluster init, cluster status, ping.
//
// Status asks one node for the topology, then every member at once how it is; who does not answer
// in time is shown as unreachable rather than left out.
#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "client/cli_command.h"
#include "client/cli_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

// Under load replicas always differ by what is on its way: that is no debt to speak of.
enum { STATUS_WAIT_MS = 1000, STATUS_TRIES = 3, REPAIR_SHOWN_MS = 2000 };

// ---- init ---------------------------------------------------------------------------------------

static void init_shown(struct cli *cli, const struct quorate_topology *topology)
{
    struct buffer json = {0};

    if (cli->format == FORMAT_JSON) {
        json_open(&json, '{');
        json_id(&json, "cluster", topology->cluster);
        json_number(&json, "epoch", topology->epoch);
        json_number(&json, "nodes", cli->cluster.nodes);
        json_number(&json, "shards", topology->shards);
        json_number(&json, "replicas", topology->replicas);
        json_number(&json, "shared_hosts", topology->shared_hosts);
        json_close(&json, '}');
        buffer_add_u8(&json, '\n');
        output_slice(&cli->output, buffer_slice(&json));
        buffer_done(&json);
        return;
    }
    output_format(&cli->output,
                  "cluster %016" PRIx64 ": %u nodes, %u shards, %u replicas of each, epoch %" PRIu64
                  "\n",
                  topology->cluster, cli->cluster.nodes, topology->shards, topology->replicas,
                  topology->epoch);
    if (topology->shared_hosts)
        output_format(&cli->output,
                      "note: %u shards have two copies on one host: there are fewer hosts than "
                      "replicas\n",
                      topology->shared_hosts);
}

int command_cluster_init(struct cli *cli)
{
    struct quorate_client *client;
    struct quorate_result *result;
    int code = 0;

    if (cli->cluster.nodes == 0) {
        complain("cluster init: give --nodes COUNT, the number of nodes that shall form it");
        return err_exit(ERR_INVALID);
    }
    client = cli_open(cli);
    if (quorate_cluster_init(client, &cli->cluster, &result))
        code = complain_result(result);
    else
        init_shown(cli, result->topology);
    quorate_result_free(result);
    quorate_close(client);
    return code;
}

// ---- status -------------------------------------------------------------------------------------

// A member and what it says about itself.
struct row {
    struct survey *survey;
    struct quorate_member member; // texts on the heap
    struct quorate_status status;
    int err; // 0, or why it did not say
};

struct survey {
    struct cli *cli;
    struct quorate_client *client;
    uint32_t tries; // to learn the topology
    int err;        // of the last
    int code;
    struct quorate_topology topology;
    struct row *rows;
    uint32_t waiting;
};

static void row_answered(void *data, const struct quorate_result *result)
{
    struct row *row = data;

    row->err = result->err;
    if (!result->err && result->status->id != row->member.id)
        row->err = ERR_CONNECT; // somebody else has its address now
    else if (!result->err)
        row->status = *result->status;
    row->status.name = row->status.build = row->status.durability = "";
    if (--row->survey->waiting == 0)
        quorate_close(row->survey->client);
}

static void row_ask(struct row *row)
{
    struct survey *survey = row->survey;

    quorate_status_start(survey->client, row->member.client_address, 0,
                         quorate_done(row_answered, row));
}

static void rows_fill(struct survey *survey, const struct quorate_topology *topology)
{
    survey->rows = memory_new((topology->member_count + 1) * sizeof *survey->rows);
    for (size_t i = 0; i < topology->member_count; i++) {
        struct row *row = &survey->rows[i];

        row->survey = survey;
        row->member = topology->members[i];
        row->member.name = memory_text(row->member.name);
        row->member.zone = memory_text(row->member.zone);
        row->member.client_address = memory_text(row->member.client_address);
        row->err = ERR_CONNECT;
    }
}

static int row_order(const void *a, const void *b)
{
    const struct row *left = a, *right = b;

    return strverscmp(left->member.name, right->member.name);
}

static void topology_answered(void *data, const struct quorate_result *result)
{
    struct survey *survey = data;

    survey->err = result->err;
    if (result->err == ERR_TIMEOUT && ++survey->tries < STATUS_TRIES) {
        // The client now prefers others to the node that did not answer.
        quorate_topology_start(survey->client, quorate_done(topology_answered, survey));
        return;
    }
    if (result->err) {
        survey->code = complain_result(result);
        quorate_close(survey->client);
        return;
    }
    survey->topology = *result->topology;
    survey->topology.members = NULL;
    rows_fill(survey, result->topology);
    qsort(survey->rows, survey->topology.member_count, sizeof *survey->rows, row_order);
    for (size_t i = 0; i < survey->topology.member_count; i++)
        survey->waiting += survey->rows[i].member.client_address[0] != 0;
    for (size_t i = 0; i < survey->topology.member_count; i++) {
        if (survey->rows[i].member.client_address[0])
            row_ask(&survey->rows[i]);
    }
    if (survey->waiting == 0)
        quorate_close(survey->client);
}

// In a word, what is wrong with a member; "" when nothing is.
static const char *row_trouble(const struct row *row)
{
    if (!row->member.owner)
        return row->err ? "unreachable" : "";
    if (row->err)
        return row->err == ERR_TIMEOUT ? "no answer" : "unreachable";
    if (strcmp(row->member.state, "alive") != 0)
        return "answers"; // whatever gossip says
    if (row->status.shards_born < row->status.shards_owned)
        return "filling";
    if (row->status.refusal)
        return err_code(row->status.refusal);
    if (row->status.unknown)
        return "rebuilding";
    if (row->status.epoch != row->survey->topology.epoch)
        return "other epoch";
    return "";
}

static bool survey_degraded(const struct survey *survey)
{
    if (survey->topology.epoch == 0)
        return true;
    for (size_t i = 0; i < survey->topology.member_count; i++) {
        if (survey->rows[i].member.owner && *row_trouble(&survey->rows[i]))
            return true;
    }
    return false;
}

static void row_cells(struct cell_table *table, const struct row *row)
{
    const char *trouble = row_trouble(row);
    bool is_alive = strcmp(row->member.state, "alive") == 0;
    struct buffer bytes = {0};

    text_add_bytes(&bytes, row->status.bytes);
    buffer_add_u8(&bytes, 0);
    cell_add(table, COLOUR_BOLD, "%s", row->member.name);
    cell_add(table, is_alive ? COLOUR_GREEN : COLOUR_RED, "%s", row->member.state);
    cell_add(table, COLOUR_PLAIN, "%s", *row->member.zone ? row->member.zone : "-");
    cell_add(table, COLOUR_PLAIN, "%s", row->member.client_address);
    cell_add(table, COLOUR_PLAIN, "%u", row->member.shards);
    if (row->err) {
        cell_add(table, COLOUR_PLAIN, "-");
        cell_add(table, COLOUR_PLAIN, "-");
        cell_add(table, COLOUR_PLAIN, "%" PRIu64, row->member.epoch);
    } else {
        cell_add(table, COLOUR_PLAIN, "%" PRIu64, row->status.keys);
        cell_add(table, COLOUR_PLAIN, "%s", (const char *)bytes.data);
        cell_add(table, COLOUR_PLAIN, "%" PRIu64, row->status.epoch);
    }
    if (!*trouble)
        cell_add(table, COLOUR_PLAIN, row->member.owner ? "" : "(not in the topology)");
    else
        cell_add(table, COLOUR_RED, "%s", trouble);
    buffer_done(&bytes);
}

// What a member lacks, holds for others and waits for; nothing when it is level.
static void row_repair(struct output *output, const struct row *row)
{
    const struct quorate_status *status = &row->status;
    struct buffer bytes = {0};

    if (row->err || (status->repair_age_ms < REPAIR_SHOWN_MS && !status->shards_filling &&
                     !status->guest_shards && !status->digest_alarms))
        return;
    text_add_bytes(&bytes, status->repair_bytes);
    buffer_add_u8(&bytes, 0);
    output_colour(output, COLOUR_DIM);
    output_format(output, "repair  ");
    output_colour(output, COLOUR_PLAIN);
    output_format(output, "%s: %s", row->member.name, status->repair_state);
    if (status->repair_age_ms)
        output_format(output, " for %.1f s", (double)status->repair_age_ms / 1000);
    if (status->repair_missing)
        output_format(output, ", lacks %" PRIu64 " writes (about %s)", status->repair_missing,
                      (const char *)bytes.data);
    if (status->repair_owed)
        output_format(output, ", others lack %" PRIu64 " writes", status->repair_owed);
    if (status->shards_filling)
        output_format(output, ", %u shards filling", status->shards_filling);
    if (status->guest_shards)
        output_format(output, ", holds %" PRIu64 " keys of %u shards for others",
                      status->guest_keys, status->guest_shards);
    if (status->digest_alarms)
        output_format(output, ", %" PRIu64 " digest alarms", status->digest_alarms);
    output_format(output, "\n");
    buffer_done(&bytes);
}

static void survey_text(const struct survey *survey)
{
    static const char *const headings[] = {"NODE", "STATE", "ZONE",  "ADDRESS", "SHARDS",
                                           "KEYS", "BYTES", "EPOCH", ""};
    struct output *output = &survey->cli->output;
    const struct quorate_topology *topology = &survey->topology;
    struct cell_table table;

    if (topology->epoch == 0)
        output_format(output, "no cluster yet: quorate cluster init --nodes %zu\n",
                      topology->member_count);
    else
        output_format(output,
                      "cluster %016" PRIx64 ", epoch %" PRIu64 ", %u shards, %u replicas of each\n",
                      topology->cluster, topology->epoch, topology->shards, topology->replicas);
    cell_table_init(&table, 9);
    for (int i = 0; i < 9; i++)
        cell_add(&table, COLOUR_DIM, "%s", headings[i]);
    for (size_t i = 0; i < topology->member_count; i++)
        row_cells(&table, &survey->rows[i]);
    output_table(output, &table);
    cell_table_done(&table);
    for (size_t i = 0; i < topology->member_count; i++)
        row_repair(output, &survey->rows[i]);
    if (topology->epoch > 0 && survey_degraded(survey)) {
        output_colour(output, COLOUR_RED);
        output_format(output, "degraded");
        output_colour(output, COLOUR_PLAIN);
        output_format(output, "\n");
    }
}

static void repair_json(struct buffer *out, const struct quorate_status *status)
{
    json_name(out, "repair");
    json_open(out, '{');
    json_text(out, "state", status->repair_state);
    json_number(out, "age_ms", status->repair_age_ms);
    json_number(out, "missing", status->repair_missing);
    json_number(out, "owed", status->repair_owed);
    json_number(out, "bytes", status->repair_bytes);
    json_number(out, "shards_filling", status->shards_filling);
    json_number(out, "guest_shards", status->guest_shards);
    json_number(out, "guest_keys", status->guest_keys);
    json_number(out, "dots", status->dots);
    json_number(out, "dots_max", status->dots_max);
    json_number(out, "pulled_items", status->pulled_items);
    json_number(out, "pulled_bytes", status->pulled_bytes);
    json_number(out, "digest_alarms", status->digest_alarms);
    json_close(out, '}');
}

static void row_json(struct buffer *out, const struct row *row)
{
    json_comma(out);
    json_open(out, '{');
    json_id(out, "id", row->member.id);
    json_text(out, "name", row->member.name);
    json_text(out, "state", row->member.state);
    json_text(out, "zone", row->member.zone);
    json_text(out, "address", row->member.client_address);
    json_bool(out, "owner", row->member.owner);
    json_bool(out, "linked", row->member.linked);
    json_bool(out, "reachable", !row->err);
    json_number(out, "shards", row->member.shards);
    json_number(out, "epoch", row->err ? row->member.epoch : row->status.epoch);
    if (!row->err) {
        json_number(out, "shards_born", row->status.shards_born);
        json_number(out, "keys", row->status.keys);
        json_number(out, "bytes", row->status.bytes);
        json_number(out, "disk_bytes", row->status.disk_bytes);
        json_number(out, "requests", row->status.requests);
        json_number(out, "repairs", row->status.repairs);
        json_number(out, "uptime_ms", row->status.uptime_ms);
        json_number(out, "get_p99_us", row->status.get_p99_us);
        json_number(out, "put_p99_us", row->status.put_p99_us);
    }
    if (!row->err)
        repair_json(out, &row->status);
    json_text(out, "trouble", row_trouble(row));
    json_close(out, '}');
}

static void survey_json(const struct survey *survey)
{
    struct buffer out = {0};

    json_open(&out, '{');
    json_id(&out, "cluster", survey->topology.cluster);
    json_number(&out, "epoch", survey->topology.epoch);
    json_number(&out, "shards", survey->topology.shards);
    json_number(&out, "replicas", survey->topology.replicas);
    json_bool(&out, "degraded", survey_degraded(survey));
    json_name(&out, "members");
    json_open(&out, '[');
    for (size_t i = 0; i < survey->topology.member_count; i++)
        row_json(&out, &survey->rows[i]);
    json_close(&out, ']');
    json_close(&out, '}');
    buffer_add_u8(&out, '\n');
    output_slice(&survey->cli->output, buffer_slice(&out));
    buffer_done(&out);
}

static void survey_done(struct survey *survey)
{
    for (size_t i = 0; survey->rows && i < survey->topology.member_count; i++) {
        free((char *)survey->rows[i].member.name);
        free((char *)survey->rows[i].member.zone);
        free((char *)survey->rows[i].member.client_address);
    }
    free(survey->rows);
}

int command_cluster_status(struct cli *cli)
{
    struct survey survey = {.cli = cli};
    uv_loop_t loop;

    if (cli->timeout_ms == 0)
        cli->timeout_ms = STATUS_WAIT_MS;
    check(uv_loop_init(&loop) == 0);
    survey.client = cli_attach(cli, &loop);
    quorate_topology_start(survey.client, quorate_done(topology_answered, &survey));
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    check(uv_loop_close(&loop) == 0);
    if (survey.err)
        return survey.code;
    if (cli->format == FORMAT_JSON)
        survey_json(&survey);
    else
        survey_text(&survey);
    survey.code = survey_degraded(&survey) ? err_exit(ERR_UNAVAILABLE) : 0;
    survey_done(&survey);
    return survey.code;
}

// ---- ping ---------------------------------------------------------------------------------------

static void ping_shown(struct cli *cli, const struct quorate_result *result)
{
    struct buffer json = {0};

    if (cli->format != FORMAT_JSON) {
        output_format(&cli->output, "%s  %s  %" PRIu64 ".%02u ms  %s\n", result->address,
                      result->status->name, result->elapsed_us / 1000,
                      (unsigned)(result->elapsed_us % 1000 / 10), result->status->build);
        return;
    }
    json_open(&json, '{');
    json_text(&json, "address", result->address);
    json_text(&json, "name", result->status->name);
    json_id(&json, "id", result->status->id);
    json_id(&json, "cluster", result->status->cluster);
    json_number(&json, "epoch", result->status->epoch);
    json_text(&json, "build", result->status->build);
    json_number(&json, "elapsed_us", result->elapsed_us);
    json_close(&json, '}');
    buffer_add_u8(&json, '\n');
    output_slice(&cli->output, buffer_slice(&json));
    buffer_done(&json);
}

// Each endpoint in turn; the exit code is that of the first failure.
int command_ping(struct cli *cli)
{
    struct quorate_client *client = cli_open(cli);
    char *rest = (char *)cli->endpoints.data;
    struct quorate_result *result;
    char *address;
    int code = 0;

    while ((address = strsep(&rest, ", \t\n"))) {
        if (!*address)
            continue;
        if (quorate_ping(client, address, cli->timeout_ms, &result)) {
            int failed = complain_result(result);

            code = code ? code : failed;
        } else {
            ping_shown(cli, result);
        }
        quorate_result_free(result);
    }
    quorate_close(client);
    return code;
}
