// SPDX-License-Identifier: Apache-2.0
// When a machine believes its own eyes rather than what it is told, and when not even those: deaths
// of whom it just heard, many that fall silent at once, floods of phantoms.
#include "base/buffer.h"
#include "gossip/message.h"
#include "gossip/packet.h"
#include "gossip/swim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { START_MS = 5000 };

static struct swim_address address_of(uint16_t port)
{
    return swim_address_of(slice_of("\x7f\0\0\1", 4), port);
}

static struct swim *start(bool doubts)
{
    struct swim_settings settings;
    struct swim *swim;

    swim_settings_init(&settings, SWIM_LAN);
    settings.node_id = 0xabc;
    settings.seed = 1;
    settings.address = address_of(7946);
    settings.doubts = doubts;
    settings.timing.push_pull_ms = 0;
    assert_int_equal(swim_new(&settings, START_MS, &swim), 0);
    return swim;
}

static void give(struct swim *swim, uint64_t now_ms, uint16_t port, const struct message *message)
{
    struct swim_address from = address_of(port);
    struct buffer bytes = {0};

    message_encode(message, &bytes);
    swim_datagram(swim, now_ms, &from, buffer_slice(&bytes));
    buffer_done(&bytes);
}

// Member number i, at port i + 1.
static void add_member(struct swim *swim, unsigned i)
{
    char name[16];
    struct message alive = {
        .type = MESSAGE_ALIVE,
        .address = address_of((uint16_t)(i % 60000 + 1)),
        .incarnation = 1,
        .version = {1, 5, 2, 0, 0, 0},
    };

    snprintf(name, sizeof name, "m%u", i);
    alive.node = slice_of_text(name);
    give(swim, START_MS, 1, &alive);
}

static const struct swim_member *member(const struct swim *swim, unsigned i)
{
    char name[16];

    snprintf(name, sizeof name, "m%u", i);
    for (size_t at = 0; at < swim_count(swim); at++) {
        if (strcmp(swim_at(swim, at)->name, name) == 0)
            return swim_at(swim, at);
    }
    return NULL;
}

static size_t notices(const struct swim *swim, enum swim_notice notice)
{
    size_t count, found = 0;
    const struct swim_action *actions = swim_actions(swim, &count);

    for (size_t i = 0; i < count; i++)
        found += actions[i].kind == SWIM_NOTICE && actions[i].notice == notice;
    return found;
}

static struct message ping_from(const char *name, uint16_t port)
{
    return (struct message){
        .type = MESSAGE_PING,
        .sequence = 1,
        .node = slice_of_text("0000000000000abc"),
        .source = address_of(port),
        .source_node = slice_of_text(name),
    };
}

static void test_death_of_whom_we_heard(void **state)
{
    struct message dead = {.type = MESSAGE_DEAD,
                           .node = slice_of_text("m5"),
                           .from = slice_of_text("m6"),
                           .incarnation = 1};
    struct message ping = ping_from("m5", 6);

    (void)state;
    for (unsigned doubts = 0; doubts < 2; doubts++) {
        struct swim *swim = start(doubts);

        add_member(swim, 5);
        give(swim, START_MS, 6, &ping);
        give(swim, START_MS + 3999, 6, &dead);
        assert_int_equal(member(swim, 5)->state, doubts ? MEMBER_SUSPECT : MEMBER_DEAD);
        assert_int_equal(swim_counts(swim)->deaths_doubted, doubts);
        swim_free(swim);

        // Long ago, or somebody else under its name, or its own farewell: believed.
        swim = start(doubts);
        add_member(swim, 5);
        give(swim, START_MS, 6, &ping);
        give(swim, START_MS + 4000, 6, &dead);
        assert_int_equal(member(swim, 5)->state, MEMBER_DEAD);
        add_member(swim, 7);
        dead.node = slice_of_text("m7");
        ping = ping_from("m7", 8);
        give(swim, START_MS + 4000, 9, &ping);
        give(swim, START_MS + 4000, 6, &dead);
        assert_int_equal(member(swim, 7)->state, MEMBER_DEAD);
        add_member(swim, 9);
        ping = ping_from("m9", 10);
        give(swim, START_MS + 4000, 10, &ping);
        dead.node = dead.from = slice_of_text("m9");
        give(swim, START_MS + 4000, 9, &dead);
        assert_int_equal(member(swim, 9)->state, MEMBER_LEFT);
        dead.node = slice_of_text("m5");
        dead.from = slice_of_text("m6");
        ping = ping_from("m5", 6);
        swim_free(swim);
    }
}

