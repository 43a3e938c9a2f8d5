// SPDX-License-Identifier: Apache-2.0
// Counts the allocations of a process that has this library in LD_PRELOAD: calls of malloc, calloc,
// realloc and the aligned ones, as a u64 at the start of the file $QUORATE_MALLOC_COUNT.PID. The
// file is mapped, so that counting costs one atomic addition and reading costs the process nothing.
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { COUNT_FILE_SIZE = 4096 };

// Exported by glibc beside the public names.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static _Atomic uint64_t before_the_file;
static _Atomic uint64_t *calls = &before_the_file;

__attribute__((constructor)) static void count_file_open(void)
{
    const char *name = getenv("QUORATE_MALLOC_COUNT");
    char path[4096];
    int descriptor;
    void *map;

    if (!name)
        return;
    (void)snprintf(path, sizeof path, "%s.%d", name, (int)getpid());
    descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return;
    if (ftruncate(descriptor, COUNT_FILE_SIZE) == 0) {
        map = mmap(NULL, COUNT_FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        if (map != MAP_FAILED)
            calls = map;
    }
    close(descriptor);
}

static void count(void)
{
    atomic_fetch_add_explicit(calls, 1, memory_order_relaxed);
}

void *malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size)
{
    count();
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
    count();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *memory = memalign(alignment, size);

    if (!memory)
        return ENOMEM;
    *out = memory;
    return 0;
}
