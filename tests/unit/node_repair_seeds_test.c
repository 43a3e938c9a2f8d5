// SPDX-License-Identifier: Apache-2.0
// From seeds: writes, crashes, cuts, lost and repeated messages, and one lost disk; then the faults
// stop, and in bounded time all owners are equal, nothing acknowledged is lost, nothing superseded
// is back, and no guest, dot log or rest has anything left.
//
// node_repair_seeds_test [FIRST COUNT] for campaigns by hand.
#include "base/err.h"
#include "tests/lib/level.h"
#include "tests/lib/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    SECOND = 1000000,
    SEEDS = 150,
    KEYS = 12,
    WRITES_MAX = 200,
    TOKEN_MAX = 4096,
    LEVEL_US = 180 * SECOND
};

static uint64_t first_seed = 1;
static uint64_t seed_count = SEEDS;

// One write: which dots it was meant to supersede is its request's token.
struct wrote {
    uint64_t ticket;
    uint32_t key;
    bool put;
    bool acked;
    struct dot dot; // when acked
    struct clock context;
};

struct play {
    struct world *world;
    struct rng rng;
    uint32_t nodes;
    struct wrote writes[WRITES_MAX];
    uint32_t count;
    uint64_t reads[KEYS]; // ticket of the last read of each key, whose token the next write uses
    bool has_read[KEYS];
    bool lost_disk;
};

struct sums {
    uint64_t acked, writes, fills, synced, level_us;
};

static uint32_t below(struct play *play, uint32_t bound)
{
    return (uint32_t)rng_below(&play->rng, bound);
}

static const char *key_of(uint32_t number)
{
    static char name[8];

    snprintf(name, sizeof name, "k%u", number);
    return name;
}

static int some_up(struct play *play)
{
    uint32_t from = below(play, play->nodes);

    for (uint32_t i = 0; i < play->nodes; i++) {
        if (world_node(play->world, (from + i) % play->nodes)->node)
            return (int)((from + i) % play->nodes);
    }
    return -1;
}

static void read_something(struct play *play)
{
    uint32_t key = below(play, KEYS);
    struct request request = query_get(key_of(key));
    int node = some_up(play);

    if (node < 0)
        return;
    play->reads[key] = world_request(play->world, (uint32_t)node, &request);
    play->has_read[key] = true;
}

static void write_something(struct play *play)
{
    uint32_t key = below(play, KEYS);
    struct wrote *wrote = &play->writes[play->count];
    struct request request = query_put(key_of(key), "value");
    int node = some_up(play);

    if (node < 0 || play->count == WRITES_MAX)
        return;
    *wrote = (struct wrote){.key = key, .put = below(play, 3) > 0};
    if (!wrote->put)
        request = query_delete(key_of(key));
    request.blind = BLIND_SIBLINGS;
    if (play->has_read[key] && below(play, 4)) {
        struct world_reply read = world_reply(play->world, play->reads[key]);

        if (read.came && !read.err) {
            request.has_token = true;
            request.token = read.reply->token;
            assert_int_equal(
                token_decode(request.token, request.bucket, request.key, &wrote->context), 0);
        }
    }
    play->count += 1;
    wrote->ticket = world_request(play->world, (uint32_t)node, &request);
}

static void crash_or_restart(struct play *play)
{
    uint32_t node = below(play, play->nodes);

    if (world_node(play->world, node)->node) {
        world_crash(play->world, node);
        if (below(play, 2))
            world_tell_members(play->world, node);
        return;
    }
    if (!play->lost_disk && below(play, 4) == 0) {
        world_empty_disk(play->world, node);
        play->lost_disk = true;
    }
    world_restart(play->world, node);
}

static void trouble(struct play *play)
{
    uint32_t what = below(play, 100);

    if (what < 6)
        crash_or_restart(play);
    else if (what < 12)
        world_cut(play->world, below(play, play->nodes), below(play, play->nodes), what % 2);
    else if (what < 15)
        world_heal(play->world);
    else if (what < 18)
        world_set_trouble(play->world, below(play, 40), below(play, 40));
}

static void replies_take(struct play *play)
{
    for (uint32_t i = 0; i < play->count; i++) {
        struct wrote *wrote = &play->writes[i];
        struct world_reply reply = world_reply(play->world, wrote->ticket);

        wrote->acked = reply.came && !reply.err;
        if (wrote->acked)
            wrote->dot = reply.reply->dot;
    }
}

