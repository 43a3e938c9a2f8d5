// SPDX-License-Identifier: Apache-2.0
#include "sim/number/lines.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

static int refuse_unreadable(const char *name, struct buffer *why)
{
    buffer_add_format(why, "%s: cannot be read: %s", name, strerror(errno));
    return ERR_IO;
}

int lines_open(const char *path, size_t line_max, struct lines *out, struct buffer *why)
{
    bool is_input = strcmp(path, "-") == 0;
    int file = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return refuse_unreadable(path, why);
    *out = (struct lines){
        .name = is_input ? "standard input" : path, .file = file, .line_max = line_max};
    return 0;
}

void lines_close(struct lines *lines)
{
    if (lines->file != STDIN_FILENO)
        close(lines->file);
    buffer_done(&lines->bytes);
}

static int read_more(struct lines *lines, struct buffer *why)
{
    ssize_t size;

    buffer_drop(&lines->bytes, lines->at);
    lines->at = 0;
    do
        size = read(lines->file, buffer_reserve(&lines->bytes, CHUNK), CHUNK);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return refuse_unreadable(lines->name, why);
    lines->bytes.size += (size_t)size;
    lines->at_end = size == 0;
    return 0;
}

static struct slice left_of(const struct lines *lines)
{
    return slice_of(lines->bytes.data + lines->at, lines->bytes.size - lines->at);
}

int lines_next(struct lines *lines, struct slice *out, struct buffer *why)
{
    struct slice left = lines->bytes.data ? left_of(lines) : (struct slice){0};
    const uint8_t *end = left.size ? memchr(left.data, '\n', left.size) : NULL;
    struct slice line;

    while (!end && !lines->at_end && left.size <= lines->line_max + 1) {
        int err = read_more(lines, why);

        if (err)
            return err;
        left = left_of(lines);
        end = left.size ? memchr(left.data, '\n', left.size) : NULL;
    }
    if (left.size == 0)
        return 0;
    lines->number += 1;
    line = slice_of(left.data, end ? (size_t)(end - left.data) : left.size);
    lines->at += line.size + (end != NULL);
    line.size -= line.size > 0 && line.data[line.size - 1] == '\r';
    if (line.size > lines->line_max) {
        buffer_add_format(why, "%s: line %llu is longer than %zu bytes", lines->name,
                          (unsigned long long)lines->number, lines->line_max);
        return ERR_TOO_LARGE;
    }
    *out = line;
    return 1;
}
