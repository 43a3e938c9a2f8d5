// SPDX-License-Identifier: Apache-2.0
// Nested loops over lists, written flat: each axis is a list of values; a counter with one digit
// for each axis runs through all combinations. An axis that does not matter has one value and no
// label.
#include "sim/placement/grid.h"

#include "base/check.h"
#include "base/err.h"
#include "sim/question/lookup.h"

#include <stdlib.h>
#include <string.h>

enum axis {
    AXIS_SCHEME,
    AXIS_WORKLOAD, // an index into the grid's workloads
    AXIS_NODES,
    AXIS_REPLICAS,
    AXIS_SHARDS,
    AXIS_VNODES,
    AXIS_PARTITIONS,
    AXIS_BOUND,
    AXIS_BOOST_COPIES,
    AXIS_BOOST_SHARDS,
    AXIS_ZONES,
    AXIS_OPERATIONS,
    AXIS_R,
    AXIS_W,
    AXIS_LEGS,
    AXES
};

struct counter {
    size_t digit[AXES];
    size_t size[AXES]; // values of each axis; 1 for one that does not matter
};

// False when it has come round.
static bool counter_next(struct counter *counter)
{
    for (unsigned axis = AXES; axis-- > 0;) {
        if (++counter->digit[axis] < counter->size[axis])
            return true;
        counter->digit[axis] = 0;
    }
    return false;
}

// ---- workloads ---------------------------------------------------------------------------------

static bool uses_theta(enum workload_kind kind)
{
    return kind == WORKLOAD_ZIPF || kind == WORKLOAD_SCRAMBLED || kind == WORKLOAD_LATEST;
}

static int workload_add(struct grid *grid, const struct workload_setup *setup, struct buffer *why)
{
    size_t size = (grid->workload_count + 1) * sizeof(struct workload *);
    struct workload *workload;
    int err = workload_new(setup, &workload, why);

    if (err)
        return err;
    grid->workloads = memory_grow(grid->workloads, size);
    grid->workloads[grid->workload_count++] = workload;
    return 0;
}

// All of one kind: by theta, keys and read share, as far as they matter.
static int workloads_of_kind(struct grid *grid, const struct options *options,
                             enum workload_kind kind, struct buffer *why)
{
    size_t thetas = uses_theta(kind) ? options->theta.count : 1;
    size_t keys = kind == WORKLOAD_TRACE || options->endless ? 1 : options->keys.count;
    size_t all = thetas * keys * options->read_share.count;
    int err = 0;

    for (size_t i = 0; i < all && !err; i++) {
        struct workload_setup setup = {
            .kind = kind,
            .keys = (uint64_t)options->keys.values[i / thetas % keys],
            .theta = uses_theta(kind) ? options->theta.values[i % thetas] : 0,
            .hot_operations = options->hot_operations,
            .hot_keys = options->hot_keys,
            .read_share = options->read_share.values[i / thetas / keys],
            .bytes_min = options->bytes_min,
            .bytes_max = options->bytes_max,
            .trace_path = options->trace_path,
        };

        err = workload_add(grid, &setup, why);
    }
    return err;
}

static int workloads_make(struct grid *grid, const struct options *options, struct buffer *why)
{
    struct workload_setup endless = {.kind = WORKLOAD_UNIFORM, .keys = 1, .read_share = 1};
    int err = 0;

    if (options->endless)
        return workload_add(grid, &endless, why);
    for (unsigned i = 0; i < options->workload_count && !err; i++) {
        if (options->workloads[i] == WORKLOAD_TRACE && !options->trace_path) {
            buffer_add_format(why, "--workload trace: name the file with --trace FILE");
            return ERR_INVALID;
        }
        err = workloads_of_kind(grid, options, options->workloads[i], why);
    }
    return err;
}

// ---- labels ------------------------------------------------------------------------------------

static const char *label_number(struct grid *grid, double value)
{
    struct buffer text = {0};
    const char *label;

    number_write(&text, value, 12);
    buffer_add_u8(&text, 0);
    label = arena_text(&grid->texts, "%s", (const char *)text.data);
    buffer_done(&text);
    return label;
}

