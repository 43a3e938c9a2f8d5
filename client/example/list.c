// SPDX-License-Identifier: Apache-2.0
// Keeps a list in a key, one entry a line: reads it, adds an entry, writes it back with the context
// of the read. When two programs do so at once, neither entry is lost: both lists stay, as
// siblings, and the next run merges them, as a union, and resolves them with its write.
//
//      cc list.c -lquorate -o list && ./list 127.0.0.1:7400 shopping milk
#include <quorate.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { LIST_SIZE = 4096 };

static int failed(const char *what, const struct quorate_result *result)
{
    fprintf(stderr, "%s: %s: %s\n", what, quorate_err_name(result->err), result->message);
    return 1;
}

// Adds a line to a list unless it is there already. Both end each line with a line feed.
static void add_line(char *list, const char *line, size_t size)
{
    char wanted[LIST_SIZE + 2];
    char all[LIST_SIZE + 2];

    snprintf(wanted, sizeof wanted, "\n%.*s\n", (int)size, line);
    snprintf(all, sizeof all, "\n%s", list);
    if (!strstr(all, wanted) && strlen(list) + size + 2 < LIST_SIZE)
        strcat(list, wanted + 1);
}

static void add_lines(char *list, struct quorate_bytes lines)
{
    const char *at = lines.data;
    size_t left = lines.size;

    while (left > 0) {
        const char *end = memchr(at, '\n', left);
        size_t size = end ? (size_t)(end - at) : left;

        add_line(list, at, size);
        left -= end ? size + 1 : size;
        at += end ? size + 1 : size;
    }
}

static int add_entry(struct quorate_client *client, struct quorate_key key, const char *entry)
{
    struct quorate_put_options options = {0};
    struct quorate_result *read, *written = NULL;
    char list[LIST_SIZE] = "";
    int code = 0;

    if (quorate_get(client, key, NULL, &read)) {
        code = failed("get", read);
        quorate_result_free(read);
        return code;
    }
    for (size_t i = 0; i < read->value_count; i++)
        add_lines(list, read->values[i].value);
    add_line(list, entry, strlen(entry));
    options.context = read->context; // replaces all that was read
    if (quorate_put(client, key, quorate_text(list), &options, &written))
        code = failed("put", written);
    else
        printf("%s", list);
    quorate_result_free(written);
    quorate_result_free(read);
    return code;
}

int main(int argc, char **argv)
{
    struct quorate_client *client;
    int code;

    if (argc != 4) {
        fprintf(stderr, "usage: list HOST:PORT KEY ENTRY\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (quorate_open(argv[1], NULL, &client)) {
        fprintf(stderr, "%s is no HOST:PORT\n", argv[1]);
        return 2;
    }
    code = add_entry(client, quorate_key("default", argv[2]), argv[3]);
    quorate_close(client);
    return code;
}
