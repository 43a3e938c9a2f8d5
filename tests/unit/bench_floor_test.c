// SPDX-License-Identifier: Apache-2.0
// The floors that a cluster is measured against answer what they should, when they should: at two
// of three copies, and not before.
#include "client/bench/floor.h"
#include "tests/lib/wait.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SECONDS = 30, SILENCE_MS = 150 };

static const enum floor_kind kinds[] = {FLOOR_ECHO, FLOOR_FANOUT, FLOOR_FANOUT_LOG};

static struct floor *start(enum floor_kind kind)
{
    const char *directory = getenv("TMPDIR");
    struct buffer why = {0};
    struct floor *floor = NULL;

    assert_int_equal(floor_start(kind, directory ? directory : "/tmp", &floor, &why), 0);
    assert_int_equal(floor_count(floor), kind == FLOOR_ECHO ? 1 : 3);
    buffer_done(&why);
    return floor;
}

static int dial(const struct floor *floor, uint32_t server)
{
    struct timeval patience = {.tv_sec = SECONDS};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(descriptor >= 0);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(descriptor, (const struct sockaddr *)floor_address(floor, server),
                             sizeof(struct sockaddr_in)),
                     0);
    return descriptor;
}

static void frame_add(struct buffer *out, uint32_t size, uint32_t wanted, uint64_t id)
{
    uint8_t *filler;

    buffer_add_u32(out, size);
    buffer_add_u32(out, wanted);
    buffer_add_u64(out, id);
    if (size <= FLOOR_HEADER)
        return;
    filler = buffer_reserve(out, size - FLOOR_HEADER);
    memset(filler, 'x', size - FLOOR_HEADER);
    out->size += size - FLOOR_HEADER;
}

static void say(int descriptor, const struct buffer *bytes)
{
    assert_int_equal(send(descriptor, bytes->data, bytes->size, MSG_NOSIGNAL), bytes->size);
}

// Reads one answer of the size; its id.
static uint64_t hear(int descriptor, uint32_t size)
{
    uint8_t *bytes = malloc(size);
    uint64_t id;

    assert_non_null(bytes);
    assert_int_equal(recv(descriptor, bytes, size, MSG_WAITALL), size);
    assert_int_equal(bytes_u32(bytes), size);
    assert_int_equal(bytes_u32(bytes + 4), 0);
    id = bytes_u64(bytes + 8);
    free(bytes);
    return id;
}

static bool is_silent(int descriptor)
{
    uint8_t byte;

    wait_ms(SILENCE_MS);
    return recv(descriptor, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void each_server_answers(enum floor_kind kind)
{
    struct floor *floor = start(kind);
    struct buffer out = {0};

    for (uint32_t server = 0; server < floor_count(floor); server++) {
        int descriptor = dial(floor, server);

        for (uint32_t size = FLOOR_HEADER; size < 40000; size = size * 3 + 1) {
            out.size = 0;
            frame_add(&out, size, size / 2 + FLOOR_HEADER, UINT64_MAX - size);
            say(descriptor, &out);
            assert_int_equal(hear(descriptor, size / 2 + FLOOR_HEADER), UINT64_MAX - size);
        }
        close(descriptor);
    }
    buffer_done(&out);
    floor_stop(floor);
}

static void servers_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        each_server_answers(kinds[i]);
}

// All at once, the last frame's end later: each is answered once, with its own size.
static void many_answered(enum floor_kind kind)
{
    enum { MANY = 3000 };
    struct floor *floor = start(kind);
    static uint8_t seen[MANY];
    struct buffer out = {0};
    struct slice end;
    int descriptor = dial(floor, 0);

    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < MANY; i++)
        frame_add(&out, FLOOR_HEADER + i % 300, 100, i);
    end = slice_of(out.data + out.size - 50, 50);
    out.size -= 50;
    say(descriptor, &out);
    for (uint32_t i = 0; i < MANY - 1; i++)
        seen[hear(descriptor, 100)] += 1;
    assert_true(is_silent(descriptor));
    assert_int_equal(send(descriptor, end.data, end.size, 0), end.size);
    assert_int_equal(hear(descriptor, 100), MANY - 1);
    buffer_done(&out);
    for (uint32_t i = 0; i < MANY - 1; i++)
        assert_int_equal(seen[i], 1);
    close(descriptor);
    floor_stop(floor);
}

static void many_are_answered_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        many_answered(kinds[i]);
}

