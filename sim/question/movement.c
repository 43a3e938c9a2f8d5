// SPDX-License-Identifier: Apache-2.0
// What a change of nodes moves: the scheme before and after it, made from the same seed, side by
// side over all keys (or, with endless keys, over the pieces into which both cut the hash space). A
// copy moves when its key had none on that node before; a copy that only changes its rank does not.
#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "sim/number/decimal.h"
#include "sim/question/drawn.h"
#include "sim/question/question.h"

#include <stdio.h>
#include <stdlib.h>

#define NOT_A_NUMBER __builtin_nan("")

enum change_kind { CHANGE_ADD, CHANGE_REMOVE, CHANGE_REWEIGH, CHANGE_DOUBLE, CHANGE_TO };

struct change {
    enum change_kind kind;
    uint32_t count; // nodes added or removed; of `to` how many there are to be
    double factor;  // of a weight
};

// ---- events ---------------------------------------------------------------------------------

static const struct {
    const char *word;
    enum change_kind kind;
    bool argument; // must have one
} words[] = {{"add", CHANGE_ADD, false},       {"remove", CHANGE_REMOVE, false},
             {"fail", CHANGE_REMOVE, false},   {"reweigh", CHANGE_REWEIGH, false},
             {"double", CHANGE_DOUBLE, false}, {"to", CHANGE_TO, true}};

static int factor_read(const char *text, double *out)
{
    struct slice rest = slice_of_text(text);
    double value;

    if (!decimal_read(&rest, &value) || rest.size > 0 || value < 0.01 || value > 100)
        return ERR_INVALID;
    *out = value;
    return 0;
}

static int change_read(const char *text, struct change *out)
{
    const char *colon = strchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : strlen(text);
    uint64_t count = 1;

    *out = (struct change){.factor = 2};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i].word) != size || strncmp(words[i].word, text, size))
            continue;
        out->kind = words[i].kind;
        if (words[i].argument && !colon)
            return ERR_INVALID;
        if (colon && out->kind == CHANGE_DOUBLE)
            return ERR_INVALID;
        if (colon && out->kind == CHANGE_REWEIGH)
            return factor_read(colon + 1, &out->factor);
        if (colon && text_read_u64(colon + 1, 1, SCHEME_NODES_MAX, &count))
            return ERR_INVALID;
        out->count = (uint32_t)count;
        return 0;
    }
    return ERR_INVALID;
}

// True when so many nodes can become what the event says.
static bool change_possible(const struct change *change, uint32_t nodes, uint32_t replicas)
{
    if (change->kind == CHANGE_ADD)
        return nodes + change->count <= SCHEME_NODES_MAX;
    if (change->kind == CHANGE_REMOVE)
        return change->count < nodes && nodes - change->count >= replicas;
    return change->kind != CHANGE_TO || change->count >= replicas;
}

bool movement_event_valid(const char *text, struct buffer *why)
{
    struct change change;

    if (change_read(text, &change) == 0)
        return true;
    buffer_add_format(why,
                      "%s is no event: use add, add:K, remove, remove:K, fail, fail:K, reweigh, "
                      "reweigh:FACTOR (0.01 to 100), double or to:NODES, with at most %d nodes",
                      text, SCHEME_NODES_MAX);
    return false;
}

bool movement_event_fits(const char *text, uint32_t nodes, uint32_t replicas, struct buffer *why)
{
    struct change change;

    if (change_read(text, &change) || change_possible(&change, nodes, replicas))
        return true;
    buffer_add_format(why,
                      "event %s with %u nodes and %u replicas: there must stay at least as many "
                      "nodes as replicas, and at most %d",
                      text, nodes, replicas, SCHEME_NODES_MAX);
    return false;
}

// ---- carrying one out -----------------------------------------------------------------------

static int nodes_add(struct scheme *scheme, const struct trial *trial, uint64_t seed,
                     uint32_t count)
{
    int err = 0;

    for (uint32_t i = 0; i < count && !err; i++)
        err = scheme_add(scheme, trial_node(trial, seed, scheme->setup.node_count), NULL);
    return err;
}

// From the middle of the list on: nobody's favourite place.
static int nodes_remove(struct scheme *scheme, uint32_t count)
{
    uint32_t number = scheme->setup.node_count / 2;
    int err = 0;

    for (; count > 0 && !err; count--) {
        while (scheme->nodes[number].weight == 0)
            number = (number + 1) % scheme->setup.node_count;
        err = scheme_remove(scheme, number);
    }
    return err;
}

