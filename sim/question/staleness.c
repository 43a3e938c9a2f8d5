// SPDX-License-Identifier: Apache-2.0
// Many writes, each with a read (wars.h), and what they come down to. The sample is kept whole, so
// that quantiles and probabilities are exact for it, and all of them come from the same writes.
#include "sim/question/staleness.h"

#include "base/check.h"
#include "sim/number/number.h"
#include "sim/number/summary.h"
#include "sim/question/times.h"

#include <stdlib.h>

// What each replica's legs are drawn from: those of the setup and, between different sites, more.
struct world {
    const struct trial *trial;
    const struct staleness_setup *setup;
    const struct delay *between[SCHEME_REPLICAS_MAX][LEGS]; // NULL: nothing to add
};

struct sample {
    size_t count;
    double *reads; // ms, each of `count`
    double *writes;
    double *visible;
};

static const struct delay *delay_between(const struct staleness_setup *setup, uint8_t a, uint8_t b)
{
    for (unsigned i = 0; i < setup->pair_count; i++) {
        const struct site_delay *pair = &setup->pairs[i];

        if ((pair->a == a && pair->b == b) || (pair->a == b && pair->b == a))
            return &pair->delay;
    }
    return NULL;
}

static void world_init(struct world *world, const struct trial *trial)
{
    const struct staleness_setup *setup = trial->staleness;

    *world = (struct world){.trial = trial, .setup = setup};
    for (uint32_t i = 0; i < trial->setup.replicas; i++) {
        uint8_t site = setup->replica_sites[i];

        world->between[i][LEG_W] = delay_between(setup, setup->writer_site, site);
        world->between[i][LEG_A] = world->between[i][LEG_W];
        world->between[i][LEG_R] = delay_between(setup, setup->reader_site, site);
        world->between[i][LEG_S] = world->between[i][LEG_R];
    }
}

static void draw_legs(const struct world *world, struct rng *rng, struct wars *wars)
{
    for (uint32_t i = 0; i < wars->n; i++)
        for (unsigned leg = 0; leg < LEGS; leg++) {
            const struct delay *more = world->between[i][leg];

            wars->legs[leg][i] = delay_draw(&world->setup->legs[leg], rng);
            if (more)
                wars->legs[leg][i] += delay_draw(more, rng);
        }
}

// The reader asks itself and those of the others that come first.
static void coordinators_choose(struct rng *rng, struct wars *wars)
{
    uint32_t writer = (uint32_t)rng_below(rng, wars->n);
    uint32_t reader = (uint32_t)rng_below(rng, wars->n);
    uint32_t asked = 1;

    wars->legs[LEG_W][writer] = wars->legs[LEG_A][writer] = 0;
    wars->legs[LEG_R][reader] = wars->legs[LEG_S][reader] = 0;
    for (uint32_t i = 0; i < wars->n; i++) {
        if (i == reader)
            continue;
        if (asked < wars->r)
            asked += 1;
        else
            wars->legs[LEG_S][i] = NUMBER_INFINITY;
    }
}

static void sample_init(struct sample *sample, const struct world *world, uint64_t seed)
{
    const struct trial *trial = world->trial;
    struct wars wars = {.n = trial->setup.replicas, .r = trial->r, .w = trial->w};
    struct rng rng;

    rng_init(&rng, seed);
    sample->count = trial->staleness->trials;
    sample->reads = memory_grow(NULL, sample->count * sizeof(double));
    sample->writes = memory_grow(NULL, sample->count * sizeof(double));
    sample->visible = memory_grow(NULL, sample->count * sizeof(double));
    for (size_t i = 0; i < sample->count; i++) {
        struct wars_outcome outcome;

        draw_legs(world, &rng, &wars);
        if (trial->staleness->local)
            coordinators_choose(&rng, &wars);
        outcome = wars_outcome(&wars);
        sample->reads[i] = outcome.read;
        sample->writes[i] = outcome.write;
        sample->visible[i] = outcome.visible;
    }
}

static void sample_done(struct sample *sample)
{
    free(sample->reads);
    free(sample->writes);
    free(sample->visible);
}

// The share of sorted values that are at most `limit`.
static double share_up_to(const double *sorted, size_t count, double limit)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sorted[middle] <= limit)
            low = middle + 1;
        else
            high = middle;
    }
    return (double)low / (double)count;
}

static void find_curve(struct findings *out, const char *metric, const char *unit, double at,
                       double value)
{
    findings_add(out, &(struct finding){
                          .metric = metric, .unit = unit, .at = at, .curve = true, .value = value});
}

static void find_visibility(const struct staleness_setup *setup, struct sample *sample,
                            struct findings *out)
{
    numbers_sort(sample->visible, sample->count);
    for (unsigned i = 0; i < setup->time_count; i++)
        find_curve(out, "p-consistent", "", setup->times[i],
                   share_up_to(sample->visible, sample->count, setup->times[i]));
    for (unsigned i = 0; i < setup->probability_count; i++)
        find_curve(out, "t-visible", "ms", setup->probabilities[i],
                   percentile_of_sorted(sample->visible, sample->count, setup->probabilities[i]));
}

static void find_versions(const struct trial *trial, struct findings *out)
{
    for (uint32_t k = 1; k <= STALENESS_VERSIONS; k++)
        find_curve(out, "p-stale-versions", "", k,
                   wars_stale_versions(trial->setup.replicas, trial->r, trial->w, k));
}

void question_staleness(const struct trial *trial, uint64_t seed, struct findings *out)
{
    struct world world;
    struct sample sample;

    check(trial->staleness->trials >= 1 && trial->staleness->trials <= STALENESS_TRIALS_MAX);
    world_init(&world, trial);
    sample_init(&sample, &world, seed);
    find_visibility(trial->staleness, &sample, out);
    times_find(out, (struct times_place){.subject = "reads"}, sample.reads, sample.count);
    times_find(out, (struct times_place){.subject = "writes"}, sample.writes, sample.count);
    find_versions(trial, out);
    sample_done(&sample);
}
