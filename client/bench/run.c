// SPDX-License-Identifier: Apache-2.0
// The calling thread carries no load. Two meetings with those that do: when all have connected,
// and when it has said whether and when to start.
#include "client/bench/run.h"

#include "base/check.h"
#include "base/err.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)

enum { PROGRESS_MS = 250, STUCK_LOOK_MS = 1000, EXIT_INTERRUPTED = 130 };

struct crew {
    const struct job *job;
    const struct run_watcher *watcher;
    struct runner *runners;
    pthread_barrier_t meeting;
    bool go;
    uint64_t start_ns;
    atomic_bool stop;
    atomic_uint finished;
    int finish_file; // counts threads that have finished
    int signal_file;
    // the watching thread's
    bool measuring, measured;
    bool interrupted, stuck;
    uint64_t shown_ns;
    uint64_t done; // operations of all threads, as last seen to change
    uint64_t done_ns;
};

struct runner {
    struct crew *crew;
    pthread_t thread;
    struct driver driver;
    uint32_t connected;
};

static void meet(struct crew *crew)
{
    int err = pthread_barrier_wait(&crew->meeting);

    check(err == 0 || err == PTHREAD_BARRIER_SERIAL_THREAD);
}

static void *runner_main(void *data)
{
    struct runner *runner = data;
    struct crew *crew = runner->crew;
    uint64_t one = 1;

    runner->connected = driver_connect(&runner->driver);
    meet(crew);
    meet(crew);
    if (crew->go)
        driver_run(&runner->driver, crew->start_ns);
    (void)atomic_fetch_add(&crew->finished, 1);
    check(write(crew->finish_file, &one, sizeof one) == sizeof one);
    driver_close(&runner->driver);
    return NULL;
}

// ---- watching -----------------------------------------------------------------------------------

static void interrupt(struct crew *crew)
{
    struct signalfd_siginfo signal;

    if (read(crew->signal_file, &signal, sizeof signal) != sizeof signal)
        return;
    if (crew->interrupted)
        _exit(EXIT_INTERRUPTED);
    crew->interrupted = true;
    atomic_store(&crew->stop, true);
}

static void progress_tell(struct crew *crew, uint64_t now_ns)
{
    struct progress progress = {.measuring = crew->measuring,
                                .elapsed_ns =
                                    now_ns > crew->start_ns ? now_ns - crew->start_ns : 0};

    crew->shown_ns = now_ns;
    for (uint32_t i = 0; i < crew->job->threads; i++) {
        progress.done += atomic_load(&crew->runners[i].driver.done);
        progress.failed += atomic_load(&crew->runners[i].driver.failed);
    }
    crew->watcher->progress(crew->watcher->data, &progress);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// A run without an end in time must not wait for ever for servers that are gone. Returns when to
// look again.
static uint64_t stuck_look(struct crew *crew, uint64_t now_ns)
{
    uint64_t done = 0;

    if (crew->job->operations == 0)
        return UINT64_MAX;
    for (uint32_t i = 0; i < crew->job->threads; i++)
        done += atomic_load(&crew->runners[i].driver.done);
    if (done != crew->done || crew->done_ns == 0) {
        crew->done = done;
        crew->done_ns = now_ns;
    } else if (now_ns - crew->done_ns >= RUN_STUCK_S * 1000 * NS_PER_MS) {
        crew->stuck = true;
        atomic_store(&crew->stop, true);
    }
    return now_ns + STUCK_LOOK_MS * NS_PER_MS;
}

// Tells what is due; returns when something is next.
static uint64_t watch_due(struct crew *crew, uint64_t now_ns)
{
    const struct job *job = crew->job;
    uint64_t from_ns = crew->start_ns + job->warm_up_ns;
    uint64_t until_ns =
        job->measure_ns < UINT64_MAX - from_ns ? from_ns + job->measure_ns : UINT64_MAX;
    uint64_t next_ns = UINT64_MAX;

    if (!crew->measuring && now_ns >= from_ns) {
        crew->measuring = true;
        crew->watcher->measure(crew->watcher->data, false);
    }
    if (crew->measuring && !crew->measured && (now_ns >= until_ns || crew->interrupted)) {
        crew->measured = true;
        crew->watcher->measure(crew->watcher->data, true);
    }
    if (!crew->measured)
        next_ns = crew->measuring ? until_ns : from_ns;
    if (!crew->watcher->progress || crew->measured)
        return next_ns;
    if (now_ns >= crew->shown_ns + PROGRESS_MS * NS_PER_MS)
        progress_tell(crew, now_ns);
    return earlier(next_ns, crew->shown_ns + PROGRESS_MS * NS_PER_MS);
}

static void watch(struct crew *crew)
{
    struct pollfd files[] = {{.fd = crew->finish_file, .events = POLLIN},
                             {.fd = crew->signal_file, .events = POLLIN}};
    uint64_t count;

    while (atomic_load(&crew->finished) < crew->job->threads) {
        uint64_t now_ns = uv_hrtime();
        uint64_t next_ns = earlier(watch_due(crew, now_ns), stuck_look(crew, now_ns));
        uint64_t wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
        struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000),
                                .tv_nsec = (long)(wait_ns % 1000000000)};

        if (ppoll(files, 2, next_ns == UINT64_MAX ? NULL : &wait, NULL) <= 0)
            continue;
        if (files[0].revents)
            (void)!read(crew->finish_file, &count, sizeof count);
        if (files[1].revents)
            interrupt(crew);
    }
    if (crew->measuring && !crew->measured)
        crew->watcher->measure(crew->watcher->data, true);
}

