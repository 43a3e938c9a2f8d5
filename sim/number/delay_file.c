// SPDX-License-Identifier: Apache-2.0
#include "sim/number/delay_file.h"

#include "base/err.h"
#include "base/text.h"
#include "sim/number/decimal.h"
#include "sim/number/delay.h"
#include "sim/number/lines.h"
#include "sim/number/summary.h"

#include <stdlib.h>

enum { LINE_MAX_BYTES = 1000 };

static struct slice trimmed(struct slice line)
{
    while (line.size > 0 && (line.data[0] == ' ' || line.data[0] == '\t'))
        line = slice_of(line.data + 1, line.size - 1);
    while (line.size > 0 && (line.data[line.size - 1] == ' ' || line.data[line.size - 1] == '\t'))
        line.size -= 1;
    return line;
}

static int refuse_line(const struct lines *lines, struct slice line, struct buffer *why)
{
    buffer_add_format(why, "%s: line %llu, \"", lines->name, (unsigned long long)lines->number);
    text_add_shown(why, line);
    buffer_add_format(why, "\", must be a number of ms from 0 to %g", DELAY_MS_MAX);
    return ERR_INVALID;
}

// Adds the delay of a line to `values`, as 8 bytes.
static int add_line(const struct lines *lines, struct slice line, struct buffer *values,
                    struct buffer *why)
{
    struct slice rest = trimmed(line);
    double ms;

    if (rest.size == 0)
        return 0;
    if (!decimal_read(&rest, &ms) || rest.size > 0 || !(ms >= 0 && ms <= DELAY_MS_MAX))
        return refuse_line(lines, line, why);
    if (values->size / sizeof ms >= DELAY_FILE_LINES_MAX) {
        buffer_add_format(why, "%s: more than %d delays, which is as many as are read", lines->name,
                          DELAY_FILE_LINES_MAX);
        return ERR_INVALID;
    }
    buffer_add(values, &ms, sizeof ms);
    return 0;
}

int delay_file_read(const char *path, double **out, size_t *out_count, struct buffer *why)
{
    struct buffer values = {0};
    struct lines lines;
    struct slice line;
    int got = lines_open(path, LINE_MAX_BYTES, &lines, why);

    if (got)
        return got;
    while ((got = lines_next(&lines, &line, why)) > 0) {
        got = add_line(&lines, line, &values, why);
        if (got)
            break;
    }
    if (got == 0 && values.size == 0) {
        buffer_add_format(why, "%s: no delay stands in it; it must have one number of ms a line",
                          lines.name);
        got = ERR_INVALID;
    }
    lines_close(&lines);
    if (got) {
        buffer_done(&values);
        return got;
    }
    *out = (double *)(void *)values.data;
    *out_count = values.size / sizeof(double);
    numbers_sort(*out, *out_count);
    return 0;
}
