// SPDX-License-Identifier: Apache-2.0
#include "client/cli_output.h"

#include "base/err.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WRITE_SIZE = 64 << 10 };

void output_init(struct output *output)
{
    const char *no_colour = getenv("NO_COLOR");

    *output = (struct output){.terminal = isatty(STDOUT_FILENO),
                              .error_terminal = isatty(STDERR_FILENO),
                              .no_colour = no_colour && *no_colour};
}

static void output_write(struct output *output)
{
    size_t at = 0;

    while (at < output->buffer.size && !output->err) {
        ssize_t size = write(STDOUT_FILENO, output->buffer.data + at, output->buffer.size - at);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            output->err = errno;
        else
            at += (size_t)size;
    }
    buffer_reset(&output->buffer, WRITE_SIZE * 2);
}

// A full disk may show only when the file is closed. Nothing to tell when there is no output at
// all.
static void output_close(struct output *output)
{
    if (!output->err && close(STDOUT_FILENO) && errno != EBADF)
        output->err = errno;
}

int output_done(struct output *output)
{
    bool was_used = output->buffer.size > 0 || output->err;

    output_write(output);
    if (was_used)
        output_close(output);
    buffer_done(&output->buffer);
    if (!output->err || output->err == EPIPE)
        return 0; // a reader that has seen enough is no failure
    complain("cannot write to standard output: %s", strerror(output->err));
    return err_exit(ERR_IO);
}

void output_slice(struct output *output, struct slice bytes)
{
    if (output->err)
        return;
    buffer_add_slice(&output->buffer, bytes);
    if (output->buffer.size >= WRITE_SIZE)
        output_write(output);
}

void output_format(struct output *output, const char *format, ...)
{
    va_list arguments;
    char *text;
    int size;

    va_start(arguments, format);
    size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0)
        abort();
    output_slice(output, slice_of(text, (size_t)size));
    free(text);
}

void output_shown(struct output *output, struct slice bytes)
{
    if (text_is_printable(bytes))
        output_slice(output, bytes);
    else if (text_is_utf8(bytes))
        text_add_json(&output->buffer, bytes);
    else
        output_format(output, "(%zu bytes, not text: use --format raw)", bytes.size);
}

bool output_good(const struct output *output)
{
    return !output->err;
}

void output_colour(struct output *output, enum colour colour)
{
    static const char *const codes[] = {"\33[0m",  "\33[2m",  "\33[1m",
                                        "\33[31m", "\33[32m", "\33[33m"};

    if (output->terminal && !output->no_colour)
        output_slice(output, slice_of_text(codes[colour]));
}

void complain(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)fprintf(stderr, "quorate: ");
    (void)vfprintf(stderr, format, arguments);
    (void)fprintf(stderr, "\n");
    va_end(arguments);
}

// What to do, where the sentence of the library or the node cannot know it.
static const char *advice(int err)
{
    switch (err) {
    case ERR_CONNECT:
        return ": is the node running? name others with -e HOST:PORT";
    case ERR_NO_CLUSTER:
        return ": form a cluster with quorate cluster init";
    default:
        return "";
    }
}

int complain_result(const struct quorate_result *result)
{
    const char *message = result->message[0] ? result->message : err_text(result->err);
    const char *todo = advice(result->err);

    // Some sentences say it already.
    if (*todo && strstr(message, "cluster init"))
        todo = "";
    complain("%s%s", message, todo);
    // Whoever sees another code may take it that nothing was written.
    return err_exit(result->unknown ? ERR_TIMEOUT : result->err);
}

// ---- tables -------------------------------------------------------------------------------------

void cell_table_init(struct cell_table *table, uint32_t columns)
{
    table->columns = columns;
    table->count = 0;
    table->texts = (struct buffer){0};
}

void cell_table_done(struct cell_table *table)
{
    buffer_done(&table->texts);
}

void cell_add(struct cell_table *table, enum colour colour, const char *format, ...)
{
    va_list arguments;
    char *text;

    if (table->count == sizeof table->colours)
        return;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        abort();
    va_end(arguments);
    table->colours[table->count++] = (uint8_t)colour;
    buffer_add(&table->texts, text, strlen(text) + 1);
    free(text);
}

// Characters, not bytes.
static size_t text_width(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

struct column {
    size_t width;
    bool numbers; // all cells below the heading are, or "-"
};

// A number may have a unit behind it.
static bool is_number(const char *text)
{
    return strchr("0123456789-", text[0]) && !strchr(text, ':');
}

static void columns_measure(const struct cell_table *table, struct column *columns)
{
    const char *text = (const char *)table->texts.data;

    for (uint32_t i = 0; i < table->columns; i++)
        columns[i] = (struct column){0, true};
    for (uint32_t i = 0; i < table->count; i++) {
        struct column *column = &columns[i % table->columns];
        size_t width = text_width(text);

        if (width > column->width)
            column->width = width;
        if (i >= table->columns && !is_number(text))
            column->numbers = false;
        text += strlen(text) + 1;
    }
}

void output_table(struct output *output, const struct cell_table *table)
{
    struct column columns[TABLE_COLUMNS_MAX];
    const char *text = (const char *)table->texts.data;

    columns_measure(table, columns);
    for (uint32_t i = 0; i < table->count; i++) {
        const struct column *column = &columns[i % table->columns];
        bool is_last = i % table->columns == table->columns - 1;
        int pad = (int)(column->width - text_width(text));

        output_colour(output, i < table->columns ? COLOUR_DIM : table->colours[i]);
        if (column->numbers)
            output_format(output, "%*s%s", pad, "", text);
        else
            output_format(output, "%s%*s", text, is_last ? 0 : pad, "");
        output_colour(output, COLOUR_PLAIN);
        output_format(output, is_last ? "\n" : "  ");
        text += strlen(text) + 1;
    }
}
