// SPDX-License-Identifier: Apache-2.0
#include "sim/output/words.h"

#include "sim/output/digits.h"
#include "sim/output/show.h"

enum { LEGS_COLUMNS_MAX = 24, WORD_DIGITS = 3 };

// What is told about: the cases of one context, and the one that is compared with the others.
struct telling {
    const struct view *view;
    const struct view_case **cases;
    size_t count;
    const struct view_case *base;
    struct buffer text;
};

#define say(telling, ...) buffer_add_format(&(telling)->text, __VA_ARGS__)

static bool is_static(const struct view_case *one)
{
    return strcmp(one->rows[0]->labels[LABEL_SCHEME], "static") == 0;
}

static struct telling telling_of(const struct view *view)
{
    struct telling told = {.view = view};
    const char *context = view_context(view, &view->cases[view->count - 1], LABELS);

    told.cases = arena_alloc(view->arena, view->count * sizeof *told.cases);
    for (size_t i = 0; i < view->count; i++) {
        const struct view_case *one = &view->cases[i];

        if (strcmp(view_context(view, one, LABELS), context) != 0)
            continue;
        told.cases[told.count++] = one;
        if (!told.base || (is_static(one) && !is_static(told.base)))
            told.base = one;
    }
    return told;
}

// ---- parts of sentences ---------------------------------------------------------------------

// Three digits; "1.30", not "1.3", so that what is compared has the same length.
static void say_number(struct telling *told, double value)
{
    if (value > 1 && value < 9.995) {
        digits_write_fixed(&told->text, value, WORD_DIGITS - 1);
        return;
    }
    say(told, "%s", show_digits(told->view->arena, value, WORD_DIGITS));
}

// "1.02", "8.98 %", "2.5 ms", "1.2 KiB".
static void say_value(struct telling *told, const struct row *row, bool percent)
{
    struct arena *arena = told->view->arena;

    if (percent)
        say(told, "%s", show_percent(arena, row->value.mean));
    else if (strcmp(row->unit, "bytes") == 0 || strcmp(row->unit, "ns") == 0)
        say(told, "%s", show_value(arena, row->value.mean, row->unit));
    else
        say_number(told, row->value.mean);
    if (strcmp(row->unit, "ms") == 0)
        say(told, " ms");
}

// The base: its scheme, else what varies.
static void say_base(struct telling *told)
{
    const char *scheme = view_scheme(told->view, told->base);

    say(told, "%s", *scheme ? scheme : view_series(told->view, told->base, LABELS));
}

// "Under zipf 0.99 with 10 nodes", then `after`; nothing when neither is known.
static void say_opening(struct telling *told, bool workload, const char *after)
{
    const struct view *view = told->view;
    const char *theta = view_label(view, told->base, LABEL_THETA);
    const char *load = workload ? view_label(view, told->base, LABEL_WORKLOAD) : "";
    const char *nodes = view_pair(view, told->base, LABEL_NODES);

    if (*load)
        say(told, "under %s", load);
    if (strncmp(load, "zipf", 4) == 0 && *theta)
        say(told, " %s", theta);
    if (*nodes)
        say(told, "%swith %s", *load ? " " : "", nodes);
    if (*load || *nodes)
        say(told, "%s", after);
}

// "; lowest of 8: split (1.02), highest: ring V=1 (3.07)"; nothing when there is nothing to
// compare.
static void say_extremes(struct telling *told, const char *what, const struct spot *spot,
                         bool percent)
{
    const struct view_case *low = NULL;
    const struct view_case *high = NULL;
    size_t count = 0;

    for (size_t i = 0; i < told->count; i++) {
        double mean = view_mean(told->cases[i], spot);

        if (mean != mean)
            continue;
        count += 1;
        low = !low || mean < view_mean(low, spot) ? told->cases[i] : low;
        high = !high || mean > view_mean(high, spot) ? told->cases[i] : high;
    }
    if (count < 2)
        return;
    if (view_mean(low, spot) == view_mean(high, spot)) {
        say(told, "; %sthe same for all %zu", what, count);
        return;
    }
    say(told, "; %slowest of %zu: %s (", what, count, view_series(told->view, low, LABELS));
    say_value(told, view_find(low, spot), percent);
    say(told, "), highest: %s (", view_series(told->view, high, LABELS));
    say_value(told, view_find(high, spot), percent);
    say(told, ")");
}

