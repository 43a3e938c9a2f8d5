// SPDX-License-Identifier: Apache-2.0
//
// Gives a fuzz target every file of a corpus folder, without a fuzzer: what once broke a decoder
// is tried again by each `make test`. Each input is also given cut short at every length up to
// PREFIX_BYTES_MAX, because a truncated message is what a decoder most often gets wrong. Inputs
// are copied to blocks of exactly their size, so that a sanitizer sees a read beyond the end.
//
// Prints cmocka's closing line, which the test runner counts: one corpus is one test.

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIX_BYTES_MAX = 1024, PATH_BYTES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay_bytes(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        abort();
    if (size > 0)
        memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

// Reads the whole file into a new block; NULL when it cannot be read.
static uint8_t *file_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    uint8_t *data = NULL;
    size_t used = 0;
    size_t got = 0;
    do {
        uint8_t *larger = realloc(data, used + 65536);
        if (larger == NULL)
            abort();
        data = larger;
        got = fread(data + used, 1, 65536, file);
        used += got;
    } while (got > 0);
    int failed = ferror(file);
    fclose(file);
    if (failed) {
        free(data);
        return NULL;
    }
    *size = used;
    return data;
}

static int replay_file(const char *path)
{
    size_t size = 0;
    uint8_t *data = file_read(path, &size);
    if (data == NULL) {
        printf("%s: %s\n", path, strerror(errno));
        return -1;
    }
    printf("%s (%zu bytes)\n", path, size);
    fflush(stdout);
    replay_bytes(data, size);
    for (size_t length = 1; length < size && length <= PREFIX_BYTES_MAX; length++)
        replay_bytes(data, length);
    free(data);
    return 0;
}

static int replay_folder(const char *folder, unsigned *files)
{
    DIR *entries = opendir(folder);
    if (entries == NULL) {
        printf("%s: no corpus yet\n", folder);
        return errno == ENOENT ? 0 : -1;
    }
    int failed = 0;
    struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        char path[PATH_BYTES_MAX];
        if (entry->d_name[0] == '.')
            continue;
        int length = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (length < 0 || (size_t)length >= sizeof(path) || replay_file(path) != 0)
            failed = -1;
        (*files)++;
    }
    closedir(entries);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER...\n", argv[0]);
        return 2;
    }
    int failed = 0;
    unsigned files = 0;
    replay_bytes(NULL, 0);
    for (int i = 1; i < argc; i++) {
        if (replay_folder(argv[i], &files) != 0)
            failed = 1;
    }
    printf("replayed %u files\n", files);
    printf("[  %s  ] 1 test(s).\n", failed ? "FAILED" : "PASSED");
    return failed;
}
