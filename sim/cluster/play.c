// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/play.h"

#include "base/check.h"
#include "sim/cluster/cluster.h"
#include "sim/number/number.h"

#include <stdlib.h>

enum {
    SEGMENT_BYTES_MIN = 256 << 10,
    MEMTABLE_BYTES = 4 << 20,
    MEMTABLE_KEYS = 20000,
    OPERATIONS_MAX = 65536, // in flight at a node
    ROW_BYTES = 2,
    MEMBER_BYTES = 256,
    DRAIN_TIMES = 2 // of the timeout
};

enum {
    SALT_DRAW = 0x64726177,
    SALT_ROUTE = 0x726f7574,
    SALT_ARRIVAL = 0x61727276,
    SALT_RETRY = 0x72657472
};

// A segment holds the record of the topology at least twice.
static uint64_t segment_bytes(const struct play *play)
{
    uint64_t record = (uint64_t)play->owners.shards * play->owners.replicas * ROW_BYTES +
                      (uint64_t)play->trial->nodes * MEMBER_BYTES +
                      workload_setup(play->trial->workload)->bytes_max + 4096;
    uint64_t size = SEGMENT_BYTES_MIN;

    while (size < 3 * record)
        size *= 2;
    return size;
}

static void settings_make(struct play *play, struct sim_settings *out)
{
    const struct cluster_setup *setup = play->setup;

    sim_settings_init(out);
    out->nodes = play->trial->nodes;
    out->seed = play->seed;
    out->data = play;
    out->calls = (struct sim_calls){.reply = ask_replied,
                                    .refused = ask_refused,
                                    .closed = asks_closed,
                                    .message = gain_message};
    out->segment_bytes = segment_bytes(play);
    out->memtable_bytes = MEMTABLE_BYTES;
    out->memtable_keys = MEMTABLE_KEYS;
    out->operations_max = OPERATIONS_MAX;
    out->service_us = setup->service_us;
    out->disk_us = setup->disk_us;
    out->unordered = !setup->ordered;
    out->client_leg = setup->client_leg;
    for (unsigned kind = 0; kind < MESSAGE_KIND_COUNT; kind++)
        out->legs[kind] = &setup->legs[LEG_R];
    out->legs[MESSAGE_APPLY] = &setup->legs[LEG_W];
    out->legs[MESSAGE_APPLIED] = &setup->legs[LEG_A];
    out->legs[MESSAGE_OBJECT] = out->legs[MESSAGE_FORWARDED] = &setup->legs[LEG_S];
    out->hedge_us_min = setup->hedged ? (uint64_t)(setup->hedge_ms * 1000) : UINT64_MAX / 4;
}

static void play_init(struct play *play, const struct trial *trial, uint64_t seed)
{
    struct sim_settings settings;
    struct sim_plan plan;

    *play = (struct play){.trial = trial, .setup = trial->cluster, .seed = seed};
    owners_init(&play->owners, trial, seed);
    workload_draw_init(&play->draw, rng_mix(seed ^ SALT_DRAW));
    rng_init(&play->route_rng, rng_mix(seed ^ SALT_ROUTE));
    rng_init(&play->retry_rng, rng_mix(seed ^ SALT_RETRY));
    rng_init(&play->arrival_rng, rng_mix(seed ^ SALT_ARRIVAL));
    play->value = memory_new(workload_setup(trial->workload)->bytes_max + 1);
    settings_make(play, &settings);
    play->sim = sim_new(&settings);
    plan = (struct sim_plan){.seed = seed,
                             .shards = play->owners.shards,
                             .replicas = play->owners.replicas,
                             .owners = play->owners.rows};
    check(sim_found(play->sim, &plan) == 0);
}

static void play_done(struct play *play)
{
    // The world tells of what it stops; nobody is there to ask again.
    play->asking = false;
    play->measuring = false;
    sim_free(play->sim);
    asks_done(play);
    fresh_done(&play->fresh);
    owners_done(&play->owners);
    samples_done(&play->reads.times);
    samples_done(&play->writes.times);
    free(play->value);
    free(play);
}

static void pass(struct play *play, double seconds)
{
    sim_run(play->sim, sim_now_us(play->sim) + (uint64_t)(seconds * SECOND_US + 0.5));
}

static void measure(struct play *play)
{
    gains_begin(play);
    play->from_us = sim_now_us(play->sim);
    harm_begin(play);
    probes_begin(play);
    pass(play, play->setup->seconds);
    play->asking = false;
    gains_end(play);
}

// Until the last one is answered, or must have been.
static void drain(struct play *play)
{
    uint64_t until_us =
        sim_now_us(play->sim) + (uint64_t)DRAIN_TIMES * play->setup->timeout_ms * 1000;

    while (play->busy_count > 0 && sim_step(play->sim, until_us))
        continue;
}

static void ask_cluster(const struct trial *trial, uint64_t seed, struct findings *out)
{
    struct play *play = memory_new(sizeof *play);

    play_init(play, trial, seed);
    if (!play->setup->empty)
        users_fill(play);
    users_begin(play);
    pass(play, play->setup->warm);
    asks_status(play);
    measure(play);
    drain(play);
    asks_status(play);
    gains_find(play, out);
    play_done(play);
}

const struct question question_cluster = {.name = "cluster",
                                          .text = "what a cluster does under load",
                                          .uses = QUESTION_USES_SCHEME | QUESTION_USES_WORKLOAD |
                                                  QUESTION_USES_R | QUESTION_USES_W |
                                                  QUESTION_USES_LEGS,
                                          .ask = ask_cluster};
