// SPDX-License-Identifier: Apache-2.0
#include "node/io/log_text.h"

#include "base/check.h"
#include "base/text.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 2048, LIMIT_COUNT = 10 };

static size_t add_time(char *line, size_t size)
{
    struct timespec now;
    struct tm parts;
    size_t used;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    used = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &parts);
    return used + (size_t)snprintf(line + used, size - used, ".%03ldZ", now.tv_nsec / 1000000);
}

// A reader who has stopped reading must not stop the node. A pipe with room has room for a line.
static bool would_wait(void)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&out, 1, 0) == 0;
}

static void put_line(const char *line, size_t size)
{
    static unsigned long lost;
    char text[LINE_MAX_SIZE + 80];
    size_t used = 0;
    ssize_t written;

    if (would_wait()) {
        lost++;
        return;
    }
    if (lost)
        used = (size_t)snprintf(text, sizeof text, "(%lu lines are missing: nobody read them)\n",
                                lost);
    lost = 0;
    memcpy(text + used, line, size);
    written = write(STDERR_FILENO, text, used + size);
    (void)written;
}

static void write_line(const char *level, const char *format, va_list arguments)
{
    char line[LINE_MAX_SIZE];
    size_t used, i, begin;
    int size;

    used = add_time(line, sizeof line);
    begin = used + (size_t)snprintf(line + used, sizeof line - used, " %s ", level);
    size = vsnprintf(line + begin, sizeof line - begin - 1, format, arguments);
    check(size >= 0);
    used = begin + (size_t)size;
    if (used > sizeof line - 2)
        used = sizeof line - 2;
    for (i = begin; i < used; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[used] = '\n';
    put_line(line, used + 1);
}

void log_info(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line("info", format, arguments);
    va_end(arguments);
}

void log_warning(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line("warning", format, arguments);
    va_end(arguments);
}

void log_alarm(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line("ALARM", format, arguments);
    va_end(arguments);
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_us)
{
    uint64_t period = now_us / 1000000 / (limit->seconds ? limit->seconds : 1);

    if (limit->period != period) {
        limit->period = period;
        limit->count = 0;
        if (limit->dropped)
            log_warning("%llu lines like the next were left out",
                        (unsigned long long)limit->dropped);
        limit->dropped = 0;
    }
    if (limit->count >= LIMIT_COUNT) {
        limit->dropped++;
        return false;
    }
    limit->count++;
    return true;
}
