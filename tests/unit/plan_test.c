// SPDX-License-Identifier: Apache-2.0
// The planner against its promises: hosts, zones, shares by weight, ranks, few moves, one table for
// one input, and its speed.
#include "base/check.h"
#include "base/err.h"
#include "base/rng.h"
#include "node/data/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static struct topology *cluster(uint32_t shards, uint32_t replicas, uint32_t members)
{
    struct topology *topology = memory_new(sizeof *topology);

    *topology = (struct topology){.epoch = 1,
                                  .cluster = 1,
                                  .seed = 1234,
                                  .shards = shards,
                                  .replicas = replicas,
                                  .member_count = members};
    topology->members = memory_new(members * sizeof *topology->members);
    topology->owners = memory_new((size_t)shards * replicas * sizeof *topology->owners);
    for (uint32_t i = 0; i < members; i++) {
        topology->members[i].id = 100 + i;
        topology->members[i].weight = 100;
        snprintf(topology->members[i].name, NAME_SIZE_MAX, "n%u", i);
    }
    return topology;
}

static void zone_set(struct topology *topology, uint32_t member, uint32_t zone)
{
    snprintf(topology->members[member].zone, NAME_SIZE_MAX, "zone-%u", zone);
}

static void host_set(struct topology *topology, uint32_t member, uint32_t host)
{
    snprintf(topology->members[member].host, NAME_SIZE_MAX, "host-%u", host);
}

// The table as it is now.
static uint16_t *table_copy(const struct topology *topology)
{
    size_t size = (size_t)topology->shards * topology->replicas * sizeof *topology->owners;

    return memcpy(memory_new(size), topology->owners, size);
}

static bool has_owner(const struct topology *topology, const uint16_t *table, uint32_t shard,
                      uint16_t member)
{
    for (uint32_t rank = 0; rank < topology->replicas; rank++) {
        if (table[shard * topology->replicas + rank] == member)
            return true;
    }
    return false;
}

// Copies of the new table that the old one did not have.
static uint32_t moves(const struct topology *topology, const uint16_t *old)
{
    uint32_t count = 0;

    for (uint32_t place = 0; place < topology->shards * topology->replicas; place++) {
        uint32_t shard = place / topology->replicas;

        count += !has_owner(topology, old, shard, topology->owners[place]);
    }
    return count;
}

static void counts_at(const struct topology *topology, uint32_t rank, uint32_t *out)
{
    memset(out, 0, topology->member_count * sizeof *out);
    for (uint32_t shard = 0; shard < topology->shards; shard++)
        out[topology->owners[shard * topology->replicas + rank]] += 1;
}

// How many copies members hold more than before: no plan with these counts moves fewer.
static uint32_t gains(const struct topology *topology, const uint16_t *old)
{
    int32_t gain[MEMBERS_MAX] = {0};
    uint32_t sum = 0;

    for (uint32_t place = 0; place < topology->shards * topology->replicas; place++) {
        gain[topology->owners[place]] += 1;
        gain[old[place]] -= 1;
    }
    for (uint32_t i = 0; i < topology->member_count; i++)
        sum += gain[i] > 0 ? (uint32_t)gain[i] : 0;
    return sum;
}

// Every rank holds each member's copies / N, rounded up or down.
static void ranks_even(const struct topology *topology)
{
    uint32_t replicas = topology->replicas;
    uint32_t here[MEMBERS_MAX];
    uint32_t owned[MEMBERS_MAX] = {0};

    for (uint32_t place = 0; place < topology->shards * replicas; place++)
        owned[topology->owners[place]] += 1;
    for (uint32_t rank = 0; rank < replicas; rank++) {
        counts_at(topology, rank, here);
        for (uint32_t i = 0; i < topology->member_count; i++)
            assert_in_range(here[i], owned[i] / replicas, (owned[i] + replicas - 1) / replicas);
    }
}

