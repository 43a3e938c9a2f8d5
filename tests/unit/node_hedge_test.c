// SPDX-License-Identifier: Apache-2.0
// Hedged reads: what they may cost where all peers are slow, and that a peer that says nothing is
// asked past however few may be hedged.
#include "base/err.h"
#include "tests/lib/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { READS = 2000, BURST = 32 };

static uint64_t hedges_of(struct world *world, uint32_t node)
{
    struct request request;

    request_init(&request, METHOD_STATUS);
    return query(world, node, &request).reply->status.hedges;
}

static uint64_t reads_run(struct world *world)
{
    struct request get = query_get("k");
    uint64_t ticket = 0;

    for (int i = 0; i < READS; i++) {
        ticket = world_request(world, 0, &get);
        world_run(world, 1000);
    }
    assert_int_equal(world_wait(world, ticket).err, 0);
    return hedges_of(world, 0);
}

static void slow_peers_do_not_get_more_to_do(void **state)
{
    // Slower than the first guess at a hedge delay, and spread wide: a twentieth is always late.
    struct world_settings settings = {.nodes = 3, .seed = 78, .delay_us_max = 60000};
    struct world *world = world_new(&settings);
    uint64_t hedges;

    (void)state;
    assert_int_equal(world_init(world, 16, 3), 0);
    query_put_ok(world, 0, "k", "value");
    hedges = reads_run(world);
    assert_in_range(hedges, 1, READS * 6 / 100 + BURST);
    world_free(world);
}

static void a_silent_peer_is_asked_past_by_every_read(void **state)
{
    struct world_settings settings = {.nodes = 3, .seed = 79, .delay_us_max = 500};
    struct world *world = world_new(&settings);

    (void)state;
    assert_int_equal(world_init(world, 16, 3), 0);
    query_put_ok(world, 0, "k", "value");
    // One of the two is asked first, whichever it is.
    for (uint32_t other = 1; other < 3; other++) {
        world_cut(world, 0, other, false);
        reads_run(world);
        world_heal(world);
    }
    assert_in_range(hedges_of(world, 0), READS * 9 / 10, READS * 2);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_peers_do_not_get_more_to_do),
        cmocka_unit_test(a_silent_peer_is_asked_past_by_every_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
