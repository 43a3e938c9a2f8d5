// SPDX-License-Identifier: Apache-2.0
//
// Sessions (S5, S6): what fails, what is only counted, and what is in order. In these stories value
// n has dot n; quorums are strict, 2 of 3, unless a line says otherwise.

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

// What the last judgement found of a kind, and how often a rate was tested and broken.
static void expect_kinds(struct story *story, enum verdict_kind kind, uint64_t count)
{
    story_judge(story);
    if (story->verdict.counts[kind] != count)
        printf("%.*s", (int)story->verdict.text.size, (const char *)story->verdict.text.data);
    assert_int_equal(story->verdict.counts[kind], count);
}

static void expect_rate(struct story *story, enum verdict_guarantee guarantee, uint64_t tested,
                        uint64_t broken)
{
    story_judge(story);
    story_expect_clean(story);
    story_judge(story);
    assert_int_equal(story->verdict.rates[guarantee].tested, tested);
    assert_int_equal(story->verdict.rates[guarantee].broken, broken);
}

static void own_write_is_not_read(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1, .session = 1});
    story_get(*state, (struct told){AT(3, 4), .session = 1, .shows = LIST(1)});
    expect_kinds(*state, VERDICT_READ_YOUR_WRITES, 0);
    story_get(*state, (struct told){AT(5, 6), .session = 1});
    expect_kinds(*state, VERDICT_READ_YOUR_WRITES, 1);
}

static void token_of_a_write_covers_it(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1, .session = 1, .knows = LIST(1)});
    story_put(*state, (struct told){AT(3, 4), .value = 2, .session = 1, .knows = LIST(1, 2)});
    expect_kinds(*state, VERDICT_READ_YOUR_WRITES, 0);
    story_put(*state, (struct told){AT(5, 6), .value = 3, .session = 1, .knows = LIST(1, 2)});
    expect_kinds(*state, VERDICT_READ_YOUR_WRITES, 1);
}

static void each_own_write_since_the_last_read_counts(void **state)
{
    story_get(*state, (struct told){AT(1, 2), .session = 1});
    story_put(*state, (struct told){AT(3, 4), .value = 1, .session = 1});
    story_put(*state, (struct told){AT(5, 6), .value = 2, .session = 1});
    story_put(*state, (struct told){AT(7, 8), .value = 3, .session = 1});
    story_get(*state, (struct told){AT(9, 10), .session = 1, .shows = LIST(2)});
    expect_kinds(*state, VERDICT_READ_YOUR_WRITES, 2);
}

static void own_write_replaced_meanwhile(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1, .session = 1});
    story_put(*state, (struct told){AT(3, 4), .value = 2, .seen = LIST(1)});
    story_get(*state, (struct told){AT(5, 6), .session = 1, .shows = LIST(2), .knows = LIST(1)});
    story_get(*state, (struct told){AT(5, 6), .session = 1, .shows = LIST(2), .no_context = true});
    expect_kinds(*state, VERDICT_READ_YOUR_WRITES, 0);
}

static void own_write_to_one_disk_is_a_rate(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1, .session = 1, .asked = 1});
    story_get(*state, (struct told){AT(3, 4), .session = 1, .asked = 1});
    story_get(*state, (struct told){AT(5, 6), .session = 1, .asked = 1, .shows = LIST(1)});
    expect_rate(*state, GUARANTEE_READ_YOUR_WRITES, 2, 1);
}

static void reads_go_backward(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1});
    story_get(*state, (struct told){AT(3, 4), .session = 1, .shows = LIST(1)});
    story_get(*state, (struct told){AT(5, 6), .session = 1});
    expect_kinds(*state, VERDICT_MONOTONIC_READS, 1);
    expect_kinds(*state, VERDICT_BACKWARD, 1);
}

static void a_write_on_its_way_is_a_rate(void **state)
{
    story_put(*state, (struct told){AT(1, 9), .value = 1});
    story_put(*state, (struct told){AT(1, 2), .value = 2, .outcome = HISTORY_UNKNOWN});
    story_get(*state, (struct told){AT(3, 4), .session = 1, .shows = LIST(1, 2)});
    story_get(*state, (struct told){AT(5, 6), .session = 1});
    expect_rate(*state, GUARANTEE_MONOTONIC_READS, 2, 2);
    expect_rate(*state, GUARANTEE_MONOTONIC_CONTEXT, 1, 1);
}

static void unless_reads_settle_what_they_show(void **state)
{
    struct story *story = *state;

    story->settings.reads_settle = true;
    story_put(story, (struct told){AT(1, 2), .value = 2, .outcome = HISTORY_UNKNOWN});
    story_get(story, (struct told){AT(3, 4), .session = 1, .shows = LIST(2)});
    story_get(story, (struct told){AT(5, 6), .session = 1});
    expect_kinds(story, VERDICT_MONOTONIC_READS, 1);
    expect_kinds(story, VERDICT_BACKWARD, 1);
}

