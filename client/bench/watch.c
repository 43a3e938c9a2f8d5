// SPDX-License-Identifier: Apache-2.0
#include "client/bench/watch.h"

#include "base/err.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TEXT_SIZE = 8192, FIELD_USER = 14, FIELD_SYSTEM = 15 };

#define US_PER_S UINT64_C(1000000)

// ---- texts --------------------------------------------------------------------------------------

// The name in parentheses may hold anything, also blanks and parentheses: fields count from behind
// the last one.
int stat_parse(struct slice text, uint64_t *out_user, uint64_t *out_system)
{
    const uint8_t *close = text.size ? memrchr(text.data, ')', text.size) : NULL;
    const char *at = (const char *)close + 1;
    const char *end = (const char *)text.data + text.size;
    uint64_t fields[2];

    if (!close)
        return ERR_INVALID;
    for (unsigned field = 2; field < FIELD_USER; field++) {
        at = memchr(at, ' ', (size_t)(end - at));
        if (!at)
            return ERR_INVALID;
        at++;
    }
    if (sscanf(at, "%lu %lu", &fields[0], &fields[1]) != 2)
        return ERR_INVALID;
    *out_user = fields[0];
    *out_system = fields[1];
    return 0;
}

uint64_t status_number(struct slice text, const char *name)
{
    size_t size = strlen(name);
    size_t at = 0;

    while (at + size < text.size) {
        const char *line = (const char *)text.data + at;
        const char *end = memchr(line, '\n', text.size - at);

        if (strncmp(line, name, size) == 0 && line[size] == ':')
            return strtoull(line + size + 1, NULL, 10);
        if (!end)
            break;
        at += (size_t)(end - line) + 1;
    }
    return 0;
}

// ---- files --------------------------------------------------------------------------------------

// All of a small file, terminated. ERR_NOT_FOUND.
static int text_read(const char *path, char memory[TEXT_SIZE], struct slice *out)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size;

    if (file < 0)
        return ERR_NOT_FOUND;
    size = read(file, memory, TEXT_SIZE - 1);
    (void)close(file);
    if (size < 0)
        return ERR_NOT_FOUND;
    memory[size] = 0;
    *out = slice_of(memory, (size_t)size);
    return 0;
}

// The switches of a process's status are those of its first thread only.
static void switches_add(pid_t pid, struct usage *out)
{
    char path[300], memory[TEXT_SIZE];
    struct dirent *entry;
    struct slice text;
    DIR *tasks;

    (void)snprintf(path, sizeof path, "/proc/%d/task", pid);
    tasks = opendir(path);
    while (tasks && (entry = readdir(tasks)) != NULL) {
        (void)snprintf(path, sizeof path, "/proc/%d/task/%.20s/status", pid, entry->d_name);
        if (!isdigit((unsigned char)entry->d_name[0]) || text_read(path, memory, &text))
            continue;
        out->switches_voluntary += status_number(text, "voluntary_ctxt_switches");
        out->switches_involuntary += status_number(text, "nonvoluntary_ctxt_switches");
    }
    if (tasks)
        (void)closedir(tasks);
}

int usage_read(pid_t pid, struct usage *out)
{
    uint64_t ticks_per_s = (uint64_t)sysconf(_SC_CLK_TCK);
    char path[64], memory[TEXT_SIZE];
    uint64_t user, system;
    struct slice text;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (text_read(path, memory, &text) || stat_parse(text, &user, &system))
        return ERR_NOT_FOUND;
    *out = (struct usage){.user_us = user * US_PER_S / ticks_per_s,
                          .system_us = system * US_PER_S / ticks_per_s};
    (void)snprintf(path, sizeof path, "/proc/%d/status", pid);
    if (text_read(path, memory, &text) == 0) {
        out->memory_bytes = status_number(text, "VmRSS") << 10;
        out->memory_peak_bytes = status_number(text, "VmHWM") << 10;
    }
    switches_add(pid, out);
    return 0;
}

int process_name(pid_t pid, char out[PROCESS_NAME_SIZE])
{
    char path[64], memory[TEXT_SIZE];
    struct slice text;

    (void)snprintf(path, sizeof path, "/proc/%d/comm", pid);
    if (text_read(path, memory, &text))
        return ERR_NOT_FOUND;
    (void)snprintf(out, PROCESS_NAME_SIZE, "%.*s", (int)strcspn(memory, "\n"), memory);
    return 0;
}

static uint64_t less(uint64_t until, uint64_t from)
{
    return until > from ? until - from : 0; // threads that ended take their switches along
}

struct usage usage_between(const struct usage *from, const struct usage *until)
{
    return (struct usage){
        .user_us = less(until->user_us, from->user_us),
        .system_us = less(until->system_us, from->system_us),
        .switches_voluntary = less(until->switches_voluntary, from->switches_voluntary),
        .switches_involuntary = less(until->switches_involuntary, from->switches_involuntary),
        .memory_bytes = until->memory_bytes,
        .memory_peak_bytes = until->memory_peak_bytes,
    };
}
