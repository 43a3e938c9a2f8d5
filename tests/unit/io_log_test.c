// SPDX-License-Identifier: Apache-2.0
// The operator's log: rate limits, and a reader who stops reading.
#include "base/buffer.h"
#include "node/io/log_text.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SECOND_US = 1000000, LINES = 2000 };

static uint32_t passes(struct log_limit *limit, uint64_t from_us, uint32_t seconds)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < 100 * seconds; i++)
        count += log_limit_pass(limit, from_us + (uint64_t)i * (SECOND_US / 100));
    return count;
}

static void test_limits(void **state)
{
    struct log_limit limit = {0}, slow = {.seconds = 60};

    (void)state;
    assert_int_equal(passes(&limit, 0, 3), 30);
    assert_int_equal(passes(&slow, 0, 60), 10);
    assert_int_equal(passes(&slow, 60 * (uint64_t)SECOND_US, 60), 10);
}

// Reads what is there.
static void take(int fd, struct buffer *out)
{
    ssize_t size;

    do {
        size = read(fd, buffer_reserve(out, 4096), 4096);
        out->size += size > 0 ? (size_t)size : 0;
    } while (size > 0);
}

// Everything beyond what the pipe takes is left out, without waiting, and told of later.
static void test_full_pipe(void **state)
{
    int keep = dup(STDERR_FILENO), pipes[2], i;
    struct buffer text = {0};

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    fcntl(pipes[1], F_SETPIPE_SZ, 4096);
    dup2(pipes[1], STDERR_FILENO);
    alarm(10); // fails the test when it waits
    for (i = 0; i < LINES; i++)
        log_info("line %d", i);
    take(pipes[0], &text);
    log_info("the next");
    take(pipes[0], &text);
    alarm(0);
    dup2(keep, STDERR_FILENO);
    close(keep);
    close(pipes[0]);
    close(pipes[1]);
    buffer_add_u8(&text, 0);
    assert_non_null(strstr((char *)text.data, "info line 0\n"));
    assert_non_null(strstr((char *)text.data, " lines are missing"));
    assert_non_null(strstr((char *)text.data, "info the next\n"));
    assert_true(text.size < 3 * 4096);
    buffer_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_full_pipe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
