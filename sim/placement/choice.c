// SPDX-License-Identifier: Apache-2.0
#include "sim/placement/choice.h"

#include "base/check.h"
#include "sim/number/number.h"

#include <string.h>

enum { WORDS_MAX = 64 };

// The words of a text, in the options' arena.
static size_t words_of(struct options *options, const char *text, const char **words)
{
    char *copy = arena_alloc(&options->texts, strlen(text) + 1);

    return words_split(text, copy, words, WORDS_MAX);
}

// ---- schemes, questions, workloads -------------------------------------------------------------

static bool schemes_all(struct options *options)
{
    options->every_scheme = true;
    options->scheme_count = 0;
    for (size_t i = 0; scheme_kinds[i]; i++)
        options->schemes[options->scheme_count++] = scheme_kinds[i];
    return true;
}

static bool unknown_scheme(const char *word, struct buffer *why)
{
    buffer_add_format(why, "there is no scheme '%s': use all, or some of", word);
    for (size_t i = 0; scheme_kinds[i]; i++)
        buffer_add_format(why, "%s %s", i ? "," : "", scheme_kinds[i]->name);
    return false;
}

static void scheme_add_once(struct options *options, const struct scheme_kind *kind)
{
    for (unsigned i = 0; i < options->scheme_count; i++) {
        if (options->schemes[i] == kind)
            return;
    }
    check(options->scheme_count < SCHEMES_MAX);
    options->schemes[options->scheme_count++] = kind;
}

bool choose_schemes(struct options *options, const char *text, struct buffer *why)
{
    const char *words[WORDS_MAX];
    size_t count = words_of(options, text, words);

    if (count == 1 && strcmp(words[0], "all") == 0)
        return schemes_all(options);
    options->every_scheme = false;
    options->scheme_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct scheme_kind *kind = scheme_find(words[i]);

        if (!kind)
            return unknown_scheme(words[i], why);
        scheme_add_once(options, kind);
    }
    return count > 0 || unknown_scheme(text, why);
}

bool choose_question(struct options *options, const char *word, struct buffer *why)
{
    bool all = strcmp(word, "all") == 0;

    for (size_t i = 0; questions[i].name; i++) {
        bool have = false;

        for (unsigned k = 0; k < options->asked_count; k++)
            have = have || options->asked[k] == &questions[i];
        if (!all && strcmp(questions[i].name, word))
            continue;
        if (!have)
            options->asked[options->asked_count++] = &questions[i];
        if (!all)
            return true;
    }
    if (all)
        return true;
    buffer_add_format(why, "there is no question '%s': use all, or some of", word);
    for (size_t i = 0; questions[i].name; i++)
        buffer_add_format(why, "%s %s", i ? "," : "", questions[i].name);
    return false;
}

static bool unknown_workload(const char *word, struct buffer *why)
{
    buffer_add_format(why, "there is no workload '%s': use some of ", word);
#define X(name, text, about) buffer_add_format(why, "%s%s", name ? ", " : "", text);
    WORKLOAD_MAP(X)
#undef X
    return false;
}

static void workload_add_once(struct options *options, enum workload_kind kind)
{
    for (unsigned i = 0; i < options->workload_count; i++) {
        if (options->workloads[i] == kind)
            return;
    }
    check(options->workload_count < WORKLOADS_MAX);
    options->workloads[options->workload_count++] = kind;
}

bool choose_workloads(struct options *options, const char *text, struct buffer *why)
{
    const char *words[WORDS_MAX];
    size_t count = words_of(options, text, words);

    options->workload_count = 0;
    for (size_t i = 0; i < count; i++) {
        enum workload_kind kind;

        if (!workload_find(words[i], &kind))
            return unknown_workload(words[i], why);
        workload_add_once(options, kind);
    }
    return count > 0 || unknown_workload(text, why);
}

// ---- levels, weights, sizes, events ------------------------------------------------------------

static bool level_of(const char *word, int *out)
{
    double value;

    if (strcmp(word, "one") == 0)
        *out = 1;
    else if (strcmp(word, "quorum") == 0)
        *out = CHOICE_QUORUM;
    else if (strcmp(word, "all") == 0)
        *out = CHOICE_ALL;
    else if (number_read(word, &value) && value >= 1 && value <= SCHEME_REPLICAS_MAX &&
             value == (int)value)
        *out = (int)value;
    else
        return false;
    return true;
}

