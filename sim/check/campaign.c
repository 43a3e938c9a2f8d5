// SPDX-License-Identifier: Apache-2.0
// Each worker is a process that takes every n-th seed and writes one result after another into its
// pipe. When a worker dies, its seed was the one behind its last result; another process goes on
// behind that. What a worker said on standard error belongs to the finding and is left there.
#include "sim/check/campaign.h"

#include "base/check.h"
#include "base/err.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { POLL_MS = 500 };

struct worker {
    pid_t process; // 0: none
    int pipe;
    uint64_t seed;     // the one under way
    uint64_t since_ms; // when it began
    size_t got;        // bytes of `result`
    struct trial_result result;
};

struct running_campaign {
    const struct campaign_setup *setup;
    struct campaign *out;
    struct worker *workers;
    bool stopping;
};

static uint64_t clock_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool write_all(int file, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t count = write(file, at, size);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        at += count;
        size -= (size_t)count;
    }
    return true;
}

_Noreturn static void work(const struct trial *from, int file, uint64_t seed, uint64_t last,
                           uint64_t step)
{
    struct trial trial = *from;
    static struct trial_result result;

    (void)signal(SIGINT, SIG_IGN); // the parent ends us
    (void)signal(SIGTERM, SIG_DFL);
    for (; seed <= last; seed += step) {
        trial.seed = seed;
        trial_run(&trial, &result);
        if (!write_all(file, &result, sizeof result))
            break;
    }
    _exit(0);
}

static int worker_start(struct worker *worker, const struct trial *trial, uint64_t last,
                        uint64_t step)
{
    int ends[2];
    pid_t process;

    if (pipe(ends))
        return ERR_IO;
    (void)fflush(NULL);
    process = fork();
    if (process < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return ERR_IO;
    }
    if (process == 0) {
        (void)close(ends[0]);
        work(trial, ends[1], worker->seed, last, step);
    }
    (void)close(ends[1]);
    worker->process = process;
    worker->pipe = ends[0];
    worker->got = 0;
    worker->since_ms = clock_ms();
    return 0;
}

static int worker_end(struct worker *worker, bool kill_it)
{
    int status = 0;

    if (kill_it)
        (void)kill(worker->process, SIGKILL);
    (void)close(worker->pipe);
    while (waitpid(worker->process, &status, 0) < 0 && errno == EINTR)
        continue;
    worker->process = 0;
    return status;
}

// ---- results ------------------------------------------------------------------------------------

static void sum_add(struct trial_result *sum, const struct trial_result *result)
{
    sum->virtual_us += result->virtual_us;
    sum->operations += result->operations;
    sum->done += result->done;
    sum->faults += result->faults;
    sum->events += result->events;
    sum->messages += result->messages;
    sum->reads_judged += result->reads_judged;
    sum->writes_judged += result->writes_judged;
    sum->promises_tested += result->promises_tested;
    sum->findings += result->findings > 0;
    sum->hash ^= result->hash;
    for (int i = 0; i < PROBE_COUNT; i++)
        sum->probes[i] += result->probes[i];
}

static void keep_bad(struct campaign *out, const struct trial_result *result)
{
    uint32_t at = out->bad_count;

    if (at == CAMPAIGN_BAD_MAX)
        return;
    while (at > 0 && out->bad[at - 1].seed > result->seed) {
        out->bad[at] = out->bad[at - 1];
        at -= 1;
    }
    out->bad[at] = *result;
    out->bad_count += 1;
}

static void take_result(struct running_campaign *run, const struct trial_result *result)
{
    const struct campaign_setup *setup = run->setup;
    struct campaign *out = run->out;

    out->seeds += 1;
    sum_add(&out->sum, result);
    if (result->findings)
        keep_bad(out, result);
    if (out->bad_count >= setup->bad_max)
        run->stopping = true;
    if (setup->virtual_us && out->sum.virtual_us >= setup->virtual_us)
        run->stopping = true;
    if (setup->progress)
        setup->progress(setup->data, &out->sum, out->seeds);
}

