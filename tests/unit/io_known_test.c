// SPDX-License-Identifier: Apache-2.0
// What is kept about the ring, whatever stands in the file; who may link to whom.
#include "node/io/known.h"

#include "base/err.h"
#include "base/rng.h"
#include "node/io/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_round_trip(void **state)
{
    struct known known = {.listen = 7400, .peer = 1, .gossip = 65535}, again = {0};
    struct buffer text = {0};

    (void)state;
    known_set(&known, 0xabc, "127.0.0.1:7401");
    known_set(&known, UINT64_MAX, "[::1]:2");
    known_set(&known, 0xabc, "127.0.0.1:7402");
    assert_true(known.changed);
    assert_int_equal(known.count, 2);
    known_write(&known, &text);
    known_read(&again, buffer_slice(&text));
    assert_false(again.changed);
    assert_int_equal(again.listen, 7400);
    assert_int_equal(again.peer, 1);
    assert_int_equal(again.gossip, 65535);
    assert_int_equal(again.count, 2);
    assert_string_equal(known_find(&again, 0xabc)->address, "127.0.0.1:7402");
    assert_string_equal(known_find(&again, UINT64_MAX)->address, "[::1]:2");
    assert_null(known_find(&again, 5));
    known_done(&known);
    known_done(&again);
    buffer_done(&text);
}

static void test_nonsense(void **state)
{
    static const char text[] = "member 0 127.0.0.1:1\nmember zz 127.0.0.1:1\nmember 5 nowhere\n"
                               "member 6 a:0\n\n\nlisten\nlisten x\nmember 7\n"
                               "member 8 127.0.0.1:1";
    struct known known = {0};
    uint8_t noise[4096];
    struct rng rng;
    size_t i, run;

    (void)state;
    known_read(&known, slice_of_text(text));
    assert_int_equal(known.count, 1);
    assert_non_null(known_find(&known, 8));
    rng_init(&rng, 3);
    for (run = 0; run < 200; run++) {
        for (i = 0; i < sizeof noise; i++)
            noise[i] = rng_below(&rng, 3) ? (uint8_t) "member 19:\n .a"[rng_below(&rng, 14)]
                                          : (uint8_t)rng_u64(&rng);
        known_read(&known, slice_of(noise, sizeof noise));
    }
    known_done(&known);
}

// A full list makes room by forgetting somebody who is not here, and never otherwise.
static void test_bound(void **state)
{
    struct known known = {0};
    uint64_t id;

    (void)state;
    for (id = 1; id <= KNOWN_MAX; id++) {
        known_set(&known, id, "127.0.0.1:1");
        known_find(&known, id)->is_here = id != 500;
    }
    known_set(&known, 5000, "127.0.0.1:1");
    assert_int_equal(known.count, KNOWN_MAX);
    assert_null(known_find(&known, 500));
    known_find(&known, 5000)->is_here = true;
    known_set(&known, 5001, "127.0.0.1:1");
    assert_null(known_find(&known, 5001));
    known_done(&known);
}

static void test_handshake(void **state)
{
    const struct hello own = {.cluster = 1, .node = 2, .actor = 3, .protocol = PEER_PROTOCOL};
    struct buffer why = {0};
    struct hello other = own, lone = own;

    (void)state;
    other.node = 20;
    other.actor = 30;
    assert_int_equal(handshake_judge(&own, &other, &why), 0);
    other.cluster = 10;
    assert_int_equal(handshake_judge(&own, &other, &why), ERR_WRONG_CLUSTER);
    other.cluster = 0;
    assert_int_equal(handshake_judge(&own, &other, &why), 0);
    lone.cluster = 0;
    other.cluster = 10;
    assert_int_equal(handshake_judge(&lone, &other, &why), 0);
    other.cluster = 1;
    other.actor = 3;
    assert_int_equal(handshake_judge(&own, &other, &why), ERR_CONFLICT);
    other.actor = 30;
    other.node = 2;
    assert_int_equal(handshake_judge(&own, &other, &why), ERR_CONFLICT);
    other.node = 20;
    other.protocol++;
    assert_int_equal(handshake_judge(&own, &other, &why), ERR_PROTOCOL);
    buffer_done(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_handshake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