// ---- the questions --------------------------------------------------------------------------

static void say_balance(struct telling *told)
{
    bool load = view_has(told->view, &(struct spot){.subject = "load", .metric = "peak/average"});
    struct spot one = {.subject = load ? "load" : "keys", .copies = "1", .metric = "peak/average"};
    struct spot all = {.subject = one.subject, .copies = "all", .metric = one.metric};
    const char *replicas = view_label(told->view, told->base, LABEL_REPLICAS);
    double first = view_mean(told->base, &one);
    double each = view_mean(told->base, &all);
    bool both = each == each && strcmp(replicas, "1") != 0;

    if (first != first)
        return;
    say_opening(told, load, ", ");
    say(told, "the fullest node of ");
    say_base(told);
    say(told, load ? " gets " : " holds ");
    say_number(told, first);
    say(told, " times the average %s%s", load ? "load" : "number of keys",
        both ? " with one copy, " : "");
    if (both) {
        say_number(told, each);
        say(told, " with all%s%s", *replicas ? " " : " copies", replicas);
    }
    say_extremes(told, both ? "with one copy, " : "", &one, false);
}

static void say_event(struct telling *told, const char *event)
{
    static const struct {
        const char *event;
        const char *words;
    } verbs[] = {{"add", "adding"}, {"remove", "removing"}, {"fail", "losing"}};
    size_t length = strcspn(event, ":");

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strlen(verbs[i].event) != length || strncmp(verbs[i].event, event, length) != 0)
            continue;
        if (!event[length] || strcmp(event + length, ":1") == 0)
            say(told, "%s a node", verbs[i].words);
        else
            say(told, "%s %s nodes", verbs[i].words, event + length + 1);
        return;
    }
    if (strcmp(event, "double") == 0)
        say(told, "doubling the nodes");
    else if (strncmp(event, "to:", 3) == 0)
        say(told, "going to %s nodes", event + 3);
    else
        say(told, "the event %s", event);
}

static void say_movement(struct telling *told)
{
    struct spot spot = {.subject = "keys", .copies = "all", .metric = "moved"};
    const struct row *moved = view_find(told->base, &spot);
    double least;

    if (!moved)
        return;
    spot.event = moved->labels[LABEL_EVENT];
    least = view_mean(told->base, &(struct spot){.event = spot.event,
                                                 .subject = spot.subject,
                                                 .copies = spot.copies,
                                                 .metric = "minimum"});
    say_opening(told, false, ", ");
    say_event(told, spot.event);
    if (moved->value.mean != moved->value.mean) {
        say(told, " is not possible with ");
        say_base(told);
    } else {
        say(told, " moves %s of all copies with ",
            show_percent(told->view->arena, moved->value.mean));
        say_base(told);
    }
    if (moved->value.mean == moved->value.mean && least > 0) {
        say(told, ", ");
        digits_write_fixed(&told->text, moved->value.mean / least, 2);
        say(told, " times the minimum for an even spread");
    }
    say_extremes(told, "", &spot, true);
}

// The highest load below that at which the base's hottest node saturates, else the lowest; NULL
// when there is none.
static const char *chosen_load(const struct telling *told, double max_load)
{
    const char *lowest = NULL;
    const char *chosen = NULL;
    double low = 0;
    double best = 0;

    for (size_t i = 0; i < told->base->count; i++) {
        const char *at = told->base->rows[i]->labels[LABEL_AT];
        double load;

        if (!view_read(at, &load))
            continue;
        if (!lowest || load < low) {
            lowest = at;
            low = load;
        }
        if (load < max_load && load > best) {
            chosen = at;
            best = load;
        }
    }
    return chosen ? chosen : lowest;
}

static void say_latency(struct telling *told)
{
    double max_load = view_mean(told->base, &(struct spot){.metric = "max-load"});
    const char *load = chosen_load(told, max_load == max_load ? max_load : 1);
    struct spot spot = {.subject = "reads", .metric = "p99", .at = load};
    const struct row *tail = view_find(told->base, &spot);
    const struct row *median =
        view_find(told->base, &(struct spot){.subject = "reads", .metric = "p50", .at = load});

    if (!load || !median || !tail)
        return;
    say_opening(told, true, " and ");
    say(told, "a load of %s, half of the reads of ", load);
    say_base(told);
    say(told, " take up to ");
    say_value(told, median, false);
    say(told, ", 99 %% up to ");
    say_value(told, tail, false);
    if (max_load == max_load) {
        say(told, "; its hottest node saturates at a load of ");
        say_number(told, max_load);
    }
    say_extremes(told, "p99 ", &spot, false);
}

