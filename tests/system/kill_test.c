// SPDX-License-Identifier: Apache-2.0
//
// Real nodes killed with SIGKILL (and some stopped for a while) under load, over and over: what was
// acknowledged at W = 2 is there at R = 2, what was replaced or deleted stays away, nothing appears
// that nobody wrote, and every killed node starts again by itself.
//
// ROUNDS (50) and SEED in the environment. One era is up to ERA_ROUNDS rounds over the same keys.

#include "tests/lib/cluster.h"
#include "tests/lib/load.h"
#include "tests/lib/wait.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { ERA_ROUNDS = 100, ROUND_VALUES_MAX = 8000, VERIFY_MS = 20000 };

struct trial {
    struct cluster *cluster;
    struct load load;
    struct rng rng;
    uint64_t seed;
    uint64_t rounds;
    uint64_t kills;
    struct verdict verdict;
    // of the eras before
    uint64_t acknowledged, unknown, refused, reads;
};

static uint64_t setting_of(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);

    return text && *text ? strtoull(text, NULL, 0) : fallback;
}

static void era_begin(struct trial *trial, uint32_t era)
{
    load_init(&trial->load, era, (uint64_t)ERA_ROUNDS * ROUND_VALUES_MAX);
}

static void era_end(struct trial *trial)
{
    trial->acknowledged += trial->load.acknowledged;
    trial->unknown += trial->load.unknown;
    trial->refused += trial->load.refused;
    trial->reads += trial->load.reads;
    load_done(&trial->load);
}

// Which nodes die in this round, as a mask: mostly one, often all, now and then two.
static uint32_t victims_draw(struct trial *trial)
{
    uint32_t one = 1U << rng_below(&trial->rng, 3);
    uint32_t chance = (uint32_t)rng_below(&trial->rng, 10);

    if (chance < 5)
        return one;
    return chance < 7 ? 7U ^ one : 7U;
}

static void victims_kill(struct trial *trial, uint32_t victims)
{
    for (uint32_t i = 0; i < 3; i++) {
        if (victims & 1U << i)
            process_signal(&trial->cluster->nodes[i].process, SIGKILL);
    }
    for (uint32_t i = 0; i < 3; i++) {
        if (!(victims & 1U << i))
            continue;
        cluster_node_kill(trial->cluster, i);
        trial->kills++;
    }
}

// Restarts them; now and then one is killed once more while it starts.
static void victims_restart(struct trial *trial, uint32_t victims)
{
    for (uint32_t i = 0; i < 3; i++) {
        if (!(victims & 1U << i))
            continue;
        if (rng_below(&trial->rng, 8) == 0) {
            cluster_node_launch(trial->cluster, i);
            wait_ms((uint32_t)rng_below(&trial->rng, 30));
            cluster_node_kill(trial->cluster, i);
            trial->kills++;
        }
        cluster_node_start(trial->cluster, i);
    }
}

// Now and then a node that is not killed hangs meanwhile, and goes on afterwards with what it had.
static int hanging_draw(struct trial *trial, uint32_t victims)
{
    uint32_t node = (uint32_t)rng_below(&trial->rng, 3);

    return rng_below(&trial->rng, 4) == 0 && !(victims & 1U << node) ? (int)node : -1;
}

struct reading {
    struct trial *trial;
    struct quorate_client *client;
    uint32_t key;
    int r;
    bool unanimous; // wanted
    int err;
};

static bool key_is_read(void *context)
{
    struct reading *reading = context;
    bool unanimous = true;

    reading->err = load_read(&reading->trial->load, reading->client, reading->key, reading->r,
                             reading->unanimous ? &unanimous : NULL);
    return reading->err == 0 && unanimous;
}

