// SPDX-License-Identifier: Apache-2.0
//
// The judge of reads: histories with one planted violation each, and beside each the history that
// only looks like it. In these stories value n has dot n, quorums are strict, 2 of 3.

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

static void put(struct story *story, struct told told)
{
    story_put(story, told);
}

static void expect(struct story *story, enum verdict_kind kind)
{
    story_judge(story);
    story_expect(story, kind, 1);
}

static void expect_clean(struct story *story)
{
    story_judge(story);
    story_expect_clean(story);
}

// ---- S3 -----------------------------------------------------------------------------------------

static void acknowledged_value_is_shown(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    story_get(*state, (struct told){AT(3, 4), .shows = LIST(1)});
    expect_clean(*state);
}

static void acknowledged_value_is_missing(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    story_get(*state, (struct told){AT(3, 4), .knows = LIST(1)});
    expect(*state, VERDICT_MISSED);
}

static void context_lacks_an_acknowledged_write(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    put(*state, (struct told){AT(3, 4), .value = 2, .seen = LIST(1)});
    story_get(*state, (struct told){AT(5, 6), .knows = LIST(1)});
    expect(*state, VERDICT_MISSED);
}

static void context_lacks_an_acknowledged_delete(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    story_delete(*state, (struct told){AT(3, 4), .dot = 9, .seen = LIST(1)});
    story_get(*state, (struct told){AT(5, 6), .knows = LIST(1)});
    expect(*state, VERDICT_MISSED);
}

static void one_of_two_siblings_is_missing(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    put(*state, (struct told){AT(1, 2), .value = 2});
    story_get(*state, (struct told){AT(3, 4), .shows = LIST(2), .knows = LIST(1)});
    expect(*state, VERDICT_MISSED);
}

static void last_write_wins(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    put(*state, (struct told){AT(1, 2), .value = 2});
    story_get(*state,
              (struct told){AT(3, 4), .shows = LIST(2), .knows = LIST(1), .latest_only = true});
    story_get(*state,
              (struct told){AT(3, 4), .shows = LIST(2), .no_context = true, .latest_only = true});
    expect_clean(*state);
    story_get(*state, (struct told){AT(5, 6), .knows = LIST(1, 2), .latest_only = true});
    story_judge(*state);
    story_expect(*state, VERDICT_MISSED, 2);
}

static void a_missed_value_is_told_once(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    for (uint64_t time = 3; time < 30; time += 2)
        story_get(*state, (struct told){AT(time, time + 1), .knows = LIST(1)});
    expect(*state, VERDICT_MISSED);
}

static void unknown_value_may_be_missing_or_shown(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1, .outcome = HISTORY_UNKNOWN});
    story_get(*state, (struct told){AT(3, 4)});
    story_get(*state, (struct told){AT(500, 501), .shows = LIST(1)});
    expect_clean(*state);
}

static void acknowledged_during_the_read_may_be_missing(void **state)
{
    put(*state, (struct told){AT(1, 4), .value = 1});
    put(*state, (struct told){AT(1, 3), .value = 2}); // at the same time is not before
    story_get(*state, (struct told){AT(3, 5)});
    expect_clean(*state);
}

static void replacement_on_its_way_explains_both(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    put(*state, (struct told){AT(3, 6), .value = 2, .seen = LIST(1)});
    story_get(*state, (struct told){AT(4, 5), .shows = LIST(1)});
    story_get(*state, (struct told){AT(4, 5), .shows = LIST(2), .knows = LIST(1)});
    expect_clean(*state);
}

static void later_replacement_explains_nothing(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    put(*state, (struct told){AT(5, 6), .value = 2, .seen = LIST(1)});
    story_get(*state, (struct told){AT(3, 4), .knows = LIST(1)});
    expect(*state, VERDICT_MISSED);
}

static void refused_replacement_explains_nothing(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    put(*state, (struct told){AT(3, 4), .value = 2, .seen = LIST(1), .outcome = HISTORY_REFUSED});
    story_get(*state, (struct told){AT(5, 6), .knows = LIST(1)});
    expect(*state, VERDICT_MISSED);
}

static void unknown_replacement_may_take_effect(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    story_delete(*state, (struct told){AT(3, 4), .seen = LIST(1), .outcome = HISTORY_UNKNOWN});
    story_get(*state, (struct told){AT(5, 6), .knows = LIST(1)});
    story_get(*state, (struct told){AT(7, 8), .shows = LIST(1)});
    expect_clean(*state);
}

