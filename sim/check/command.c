// SPDX-License-Identifier: Apache-2.0
#include "sim/check/command.h"

#include "base/err.h"
#include "base/plant.h"
#include "sim/check/options.h"
#include "sim/check/shrink.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HOUR_US 3600e6

// ---- progress -----------------------------------------------------------------------------------

static double clock_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct showing {
    double began;
    double drawn;
};

static void show_progress(void *data, const struct trial_result *sum, uint64_t seeds)
{
    struct showing *showing = data;
    double now = clock_seconds();

    if (now - showing->drawn < 0.2)
        return;
    showing->drawn = now;
    fprintf(stderr,
            "\r%" PRIu64 " seeds, %.1f simulated hours (%.0f x), %" PRIu64 " faults, %" PRIu64
            " operations, %" PRIu64 " bad \033[K",
            seeds, (double)sum->virtual_us / HOUR_US,
            (double)sum->virtual_us / 1e6 / (now - showing->began), sum->faults, sum->operations,
            sum->findings);
}

static void show_shrinking(void *data, uint64_t tries, uint64_t faults)
{
    struct showing *showing = data;
    double now = clock_seconds();

    if (now - showing->drawn < 0.2)
        return;
    showing->drawn = now;
    fprintf(stderr, "\rmaking it smaller: %" PRIu64 " runs, %" PRIu64 " faults left \033[K", tries,
            faults);
}

static void show_end(const struct showing *showing)
{
    if (showing->drawn > 0)
        fprintf(stderr, "\r\033[K");
}

// ---- what is printed ----------------------------------------------------------------------------

static void print_knobs(void)
{
    for (int knob = 0; knob < KNOBS; knob++)
        printf("%-18s %s%s\n", knob_name((enum knob)knob),
               knob_is_fault((enum knob)knob) ? "(fault) " : "", knob_text((enum knob)knob));
}

static void print_knobs_of(const struct trial *trial, uint64_t seed)
{
    struct knobs knobs;

    knobs_draw(&knobs, seed, &trial->set);
    printf("seed %" PRIu64 ":", seed);
    for (int knob = 0; knob < KNOBS; knob++) {
        if (knobs.at[knob] || !knob_is_fault((enum knob)knob))
            printf(" %s=%" PRIu64, knob_name((enum knob)knob), knobs.at[knob]);
    }
    printf("\n");
}

static void print_line(void *data, uint64_t now_us, int node, const char *text)
{
    (void)data;
    if (node < 0)
        printf("%12.6f      %s\n", (double)now_us / 1e6, text);
    else
        printf("%12.6f  n%d  %s\n", (double)now_us / 1e6, node + 1, text);
}

static void print_bad(const struct trial *trial, const struct trial_result *result,
                      uint64_t shrunk_by)
{
    struct buffer command = {0};

    shrink_command(trial, result->faults_drawn, &command);
    printf("seed %" PRIu64 ": %" PRIu64 " findings\n%s", result->seed, result->findings,
           result->text);
    if (shrunk_by)
        printf("made smaller in %" PRIu64 " runs, %" PRIu64 " faults are left\n", shrunk_by,
               result->faults);
    printf("repeat it: %.*s\n\n", (int)command.size, (const char *)command.data);
    buffer_done(&command);
}

static void print_sum(const struct campaign *campaign, double seconds)
{
    const struct trial_result *sum = &campaign->sum;
    double hours = (double)sum->virtual_us / HOUR_US;
    const char *title = "never happened:";

    printf("%" PRIu64 " seeds, %.1f simulated hours in %.1f s (%.0f times as fast), %" PRIu64
           " faults (%.0f an hour), %" PRIu64 " messages\n"
           "%" PRIu64 " operations, %" PRIu64 " acknowledged; judged: %" PRIu64
           " strict reads, %" PRIu64 " acknowledged writes, %" PRIu64 " promises to sessions\n"
           "%" PRIu64 " bad seeds\n",
           campaign->seeds, hours, seconds, hours * 3600 / seconds, sum->faults,
           hours > 0 ? (double)sum->faults / hours : 0, sum->messages, sum->operations, sum->done,
           sum->reads_judged, sum->writes_judged, sum->promises_tested, sum->findings);
    for (int i = 0; i < PROBE_COUNT; i++) {
        if (sum->probes[i])
            continue;
        printf("%s %s", title, probe_text((enum probe)i));
        title = ";";
    }
    if (*title == ';')
        printf("\n");
}

static void json_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if (*text == '\n')
            printf("\\n");
        else if ((unsigned char)*text >= ' ')
            putchar(*text);
    }
    putchar('"');
}

static void print_bad_json(const struct trial *trial, const struct trial_result *result, bool last)
{
    struct buffer command = {0};

    shrink_command(trial, result->faults_drawn, &command);
    buffer_add_u8(&command, 0);
    printf("    {\"seed\": %" PRIu64 ", \"findings\": %" PRIu64 ", \"faults\": %" PRIu64
           ", \"replay\": ",
           result->seed, result->findings, result->faults);
    json_text((const char *)command.data);
    printf(", \"text\": ");
    json_text(result->text);
    printf("}%s\n", last ? "" : ",");
    buffer_done(&command);
}

