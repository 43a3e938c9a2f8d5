// SPDX-License-Identifier: Apache-2.0
// The report and its charts as texts: scales, well-formed elements, that every series and number is
// there, that nothing is fetched. How they look to a reader is measured by sim_report_test.sh.
#include "base/rng.h"
#include "sim/output/output.h"
#include "sim/output/scale.h"
#include "sim/output/svg.h"
#include "tests/lib/sim_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;

    for (; (text = strstr(text, word)); text += strlen(word))
        count += 1;
    return count;
}

// ---- scales ---------------------------------------------------------------------------------

// A value of any size, 1e-9..1e12.
static double any_value(struct rng *rng)
{
    double value = 1e-9 * (double)(1 + rng_below(rng, 999));

    for (uint64_t i = rng_below(rng, 19); i > 0; i--)
        value *= 10;
    return value;
}

static void check_scale(struct scale *scale, unsigned most)
{
    double low = scale->low;
    double high = scale->high;
    double ticks[SCALE_TICKS_MAX];
    size_t count;

    scale_nice(scale, 5);
    if (!(scale->low <= low * (1 + 1e-9) && scale->high >= high * (1 - 1e-9)))
        fail_msg("%g..%g does not hold %g..%g", scale->low, scale->high, low, high);
    assert_true(scale->low < scale->high);
    count = scale_ticks(scale, most, ticks);
    assert_true(count <= most);
    for (size_t i = 0; i < count; i++) {
        double place = scale_place(scale, ticks[i]);

        if (place < -0.01 || place > 500.01 || (i > 0 && ticks[i] <= ticks[i - 1]))
            fail_msg("tick %zu of %g..%g: %g", i, scale->low, scale->high, ticks[i]);
    }
    if (!scale->log && (low == 0 || most >= 6))
        assert_true(count >= 2);
}

static void scales_hold_their_values(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 11);
    for (unsigned i = 0; i < 100000; i++) {
        double a = any_value(&rng);
        double b = i % 7 == 0 ? a : any_value(&rng);
        struct scale scale = {.low = a < b ? a : b,
                              .high = a < b ? b : a,
                              .to = 500,
                              .log = i % 2 == 1,
                              .zero = i % 4 == 1};

        if (i % 5 == 0 && !scale.log)
            scale.low = 0;
        check_scale(&scale, 4 + i % 8);
    }
}

static void scale_places(void **state)
{
    struct scale linear = {.low = 0, .high = 10, .from = 100, .to = 0};
    struct scale log = {.low = 1, .high = 100, .from = 0, .to = 134, .log = true, .zero = true};

    (void)state;
    assert_true(scale_place(&linear, 0) == 100 && scale_place(&linear, 10) == 0);
    assert_true(scale_place(&linear, 2.5) == 75 && scale_place(&linear, 99) == 0);
    assert_true(scale_place(&log, 0) == 0 && scale_place(&log, 1) == SCALE_ZERO_SLOT);
    assert_true(scale_place(&log, 10) > 83.9999 && scale_place(&log, 10) < 84.0001);
    assert_true(scale_place(&log, 100) == 134);
}

static void scale_labels(void **state)
{
    static const struct {
        double tick;
        const char *unit;
        const char *text;
    } vectors[] = {{0, "", "0"},           {0.5, "", "0.5"},      {1000, NULL, "1000"},
                   {10000, "", "10k"},     {2.5e6, "", "2.5M"},   {1e9, "", "1G"},
                   {20000, "ns", "20 us"}, {500, "ns", "500 ns"}, {1e6, "ns", "1 ms"},
                   {1e-9, "", "1e-9"}};
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        assert_string_equal(scale_label(&arena, vectors[i].tick, vectors[i].unit), vectors[i].text);
    arena_done(&arena);
}

// ---- texts ----------------------------------------------------------------------------------

static void texts_fit(void **state)
{
    static const char *const texts[] = {"", "i", "static S=256", "W\xc3\xa4hrend \xe2\x82\xac 12",
                                        "a name that is longer than most names are"};
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double whole = svg_text_width(texts[i], 12);

        assert_string_equal(svg_text_fit(&arena, texts[i], 12, whole), texts[i]);
        for (double width = 20; width < whole; width += 3) {
            const char *cut = svg_text_fit(&arena, texts[i], 12, width);

            assert_true(svg_text_width(cut, 12) <= width);
            assert_string_equal(cut + strlen(cut) - 3, "\xe2\x80\xa6");
        }
    }
    arena_done(&arena);
}