static void expired_value_may_be_missing(void **state)
{
    struct story *story = *state;

    story->settings.expiry_slack = 3;
    put(story, (struct told){AT(1, 2), .value = 1, .expires = 20});
    story_get(story, (struct told){AT(18, 19), .knows = LIST(1)});
    story_get(story, (struct told){AT(22, 23), .shows = LIST(1)});
    expect_clean(story);
    story_get(story, (struct told){AT(5, 6), .knows = LIST(1)});
    expect(story, VERDICT_MISSED);
}

static void excuse_of_one_read_is_none_for_another(void **state)
{
    struct story *story = *state;

    put(story, (struct told){AT(1, 2), .value = 1});
    story_get(story, (struct told){AT(3, 10), .knows = LIST(1)});
    put(story, (struct told){AT(8, 9), .value = 2, .seen = LIST(1)});
    expect_clean(story);
    story_get(story, (struct told){AT(4, 5), .knows = LIST(1)});
    expect(story, VERDICT_MISSED);
}

static void excuse_of_expiry_too(void **state)
{
    struct story *story = *state;

    put(story, (struct told){AT(1, 2), .value = 1, .expires = 8});
    story_get(story, (struct told){AT(3, 10), .knows = LIST(1)});
    expect_clean(story);
    story_get(story, (struct told){AT(4, 5), .knows = LIST(1)});
    expect(story, VERDICT_MISSED);
}

// Some recorders put the write's own dot into its context.
static void own_dot_explains_nothing(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1, .seen = LIST(1)});
    story_get(*state, (struct told){AT(3, 4), .shows = LIST(1, 1)});
    expect_clean(*state);
    story_get(*state, (struct told){AT(5, 6), .knows = LIST(1)});
    expect(*state, VERDICT_MISSED);
}

static void quorums_that_need_not_meet(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1, .asked = 1});
    put(*state, (struct told){AT(1, 2), .value = 2, .loose = true, .owners = 1}); // and a guest
    story_get(*state, (struct told){AT(3, 4)});
    story_get(*state, (struct told){AT(3, 4), .loose = true, .owners = 2});
    story_get(*state, (struct told){AT(3, 4), .asked = 1});
    expect_clean(*state);
    story_get(*state, (struct told){AT(5, 6), .asked = 3, .shows = LIST(2)});
    expect(*state, VERDICT_MISSED); // one copy meets all three
}

static void loose_quorums_that_met(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1, .loose = true, .owners = 2});
    story_get(*state, (struct told){AT(3, 4), .loose = true, .owners = 2, .knows = LIST(1)});
    expect(*state, VERDICT_MISSED);
}

static void strict_counts_as_promised(void **state)
{
    // A guest was counted as an owner: the read must not pay for it.
    put(*state, (struct told){AT(1, 2), .value = 1, .holders = 0x9, .guests = 0x8});
    story_get(*state, (struct told){AT(3, 4)});
    story_judge(*state);
    assert_int_equal(((struct story *)*state)->verdict.counts[VERDICT_QUORUM], 1);
    assert_int_equal(((struct story *)*state)->verdict.counts[VERDICT_MISSED], 1);
}

static void acknowledged_with_too_few_disks(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1, .loose = true, .owners = 1, .holders = 1});
    expect(*state, VERDICT_QUORUM);
}

// ---- losses -------------------------------------------------------------------------------------

static void lost_disks_do_not_count(void **state)
{
    struct story *story = *state;

    put(story, (struct told){AT(1, 2), .value = 1, .holders = 0x3});
    history_lose(&story->history, &(struct history_loss){.node = 1, .at = 5});
    story_get(story, (struct told){AT(4, 6)}); // a disk was lost meanwhile
    story_get(story, (struct told){AT(7, 8)}); // nodes 1 and 2 answered
    expect_clean(story);
    story_get(story, (struct told){AT(3, 4), .knows = LIST(1)}); // before the loss
    expect(story, VERDICT_MISSED);
}

static void a_third_copy_makes_up_for_a_lost_one(void **state)
{
    struct story *story = *state;

    put(story, (struct told){AT(1, 2), .value = 1, .holders = 0x7});
    history_lose(&story->history, &(struct history_loss){.node = 1, .at = 5});
    story_get(story, (struct told){AT(7, 8), .knows = LIST(1)});
    expect(story, VERDICT_MISSED);
}

