// SPDX-License-Identifier: Apache-2.0
// dump: all records to standard output, shard by shard, each as one of its owners has it. So it is
// no snapshot of one moment, and what only the other owners have is not in it.
#include "base/err.h"
#include "base/text.h"
#include "client/cli_command.h"
#include "client/cli_record.h"

#include <inttypes.h>
#include <stdio.h>

struct dump {
    struct cli *cli;
    struct quorate_client *client;
    struct buffer line;
    uint64_t written;
    uint64_t left_out; // siblings, which TSV cannot tell
};

static bool is_wanted(const struct dump *dump, const struct quorate_item *item)
{
    struct slice bucket = slice_of(item->key.bucket.data, item->key.bucket.size);

    if (dump->cli->bucket)
        return slice_is(bucket, dump->cli->bucket);
    return bucket.size > 0 && bucket.data[0] != '$'; // buckets of the system itself
}

static void item_left_out(struct dump *dump, const struct quorate_item *item)
{
    struct buffer key = {0};

    text_add_shown(&key, slice_of(item->key.key.data, item->key.key.size));
    complain("dump %.*s: %zu siblings do not fit in TSV: use --format json", (int)key.size,
             (const char *)key.data, item->value_count);
    dump->left_out++;
    buffer_done(&key);
}

static void item_dump(struct dump *dump, const struct quorate_item *item)
{
    bool is_tsv = dump->cli->format == FORMAT_TSV || dump->cli->format == FORMAT_TEXT;

    if (!is_wanted(dump, item))
        return;
    buffer_reset(&dump->line, 1 << 20);
    if (!is_tsv) {
        record_write_json(item, &dump->line);
    } else if (record_write_tsv(item, &dump->line)) {
        item_left_out(dump, item);
        return;
    }
    output_slice(&dump->cli->output, buffer_slice(&dump->line));
    dump->written++;
}

static int shard_dump(struct dump *dump, uint32_t shard)
{
    struct quorate_scan_options options = {.shard = shard, .timeout_ms = dump->cli->timeout_ms};
    uint8_t after[64];
    bool more = true;
    int code = 0;

    while (more && !code && output_good(&dump->cli->output)) {
        struct quorate_result *result;

        if (quorate_scan(dump->client, &options, &result))
            code = complain_result(result);
        for (size_t i = 0; i < result->item_count; i++)
            item_dump(dump, &result->items[i]);
        more = result->more && result->after.size <= sizeof after;
        if (more)
            (void)memcpy(after, result->after.data, result->after.size);
        options.after = quorate_bytes(after, more ? result->after.size : 0);
        quorate_result_free(result);
    }
    return code;
}

static void progress(const struct dump *dump, uint32_t shard, uint32_t shards)
{
    const struct output *output = &dump->cli->output;

    if (output->error_terminal && !output->terminal)
        (void)fprintf(stderr, "\rshard %u of %u, %" PRIu64 " records", shard + 1, shards,
                      dump->written);
}

static int shards_dump(struct dump *dump, uint32_t shards)
{
    int code = 0;

    for (uint32_t shard = 0; shard < shards && !code && output_good(&dump->cli->output); shard++) {
        progress(dump, shard, shards);
        code = shard_dump(dump, shard);
    }
    if (dump->cli->output.error_terminal && !dump->cli->output.terminal)
        (void)fprintf(stderr, "\r\33[K");
    return code;
}

int command_dump(struct cli *cli)
{
    struct dump dump = {.cli = cli, .client = cli_open(cli)};
    struct quorate_result *result;
    uint32_t shards = 0;
    int code = 0;

    if (quorate_topology(dump.client, &result))
        code = complain_result(result);
    else
        shards = result->topology->shards;
    if (!code && shards == 0) {
        complain("dump: this node belongs to no cluster yet");
        code = err_exit(ERR_NO_CLUSTER);
    }
    quorate_result_free(result);
    if (!code)
        code = shards_dump(&dump, shards);
    if (!code && output_good(&cli->output))
        (void)fprintf(stderr, "%" PRIu64 " records, each shard as one of its owners has it\n",
                      dump.written);
    if (!code && dump.left_out)
        code = err_exit(ERR_CONFLICT);
    quorate_close(dump.client);
    buffer_done(&dump.line);
    return code;
}
