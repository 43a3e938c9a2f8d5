// SPDX-License-Identifier: Apache-2.0
// What quorate-members makes of answers: verdict, table, filters, order, differences, JSON. No
// network: answers are written here.
#include "base/check.h"
#include "base/err.h"
#include "base/pack.h"
#include "gossip/cli/diff.h"
#include "gossip/cli/json.h"

#include <jansson.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

// --- Answers -------------------------------------------------------------------------------------

struct told {
    unsigned node; // 1..: node id, and last byte of the address
    enum member_state state;
    uint32_t incarnation;
    const char *zone;
    uint64_t epoch;
    const char *serf; // name of a Serf agent instead
};

static struct swim_address address_of(unsigned node)
{
    return swim_address_of(slice_of((uint8_t[]){10, 0, 0, (uint8_t)node}, 4), 7401);
}

static void write_serf_meta(const char *role, struct buffer *out)
{
    buffer_add_u8(out, 0xff);
    pack_map(out, 2);
    pack_text(out, "role");
    pack_text(out, role);
    pack_text(out, "dc");
    pack_text(out, "east");
}

static void write_record(const struct told *told, struct buffer *out)
{
    struct node_meta meta = {.node_id = told->node, .epoch = told->epoch, .shards = 4};
    struct message record = {.state = told->state, .incarnation = told->incarnation};
    char name[SWIM_NAME_MAX + 1];
    struct buffer bytes = {0};

    snprintf(meta.name, sizeof meta.name, "n%u", told->node);
    snprintf(meta.zone, sizeof meta.zone, "%s", told->zone ? told->zone : "");
    snprintf(meta.build, sizeof meta.build, "0.1.0");
    if (told->serf) {
        write_serf_meta(told->serf, &bytes);
        snprintf(name, sizeof name, "%s", told->serf);
    } else {
        meta_encode(&meta, &bytes);
        member_write_name(told->node, name);
    }
    record.node = slice_of_text(name);
    record.address = address_of(told->node);
    record.meta = buffer_slice(&bytes);
    record.has_version = true;
    memcpy(record.version, (uint8_t[]){1, 5, 2, 0, 0, 0}, sizeof record.version);
    message_encode_record(&record, out);
    buffer_done(&bytes);
}

// `teller` answers: it tells these of the ring, and of itself that it holds 10 keys for each number
// in its own.
static void take(struct survey *survey, unsigned teller, const struct told *told, size_t count,
                 const struct survey_look *look)
{
    struct node_load load = {.node_id = teller, .keys = teller * 10, .bytes = 2048};
    struct node_view views[16];
    struct buffer user_state = {0};
    struct question question = {.text = "asked", .address = address_of(teller), .rtt_us = 250};

    for (size_t i = 0; i < count; i++)
        views[i] = (struct node_view){
            .node_id = told[i].node,
            .age_ms = 5000,
            .ack_age_ms = told[i].node == teller ? 0 : 1000 * told[i].node,
            .rtt_ms = 1,
            .accusers = told[i].state == MEMBER_SUSPECT ? 3 : 0,
        };
    meta_encode_told(&load, views, count, &user_state);
    exchange_encode_header(false, (uint32_t)count, user_state.size, &question.answer);
    for (size_t i = 0; i < count; i++)
        write_record(&told[i], &question.answer);
    buffer_add_slice(&question.answer, buffer_slice(&user_state));
    survey_take(survey, &question, look);
    assert_int_equal(survey->tellers[survey->count - 1].err, 0);
    buffer_done(&question.answer);
    buffer_done(&user_state);
}

static void take_silence(struct survey *survey, int err)
{
    struct question question = {.text = "10.9.9.9:7401", .err = err};

    survey_take(survey, &question, NULL);
}

#define TAKE(survey, teller, ...)                                                                  \
    take(survey, teller, (struct told[])__VA_ARGS__,                                               \
         sizeof(struct told[]) __VA_ARGS__ / sizeof(struct told), NULL)

static void make(struct survey *survey, const struct filter *filter, struct report *report)
{
    static const struct filter all = {0};

    survey_finish(survey);
    report_make(report, survey, filter ? filter : &all);
}