// All of twelve fall silent. Three are accused as always; further ones get a second probe.
static void test_many_silent(void **state)
{
    (void)state;
    for (unsigned doubts = 0; doubts < 2; doubts++) {
        struct swim *swim = start(doubts);
        uint64_t suspects = 0;

        for (unsigned i = 1; i <= 12; i++)
            add_member(swim, i);
        while (swim_counts(swim)->probes_failed < 6) {
            swim_tick(swim, swim_deadline(swim));
            suspects += notices(swim, SWIM_SUSPECT);
        }
        assert_int_equal(suspects, doubts ? 3 : 6);
        assert_int_equal(swim_counts(swim)->doubts, doubts ? 3 : 0);
        assert_int_equal(swim_health(swim), 7);
        // In the end all are given up, doubts or not.
        for (unsigned i = 0; i < 100000 && swim_count(swim) > 1; i++)
            swim_tick(swim, swim_deadline(swim));
        assert_int_equal(swim_count(swim), 1);
        swim_free(swim);
    }
}

// Who confirms takes the doubt away: it is not only we who do not hear them.
static void test_confirmed(void **state)
{
    struct swim *swim = start(true);
    uint64_t suspects = 0;

    (void)state;
    for (unsigned i = 1; i <= 12; i++)
        add_member(swim, i);
    while (swim_counts(swim)->probes_failed < 6) {
        uint64_t now_ms = swim_deadline(swim);

        swim_tick(swim, now_ms);
        suspects += notices(swim, SWIM_SUSPECT);
        for (unsigned i = 1; i <= 12; i++) {
            char name[16];
            struct message suspect = {.type = MESSAGE_SUSPECT, .incarnation = 1};

            snprintf(name, sizeof name, "m%u", i);
            suspect.node = slice_of_text(name);
            suspect.from = slice_of_text("somebody");
            if (member(swim, i)->state == MEMBER_SUSPECT)
                give(swim, now_ms, 99, &suspect);
        }
    }
    assert_int_equal(suspects, 6);
    assert_int_equal(swim_counts(swim)->doubts, 0);
    swim_free(swim);
}

// When a member answered itself, and how long that took.
static void test_answer_is_noted(void **state)
{
    struct swim *swim = start(true);
    static struct packet packet;
    struct arena arena = {0};
    struct message ping = {0};
    struct message ack = {.type = MESSAGE_ACK};
    uint64_t now_ms = START_MS;

    (void)state;
    add_member(swim, 5);
    while (swim_counts(swim)->probes == 0) {
        now_ms = swim_deadline(swim);
        swim_tick(swim, now_ms);
    }
    for (size_t i = 0, count = 1; i < count && ping.type == MESSAGE_PING && !ping.sequence; i++) {
        const struct swim_action *actions = swim_actions(swim, &count);

        if (actions[i].kind == SWIM_DATAGRAM && packet_open(actions[i].bytes, &arena, &packet) == 0)
            assert_int_equal(message_decode(packet.parts[0], &ping), 0);
    }
    assert_int_equal(ping.type, MESSAGE_PING);
    ack.sequence = ping.sequence;
    give(swim, now_ms + 7, 6, &ack);
    assert_int_equal(member(swim, 5)->ack_ms, now_ms + 7);
    assert_int_equal(member(swim, 5)->rtt_ms, 7);
    assert_int_equal(member(swim, 5)->suspected, 0);
    arena_done(&arena);
    swim_free(swim);
}

// A hundred thousand phantoms: the table stays within its bound, and what does not fit is counted.
static void test_phantoms(void **state)
{
    struct swim *swim = start(true);

    (void)state;
    for (unsigned i = 1; i <= 100000; i++)
        add_member(swim, i);
    assert_int_equal(swim_count(swim), 4096);
    assert_int_equal(swim_counts(swim)->members_refused, 100000 - 4095);
    swim_free(swim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_death_of_whom_we_heard),
        cmocka_unit_test(test_many_silent),
        cmocka_unit_test(test_confirmed),
        cmocka_unit_test(test_answer_is_noted),
        cmocka_unit_test(test_phantoms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