// How many owners of a shard are on the host or in the zone of the one at `rank`.
static uint32_t beside(const struct topology *topology, uint32_t shard, uint32_t rank, bool host)
{
    const uint16_t *owners = topology_owners(topology, shard);
    const struct member *one = &topology->members[owners[rank]];
    uint32_t count = 0;

    for (uint32_t i = 0; i < topology->replicas; i++) {
        const struct member *other = &topology->members[owners[i]];

        count += host ? one == other || (one->host[0] && strcmp(one->host, other->host) == 0)
                      : strcmp(one->zone, other->zone) == 0;
    }
    return count;
}

static uint32_t crowd(const struct topology *topology, bool host)
{
    uint32_t most = 0;

    for (uint32_t place = 0; place < topology->shards * topology->replicas; place++) {
        uint32_t shard = place / topology->replicas;
        uint32_t count = beside(topology, shard, place % topology->replicas, host);

        most = count > most ? count : most;
    }
    return most;
}

// Shares in floating point, by raising a level until all copies are placed: each group (here one
// level of them: zones) and each member holds at most its cap.
static double filled(const struct topology *topology, double level, double zone_cap, double *out)
{
    double zones[MEMBERS_MAX] = {0};
    double sum = 0;

    for (uint32_t i = 0; i < topology->member_count; i++) {
        double share = level * topology->members[i].weight;

        out[i] = share < topology->shards ? share : topology->shards;
        for (uint32_t j = 0; j <= i; j++) {
            if (strcmp(topology->members[i].zone, topology->members[j].zone) == 0) {
                zones[j] += out[i];
                break;
            }
        }
    }
    for (uint32_t i = 0; i < topology->member_count; i++)
        sum += zones[i] < zone_cap ? zones[i] : zone_cap;
    return sum;
}

// The share of every member whose zone is not full; -1 for the others, which this does not judge.
static void shares_expect(const struct topology *topology, double zone_cap, double *out)
{
    double low = 0;
    double high = topology->shards;
    double copies = (double)topology->shards * topology->replicas;
    double zones[MEMBERS_MAX] = {0};

    for (unsigned i = 0; i < 100; i++) {
        double middle = (low + high) / 2;

        if (filled(topology, middle, zone_cap, out) < copies)
            low = middle;
        else
            high = middle;
    }
    filled(topology, high, zone_cap, out);
    for (uint32_t i = 0; i < topology->member_count; i++) {
        for (uint32_t j = 0; j < topology->member_count; j++) {
            if (strcmp(topology->members[i].zone, topology->members[j].zone) == 0)
                zones[i] += out[j];
        }
    }
    for (uint32_t i = 0; i < topology->member_count; i++) {
        if (zones[i] > zone_cap - 0.001)
            out[i] = -1;
    }
}

static void table_good(const struct topology *topology, uint32_t zones)
{
    uint32_t replicas = topology->replicas;
    uint32_t zone_cap = zones ? (replicas + zones - 1) / zones : replicas;
    double shares[MEMBERS_MAX];

    assert_true(topology_valid(topology));
    assert_int_equal(crowd(topology, true), 1);
    assert_true(zones == 0 || crowd(topology, false) <= zone_cap);
    shares_expect(topology, (double)zone_cap * topology->shards, shares);
    for (uint32_t i = 0; i < topology->member_count; i++) {
        double owned = topology_owned(topology, (int)i);

        if (shares[i] >= 0 && (owned < shares[i] - 1.001 || owned > shares[i] + 1.001))
            fail_msg("member %u holds %.0f, its share is %.3f", i, owned, shares[i]);
    }
    ranks_even(topology);
}

// ---------------------------------------------------------------- even clusters

