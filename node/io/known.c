// SPDX-License-Identifier: Apache-2.0
#include "node/io/known.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_SIZE = 128, PATH_SIZE = 4096 };

void known_done(struct known *known)
{
    free(known->members);
    *known = (struct known){0};
}

struct known_member *known_find(const struct known *known, uint64_t id)
{
    size_t i;

    for (i = 0; i < known->count; i++)
        if (known->members[i].id == id)
            return &known->members[i];
    return NULL;
}

// A place for a new member; NULL when all others are here.
static struct known_member *make_place(struct known *known)
{
    size_t i;

    if (known->count < KNOWN_MAX) {
        if ((known->count & (known->count - 1)) == 0)
            known->members = memory_grow(known->members, (known->count ? known->count * 2 : 1) *
                                                             sizeof *known->members);
        return &known->members[known->count++];
    }
    for (i = 0; i < known->count; i++)
        if (!known->members[i].is_here)
            return &known->members[i];
    return NULL;
}

void known_set(struct known *known, uint64_t id, const char *address)
{
    struct known_member *member = known_find(known, id);

    if (strlen(address) >= sizeof member->address)
        return;
    if (!member) {
        member = make_place(known);
        if (!member)
            return;
        *member = (struct known_member){.id = id};
    }
    if (strcmp(member->address, address) != 0) {
        memcpy(member->address, address, strlen(address) + 1);
        known->changed = true;
    }
}

static void read_line(struct known *known, const char *line)
{
    char address[SWIM_ADDRESS_TEXT], host[256];
    unsigned port;
    uint16_t read;
    uint64_t id;

    if (sscanf(line, "listen %5u", &port) == 1)
        known->listen = (uint16_t)port;
    else if (sscanf(line, "peer %5u", &port) == 1)
        known->peer = (uint16_t)port;
    else if (sscanf(line, "gossip %5u", &port) == 1)
        known->gossip = (uint16_t)port;
    else if (sscanf(line, "member %16" SCNx64 " %63s", &id, address) == 2 && id &&
             text_read_address(address, 0, host, &read) == 0 && read)
        known_set(known, id, address);
}

void known_read(struct known *known, struct slice text)
{
    const uint8_t *at = text.data, *end = text.data + text.size, *newline;
    char line[LINE_SIZE];
    size_t size;

    while (at < end) {
        newline = memchr(at, '\n', (size_t)(end - at));
        size = (size_t)((newline ? newline : end) - at);
        if (size < sizeof line && text_is_printable(slice_of(at, size))) {
            memcpy(line, at, size);
            line[size] = 0;
            read_line(known, line);
        }
        at += size + 1;
    }
    known->changed = false;
}

void known_write(const struct known *known, struct buffer *out)
{
    size_t i;

    buffer_add_format(out, "listen %u\npeer %u\ngossip %u\n", known->listen, known->peer,
                      known->gossip);
    for (i = 0; i < known->count; i++)
        buffer_add_format(out, "member %016" PRIx64 " %s\n", known->members[i].id,
                          known->members[i].address);
}

static void path_of(const char *directory, char out[PATH_SIZE])
{
    snprintf(out, PATH_SIZE, "%s/ring", directory);
}

void known_load(struct known *known, const char *directory)
{
    char path[PATH_SIZE];
    struct buffer text = {0};
    size_t size;
    FILE *file;

    path_of(directory, path);
    file = fopen(path, "re");
    if (!file)
        return;
    buffer_reserve(&text, KNOWN_FILE_MAX);
    size = fread(text.data, 1, KNOWN_FILE_MAX, file);
    fclose(file);
    known_read(known, slice_of(text.data, size));
    buffer_done(&text);
}

int known_replace_file(const char *path, struct slice text)
{
    char fresh[PATH_SIZE];
    ssize_t written;
    int fd;

    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh) {
        errno = ENAMETOOLONG;
        return ERR_IO;
    }
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return ERR_IO;
    written = write(fd, text.data, text.size);
    if (written >= 0 && (size_t)written != text.size)
        errno = ENOSPC;
    if (close(fd) || written < 0 || (size_t)written != text.size || rename(fresh, path)) {
        unlink(fresh);
        return ERR_IO;
    }
    return 0;
}

int known_save(struct known *known, const char *directory)
{
    char path[PATH_SIZE];
    struct buffer text = {0};
    int err;

    path_of(directory, path);
    known_write(known, &text);
    err = known_replace_file(path, buffer_slice(&text));
    if (err == 0)
        known->changed = false;
    buffer_done(&text);
    return err;
}