// Not where partitions are given that else follow from them.
static bool vnodes_matter(const struct scheme_kind *kind, bool partitions_given)
{
    bool follow = kind->uses & SCHEME_USES_PARTITIONS && kind->partitions == 0;

    return kind->uses & SCHEME_USES_VNODES && !(follow && partitions_given);
}

static void label_scheme(struct grid *grid, struct experiment *experiment,
                         const struct options *options)
{
    const struct trial *trial = &experiment->trial;
    const struct scheme_setup *setup = &trial->setup;
    unsigned uses = trial->kind->uses;
    const char **labels = experiment->labels;

    labels[LABEL_SCHEME] = trial->kind->name;
    if (uses & SCHEME_USES_TABLE && setup->successive)
        labels[LABEL_SCHEME] = arena_text(&grid->texts, "%s/successive", trial->kind->name);
    if (uses & SCHEME_USES_BOUND && setup->bound_keys)
        labels[LABEL_SCHEME] = arena_text(&grid->texts, "%s/keys", trial->kind->name);
    labels[LABEL_NODES] = label_number(grid, trial->nodes);
    labels[LABEL_REPLICAS] = label_number(grid, setup->replicas);
    if (uses & SCHEME_USES_SHARDS)
        labels[LABEL_SHARDS] = label_number(grid, setup->shards);
    if (vnodes_matter(trial->kind, setup->partitions > 0))
        labels[LABEL_VNODES] = label_number(grid, setup->vnodes);
    if (uses & SCHEME_USES_PARTITIONS && (setup->partitions || trial->kind->partitions))
        labels[LABEL_PARTITIONS] = label_number(grid, scheme_partitions(trial->kind, setup));
    if (uses & SCHEME_USES_BOUND)
        labels[LABEL_BOUND] = label_number(grid, setup->bound);
    if (uses & SCHEME_USES_BOOST)
        labels[LABEL_BOOST] =
            arena_text(&grid->texts, "%ux%u", setup->boost_shards, setup->boost_copies);
    if (trial->zones)
        labels[LABEL_ZONES] = label_number(grid, trial->zones);
    if (options->weight_count)
        labels[LABEL_WEIGHTS] = options->weights_text;
}

static void label_workload(struct grid *grid, struct experiment *experiment)
{
    const struct trial *trial = &experiment->trial;
    const struct workload_setup *setup = workload_setup(trial->workload);
    const char **labels = experiment->labels;

    labels[LABEL_WORKLOAD] = workload_word(setup->kind);
    labels[LABEL_KEYS] = trial->endless ? "inf" : label_number(grid, (double)setup->keys);
    if (trial->endless)
        return;
    if (uses_theta(setup->kind))
        labels[LABEL_THETA] = label_number(grid, setup->theta);
    if (trial->operations && experiment->question->uses & QUESTION_USES_OPERATIONS)
        labels[LABEL_OPERATIONS] = label_number(grid, (double)trial->operations);
    labels[LABEL_READ_SHARE] = label_number(grid, setup->read_share);
}

// Endless keys have no load; a question without keys does not care.
static bool r_matters(unsigned uses, bool endless)
{
    return uses & QUESTION_USES_R && !(endless && uses & QUESTION_USES_WORKLOAD);
}

static void label_all(struct grid *grid, struct experiment *experiment,
                      const struct options *options, const char *legs)
{
    unsigned uses = experiment->question->uses;
    const struct trial *trial = &experiment->trial;

    for (unsigned i = 0; i < LABELS; i++)
        experiment->labels[i] = "";
    experiment->labels[LABEL_QUESTION] = experiment->question->name;
    experiment->labels[LABEL_REPLICAS] = label_number(grid, trial->setup.replicas);
    if (uses & QUESTION_USES_SCHEME)
        label_scheme(grid, experiment, options);
    if (uses & QUESTION_USES_WORKLOAD)
        label_workload(grid, experiment);
    if (r_matters(uses, trial->endless))
        experiment->labels[LABEL_R] = label_number(grid, trial->r);
    if (uses & QUESTION_USES_W)
        experiment->labels[LABEL_W] = label_number(grid, trial->w);
    if (uses & QUESTION_USES_LEGS)
        experiment->labels[LABEL_LEGS] = legs;
}