static void say_quorum(struct telling *told)
{
    static const enum label labels[] = {LABEL_REPLICAS, LABEL_R, LABEL_W, LABEL_LEGS};
    const char *before = "with ";

    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        const char *pair = view_pair(told->view, told->base, labels[i]);

        if (!*pair || show_columns(pair) > LEGS_COLUMNS_MAX)
            continue;
        say(told, "%s%s", before, pair);
        before = ", ";
    }
    say(told, "%s", *before == 'w' ? "" : ": ");
}

static void say_staleness(struct telling *told)
{
    const struct row *seen = view_find(told->base, &(struct spot){.metric = "p-consistent"});
    const struct row *sure = NULL;

    for (size_t i = 0; i < told->base->count; i++) { // the last that was asked for
        if (strcmp(told->base->rows[i]->labels[LABEL_METRIC], "t-visible") == 0)
            sure = told->base->rows[i];
    }
    if (!seen)
        return;
    say_quorum(told);
    if (strcmp(seen->labels[LABEL_AT], "0") == 0)
        say(told, "a read right after a write ");
    else
        say(told, "a read that starts %s ms after a write ", seen->labels[LABEL_AT]);
    say(told, "is consistent with probability ");
    say_number(told, seen->value.mean);
    if (sure && sure->value.mean == sure->value.mean) {
        say(told, "; probability %s takes ", sure->labels[LABEL_AT]);
        say_value(told, sure, false);
    }
    say_extremes(told, "at the former, ",
                 &(struct spot){.metric = "p-consistent", .at = seen->labels[LABEL_AT]}, false);
}

static void say_cost(struct telling *told)
{
    struct spot spot = {.metric = "look-up"};
    const struct row *bytes = view_find(told->base, &(struct spot){.metric = "metadata"});
    const struct row *time = view_find(told->base, &spot);

    if (!bytes || !time)
        return;
    say_opening(told, false, ", ");
    say_base(told);
    say(told, " keeps ");
    say_value(told, bytes, false);
    say(told, " of metadata and looks a key up in ");
    say_value(told, time, false);
    say_extremes(told, "look-up ", &spot, false);
}

static void say_cluster(struct telling *told)
{
    struct spot spot = {.subject = "reads", .metric = "p99"};
    const struct row *tail = view_find(told->base, &spot);
    double peak =
        view_mean(told->base, &(struct spot){.subject = "messages", .metric = "peak/average"});
    double stale = view_mean(told->base, &(struct spot){.subject = "reads", .metric = "stale"});

    if (!tail)
        return;
    say_opening(told, true, ", ");
    say(told, "99 %% of the reads of ");
    say_base(told);
    say(told, " take up to ");
    say_value(told, tail, false);
    say(told, ", its busiest node handles ");
    say_number(told, peak);
    say(told, " times the average of messages");
    if (stale == stale)
        say(told, " and %s of its reads are stale", show_percent(told->view->arena, stale));
    say_extremes(told, "p99 ", &spot, false);
}

const char *words_of(const struct view *view)
{
    static const struct {
        const char *question;
        void (*tell)(struct telling *told);
    } questions[] = {{"balance", say_balance}, {"movement", say_movement},
                     {"latency", say_latency}, {"staleness", say_staleness},
                     {"cost", say_cost},       {"cluster", say_cluster}};
    struct telling told = telling_of(view);
    const char *text = "";

    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        if (strcmp(view->question, questions[i].question) == 0)
            questions[i].tell(&told);
    }
    if (told.text.size > 0) {
        if (told.text.data[0] >= 'a' && told.text.data[0] <= 'z')
            told.text.data[0] = (uint8_t)(told.text.data[0] - 'a' + 'A');
        if (view->repetitions > 1)
            say(&told, " (means of %u repetitions)", view->repetitions);
        text = arena_text(view->arena, "%.*s.", (int)told.text.size, (const char *)told.text.data);
    }
    buffer_done(&told.text);
    return text;
}
