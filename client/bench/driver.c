// SPDX-License-Identifier: Apache-2.0
#include "client/bench/driver.h"

#include "base/check.h"
#include "client/bench/flow.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { TICK_MS = 50 };

// ---- the loop -----------------------------------------------------------------------------------

static void turn_ends(uv_prepare_t *prepare)
{
    flow_fill(prepare->data);
}

static void alarm_rang(uv_poll_t *alarm, int status, int events)
{
    struct driver *driver = alarm->data;
    uint64_t times;

    (void)status;
    (void)events;
    // Nothing to read: it was set anew meanwhile.
    (void)!read(driver->alarm_file, &times, sizeof times);
}

static void tick(uv_timer_t *timer)
{
    struct driver *driver = timer->data;
    uint64_t now_ns = uv_hrtime();

    for (uint32_t i = 0; i < driver->count; i++)
        connection_tick(&driver->connections[i], now_ns, now_ns - driver->job->operation_ns);
    if (atomic_load_explicit(driver->stop, memory_order_relaxed) && now_ns < driver->until_ns)
        driver->until_ns = now_ns;
}

// ---- lifetime -----------------------------------------------------------------------------------

// Connection i of all belongs to thread i % threads, so each thread has its share of every server
// when there are enough.
static uint32_t share_of(uint64_t all, uint32_t thread, uint32_t threads)
{
    return (uint32_t)(all / threads + (thread < all % threads));
}

static void connections_init(struct driver *driver)
{
    const struct job *job = driver->job;

    driver->count = share_of(job->connections, driver->thread, job->threads);
    driver->unsettled = driver->count;
    driver->connections = memory_new(driver->count * sizeof *driver->connections);
    driver->tasks = memory_new((size_t)driver->count * job->depth * sizeof *driver->tasks);
    driver->dirty = memory_new(driver->count * sizeof(struct connection *));
    driver->lanes = memory_new(job->servers->count * sizeof *driver->lanes);
    for (uint32_t i = 0; i < job->servers->count; i++)
        TAILQ_INIT(&driver->lanes[i].ready);
    for (uint32_t i = 0; i < driver->count; i++) {
        uint32_t server = (i + driver->thread) % job->servers->count;

        connection_init(&driver->connections[i], &driver->setup, &job->servers->addresses[server]);
        driver->connections[i].server = server;
    }
}

static void loop_init(struct driver *driver)
{
    check(uv_loop_init(&driver->loop) == 0);
    check(uv_prepare_init(&driver->loop, &driver->fill) == 0);
    check(uv_timer_init(&driver->loop, &driver->tick) == 0);
    driver->alarm_file = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    check(driver->alarm_file >= 0);
    check(uv_poll_init(&driver->loop, &driver->alarm, driver->alarm_file) == 0);
    driver->fill.data = driver->tick.data = driver->alarm.data = driver;
    check(uv_prepare_start(&driver->fill, turn_ends) == 0);
    check(uv_timer_start(&driver->tick, tick, TICK_MS, TICK_MS) == 0);
    check(uv_poll_start(&driver->alarm, UV_READABLE, alarm_rang) == 0);
}

void driver_init(struct driver *driver, const struct job *job, uint32_t thread, atomic_bool *stop)
{
    struct mixer_setup mixer = {job->mix, job->workload, thread, job->threads, job->seed};

    driver->job = job;
    driver->thread = thread;
    driver->stop = stop;
    driver->until_ns = UINT64_MAX;
    loop_init(driver);
    driver->setup = (struct connection_setup){.loop = &driver->loop,
                                              .speaker = job->speaker,
                                              .phrases = job->phrases,
                                              .decoder = &driver->decoder,
                                              .owner = &flow_owner,
                                              .memory = memory_new(READ_MEMORY),
                                              .depth = job->depth,
                                              .data = driver};
    driver->value = memory_new((size_t)job->values->size_max + 1);
    driver->left = UINT64_MAX;
    if (job->filling)
        driver->left = share_of(workload_setup(job->workload)->keys, thread, job->threads);
    else if (job->operations)
        driver->left = share_of(job->operations, thread, job->threads);
    mixer_init(&driver->mixer, &mixer);
    connections_init(driver);
}

void driver_done(struct driver *driver)
{
    for (uint32_t i = 0; i < driver->count; i++)
        connection_done(&driver->connections[i]);
    free(driver->connections);
    free(driver->tasks);
    free((void *)driver->dirty);
    free(driver->lanes);
    free(driver->value);
    free(driver->setup.memory);
    wire_decoder_done(&driver->decoder);
}

uint32_t driver_connect(struct driver *driver)
{
    uint32_t up = 0;

    for (uint32_t i = 0; i < driver->count; i++)
        connection_open(&driver->connections[i]);
    while (driver->unsettled > 0)
        (void)uv_run(&driver->loop, UV_RUN_ONCE);
    for (uint32_t i = 0; i < driver->count; i++)
        up += driver->connections[i].state == CONNECTION_UP;
    return up;
}

int driver_connect_error(const struct driver *driver, const struct address **out_address)
{
    for (uint32_t i = 0; i < driver->count; i++) {
        *out_address = driver->connections[i].address;
        if (driver->connections[i].connect_err)
            return driver->connections[i].connect_err;
    }
    return 0;
}

void driver_close(struct driver *driver)
{
    for (uint32_t i = 0; i < driver->count; i++)
        connection_end(&driver->connections[i]);
    uv_close((uv_handle_t *)&driver->fill, NULL);
    uv_close((uv_handle_t *)&driver->tick, NULL);
    uv_close((uv_handle_t *)&driver->alarm, NULL);
    (void)uv_run(&driver->loop, UV_RUN_DEFAULT);
    check(uv_loop_close(&driver->loop) == 0);
    (void)close(driver->alarm_file);
}

// ---- a run --------------------------------------------------------------------------------------

static bool is_over(const struct driver *driver, uint64_t now_ns)
{
    if (flow_goes_on(driver, now_ns) || driver->in_flight > 0)
        return false;
    return driver->aside_count == 0 || now_ns >= driver->until_ns;
}

// What was to begin by then and has not.
static void reckon(struct driver *driver, uint64_t until_ns)
{
    driver->behind_ns = schedule_behind(&driver->schedule, until_ns);
    driver->unsent = schedule_unsent(&driver->schedule, until_ns) + driver->aside_count;
    for (uint32_t i = 0; i < driver->aside_count; i++) {
        uint64_t waited_ns = until_ns - driver->aside[i].intended_ns;

        if (driver->aside[i].intended_ns && waited_ns > driver->behind_ns)
            driver->behind_ns = waited_ns;
    }
}

void driver_run(struct driver *driver, uint64_t start_ns)
{
    const struct job *job = driver->job;
    struct schedule_setup setup = {job->arrivals, job->rate, driver->thread, job->threads,
                                   job->seed};

    schedule_init(&driver->schedule, &setup, start_ns);
    driver->from_ns = driver->ended_ns = start_ns + job->warm_up_ns;
    if (job->measure_ns < UINT64_MAX - driver->from_ns)
        driver->until_ns = driver->from_ns + job->measure_ns;
    driver->running = true;
    while (!is_over(driver, uv_hrtime()))
        (void)uv_run(&driver->loop, UV_RUN_ONCE);
    driver->running = false;
    if (driver->until_ns != UINT64_MAX)
        driver->ended_ns = driver->until_ns;
    if (driver->left > 0 && job->arrivals != ARRIVALS_CLOSED)
        reckon(driver, driver->ended_ns);
}
