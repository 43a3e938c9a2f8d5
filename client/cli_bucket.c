// SPDX-License-Identifier: Apache-2.0
// bucket set, bucket show.
#include "base/err.h"
#include "client/cli_command.h"
#include "client/cli_json.h"

#include <inttypes.h>
#include <stdio.h>

static const char *level_name(char out[16], int level, const char *otherwise)
{
    switch (level) {
    case QUORATE_LEVEL_DEFAULT:
        return otherwise;
    case QUORATE_LEVEL_ONE:
        return "one";
    case QUORATE_LEVEL_QUORUM:
        return "quorum";
    case QUORATE_LEVEL_ALL:
        return "all";
    case QUORATE_LEVEL_NONE:
        return "0";
    default:
        (void)snprintf(out, 16, "%d", level);
        return out;
    }
}

static void bucket_json(struct buffer *out, const char *name, const struct quorate_bucket *bucket)
{
    char text[16];

    json_open(out, '{');
    json_text(out, "bucket", name);
    json_text(out, "conflict", bucket->lww ? "lww" : "siblings");
    json_text(out, "r", level_name(text, bucket->r, "default"));
    json_text(out, "w", level_name(text, bucket->w, "default"));
    json_text(out, "pr", level_name(text, bucket->pr, "default"));
    json_text(out, "pw", level_name(text, bucket->pw, "default"));
    json_name(out, "ttl_ms");
    if (bucket->ttl_ms)
        buffer_add_format(out, "%" PRIu64, bucket->ttl_ms);
    else
        buffer_add_format(out, "null");
    json_name(out, "strict");
    buffer_add_format(out, "%s", bucket->strict ? "true" : "false");
    json_close(out, '}');
    buffer_add_u8(out, '\n');
}

static void bucket_text(struct output *output, const char *name,
                        const struct quorate_bucket *bucket)
{
    char text[16];

    output_format(output, "bucket    ");
    output_shown(output, slice_of_text(name));
    output_format(output, "\nconflict  %s\n", bucket->lww ? "lww" : "siblings");
    output_format(output, "r         %s\n", level_name(text, bucket->r, "default (quorum)"));
    output_format(output, "w         %s\n", level_name(text, bucket->w, "default (quorum)"));
    output_format(output, "pr        %s\n", level_name(text, bucket->pr, "default (0)"));
    output_format(output, "pw        %s\n", level_name(text, bucket->pw, "default (0)"));
    if (bucket->ttl_ms)
        output_format(output, "ttl       %" PRIu64 " ms\n", bucket->ttl_ms);
    else
        output_format(output, "ttl       none\n");
    output_format(output, "strict    %s\n", bucket->strict ? "yes (owners only)" : "no");
}

static int bucket_end(struct cli *cli, struct quorate_client *client, struct quorate_result *result)
{
    struct buffer json = {0};
    int code = 0;

    if (result->err) {
        code = complain_result(result);
    } else if (cli->format == FORMAT_JSON) {
        bucket_json(&json, cli->arguments[0], result->bucket);
        output_slice(&cli->output, buffer_slice(&json));
    } else {
        bucket_text(&cli->output, cli->arguments[0], result->bucket);
    }
    buffer_done(&json);
    quorate_result_free(result);
    quorate_close(client);
    return code;
}

int command_bucket_show(struct cli *cli)
{
    struct quorate_client *client = cli_open(cli);
    struct quorate_result *result;

    (void)quorate_bucket_show(client, quorate_text(cli->arguments[0]), &result);
    return bucket_end(cli, client, result);
}

int command_bucket_set(struct cli *cli)
{
    struct quorate_client *client;
    struct quorate_result *result;

    if (cli->set == 0) {
        complain("bucket set %s: nothing to set: give --conflict, --r, --w, --pr, --pw, --ttl or "
                 "--strict",
                 cli->arguments[0]);
        return err_exit(ERR_INVALID);
    }
    client = cli_open(cli);
    (void)quorate_bucket_set(client, quorate_text(cli->arguments[0]), cli->set, &cli->properties,
                             &result);
    return bucket_end(cli, client, result);
}
