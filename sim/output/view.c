// SPDX-License-Identifier: Apache-2.0
#include "sim/output/view.h"

#include "sim/number/decimal.h"
#include "sim/output/show.h"

#include <stdlib.h>

enum { LABEL_COLUMNS_MAX = 24 }; // longer texts that vary get a short name

static const char *const pairs[LABELS] = {
    [LABEL_SCHEME] = "%",
    [LABEL_NODES] = "% nodes",
    [LABEL_REPLICAS] = "N=%",
    [LABEL_R] = "R=%",
    [LABEL_W] = "W=%",
    [LABEL_SHARDS] = "S=%",
    [LABEL_VNODES] = "V=%",
    [LABEL_PARTITIONS] = "Q=%",
    [LABEL_BOUND] = "c=%",
    [LABEL_BOOST] = "boost %",
    [LABEL_WORKLOAD] = "%",
    [LABEL_THETA] = "theta %",
    [LABEL_KEYS] = "% keys",
    [LABEL_OPERATIONS] = "% operations",
    [LABEL_READ_SHARE] = "reads %",
    [LABEL_ZONES] = "% zones",
    [LABEL_WEIGHTS] = "weights %",
    [LABEL_LEGS] = "%",
    [LABEL_RATE] = "% operations/s",
    [LABEL_CLIENTS] = "% clients",
    [LABEL_SERVICE] = "% us a message",
};

// ---- grouping -------------------------------------------------------------------------------

static bool same(const char *a, const char *b)
{
    return a == b || strcmp(a, b) == 0;
}

static bool same_case(const struct row *a, const struct row *b)
{
    for (unsigned label = VIEW_FIRST; label <= VIEW_LAST; label++) {
        if (!same(a->labels[label], b->labels[label]))
            return false;
    }
    return true;
}

// While grouping: the first row of each case, and which case each row belongs to.
struct grouping {
    const struct row **firsts;
    size_t *counts;
    size_t *case_of;
    size_t count;
};

static size_t find_case(struct grouping *grouping, const struct row *row)
{
    for (size_t i = grouping->count; i-- > 0;) {
        if (same_case(grouping->firsts[i], row))
            return i;
    }
    grouping->firsts[grouping->count] = row;
    grouping->counts[grouping->count] = 0;
    grouping->count += 1;
    return grouping->count - 1;
}

static void group_rows(struct view *view, const struct run_result *result)
{
    struct arena *arena = view->arena;
    size_t rows = result->count;
    struct grouping grouping = {arena_alloc(arena, rows * sizeof *grouping.firsts),
                                arena_alloc(arena, rows * sizeof *grouping.counts),
                                arena_alloc(arena, rows * sizeof *grouping.case_of), 0};

    for (size_t i = 0; i < rows; i++) {
        grouping.case_of[i] = SIZE_MAX;
        if (!same(result->rows[i].labels[LABEL_QUESTION], view->question))
            continue;
        grouping.case_of[i] = find_case(&grouping, &result->rows[i]);
        grouping.counts[grouping.case_of[i]] += 1;
    }
    view->count = grouping.count;
    view->cases = arena_new(arena, grouping.count * sizeof *view->cases);
    for (size_t i = 0; i < view->count; i++)
        view->cases[i].rows = arena_alloc(arena, grouping.counts[i] * sizeof(struct row *));
    for (size_t i = 0; i < rows; i++) {
        struct view_case *one;

        if (grouping.case_of[i] == SIZE_MAX)
            continue;
        one = &view->cases[grouping.case_of[i]];
        one->rows[one->count++] = &result->rows[i];
        if (result->rows[i].repetitions > view->repetitions)
            view->repetitions = result->rows[i].repetitions;
    }
}

static const char *alias_of(const struct view *view, const char *text)
{
    for (size_t i = 0; i < view->alias_count; i++) {
        if (same(view->aliases[2 * i], text))
            return view->aliases[2 * i + 1];
    }
    return NULL;
}

// Long texts that vary: "legs 1", "legs 2".
static void name_long(struct view *view, enum label label)
{
    size_t named = 0;

    for (size_t i = 0; i < view->count && view->varies[label]; i++) {
        const char *text = view->cases[i].rows[0]->labels[label];

        if (show_columns(text) <= LABEL_COLUMNS_MAX || alias_of(view, text))
            continue;
        named += 1;
        view->aliases[2 * view->alias_count] = text;
        view->aliases[2 * view->alias_count + 1] =
            arena_text(view->arena, "%s %zu", label_title(label), named);
        view->alias_count += 1;
    }
}