// ---- one combination ---------------------------------------------------------------------------

static uint32_t level_number(int level, uint32_t replicas)
{
    if (level == CHOICE_QUORUM)
        return replicas / 2 + 1;
    return level == CHOICE_ALL ? replicas : (uint32_t)level;
}

static uint64_t operations_of(const struct workload *workload, double given)
{
    uint64_t keys = workload_setup(workload)->keys;

    if (given > 0 || !workload_only_drawn(workload))
        return (uint64_t)given;
    return keys < 1000 * 1000 ? 1000 * 1000 : keys < 10000 * 1000 ? keys : 10000 * 1000;
}

// Leaves those events out, at both ends of the list, that so many nodes do not allow.
static void events_fit(struct trial *trial)
{
    uint32_t replicas = trial->setup.replicas;
    struct buffer why = {0};

    while (trial->event_count > 0 && !movement_event_fits(trial->events[trial->event_count - 1],
                                                          trial->nodes, replicas, &why))
        trial->event_count -= 1;
    while (trial->event_count > 0 &&
           !movement_event_fits(trial->events[0], trial->nodes, replicas, &why)) {
        trial->events += 1;
        trial->event_count -= 1;
    }
    buffer_done(&why);
}

static void trial_fill(const struct grid *grid, const struct options *options,
                       const struct counter *counter, struct trial *trial)
{
    const size_t *digit = counter->digit;
    uint32_t replicas = (uint32_t)options->replicas.values[digit[AXIS_REPLICAS]];
    uint32_t shards = (uint32_t)options->shards.values[digit[AXIS_SHARDS]];
    uint32_t boost = (uint32_t)options->boost_copies.values[digit[AXIS_BOOST_COPIES]];
    uint32_t boosted = (uint32_t)options->boost_shards.values[digit[AXIS_BOOST_SHARDS]];

    *trial = (struct trial){
        .kind = options->schemes[digit[AXIS_SCHEME]],
        .setup = {.replicas = replicas,
                  .shards = shards,
                  .vnodes = (uint32_t)options->vnodes.values[digit[AXIS_VNODES]],
                  .partitions = (uint32_t)options->partitions.values[digit[AXIS_PARTITIONS]],
                  .bound = options->bound.values[digit[AXIS_BOUND]],
                  .bound_keys = options->bound_keys,
                  .boost_copies = boost ? boost : replicas,
                  .boost_shards = boosted        ? boosted
                                  : shards < 100 ? 1
                                                 : shards / 100,
                  .successive = options->successive},
        .nodes = (uint32_t)options->nodes.values[digit[AXIS_NODES]],
        .weights = options->weight_count ? options->weights : NULL,
        .weight_count = options->weight_count,
        .zones = (uint32_t)options->zones.values[digit[AXIS_ZONES]],
        .workload = grid->workloads[digit[AXIS_WORKLOAD]],
        .endless = options->endless,
        .events = options->events,
        .event_count = options->event_count,
        .r = level_number(options->r[digit[AXIS_R]], replicas),
        .w = level_number(options->w[digit[AXIS_W]], replicas),
        .latency = grid->latency,
        .staleness = &grid->staleness[digit[AXIS_LEGS]],
    };
    if (options->events_default)
        events_fit(trial);
    if (!options->endless)
        trial->operations =
            operations_of(trial->workload, options->operations.values[digit[AXIS_OPERATIONS]]);
}

static bool refuses_endless(const struct trial *trial, const char *question, struct buffer *why)
{
    const struct scheme_kind *kind = trial->kind;
    bool even = trial->setup.replicas == 1 || (!trial->weights && !trial->zones);

    if (kind->uses & (SCHEME_LEARNS | SCHEME_ORDERED)) {
        buffer_add_format(why, "%s goes by the load of keys: give a number of --keys", kind->name);
        return true;
    }
    if (kind->fair &&
        (strcmp(question, "movement") == 0 || (strcmp(question, "balance") == 0 && !even))) {
        buffer_add_format(why, "%s has no ranges to measure: give a number of --keys", kind->name);
        return true;
    }
    if (strcmp(question, "latency"))
        return false;
    buffer_add_format(why, "latency draws keys: give a number of --keys");
    return true;
}

