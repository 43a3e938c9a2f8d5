// SPDX-License-Identifier: Apache-2.0
#include "sim/placement/list.h"

#include "sim/number/decimal.h"

#include <string.h>

static double multiple_of(char letter)
{
    switch (letter) {
    case 'k':
        return 1e3;
    case 'M':
        return 1e6;
    case 'G':
        return 1e9;
    default:
        return 0;
    }
}

bool number_read(const char *text, double *out)
{
    struct slice rest = slice_of_text(text);
    double multiple = 1;
    double value;

    if (!decimal_read(&rest, &value))
        return false;
    if (rest.size == 1)
        multiple = multiple_of((char)rest.data[0]);
    if (rest.size > 1 || multiple <= 0)
        return false;
    *out = value * multiple;
    return true;
}

bool list_read(const char *text, struct list *out)
{
    struct list list = {.count = 0};
    char word[64];

    for (;;) {
        size_t size = strcspn(text, ",");

        if (size == 0 || size >= sizeof word || list.count == LIST_MAX)
            return false;
        memcpy(word, text, size);
        word[size] = 0;
        if (!number_read(word, &list.values[list.count++]))
            return false;
        if (!text[size])
            break;
        text += size + 1;
    }
    *out = list;
    return true;
}

bool list_within(const struct list *list, double min, double max, bool whole)
{
    for (size_t i = 0; i < list->count; i++) {
        double value = list->values[i];

        if (value < min || value > max || (whole && value != (double)(uint64_t)value))
            return false;
    }
    return true;
}

void list_unique(struct list *list)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        size_t at = 0;

        while (at < kept &&
               (list->values[at] < list->values[i] || list->values[at] > list->values[i]))
            at += 1;
        if (at == kept)
            list->values[kept++] = list->values[i];
    }
    list->count = kept;
}

size_t words_split(const char *text, char *copy, const char **words, size_t max)
{
    size_t count = 0;

    memcpy(copy, text, strlen(text) + 1);
    for (char *at = copy; at; count++) {
        char *comma = strchr(at, ',');

        if (comma)
            *comma = 0;
        if (!*at || count == max)
            return 0;
        words[count] = at;
        at = comma ? comma + 1 : NULL;
    }
    return count;
}
