// SPDX-License-Identifier: Apache-2.0
//
// The judge of what is on the disks after convergence: each loss and each return planted, and
// beside it the chain of writes that explains the same picture. Value n has dot n.

#include "tests/lib/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int setup(void **state)
{
    static struct story story;

    story_begin(&story);
    *state = &story;
    return 0;
}

static int teardown(void **state)
{
    story_end(*state);
    return 0;
}

#define HELD(...) (struct story_list) LIST(__VA_ARGS__)
#define NOTHING                                                                                    \
    (struct story_list)                                                                            \
    {                                                                                              \
        0                                                                                          \
    }

static void expect(struct story *story, struct story_list held, enum verdict_kind kind)
{
    story_finish(story, held);
    story_expect(story, kind, 1);
}

static void expect_clean(struct story *story, struct story_list held)
{
    story_finish(story, held);
    story_expect_clean(story);
}

static void acknowledged_value_is_there(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1});
    expect_clean(*state, HELD(1));
    expect(*state, NOTHING, VERDICT_LOST);
}

static void unknown_and_refused_values_need_not_be_there(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1, .outcome = HISTORY_UNKNOWN});
    story_put(*state, (struct told){AT(1, 2), .value = 2, .outcome = HISTORY_REFUSED});
    expect_clean(*state, HELD(1));
    expect_clean(*state, NOTHING);
    story_finish(*state, HELD(2));
    story_expect(*state, VERDICT_REFUSED, 3); // at three nodes
}

static void replaced_through_a_chain(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1});
    // Never acknowledged, and gone itself: yet it explains, since what replaced it is there.
    story_put(*state,
              (struct told){AT(3, 4), .value = 2, .seen = LIST(1), .outcome = HISTORY_UNKNOWN});
    story_put(*state, (struct told){AT(5, 6), .value = 3, .seen = LIST(2)});
    expect_clean(*state, HELD(3));
    story_finish(*state, HELD(2, 3));
    assert_int_equal(((struct story *)*state)->verdict.counts[VERDICT_RETURNED], 1);
    assert_int_equal(((struct story *)*state)->verdict.counts[VERDICT_SUPERFLUOUS], 3);
}

static void chain_that_ends_nowhere(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1});
    story_put(*state,
              (struct told){AT(3, 4), .value = 2, .seen = LIST(1), .outcome = HISTORY_UNKNOWN});
    expect_clean(*state, HELD(2));
    expect_clean(*state, HELD(1));
    expect(*state, NOTHING, VERDICT_LOST);
}

static void chain_into_a_put_nobody_can_name(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1});
    story_put(*state, (struct told){AT(3, 4), .value = 2, .seen = LIST(1), .no_dot = true,
                                    .outcome = HISTORY_UNKNOWN});
    expect_clean(*state, NOTHING);
}

static void deleted_knowingly(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1});
    story_delete(*state, (struct told){AT(3, 4), .seen = LIST(1), .outcome = HISTORY_UNKNOWN});
    expect_clean(*state, NOTHING);
    expect_clean(*state, HELD(1));
}

static void deleted_by_a_refused_delete(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1});
    story_delete(*state, (struct told){AT(3, 4), .seen = LIST(1), .outcome = HISTORY_REFUSED});
    expect(*state, NOTHING, VERDICT_LOST);
}

static void deleted_unseen(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1});
    story_put(*state, (struct told){AT(3, 5), .value = 2});
    story_delete(*state, (struct told){AT(4, 6), .seen = LIST(1)});
    expect_clean(*state, HELD(2));
    expect(*state, NOTHING, VERDICT_ERASED);
}

static void covered_by_a_write_of_another_key(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1});
    story_put(*state, (struct told){AT(3, 4), .value = 2, .seen = LIST(1), .key = 1});
    story_put(*state, (struct told){AT(3, 4), .value = 3});
    story_finish(*state, HELD(3));
    story_expect(*state, VERDICT_LOST, 2); // that one is not there either
}