static void drop(struct survey *survey, struct report *report)
{
    report_done(report);
    survey_done(survey);
}

// Appended to the buffer are a verdict and a table of that width; terminated.
static const char *shown(const struct report *report, size_t width, struct buffer *out)
{
    struct grid_look look = {.width = width};

    out->size = 0;
    grid_write_verdict(report, &look, out);
    grid_write(report, &look, out);
    buffer_add_u8(out, '\0');
    return (const char *)out->data;
}

// --- Tests ---------------------------------------------------------------------------------------

static void test_healthy(void **state)
{
    struct survey survey = {0};
    struct report report;
    struct buffer out = {0};

    (void)state;
    TAKE(&survey, 1, {{1, MEMBER_ALIVE, 1, "a", 7, NULL}, {2, MEMBER_ALIVE, 3, "b", 7, NULL}});
    TAKE(&survey, 2, {{1, MEMBER_ALIVE, 1, "a", 7, NULL}, {2, MEMBER_ALIVE, 3, "b", 7, NULL}});
    make(&survey, NULL, &report);
    assert_true(report.healthy);
    assert_string_equal(
        shown(&report, 120, &out),
        "healthy: 2 members, 2 alive; one epoch (7); the 2 asked agree\n"
        "NAME  ADDRESS        STATE  ZONE  EPOCH  SHARDS  KEYS    BYTES  LOAD    RTT  ACK  AGE  INC"
        "  BUILD\n"
        "n1    10.0.0.1:7401  alive  a         7       4    10  2.0 KiB     0  250us   1s   5s    1"
        "  0.1.0\n"
        "n2    10.0.0.2:7401  alive  b         7       4    20  2.0 KiB     0  250us   2s   5s    3"
        "  0.1.0\n");
    drop(&survey, &report);
    buffer_done(&out);
}

// One row for each thing that makes a ring degraded, alone.
static void test_degraded(void **state)
{
    (void)state;
    for (unsigned what = 0; what < 6; what++) {
        struct survey survey = {0};
        struct report report;

        TAKE(&survey, 1,
             {{1, MEMBER_ALIVE, 1, "a", 7, NULL},
              {2,
               what == 1   ? MEMBER_SUSPECT
               : what == 2 ? MEMBER_DEAD
                           : MEMBER_ALIVE,
               1, "a", what == 3 ? 6 : 7, NULL}});
        if (what == 4)
            TAKE(&survey, 2, {{2, MEMBER_ALIVE, 1, "a", 7, NULL}});
        if (what == 5)
            take_silence(&survey, ERR_TIMEOUT);
        make(&survey, NULL, &report);
        assert_int_equal(report.healthy, what == 0);
        assert_int_equal(report.disputed, what == 4);
        drop(&survey, &report);
    }
}

// Who was not asked itself has another's round trip, in whole milliseconds, and no keys.
static void test_not_asked(void **state)
{
    struct survey survey = {0};
    struct report report;
    struct buffer out = {0};

    (void)state;
    TAKE(&survey, 1, {{1, MEMBER_ALIVE, 1, "a", 7, NULL}, {2, MEMBER_ALIVE, 1, "a", 7, NULL}});
    make(&survey, NULL, &report);
    assert_non_null(strstr(shown(&report, 120, &out), "     -        -     -    1ms   2s"));
    drop(&survey, &report);
    buffer_done(&out);
}

// A long name keeps what it can be told by, and gets what room is left over.
static void test_long_names(void **state)
{
    struct survey survey = {0};
    struct report report;
    struct buffer out = {0};

    (void)state;
    TAKE(&survey, 9, {{1, MEMBER_ALIVE, 1, NULL, 0, "a-name-of-thirty-letters-or-so"}});
    make(&survey, NULL, &report);
    assert_non_null(strstr(shown(&report, 80, &out), "a-name-of-thirty-letters-or-so  10.0"));
    assert_non_null(strstr(shown(&report, 60, &out), "a-name-of-thirty\xe2\x80\xa6  10.0"));
    assert_non_null(strstr(shown(&report, 44, &out), "TATE"));
    drop(&survey, &report);
    buffer_done(&out);
}

