// SPDX-License-Identifier: Apache-2.0
// get, put, del.
#include "base/err.h"
#include "client/cli_command.h"
#include "client/cli_show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { VALUE_SIZE_MAX = 128 << 20 }; // bytes of a file or of standard input taken as a value

static struct shown shown_of(const struct cli *cli, const char *verb, int level)
{
    const char *bucket = cli->bucket ? cli->bucket : "default";

    return (struct shown){quorate_key(bucket, cli->arguments[0]), verb, level};
}

int command_get(struct cli *cli)
{
    struct shown shown = shown_of(cli, "get", cli->get.r);
    struct quorate_client *client = cli_open(cli);
    struct quorate_result *result;
    int code;

    if (quorate_get(client, shown.key, &cli->get, &result)) {
        show_failed(cli, result);
        code = complain_result(result);
    } else {
        code = show_get(cli, &shown, result);
    }
    quorate_result_free(result);
    quorate_close(client);
    return code;
}

// ---- values -------------------------------------------------------------------------------------

// All of a file. 0 or a usage exit code, told.
static int value_read(int file, const char *name, struct buffer *out)
{
    ssize_t size;

    do {
        uint8_t *at = buffer_reserve(out, 64 << 10);

        size = read(file, at, 64 << 10);
        if (size > 0)
            out->size += (size_t)size;
    } while ((size > 0 && out->size <= VALUE_SIZE_MAX) || (size < 0 && errno == EINTR));
    if (size < 0) {
        complain("%s: %s", name, strerror(errno));
        return err_exit(ERR_IO);
    }
    if (out->size > VALUE_SIZE_MAX) {
        complain("%s: more than %d bytes are no value", name, VALUE_SIZE_MAX);
        return err_exit(ERR_TOO_LARGE);
    }
    return 0;
}

static int value_read_file(const char *name, struct buffer *out)
{
    int file = open(name, O_RDONLY | O_CLOEXEC);
    int code;

    if (file < 0) {
        complain("%s: %s", name, strerror(errno));
        return err_exit(ERR_INVALID);
    }
    code = value_read(file, name, out);
    (void)close(file);
    return code;
}

// From the argument, from standard input (-) or from a file (@NAME).
static int value_take(const struct cli *cli, const char *argument, struct buffer *out)
{
    if (!cli->literal && strcmp(argument, "-") == 0)
        return value_read(STDIN_FILENO, "standard input", out);
    if (!cli->literal && argument[0] == '@')
        return value_read_file(argument + 1, out);
    buffer_add(out, argument, strlen(argument));
    return 0;
}

// ---- writes -------------------------------------------------------------------------------------

static int write_end(struct cli *cli, const struct shown *shown, struct quorate_result *result)
{
    int code;

    if (result->err) {
        show_failed(cli, result);
        code = complain_result(result);
    } else {
        code = show_write(cli, shown, result);
    }
    quorate_result_free(result);
    return code;
}

int command_put(struct cli *cli)
{
    struct shown shown = shown_of(cli, "put", cli->put.w);
    struct buffer value = {0};
    struct quorate_client *client;
    struct quorate_result *result;
    int code = value_take(cli, cli->arguments[1], &value);

    if (!code) {
        client = cli_open(cli);
        (void)quorate_put(client, shown.key, quorate_bytes(value.data, value.size), &cli->put,
                          &result);
        code = write_end(cli, &shown, result);
        quorate_close(client);
    }
    buffer_done(&value);
    return code;
}

int command_del(struct cli *cli)
{
    struct shown shown = shown_of(cli, "del", cli->put.w);
    struct quorate_client *client = cli_open(cli);
    struct quorate_result *result;
    int code;

    (void)quorate_delete(client, shown.key, &cli->put, &result);
    code = write_end(cli, &shown, result);
    quorate_close(client);
    return code;
}
