// SPDX-License-Identifier: Apache-2.0
// The topology record: look-ups, stand-ins, and an encoding that takes nothing but valid records.
#include "node/data/topology.h"

#include "base/check.h"
#include "base/err.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

// A valid record; members have the ids 10, 20, ...
static struct topology *record(uint32_t shards, uint32_t replicas, uint32_t members)
{
    struct topology *topology = memory_new(sizeof *topology);

    *topology = (struct topology){.epoch = 3,
                                  .parent_digest = 4,
                                  .cluster = 5,
                                  .seed = 6,
                                  .shards = shards,
                                  .replicas = replicas,
                                  .member_count = members};
    topology->members = memory_new(members * sizeof *topology->members);
    topology->owners = memory_new((size_t)shards * replicas * sizeof *topology->owners);
    for (uint32_t i = 0; i < members; i++) {
        struct member *member = &topology->members[i];

        member->id = 10 * (i + 1);
        member->weight = 100 + i;
        snprintf(member->name, sizeof member->name, "n%u", i);
        snprintf(member->host, sizeof member->host, "host-%u", i);
        snprintf(member->zone, sizeof member->zone, "%.*s", (int)(i % 2), "z");
        snprintf(member->client_address, sizeof member->client_address, "10.0.0.%u:7000", i);
    }
    for (uint32_t i = 0; i < shards * replicas; i++)
        topology->owners[i] = (uint16_t)((i / replicas + i % replicas) % members);
    return topology;
}

static void look_ups(void **state)
{
    struct topology *topology = record(8, 3, 5);

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(topology_member(topology, 10 * ((uint64_t)i + 1)), i);
        assert_int_equal(topology_member(topology, 10 * ((uint64_t)i + 1) + 1), -1);
    }
    assert_int_equal(topology_member(topology, 0), -1);
    assert_int_equal(topology_owners(topology, 7)[0], 2);
    assert_int_equal(topology_rank(topology, 7, 2), 0);
    assert_int_equal(topology_rank(topology, 7, 4), 2);
    assert_int_equal(topology_rank(topology, 7, 0), -1);
    assert_int_equal(topology_owned(topology, 0), 4);
    assert_int_equal(topology_owned(topology, 1), 5);
    topology_free(topology);
    topology_free(NULL);
}

// Members without the shard, each once, the same each time; without one of them the rest keep
// their order; and over all shards each is first about equally often.
static void stand_ins(void **state)
{
    struct topology *topology = record(1024, 3, 23);
    uint32_t firsts[23] = {0};

    (void)state;
    for (uint32_t shard = 0; shard < topology->shards; shard++) {
        uint16_t order[23], again[23];
        uint32_t seen = 0, lost = 22, kept = 0;

        assert_int_equal(topology_stand_ins(topology, shard, order), 20);
        for (uint32_t i = 0; i < 20; i++) {
            assert_int_equal(topology_rank(topology, shard, order[i]), -1);
            seen |= (uint32_t)1 << order[i];
        }
        assert_int_equal(__builtin_popcount(seen), 20);
        firsts[order[0]] += 1;
        if (topology_rank(topology, shard, (int)lost) >= 0)
            continue;
        topology->member_count = lost; // the last one is gone
        assert_int_equal(topology_stand_ins(topology, shard, again), 19);
        topology->member_count = 23;
        for (uint32_t i = 0; i < 20; i++) {
            if (order[i] != lost)
                assert_int_equal(order[i], again[kept++]);
        }
    }
    for (uint32_t i = 0; i < 23; i++)
        assert_in_range(firsts[i], 20, 75); // mean 44.5, standard deviation 6.5
    topology_free(topology);
}

static void stand_ins_of_many(void **state)
{
    struct topology *topology = record(1, 1, MEMBERS_MAX);
    static uint16_t order[MEMBERS_MAX];
    static bool seen[MEMBERS_MAX];

    (void)state;
    assert_int_equal(topology_stand_ins(topology, 0, order), MEMBERS_MAX - 1);
    for (uint32_t i = 0; i < MEMBERS_MAX - 1; i++) {
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
    }
    topology_free(topology);
}

// ---------------------------------------------------------------- encoding

