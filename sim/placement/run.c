// SPDX-License-Identifier: Apache-2.0
// A task is one repetition of one experiment; threads take the next one from a counter. The words
// of an experiment's findings are kept once, from repetition 0; of the others only the values, in a
// table of repetitions by findings. Whoever finishes an experiment's last repetition sums it up and
// frees the table, so memory holds the experiments under way and not all of them.
#include "sim/placement/run.h"

#include "base/check.h"
#include "base/rng.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct outcome {
    struct findings words; // of repetition 0
    double **values;       // of each repetition
    uint32_t left;         // repetitions to come
    size_t count;          // findings of each
    struct row *rows;
    struct arena texts;
};

struct run {
    const struct grid *grid;
    struct run_setup setup;
    struct outcome *outcomes; // one for each experiment
    struct row *rows;
    size_t row_count;
    pthread_mutex_t lock; // of what follows, and of `left`
    uint64_t next;        // task
    uint64_t total;
    uint64_t done;
};

static double *values_of(const struct findings *findings)
{
    double *values = memory_new((findings->count + 1) * sizeof *values);

    for (size_t i = 0; i < findings->count; i++)
        values[i] = findings->list[i].value;
    return values;
}

// ---- summing up ---------------------------------------------------------------------------------

static const char *at_text(struct outcome *outcome, const struct finding *finding)
{
    struct buffer text = {0};
    const char *kept;

    if (!finding->curve)
        return "";
    number_write(&text, finding->at, 9);
    buffer_add_u8(&text, 0);
    kept = arena_text(&outcome->texts, "%s", (const char *)text.data);
    buffer_done(&text);
    return kept;
}

static void row_fill(const struct run *run, const struct experiment *experiment,
                     struct outcome *outcome, size_t number, double *column)
{
    const struct finding *finding = &outcome->words.list[number];
    struct row *row = &outcome->rows[number];

    memcpy(row->labels, experiment->labels, sizeof row->labels);
    row->labels[LABEL_EVENT] = finding->event;
    row->labels[LABEL_SUBJECT] = finding->subject;
    row->labels[LABEL_COPIES] = finding->copies;
    row->labels[LABEL_METRIC] = finding->metric;
    row->labels[LABEL_AT] = at_text(outcome, finding);
    row->unit = finding->unit;
    row->note = finding->note;
    row->repetitions = run->setup.repetitions;
    for (uint32_t i = 0; i < run->setup.repetitions; i++)
        column[i] = outcome->values[i][number];
    row->value = summary_of(column, run->setup.repetitions);
}

static void sum_up(const struct run *run, uint32_t number)
{
    struct outcome *outcome = &run->outcomes[number];
    double *column = memory_new(run->setup.repetitions * sizeof *column);

    outcome->count = outcome->words.count;
    outcome->rows = memory_new((outcome->count + 1) * sizeof *outcome->rows);
    for (size_t i = 0; i < outcome->count; i++)
        row_fill(run, &run->grid->list[number], outcome, i, column);
    for (uint32_t i = 0; i < run->setup.repetitions; i++)
        free(outcome->values[i]);
    free(outcome->values);
    outcome->values = NULL;
    free(column);
}

// ---- tasks --------------------------------------------------------------------------------------

static bool task_take(struct run *run, uint64_t *out)
{
    bool have;

    pthread_mutex_lock(&run->lock);
    have = run->next < run->total;
    if (have)
        *out = run->next++;
    pthread_mutex_unlock(&run->lock);
    return have;
}

// Keeps what a repetition found; true when it was the experiment's last.
static bool task_keep(struct run *run, uint32_t number, uint32_t repetition,
                      struct findings *findings)
{
    struct outcome *outcome = &run->outcomes[number];
    double *values = values_of(findings);
    bool last;

    pthread_mutex_lock(&run->lock);
    if (!outcome->values)
        outcome->values = memory_new(run->setup.repetitions * sizeof *outcome->values);
    outcome->values[repetition] = values;
    check(outcome->count == 0 || outcome->count == findings->count);
    outcome->count = findings->count;
    if (repetition == 0)
        outcome->words = *findings;
    else
        findings_done(findings);
    last = --outcome->left == 0;
    run->done += 1;
    if (run->setup.progress)
        run->setup.progress(run->setup.context, run->done, run->total);
    pthread_mutex_unlock(&run->lock);
    return last;
}

static void *work(void *context)
{
    struct run *run = context;
    uint64_t task;

    while (task_take(run, &task)) {
        uint32_t number = (uint32_t)(task / run->setup.repetitions);
        uint32_t repetition = (uint32_t)(task % run->setup.repetitions);
        const struct experiment *experiment = &run->grid->list[number];
        uint64_t seed = rng_mix(rng_mix(run->setup.seed) + repetition);
        struct findings findings = {0};

        experiment->question->ask(&experiment->trial, seed, &findings);
        if (task_keep(run, number, repetition, &findings))
            sum_up(run, number);
    }
    return NULL;
}

static void work_on_threads(struct run *run)
{
    pthread_t threads[THREADS_MAX];
    unsigned started = 0;

    while (started + 1 < run->setup.threads && started + 1 < run->total) {
        if (pthread_create(&threads[started], NULL, work, run))
            break; // fewer will do
        started += 1;
    }
    (void)work(run);
    while (started > 0)
        pthread_join(threads[--started], NULL);
}

static void rows_gather(struct run *run)
{
    size_t count = 0;

    for (uint32_t i = 0; i < run->grid->count; i++)
        run->row_count += run->outcomes[i].count;
    run->rows = memory_new((run->row_count + 1) * sizeof *run->rows);
    for (uint32_t i = 0; i < run->grid->count; i++) {
        struct outcome *outcome = &run->outcomes[i];

        memcpy(run->rows + count, outcome->rows, outcome->count * sizeof *run->rows);
        count += outcome->count;
        free(outcome->rows);
        outcome->rows = NULL;
    }
}

struct run *run_new(const struct grid *grid, const struct run_setup *setup)
{
    struct run *run = memory_new(sizeof *run);

    check(setup->repetitions > 0 && setup->threads > 0 && setup->threads <= THREADS_MAX);
    *run = (struct run){.grid = grid, .setup = *setup};
    run->total = (uint64_t)grid->count * setup->repetitions;
    run->outcomes = memory_new((grid->count + 1) * sizeof *run->outcomes);
    for (uint32_t i = 0; i < grid->count; i++)
        run->outcomes[i].left = setup->repetitions;
    check(pthread_mutex_init(&run->lock, NULL) == 0);
    work_on_threads(run);
    rows_gather(run);
    return run;
}

void run_free(struct run *run)
{
    if (!run)
        return;
    for (uint32_t i = 0; i < run->grid->count; i++) {
        findings_done(&run->outcomes[i].words);
        arena_done(&run->outcomes[i].texts);
    }
    pthread_mutex_destroy(&run->lock);
    free(run->outcomes);
    free(run->rows);
    free(run);
}

struct row *run_rows(const struct run *run, size_t *count)
{
    *count = run->row_count;
    return run->rows;
}
