// SPDX-License-Identifier: Apache-2.0
// What guests took comes home: stories of networks that were cut and are whole again. At the end of
// each all owners are equal and nobody else holds anything (level.h).
#include "base/err.h"
#include "tests/lib/level.h"
#include "tests/lib/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000, KEYS = 60 };

static void whole_again(struct stage *stage)
{
    world_heal(stage->world);
    level_wait(stage->world, 60 * SECOND);
}

// Writes all keys through one node; how many were acknowledged, marked.
static uint32_t keys_put(struct stage *stage, uint32_t node, const char *value, bool acked[KEYS])
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < KEYS; i++) {
        char key[16];
        struct request request;

        (void)snprintf(key, sizeof key, "key %u", i);
        request = query_put(key, value);
        acked[i] = query(stage->world, node, &request).err == 0;
        count += acked[i];
    }
    return count;
}

// Two sides of five nodes: on one an owner of "k" and a stranger, on the other the rest. Both take
// writes at w = 2 of all keys, and afterwards all have both.
static void two_sides_become_one(void **state)
{
    bool left[KEYS], right[KEYS];
    struct stage stage;

    (void)state;
    stage_set(&stage, 5, 41, 500);
    for (uint32_t node = 0; node < 5; node++) {
        if (node == stage.owners[0] || node == stage.guests[0])
            continue;
        world_cut(stage.world, stage.owners[0], node, true);
        world_cut(stage.world, stage.guests[0], node, true);
    }
    assert_int_equal(keys_put(&stage, stage.guests[0], "left", left), KEYS);
    assert_int_equal(keys_put(&stage, stage.guests[1], "right", right), KEYS);
    whole_again(&stage);
    for (uint32_t i = 0; i < KEYS; i++) {
        char key[16];

        (void)snprintf(key, sizeof key, "key %u", i);
        query_expect(stage.world, i % 5, key, "left,right");
    }
    world_free(stage.world);
}

static void guests_keep_it_over_their_own_crash(void **state)
{
    struct stage stage;

    (void)state;
    stage_set(&stage, 5, 42, 500);
    stage_cut(&stage, 0, 2, true);
    assert_int_equal(stage_put(&stage, stage.guests[0], 2, 0).err, 0);
    for (int guest = 0; guest < 2; guest++)
        world_crash(stage.world, stage.guests[guest]);
    for (int guest = 0; guest < 2; guest++)
        world_restart(stage.world, stage.guests[guest]);
    whole_again(&stage);
    assert_int_equal(stage_copies(&stage), 3);
    for (uint32_t rank = 0; rank < 3; rank++)
        assert_true(stage_holds(&stage, stage.owners[rank]));
    query_expect(stage.world, stage.guests[1], "k", "value");
    world_free(stage.world);
}

// The only copy is with a guest that is down when the network is whole again.
static void a_guest_that_comes_back_late_brings_it(void **state)
{
    struct stage stage;

    (void)state;
    stage_set(&stage, 5, 43, 500);
    stage_cut(&stage, 0, 2, true);
    world_cut(stage.world, stage.guests[0], stage.guests[1], true);
    assert_int_equal(stage_put(&stage, stage.guests[0], 1, 0).err, 0);
    world_crash(stage.world, stage.guests[0]);
    world_heal(stage.world);
    world_run(stage.world, 20 * SECOND);
    query_expect(stage.world, stage.owners[0], "k", "");
    world_restart(stage.world, stage.guests[0]);
    whole_again(&stage);
    query_expect(stage.world, stage.owners[0], "k", "value");
    world_free(stage.world);
}

// What a guest deleted with the token of a reader stays deleted; what nobody had seen stays.
static void a_delete_by_guests_is_one(void **state)
{
    struct request delete = query_delete("k");
    struct stage stage;
    struct world_reply seen;

    (void)state;
    stage_set(&stage, 5, 44, 500);
    query_put_ok(stage.world, stage.owners[0], "k", "seen");
    level_wait(stage.world, 60 * SECOND);
    seen = query_expect(stage.world, stage.guests[0], "k", "seen");
    stage_cut(&stage, 0, 2, true);
    query_put_ok(stage.world, stage.owners[1], "k", "unseen");
    delete.has_token = true;
    delete.token = seen.reply->token;
    assert_int_equal(query(stage.world, stage.guests[1], &delete).err, 0);
    whole_again(&stage);
    for (uint32_t node = 0; node < 5; node++)
        query_expect(stage.world, node, "k", "unseen");
    world_free(stage.world);
}

// Once a guest has handed over it starts anew, and what it had is not mistaken for overwritten.
static void the_same_guests_again_and_again(void **state)
{
    struct request put = query_put("k", "");
    struct stage stage;
    char value[24];

    (void)state;
    stage_set(&stage, 5, 45, 500);
    for (int round = 0; round < 5; round++) {
        (void)snprintf(value, sizeof value, "round %d", round);
        put.value = slice_of_text(value);
        stage_cut(&stage, 0, 2, round % 2);
        world_run(stage.world, 3 * SECOND);
        stage_cut(&stage, 0, 2, true); // by then all have noticed
        assert_int_equal(query(stage.world, stage.guests[round % 2], &put).err, 0);
        whole_again(&stage);
        assert_int_equal(stage_copies(&stage), 3);
    }
    query_expect(stage.world, 0, "k", "round 0,round 1,round 2,round 3,round 4");
    world_free(stage.world);
}

// Owners that heard nothing of it meanwhile write on; a reader then sees all, and resolves them.
static void siblings_of_both_sides_are_resolved(void **state)
{
    struct request put = query_put("k", "one");
    struct stage stage;
    struct world_reply seen;

    (void)state;
    stage_set(&stage, 7, 46, 500);
    stage_cut(&stage, 0, 2, true);
    query_put_ok(stage.world, stage.owners[0], "k", "owners");
    for (uint32_t guest = 0; guest < 4; guest++)
        query_put_ok(stage.world, stage.guests[guest], "k", "guests");
    whole_again(&stage);
    seen = query_expect(stage.world, 3, "k", "guests,guests,guests,guests,owners");
    put.has_token = true;
    put.token = seen.reply->token;
    assert_int_equal(query(stage.world, stage.guests[3], &put).err, 0);
    level_wait(stage.world, 60 * SECOND);
    for (uint32_t node = 0; node < 7; node++)
        query_expect(stage.world, node, "k", "one");
    world_free(stage.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_sides_become_one),
        cmocka_unit_test(guests_keep_it_over_their_own_crash),
        cmocka_unit_test(a_guest_that_comes_back_late_brings_it),
        cmocka_unit_test(a_delete_by_guests_is_one),
        cmocka_unit_test(the_same_guests_again_and_again),
        cmocka_unit_test(siblings_of_both_sides_are_resolved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
