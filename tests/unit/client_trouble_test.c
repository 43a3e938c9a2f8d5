// SPDX-License-Identifier: Apache-2.0
// The library where the way to a node fails: nobody listens, nobody answers, something else does,
// the connection ends or dies without a word.
#include "base/err.h"
#include "tests/lib/asker.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void time_runs_out(void **state)
{
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_never);
    asker_put(&asker, "k", 20);
    asker_wait(&asker, 1);
    assert_int_equal(asker.err, QUORATE_TIMEOUT);
    assert_true(asker.unknown);
    assert_int_equal(asker.fakes[0].requests, 1);
    assert_non_null(strstr(asker.message, asker.fakes[0].address));
    asker_close(&asker);
}

// The answer came while the application was busy with other things, and counts.
static void an_answer_before_a_late_look(void **state)
{
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_well);
    asker_put(&asker, "k", 0);
    asker_wait(&asker, 1);
    asker_put(&asker, "k", 10);
    while (asker.fakes[0].requests < 2)
        (void)uv_run(&asker.loop, UV_RUN_ONCE);
    if (asker.done == 1)
        uv_sleep(150);
    asker_wait(&asker, 2);
    assert_int_equal(asker.err, 0);
    asker_close(&asker);
}

static void nonsense_is_told(void **state)
{
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_nonsense);
    asker_get(&asker, "k");
    asker_wait(&asker, 1);
    assert_int_equal(asker.err, QUORATE_PROTOCOL);
    asker_close(&asker);
}

// An endpoint that is something else does not keep the others from being asked; but what it did
// with a write, nobody knows.
static void nonsense_is_passed_by(void **state)
{
    struct asker asker;
    char both[80];

    (void)state;
    asker_open(&asker, answer_nonsense);
    fake_open(&asker.fakes[1], &asker.loop, answer_well);
    (void)snprintf(both, sizeof both, "%s,%s", asker.fakes[0].address, asker.fakes[1].address);
    for (uint32_t i = 0; i < 20; i++) {
        asker_reopen(&asker, both, NULL);
        asker_get(&asker, "k");
        asker_wait(&asker, i + 1);
        assert_int_equal(asker.err, 0);
    }
    asker_reopen(&asker, asker.fakes[0].address, NULL);
    asker_put(&asker, "k", 0);
    asker_wait(&asker, 21);
    assert_int_equal(asker.err, QUORATE_PROTOCOL);
    assert_true(asker.unknown);
    assert_int_equal(asker.attempts, 1);
    asker_close(&asker);
}

// One of many endpoints is there; whether it is asked must not be left to luck.
static void all_endpoints_are_asked(void **state)
{
    struct asker asker;
    char all[256];

    (void)state;
    asker_open(&asker, answer_well);
    (void)snprintf(all, sizeof all,
                   "127.0.0.1:1 127.0.0.2:1 127.0.0.3:1 127.0.0.4:1 127.0.0.5:1 127.0.0.6:1 "
                   "127.0.0.7:1 127.0.0.8:1 127.0.0.9:1 %s",
                   asker.fakes[0].address);
    for (uint32_t i = 0; i < 20; i++) {
        asker_reopen(&asker, all, NULL);
        asker_put(&asker, "k", 0);
        asker_wait(&asker, i + 1);
        assert_int_equal(asker.err, 0);
    }
    asker_close(&asker);
}

static void nobody_listens(void **state)
{
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_well);
    fake_close(&asker.fakes[0]);
    (void)uv_run(&asker.loop, UV_RUN_NOWAIT);
    asker_put(&asker, "k", 0);
    asker_wait(&asker, 1);
    assert_int_equal(asker.err, QUORATE_CONNECT);
    assert_false(asker.unknown);
    asker_close(&asker);
}

// The second endpoint answers what the first cannot: nothing is lost, and nothing said twice.
static void another_is_asked(void **state)
{
    struct quorate_client_options options = {0};
    struct asker asker;
    char both[80];

    (void)state;
    asker_open(&asker, answer_well);
    quorate_close(asker.client);
    fake_open(&asker.fakes[1], &asker.loop, answer_well);
    (void)snprintf(both, sizeof both, "%s, %s", asker.fakes[0].address, asker.fakes[1].address);
    fake_close(&asker.fakes[0]);
    (void)uv_run(&asker.loop, UV_RUN_NOWAIT);
    assert_int_equal(quorate_attach(&asker.loop, both, &options, &asker.client), 0);
    for (uint32_t i = 0; i < 50; i++) {
        asker_put(&asker, "k", 0);
        asker_wait(&asker, i + 1);
        assert_int_equal(asker.err, 0);
    }
    asker_close(&asker);
}

// A node that says nothing keeps a read for half of its time, then another one is asked.
static void silence_is_not_waited_for(void **state)
{
    struct quorate_get_options options = {.timeout_ms = 400};
    struct asker asker;
    char both[80];
    uint32_t most = 0;

    (void)state;
    asker_open(&asker, answer_never);
    quorate_close(asker.client);
    fake_open(&asker.fakes[1], &asker.loop, answer_well);
    (void)snprintf(both, sizeof both, "%s %s", asker.fakes[0].address, asker.fakes[1].address);
    assert_int_equal(quorate_attach(&asker.loop, both, NULL, &asker.client), 0);
    for (uint32_t i = 0; i < 20; i++) {
        quorate_get_start(asker.client, quorate_key("b", "k"), &options,
                          quorate_done(asker_done, &asker));
        asker_wait(&asker, i + 1);
        assert_int_equal(asker.err, 0);
        most = asker.attempts > most ? asker.attempts : most;
    }
    assert_int_equal(most, 2);
    asker_close(&asker);
}

// A connection whose other end has gone without a word is not asked for ever.
static void a_dead_line_is_left(void **state)
{
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_later_guests);
    for (uint32_t i = 0; i < 3; i++)
        asker_put(&asker, "k", 20);
    asker_wait(&asker, 3);
    assert_int_equal(asker.err, QUORATE_TIMEOUT);
    assert_true(asker.unknown);
    asker_put(&asker, "k", 0);
    asker_wait(&asker, 4);
    assert_int_equal(asker.err, 0);
    while (asker.fakes[0].guest_count > 1)
        (void)uv_run(&asker.loop, UV_RUN_ONCE);
    assert_int_equal(asker.fakes[0].guests_come, 2);
    asker_close(&asker);
}

// A connection that the node closed while nothing was asked costs nothing.
static void closed_meanwhile(void **state)
{
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_well);
    for (uint32_t i = 0; i < 20; i++) {
        asker_put(&asker, "k", 0);
        asker_wait(&asker, i + 1);
        assert_int_equal(asker.err, 0);
        while (asker.fakes[0].guest_count > 0)
            guest_close(asker.fakes[0].guests[0]);
        (void)uv_run(&asker.loop, UV_RUN_NOWAIT);
        (void)uv_run(&asker.loop, UV_RUN_NOWAIT);
    }
    asker_close(&asker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_runs_out),           cmocka_unit_test(an_answer_before_a_late_look),
        cmocka_unit_test(nonsense_is_told),        cmocka_unit_test(nonsense_is_passed_by),
        cmocka_unit_test(all_endpoints_are_asked), cmocka_unit_test(nobody_listens),
        cmocka_unit_test(another_is_asked),        cmocka_unit_test(silence_is_not_waited_for),
        cmocka_unit_test(a_dead_line_is_left),     cmocka_unit_test(closed_meanwhile),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    (void)alarm(60); // nothing here may hang
    return cmocka_run_group_tests(tests, NULL, NULL);
}