static void coordinates(void **state)
{
    static const struct {
        double value;
        const char *text;
    } vectors[] = {{0, "0"},        {1.04, "1"},  {1.06, "1.1"}, {-3.25, "-3.3"},
                   {719.96, "720"}, {-0.01, "0"}, {1e9, "0"},    {12.3, "12.3"}};
    struct buffer out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        svg_number(&out, vectors[i].value);
        assert_true(slice_is(buffer_slice(&out), vectors[i].text));
        buffer_reset(&out, SIZE_MAX);
    }
    svg_number(&out, __builtin_nan(""));
    assert_true(slice_is(buffer_slice(&out), "0"));
    buffer_done(&out);
}

// ---- charts ---------------------------------------------------------------------------------

// The name of the element that begins behind '<', its end behind '>'.
static const char *element_end(const char *at)
{
    bool quoted = false;

    for (; *at && (quoted || *at != '>'); at++) {
        assert_true(*at != '<' || quoted);
        quoted ^= *at == '"';
    }
    assert_true(*at && !quoted);
    return at + 1;
}

// Elements that XML wants closed are, in their order; '&' begins a reference only.
static void is_well_formed(const char *text)
{
    enum { DEPTH_MAX = 16 };
    const char *open[DEPTH_MAX];
    size_t lengths[DEPTH_MAX];
    unsigned depth = 0;

    while ((text = strpbrk(text, "<&"))) {
        const char *end;
        size_t length;

        if (*text == '&') {
            assert_int_equal(text[1], '#');
            text += 1;
            continue;
        }
        end = element_end(text + 1);
        length = strcspn(text + 1, " >/\n");
        if (text[1] == '/') {
            assert_true(depth > 0);
            depth -= 1;
            assert_int_equal(strcspn(text + 2, ">"), lengths[depth]);
            assert_memory_equal(text + 2, open[depth], lengths[depth]);
        } else if (end[-2] != '/') {
            assert_true(depth < DEPTH_MAX);
            open[depth] = text + 1;
            lengths[depth++] = length;
        }
        text = end;
    }
    assert_int_equal(depth, 0);
}

struct taken {
    char names[128][64];
    size_t count;
    size_t bytes;
};

static void take_chart(void *context, const char *name, struct slice svg)
{
    struct taken *taken = context;
    char *text = malloc(svg.size + 1);

    assert_non_null(text);
    memcpy(text, svg.data, svg.size);
    text[svg.size] = 0;
    assert_true(taken->count < 128);
    for (size_t i = 0; i < taken->count; i++)
        assert_string_not_equal(taken->names[i], name);
    assert_string_equal(name + strlen(name) - 4, ".svg");
    assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-."), strlen(name));
    snprintf(taken->names[taken->count++], 64, "%s", name);
    is_well_formed(text);
    assert_int_equal(count_of(text, "class=\"axis\""), 2);
    assert_int_equal(count_of(text, "http"), 1); // the name of the format
    assert_null(strstr(text, "nan"));
    taken->bytes += svg.size;
    free(text);
}

static void add_rows(struct sim_rows *rows, unsigned kind)
{
    static const char *const nodes[] = {"5", "10", "100", NULL};
    static const char *const thetas[] = {"0", "0.8", "0.99", NULL};
    struct sim_rows_setup setup = sim_rows_plain;

    if (kind == 3) {
        sim_rows_hard(rows);
        return;
    }
    setup.schemes = kind == 0 ? 1 : kind == 1 ? 5 : SIM_ROWS_SCHEMES;
    setup.repetitions = kind == 0 ? 1 : 100;
    if (kind == 2) {
        setup.nodes = nodes;
        setup.thetas = thetas;
    }
    sim_rows_all(rows, &setup);
}

static void charts_are_well_formed(void **state)
{
    static const size_t least[] = {14, 14, 18, 1};

    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct sim_rows rows = {0};
        struct taken taken = {.count = 0};

        add_rows(&rows, kind);
        output_charts(&rows.result, take_chart, &taken);
        assert_true(taken.count >= least[kind]);
        sim_rows_done(&rows);
    }
}

static void no_rows_no_charts(void **state)
{
    struct sim_rows rows = {.result.command = "quorate-sim"};
    struct taken taken = {.count = 0};
    struct buffer out = {0};

    (void)state;
    output_charts(&rows.result, take_chart, &taken);
    assert_int_equal(taken.count, 0);
    output_report(&rows.result, &out);
    buffer_add_u8(&out, 0);
    assert_non_null(strstr((const char *)out.data, "</html>"));
    buffer_done(&out);
}

