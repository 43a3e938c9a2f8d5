// SPDX-License-Identifier: Apache-2.0
// How evenly keys, bytes and requests lie on nodes and on ranges. Three ways to fill one tally:
//
//   endless    the lengths of ranges: the limit of infinitely many keys, each asked for as often
//   expected   a walk over all keys, each with its share of reads and writes
//   drawn      a walk for keys and bytes, then so many operations drawn one by one
#include "base/check.h"
#include "sim/question/drawn.h"
#include "sim/question/question.h"

#include <stdlib.h>

enum { HOT_RANGES = 5 };

// ---- filling the tally ----------------------------------------------------------------------

static void fill_endless(struct tally *tally)
{
    const struct scheme *scheme = tally->scheme;
    const struct ranges *ranges = scheme->ranges;

    for (uint32_t i = 0; ranges && i < ranges->count; i++)
        tally_add(tally, &(struct amount){.keys = ranges_length(ranges, i)}, NULL, i);
    for (uint32_t i = 0; !ranges && i < tally->nodes; i++) {
        double share = scheme_fair(scheme, i);

        tally->node[COPIES_ONE][i].keys = share;
        tally->node[COPIES_ALL][i].keys = share * scheme->setup.replicas;
    }
}

static void add_chunk(struct tally *tally, const struct key_walk *walk,
                      const struct scheme_places *places)
{
    uint32_t width = tally->scheme->width;

    for (uint32_t i = 0; i < walk->keys.count; i++) {
        struct amount amount = amount_of_key(walk, i);

        tally_add(tally, &amount, places->owners + (size_t)i * width,
                  places->slots ? places->slots[i] : 0);
    }
}

static void fill_walk(struct tally *tally, uint64_t seed)
{
    struct key_walk *walk = memory_new(sizeof *walk);
    struct scheme *scheme = tally->scheme;
    uint32_t slots[SCHEME_BATCH_MAX];
    uint16_t *owners = memory_new((size_t)SCHEME_BATCH_MAX * scheme->width * sizeof *owners);
    struct scheme_places places = {owners, scheme->ranges ? slots : NULL};

    key_walk_begin(walk, tally->trial, seed);
    scheme_begin(scheme, walk->total);
    while (key_walk_next(walk)) {
        scheme_locate(scheme, &walk->batch, &places);
        add_chunk(tally, walk, &places);
    }
    free(owners);
    free(walk);
}

// ---- telling --------------------------------------------------------------------------------

static void tell_spread(struct findings *out, const struct finding *like,
                        const struct spread *spread)
{
    const struct {
        const char *metric;
        double value;
    } metrics[] = {{"peak/average", spread->peak}, {"min/average", spread->floor},
                   {"p99/average", spread->p99},   {"cv", spread->cv},
                   {"gini", spread->gini},         {"efficiency", spread->efficiency}};

    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        struct finding finding = *like;

        finding.metric = metrics[i].metric;
        finding.value = metrics[i].value;
        findings_add(out, &finding);
    }
}

static void tell_nodes(const struct tally *tally, enum subject subject, enum copies copies,
                       struct findings *out)
{
    struct finding finding = {.subject = subject_names[subject], .copies = copies_names[copies]};
    double loads[SCHEME_NODES_MAX];
    double fair[SCHEME_NODES_MAX];
    uint32_t count = tally_loads(tally, subject, copies, loads, fair);
    struct spread spread = spread_of(loads, fair, count);

    tell_spread(out, &finding, &spread);
    numbers_sort(loads, count);
    finding.metric = "share";
    finding.curve = true;
    for (uint32_t i = 0; i < count; i++) {
        finding.at = i + 1;
        finding.value = loads[count - 1 - i];
        findings_add(out, &finding);
    }
}

static void tell_ranges(const struct tally *tally, enum subject subject, const char *name,
                        struct findings *out)
{
    uint32_t count = tally->scheme->ranges->count;
    double *loads = memory_new(count * sizeof *loads);
    struct finding finding = {.subject = name};
    double total = 0;
    struct spread spread;

