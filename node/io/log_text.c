// SPDX-License-Identifier: Apache-2.0
#include "node/io/log_text.h"

#include "base/check.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 2048, LIMIT_PER_SECOND = 10 };

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

static void write_line(const char *level, const char *format, va_list arguments)
{
    char line[LINE_MAX_SIZE];
    size_t used, i, begin;
    ssize_t written;
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
    written = write(STDERR_FILENO, line, used + 1);
    (void)written;
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
    uint64_t second = now_us / 1000000;

    if (limit->second != second) {
        limit->second = second;
        limit->count = 0;
        if (limit->dropped)
            log_warning("%llu lines like the next were left out",
                        (unsigned long long)limit->dropped);
        limit->dropped = 0;
    }
    if (limit->count >= LIMIT_PER_SECOND) {
        limit->dropped++;
        return false;
    }
    limit->count++;
    return true;
}
