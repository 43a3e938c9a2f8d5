// SPDX-License-Identifier: Apache-2.0
#include "sim/placement/take.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

void take_list(struct argp_state *state, const char *name, const char *text, struct list *out,
               const struct take_bounds *bounds)
{
    if (list_read(text, out) && list_within(out, bounds->min, bounds->max, bounds->whole)) {
        list_unique(out);
        return;
    }
    argp_error(state, "--%s %s: give %s from %.12g to %.12g%s", name, text,
               bounds->whole ? "whole numbers" : "numbers", bounds->min, bounds->max,
               ", with commas between several");
}

double take_number(struct argp_state *state, const char *name, const char *text,
                   const struct take_bounds *bounds)
{
    struct list list;

    if (list_read(text, &list) && list.count == 1 &&
        list_within(&list, bounds->min, bounds->max, bounds->whole))
        return list.values[0];
    argp_error(state, "--%s %s: give a %s from %.12g to %.12g", name, text,
               bounds->whole ? "whole number" : "number", bounds->min, bounds->max);
    return bounds->min;
}

static int number_compare(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;

    return (*left > *right) - (*left < *right);
}

unsigned take_ascending(struct argp_state *state, const char *name, const char *text,
                        const struct take_bounds *bounds, const struct take_points *out)
{
    struct list list;

    take_list(state, name, text, &list, bounds);
    if (list.count > out->max)
        argp_error(state, "--%s: give at most %u", name, out->max);
    qsort(list.values, list.count, sizeof list.values[0], number_compare);
    memcpy(out->values, list.values, list.count * sizeof *out->values);
    return (unsigned)list.count;
}

bool take_either(struct argp_state *state, const char *name, const char *text,
                 const char *const words[2])
{
    if (strcmp(text, words[0]) && strcmp(text, words[1]))
        argp_error(state, "--%s %s: give %s or %s", name, text, words[0], words[1]);
    return strcmp(text, words[1]) == 0;
}

enum output_format take_format(struct argp_state *state, const char *text)
{
    static const char *const formats[] = {"table", "csv", "json"};

    for (unsigned i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(text, formats[i]) == 0)
            return (enum output_format)i;
    }
    argp_error(state, "--format %s: give table, csv or json", text);
    return OUTPUT_TABLE;
}

void take_must(struct argp_state *state, const char *name, bool good, struct buffer *why)
{
    buffer_add_u8(why, 0);
    if (!good)
        argp_error(state, "--%s: %s", name, (const char *)why->data);
    buffer_done(why);
}

static void add_quoted(struct buffer *out, const char *text)
{
    if (*text && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              "_-.,:=/+@%") == strlen(text)) {
        buffer_add_format(out, "%s", text);
        return;
    }
    buffer_add_u8(out, '\'');
    for (; *text; text++)
        buffer_add_format(out, *text == '\'' ? "'\\''" : "%c", *text);
    buffer_add_u8(out, '\'');
}

void take_note(struct buffer *command, const char *name, const char *text)
{
    buffer_add_format(command, " --%s ", name);
    add_quoted(command, text);
}