// ---- report ---------------------------------------------------------------------------------

static void write_report(const struct sim_rows *rows, struct buffer *out)
{
    output_report(&rows->result, out);
    buffer_add_u8(out, 0);
}

static void report_is_one_page(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct sim_rows rows = {0};
        struct buffer out = {0};
        struct buffer again = {0};
        const char *text;

        add_rows(&rows, kind);
        write_report(&rows, &out);
        write_report(&rows, &again);
        assert_true(slice_equal(buffer_slice(&out), buffer_slice(&again)));
        text = (const char *)out.data;
        assert_int_equal(count_of(text, "http"), count_of(text, "xmlns=\"http"));
        for (const char *const *word =
                 (const char *const[]){"<script", "<link", "<img", "url(", "@import", NULL};
             *word; word++)
            assert_null(strstr(text, *word));
        assert_int_equal(count_of(text, "<figure"), count_of(text, "<svg"));
        assert_int_equal(count_of(text, "<figure"), count_of(text, "<table>"));
        assert_int_equal(count_of(text, "<section"), kind == 3 ? 2 : 5);
        buffer_done(&out);
        buffer_done(&again);
        sim_rows_done(&rows);
    }
}

static void report_escapes(void **state)
{
    struct sim_rows rows = {0};
    struct buffer out = {0};
    const char *text;

    (void)state;
    sim_rows_hard(&rows);
    write_report(&rows, &out);
    text = (const char *)out.data;
    assert_null(strstr(text, "<b>"));
    assert_null(strstr(text, "<a&b>"));
    assert_null(strstr(text, "\xff"));
    assert_non_null(strstr(text, "<span>'&#60;a&#38;b&#62;,\xef\xbf\xbd'</span>"));
    assert_non_null(strstr(text, "<dd>18446744073709551615</dd>"));
    buffer_done(&out);
    sim_rows_done(&rows);
}

// Beside the first chart of a grid each series has its row for each x and panel, however many there
// are.
static void report_shows_all_numbers(void **state)
{
    struct sim_rows rows = {0};
    struct buffer out = {0};
    const char *begin;
    char *end;

    (void)state;
    add_rows(&rows, 2);
    write_report(&rows, &out);
    begin = strstr((const char *)out.data, "<figure id=\"balance-load-nodes");
    assert_non_null(begin);
    end = strstr(begin, "<figure id=\"balance-load-theta");
    assert_non_null(end);
    *end = 0;
    // 16 schemes, 3 nodes, 3 thetas, 2 kinds of copies.
    assert_int_equal(count_of(begin, "<tr><th scope=\"row\">"), 16 * 3 * 3 * 2);
    assert_int_equal(count_of(begin, "ring-token-equal V=128</th></tr>"), 1);
    buffer_done(&out);
    sim_rows_done(&rows);
}

// More series and more panels than one chart holds: several charts, and still every number.
static void charts_are_cut_up_without_loss(void **state)
{
    static const char *const nodes[] = {"5", "10", NULL};
    static const char *const thetas[] = {"0", "0.2", "0.4", "0.6", "0.8", "1", NULL};
    struct sim_rows_setup setup = sim_rows_plain;
    struct sim_rows rows = {0};
    struct buffer out = {0};
    char *end;

    (void)state;
    setup.schemes = SIM_ROWS_SCHEMES;
    setup.nodes = nodes;
    setup.thetas = thetas;
    sim_rows_balance(&rows, &setup);
    write_report(&rows, &out);
    end = strstr((const char *)out.data, "<figure id=\"balance-load-theta");
    assert_non_null(end);
    *end = 0;
    assert_int_equal(count_of((const char *)out.data, "<figure id=\"balance-load-nodes-"), 2);
    assert_int_equal(count_of((const char *)out.data, "<tr><th scope=\"row\">"), 16 * 2 * 6 * 2);
    buffer_done(&out);
    sim_rows_done(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scales_hold_their_values),
        cmocka_unit_test(scale_places),
        cmocka_unit_test(scale_labels),
        cmocka_unit_test(texts_fit),
        cmocka_unit_test(coordinates),
        cmocka_unit_test(charts_are_well_formed),
        cmocka_unit_test(no_rows_no_charts),
        cmocka_unit_test(report_is_one_page),
        cmocka_unit_test(report_escapes),
        cmocka_unit_test(report_shows_all_numbers),
        cmocka_unit_test(charts_are_cut_up_without_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