// All sizes of small clusters, and the one with a member more, before or behind the others: which
// moves the least.
static void grow_by_one(void **state)
{
    static const uint32_t sizes[] = {1, 4, 16, 64, 256};

    (void)state;
    for (uint32_t i = 0; i < 2 * 5 * 5 * 30; i++) {
        uint32_t shards = sizes[i % 5];
        uint32_t replicas = 1 + i / 5 % 5;
        uint32_t members = 1 + i / 25 % 30;
        struct topology *topology = cluster(shards, replicas, members + 1);
        struct member *newcomer = &topology->members[i < 750 ? 0 : members];
        uint16_t *old;

        newcomer->weight = 0;
        if (members < replicas) {
            assert_int_equal(plan_table(topology, NULL, NULL), ERR_INVALID);
            topology_free(topology);
            continue;
        }
        assert_int_equal(plan_table(topology, NULL, NULL), 0);
        table_good(topology, 0);
        old = table_copy(topology);
        assert_int_equal(plan_table(topology, old, NULL), 0);
        assert_int_equal(moves(topology, old), 0);
        newcomer->weight = 100;
        assert_int_equal(plan_table(topology, old, NULL), 0);
        table_good(topology, 0);
        assert_int_equal(moves(topology, old), shards * replicas / (members + 1));
        free(old);
        topology_free(topology);
    }
}

static void shrink_by_one(void **state)
{
    (void)state;
    for (uint32_t members = 4; members <= 30; members++) {
        struct topology *topology = cluster(256, 3, members);
        uint16_t *old;
        uint32_t least;

        assert_int_equal(plan_table(topology, NULL, NULL), 0);
        old = table_copy(topology);
        least = topology_owned(topology, 1);
        topology->members[1].weight = 0;
        assert_int_equal(plan_table(topology, old, NULL), 0);
        table_good(topology, 0);
        assert_int_equal(topology_owned(topology, 1), 0);
        assert_in_range(moves(topology, old), least, least + members);
        free(old);
        topology_free(topology);
    }
}

// max / mean of "dealt evenly", as published in the project's figures: one copy and three.
static void published_figures(void **state)
{
    static const struct {
        uint32_t members, most, most_of_three;
    } figures[] = {{3, 86, 256}, {5, 52, 154}, {10, 26, 77}, {100, 3, 8}};

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        uint32_t replicas = i % 2 ? 3 : 1;
        uint32_t want = i % 2 ? figures[i / 2].most_of_three : figures[i / 2].most;
        struct topology *topology = cluster(256, replicas, figures[i / 2].members);
        uint32_t most = 0;

        assert_int_equal(plan_table(topology, NULL, NULL), 0);
        for (uint32_t j = 0; j < topology->member_count; j++) {
            uint32_t owned = topology_owned(topology, (int)j);

            most = owned > most ? owned : most;
        }
        assert_int_equal(most, want);
        topology_free(topology);
    }
}

// A lost member's load falls on many: each other member shares some shard with it.
static void copies_scatter(void **state)
{
    struct topology *topology = cluster(256, 3, 10);
    uint32_t together[10] = {0};

    (void)state;
    assert_int_equal(plan_table(topology, NULL, NULL), 0);
    for (uint32_t shard = 0; shard < 256; shard++) {
        if (topology_rank(topology, shard, 4) < 0)
            continue;
        for (uint32_t rank = 0; rank < 3; rank++)
            together[topology_owners(topology, shard)[rank]] += 1;
    }
    for (uint32_t i = 0; i < 10; i++)
        assert_in_range(together[i], 5, 77); // mean 17
    topology_free(topology);
}

// ---------------------------------------------------------------- zones, hosts, weights

