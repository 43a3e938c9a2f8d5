// SPDX-License-Identifier: Apache-2.0
// compact: the nodes at the endpoints, one after the other. A node answers at once and works on;
// it is asked again until it has ended. Of a node that is lost sight of nobody knows whether it
// has ended: then the others are left alone, so that two never compact at once.
#include "base/err.h"
#include "base/text.h"
#include "client/cli_command.h"
#include "client/cli_json.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum {
    POLL_MS_MIN = 20,
    POLL_MS_MAX = 500,
    SILENCES_MAX = 5, // answers that may be missing in a row
};

static void compaction_json(struct cli *cli, const char *address,
                            const struct quorate_compaction *compaction)
{
    struct buffer json = {0};

    json_open(&json, '{');
    json_text(&json, "address", address);
    json_text(&json, "state", compaction->err ? "failed" : "done");
    json_text(&json, "error", compaction->err ? err_code(compaction->err) : "");
    json_text(&json, "message", compaction->message);
    json_number(&json, "bytes_before", compaction->bytes_before);
    json_number(&json, "bytes_after", compaction->bytes_after);
    json_number(&json, "elapsed_ms", compaction->elapsed_ms);
    json_close(&json, '}');
    buffer_add_u8(&json, '\n');
    output_slice(&cli->output, buffer_slice(&json));
    buffer_done(&json);
}

static void compaction_text(struct cli *cli, const char *address,
                            const struct quorate_compaction *compaction)
{
    struct buffer line = {0};

    buffer_add_format(&line, "%s  ", address);
    text_add_bytes(&line, compaction->bytes_before);
    buffer_add_format(&line, " before, ");
    text_add_bytes(&line, compaction->bytes_after);
    buffer_add_format(&line, " after, %.1f s\n", (double)compaction->elapsed_ms / 1000);
    output_slice(&cli->output, buffer_slice(&line));
    buffer_done(&line);
}

static int ended(struct cli *cli, const char *address, const struct quorate_compaction *compaction)
{
    if (cli->format == FORMAT_JSON)
        compaction_json(cli, address, compaction);
    else if (!compaction->err)
        compaction_text(cli, address, compaction);
    if (compaction->err)
        complain("%s: %s", address, compaction->message);
    return compaction->err ? err_exit(compaction->err) : 0;
}

static void pause_ms(uint32_t ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&time, NULL);
}

// Asks until the node has ended; false: it was lost sight of, and *out_code says how.
static bool await(struct cli *cli, struct quorate_client *client, const char *address,
                  int *out_code)
{
    struct quorate_result *result = NULL;
    uint32_t wait_ms = POLL_MS_MIN;
    bool running = true;
    bool lost = false;
    int silences = 0;

    while (running && !lost) {
        pause_ms(wait_ms);
        wait_ms = wait_ms * 2 < POLL_MS_MAX ? wait_ms * 2 : POLL_MS_MAX;
        quorate_result_free(result);
        silences =
            quorate_compact(client, address, false, cli->timeout_ms, &result) ? silences + 1 : 0;
        lost = silences > SILENCES_MAX || (silences && result->err != ERR_TIMEOUT);
        running = silences || result->compaction->state == QUORATE_COMPACTION_RUNNING;
    }
    if (!lost && result->compaction->state == QUORATE_COMPACTION_IDLE) {
        complain("%s: the node was started again meanwhile: try again", address);
        *out_code = err_exit(ERR_UNAVAILABLE);
    } else {
        *out_code = lost ? complain_result(result) : ended(cli, address, result->compaction);
    }
    quorate_result_free(result);
    return !lost;
}

int command_compact(struct cli *cli)
{
    struct quorate_client *client = cli_open(cli);
    char *rest = (char *)cli->endpoints.data;
    bool go_on = true;
    char *address;
    int code = 0;

    while (go_on && (address = strsep(&rest, ", \t\n"))) {
        struct quorate_result *result;
        int failed;

        if (!*address)
            continue;
        if (quorate_compact(client, address, true, cli->timeout_ms, &result)) {
            go_on = result->err != ERR_TIMEOUT && result->err != ERR_CLOSED;
            failed = complain_result(result);
        } else {
            go_on = await(cli, client, address, &failed);
        }
        code = code ? code : failed;
        quorate_result_free(result);
    }
    quorate_close(client);
    return code;
}
