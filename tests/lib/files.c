// SPDX-License-Identifier: Apache-2.0

#include "tests/lib/files.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_CHUNK = 65536 };

bool files_read(const char *path, struct buffer *out)
{
    FILE *file = fopen(path, "re");
    size_t got;

    if (!file)
        return false;
    do {
        got = fread(buffer_reserve(out, FILES_CHUNK), 1, FILES_CHUNK, file);
        out->size += got;
    } while (got > 0);
    fclose(file);
    return true;
}

bool files_write(const char *path, struct slice bytes)
{
    FILE *file = fopen(path, "we");

    if (!file)
        return false;
    size_t written = fwrite(bytes.data, 1, bytes.size, file);
    return fclose(file) == 0 && written == bytes.size;
}

bool files_contain(const char *path, const char *text)
{
    struct buffer bytes = {0};
    bool found =
        files_read(path, &bytes) && memmem(bytes.data, bytes.size, text, strlen(text)) != NULL;

    buffer_done(&bytes);
    return found;
}

uint64_t files_size(const char *path)
{
    struct stat info;

    return stat(path, &info) ? 0 : (uint64_t)info.st_size;
}

bool files_patch(const char *path, uint64_t at, struct slice bytes)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    ssize_t put = pwrite(fd, bytes.data, bytes.size, (off_t)at);
    close(fd);
    return put == (ssize_t)bytes.size;
}

bool files_flip(const char *path, uint64_t at)
{
    uint8_t byte;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    ssize_t got = pread(fd, &byte, 1, (off_t)at);
    close(fd);
    byte = (uint8_t)~byte;
    return got == 1 && files_patch(path, at, slice_of(&byte, 1));
}

bool files_cut(const char *path, uint64_t size)
{
    return truncate(path, (off_t)size) == 0;
}

void files_show_tail(const char *path, const char *heading, uint32_t lines)
{
    struct buffer bytes = {0};
    size_t begin;

    if (!files_read(path, &bytes))
        return;
    for (begin = bytes.size; begin > 0; begin--) {
        if (bytes.data[begin - 1] == '\n' && begin < bytes.size && lines-- <= 1)
            break;
    }
    printf("---- %s\n%.*s", heading, (int)(bytes.size - begin), (const char *)bytes.data + begin);
    fflush(stdout);
    buffer_done(&bytes);
}

void files_make_folder(char path[FILES_PATH_SIZE])
{
    const char *parent = getenv("TMPDIR");

    snprintf(path, FILES_PATH_SIZE, "%s/quorate.XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(path)) {
        perror(path);
        exit(1);
    }
}

static int entry_remove(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    remove(path);
    return 0;
}

void files_remove_folder(const char *path)
{
    nftw(path, entry_remove, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