static void clone_and_encode(void **state)
{
    struct topology *topology = record(16, 2, 4);
    struct topology *clone = topology_clone(topology);
    struct topology *read = NULL;
    struct buffer bytes = {0};
    struct buffer again = {0};

    (void)state;
    assert_true(topology_valid(topology));
    topology_encode(topology, &bytes);
    topology_encode(clone, &again);
    assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
    assert_true(topology_digest(topology) == topology_digest(clone));
    clone->owners[0] ^= 1;
    clone->owners[1] ^= 1;
    clone->members[1].name[0] = 'x';
    assert_true(topology_digest(topology) != topology_digest(clone));
    assert_int_equal(topology->members[1].name[0], 'n');
    topology_free(clone);

    assert_int_equal(topology_decode(buffer_slice(&bytes), &read), 0);
    buffer_reset(&again, SIZE_MAX);
    topology_encode(read, &again);
    assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
    assert_int_equal(read->epoch, 3);
    assert_int_equal(read->parent_digest, 4);
    assert_int_equal(read->cluster, 5);
    assert_int_equal(read->seed, 6);
    assert_memory_equal(read->members, topology->members, 4 * sizeof *read->members);
    assert_memory_equal(read->owners, topology->owners, 32 * sizeof *read->owners);
    topology_free(read);
    buffer_done(&bytes);
    buffer_done(&again);
    topology_free(topology);
}

static void decode_refuses(const struct buffer *bytes, size_t size)
{
    struct topology *none = (struct topology *)&none;
    // A block of exactly this size, so that a read beyond its end is seen.
    uint8_t *copy = memory_new(size);

    memcpy(copy, bytes->data, size);
    assert_int_equal(topology_decode(slice_of(copy, size), &none), ERR_PROTOCOL);
    assert_ptr_equal(none, &none);
    free(copy);
}

static void decode_cut(void **state)
{
    struct topology *topology = record(4, 2, 3);
    struct buffer bytes = {0};

    (void)state;
    topology_encode(topology, &bytes);
    for (size_t cut = 0; cut < bytes.size; cut++)
        decode_refuses(&bytes, cut);
    buffer_add_u8(&bytes, 0);
    decode_refuses(&bytes, bytes.size);
    bytes.data[0] += 1;
    decode_refuses(&bytes, bytes.size - 1);
    buffer_done(&bytes);
    topology_free(topology);
}

static void decode_mutated(void **state)
{
    struct topology *topology = record(4, 2, 3);
    struct buffer bytes = {0};
    struct buffer again = {0};
    struct rng rng;
    unsigned refused = 0;

    (void)state;
    rng_init(&rng, 1);
    topology_encode(topology, &bytes);
    for (unsigned i = 0; i < 20000; i++) {
        size_t at = rng_below(&rng, bytes.size);
        uint8_t flip = (uint8_t)(1 + rng_below(&rng, 255));
        struct topology *read = NULL;

        bytes.data[at] ^= flip;
        if (topology_decode(buffer_slice(&bytes), &read) == 0) {
            assert_true(topology_valid(read));
            topology_encode(read, &again);
            assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
            topology_free(read);
        } else {
            refused += 1;
        }
        bytes.data[at] ^= flip;
        buffer_reset(&again, SIZE_MAX);
    }
    assert_in_range(refused, 4000, 18000);
    buffer_done(&bytes);
    buffer_done(&again);
    topology_free(topology);
}

// One wrong thing each; an encoder of ours would not write it, so only topology_valid is asked.
static void validity(void **state)
{
    (void)state;
    for (unsigned fault = 0; fault < 17; fault++) {
        struct topology *topology = record(4, 2, 3);
        struct member *member = &topology->members[1];

        switch (fault) {
#define FAULT(number, change)                                                                      \
    case number:                                                                                   \
        change;                                                                                    \
        break
            FAULT(0, topology->epoch = 0);
            FAULT(1, topology->epoch = 1); // with a parent
            FAULT(2, topology->cluster = 0);
            FAULT(3, topology->shards = 3);
            FAULT(4, topology->shards = 0);
            FAULT(5, topology->replicas = 0);
            FAULT(6, topology->replicas = REPLICAS_MAX + 1);
            FAULT(7, topology->member_count = 0);
            FAULT(8, topology->member_count = 2); // an owner is out of range
            FAULT(9, topology->owners[1] = topology->owners[0]);
            FAULT(10, topology->owners[7] = 3);
            FAULT(11, member->id = 10);
            FAULT(12, member->id = 31);
            FAULT(13, topology->members[0].id = 0);
            FAULT(14, member->name[0] = 0);
            FAULT(15, member->zone[0] = '\n');
            FAULT(16, memset(member->client_address, 'x', sizeof member->client_address));
#undef FAULT
        default:
            break;
        }
        if (topology_valid(topology))
            fail_msg("fault %u", fault);
        topology_free(topology);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(look_ups),          cmocka_unit_test(stand_ins),
        cmocka_unit_test(stand_ins_of_many), cmocka_unit_test(clone_and_encode),
        cmocka_unit_test(decode_cut),        cmocka_unit_test(decode_mutated),
        cmocka_unit_test(validity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
