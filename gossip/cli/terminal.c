// SPDX-License-Identifier: Apache-2.0
// Signal handlers need what is to be put back, so that lives in one global.
#include "gossip/cli/terminal.h"

#include "base/err.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { WIDTH_WITHOUT = 100, HEIGHT_WITHOUT = 24, WIDTH_MAX = 10000, SEQUENCE_MAX = 8 };

// Another screen, no cursor, no wrapping; and back.
static const char enter[] = "\033[?1049h\033[?25l\033[?7l\033[2J";
static const char leave[] = "\033[?7h\033[?25h\033[?1049l";

static struct {
    volatile sig_atomic_t open;
    volatile sig_atomic_t changed;
    struct termios before;
    struct termios during;
    uint8_t keys[256];
    size_t read, used;
} terminal;

struct terminal_size terminal_size(void)
{
    struct terminal_size size = {WIDTH_WITHOUT, HEIGHT_WITHOUT};
    const char *columns = getenv("COLUMNS");
    struct winsize window;
    uint64_t width;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col)
        return (struct terminal_size){window.ws_col, window.ws_row};
    if (columns && text_read_u64(columns, 1, WIDTH_MAX, &width) == 0)
        size.width = (size_t)width;
    return size;
}

// --- In and out ----------------------------------------------------------------------------------

void terminal_write(struct slice bytes)
{
    while (bytes.size) {
        ssize_t size = write(STDOUT_FILENO, bytes.data, bytes.size);

        if (size < 0 && errno != EINTR && errno != EAGAIN)
            return;
        if (size > 0)
            bytes = slice_of(bytes.data + size, bytes.size - (size_t)size);
    }
}

// Safe in signal handlers.
static void take_over(void)
{
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal.during);
    terminal_write(slice_of(enter, sizeof enter - 1));
}

static void give_back(void)
{
    terminal_write(slice_of(leave, sizeof leave - 1));
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal.before);
}

void terminal_close(void)
{
    if (!terminal.open)
        return;
    terminal.open = 0;
    give_back();
}

// --- Signals -------------------------------------------------------------------------------------

static void on_end(int number)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};

    terminal_close();
    sigaction(number, &usual, NULL);
    raise(number);
}

static void on_stop(int number)
{
    int error = errno;

    (void)number;
    give_back();
    raise(SIGSTOP);
    // Here the program goes on.
    take_over();
    terminal.changed = 1;
    errno = error;
}

static void on_change(int number)
{
    (void)number;
    terminal.changed = 1;
}

static void listen_to_signals(void)
{
    static const int ends[] = {SIGINT,  SIGTERM, SIGHUP, SIGQUIT, SIGPIPE,
                               SIGABRT, SIGSEGV, SIGBUS, SIGFPE,  SIGILL};
    struct sigaction end = {.sa_handler = on_end};
    struct sigaction stop = {.sa_handler = on_stop};
    struct sigaction change = {.sa_handler = on_change};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        sigaction(ends[i], &end, NULL);
    sigaction(SIGTSTP, &stop, NULL);
    sigaction(SIGWINCH, &change, NULL);
}

int terminal_open(void)
{
    if (tcgetattr(STDIN_FILENO, &terminal.before))
        return ERR_IO;
    terminal.during = terminal.before;
    terminal.during.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    terminal.during.c_cc[VMIN] = 0;
    terminal.during.c_cc[VTIME] = 0;
    atexit(terminal_close);
    listen_to_signals();
    terminal.open = 1;
    take_over();
    return 0;
}

bool terminal_changed(void)
{
    bool changed = terminal.changed;

    terminal.changed = 0;
    return changed;
}

void terminal_wait(uint64_t timeout_ms)
{
    struct pollfd keyboard = {.fd = STDIN_FILENO, .events = POLLIN};

    if (terminal.read == terminal.used && !terminal.changed)
        poll(&keyboard, 1, (int)timeout_ms);
}

// --- Keys ----------------------------------------------------------------------------------------

static const struct {
    const char *sequence; // behind ESC
    int key;
} sequences[] = {
    {"[A", TERMINAL_UP},   {"[B", TERMINAL_DOWN},     {"OA", TERMINAL_UP},
    {"OB", TERMINAL_DOWN}, {"[5~", TERMINAL_PAGE_UP}, {"[6~", TERMINAL_PAGE_DOWN},
    {"[H", TERMINAL_HOME}, {"[F", TERMINAL_END},      {"[1~", TERMINAL_HOME},
    {"[4~", TERMINAL_END},
};

// A sequence ends with its first letter or ~ behind the bracket.
static int read_sequence(void)
{
    char text[SEQUENCE_MAX + 1] = "";
    size_t size = 0;

    while (terminal.read < terminal.used && size < SEQUENCE_MAX) {
        uint8_t byte = terminal.keys[terminal.read++];

        text[size++] = (char)byte;
        if (size > 1 && byte >= 0x40)
            break;
    }
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
        if (strcmp(sequences[i].sequence, text) == 0)
            return sequences[i].key;
    }
    return TERMINAL_OTHER;
}

int terminal_key(void)
{
    struct pollfd keyboard = {.fd = STDIN_FILENO, .events = POLLIN};
    uint8_t byte;

    if (terminal.read == terminal.used) {
        ssize_t size;

        if (poll(&keyboard, 1, 0) <= 0)
            return TERMINAL_NONE;
        size = read(STDIN_FILENO, terminal.keys, sizeof terminal.keys);
        terminal.read = 0;
        terminal.used = size > 0 ? (size_t)size : 0;
        if (size == 0 || (size < 0 && errno != EINTR))
            return TERMINAL_GONE;
        if (size < 0)
            return TERMINAL_NONE;
    }
    byte = terminal.keys[terminal.read++];
    return byte == '\033' ? read_sequence() : byte;
}
