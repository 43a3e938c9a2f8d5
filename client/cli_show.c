// SPDX-License-Identifier: Apache-2.0
#include "client/cli_show.h"

#include "base/err.h"
#include "base/text.h"
#include "client/cli_json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static enum format format_of(const struct cli *cli)
{
    if (cli->format != FORMAT_AUTO)
        return cli->format;
    return cli->output.terminal ? FORMAT_TEXT : FORMAT_RAW;
}

// ---- JSON ---------------------------------------------------------------------------------------

static void json_replica(struct buffer *out, const struct quorate_replica *replica)
{
    json_comma(out);
    json_open(out, '{');
    json_text(out, "node", replica->node);
    json_text(out, "role", replica->role);
    json_bool(out, "asked", replica->asked);
    json_name(out, "answered_us");
    if (replica->answered_us < 0)
        buffer_add_format(out, "null");
    else
        buffer_add_format(out, "%" PRId64, replica->answered_us);
    json_name(out, "dots");
    json_open(out, '[');
    for (size_t i = 0; i < replica->dot_count; i++)
        json_dot(out, NULL, replica->dots[i]);
    json_close(out, ']');
    json_text(out, "outcome", replica->outcome);
    json_bool(out, "repaired", replica->repaired);
    json_close(out, '}');
}

static void json_explain(struct buffer *out, const struct quorate_explain *explain)
{
    json_name(out, "explain");
    json_open(out, '{');
    json_number(out, "shard", explain->shard);
    json_number(out, "epoch", explain->epoch);
    json_text(out, "coordinator", explain->coordinator);
    json_name(out, "replicas");
    json_open(out, '[');
    for (size_t i = 0; i < explain->replica_count; i++)
        json_replica(out, &explain->replicas[i]);
    json_close(out, ']');
    json_name(out, "trace");
    json_open(out, '[');
    for (size_t i = 0; i < explain->trace_count; i++) {
        json_comma(out);
        text_add_json(out, slice_of_text(explain->trace[i]));
    }
    json_close(out, ']');
    json_close(out, '}');
}

static void json_value(struct buffer *out, const struct quorate_value *value)
{
    static const struct json_bytes how = {"value", "encoding", true};

    json_comma(out);
    json_open(out, '{');
    json_bytes(out, how, value->value);
    json_number(out, "stamp_ms", value->stamp_ms);
    json_dot(out, "dot", value->dot);
    json_name(out, "expires_ms");
    if (value->expires_ms)
        buffer_add_format(out, "%" PRIu64, value->expires_ms);
    else
        buffer_add_format(out, "null");
    json_close(out, '}');
}

static void json_key(struct buffer *out, const struct shown *shown)
{
    static const struct json_bytes bucket = {"bucket", "bucket_encoding", false};
    static const struct json_bytes key = {"key", "key_encoding", false};

    json_bytes(out, bucket, shown->key.bucket);
    json_bytes(out, key, shown->key.key);
}

static void json_get(struct buffer *out, const struct shown *shown,
                     const struct quorate_result *result)
{
    json_open(out, '{');
    json_key(out, shown);
    json_bool(out, "found", result->found);
    json_name(out, "values");
    json_open(out, '[');
    for (size_t i = 0; i < result->value_count; i++)
        json_value(out, &result->values[i]);
    json_close(out, ']');
    json_token(out, "context", result->context);
    json_number(out, "replies", result->replies);
    json_number(out, "r", result->r);
    json_bool(out, "unanimous", result->unanimous);
    if (result->explain)
        json_explain(out, result->explain);
    json_close(out, '}');
    buffer_add_u8(out, '\n');
}

static void json_write(struct buffer *out, const struct shown *shown,
                       const struct quorate_result *result)
{
    json_open(out, '{');
    json_key(out, shown);
    json_dot(out, "dot", result->dot);
    json_token(out, "context", result->context);
    json_number(out, "acks", result->acks);
    json_number(out, "w", result->w);
    if (result->explain)
        json_explain(out, result->explain);
    json_close(out, '}');
    buffer_add_u8(out, '\n');
}

// ---- text ---------------------------------------------------------------------------------------

