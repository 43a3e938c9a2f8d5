// SPDX-License-Identifier: Apache-2.0
// Opening clients, blocking calls that fail before anything is sent, and results.
#include "client/quorate.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <uv.h>

#include <cmocka.h>

static void endpoints_are_read(void **state)
{
    static const char *const bad[] = {"", " , ", "a:b", "a:70000", ":1", "::1", "[::1", "ok:1,a:b"};
    static const char *const good[] = {"a", "a:1", "a:1,b:2", "a:1 b:2", "[::1]:5", ",a:1,"};
    struct quorate_client *client;

    (void)state;
    assert_int_equal(quorate_open(NULL, NULL, &client), QUORATE_INVALID);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(quorate_open(bad[i], NULL, &client), QUORATE_INVALID);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(quorate_open(good[i], NULL, &client), 0);
        quorate_close(client);
    }
    quorate_close(NULL);
}

static void requests_are_looked_at(void **state)
{
    struct quorate_client *client;
    struct quorate_result *result;
    uint8_t key[2049] = {0};

    (void)state;
    assert_int_equal(quorate_open("127.0.0.1:1", NULL, &client), 0);
    assert_int_equal(quorate_get(client, quorate_key("b", ""), NULL, NULL), QUORATE_INVALID);
    assert_int_equal(quorate_get(client,
                                 (struct quorate_key){quorate_text("b"), quorate_bytes(key, 2049)},
                                 NULL, &result),
                     QUORATE_TOO_LARGE);
    assert_non_null(strstr(result->message, "2048"));
    quorate_result_free(result);
    assert_int_equal(quorate_ping(client, "no port here:x", 0, NULL), QUORATE_INVALID);
    assert_int_equal(quorate_ping(client, "[::1]:1", 0, NULL), QUORATE_CONNECT);
    quorate_result_free(NULL);
    quorate_close(client);
}

static void attached_clients_do_not_block(void **state)
{
    struct quorate_client *client;
    struct quorate_result *result;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(quorate_attach(&loop, "127.0.0.1:1", NULL, &client), 0);
    assert_int_equal(quorate_get(client, quorate_key("b", "k"), NULL, &result), QUORATE_INVALID);
    assert_true(strlen(result->message) > 0);
    quorate_result_free(result);
    quorate_close(client);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void one_value_is_wanted(void **state)
{
    struct quorate_value values[2] = {{.value = {"v", 1}}, {.value = {"w", 1}}};
    struct quorate_result result = {.values = values, .value_count = 1, .found = true};
    struct quorate_bytes value = {0};

    (void)state;
    assert_int_equal(quorate_result_value(&result, &value), 0);
    assert_memory_equal(value.data, "v", 1);
    result.value_count = 2;
    assert_int_equal(quorate_result_value(&result, &value), QUORATE_CONFLICT);
    result.found = false;
    assert_int_equal(quorate_result_value(&result, &value), QUORATE_NOT_FOUND);
    result.err = QUORATE_TIMEOUT;
    assert_int_equal(quorate_result_value(&result, &value), QUORATE_TIMEOUT);
    assert_string_equal(quorate_err_name(result.err), "TIMEOUT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_are_read),
        cmocka_unit_test(requests_are_looked_at),
        cmocka_unit_test(attached_clients_do_not_block),
        cmocka_unit_test(one_value_is_wanted),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
