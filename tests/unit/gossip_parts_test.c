// SPDX-License-Identifier: Apache-2.0
// The parts of the membership machine one by one: suspicion, news, health, the table of members.
#include "base/err.h"
#include "gossip/awareness.h"
#include "gossip/broadcast.h"
#include "gossip/members.h"
#include "gossip/names.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_suspicion_table(void **state)
{
    static const struct {
        uint32_t members;
        uint32_t expected;
        uint32_t min_ms;
        uint32_t max_ms;
        uint32_t timeout_ms[3]; // after 0, 1, 2 confirmations
    } rows[] = {
        {3, 0, 4000, 24000, {4000, 4000, 4000}},     {4, 2, 4000, 24000, {24000, 11381, 4000}},
        {5, 2, 4000, 24000, {24000, 11381, 4000}},   {10, 2, 4000, 24000, {24000, 11381, 4000}},
        {100, 2, 8000, 48000, {48000, 22762, 8000}}, {1000, 2, 12000, 72000, {72000, 34144, 12000}},
    };
    struct swim_timing lan = swim_timing_of(SWIM_LAN);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct suspicion suspicion;

        suspicion_start(&suspicion, &lan, rows[i].members, 1000, 1);
        assert_int_equal(suspicion.expected, rows[i].expected);
        assert_int_equal(suspicion.min_ms, rows[i].min_ms);
        assert_int_equal(suspicion.max_ms, rows[i].max_ms);
        for (uint32_t confirmed = 0; confirmed < 3; confirmed++) {
            assert_int_equal(suspicion_deadline(&suspicion), 1000 + rows[i].timeout_ms[confirmed]);
            // The first accuser, and any that accused before, is no confirmation.
            assert_false(suspicion_confirm(&suspicion, 1));
            assert_int_equal(suspicion_confirm(&suspicion, 2 + confirmed),
                             confirmed < rows[i].expected);
            assert_false(suspicion_confirm(&suspicion, 2 + confirmed));
        }
    }
}

// The table of memberlist's own test: k = 3, from 30 s down to 2 s.
static void test_suspicion_of_memberlist(void **state)
{
    static const uint32_t want_ms[] = {30000, 16000, 7810, 2000, 2000};

    (void)state;
    for (uint32_t confirmed = 0; confirmed < 5; confirmed++)
        assert_int_equal(suspicion_timeout_ms(2000, 30000, confirmed, 3), want_ms[confirmed]);
}

// The integer logarithms against libm's, wherever libm's last digit cannot matter.
static void test_logarithms(void **state)
{
    struct swim_timing timing = {.suspicion_mult = 1, .probe_interval_ms = 1000};

    (void)state;
    for (uint32_t members = 1; members < 200000; members++) {
        double exact = 1000 * log10(members);
        uint32_t got = suspicion_min_ms(&timing, members);

        if (fabs(exact - round(exact)) < 1e-9)
            exact = round(exact);
        assert_int_equal(got, exact < 1000 ? 1000 : (uint32_t)floor(exact));
    }
    for (uint32_t expected = 1; expected < 8; expected++) {
        for (uint32_t confirmed = 0; confirmed < expected; confirmed++) {
            double exact = 90000 - 88000 * log(confirmed + 1.0) / log(expected + 1.0);

            assert_int_equal(suspicion_timeout_ms(2000, 90000, confirmed, expected),
                             (uint32_t)floor(exact + 1e-6));
        }
    }
}