static void see_what_varies(struct view *view)
{
    static const enum label texts[] = {LABEL_BOOST, LABEL_WORKLOAD, LABEL_WEIGHTS, LABEL_LEGS};
    enum { TEXTS = sizeof texts / sizeof texts[0] };

    for (unsigned label = VIEW_FIRST; label <= VIEW_LAST; label++) {
        for (size_t i = 1; i < view->count; i++)
            view->varies[label] |=
                !same(view->cases[0].rows[0]->labels[label], view->cases[i].rows[0]->labels[label]);
    }
    view->aliases = arena_alloc(view->arena, 2 * TEXTS * view->count * sizeof *view->aliases);
    for (unsigned i = 0; i < TEXTS; i++)
        name_long(view, texts[i]);
}

size_t view_list(const struct run_result *result, struct arena *arena, struct view **out)
{
    size_t count = 0;
    struct view *views = NULL;

    for (size_t i = 0; i < result->count; i++) {
        const char *question = result->rows[i].labels[LABEL_QUESTION];
        size_t at = 0;

        while (at < count && !same(views[at].question, question))
            at += 1;
        if (at < count)
            continue;
        *out = arena_new(arena, (count + 1) * sizeof *views);
        for (size_t j = 0; j < count; j++)
            (*out)[j] = views[j];
        views = *out;
        views[count++] = (struct view){.arena = arena, .question = question};
    }
    for (size_t i = 0; i < count; i++) {
        group_rows(&views[i], result);
        see_what_varies(&views[i]);
    }
    *out = views;
    return count;
}

// ---- finding --------------------------------------------------------------------------------

static bool matches(const struct row *row, const struct spot *spot)
{
    const char *const *labels = row->labels;

    return (!spot->metric || same(labels[LABEL_METRIC], spot->metric)) &&
           (!spot->subject || same(labels[LABEL_SUBJECT], spot->subject)) &&
           (!spot->copies || same(labels[LABEL_COPIES], spot->copies)) &&
           (!spot->event || same(labels[LABEL_EVENT], spot->event)) &&
           (!spot->at || same(labels[LABEL_AT], spot->at));
}

const struct row *view_find(const struct view_case *found, const struct spot *spot)
{
    for (size_t i = 0; i < found->count; i++) {
        if (matches(found->rows[i], spot))
            return found->rows[i];
    }
    return NULL;
}

double view_mean(const struct view_case *found, const struct spot *spot)
{
    const struct row *row = view_find(found, spot);

    return row ? row->value.mean : __builtin_nan("");
}

bool view_has(const struct view *view, const struct spot *spot)
{
    for (size_t i = 0; i < view->count; i++) {
        if (view_find(&view->cases[i], spot))
            return true;
    }
    return false;
}

static bool is_known(const char *const *values, size_t count, const char *value)
{
    for (size_t i = count; i-- > 0;) {
        if (same(values[i], value))
            return true;
    }
    return false;
}

size_t view_values(const struct view *view, const struct spot *spot, enum label label,
                   const char ***out)
{
    size_t count = 0;
    size_t room = 0;

    for (size_t i = 0; i < view->count; i++)
        room += view->cases[i].count;
    *out = arena_alloc(view->arena, (room + 1) * sizeof **out);
    for (size_t i = 0; i < view->count; i++) {
        for (size_t j = 0; j < view->cases[i].count; j++) {
            const struct row *row = view->cases[i].rows[j];

            if (matches(row, spot) && !is_known(*out, count, row->labels[label]))
                (*out)[count++] = row->labels[label];
        }
    }
    return count;
}

// ---- naming ---------------------------------------------------------------------------------

const char *view_label(const struct view *view, const struct view_case *one, enum label label)
{
    const char *text = one->rows[0]->labels[label];
    const char *alias = alias_of(view, text);

    if (alias)
        return alias;
    text = show_line(view->arena, text);
    return label_is_number(label) ? show_grouped(view->arena, text) : text;
}