// Why the scheme cannot be made so, or not be asked this.
static bool refuses_scheme(const struct experiment *experiment, struct buffer *why)
{
    const struct trial *trial = &experiment->trial;
    const char *question = experiment->question->name;
    struct scheme_node nodes[SCHEME_NODES_MAX];
    struct scheme_setup setup = trial->setup;
    bool drawn = strcmp(question, "latency") == 0 ||
                 (experiment->question->uses & QUESTION_USES_OPERATIONS && trial->operations > 0);

    for (uint32_t i = 0; i < trial->nodes; i++)
        nodes[i] = trial_node(trial, 1, i);
    setup.nodes = nodes;
    setup.node_count = trial->nodes;
    if (scheme_refuses(trial->kind, &setup, why))
        return true;
    if (trial->endless && refuses_endless(trial, question, why))
        return true;
    if (trial->kind->uses & SCHEME_ORDERED && drawn &&
        workload_setup(trial->workload)->keys > LOOKUP_COPIES_MAX / setup.replicas) {
        buffer_add_format(why, "%s with drawn operations: at most %u --keys with %u replicas",
                          trial->kind->name, LOOKUP_COPIES_MAX / setup.replicas, setup.replicas);
        return true;
    }
    if (strcmp(question, "movement"))
        return false;
    for (uint32_t i = 0; i < trial->event_count; i++) {
        if (!movement_event_fits(trial->events[i], trial->nodes, setup.replicas, why))
            return true;
    }
    return false;
}

static bool refuses_levels(const struct experiment *experiment, struct buffer *why)
{
    const struct trial *trial = &experiment->trial;
    unsigned uses = experiment->question->uses;
    uint32_t replicas = trial->setup.replicas;

    if ((trial->r <= replicas || !(uses & QUESTION_USES_R)) &&
        (trial->w <= replicas || !(uses & QUESTION_USES_W)))
        return false;
    buffer_add_format(why, "r %u, w %u with %u replicas: neither can be more than there are copies",
                      trial->r, trial->w, replicas);
    return true;
}

// Of "all", a scheme that cannot do it is left out, named once.
static void leave_out(struct grid *grid, const struct scheme_kind *kind, const struct buffer *why)
{
    size_t size = strlen(kind->name);
    const char *noted = (const char *)grid->left_out.data;

    for (size_t at = 0; at + size < grid->left_out.size; at++) {
        if ((at == 0 || noted[at - 1] == '\n') && memcmp(noted + at, kind->name, size) == 0 &&
            noted[at + size] == ':')
            return;
    }
    buffer_add_format(&grid->left_out, "%s: left out: %.*s\n", kind->name, (int)why->size,
                      (const char *)why->data);
}

static int experiment_add(struct grid *grid, const struct options *options,
                          const struct question *question, const struct counter *counter,
                          struct buffer *why)
{
    struct experiment *experiment = &grid->list[grid->count];
    bool schemes = question->uses & QUESTION_USES_SCHEME;

    experiment->question = question;
    trial_fill(grid, options, counter, &experiment->trial);
    if (refuses_levels(experiment, why))
        return ERR_INVALID;
    if (schemes && refuses_scheme(experiment, why)) {
        if (!options->every_scheme)
            return ERR_INVALID;
        leave_out(grid, experiment->trial.kind, why);
        why->size = 0;
        return 0;
    }
    label_all(grid, experiment, options, options->legs[counter->digit[AXIS_LEGS]].name);
    grid->count += 1;
    return 0;
}

// ---- all of them -------------------------------------------------------------------------------