static void died(uint64_t seed, int status, bool too_long, struct trial_result *out)
{
    *out = (struct trial_result){.seed = seed, .findings = 1};
    if (too_long)
        snprintf(out->text, sizeof out->text, "the run did not end in time\n");
    else if (WIFSIGNALED(status))
        snprintf(out->text, sizeof out->text, "the run was ended by signal %d (%s)\n",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(out->text, sizeof out->text, "the run ended with exit code %d\n",
                 WEXITSTATUS(status));
}

// ---- the workers --------------------------------------------------------------------------------

// The worker's process is gone or must go; its seed is bad, and another process goes on behind it.
static int worker_failed(struct running_campaign *run, struct worker *worker, bool too_long)
{
    const struct campaign_setup *setup = run->setup;
    static struct trial_result result;
    int status = worker_end(worker, too_long);

    if (worker->seed > setup->last)
        return 0; // it has done all of its seeds
    died(worker->seed, status, too_long, &result);
    take_result(run, &result);
    worker->seed += setup->jobs;
    if (run->stopping || worker->seed > setup->last)
        return 0;
    return worker_start(worker, &setup->trial, setup->last, setup->jobs);
}

static int worker_read(struct running_campaign *run, struct worker *worker)
{
    ssize_t count = read(worker->pipe, (char *)&worker->result + worker->got,
                         sizeof worker->result - worker->got);

    if (count < 0 && errno == EINTR)
        return 0;
    if (count <= 0)
        return worker_failed(run, worker, false);
    worker->got += (size_t)count;
    if (worker->got < sizeof worker->result)
        return 0;
    worker->got = 0;
    worker->seed += run->setup->jobs;
    worker->since_ms = clock_ms();
    take_result(run, &worker->result);
    return 0;
}

static int workers_poll(struct running_campaign *run, bool *any)
{
    struct pollfd files[JOBS_MAX];
    unsigned jobs = run->setup->jobs;
    int err = 0;

    *any = false;
    for (unsigned i = 0; i < jobs; i++) {
        struct worker *worker = &run->workers[i];

        files[i] = (struct pollfd){.fd = worker->process ? worker->pipe : -1, .events = POLLIN};
        *any |= worker->process != 0;
    }
    if (!*any || (poll(files, jobs, POLL_MS) < 0 && errno != EINTR))
        return 0;
    for (unsigned i = 0; i < jobs && !err && !run->stopping; i++) {
        struct worker *worker = &run->workers[i];

        if (!worker->process)
            continue;
        if (files[i].revents)
            err = worker_read(run, worker);
        else if (clock_ms() - worker->since_ms > run->setup->seconds_max * 1000)
            err = worker_failed(run, worker, true);
    }
    return err;
}

int campaign_run(const struct campaign_setup *setup, struct campaign *out)
{
    struct running_campaign run = {.setup = setup, .out = out};
    bool any = true;
    int err = 0;

    check(setup->jobs >= 1 && setup->jobs <= JOBS_MAX && setup->bad_max <= CAMPAIGN_BAD_MAX);
    memset(out, 0, sizeof *out);
    run.workers = memory_new(setup->jobs * sizeof *run.workers);
    for (unsigned i = 0; i < setup->jobs && !err; i++) {
        run.workers[i].seed = setup->first + i;
        if (run.workers[i].seed <= setup->last)
            err = worker_start(&run.workers[i], &setup->trial, setup->last, setup->jobs);
    }
    while (!err && any && !run.stopping && !(setup->stop && *setup->stop))
        err = workers_poll(&run, &any);
    for (unsigned i = 0; i < setup->jobs; i++) {
        if (run.workers[i].process)
            (void)worker_end(&run.workers[i], true);
    }
    free(run.workers);
    return err;
}

int campaign_try(const struct trial *trial, uint64_t seconds_max, struct trial_result *out)
{
    struct campaign_setup setup = {.trial = *trial,
                                   .first = trial->seed,
                                   .last = trial->seed,
                                   .jobs = 1,
                                   .seconds_max = seconds_max,
                                   .bad_max = 1};
    static struct campaign campaign;
    int err;

    setup.trial.line = NULL;
    err = campaign_run(&setup, &campaign);
    if (!err && campaign.bad_count)
        *out = campaign.bad[0];
    else if (!err)
        *out = campaign.sum;
    out->seed = trial->seed;
    return err;
}