static void other_sessions_have_nothing_to_do_with_it(void **state)
{
    story_put(*state, (struct told){AT(1, 9), .value = 1});
    story_get(*state, (struct told){AT(3, 4), .session = 1, .shows = LIST(1)});
    story_get(*state, (struct told){AT(5, 6), .session = 2});
    story_get(*state, (struct told){AT(7, 8), .session = 1, .key = 1});
    expect_rate(*state, GUARANTEE_MONOTONIC_READS, 0, 0);
}

static void second_write_is_shown_without_the_first(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1, .session = 1});
    story_put(*state, (struct told){AT(3, 4), .value = 2, .session = 1, .seen = LIST(1)});
    // Even a read of one replica knows what the context of the value it shows had.
    story_get(*state, (struct told){AT(5, 6), .asked = 1, .shows = LIST(2), .knows = LIST(1)});
    expect_kinds(*state, VERDICT_MONOTONIC_WRITES, 0);
    story_get(*state, (struct told){AT(5, 6), .asked = 1, .shows = LIST(2)});
    expect_kinds(*state, VERDICT_MONOTONIC_WRITES, 1);
}

static void blind_writes_are_a_rate(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1, .session = 1});
    story_put(*state, (struct told){AT(3, 4), .value = 2, .session = 1});
    story_get(*state, (struct told){AT(5, 6), .asked = 1, .shows = LIST(2)});
    expect_rate(*state, GUARANTEE_MONOTONIC_WRITES, 1, 1);
}

static void answer_is_shown_without_the_question(void **state)
{
    story_put(*state, (struct told){AT(1, 2), .value = 1});
    story_get(*state, (struct told){AT(3, 4), .session = 1, .shows = LIST(1)});
    story_put(*state, (struct told){AT(5, 6), .value = 2, .session = 1, .seen = LIST(1)});
    story_get(*state, (struct told){AT(7, 8), .asked = 1, .shows = LIST(2), .knows = LIST(1)});
    expect_kinds(*state, VERDICT_WRITES_FOLLOW_READS, 0);
    story_get(*state, (struct told){AT(7, 8), .asked = 1, .shows = LIST(2)});
    expect_kinds(*state, VERDICT_WRITES_FOLLOW_READS, 1);
}

static void write_that_ends_as_the_read_begins_is_a_rate(void **state)
{
    story_put(*state, (struct told){AT(1, 3), .value = 1, .session = 1});
    story_get(*state, (struct told){AT(3, 4), .session = 1});
    expect_rate(*state, GUARANTEE_READ_YOUR_WRITES, 1, 1);
}

static void unknown_question_may_be_lost_with_any_disk(void **state)
{
    struct story *story = *state;

    story_put(story, (struct told){AT(1, 2), .value = 1, .outcome = HISTORY_UNKNOWN});
    story_get(story, (struct told){AT(3, 4), .session = 1, .shows = LIST(1)});
    story_put(story, (struct told){AT(5, 6), .value = 2, .session = 1, .seen = LIST(1)});
    story_get(story, (struct told){AT(9, 10), .asked = 1, .shows = LIST(2)});
    expect_kinds(story, VERDICT_WRITES_FOLLOW_READS, 1);
    history_lose(&story->history, &(struct history_loss){.node = 0, .at = 7});
    expect_kinds(story, VERDICT_WRITES_FOLLOW_READS, 0);
}

static void question_on_lost_disks_may_be_forgotten(void **state)
{
    struct story *story = *state;

    story_put(story, (struct told){AT(1, 2), .value = 1, .session = 1, .holders = 0x3});
    story_put(story, (struct told){AT(3, 4), .value = 2, .session = 1, .seen = LIST(1)});
    history_lose(&story->history, &(struct history_loss){.node = 0, .at = 5});
    history_lose(&story->history, &(struct history_loss){.node = 1, .at = 6});
    story_get(story, (struct told){AT(7, 8), .asked = 1, .shows = LIST(2)});
    expect_kinds(story, VERDICT_MONOTONIC_WRITES, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(own_write_is_not_read),
        TEST(token_of_a_write_covers_it),
        TEST(each_own_write_since_the_last_read_counts),
        TEST(own_write_replaced_meanwhile),
        TEST(own_write_to_one_disk_is_a_rate),
        TEST(reads_go_backward),
        TEST(a_write_on_its_way_is_a_rate),
        TEST(unless_reads_settle_what_they_show),
        TEST(other_sessions_have_nothing_to_do_with_it),
        TEST(second_write_is_shown_without_the_first),
        TEST(blind_writes_are_a_rate),
        TEST(answer_is_shown_without_the_question),
        TEST(write_that_ends_as_the_read_begins_is_a_rate),
        TEST(unknown_question_may_be_lost_with_any_disk),
        TEST(question_on_lost_disks_may_be_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