static bool covered(const struct play *play, const struct wrote *wrote)
{
    for (uint32_t i = 0; i < play->count; i++) {
        const struct wrote *other = &play->writes[i];

        if (other != wrote && other->key == wrote->key &&
            clock_contains(&other->context, wrote->dot))
            return true;
    }
    return false;
}

static bool held(const struct object *object, struct dot dot)
{
    for (uint32_t i = 0; i < object->count; i++) {
        if (dot_compare(object->versions[i].dot, dot) == 0)
            return true;
    }
    return false;
}

static void key_judge(struct play *play, uint32_t key, uint64_t seed)
{
    struct arena arena = {0};
    struct store_view view;
    uint32_t owners[REPLICAS_MAX];

    query_owners(play->world, key_of(key), owners);
    assert_int_equal(world_read(play->world, owners[0], key_of(key), &arena, &view), 0);
    for (uint32_t i = 0; i < play->count; i++) {
        const struct wrote *wrote = &play->writes[i];

        if (wrote->key != key || !wrote->acked)
            continue;
        if (wrote->put && !held(&view.object, wrote->dot) && !covered(play, wrote))
            fail_msg("seed %llu: acknowledged write %u of k%u is lost", (unsigned long long)seed, i,
                     key);
        for (uint32_t v = 0; v < view.object.count; v++) {
            if (clock_contains(&wrote->context, view.object.versions[v].dot))
                fail_msg("seed %llu: what write %u of k%u superseded is back",
                         (unsigned long long)seed, i, key);
        }
    }
    arena_done(&arena);
}

static void heal(struct play *play)
{
    world_set_trouble(play->world, 0, 0);
    for (uint32_t node = 0; node < play->nodes; node++) {
        if (!world_node(play->world, node)->node)
            world_restart(play->world, node);
    }
    world_heal(play->world);
}

static void play_run(uint64_t seed, struct play *play, struct sums *sums)
{
    static const uint64_t dot_logs[] = {1 << 20, 1 << 20, 1 << 20, 4096, 20000};
    struct world_settings settings = {.seed = seed,
                                      .delay_us_max = seed % 3 == 0 ? 50000 : 1000,
                                      .slow_disk = seed % 2,
                                      .calm_us = 5 * (uint64_t)SECOND};

    rng_init(&play->rng, seed);
    settings.nodes = play->nodes = 3 + below(play, 3);
    settings.dot_log_bytes = dot_logs[below(play, 5)];
    settings.page_items = below(play, 2) ? 1 + below(play, 3) : 0;
    play->world = world_new(&settings);
    assert_int_equal(world_init(play->world, 1U << below(play, 3), 3), 0);
    for (uint32_t step = 20 + below(play, 200); step > 0; step--) {
        trouble(play);
        if (below(play, 3))
            write_something(play);
        else
            read_something(play);
        world_run(play->world, below(play, 4) ? below(play, 20000) : below(play, 2 * SECOND));
    }
    heal(play);
    sums->level_us += level_wait(play->world, LEVEL_US);
    replies_take(play);
    for (uint32_t key = 0; key < KEYS; key++)
        key_judge(play, key, seed);
    for (uint32_t i = 0; i < play->count; i++) {
        sums->acked += play->writes[i].acked;
        clock_done(&play->writes[i].context);
    }
    sums->writes += play->count;
    sums->fills += world_sent(play->world, MESSAGE_FILLED);
    sums->synced += world_sent(play->world, MESSAGE_SYNCED);
    world_free(play->world);
}

static void when_faults_stop_all_become_equal(void **state)
{
    static struct play play;
    struct sums sums = {0};

    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + seed_count; seed++) {
        memset(&play, 0, sizeof play);
        if (seed_count > SEEDS && seed % 100 == 0)
            print_message("seed %llu\n", (unsigned long long)seed);
        play_run(seed, &play, &sums);
    }
    print_message(
        "%llu runs, %llu of %llu writes acknowledged, %llu pages of syncs, %llu of fills, "
        "level after %llu ms on average\n",
        (unsigned long long)seed_count, (unsigned long long)sums.acked,
        (unsigned long long)sums.writes, (unsigned long long)sums.synced,
        (unsigned long long)sums.fills, (unsigned long long)(sums.level_us / 1000 / seed_count));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_faults_stop_all_become_equal),
    };

    if (argc == 3) {
        first_seed = strtoull(argv[1], NULL, 10);
        seed_count = strtoull(argv[2], NULL, 10);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