static void rolled_back_disks_keep_what_is_older(void **state)
{
    struct story *story = *state;

    put(story, (struct told){AT(1, 2), .value = 1, .holders = 0x3});
    history_lose(&story->history, &(struct history_loss){.node = 1, .since = 3, .at = 5});
    story_get(story, (struct told){AT(7, 8), .knows = LIST(1)});
    expect(story, VERDICT_MISSED);
}

// ---- S7, S8 -------------------------------------------------------------------------------------

static void replaced_value_is_gone(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    put(*state, (struct told){AT(3, 4), .value = 2, .seen = LIST(1)});
    story_get(*state, (struct told){AT(5, 6), .shows = LIST(2), .knows = LIST(1)});
    expect_clean(*state);
}

static void replaced_value_comes_back(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    put(*state, (struct told){AT(3, 4), .value = 2, .seen = LIST(1)});
    story_get(*state, (struct told){AT(5, 6), .shows = LIST(1), .knows = LIST(2)});
    story_judge(*state);
    assert_int_equal(((struct story *)*state)->verdict.counts[VERDICT_RETURNED], 1);
    assert_int_equal(((struct story *)*state)->verdict.counts[VERDICT_MISSED], 1);
}

static void deleted_value_comes_back(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    story_delete(*state, (struct told){AT(3, 4), .dot = 9, .seen = LIST(1)});
    story_get(*state, (struct told){AT(5, 6), .knows = LIST(1, 9)});
    expect_clean(*state);
    story_get(*state, (struct told){AT(7, 8), .shows = LIST(1), .knows = LIST(9)});
    expect(*state, VERDICT_RETURNED);
}

static void deleted_by_one_disk_alone_may_come_back(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    story_delete(*state, (struct told){AT(3, 4), .dot = 9, .seen = LIST(1), .asked = 1});
    story_get(*state, (struct told){AT(7, 8), .shows = LIST(1)});
    expect_clean(*state);
}

static void expired_value_comes_back(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1, .expires = 20});
    story_get(*state, (struct told){AT(21, 22), .shows = LIST(1)});
    expect(*state, VERDICT_RETURNED);
}

static void delete_erases_what_it_has_not_seen(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1});
    put(*state, (struct told){AT(3, 5), .value = 2});
    story_delete(*state, (struct told){AT(4, 6), .dot = 9, .seen = LIST(1)});
    story_get(*state, (struct told){AT(7, 8), .shows = LIST(2), .knows = LIST(1, 9)});
    expect_clean(*state);
    story_get(*state, (struct told){AT(9, 10), .knows = LIST(1, 2, 9)});
    expect(*state, VERDICT_ERASED);
}

// It was over before the lost one began.
static void earlier_delete_is_no_suspect(void **state)
{
    story_delete(*state, (struct told){AT(1, 2), .dot = 9});
    put(*state, (struct told){AT(3, 4), .value = 1});
    story_get(*state, (struct told){AT(5, 6), .knows = LIST(1, 9)});
    expect(*state, VERDICT_MISSED);
}

// ---- S2, S4, S9, S11, L4 ------------------------------------------------------------------------

static void values_nobody_wrote(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1, .key = 1});
    put(*state, (struct told){AT(9, 10), .value = 2});
    story_get(*state, (struct told){AT(3, 4), .shows = LIST(7)});
    story_get(*state, (struct told){AT(3, 4), .shows = LIST(VALUE_GARBAGE)});
    story_get(*state, (struct told){AT(3, 4), .shows = LIST(1)}); // of another key
    story_get(*state, (struct told){AT(3, 4), .shows = LIST(2)}); // from the future
    story_judge(*state);
    story_expect(*state, VERDICT_INVENTED, 4);
}

static void refused_value_is_shown(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1, .outcome = HISTORY_REFUSED});
    story_get(*state, (struct told){AT(3, 4)});
    expect_clean(*state);
    story_get(*state, (struct told){AT(5, 6), .shows = LIST(1)});
    expect(*state, VERDICT_REFUSED);
}

static void one_dot_for_two_writes(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1, .dot = 5});
    put(*state, (struct told){AT(3, 4), .value = 2, .dot = 5, .asked = 1});
    expect(*state, VERDICT_DOT);
}

static void dot_of_a_refused_write_is_given_again(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1, .dot = 5, .outcome = HISTORY_REFUSED});
    put(*state, (struct told){AT(3, 4), .value = 2, .dot = 5});
    story_get(*state, (struct told){AT(5, 6), .shows = LIST(2), .knows = LIST(5)});
    expect_clean(*state);
}