bool choose_levels(const char *text, int *levels, unsigned *count, struct buffer *why)
{
    const char *words[SCHEME_REPLICAS_MAX];
    char copy[128];
    size_t found =
        strlen(text) < sizeof copy ? words_split(text, copy, words, SCHEME_REPLICAS_MAX) : 0;

    for (size_t i = 0; i < found; i++) {
        if (!level_of(words[i], &levels[i]))
            found = 0;
    }
    *count = (unsigned)found;
    if (found == 0)
        buffer_add_format(why, "%s: give numbers from 1 to %d, or one, quorum, all", text,
                          SCHEME_REPLICAS_MAX);
    return found > 0;
}

bool choose_weights(struct options *options, const char *text, struct buffer *why)
{
    struct list list;

    if (!list_read(text, &list) || !list_within(&list, 0.01, 10000, false)) {
        buffer_add_format(why,
                          "%s: give the nodes' relative weights in turn, each from 0.01 to 10000, "
                          "like 1,1,2",
                          text);
        return false;
    }
    for (size_t i = 0; i < list.count; i++)
        options->weights[i] = (uint32_t)(list.values[i] * SCHEME_WEIGHT + 0.5);
    options->weight_count = (uint32_t)list.count;
    options->weights_text = text;
    return true;
}

bool choose_bytes(struct options *options, const char *text, struct buffer *why)
{
    const char *dash = strchr(text, '-');
    char low[32];
    double min;
    double max;
    size_t size = dash ? (size_t)(dash - text) : strlen(text);

    if (size < sizeof low) {
        memcpy(low, text, size);
        low[size] = 0;
        if (number_read(low, &min) && number_read(dash ? dash + 1 : text, &max) && min >= 0 &&
            max >= min && max <= 1e9 && min == (uint32_t)min && max == (uint32_t)max) {
            options->bytes_min = (uint32_t)min;
            options->bytes_max = (uint32_t)max;
            return true;
        }
    }
    buffer_add_format(why, "%s: give whole bytes up to 1G, or MIN-MAX (uniform between)", text);
    return false;
}

static void event_add_once(struct options *options, const char *event)
{
    for (unsigned i = 0; i < options->event_count; i++) {
        if (strcmp(options->events[i], event) == 0)
            return;
    }
    options->events[options->event_count++] = event;
}

bool choose_events(struct options *options, const char *text, struct buffer *why)
{
    const char *words[WORDS_MAX];
    size_t count = words_of(options, text, words);

    if (count == 0 || options->event_count + count > EVENTS_MAX) {
        buffer_add_format(why, "%s: give 1 to %d events with commas between them", text,
                          EVENTS_MAX);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!movement_event_valid(words[i], why))
            return false;
        event_add_once(options, words[i]);
    }
    return true;
}

// ---- legs and sites ----------------------------------------------------------------------------

static const char leg_letters[LEGS] = {'W', 'A', 'R', 'S'};

bool choose_legs(struct options *options, const char *text, struct buffer *why)
{
    const char *words[WORDS_MAX];
    size_t count = words_of(options, text, words);

    options->leg_count = 0;
    for (size_t i = 0; i < count && i < LEGS_MAX; i++) {
        struct leg_choice *legs = &options->legs[options->leg_count++];

        legs->name = words[i];
        for (unsigned leg = 0; leg < LEGS; leg++)
            legs->text[leg] =
                strchr(words[i], ':') ? words[i] : delay_fit(words[i], leg_letters[leg]);
        if (!legs->text[0]) {
            buffer_add_format(why,
                              "there are no legs '%s': use lnkd-ssd, lnkd-disk or ymmr, a DELAY "
                              "for all four like exp:1, and --leg for each",
                              words[i]);
            return false;
        }
    }
    if (count == 0)
        buffer_add_format(why, "%s: give lnkd-ssd, lnkd-disk or ymmr", text);
    return count > 0;
}

bool choose_leg(struct options *options, const char *text, struct buffer *why)
{
    for (unsigned leg = 0; leg < LEGS; leg++) {
        if (text[0] == leg_letters[leg] && text[1] == '=') {
            options->leg_text[leg] = text + 2;
            return true;
        }
    }
    buffer_add_format(why, "%s: give W=DELAY, A=DELAY, R=DELAY or S=DELAY", text);
    return false;
}