static void expired(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1, .expires = 900});
    story_put(*state, (struct told){AT(3, 4), .value = 2, .expires = 1900});
    expect_clean(*state, HELD(2));
    expect_clean(*state, HELD(1, 2)); // not dropped yet
    expect(*state, HELD(1), VERDICT_LOST);
}

static void replaced_by_what_has_expired(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1});
    story_put(*state, (struct told){AT(3, 4), .value = 2, .seen = LIST(1), .expires = 900,
                                    .outcome = HISTORY_UNKNOWN});
    expect_clean(*state, NOTHING);
}

static void deleted_value_is_on_disk(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1});
    story_delete(*state, (struct told){AT(3, 4), .seen = LIST(1)});
    expect_clean(*state, NOTHING);
    expect(*state, HELD(1), VERDICT_RETURNED);
}

static void all_its_disks_were_lost(void **state)
{
    struct story *story = *state;

    story_put(story, (struct told){AT(1, 2), .value = 1, .holders = 0x3});
    story_put(story, (struct told){AT(7, 8), .value = 2, .holders = 0x3});
    history_lose(&story->history, &(struct history_loss){.node = 0, .at = 4});
    expect(story, HELD(2), VERDICT_LOST);
    history_lose(&story->history, &(struct history_loss){.node = 1, .at = 5});
    expect_clean(story, HELD(2));
    expect(story, NOTHING, VERDICT_LOST);
}

static void a_delete_on_lost_disks_may_be_undone(void **state)
{
    struct story *story = *state;

    story_put(story, (struct told){AT(1, 2), .value = 1});
    story_delete(story, (struct told){AT(3, 4), .seen = LIST(1), .holders = 0x3});
    history_lose(&story->history, &(struct history_loss){.node = 0, .at = 5});
    expect(story, HELD(1), VERDICT_RETURNED);
    history_lose(&story->history, &(struct history_loss){.node = 1, .since = 2, .at = 6});
    expect_clean(story, HELD(1));
}

static void guests_hold_it_too(void **state)
{
    struct story *story = *state;

    story_put(story, (struct told){AT(1, 2), .value = 1, .loose = true, .owners = 1, .holders = 0x9,
                                   .guests = 0x8});
    history_lose(&story->history, &(struct history_loss){.node = 0, .at = 5});
    expect(story, NOTHING, VERDICT_LOST);
}

static void siblings_of_which_one_has_seen_the_other(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1, .outcome = HISTORY_UNKNOWN});
    story_put(*state,
              (struct told){AT(3, 4), .value = 2, .seen = LIST(1), .outcome = HISTORY_UNKNOWN});
    story_finish(*state, HELD(1, 2));
    story_expect(*state, VERDICT_SUPERFLUOUS, 3); // at three nodes
}

static void stored_value_nobody_wrote(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1, .key = 1, .outcome = HISTORY_UNKNOWN});
    story_finish(*state, HELD(1)); // of key 0
    story_expect(*state, VERDICT_INVENTED, 3);
    story_finish(*state, HELD(7));
    story_expect(*state, VERDICT_INVENTED, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(acknowledged_value_is_there),
        TEST(unknown_and_refused_values_need_not_be_there),
        TEST(replaced_through_a_chain),
        TEST(chain_that_ends_nowhere),
        TEST(chain_into_a_put_nobody_can_name),
        TEST(deleted_knowingly),
        TEST(deleted_by_a_refused_delete),
        TEST(deleted_unseen),
        TEST(covered_by_a_write_of_another_key),
        TEST(expired),
        TEST(replaced_by_what_has_expired),
        TEST(deleted_value_is_on_disk),
        TEST(all_its_disks_were_lost),
        TEST(a_delete_on_lost_disks_may_be_undone),
        TEST(guests_hold_it_too),
        TEST(siblings_of_which_one_has_seen_the_other),
        TEST(stored_value_nobody_wrote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