static void one_value_under_two_dots(void **state)
{
    struct story *story = *state;
    struct history_sibling sibling = {1, {7, 7}};
    struct clock received = {0};

    put(story, (struct told){AT(1, 2), .value = 1});
    clock_add(&received, (struct dot){1, 1});
    history_add(&story->history, &(struct history_op){.method = HISTORY_GET,
                                                      .began = 3,
                                                      .ended = 4,
                                                      .asked = 2,
                                                      .strict = true,
                                                      .received = &received,
                                                      .siblings = &sibling,
                                                      .sibling_count = 1});
    clock_done(&received);
    expect(story, VERDICT_DOT);
}

static void sibling_that_the_other_has_seen(void **state)
{
    put(*state, (struct told){AT(1, 2), .value = 1, .outcome = HISTORY_UNKNOWN});
    put(*state, (struct told){AT(3, 9), .value = 2, .seen = LIST(1)});
    put(*state, (struct told){AT(3, 9), .value = 3});
    story_get(*state, (struct told){AT(5, 6), .shows = LIST(2, 3), .knows = LIST(1)});
    expect_clean(*state);
    story_get(*state, (struct told){AT(5, 6), .shows = LIST(1, 2)});
    expect(*state, VERDICT_SUPERFLUOUS);
}

static void requests_within_reach(void **state)
{
    struct story *story = *state;

    story->settings.deadline = 10;
    put(story, (struct told){AT(1, 11), .value = 1, .within_reach = true});
    put(story, (struct told){AT(1, 30), .value = 2});
    put(story, (struct told){AT(1, 30), .value = 3, .outcome = HISTORY_UNKNOWN});
    expect_clean(story);
    put(story, (struct told){AT(1, 12), .value = 4, .within_reach = true});
    put(story,
        (struct told){AT(1, 2), .value = 5, .within_reach = true, .outcome = HISTORY_REFUSED});
    story_judge(story);
    story_expect(story, VERDICT_UNANSWERED, 2);
}

static void what_was_judged_before_is_not_told_again(void **state)
{
    struct story *story = *state;

    put(story, (struct told){AT(1, 2), .value = 1});
    story_get(story, (struct told){AT(3, 4), .knows = LIST(1)});
    expect(story, VERDICT_MISSED);
    story->settings.from = 2;
    expect_clean(story);
    story_get(story, (struct told){AT(5, 6), .knows = LIST(1)});
    expect(story, VERDICT_MISSED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(acknowledged_value_is_shown),
        TEST(acknowledged_value_is_missing),
        TEST(context_lacks_an_acknowledged_write),
        TEST(context_lacks_an_acknowledged_delete),
        TEST(one_of_two_siblings_is_missing),
        TEST(last_write_wins),
        TEST(a_missed_value_is_told_once),
        TEST(unknown_value_may_be_missing_or_shown),
        TEST(acknowledged_during_the_read_may_be_missing),
        TEST(replacement_on_its_way_explains_both),
        TEST(later_replacement_explains_nothing),
        TEST(refused_replacement_explains_nothing),
        TEST(unknown_replacement_may_take_effect),
        TEST(expired_value_may_be_missing),
        TEST(excuse_of_one_read_is_none_for_another),
        TEST(excuse_of_expiry_too),
        TEST(own_dot_explains_nothing),
        TEST(quorums_that_need_not_meet),
        TEST(loose_quorums_that_met),
        TEST(strict_counts_as_promised),
        TEST(acknowledged_with_too_few_disks),
        TEST(lost_disks_do_not_count),
        TEST(a_third_copy_makes_up_for_a_lost_one),
        TEST(rolled_back_disks_keep_what_is_older),
        TEST(replaced_value_is_gone),
        TEST(replaced_value_comes_back),
        TEST(deleted_value_comes_back),
        TEST(deleted_by_one_disk_alone_may_come_back),
        TEST(expired_value_comes_back),
        TEST(delete_erases_what_it_has_not_seen),
        TEST(earlier_delete_is_no_suspect),
        TEST(values_nobody_wrote),
        TEST(refused_value_is_shown),
        TEST(one_dot_for_two_writes),
        TEST(dot_of_a_refused_write_is_given_again),
        TEST(one_value_under_two_dots),
        TEST(sibling_that_the_other_has_seen),
        TEST(requests_within_reach),
        TEST(what_was_judged_before_is_not_told_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