static int change_make(struct scheme *scheme, const struct trial *trial, uint64_t seed,
                       const struct change *change)
{
    double weight = scheme->nodes[0].weight * change->factor + 0.5; // to be rounded
    uint32_t nodes = scheme->setup.node_count;

    switch (change->kind) {
    case CHANGE_ADD:
        return nodes_add(scheme, trial, seed, change->count);
    case CHANGE_REMOVE:
        return nodes_remove(scheme, change->count);
    case CHANGE_REWEIGH:
        return scheme_reweigh(scheme, 0, weight < 1 ? 1 : (uint32_t)weight);
    case CHANGE_DOUBLE:
        return scheme_double(scheme);
    case CHANGE_TO:
        return change->count >= nodes ? nodes_add(scheme, trial, seed, change->count - nodes)
                                      : nodes_remove(scheme, nodes - change->count);
    }
    return ERR_METHOD;
}

// ---- comparing ------------------------------------------------------------------------------

struct comparison {
    const struct trial *trial;
    struct scheme *before;
    struct scheme *after;
    struct tally tally; // of the scheme after
    double copies;      // before: keys, and bytes, of all copies
    double copy_bytes;
    double made; // copies that a node holds and did not hold before
    double made_bytes;
    double keys;
    double first_moved; // keys whose first owner changed
    double stranded;    // copies before, on nodes that are gone after
    double stranded_bytes;
};

static bool among(const uint16_t *owners, uint32_t width, uint16_t node)
{
    for (uint32_t i = 0; i < width && owners[i] != SCHEME_NOBODY; i++) {
        if (owners[i] == node)
            return true;
    }
    return false;
}

static void compare_rows(struct comparison *comparison, const struct amount *amount,
                         const uint16_t *old, const uint16_t *new)
{
    uint32_t old_width = comparison->before->width;
    uint32_t new_width = comparison->after->width;

    comparison->keys += amount->keys;
    if (old[0] != new[0])
        comparison->first_moved += amount->keys;
    for (uint32_t i = 0; i < old_width && old[i] != SCHEME_NOBODY; i++) {
        comparison->copies += amount->keys;
        comparison->copy_bytes += amount->bytes;
        if (comparison->after->nodes[old[i]].weight)
            continue;
        comparison->stranded += amount->keys;
        comparison->stranded_bytes += amount->bytes;
    }
    for (uint32_t i = 0; i < new_width && new[i] != SCHEME_NOBODY; i++) {
        if (among(old, old_width, new[i]))
            continue;
        comparison->made += amount->keys;
        comparison->made_bytes += amount->bytes;
    }
}

static void compare_chunk(struct comparison *comparison, const struct key_walk *walk,
                          const uint16_t *old, const struct scheme_places *new)
{
    for (uint32_t i = 0; i < walk->keys.count; i++) {
        struct amount amount = amount_of_key(walk, i);
        const uint16_t *row = new->owners + (size_t)i * comparison->after->width;

        compare_rows(comparison, &amount, old + (size_t)i * comparison->before->width, row);
        tally_add(&comparison->tally, &amount, row, new->slots ? new->slots[i] : 0);
    }
}

static void compare_walk(struct comparison *comparison, uint64_t seed)
{
    struct key_walk *walk = memory_new(sizeof *walk);
    size_t row = sizeof(uint16_t) * SCHEME_BATCH_MAX;
    uint32_t slots[SCHEME_BATCH_MAX];
    struct scheme_places old = {.owners = memory_new(row * comparison->before->width)};
    struct scheme_places new = {.owners = memory_new(row * comparison->after->width)};

    new.slots = comparison->after->ranges ? slots : NULL;
    key_walk_begin(walk, comparison->trial, seed);
    scheme_begin(comparison->before, walk->total);
    scheme_begin(comparison->after, walk->total);
    while (key_walk_next(walk)) {
        scheme_locate(comparison->before, &walk->batch, &old);
        scheme_locate(comparison->after, &walk->batch, &new);
        compare_chunk(comparison, walk, old.owners, &new);
    }
    free(old.owners);
    free(new.owners);
    free(walk);
}

// Both cut the same space; where either has a border, a piece ends.
static void compare_endless(struct comparison *comparison)
{
    const struct ranges *old = comparison->before->ranges;
    const struct ranges *new = comparison->after->ranges;
    uint64_t last = 0; // the end of the piece before
    double whole = 18446744073709551616.0;

    for (uint32_t i = 0, j = 0; i < old->count && j < new->count;) {
        uint64_t end = old->ends[i] < new->ends[j] ? old->ends[i] : new->ends[j];
        struct amount amount = {.keys = (double)(end - last) / whole};

        compare_rows(comparison, &amount, old->owners + (size_t)i * old->width,
                     new->owners + (size_t)j *new->width);
        tally_add(&comparison->tally, &amount, NULL, j);
        last = end;
        i += old->ends[i] == end;
        j += new->ends[j] == end;
    }
}

