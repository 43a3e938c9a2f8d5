// SPDX-License-Identifier: Apache-2.0
// Writing past the page cache: pieces of any size, one behind the other, are in the file as given;
// what a reused file held behind them does no harm.
#include "node/store/direct.h"

#include "base/err.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

enum { FILE_SIZE = 4 << 20, WRITE_MAX = 600 << 10 };

// -1: not on this file system. The file has no name any more, and two descriptors.
static int file_make(int *out_plain)
{
    const char *dir = getenv("TMPDIR");
    char path[4096];
    int direct;

    snprintf(path, sizeof path, "%s/direct-XXXXXX", dir ? dir : "/tmp");
    *out_plain = mkstemp(path);
    assert_true(*out_plain >= 0);
    direct = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
    unlink(path);
    return direct;
}

static void file_fill(int plain, uint8_t *bytes, uint8_t with)
{
    memset(bytes, with, FILE_SIZE);
    assert_int_equal(pwrite(plain, bytes, FILE_SIZE, 0), FILE_SIZE);
    assert_int_equal(fsync(plain), 0);
}

static size_t size_draw(struct rng *rng)
{
    static const size_t limits[] = {64, 200, 5000, 70000, WRITE_MAX};

    return 1 + (size_t)rng_below(rng, limits[rng_below(rng, 5)]);
}

static void test_pieces_of_any_size(void **state)
{
    uint8_t *want = malloc(FILE_SIZE);
    uint8_t *got = malloc(FILE_SIZE);
    struct direct direct = {0};
    struct rng rng;
    int plain;
    int fd = file_make(&plain);

    (void)state;
    rng_init(&rng, 7);
    for (int round = 0; round < 20 && fd >= 0; round++) {
        size_t end = 0;

        file_fill(plain, want, 0xee); // as a file that is used again
        for (size_t size = size_draw(&rng); end + size <= FILE_SIZE; size = size_draw(&rng)) {
            for (size_t i = 0; i < size; i++)
                want[end + i] = (uint8_t)rng_u64(&rng);
            assert_int_equal(
                direct_write(&direct, fd, slice_of(want + end, size), end, round % 2 == 0), 0);
            end += size;
            assert_int_equal(direct.end, end);
        }
        assert_int_equal(pread(plain, got, FILE_SIZE, 0), FILE_SIZE);
        assert_memory_equal(got, want, end);
        for (size_t i = end; i < FILE_SIZE; i++)
            assert_true(got[i] == 0xee || (got[i] == 0 && i / DIRECT_BLOCK == end / DIRECT_BLOCK));
    }
    if (fd >= 0)
        close(fd);
    close(plain);
    direct_done(&direct);
    free(want);
    free(got);
    if (fd < 0)
        skip();
}

// A descriptor that wants other blocks says so at once, and nothing is written; a full or broken
// one is an error like any other.
static void test_what_cannot_be_written(void **state)
{
    struct direct direct = {0};
    int pipes[2];

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    assert_true(direct_write(&direct, pipes[0], slice_of("x", 1), 0, true) < 0);
    close(pipes[0]);
    close(pipes[1]);
    assert_true(direct_write(&direct, pipes[1], slice_of("x", 1), 0, true) < 0);
    direct_done(&direct);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_of_any_size),
        cmocka_unit_test(test_what_cannot_be_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