static void text_row(struct output *output, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void text_row(struct output *output, const char *name, const char *format, ...)
{
    va_list arguments;
    char text[512];

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    output_colour(output, COLOUR_DIM);
    output_format(output, "%-9s", name);
    output_colour(output, COLOUR_PLAIN);
    output_format(output, "%s\n", text);
}

static void text_token(struct output *output, struct quorate_bytes token)
{
    struct buffer text = {0};

    text_add_base64url(&text, slice_of(token.data, token.size));
    output_colour(output, COLOUR_DIM);
    output_format(output, "%-9s", "token");
    output_colour(output, COLOUR_PLAIN);
    output_slice(output, buffer_slice(&text));
    output_format(output, "\n");
    buffer_done(&text);
}

// "2 (quorum)": the number, and the word that stood for it.
static const char *level_text(char out[32], uint32_t number, int level)
{
    const char *word = level == QUORATE_LEVEL_ONE       ? " (one)"
                       : level == QUORATE_LEVEL_QUORUM  ? " (quorum)"
                       : level == QUORATE_LEVEL_ALL     ? " (all)"
                       : level == QUORATE_LEVEL_DEFAULT ? " (default)"
                                                        : "";

    (void)snprintf(out, 32, "%u%s", number, word);
    return out;
}

static void text_dots(struct buffer *out, const struct quorate_replica *replica)
{
    for (size_t i = 0; i < replica->dot_count; i++) {
        // The last 8 digits tell actors apart.
        buffer_add_format(out, "%s%08" PRIx64 ":%" PRIu64, i ? " " : "",
                          replica->dots[i].actor & UINT32_MAX, replica->dots[i].counter);
    }
    if (replica->dot_count == 0)
        buffer_add_format(out, "-");
    buffer_add_u8(out, 0);
}

static void text_replica(struct cell_table *table, const struct quorate_replica *replica)
{
    bool is_bad = replica->outcome[0] >= 'A' && replica->outcome[0] <= 'Z';
    struct buffer dots = {0};

    cell_add(table, COLOUR_PLAIN, "%s", replica->node);
    cell_add(table, COLOUR_PLAIN, "%s", replica->role);
    cell_add(table, COLOUR_PLAIN, "%s", replica->asked ? "yes" : "no");
    if (replica->answered_us < 0)
        cell_add(table, COLOUR_PLAIN, "-");
    else
        cell_add(table, COLOUR_PLAIN, "%" PRId64 ".%02u ms", replica->answered_us / 1000,
                 (unsigned)(replica->answered_us % 1000 / 10));
    text_dots(&dots, replica);
    cell_add(table, COLOUR_PLAIN, "%s", (const char *)dots.data);
    cell_add(table, is_bad ? COLOUR_RED : COLOUR_GREEN, "%s", replica->outcome);
    buffer_done(&dots);
}

static void text_explain(struct output *output, const struct quorate_explain *explain)
{
    static const char *const headings[] = {"REPLICA",  "ROLE", "ASKED",
                                           "ANSWERED", "DOTS", "OUTCOME"};
    struct cell_table table;

    text_row(output, "shard", "%u, epoch %" PRIu64 ", coordinated by %s", explain->shard,
             explain->epoch, explain->coordinator);
    cell_table_init(&table, 6);
    for (int i = 0; i < 6; i++)
        cell_add(&table, COLOUR_DIM, "%s", headings[i]);
    for (size_t i = 0; i < explain->replica_count; i++)
        text_replica(&table, &explain->replicas[i]);
    output_table(output, &table);
    cell_table_done(&table);
    for (size_t i = 0; i < explain->trace_count; i++)
        output_format(output, "  %s\n", explain->trace[i]);
}

static void text_stamp(struct output *output, const struct quorate_value *value)
{
    struct buffer text = {0};

    buffer_add_format(&text, "written ");
    time_text(&text, value->stamp_ms);
    if (value->expires_ms) {
        buffer_add_format(&text, ", expires ");
        time_text(&text, value->expires_ms);
    }
    buffer_add_format(&text, ", dot ");
    dot_text(&text, value->dot);
    output_colour(output, COLOUR_DIM);
    output_slice(output, buffer_slice(&text));
    output_colour(output, COLOUR_PLAIN);
    output_format(output, "\n");
    buffer_done(&text);
}

static void text_value(struct output *output, const char *name, const struct quorate_value *value)
{
    output_colour(output, COLOUR_DIM);
    output_format(output, "%-9s", name);
    output_colour(output, COLOUR_BOLD);
    output_shown(output, slice_of(value->value.data, value->value.size));
    output_colour(output, COLOUR_PLAIN);
    output_format(output, "\n%-9s", "");
    text_stamp(output, value);
}

static void text_get(struct cli *cli, const struct shown *shown,
                     const struct quorate_result *result)
{
    struct output *output = &cli->output;
    char level[32];
    char name[32];

    if (!result->found)
        text_row(output, "value", "none");
    for (size_t i = 0; i < result->value_count; i++) {
        (void)snprintf(name, sizeof name, result->value_count > 1 ? "value %zu" : "value", i + 1);
        text_value(output, name, &result->values[i]);
    }
    text_token(output, result->context);
    text_row(output, "replies", "%u, r %s%s", result->replies,
             level_text(level, result->r, shown->level),
             result->unanimous ? ", unanimous" : ", not unanimous");
    if (result->value_count > 1) {
        output_colour(output, COLOUR_YELLOW);
        output_format(output,
                      "%zu siblings: resolve them with  quorate put KEY VALUE --context TOKEN",
                      result->value_count);
        output_colour(output, COLOUR_PLAIN);
        output_format(output, "\n");
    }
    if (result->explain)
        text_explain(output, result->explain);
}

static void text_write(struct cli *cli, const struct shown *shown,
                       const struct quorate_result *result)
{
    struct output *output = &cli->output;
    struct buffer dot = {0};
    char level[32];

    dot_text(&dot, result->dot);
    output_colour(output, COLOUR_GREEN);
    output_format(output, "%-9s", shown->verb);
    output_colour(output, COLOUR_PLAIN);
    output_format(output, "%u acknowledgements, w %s, dot %.*s\n", result->acks,
                  level_text(level, result->w, shown->level), (int)dot.size,
                  (const char *)dot.data);
    text_token(output, result->context);
    if (result->explain)
        text_explain(output, result->explain);
    buffer_done(&dot);
}

// ---- raw ----------------------------------------------------------------------------------------

// Where the value itself goes to standard output, all else goes to standard error.
static void explain_aside(const struct cli *cli, const struct quorate_explain *explain)
{
    struct output aside = {.no_colour = cli->output.no_colour};

    if (!explain)
        return;
    text_explain(&aside, explain);
    (void)fwrite(aside.buffer.data, 1, aside.buffer.size, stderr);
    buffer_done(&aside.buffer);
}

static void siblings_aside(const struct shown *shown, const struct quorate_result *result)
{
    struct output aside = {0};
    struct buffer key = {0};

    text_add_shown(&key, slice_of(shown->key.key.data, shown->key.key.size));
    complain("get %.*s: %zu siblings where one value was asked for: resolve them with quorate put "
             "%.*s VALUE --context TOKEN, or see them with --format json",
             (int)key.size, (const char *)key.data, result->value_count, (int)key.size,
             (const char *)key.data);
    for (size_t i = 0; i < result->value_count; i++)
        text_value(&aside, "value", &result->values[i]);
    text_token(&aside, result->context);
    (void)fwrite(aside.buffer.data, 1, aside.buffer.size, stderr);
    buffer_done(&aside.buffer);
    buffer_done(&key);
}

static void missing_aside(const struct shown *shown)
{
    struct buffer key = {0};

    text_add_shown(&key, slice_of(shown->key.key.data, shown->key.key.size));
    complain("get %.*s: no such key", (int)key.size, (const char *)key.data);
    buffer_done(&key);
}

static int raw_get(struct cli *cli, const struct shown *shown, const struct quorate_result *result)
{
    explain_aside(cli, result->explain);
    if (result->value_count > 1) {
        siblings_aside(shown, result);
        return err_exit(ERR_CONFLICT);
    }
    if (result->value_count == 0)
        missing_aside(shown);
    else
        output_slice(&cli->output,
                     slice_of(result->values[0].value.data, result->values[0].value.size));
    return 0;
}

static void raw_write(struct cli *cli, const struct quorate_result *result)
{
    struct buffer text = {0};

    explain_aside(cli, result->explain);
    text_add_base64url(&text, slice_of(result->context.data, result->context.size));
    buffer_add_u8(&text, '\n');
    output_slice(&cli->output, buffer_slice(&text));
    buffer_done(&text);
}

// ---- all ----------------------------------------------------------------------------------------

int show_get(struct cli *cli, const struct shown *shown, const struct quorate_result *result)
{
    struct buffer json = {0};
    int code = 0;

    switch (format_of(cli)) {
    case FORMAT_JSON:
        json_get(&json, shown, result);
        output_slice(&cli->output, buffer_slice(&json));
        break;
    case FORMAT_TEXT:
        text_get(cli, shown, result);
        break;
    default:
        code = raw_get(cli, shown, result);
        break;
    }
    buffer_done(&json);
    return result->found ? code : err_exit(ERR_NOT_FOUND);
}

int show_write(struct cli *cli, const struct shown *shown, const struct quorate_result *result)
{
    struct buffer json = {0};

    switch (format_of(cli)) {
    case FORMAT_JSON:
        json_write(&json, shown, result);
        output_slice(&cli->output, buffer_slice(&json));
        break;
    case FORMAT_TEXT:
        text_write(cli, shown, result);
        break;
    default:
        raw_write(cli, result);
        break;
    }
    buffer_done(&json);
    return 0;
}

void show_failed(struct cli *cli, const struct quorate_result *result)
{
    explain_aside(cli, result->explain);
}