static void test_sends(void **state)
{
    static const uint32_t rows[][3] = {{4, 0, 0},   {4, 1, 4},    {4, 9, 4},
                                       {4, 10, 8},  {4, 99, 8},   {4, 100, 12},
                                       {2, 999, 6}, {2, 1000, 8}, {4, 40, 8}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(broadcasts_sends_max(rows[i][0], rows[i][1]), rows[i][2]);
}

static size_t fill(struct broadcasts *queue, struct arena *arena, size_t bytes, struct slice *out)
{
    struct broadcast_room room = {.bytes = bytes, .parts = 127, .overhead = 2, .sends_max = 2};

    return broadcasts_fill(queue, &room, arena, out);
}

static void test_broadcast_order(void **state)
{
    struct broadcasts queue;
    struct arena arena = {0};
    struct slice out[127];

    (void)state;
    broadcasts_init(&queue, 8);
    assert_true(broadcasts_add(&queue, 1, slice_of_text("older")));
    assert_true(broadcasts_add(&queue, 2, slice_of_text("newer")));
    assert_true(broadcasts_add(&queue, 3, slice_of_text("the longest")));
    // Longer first, then newer; what does not fit is passed over.
    assert_int_equal(fill(&queue, &arena, 11 + 2 + 5 + 2 + 6, out), 2);
    assert_true(slice_is(out[0], "the longest"));
    assert_true(slice_is(out[1], "newer"));
    // Fewest sends first; the others had their second and last.
    assert_int_equal(fill(&queue, &arena, 1000, out), 3);
    assert_true(slice_is(out[0], "older"));
    assert_int_equal(queue.count, 1);
    assert_true(broadcasts_pending(&queue, 1));
    // Newer news about the same member replaces the older, and starts anew.
    assert_true(broadcasts_add(&queue, 1, slice_of_text("newest")));
    assert_int_equal(fill(&queue, &arena, 1000, out), 1);
    assert_int_equal(fill(&queue, &arena, 1000, out), 1);
    assert_true(slice_is(out[0], "newest"));
    assert_int_equal(fill(&queue, &arena, 1000, out), 0);
    assert_false(broadcasts_pending(&queue, 1));
    broadcasts_done(&queue);
    arena_done(&arena);
}

// What goes along with other datagrams does not count while all of it fits.
static void test_broadcast_along(void **state)
{
    struct broadcast_room room = {1000, 127, 2, 2, true};
    struct broadcasts queue;
    struct arena arena = {0};
    struct slice out[127];

    (void)state;
    broadcasts_init(&queue, 8);
    assert_true(broadcasts_add(&queue, 1, slice_of_text("one")));
    assert_true(broadcasts_add(&queue, 2, slice_of_text("two")));
    assert_true(broadcasts_add(&queue, 2, slice_of_text("three")));
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(broadcasts_fill(&queue, &room, &arena, out), 2);
    room.bytes = 3 + 2 + 5 + 1;
    assert_int_equal(broadcasts_fill(&queue, &room, &arena, out), 1);
    assert_true(slice_is(out[0], "three"));
    assert_int_equal(broadcasts_fill(&queue, &room, &arena, out), 1);
    assert_true(slice_is(out[0], "one"));
    room.along = false;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(broadcasts_fill(&queue, &room, &arena, out), 1);
    assert_int_equal(queue.count, 0);
    assert_int_equal(queue.bytes, 0);
    broadcasts_done(&queue);
    arena_done(&arena);
}

static void test_broadcast_bounds(void **state)
{
    struct broadcasts queue;
    struct arena arena = {0};
    struct slice out[127];

    (void)state;
    broadcasts_init(&queue, 4);
    for (uint64_t about = 0; about < 10; about++)
        assert_int_equal(broadcasts_add(&queue, about, slice_of_text("news")), about < 4);
    assert_int_equal(queue.count, 4);
    assert_true(broadcasts_pending(&queue, 9));
    assert_int_equal(fill(&queue, &arena, 5, out), 0);
    assert_int_equal(fill(&queue, &arena, 6, out), 1);
    broadcasts_done(&queue);
    arena_done(&arena);
}

static void test_awareness(void **state)
{
    struct awareness awareness = {.max = 8};

    (void)state;
    awareness_add(&awareness, -1);
    assert_int_equal(awareness.score, 0);
    assert_int_equal(awareness_scale(&awareness, 1000), 1000);
    awareness_add(&awareness, 3);
    assert_int_equal(awareness_scale(&awareness, 1000), 4000);
    awareness_add(&awareness, 100);
    assert_int_equal(awareness.score, 7);
}

static void test_names(void **state)
{
    char name[MEMBER_NAME_DIGITS + 1];

    (void)state;
    member_write_name(0x00ab, name);
    assert_string_equal(name, "00000000000000ab");
    assert_int_equal(member_read_name(slice_of_text(name)), 0xab);
    assert_int_equal(member_read_name(slice_of_text("00000000000000AB")), 0);
    assert_int_equal(member_read_name(slice_of_text("ab")), 0);
    assert_int_equal(member_read_name(slice_of_text("a-foreign-member")), 0);
}

static bool any(const struct swim_member *member, uint64_t now_ms, uint64_t limit_ms)
{
    (void)now_ms;
    (void)limit_ms;
    return member->state == MEMBER_DEAD; // as they are born
}

static void test_members(void **state)
{
    struct members members;
    struct rng rng;
    struct swim_member *picked[8];
    unsigned hits[20] = {0};

    (void)state;
    rng_init(&rng, 1);
    members_init(&members, 20, 99);
    for (unsigned i = 0; i < 20; i++) {
        char name[8];

        snprintf(name, sizeof name, "m%u", i);
        assert_non_null(members_add(&members, slice_of_text(name), &rng));
        assert_null(members_add(&members, slice_of_text(name), &rng));
    }
    assert_null(members_add(&members, slice_of_text("one too many"), &rng));
    for (unsigned run = 0; run < 20000; run++) {
        struct members_choice choice = {.fits = any, .without = members.list[0]};
        size_t count = members_pick(&members, &choice, &rng, picked, 3);

        assert_int_equal(count, 3);
        assert_true(picked[0] != picked[1] && picked[1] != picked[2] && picked[0] != picked[2]);
        for (size_t i = 0; i < count; i++)
            hits[picked[i]->place]++;
    }
    assert_int_equal(hits[0], 0);
    for (unsigned i = 1; i < 20; i++)
        assert_in_range(hits[i], 2850, 3470); // 20000 * 3 / 19 = 3158
    members_shuffle(&members, &rng);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(members.list[i]->place, i);
    picked[0] = members_find(&members, slice_of_text("m7"));
    members_take(&members, picked[0]);
    assert_null(members_find(&members, slice_of_text("m7")));
    free(picked[0]);
    members_done(&members);
}

static void test_settings(void **state)
{
    struct swim_settings settings;
    enum swim_profile profile;

    (void)state;
    swim_settings_init(&settings, SWIM_LAN);
    assert_int_equal(swim_settings_verify(&settings), ERR_INVALID);
    settings.node_id = 1;
    settings.address = swim_address_of(slice_of("\x7f\0\0\1", 4), 7946);
    assert_int_equal(swim_settings_verify(&settings), 0);
    settings.timing.probe_timeout_ms = settings.timing.probe_interval_ms + 1;
    assert_int_equal(swim_settings_verify(&settings), ERR_INVALID);
    swim_settings_init(&settings, SWIM_WAN);
    assert_int_equal(settings.timing.suspicion_mult, 6);
    assert_int_equal(swim_profile_read("local", &profile), 0);
    assert_int_equal(profile, SWIM_LOCAL);
    assert_int_equal(swim_profile_read("moon", &profile), ERR_INVALID);
}

static void test_name_numbers(void **state)
{
    struct names names = {0};
    char text[16];

    (void)state;
    assert_int_equal(names_find(&names, slice_of_text("n0")), NAMES_NONE);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < 5000; i++) {
            snprintf(text, sizeof text, "n%zu", i);
            assert_int_equal(names_add(&names, slice_of_text(text)), i);
        }
        assert_int_equal(names.count, 5000);
    }
    assert_int_equal(names_find(&names, slice_of_text("n4321")), 4321);
    assert_int_equal(names_find(&names, slice_of_text("n5000")), NAMES_NONE);
    assert_int_equal(names_find(&names, slice_of("n4321", 6)), NAMES_NONE); // with its NUL
    assert_int_equal(names_add(&names, slice_of_text("")), 5000);
    names_done(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suspicion_table),
        cmocka_unit_test(test_suspicion_of_memberlist),
        cmocka_unit_test(test_logarithms),
        cmocka_unit_test(test_sends),
        cmocka_unit_test(test_broadcast_order),
        cmocka_unit_test(test_broadcast_along),
        cmocka_unit_test(test_broadcast_bounds),
        cmocka_unit_test(test_awareness),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_name_numbers),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_settings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
