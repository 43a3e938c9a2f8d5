// SPDX-License-Identifier: Apache-2.0
// What quorate-sim writes for people at a terminal and for programs: CSV, JSON, tables and words.
// No row is lost, no line too wide, nothing depends on anything but the rows.
#include "sim/output/output.h"
#include "sim/output/show.h"
#include "tests/lib/sim_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

static void text_is(struct buffer *out, const char *text)
{
    if (!slice_is(buffer_slice(out), text))
        fail_msg("'%.*s' is not '%s'", (int)out->size, (const char *)out->data, text);
    buffer_reset(out, SIZE_MAX);
}

// ---- CSV ------------------------------------------------------------------------------------

static void csv_text(void **state)
{
    struct sim_rows rows = {0};
    struct buffer out = {0};
    struct row row = {.unit = "ms", .note = "say \"hi\", twice", .repetitions = 2};

    (void)state;
    row.labels[LABEL_QUESTION] = "latency";
    row.labels[LABEL_SCHEME] = "static";
    row.labels[LABEL_NODES] = "10";
    row.labels[LABEL_METRIC] = "p99";
    row.labels[LABEL_AT] = "0.7";
    row.labels[LABEL_CLIENTS] = "16";
    row.value = (struct summary){1.5, __builtin_nan(""), __builtin_inf(), 1.0 / 3};
    sim_rows_add(&rows, &row);
    rows.result.seed = 42;
    output_csv(&rows.result, &out);
    text_is(&out,
            "question,scheme,nodes,replicas,r,w,shards,vnodes,partitions,bound,boost,workload,"
            "theta,keys,operations,read_share,zones,weights,legs,event,subject,copies,metric,at,"
            "unit,mean,p5,p50,p95,repetitions,seed,note,rate,clients,service_us\n"
            "latency,static,10,,,,,,,,,,,,,,,,,,,,p99,0.7,"
            "ms,1.5,,inf,0.333333333,2,42,\"say \"\"hi\"\", twice\",,16,\n");
    buffer_done(&out);
    sim_rows_done(&rows);
}

// One field from the front, as RFC 4180 says; returns the byte behind it.
static const char *csv_field(const char *at, char *field, size_t size)
{
    bool quoted = *at == '"';
    size_t used = 0;

    at += quoted;
    while (quoted ? *at != '"' || at[1] == '"' : *at != ',' && *at != '\n') {
        at += quoted && *at == '"';
        assert_true(*at && used + 1 < size);
        field[used++] = *at++;
    }
    field[used] = 0;
    return at + quoted;
}

// The label in a column of CSV: those that came later stand behind the eight of the value. LABELS:
// one of those.
static unsigned label_of_column(unsigned column)
{
    const unsigned late = LABEL_LATE_LAST - LABEL_LATE_FIRST + 1;

    if (column < LABEL_LATE_FIRST)
        return column;
    if (column < LABELS - late)
        return column + late;
    if (column < LABELS - late + 8)
        return LABELS;
    return column - (LABELS - late + 8) + LABEL_LATE_FIRST;
}

// Every row comes back, label by label.
static void csv_loses_nothing(void **state)
{
    struct sim_rows rows = {0};
    struct buffer out = {0};
    const char *at;

    (void)state;
    sim_rows_hard(&rows);
    sim_rows_all(&rows, &sim_rows_plain);
    output_csv(&rows.result, &out);
    buffer_add_u8(&out, 0);
    at = strstr((const char *)out.data, "\n") + 1;
    for (size_t i = 0; i < rows.result.count; i++) {
        for (unsigned j = 0; j < LABELS + 8; j++) {
            unsigned number = label_of_column(j);
            struct buffer label = {0};
            char field[512];

            at = csv_field(at, field, sizeof field);
            assert_int_equal(*at, j + 1 == LABELS + 8 ? '\n' : ',');
            at += 1;
            show_utf8(&label, number < LABELS ? rows.result.rows[i].labels[number] : "");
            if (number < LABELS)
                text_is(&label, field);
            buffer_done(&label);
        }
    }
    assert_int_equal(*at, 0);
    buffer_done(&out);
    sim_rows_done(&rows);
}

// ---- JSON -----------------------------------------------------------------------------------

