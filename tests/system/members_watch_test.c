// SPDX-License-Identifier: Apache-2.0
//
// quorate-members --watch on a terminal: it draws, obeys keys, follows the window's size, and puts
// the terminal back however it ends.

#include "tests/lib/cluster.h"
#include "tests/lib/wait.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

static const char entered[] = "\033[?1049h";
static const char left[] = "\033[?1049l";

struct screen {
    int terminal;
    pid_t pid;
    int status;
    struct termios before;
    struct buffer seen; // all that was written
    size_t from;        // what is looked for begins here
    const char *wanted;
};

static void screen_start(struct screen *screen, const char *address, unsigned short width)
{
    struct winsize window = {.ws_col = width, .ws_row = 12};
    const char *program = cluster_program("quorate-members");

    *screen = (struct screen){0};
    screen->pid = forkpty(&screen->terminal, NULL, NULL, &window);
    assert_true(screen->pid >= 0);
    if (screen->pid == 0) {
        // Its turn comes when the test has seen the terminal as it is.
        char ready;
        (void)!read(STDIN_FILENO, &ready, 1);
        execl(program, program, "--watch", "--interval", "100ms", address, (char *)NULL);
        _exit(127);
    }
    tcgetattr(screen->terminal, &screen->before);
    assert_int_equal(write(screen->terminal, "\n", 1), 1);
}

// What is there now; true when it holds what is wanted.
static bool screen_has(void *context)
{
    struct screen *screen = context;
    struct pollfd ready = {screen->terminal, POLLIN, 0};

    while (poll(&ready, 1, 0) > 0 && ready.revents & POLLIN) {
        ssize_t size = read(screen->terminal, buffer_reserve(&screen->seen, 4096), 4096);

        if (size <= 0)
            break;
        screen->seen.size += (size_t)size;
    }
    return memmem(screen->seen.data + screen->from, screen->seen.size - screen->from,
                  screen->wanted, strlen(screen->wanted));
}

// Waits for a text that was not there before the last call.
static void screen_wait(struct screen *screen, const char *text)
{
    screen->wanted = text;
    if (!wait_until(screen_has, screen, 20000))
        fail_msg("not seen: %s in %.*s", text, (int)(screen->seen.size - screen->from),
                 (const char *)screen->seen.data + screen->from);
    screen->from = screen->seen.size;
}

static void screen_type(struct screen *screen, const char *keys)
{
    assert_int_equal(write(screen->terminal, keys, strlen(keys)), strlen(keys));
}

static bool has_ended(void *context)
{
    struct screen *screen = context;

    screen_has(screen); // or it could not write
    return waitpid(screen->pid, &screen->status, WNOHANG) == screen->pid;
}

// It has ended, and the terminal is as it was.
static void screen_end(struct screen *screen)
{
    struct termios now;

    screen->wanted = left;
    assert_true(wait_until(has_ended, screen, 20000));
    assert_true(screen_has(screen));
    screen->wanted = "\033[?25h";
    assert_true(screen_has(screen));
    tcgetattr(screen->terminal, &now);
    assert_int_equal(now.c_lflag, screen->before.c_lflag);
    assert_memory_equal(now.c_cc, screen->before.c_cc, sizeof now.c_cc);
    close(screen->terminal);
    buffer_done(&screen->seen);
}

static void start_one(struct cluster *cluster)
{
    cluster_start(cluster, &(struct cluster_options){.nodes = 1, .replicas = 1});
}

static void keys_are_obeyed(void **state)
{
    struct cluster *cluster = *state;
    struct screen screen;
    struct winsize smaller = {.ws_col = 30, .ws_row = 6};

    start_one(cluster);
    screen_start(&screen, cluster->nodes[0].gossip, 100);
    screen_wait(&screen, entered);
    screen_wait(&screen, "healthy: 1 member, 1 alive");
    screen_type(&screen, "z");
    screen_wait(&screen, "by ZONE");
    screen_type(&screen, "hr");
    screen_wait(&screen, "sort by:");
    screen_wait(&screen, "by ZONE, reversed");
    screen_type(&screen, "\033[B\033[6~\033[A h");
    ioctl(screen.terminal, TIOCSWINSZ, &smaller);
    screen_wait(&screen, "\xe2\x80\xa6"); // cut
    screen_type(&screen, "q");
    screen_end(&screen);
    assert_true(WIFEXITED(screen.status));
    assert_int_equal(WEXITSTATUS(screen.status), 0);
    cluster_pass(cluster);
}

static void signals_end_it_well(void **state)
{
    static const int signals[] = {SIGTERM, SIGHUP, SIGQUIT, SIGABRT, SIGSEGV};
    struct cluster *cluster = *state;
    struct screen screen;

    start_one(cluster);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        screen_start(&screen, cluster->nodes[0].gossip, 80);
        screen_wait(&screen, "alive");
        kill(screen.pid, signals[i]);
        screen_end(&screen);
        assert_true(WIFSIGNALED(screen.status));
        assert_int_equal(WTERMSIG(screen.status), signals[i]);
    }
    screen_start(&screen, cluster->nodes[0].gossip, 80);
    screen_wait(&screen, "alive");
    screen_type(&screen, "\003"); // Ctrl-C
    screen_end(&screen);
    assert_int_equal(WTERMSIG(screen.status), SIGINT);
    cluster_pass(cluster);
}

// Stopped, the terminal is the shell's; then it is taken again.
static void stopping_gives_the_terminal_back(void **state)
{
    struct cluster *cluster = *state;
    struct screen screen;
    int status;

    start_one(cluster);
    screen_start(&screen, cluster->nodes[0].gossip, 80);
    screen_wait(&screen, "alive");
    kill(screen.pid, SIGTSTP);
    screen_wait(&screen, left);
    assert_int_equal(waitpid(screen.pid, &status, WUNTRACED), screen.pid);
    assert_true(WIFSTOPPED(status));
    kill(screen.pid, SIGCONT);
    screen_wait(&screen, entered);
    screen_wait(&screen, "alive");
    screen_type(&screen, "q");
    screen_end(&screen);
    cluster_pass(cluster);
}

// The last that was seen stays, under a word about it.
static void a_node_that_goes_away_is_told(void **state)
{
    struct cluster *cluster = *state;
    struct screen screen;

    start_one(cluster);
    screen_start(&screen, cluster->nodes[0].gossip, 80);
    screen_wait(&screen, "healthy: 1 member");
    cluster_node_stop(cluster, 0);
    screen_wait(&screen, "unreachable: as seen");
    screen_wait(&screen, "cannot connect");
    screen_wait(&screen, "n1");
    screen_type(&screen, "q");
    screen_end(&screen);
    assert_int_equal(WEXITSTATUS(screen.status), 5);
    cluster_pass(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLUSTER_TEST(keys_are_obeyed),
        CLUSTER_TEST(signals_end_it_well),
        CLUSTER_TEST(stopping_gives_the_terminal_back),
        CLUSTER_TEST(a_node_that_goes_away_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