static void zones_and_weights(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 7);
    for (unsigned i = 0; i < 600; i++) {
        uint32_t replicas = 1 + (uint32_t)rng_below(&rng, 5);
        uint32_t zones = 1 + (uint32_t)rng_below(&rng, 4);
        // Enough members in each zone that spreading evenly is possible.
        uint32_t members = zones * replicas + (uint32_t)rng_below(&rng, 16);
        struct topology *topology =
            cluster((uint32_t)1 << rng_below(&rng, 9), replicas, members + 1);
        uint16_t *old;

        topology->seed = i;
        for (uint32_t j = 0; j <= members; j++) {
            topology->members[j].weight = 1 + (uint32_t)rng_below(&rng, i % 2 ? 4 : 1000);
            zone_set(topology, j, j % zones);
        }
        topology->member_count = members;
        assert_int_equal(plan_table(topology, NULL, NULL), 0);
        table_good(topology, zones);

        // Some weights change, and a member joins.
        old = table_copy(topology);
        topology->member_count = members + 1;
        for (uint32_t j = 0; j < members; j += 3)
            topology->members[j].weight = 1 + (uint32_t)rng_below(&rng, 1000);
        assert_int_equal(plan_table(topology, old, NULL), 0);
        table_good(topology, zones);
        // Zones may need some copies to move in two steps.
        assert_in_range(moves(topology, old), gains(topology, old),
                        gains(topology, old) * 5 / 4 + members);
        free(old);
        topology_free(topology);
    }
}

// A zone more than before: with three, each shard has a copy in each.
static void zone_added(void **state)
{
    struct topology *topology = cluster(256, 3, 9);
    uint16_t *old;

    (void)state;
    for (uint32_t i = 0; i < 9; i++)
        zone_set(topology, i, i / 3);
    topology->member_count = 6;
    assert_int_equal(plan_table(topology, NULL, NULL), 0);
    table_good(topology, 2);
    old = table_copy(topology);
    topology->member_count = 9;
    assert_int_equal(plan_table(topology, old, NULL), 0);
    table_good(topology, 3);
    // The new zone's copies, and a few more to even out what had to go.
    assert_in_range(moves(topology, old), 256, 256 + 12);
    free(old);
    topology_free(topology);
}

static void hosts(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 8);
    for (unsigned i = 0; i < 300; i++) {
        uint32_t replicas = 1 + (uint32_t)rng_below(&rng, 4);
        uint32_t host_count = 1 + (uint32_t)rng_below(&rng, 8);
        uint32_t members = replicas * host_count;
        struct topology *topology = cluster(64, replicas, members);
        uint32_t cap = (replicas + host_count - 1) / host_count;
        uint32_t shared;
        uint16_t *old;

        for (uint32_t j = 0; j < members; j++)
            host_set(topology, j, j % host_count);
        assert_int_equal(plan_table(topology, NULL, &shared), 0);
        assert_true(topology_valid(topology) && crowd(topology, true) <= cap);
        assert_int_equal(shared, cap > 1 ? 64 : 0);
        ranks_even(topology);
        // One host leaves.
        old = table_copy(topology);
        for (uint32_t j = 0; j < members && host_count > 1; j += host_count)
            topology->members[j].weight = 0;
        cap = host_count > 1 ? (replicas + host_count - 2) / (host_count - 1) : cap;
        assert_int_equal(plan_table(topology, old, &shared), 0);
        assert_true(topology_valid(topology) && crowd(topology, true) <= cap);
        ranks_even(topology);
        free(old);
        topology_free(topology);
    }
}

// Hosts count more than zones, and zones more than balance.
static void order_of_importance(void **state)
{
    struct topology *topology = cluster(64, 2, 3);

    (void)state;
    // Two zones, the second with a single small member: it holds a copy of each shard.
    zone_set(topology, 0, 0);
    zone_set(topology, 1, 0);
    zone_set(topology, 2, 1);
    topology->members[2].weight = 1;
    assert_int_equal(plan_table(topology, NULL, NULL), 0);
    assert_int_equal(topology_owned(topology, 2), 64);
    assert_int_equal(topology_owned(topology, 0), 32);
    // The same member on the host of another one, which has a zone of its own then.
    host_set(topology, 1, 1);
    host_set(topology, 2, 1);
    assert_int_equal(plan_table(topology, NULL, NULL), 0);
    assert_int_equal(crowd(topology, true), 1);
    assert_int_equal(topology_owned(topology, 0), 64);
    topology_free(topology);
}