// Who has left is no fault.
static void test_left(void **state)
{
    struct survey survey = {0};
    struct report report;

    (void)state;
    TAKE(&survey, 1, {{1, MEMBER_ALIVE, 1, "a", 7, NULL}, {2, MEMBER_LEFT, 1, "a", 6, NULL}});
    make(&survey, NULL, &report);
    assert_true(report.healthy);
    drop(&survey, &report);
}

static void test_foreign(void **state)
{
    struct survey survey = {0};
    struct report report;
    struct buffer out = {0};

    (void)state;
    TAKE(&survey, 9, {{1, MEMBER_ALIVE, 1, NULL, 0, "web"}, {2, MEMBER_SUSPECT, 1, NULL, 0, "db"}});
    make(&survey, NULL, &report);
    assert_string_equal(shown(&report, 100, &out),
                        "degraded: 2 members, 1 alive, 1 suspect; no topology; 2 observers\n"
                        "NAME  ADDRESS        STATE    ZONE  INC  TAGS\n"
                        "db    10.0.0.2:7401  suspect  east    1  dc=east role=db\n"
                        "web   10.0.0.1:7401  alive    east    1  dc=east role=web\n");
    drop(&survey, &report);
    buffer_done(&out);
}

static void check_width(const struct report *report, size_t width)
{
    struct buffer out = {0};
    const char *line = shown(report, width, &out);

    line = strchr(line, '\n') + 1; // verdicts have words of their own
    while (strchr(line, '\n')) {
        size_t size = (size_t)(strchr(line, '\n') - line);

        if (strncmp(line, "NAME", 4) == 0 || line[0] == 'n')
            assert_true(grid_text_width(slice_of(line, size)) <= width);
        line += size + 1;
    }
    buffer_done(&out);
}

// No line of the table is wider than asked for, whatever the width; columns go by rank.
static void test_widths(void **state)
{
    struct survey survey = {0};
    struct report report;
    struct buffer out = {0};

    (void)state;
    TAKE(&survey, 1,
         {{1, MEMBER_SUSPECT, 1, "a long zone \xc3\xa4\xc3\xb6\xc3\xbc \xe6\x97\xa5\xe6\x9c\xac", 7,
           NULL},
          {2, MEMBER_ALIVE, 4000000000, "b", UINT64_MAX, NULL}});
    make(&survey, NULL, &report);
    for (size_t width = 16; width < 160; width++)
        check_width(&report, width);
    assert_null(strstr(shown(&report, 80, &out), "BUILD"));
    assert_non_null(strstr(shown(&report, 80, &out), "SUSP"));
    assert_non_null(strstr(shown(&report, 80, &out), "\xe2\x80\xa6"));
    assert_non_null(strstr(shown(&report, 200, &out), "BUILD"));
    drop(&survey, &report);
    buffer_done(&out);
}