// The number of a site's name, new ones are added; STALENESS_SITES_MAX when there are too many.
static uint8_t site_of(const char **sites, unsigned *count, const char *name)
{
    for (unsigned i = 0; i < *count; i++) {
        if (strcmp(sites[i], name) == 0)
            return (uint8_t)i;
    }
    if (*count == STALENESS_SITES_MAX)
        return STALENESS_SITES_MAX;
    sites[*count] = name;
    return (uint8_t)(*count)++;
}

// "a-b=DELAY".
static bool pair_read(struct options *options, const char *text, const char **sites,
                      unsigned site_count, struct buffer *why)
{
    struct site_delay *pair = &options->staleness.pairs[options->staleness.pair_count];
    char *copy = (char *)arena_text(&options->texts, "%s", text);
    char *dash = strchr(copy, '-');
    char *equal = strchr(copy, '=');
    unsigned known = site_count;

    if (!dash || !equal || equal < dash) {
        buffer_add_format(why, "--pair %s: give SITE-SITE=DELAY, like eu-us=const:40", text);
        return false;
    }
    *dash = *equal = 0;
    pair->a = site_of(sites, &known, copy);
    pair->b = site_of(sites, &known, dash + 1);
    if (known != site_count || pair->a == STALENESS_SITES_MAX || pair->b == STALENESS_SITES_MAX) {
        buffer_add_format(why, "--pair %s: name sites of --sites and --client", text);
        return false;
    }
    if (delay_read(equal + 1, &pair->delay, why))
        return false;
    options->staleness.pair_count += 1;
    return true;
}

// The sites of replicas and clients: replicas stand at the names in turn; `words` of the clients
// are the writer's and the reader's, or one for both.
static bool sites_name(struct options *options, const char **sites, unsigned *known)
{
    struct staleness_setup *staleness = &options->staleness;
    const char *words[WORDS_MAX];
    size_t count = words_of(options, options->sites_text ? options->sites_text : "here", words);
    const char *client = count > 0 ? words[0] : "";
    size_t clients;

    if (count == 0 || count > SCHEME_REPLICAS_MAX)
        return false;
    for (unsigned i = 0; i < SCHEME_REPLICAS_MAX; i++)
        staleness->replica_sites[i] = site_of(sites, known, words[i % count]);
    clients = words_of(options, options->client_text ? options->client_text : client, words);
    if (clients == 0 || clients > 2)
        return false;
    staleness->writer_site = site_of(sites, known, words[0]);
    staleness->reader_site = site_of(sites, known, words[clients - 1]);
    return staleness->writer_site < STALENESS_SITES_MAX &&
           staleness->reader_site < STALENESS_SITES_MAX;
}

static bool sites_read(struct options *options, struct buffer *why)
{
    const char *sites[STALENESS_SITES_MAX];
    unsigned known = 0;

    if (!sites_name(options, sites, &known)) {
        buffer_add_format(why,
                          "give --sites 1 to %d names with commas between them, and --client one, "
                          "or the writer's and the reader's; at most %d different ones",
                          SCHEME_REPLICAS_MAX, STALENESS_SITES_MAX);
        return false;
    }
    for (unsigned i = 0; i < options->pair_count; i++) {
        if (!pair_read(options, options->pair_text[i], sites, known, why))
            return false;
    }
    return true;
}

static bool legs_read(struct options *options, struct leg_choice *legs, struct buffer *why)
{
    for (unsigned leg = 0; leg < LEGS; leg++) {
        if (options->leg_text[leg]) {
            legs->text[leg] = options->leg_text[leg];
            legs->name = "custom";
        }
        if (delay_read(legs->text[leg], &legs->delay[leg], why))
            return false;
    }
    return true;
}

bool choose_finish(struct options *options, struct buffer *why)
{
    bool custom = false;
    double mean;

    for (unsigned leg = 0; leg < LEGS; leg++)
        custom = custom || options->leg_text[leg];
    if (custom && options->leg_count > 1) {
        buffer_add_format(why, "--leg changes one set of legs: give one name to --legs");
        return false;
    }
    for (unsigned i = 0; i < options->leg_count; i++) {
        if (!legs_read(options, &options->legs[i], why))
            return false;
    }
    if (delay_read(options->service_text, &options->latency.service, why))
        return false;
    mean = delay_mean(&options->latency.service);
    if (!(mean > 0 && mean < NUMBER_INFINITY)) {
        buffer_add_format(why, "--service %s: its mean must be above 0 and finite (alpha above 1)",
                          options->service_text);
        return false;
    }
    return sites_read(options, why);
}