// Reads every key and judges all reads since the last time.
static void keys_verify(struct trial *trial, int r, bool unanimous)
{
    struct quorate_client *client = cluster_client(trial->cluster, NULL);

    for (uint32_t key = 0; key < LOAD_KEYS; key++) {
        struct reading reading = {trial, client, key, r, unanimous, 0};
        if (!wait_until(key_is_read, &reading, VERIFY_MS))
            cluster_fail(trial->cluster, "key %u not read at R=%d%s: %s (seed %llu)", key, r,
                         unanimous ? " unanimously" : "", quorate_err_name(reading.err),
                         (unsigned long long)trial->seed);
    }
    quorate_close(client);
    load_judge(&trial->load, &trial->verdict);
    if (!verdict_is_clean(&trial->verdict)) {
        printf("%.*s", (int)trial->verdict.text.size, (const char *)trial->verdict.text.data);
        cluster_fail(trial->cluster, "a promise was broken (seed %llu)",
                     (unsigned long long)trial->seed);
    }
}

static void round_run(struct trial *trial)
{
    static struct load_writer writers[LOAD_WRITERS];
    uint32_t victims = victims_draw(trial);
    int hanging = hanging_draw(trial, victims);

    trial->load.stop = false;
    for (uint32_t i = 0; i < LOAD_WRITERS; i++)
        load_writer_begin(&writers[i], &trial->load, cluster_client(trial->cluster, NULL),
                          rng_u64(&trial->rng));
    wait_ms((uint32_t)(20 + rng_below(&trial->rng, 400)));
    if (hanging >= 0)
        cluster_node_pause(trial->cluster, (uint32_t)hanging);
    victims_kill(trial, victims);
    wait_ms((uint32_t)rng_below(&trial->rng, 200));
    victims_restart(trial, victims);
    if (hanging >= 0)
        cluster_node_resume(trial->cluster, (uint32_t)hanging);
    wait_ms((uint32_t)rng_below(&trial->rng, 100));
    trial->load.stop = true;
    for (uint32_t i = 0; i < LOAD_WRITERS; i++)
        load_writer_end(&writers[i]);
    cluster_wait_ready(trial->cluster);
    keys_verify(trial, 2, false);
}

static void acknowledged_writes_survive_kills(void **state)
{
    // Small limits, so that checkpoints and segment changes fall among the kills.
    static const char *const settings[] = {
        "--memtable", "256K", "--log-segment", "128K", "--value-max", "16K", NULL};
    // Static: when the test fails in the middle of a round, writers are still at work on it.
    static struct trial trial;

    trial.cluster = *state;
    trial.seed = setting_of("SEED", (uint64_t)time(NULL));
    trial.rounds = setting_of("ROUNDS", 50);
    rng_init(&trial.rng, trial.seed);
    printf("seed %llu, %llu rounds\n", (unsigned long long)trial.seed,
           (unsigned long long)trial.rounds);
    fflush(stdout);
    cluster_start(trial.cluster, &(struct cluster_options){.settings = settings});
    for (uint64_t round = 0; round < trial.rounds; round++) {
        if (round % ERA_ROUNDS == 0)
            era_begin(&trial, (uint32_t)(round / ERA_ROUNDS));
        round_run(&trial);
        if (round % ERA_ROUNDS == ERA_ROUNDS - 1 || round + 1 == trial.rounds) {
            keys_verify(&trial, 3, true);
            era_end(&trial);
            printf("%llu rounds, %llu kills\n", (unsigned long long)round + 1,
                   (unsigned long long)trial.kills);
            fflush(stdout);
        }
    }
    printf("%llu writes acknowledged, %llu unknown, %llu refused; %llu reads checked\n",
           (unsigned long long)trial.acknowledged, (unsigned long long)trial.unknown,
           (unsigned long long)trial.refused, (unsigned long long)trial.verdict.reads_judged);
    // A test in which nothing happened proves nothing.
    assert_true(trial.acknowledged > trial.rounds * 20);
    cluster_pass(trial.cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {CLUSTER_TEST(acknowledged_writes_survive_kills)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