static void json_label(const json_t *object, enum label label, const char *text)
{
    const json_t *value = json_object_get(object, label_key(label));
    struct buffer clean = {0};

    if (!*text) {
        assert_null(value);
        return;
    }
    if (json_is_number(value)) {
        assert_true(label_is_number(label));
        assert_true(json_number_value(value) == strtod(text, NULL));
        return;
    }
    assert_true(json_is_string(value));
    show_utf8(&clean, text);
    text_is(&clean, json_string_value(value));
    buffer_done(&clean);
}

static void json_mean(const json_t *object, double mean)
{
    const json_t *value = json_object_get(object, "mean");

    if (mean - mean != 0) {
        assert_true(json_is_null(value));
        return;
    }
    assert_true(json_is_number(value));
    assert_true(json_number_value(value) >= mean - 1e-8 * (mean < 0 ? -mean : mean));
    assert_true(json_number_value(value) <= mean + 1e-8 * (mean < 0 ? -mean : mean));
}

static void json_loses_nothing(void **state)
{
    struct sim_rows rows = {0};
    struct buffer out = {0};
    json_error_t error;
    json_t *root;
    json_t *list;

    (void)state;
    sim_rows_hard(&rows);
    sim_rows_all(&rows, &sim_rows_plain);
    output_json(&rows.result, &out);
    root = json_loadb((const char *)out.data, out.size, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        fail_msg("%s in line %d", error.text, error.line);
    assert_int_equal(json_integer_value(json_object_get(root, "seed")), rows.result.seed);
    list = json_object_get(root, "rows");
    assert_int_equal(json_array_size(list), rows.result.count);
    for (size_t i = 0; i < rows.result.count; i++) {
        const struct row *row = &rows.result.rows[i];
        const json_t *object = json_array_get(list, i);

        for (unsigned label = 0; label < LABELS; label++)
            json_label(object, label, row->labels[label]);
        json_mean(object, row->value.mean);
        assert_string_equal(json_string_value(json_object_get(object, "note")), row->note);
    }
    json_decref(root);
    buffer_done(&out);
    sim_rows_done(&rows);
}

// What looks like a number and is none in JSON stays a text; no rows are a document, too.
static void json_odd_numbers(void **state)
{
    static const char *const texts[] = {"007", ".5", "5.", "1e", "-", "endless", "0x1", "+1", "1 "};
    static const char *const numbers[] = {"0", "-0.5", "10", "1e6", "2.5E-3"};
    struct sim_rows rows = {0};
    struct buffer out = {0};

    (void)state;
    rows.result.command = "c";
    output_json(&rows.result, &out);
    text_is(&out, "{\"command\":\"c\",\"seed\":0,\"rows\":[]}\n");
    for (size_t i = 0; i < 14; i++) {
        const char *text = i < 9 ? texts[i] : numbers[i - 9];
        char expected[64];
        struct row row = {.labels[LABEL_KEYS] = text};

        sim_rows_add(&rows, &row);
        output_json(&rows.result, &out);
        buffer_add_u8(&out, 0);
        snprintf(expected, sizeof expected, i < 9 ? "\"keys\":\"%s\"," : "\"keys\":%s,", text);
        assert_non_null(strstr((const char *)out.data, expected));
        buffer_reset(&out, SIZE_MAX);
    }
    buffer_done(&out);
    sim_rows_done(&rows);
}

// ---- tables ---------------------------------------------------------------------------------

static void add_peak(struct sim_rows *rows, const char *scheme, const char *copies, double mean)
{
    struct row row = {.repetitions = 100};
    bool ring = strcmp(scheme, "ring") == 0;

    row.labels[LABEL_QUESTION] = "balance";
    row.labels[LABEL_SCHEME] = scheme;
    row.labels[LABEL_NODES] = "10";
    row.labels[LABEL_REPLICAS] = "3";
    row.labels[ring ? LABEL_VNODES : LABEL_SHARDS] = ring ? "128" : "256";
    row.labels[LABEL_WORKLOAD] = "zipf";
    row.labels[LABEL_THETA] = "0.99";
    row.labels[LABEL_KEYS] = "1000000";
    row.labels[LABEL_SUBJECT] = "load";
    row.labels[LABEL_COPIES] = copies;
    row.labels[LABEL_METRIC] = "peak/average";
    row.value = (struct summary){mean, mean - 0.07, mean, mean + 0.09};
    sim_rows_add(rows, &row);
    row.labels[LABEL_METRIC] = "efficiency";
    row.value = (struct summary){1 / mean, 1 / mean, 1 / mean, 1 / mean};
    sim_rows_add(rows, &row);
}

static void table_text(void **state)
{
    struct sim_rows rows = {0};
    struct buffer out = {0};

    (void)state;
    add_peak(&rows, "static", "1", 1.591);
    add_peak(&rows, "static", "all", 1.209);
    add_peak(&rows, "ring", "1", 1.598);
    add_peak(&rows, "ring", "all", 1.244);
    output_tables(&rows.result, &(struct table_setup){.columns = 100}, &out);
    text_is(&out,
            "balance: 10 nodes, N=3, zipf, theta 0.99, 1,000,000 keys; 100 repetitions, mean "
            "[p5-p95]\n"
            "scheme        peak/avg              efficiency\n"
            "Load of nodes, one copy\n"
            "static S=256     1.591 [1.52-1.68]       0.629\n"
            "ring V=128       1.598 [1.53-1.69]       0.626\n"
            "\n"
            "Load of nodes, all copies\n"
            "static S=256     1.209 [1.14-1.3]        0.827\n"
            "ring V=128       1.244 [1.17-1.33]       0.804\n"
            "\n"
            "Under zipf 0.99 with 10 nodes, the fullest node of static (S=256) gets 1.59 "
            "times the average load\n"
            "with one copy, 1.21 with all 3; with one copy, lowest of 2: static S=256 (1.59), "
            "highest: ring V=128\n"
            "(1.60) (means of 100 repetitions).\n");
    buffer_done(&out);
    sim_rows_done(&rows);
}

static void add_all(struct sim_rows *rows, unsigned schemes, bool many)
{
    static const char *const nodes[] = {"5", "10", "100", NULL};
    static const char *const thetas[] = {"0", "0.8", "0.99", NULL};
    struct sim_rows_setup setup = sim_rows_plain;

    setup.schemes = schemes;
    setup.repetitions = schemes == 1 ? 1 : 100;
    if (many) {
        setup.nodes = nodes;
        setup.thetas = thetas;
    }
    sim_rows_all(rows, &setup);
}

// The table of the rows, terminated.
static void write_table(const struct sim_rows *rows, unsigned columns, bool color,
                        struct buffer *out)
{
    buffer_reset(out, SIZE_MAX);
    output_tables(&rows->result, &(struct table_setup){.columns = columns, .color = color}, out);
    buffer_add_u8(out, 0);
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;

    for (; (text = strstr(text, word)); text += strlen(word))
        count += 1;
    return count;
}

static void no_line_wider(const char *text, unsigned columns)
{
    while (*text) {
        size_t bytes = strcspn(text, "\n");
        char line[2048];

        assert_true(bytes < sizeof line);
        memcpy(line, text, bytes);
        line[bytes] = 0;
        if (show_columns(line) > columns)
            fail_msg("%u columns, not %u: %s", show_columns(line), columns, line);
        if (bytes && line[bytes - 1] == ' ')
            fail_msg("a blank at the end: %s", line);
        text += bytes + 1;
    }
}

static void table_fits(void **state)
{
    static const unsigned widths[] = {60, 80, 100, 160};
    struct buffer out = {0};

    (void)state;
    for (unsigned i = 0; i < 5 * 4; i++) {
        struct sim_rows rows = {0};

        if (i / 4 == 4)
            sim_rows_hard(&rows);
        else
            add_all(&rows, i / 4 == 0 ? 1 : i / 4 == 1 ? 4 : SIM_ROWS_SCHEMES, i / 4 == 3);
        write_table(&rows, widths[i % 4], false, &out);
        no_line_wider((const char *)out.data, widths[i % 4]);
        assert_null(strchr((const char *)out.data, '\x1b'));
        sim_rows_done(&rows);
    }
    buffer_done(&out);
}

// In each block of the balance each experiment has its line, in each event of the movement, at
// each load.
static void table_loses_no_case(void **state)
{
    struct sim_rows rows = {0};
    struct buffer out = {0};
    const char *latency;
    const char *staleness;

    (void)state;
    add_all(&rows, SIM_ROWS_SCHEMES, true);
    write_table(&rows, 100, false, &out);
    latency = strstr((const char *)out.data, "\nlatency: ");
    staleness = strstr((const char *)out.data, "\nstaleness: ");
    assert_true(latency && staleness);
    // 9 contexts: 4 blocks of balance, 3 events; in the words once.
    assert_int_equal(count_of((const char *)out.data, " ring V=16 ") -
                         count_of(latency, " ring V=16 "),
                     9 * (4 + 3));
    // 5 loads, and the highest load.
    assert_int_equal(count_of(latency, " rendezvous ") - count_of(staleness, " rendezvous "),
                     9 * (5 + 1));
    assert_non_null(strstr((const char *)out.data, "shard 17 on n1, n2, n3"));
    buffer_done(&out);
    sim_rows_done(&rows);
}

static void table_color_changes_no_text(void **state)
{
    struct sim_rows rows = {0};
    struct buffer plain = {0};
    struct buffer colored = {0};
    size_t kept = 0;

    (void)state;
    add_all(&rows, 4, true);
    write_table(&rows, 100, false, &plain);
    write_table(&rows, 100, true, &colored);
    assert_true(colored.size > plain.size);
    for (size_t i = 0; i < colored.size; i++) {
        if (colored.data[i] == 0x1b) {
            while (colored.data[i] != 'm')
                i += 1;
            continue;
        }
        colored.data[kept++] = colored.data[i];
    }
    assert_int_equal(kept, plain.size);
    assert_memory_equal(colored.data, plain.data, kept);
    buffer_done(&plain);
    buffer_done(&colored);
    sim_rows_done(&rows);
}

static void table_of_nothing(void **state)
{
    struct sim_rows rows = {0};
    struct buffer out = {0};

    (void)state;
    write_table(&rows, 100, false, &out);
    assert_int_equal(out.size, 1);
    buffer_done(&out);
}

// ---- words ----------------------------------------------------------------------------------

static void says(const char *text, const char *words)
{
    struct buffer flat = {0};

    for (; *text; text++)
        buffer_add_u8(&flat, *text == '\n' ? ' ' : (uint8_t)*text);
    buffer_add_u8(&flat, 0);
    if (!strstr((const char *)flat.data, words))
        fail_msg("not said: %s\nin %s", words, text - flat.size + 1);
    buffer_done(&flat);
}

static void words_say_the_numbers(void **state)
{
    struct sim_rows rows = {0};
    struct buffer out = {0};
    const char *text;

    (void)state;
    add_all(&rows, 1, false);
    write_table(&rows, 100, false, &out);
    text = (const char *)out.data;
    says(text, "Under zipf 0.99 with 10 nodes, the fullest node of static (S=256) gets 1.63 times "
               "the average load with one copy, 1.25 with all 3. ");
    says(text, "With 10 nodes, adding a node moves 9.11 % of all copies with static (S=256), 1.00 "
               "times the minimum for an even spread. ");
    says(text, "a load of 0.7, half of the reads of static (S=256) take up to ");
    says(text, "; its hottest node saturates at a load of 0.796. ");
    says(text, "With N=3, R=1, W=1, lnkd-ssd: a read right after a write is consistent with "
               "probability 0.955; probability 0.999 takes 2.25 ms; at the former, lowest of 5: "
               "R=1, W=1, lnkd-disk (0.432), highest: R=2, W=2, lnkd-ssd (0.976). ");
    says(text, "With 10 nodes, static (S=256) keeps 15.0 KiB of metadata and looks a key up in "
               "7.002 ns. ");
    assert_null(strstr(text, "repetitions"));
    buffer_done(&out);
    sim_rows_done(&rows);
}

static void words_of_equals_and_of_what_is_not(void **state)
{
    struct sim_rows rows = {0};
    struct buffer out = {0};

    (void)state;
    add_peak(&rows, "static", "1", 1.5);
    add_peak(&rows, "ring", "1", 1.5);
    write_table(&rows, 100, false, &out);
    says((const char *)out.data, "times the average load; the same for all 2 (means of ");
    rows.result.rows[0].value.mean = __builtin_nan("");
    write_table(&rows, 100, false, &out);
    assert_null(strstr((const char *)out.data, "fullest"));
    buffer_done(&out);
    sim_rows_done(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_text),
        cmocka_unit_test(csv_loses_nothing),
        cmocka_unit_test(json_loses_nothing),
        cmocka_unit_test(json_odd_numbers),
        cmocka_unit_test(table_text),
        cmocka_unit_test(table_fits),
        cmocka_unit_test(table_loses_no_case),
        cmocka_unit_test(table_color_changes_no_text),
        cmocka_unit_test(table_of_nothing),
        cmocka_unit_test(words_say_the_numbers),
        cmocka_unit_test(words_of_equals_and_of_what_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