// How many values each axis has for a question, and for a scheme if it is about schemes.
static void axes_set(struct counter *counter, const struct grid *grid,
                     const struct options *options, unsigned asks, const struct scheme_kind *kind)
{
    unsigned uses = kind ? kind->uses : 0;
    bool partitions = options->partitions.values[0] > 0;
    const struct {
        enum axis axis;
        bool matters;
        size_t count;
    } axes[] = {
        {AXIS_WORKLOAD, asks & QUESTION_USES_WORKLOAD, grid->workload_count},
        {AXIS_NODES, asks & QUESTION_USES_SCHEME, options->nodes.count},
        {AXIS_REPLICAS, true, options->replicas.count},
        {AXIS_SHARDS, uses & SCHEME_USES_SHARDS, options->shards.count},
        {AXIS_VNODES, kind && vnodes_matter(kind, partitions), options->vnodes.count},
        {AXIS_PARTITIONS, uses & SCHEME_USES_PARTITIONS, options->partitions.count},
        {AXIS_BOUND, uses & SCHEME_USES_BOUND, options->bound.count},
        {AXIS_BOOST_COPIES, uses & SCHEME_USES_BOOST, options->boost_copies.count},
        {AXIS_BOOST_SHARDS, uses & SCHEME_USES_BOOST, options->boost_shards.count},
        {AXIS_ZONES, asks & QUESTION_USES_SCHEME, options->zones.count},
        {AXIS_OPERATIONS, asks & QUESTION_USES_OPERATIONS && !options->endless,
         options->operations.count},
        {AXIS_R, r_matters(asks, options->endless), options->r_count},
        {AXIS_W, asks & QUESTION_USES_W, options->w_count},
        {AXIS_LEGS, asks & QUESTION_USES_LEGS, options->leg_count},
    };

    counter->size[AXIS_SCHEME] = 1;
    for (size_t i = 0; i < sizeof axes / sizeof axes[0]; i++)
        counter->size[axes[i].axis] = axes[i].matters ? axes[i].count : 1;
}

static int combinations_add(struct grid *grid, const struct options *options,
                            const struct question *question, size_t scheme, struct buffer *why)
{
    bool schemes = question->uses & QUESTION_USES_SCHEME;
    struct counter counter = {.digit = {[AXIS_SCHEME] = scheme}};

    axes_set(&counter, grid, options, question->uses, schemes ? options->schemes[scheme] : NULL);
    counter.size[AXIS_SCHEME] = scheme + 1;
    do {
        size_t size = (grid->count + 1) * sizeof *grid->list;
        int err;

        if (grid->count == EXPERIMENTS_MAX) {
            buffer_add_format(why, "more than %d experiments: give fewer values", EXPERIMENTS_MAX);
            return ERR_TOO_LARGE;
        }
        grid->list = memory_grow(grid->list, size);
        err = experiment_add(grid, options, question, &counter, why);
        if (err)
            return err;
    } while (counter_next(&counter));
    return 0;
}

static void setups_make(struct grid *grid, const struct options *options)
{
    grid->latency = arena_alloc(&grid->texts, sizeof *grid->latency);
    *grid->latency = options->latency;
    grid->staleness = arena_alloc(&grid->texts, options->leg_count * sizeof *grid->staleness);
    for (unsigned i = 0; i < options->leg_count; i++) {
        grid->staleness[i] = options->staleness;
        memcpy(grid->staleness[i].legs, options->legs[i].delay, sizeof grid->staleness[i].legs);
    }
}

int grid_make(struct grid *grid, const struct options *options, uint64_t (*clock_ns)(void),
              struct buffer *why)
{
    int err;

    *grid = (struct grid){0};
    setups_make(grid, options);
    err = workloads_make(grid, options, why);
    for (unsigned i = 0; i < options->asked_count && !err; i++) {
        const struct question *question = options->asked[i];
        size_t schemes = question->uses & QUESTION_USES_SCHEME ? options->scheme_count : 1;

        for (size_t scheme = 0; scheme < schemes && !err; scheme++)
            err = combinations_add(grid, options, question, scheme, why);
    }
    for (uint32_t i = 0; i < grid->count; i++)
        grid->list[i].trial.clock_ns = clock_ns;
    if (!err && grid->count == 0) {
        buffer_add_format(why, "no scheme can do this:\n%.*s", (int)grid->left_out.size,
                          (const char *)grid->left_out.data);
        err = ERR_INVALID;
    }
    return err;
}

void grid_done(struct grid *grid)
{
    for (uint32_t i = 0; i < grid->workload_count; i++)
        workload_free(grid->workloads[i]);
    free(grid->workloads);
    free(grid->list);
    buffer_done(&grid->left_out);
    arena_done(&grid->texts);
    *grid = (struct grid){0};
}
