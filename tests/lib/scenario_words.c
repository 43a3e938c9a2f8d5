// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/scenario_stage.h"

#include <stdio.h>

void script_split(struct words *words, struct slice line)
{
    char *rest = words->text;
    char *word;

    *words = (struct words){0};
    snprintf(words->text, sizeof words->text, "%.*s", (int)line.size, (const char *)line.data);
    while (words->count < WORDS_MAX && (word = strsep(&rest, " "))) {
        if (*word)
            words->items[words->count++] = word;
    }
    words->used[0] = true;
}

const char *script_value(struct words *words, const char *name, const char *otherwise)
{
    size_t size = strlen(name);

    for (uint32_t i = 1; i < words->count; i++) {
        if (strncmp(words->items[i], name, size) == 0 && words->items[i][size] == '=') {
            words->used[i] = true;
            return words->items[i] + size + 1;
        }
    }
    return otherwise;
}

bool script_flag(struct words *words, const char *name)
{
    for (uint32_t i = 1; i < words->count; i++) {
        if (strcmp(words->items[i], name) == 0) {
            words->used[i] = true;
            return true;
        }
    }
    return false;
}

const char *script_next(struct words *words)
{
    for (uint32_t i = 1; i < words->count; i++) {
        if (!words->used[i] && !strchr(words->items[i], '=')) {
            words->used[i] = true;
            return words->items[i];
        }
    }
    return NULL;
}

const char *script_unused(const struct words *words)
{
    for (uint32_t i = 0; i < words->count; i++) {
        if (!words->used[i])
            return words->items[i];
    }
    return NULL;
}