static void answered_at_two_of_three(enum floor_kind kind)
{
    struct floor *floor = start(kind);
    struct buffer out = {0};
    int descriptor = dial(floor, 0);

    frame_add(&out, 200, 20, 7);
    kill(floor_pid(floor, 1), SIGSTOP);
    say(descriptor, &out);
    assert_int_equal(hear(descriptor, 20), 7);
    kill(floor_pid(floor, 2), SIGSTOP);
    waitpid(floor_pid(floor, 2), NULL, WUNTRACED);
    say(descriptor, &out);
    assert_true(is_silent(descriptor));
    kill(floor_pid(floor, 1), SIGCONT);
    assert_int_equal(hear(descriptor, 20), 7);
    kill(floor_pid(floor, 2), SIGCONT);
    assert_true(is_silent(descriptor));
    buffer_done(&out);
    close(descriptor);
    floor_stop(floor);
}

static void two_of_three_are_waited_for(void **state)
{
    (void)state;
    answered_at_two_of_three(FLOOR_FANOUT);
    answered_at_two_of_three(FLOOR_FANOUT_LOG);
}

// Clients that do not stay for their answers, some with many of them under way, harm nobody.
static void clients_may_leave(void **state)
{
    struct floor *floor = start(FLOOR_FANOUT_LOG);
    struct buffer out = {0};
    int stays = dial(floor, 0);

    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        frame_add(&out, 100, 1 << 20, i);
    for (int i = 0; i < 20; i++) {
        int leaves = dial(floor, 0);

        say(leaves, &out);
        close(leaves);
    }
    out.size = 0;
    frame_add(&out, 100, 100, 5);
    say(stays, &out);
    assert_int_equal(hear(stays, 100), 5);
    close(stays);
    buffer_done(&out);
    floor_stop(floor);
}

static void no_frame_ends_the_connection(void **state)
{
    struct floor *floor = start(FLOOR_ECHO);
    struct buffer out = {0};
    uint8_t byte;
    int descriptor;

    (void)state;
    for (int i = 0; i < 3; i++) {
        descriptor = dial(floor, 0);
        out.size = 0;
        frame_add(&out,
                  i == 0   ? FLOOR_HEADER - 1
                  : i == 1 ? FLOOR_HEADER
                           : 0,
                  i == 1 ? FLOOR_FRAME_MAX + 1 : 0, 1);
        say(descriptor, &out);
        assert_true(recv(descriptor, &byte, 1, 0) <= 0);
        close(descriptor);
    }
    buffer_done(&out);
    floor_stop(floor);
}

static void files_have_no_names(void **state)
{
    struct buffer why = {0};
    struct floor *floor = NULL;
    char directory[] = "/tmp/floor-test-XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_int_equal(floor_start(FLOOR_FANOUT_LOG, directory, &floor, &why), 0);
    assert_int_equal(rmdir(directory), 0); // it is empty
    floor_stop(floor);
    assert_int_not_equal(floor_start(FLOOR_FANOUT_LOG, directory, &floor, &why), 0);
    assert_true(why.size > 0);
    buffer_done(&why);
}

static bool is_refused(void *context)
{
    const struct sockaddr_in *address = context;
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    bool refused = connect(descriptor, (const struct sockaddr *)address, sizeof *address) != 0;

    close(descriptor);
    return refused;
}

static void servers_end_with_their_parent(void **state)
{
    struct sockaddr_in addresses[3];
    int pipes[2];
    pid_t parent;

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    parent = fork();
    if (parent == 0) {
        struct floor *floor = start(FLOOR_FANOUT);

        for (uint32_t i = 0; i < 3; i++)
            addresses[i] = *floor_address(floor, i);
        _exit(write(pipes[1], addresses, sizeof addresses) == sizeof addresses ? 0 : 1);
    }
    assert_int_equal(read(pipes[0], addresses, sizeof addresses), sizeof addresses);
    waitpid(parent, NULL, 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(wait_until(is_refused, &addresses[i], SECONDS * 1000));
    close(pipes[0]);
    close(pipes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_answer),
        cmocka_unit_test(many_are_answered_once),
        cmocka_unit_test(two_of_three_are_waited_for),
        cmocka_unit_test(clients_may_leave),
        cmocka_unit_test(no_frame_ends_the_connection),
        cmocka_unit_test(files_have_no_names),
        cmocka_unit_test(servers_end_with_their_parent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