static void print_json(const struct campaign *campaign, const struct trial *trials, double seconds)
{
    const struct trial_result *sum = &campaign->sum;

    printf("{\n  \"seeds\": %" PRIu64 ", \"bad_seeds\": %" PRIu64
           ", \"simulated_hours\": %.3f, \"seconds\": %.1f,\n  \"faults\": %" PRIu64
           ", \"messages\": %" PRIu64 ", \"operations\": %" PRIu64 ", \"acknowledged\": %" PRIu64
           ",\n  \"reads_judged\": %" PRIu64 ", \"writes_judged\": %" PRIu64
           ", \"promises_tested\": %" PRIu64 ",\n  \"probes\": {\n",
           campaign->seeds, sum->findings, (double)sum->virtual_us / HOUR_US, seconds, sum->faults,
           sum->messages, sum->operations, sum->done, sum->reads_judged, sum->writes_judged,
           sum->promises_tested);
    for (int i = 0; i < PROBE_COUNT; i++) {
        printf("    ");
        json_text(probe_text((enum probe)i));
        printf(": %" PRIu64 "%s\n", sum->probes[i], i + 1 < PROBE_COUNT ? "," : "");
    }
    printf("  },\n  \"bad\": [\n");
    for (uint32_t i = 0; i < campaign->bad_count; i++)
        print_bad_json(&trials[i], &campaign->bad[i], i + 1 == campaign->bad_count);
    printf("  ]\n}\n");
}

// ---- what is done -------------------------------------------------------------------------------

// In this process, so that a debugger sees it and an abort is seen.
static int replay(const struct check_options *options)
{
    static struct trial_result result;
    struct trial trial = options->setup.trial;

    trial.seed = options->setup.first;
    if (!options->no_trace) {
        print_knobs_of(&trial, trial.seed);
        trial.line = print_line;
    }
    trial_run(&trial, &result);
    printf("seed %" PRIu64 ": hash %016" PRIx64 ", %.1f simulated seconds, %" PRIu64
           " operations, %" PRIu64 " of %" PRIu32 " faults, %" PRIu64 " findings\n%s",
           trial.seed, result.hash, (double)result.virtual_us / 1e6, result.operations,
           result.faults, result.faults_drawn, result.findings, result.text);
    return result.findings ? err_exit(ERR_INTERNAL) : 0;
}

// Makes the bad runs smaller; `trials` are what repeats them.
static void shrink_all(const struct check_options *options, struct campaign *campaign,
                       struct trial *trials, uint64_t *tries)
{
    struct showing showing = {clock_seconds(), 0};
    struct shrink_setup setup = {.tries_max = options->shrink_tries,
                                 .seconds_max = options->setup.seconds_max,
                                 .progress = options->no_progress ? NULL : show_shrinking,
                                 .data = &showing};

    for (uint32_t i = 0; i < campaign->bad_count; i++) {
        trials[i] = options->setup.trial;
        trials[i].seed = campaign->bad[i].seed;
        tries[i] = 0;
        if (!options->no_shrink)
            tries[i] = shrink(&setup, &trials[i], &campaign->bad[i]);
    }
    show_end(&showing);
}

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static int run(const struct check_options *options)
{
    static struct campaign campaign;
    static struct trial trials[CAMPAIGN_BAD_MAX];
    uint64_t tries[CAMPAIGN_BAD_MAX];
    struct campaign_setup setup = options->setup;
    struct showing showing = {clock_seconds(), 0};
    double seconds;

    (void)signal(SIGINT, on_signal); // tells what was done so far
    (void)signal(SIGTERM, on_signal);
    setup.stop = &stop;
    setup.progress = options->no_progress ? NULL : show_progress;
    setup.data = &showing;
    if (campaign_run(&setup, &campaign)) {
        fprintf(stderr, "quorate-sim check: no process can be made: use fewer --jobs\n");
        return err_exit(ERR_IO);
    }
    seconds = clock_seconds() - showing.began;
    show_end(&showing);
    shrink_all(options, &campaign, trials, tries);
    if (options->format == CHECK_JSON) {
        print_json(&campaign, trials, seconds);
    } else {
        for (uint32_t i = 0; i < campaign.bad_count; i++)
            print_bad(&trials[i], &campaign.bad[i], tries[i]);
        print_sum(&campaign, seconds);
    }
    return campaign.sum.findings ? err_exit(ERR_INTERNAL) : 0;
}

int check_main(int argc, char **argv)
{
    static struct check_options options;

    check_options_read(&options, argc, argv);
#ifdef QUORATE_PLANTS
    plant_choose(options.plant);
#endif
    if (options.list_knobs) {
        print_knobs();
        return 0;
    }
    if (options.show_knobs) {
        for (uint64_t seed = options.setup.first; seed <= options.setup.last; seed++)
            print_knobs_of(&options.setup.trial, seed);
        return 0;
    }
    return options.replay ? replay(&options) : run(&options);
}