    for (uint32_t i = 0; i < count; i++) {
        loads[i] = amount_of(tally->trial, &tally->range[i], subject);
        total += loads[i];
    }
    for (uint32_t i = 0; i < count && total > 0; i++)
        loads[i] *= count / total;
    spread = spread_of(loads, NULL, count);
    tell_spread(out, &finding, &spread);
    free(loads);
}

// A range's name and where its copies lie.
static const char *range_name(const struct scheme *scheme, uint32_t range, struct arena *texts)
{
    const struct ranges *ranges = scheme->ranges;
    const uint16_t *owners = ranges->owners + (size_t)range * ranges->width;
    struct buffer name = {0};
    const char *text;

    buffer_add_format(&name, "%s %u on", ranges->reversed ? "shard" : "range",
                      ranges_number(ranges, range));
    for (uint32_t i = 0; i < ranges->width && owners[i] != SCHEME_NOBODY; i++)
        buffer_add_format(&name, "%s n%u", i ? "," : "", owners[i] + 1U);
    buffer_add_u8(&name, 0);
    text = arena_text(texts, "%s", (const char *)name.data);
    buffer_done(&name);
    return text;
}

// The hottest ranges, the hottest first; returns how many.
static uint32_t hottest_find(const struct tally *tally, uint32_t ranges[HOT_RANGES],
                             double loads[HOT_RANGES])
{
    uint32_t held = 0;

    for (uint32_t i = 0; i < tally->scheme->ranges->count; i++) {
        double load = amount_of(tally->trial, &tally->range[i], SUBJECT_LOAD);
        uint32_t place = held;

        while (place > 0 && loads[place - 1] < load)
            place -= 1;
        if (place == HOT_RANGES)
            continue;
        held += held < HOT_RANGES;
        for (uint32_t at = held - 1; at > place; at--) {
            loads[at] = loads[at - 1];
            ranges[at] = ranges[at - 1];
        }
        loads[place] = load;
        ranges[place] = i;
    }
    return held;
}

// As many ranks in every repetition, though a scheme that cuts by load may have few ranges.
static void tell_hottest(const struct tally *tally, struct findings *out)
{
    uint32_t ranges[HOT_RANGES];
    double loads[HOT_RANGES] = {0};
    uint32_t held = hottest_find(tally, ranges, loads);

    for (uint32_t i = 0; i < HOT_RANGES; i++) {
        findings_add(
            out, &(struct finding){
                     .subject = "hot-shard",
                     .metric = "share",
                     .note = i < held ? range_name(tally->scheme, ranges[i], &out->texts) : NULL,
                     .curve = true,
                     .at = i + 1,
                     .value = loads[i],
                 });
    }
}

static bool workload_has(const struct workload *workload, enum subject subject)
{
    double read_share = workload_setup(workload)->read_share;

    return !(subject == SUBJECT_READS && read_share <= 0) &&
           !(subject == SUBJECT_WRITES && read_share >= 1);
}

static void tell(const struct tally *tally, struct findings *out)
{
    bool endless = tally->trial->endless;

    for (unsigned copies = 0; copies < COPIES; copies++) {
        for (unsigned subject = 0; subject < (endless ? 1 : SUBJECTS); subject++) {
            if (workload_has(tally->trial->workload, subject))
                tell_nodes(tally, subject, copies, out);
        }
    }
    if (!tally->range)
        return;
    tell_ranges(tally, SUBJECT_KEYS, "shard-keys", out);
    if (endless)
        return;
    tell_ranges(tally, SUBJECT_LOAD, "shard-load", out);
    tell_hottest(tally, out);
}

void question_balance(const struct trial *trial, uint64_t seed, struct findings *out)
{
    struct scheme *scheme = trial_scheme(trial, seed);
    struct tally tally;

    tally_init(&tally, trial, scheme);
    if (trial->endless)
        fill_endless(&tally);
    else
        fill_walk(&tally, seed);
    if (trial->operations > 0 && !trial->endless)
        tally_draw(&tally, seed);
    tally_fold(&tally);
    tell(&tally, out);
    tally_done(&tally);
    scheme_free(scheme);
}