// ---------------------------------------------------------------- the rest

static void one_input_one_table(void **state)
{
    struct topology *a = cluster(256, 3, 12);
    struct topology *b = cluster(256, 3, 12);
    uint16_t *old;

    (void)state;
    assert_int_equal(plan_table(a, NULL, NULL), 0);
    assert_int_equal(plan_table(b, NULL, NULL), 0);
    assert_memory_equal(a->owners, b->owners, 256 * 3 * sizeof *a->owners);
    old = table_copy(a);
    a->members[3].weight = b->members[3].weight = 0;
    assert_int_equal(plan_table(a, old, NULL), 0);
    assert_int_equal(plan_table(b, b->owners, NULL), 0); // the old table may be the new one's place
    assert_memory_equal(a->owners, b->owners, 256 * 3 * sizeof *a->owners);
    a->seed += 1;
    assert_int_equal(plan_table(a, NULL, NULL), 0);
    assert_memory_not_equal(a->owners, b->owners, 256 * 3 * sizeof *a->owners);
    free(old);
    topology_free(a);
    topology_free(b);
}

static void refusals(void **state)
{
    struct topology *topology = cluster(4, 2, 3);

    (void)state;
    topology->members[0].weight = topology->members[2].weight = 0;
    assert_int_equal(plan_table(topology, NULL, NULL), ERR_INVALID);
    topology->members[0].weight = 1;
    assert_int_equal(plan_table(topology, NULL, NULL), 0);
    topology->shards = 3;
    assert_int_equal(plan_table(topology, NULL, NULL), ERR_INVALID);
    topology->shards = 4;
    topology->replicas = 0;
    assert_int_equal(plan_table(topology, NULL, NULL), ERR_INVALID);
    topology_free(topology);
}

// An old table may say nonsense: nobody, strangers, one member twice.
static void odd_old_tables(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 9);
    for (unsigned i = 0; i < 300; i++) {
        struct topology *topology = cluster(64, 3, 3 + (uint32_t)rng_below(&rng, 10));
        uint16_t old[64 * 3];

        for (unsigned j = 0; j < 64 * 3; j++)
            old[j] = (uint16_t)(rng_below(&rng, 9) ? rng_below(&rng, 16) : UINT16_MAX);
        for (uint32_t j = 0; j < topology->member_count; j++)
            zone_set(topology, j, j % 3);
        assert_int_equal(plan_table(topology, old, NULL), 0);
        table_good(topology, 3);
        topology_free(topology);
    }
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Generous bounds, since sanitizers are on: without them each of these takes less than 0.1 s.
static void large_clusters(void **state)
{
    struct topology *topology = cluster(65536, 3, 101);
    uint16_t *old;
    double start;

    (void)state;
    for (uint32_t i = 0; i < 101; i++)
        zone_set(topology, i, i % 5);
    start = seconds();
    topology->member_count = 100;
    assert_int_equal(plan_table(topology, NULL, NULL), 0);
    old = table_copy(topology);
    topology->member_count = 101;
    assert_int_equal(plan_table(topology, old, NULL), 0);
    assert_true(seconds() - start < 10);
    assert_int_equal(moves(topology, old), 65536 * 3 / 101);
    ranks_even(topology);
    free(old);
    topology_free(topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grow_by_one),
        cmocka_unit_test(shrink_by_one),
        cmocka_unit_test(published_figures),
        cmocka_unit_test(copies_scatter),
        cmocka_unit_test(zones_and_weights),
        cmocka_unit_test(zone_added),
        cmocka_unit_test(hosts),
        cmocka_unit_test(order_of_importance),
        cmocka_unit_test(one_input_one_table),
        cmocka_unit_test(refusals),
        cmocka_unit_test(odd_old_tables),
        cmocka_unit_test(large_clusters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