static void test_filters(void **state)
{
    static const struct {
        struct filter filter;
        size_t shown;
        size_t wanted; // alive and undisputed among them
    } rows[] = {
        {{0, NULL, NULL}, 4, 2},
        {{1U << MEMBER_ALIVE, NULL, NULL}, 3, 2},
        {{1U << MEMBER_DEAD | 1U << MEMBER_LEFT, NULL, NULL}, 1, 0},
        {{0, "a*", NULL}, 2, 1},
        {{0, NULL, "n[12]"}, 2, 2},
        {{0, NULL, "0000000000000003"}, 1, 0},
        {{0, "b", "n1"}, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct survey survey = {0};
        struct report report;

        TAKE(&survey, 1,
             {{1, MEMBER_ALIVE, 1, "a1", 7, NULL},
              {2, MEMBER_ALIVE, 1, "b", 7, NULL},
              {3, MEMBER_DEAD, 1, "c", 7, NULL},
              {4, MEMBER_ALIVE, 1, "a2", 7, NULL}});
        TAKE(&survey, 2,
             {{1, MEMBER_ALIVE, 1, "a1", 7, NULL},
              {2, MEMBER_ALIVE, 1, "b", 7, NULL},
              {3, MEMBER_DEAD, 1, "c", 7, NULL}});
        make(&survey, &rows[i].filter, &report);
        assert_int_equal(report.shown_count, rows[i].shown);
        assert_int_equal(report.wanted, rows[i].wanted);
        assert_int_equal(report.count, 4);
        drop(&survey, &report);
    }
}

static void check_order(struct report *report, enum column column, bool reverse, const char *want)
{
    char got[64] = "";

    column_sort(report, column, reverse);
    for (size_t i = 0; i < report->shown_count; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s ", row_name(report->shown[i]));
    assert_string_equal(got, want);
}

static void test_order(void **state)
{
    struct survey survey = {0};
    struct report report;

    (void)state;
    TAKE(&survey, 2,
         {{10, MEMBER_ALIVE, 5, "b", 7, NULL},
          {2, MEMBER_DEAD, 1, "a", 7, NULL},
          {3, MEMBER_SUSPECT, 9, "", 7, NULL},
          {1, MEMBER_ALIVE, 5, "c", 7, NULL}});
    make(&survey, NULL, &report);
    check_order(&report, COLUMN_NAME, false, "n1 n2 n3 n10 ");
    check_order(&report, COLUMN_NAME, true, "n10 n3 n2 n1 ");
    check_order(&report, COLUMN_NAME, false, "n1 n2 n3 n10 ");
    check_order(&report, COLUMN_STATE, false, "n2 n3 n1 n10 ");
    check_order(&report, COLUMN_INCARNATION, false, "n3 n1 n10 n2 ");
    check_order(&report, COLUMN_ZONE, false, "n2 n10 n1 n3 ");
    check_order(&report, COLUMN_ZONE, true, "n1 n10 n2 n3 "); // what is not known stays last
    check_order(&report, COLUMN_KEYS, false, "n2 n1 n10 n3 ");
    drop(&survey, &report);
}

// --- Differences ---------------------------------------------------------------------------------

static void take_said(void *data, size_t teller, const struct observation *said)
{
    diff_take(data, teller, said);
}

static void survey_that_differs(struct survey *survey, struct diff *diff)
{
    static const struct told first[] = {{1, MEMBER_ALIVE, 1, "a", 7, NULL},
                                        {2, MEMBER_ALIVE, 1, "a", 7, NULL},
                                        {3, MEMBER_ALIVE, 2, "a", 7, NULL}};
    static const struct told second[] = {{3, MEMBER_ALIVE, 1, "a", 6, NULL},
                                         {2, MEMBER_SUSPECT, 1, "a", 7, NULL},
                                         {1, MEMBER_ALIVE, 1, "a", 7, NULL}};
    static const struct told third[] = {{2, MEMBER_ALIVE, 1, "a", 7, NULL},
                                        {1, MEMBER_ALIVE, 1, "a", 7, NULL}};
    struct survey_look look = {take_said, diff};

    take(survey, 1, first, 3, &look);
    take(survey, 2, second, 3, &look);
    take(survey, 3, third, 2, &look);
}

static void test_diff(void **state)
{
    struct survey survey = {0};
    struct report report;
    struct diff diff = {0};
    struct buffer out = {0};

    (void)state;
    survey_that_differs(&survey, &diff);
    make(&survey, NULL, &report);
    assert_int_equal(diff_count(&diff, &report), 4);
    diff_write_plain(&diff, &report, &out);
    buffer_add_u8(&out, '\0');
    assert_string_equal((const char *)out.data, "n2\tstate\talive\t2\tn1 n3\n"
                                                "n2\tstate\tsuspect\t1\tn2\n"
                                                "n3\tstate\talive\t2\tn1 n2\n"
                                                "n3\tstate\tunknown\t1\tn3\n"
                                                "n3\tincarnation\t2\t1\tn1\n"
                                                "n3\tincarnation\t1\t1\tn2\n"
                                                "n3\tepoch\t7\t1\tn1\n"
                                                "n3\tepoch\t6\t1\tn2\n");
    out.size = 0;
    diff_write_json(&diff, &report, &out);
    json_t *json = json_loadb((const char *)out.data, out.size, 0, NULL);
    assert_non_null(json);
    assert_int_equal(json_array_size(json_object_get(json, "differences")), 4);
    json_decref(json);
    diff_done(&diff);
    drop(&survey, &report);
    buffer_done(&out);
}

static void test_no_diff(void **state)
{
    struct survey survey = {0};
    struct report report;
    struct diff diff = {0};
    struct survey_look look = {take_said, &diff};
    static const struct told told[] = {{1, MEMBER_ALIVE, 1, "a", 7, NULL},
                                       {2, MEMBER_DEAD, 1, NULL, 0, "serf"}};

    (void)state;
    take(&survey, 1, told, 2, &look);
    take(&survey, 3, told, 2, &look);
    make(&survey, NULL, &report);
    assert_int_equal(diff_count(&diff, &report), 0);
    diff_done(&diff);
    drop(&survey, &report);
}

// --- The rest ------------------------------------------------------------------------------------

static void test_json(void **state)
{
    struct survey survey = {0};
    struct report report;
    struct buffer out = {0};

    (void)state;
    TAKE(&survey, 1, {{1, MEMBER_ALIVE, 1, "a\"", 7, NULL}, {2, MEMBER_DEAD, 1, NULL, 0, "s\\"}});
    take_silence(&survey, ERR_CONNECT);
    make(&survey, NULL, &report);
    json_write(&report, &out);
    json_t *json = json_loadb((const char *)out.data, out.size, 0, NULL);
    assert_non_null(json);
    assert_false(json_is_true(json_object_get(json, "healthy")));
    assert_int_equal(json_integer_value(json_object_get(json, "asked")), 2);
    json_t *members = json_object_get(json, "members");
    json_t *node = json_array_get(members, 0), *foreign = json_array_get(members, 1);
    assert_string_equal(json_string_value(json_object_get(node, "zone")), "a\"");
    assert_int_equal(json_integer_value(json_object_get(node, "keys")), 10);
    assert_null(json_object_get(foreign, "keys"));
    assert_string_equal(json_string_value(json_object_get(foreign, "id")), "s\\");
    json_t *tags = json_object_get(foreign, "tags");
    assert_string_equal(json_string_value(json_object_get(tags, "dc")), "east");
    json_decref(json);
    drop(&survey, &report);
    buffer_done(&out);
}

static void test_tags(void **state)
{
    static const char *const wrong[] = {
        "",
        "\xff",
        "x",
        "\x81\xa1\x61\xa1\x62",
        "\xff\x81\xa1",
        "\xff\xdf\xff\xff\xff\xff",
        "\xff\xa1\x61",
    };
    struct tags tags;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(tags_read(slice_of_text(wrong[i]), &tags), ERR_PROTOCOL);
        assert_int_equal(tags.count, 0);
    }
    // What cannot be shown is left out.
    assert_int_equal(tags_read(slice_of_text("\xff\x82\xa1\x61\xa1\x01\xa1\x62\xa1\x63"), &tags),
                     0);
    assert_int_equal(tags.count, 1);
    assert_string_equal(tags_find(&tags, "b"), "c");
    assert_null(tags_find(&tags, "a"));
}

static void test_refusal(void **state)
{
    struct survey survey = {0};
    struct message refusal = {.type = MESSAGE_ERROR,
                              .payload = slice_of_text("remote state is not encrypted")};
    struct question question = {.text = "10.0.0.1:7401"};
    struct buffer text = {0};

    (void)state;
    message_encode(&refusal, &question.answer);
    survey_take(&survey, &question, NULL);
    assert_int_equal(survey.tellers[0].err, ERR_PRECONDITION);
    survey_write_problem(&survey, &survey.tellers[0], &text);
    buffer_add_u8(&text, '\0');
    assert_non_null(strstr((const char *)text.data, "remote state is not encrypted"));
    assert_non_null(strstr((const char *)text.data, "0 of 1 asked answered"));
    buffer_done(&text);
    buffer_done(&question.answer);
    survey_done(&survey);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_healthy),   cmocka_unit_test(test_degraded),
        cmocka_unit_test(test_left),      cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_widths),    cmocka_unit_test(test_filters),
        cmocka_unit_test(test_order),     cmocka_unit_test(test_diff),
        cmocka_unit_test(test_no_diff),   cmocka_unit_test(test_json),
        cmocka_unit_test(test_not_asked), cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_tags),      cmocka_unit_test(test_refusal),
    };

    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
