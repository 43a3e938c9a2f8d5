// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "quorate: internal check failed: %s (%s:%d)\n", condition, file, line);
    abort();
}

static void *memory_must(void *memory, size_t size)
{
    if (!memory) {
        fprintf(stderr, "quorate: out of memory (%zu bytes): lower the memory settings\n", size);
        abort();
    }
    return memory;
}

void *memory_new(size_t size)
{
    return memory_must(calloc(1, size ? size : 1), size);
}

void *memory_grow(void *old, size_t size)
{
    return memory_must(realloc(old, size ? size : 1), size);
}

char *memory_text(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(memory_new(size), text, size);
}
