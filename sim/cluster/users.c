// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/play.h"

#include "sim/number/number.h"

enum { FILL_AT_ONCE = 64 };

// ---- writing all keys ---------------------------------------------------------------------------

static void fill_next(struct play *play)
{
    struct ask ask = {.kind = ASK_FILL, .method = METHOD_PUT, .key = play->filled};

    play->filled += 1;
    play->filling += 1;
    ask_begin(play, &ask);
}

static bool fill_more(const struct play *play)
{
    return play->filled < workload_setup(play->trial->workload)->keys;
}

void users_fill(struct play *play)
{
    for (int i = 0; i < FILL_AT_ONCE && fill_more(play); i++)
        fill_next(play);
    while (play->filling > 0 && sim_step(play->sim, UINT64_MAX))
        continue;
}

// ---- the load -----------------------------------------------------------------------------------

static void load_begin(struct play *play, uint32_t user)
{
    struct operation operation = workload_draw(play->trial->workload, &play->draw);

    ask_begin(play, &(struct ask){.kind = ASK_LOAD,
                                  .method = operation.write ? METHOD_PUT : METHOD_GET,
                                  .key = operation.key,
                                  .user = user});
}

static void open_arrive(void *data, uint64_t number);

static void open_schedule(struct play *play)
{
    play->next_us -= number_log(number_unit(&play->arrival_rng)) / play->setup->rate * SECOND_US;
    sim_call(play->sim, (uint64_t)play->next_us, open_arrive, play, 0);
}

// Poisson arrivals.
static void open_arrive(void *data, uint64_t number)
{
    struct play *play = data;

    (void)number;
    if (!play->asking)
        return;
    load_begin(play, 0);
    open_schedule(play);
}

static void closed_arrive(void *data, uint64_t user)
{
    struct play *play = data;

    if (play->asking)
        load_begin(play, (uint32_t)user);
}

void users_begin(struct play *play)
{
    play->asking = true;
    play->next_us = (double)sim_now_us(play->sim);
    if (play->setup->rate > 0)
        open_schedule(play);
    for (uint32_t user = 0; play->setup->rate <= 0 && user < play->setup->clients; user++)
        sim_call(play->sim, sim_now_us(play->sim) + user, closed_arrive, play, user);
}

// ---- probes -------------------------------------------------------------------------------------

static void probe_write(void *data, uint64_t probe)
{
    ask_begin(data, &(struct ask){.kind = ASK_PROBE_WRITE,
                                  .method = METHOD_PUT,
                                  .key = PROBE_KEYS + probe,
                                  .user = (uint32_t)probe});
}

static void probe_read(void *data, uint64_t probe)
{
    ask_begin(data, &(struct ask){.kind = ASK_PROBE_READ,
                                  .method = METHOD_GET,
                                  .key = PROBE_KEYS + probe,
                                  .user = (uint32_t)probe});
}

void probes_begin(struct play *play)
{
    uint64_t count = (uint64_t)play->setup->probes * play->setup->time_count;
    double gap_us = play->setup->seconds * SECOND_US / (double)(count + 1);

    for (uint64_t probe = 0; probe < count; probe++)
        sim_call(play->sim, play->from_us + (uint64_t)((double)(probe + 1) * gap_us), probe_write,
                 play, probe);
}

static void probe_written(struct play *play, uint32_t probe)
{
    double wait_ms = play->setup->times[probe % play->setup->time_count];
    uint64_t wait_us = (uint64_t)(wait_ms * 1000 + 0.5);

    if (wait_us == 0)
        probe_read(play, probe);
    else
        sim_call(play->sim, sim_now_us(play->sim) + wait_us, probe_read, play, probe);
}

void user_ended(struct play *play, const struct ask *ask, bool good)
{
    switch (ask->kind) {
    case ASK_LOAD: // a client needs a moment: else one that is served in no time never stops
        if (play->setup->rate <= 0 && play->asking)
            sim_call(play->sim, sim_now_us(play->sim) + 1, closed_arrive, play, ask->user);
        break;
    case ASK_FILL:
        play->filling -= 1;
        if (fill_more(play))
            fill_next(play);
        break;
    case ASK_PROBE_WRITE:
        if (good)
            probe_written(play, ask->user);
        break;
    case ASK_STATUS:
        play->status_left -= play->status_left > 0;
        break;
    case ASK_PROBE_READ:
        break;
    }
}