// The share of all copies that must move for each node to hold its fair share, whatever the scheme:
// what newcomers are to hold and what others are to hold more by weight, or what lay on those that
// are gone.
static double minimum_share(const struct comparison *comparison)
{
    const struct scheme *after = comparison->after;
    double more = 0;

    if (comparison->stranded > 0)
        return comparison->stranded / comparison->copies;
    for (uint32_t i = 0; i < after->setup.node_count; i++) {
        double was =
            i < comparison->before->setup.node_count ? scheme_fair(comparison->before, i) : 0;
        double is = scheme_fair(after, i);

        more += is > was ? is - was : 0;
    }
    return more;
}

// ---- telling --------------------------------------------------------------------------------

static void tell_moves(const struct comparison *comparison, const char *event, bool bytes,
                       struct findings *out)
{
    double copies = bytes ? comparison->copy_bytes : comparison->copies;
    double made = bytes ? comparison->made_bytes : comparison->made;
    struct finding finding = {.event = event,
                              .subject = subject_names[bytes ? SUBJECT_BYTES : SUBJECT_KEYS],
                              .copies = copies_names[COPIES_ALL]};

    finding.metric = "moved";
    finding.value = made / copies;
    findings_add(out, &finding);
    finding.metric = "minimum";
    finding.value = minimum_share(comparison);
    if (bytes && comparison->stranded > 0)
        finding.value = comparison->stranded_bytes / copies;
    findings_add(out, &finding);
    if (comparison->trial->endless)
        return;
    finding.metric = "copied";
    finding.unit = bytes ? "bytes" : "";
    finding.value = made;
    findings_add(out, &finding);
}

static void tell_after(struct comparison *comparison, const char *event, enum subject subject,
                       struct findings *out)
{
    double loads[SCHEME_NODES_MAX];
    double fair[SCHEME_NODES_MAX];

    for (unsigned copies = 0; copies < COPIES; copies++) {
        uint32_t count = tally_loads(&comparison->tally, subject, copies, loads, fair);
        struct spread spread = spread_of(loads, fair, count);

        findings_add(out, &(struct finding){.event = event,
                                            .subject = subject_names[subject],
                                            .copies = copies_names[copies],
                                            .metric = "peak/average",
                                            .value = spread.peak});
    }
}

static void tell_nothing(const char *event, struct findings *out)
{
    findings_add(out, &(struct finding){.event = event,
                                        .subject = subject_names[SUBJECT_KEYS],
                                        .copies = copies_names[COPIES_ALL],
                                        .metric = "moved",
                                        .value = NOT_A_NUMBER});
}

static void tell(struct comparison *comparison, const char *event, struct findings *out)
{
    bool endless = comparison->trial->endless;

    tell_moves(comparison, event, false, out);
    findings_add(out, &(struct finding){.event = event,
                                        .subject = subject_names[SUBJECT_KEYS],
                                        .copies = copies_names[COPIES_ONE],
                                        .metric = "moved",
                                        .value = comparison->first_moved / comparison->keys});
    tell_after(comparison, event, SUBJECT_KEYS, out);
    if (endless)
        return;
    tell_moves(comparison, event, true, out);
    tell_after(comparison, event, SUBJECT_LOAD, out);
}

static void ask_event(const struct trial *trial, uint64_t seed, const char *event,
                      struct findings *out)
{
    struct comparison comparison = {.trial = trial};
    struct change change;

    check(change_read(event, &change) == 0);
    comparison.before = trial_scheme(trial, seed);
    comparison.after = trial_scheme(trial, seed);
    if (change_make(comparison.after, trial, seed, &change)) {
        tell_nothing(event, out);
    } else {
        tally_init(&comparison.tally, trial, comparison.after);
        if (trial->endless)
            compare_endless(&comparison);
        else
            compare_walk(&comparison, seed);
        if (trial->operations > 0 && !trial->endless)
            tally_draw(&comparison.tally, seed);
        tally_fold(&comparison.tally);
        tell(&comparison, event, out);
        tally_done(&comparison.tally);
    }
    scheme_free(comparison.before);
    scheme_free(comparison.after);
}

void question_movement(const struct trial *trial, uint64_t seed, struct findings *out)
{
    for (uint32_t i = 0; i < trial->event_count; i++)
        ask_event(trial, seed, trial->events[i], out);
}