const char *view_pair(const struct view *view, const struct view_case *one, enum label label)
{
    const char *text = view_label(view, one, label);
    const char *pair = pairs[label] ? pairs[label] : "%";
    const char *hole = strchr(pair, '%');

    if (!*text || alias_of(view, one->rows[0]->labels[label]))
        return text;
    if (label == LABEL_NODES && same(text, "1"))
        return "1 node";
    return arena_text(view->arena, "%.*s%s%s", (int)(hole - pair), pair, text, hole + 1);
}

bool view_read(const char *text, double *out)
{
    struct slice left = slice_of_text(text);
    double value;

    if (!decimal_read(&left, &value) || left.size > 0)
        return false;
    *out = value;
    return true;
}

bool view_number(const struct view_case *one, enum label label, double *out)
{
    return view_read(one->rows[0]->labels[label], out);
}

bool view_is_own(enum label label)
{
    return label >= LABEL_SHARDS && label <= LABEL_BOOST;
}

// Joins pairs of labels that vary (or of all), those of schemes or the others.
struct join {
    bool own;
    bool constant; // also those that do not vary
    enum label skip;
    const char *between;
};

static const char *join_pairs(const struct view *view, const struct view_case *one,
                              const struct join *join)
{
    const char *text = "";

    for (enum label label = VIEW_FIRST + 1; label <= VIEW_LAST; label++) {
        const char *pair;

        if (label == join->skip || view_is_own(label) != join->own ||
            (!view->varies[label] && !join->constant))
            continue;
        pair = view_pair(view, one, label);
        if (*pair)
            text = arena_text(view->arena, "%s%s%s", text, *text ? join->between : "", pair);
    }
    return text;
}

static const char *scheme_name(const struct view *view, const struct view_case *one,
                               enum label skip)
{
    const char *own =
        join_pairs(view, one, &(struct join){.own = true, .skip = skip, .between = " "});

    return arena_text(view->arena, "%s%s%s", view_label(view, one, LABEL_SCHEME), *own ? " " : "",
                      own);
}

// All cases have one series.
static bool is_solo(const struct view *view, enum label skip)
{
    for (enum label label = VIEW_FIRST; label <= VIEW_LAST; label++) {
        if (view->varies[label] && label != skip && (label == VIEW_FIRST || view_is_own(label)))
            return false;
    }
    return true;
}

const char *view_series(const struct view *view, const struct view_case *one, enum label skip)
{
    const char *text;

    if (!is_solo(view, skip))
        return scheme_name(view, one, skip);
    text = join_pairs(view, one, &(struct join){.skip = skip, .between = ", "});
    if (!*text)
        text = view_label(view, one, LABEL_SCHEME);
    if (!*text && show_columns(one->rows[0]->labels[LABEL_LEGS]) <= LABEL_COLUMNS_MAX)
        text = view_label(view, one, LABEL_LEGS);
    return *text ? text : view->question;
}

const char *view_context(const struct view *view, const struct view_case *one, enum label skip)
{
    if (is_solo(view, skip))
        return "";
    return join_pairs(view, one, &(struct join){.skip = skip, .between = ", "});
}

const char *view_scheme(const struct view *view, const struct view_case *one)
{
    const char *own = join_pairs(
        view, one, &(struct join){.own = true, .constant = true, .skip = LABELS, .between = ", "});
    const char *scheme = view_label(view, one, LABEL_SCHEME);

    return *own ? arena_text(view->arena, "%s (%s)", scheme, own) : scheme;
}

const char *view_caption(const struct view *view)
{
    const char *text = "";

    for (enum label label = VIEW_FIRST; label <= VIEW_LAST; label++) {
        const char *pair = view->varies[label] ? "" : view_pair(view, &view->cases[0], label);

        if (*pair)
            text = arena_text(view->arena, "%s%s%s", text, *text ? ", " : "", pair);
    }
    for (size_t i = 0; i < view->alias_count; i++)
        text = arena_text(view->arena, "%s%s%s: %s", text, *text ? "; " : "",
                          view->aliases[2 * i + 1], show_line(view->arena, view->aliases[2 * i]));
    if (view->repetitions > 1)
        text = arena_text(view->arena, "%s%s%u repetitions", text, *text ? "; " : "",
                          view->repetitions);
    return text;
}
