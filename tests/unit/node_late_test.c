// SPDX-License-Identifier: Apache-2.0
//
// Answers that come after the reply: the read stays to repair whoever they show behind, long after
// the step that replied, and under its own key.

#include "base/err.h"
#include "tests/lib/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { KEYS = 40, BEHIND = 2 };

static void key_name(uint32_t number, char out[128])
{
    // Of many lengths, so that bytes of another key would never do.
    snprintf(out, 128, "key %u %.*s", number, (int)(number % 64),
             "................................................................");
}

// Writes all keys while one node is cut off.
static void keys_put_beside(struct world *world)
{
    char key[128];

    for (uint32_t other = 0; other < BEHIND; other++)
        world_cut(world, other, BEHIND, true);
    for (uint32_t i = 0; i < KEYS; i++) {
        key_name(i, key);
        query_put_ok(world, i % 2, key, key);
    }
    world_heal(world);
    world_run(world, 1000000);
}

// How many of the keys the node that was cut off has by now, each with its own value.
static uint32_t keys_found(struct world *world)
{
    struct arena arena = {0};
    struct store_view view;
    uint32_t found = 0;
    char key[128];

    for (uint32_t i = 0; i < KEYS; i++) {
        key_name(i, key);
        assert_int_equal(world_read(world, BEHIND, key, &arena, &view), 0);
        if (view.object.count == 0)
            continue; // nobody asked it
        assert_int_equal(view.object.count, 1);
        assert_true(slice_is(view.object.versions[0].value, key));
        found++;
    }
    arena_done(&arena);
    return found;
}

static void late_answers_are_repaired_under_their_own_key(void **state)
{
    struct world_settings settings = {.nodes = 3, .seed = 77, .delay_us_max = 60000};
    struct world *world = world_new(&settings);
    struct store_totals totals;
    struct request request;
    char key[128];

    (void)state;
    assert_int_equal(world_init(world, 16, 3), 0);
    world_set_mute(world, MESSAGE_SYNC, true); // reads alone are to repair
    keys_put_beside(world);
    for (uint32_t i = 0; i < KEYS; i++) {
        key_name(i, key);
        request = query_get(key);
        world_request(world, 0, &request);
    }
    world_run(world, 3000000);
    // Nearly all reads were hedged, so that both others were asked.
    uint32_t found = keys_found(world);
    assert_true(found > KEYS / 2);
    request_init(&request, METHOD_STATUS);
    assert_int_equal(query(world, 0, &request).reply->status.repairs, found);
    store_totals(world_node(world, BEHIND)->store, &totals);
    assert_int_equal(totals.keys, found);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_answers_are_repaired_under_their_own_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