// ---- joining ------------------------------------------------------------------------------------

static void outcome_join(const struct crew *crew, struct run_outcome *out)
{
    uint64_t from_ns = crew->start_ns + crew->job->warm_up_ns;

    out->interrupted = crew->interrupted;
    out->stuck = crew->stuck;
    for (uint32_t i = 0; i < crew->job->threads; i++) {
        const struct driver *driver = &crew->runners[i].driver;
        uint64_t measured_ns = driver->ended_ns > from_ns ? driver->ended_ns - from_ns : 0;

        tally_join(&out->tally, &driver->tally);
        out->unsent += driver->unsent;
        if (measured_ns > out->measured_ns)
            out->measured_ns = measured_ns;
        if (driver->behind_ns > out->behind_ns)
            out->behind_ns = driver->behind_ns;
    }
}

static int connect_failed(const struct crew *crew, struct buffer *why)
{
    const struct address *address = NULL;
    int uv_err = driver_connect_error(&crew->runners[0].driver, &address);

    buffer_add_format(why, "%s: %s: is it running? name others with -e HOST:PORT", address->text,
                      uv_strerror(uv_err ? uv_err : UV_ECONNREFUSED));
    return ERR_CONNECT;
}

static void crew_open(struct crew *crew)
{
    sigset_t interrupts;

    check(sigemptyset(&interrupts) == 0 && sigaddset(&interrupts, SIGINT) == 0);
    crew->signal_file = signalfd(-1, &interrupts, SFD_NONBLOCK | SFD_CLOEXEC);
    crew->finish_file = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    check(crew->signal_file >= 0 && crew->finish_file >= 0);
    check(pthread_barrier_init(&crew->meeting, NULL, crew->job->threads + 1) == 0);
    crew->runners = memory_new(crew->job->threads * sizeof *crew->runners);
    for (uint32_t i = 0; i < crew->job->threads; i++) {
        crew->runners[i].crew = crew;
        driver_init(&crew->runners[i].driver, crew->job, i, &crew->stop);
        check(pthread_create(&crew->runners[i].thread, NULL, runner_main, &crew->runners[i]) == 0);
    }
}

static void crew_close(struct crew *crew)
{
    for (uint32_t i = 0; i < crew->job->threads; i++)
        driver_done(&crew->runners[i].driver);
    free(crew->runners);
    (void)pthread_barrier_destroy(&crew->meeting);
    (void)close(crew->signal_file);
    (void)close(crew->finish_file);
}

int run_job(const struct job *job, const struct run_watcher *watcher, struct run_outcome *out,
            struct buffer *why)
{
    struct crew crew = {.job = job, .watcher = watcher};
    int err = 0;

    *out = (struct run_outcome){0};
    crew_open(&crew);
    meet(&crew);
    for (uint32_t i = 0; i < job->threads; i++)
        out->connected += crew.runners[i].connected;
    crew.go = out->connected > 0;
    if (!crew.go)
        err = connect_failed(&crew, why);
    crew.start_ns = uv_hrtime();
    meet(&crew);
    if (crew.go)
        watch(&crew);
    for (uint32_t i = 0; i < job->threads; i++)
        check(pthread_join(crew.runners[i].thread, NULL) == 0);
    if (!err)
        outcome_join(&crew, out);
    crew_close(&crew);
    return err;
}
