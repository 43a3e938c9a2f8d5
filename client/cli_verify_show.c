// SPDX-License-Identifier: Apache-2.0
#include "client/cli_verify.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "client/cli_json.h"

#include <inttypes.h>
#include <stdlib.h>

static uint64_t keys_count(const struct verify *verify, uint64_t *out_seen)
{
    uint64_t keys = 0;

    *out_seen = 0;
    for (uint32_t shard = 0; shard < verify->shards; shard++) {
        const struct shard_copies *copies = &verify->table[shard];
        uint64_t most = 0;
        uint64_t seen = 0;

        for (uint32_t i = 0; i < copies->count; i++) {
            most = copies->copies[i].keys > most ? copies->copies[i].keys : most;
            seen = copies->copies[i].seen > seen ? copies->copies[i].seen : seen;
        }
        keys += most;
        *out_seen += seen;
    }
    return keys;
}

// ---- text ---------------------------------------------------------------------------------------

static void copies_text(struct verify *verify, uint32_t shard, struct cell_table *table)
{
    const struct shard_copies *copies = &verify->table[shard];

    for (uint32_t i = 0; i < copies->count; i++) {
        const struct copy *copy = &copies->copies[i];

        cell_add(table, COLOUR_BOLD, "%u", shard);
        cell_add(table, COLOUR_PLAIN, "%s", verify->holders[copy->holder].name);
        cell_add(table, COLOUR_PLAIN, "%s",
                 !copy->owner     ? "stand-in"
                 : copy->complete ? "owner"
                                  : "owner, filling");
        cell_add(table, COLOUR_PLAIN, "%" PRIu64, copy->keys);
        cell_add(table, COLOUR_PLAIN, "%" PRIu64, copy->seen);
        cell_add(table, copy->lacks ? COLOUR_RED : COLOUR_PLAIN, "%" PRIu64, copy->lacks);
        cell_add(table, copy->unknown ? COLOUR_RED : COLOUR_PLAIN, "%" PRIu64, copy->unknown);
        cell_add(table, COLOUR_DIM, "%016" PRIx64, copy->digest);
    }
}

static void table_text(struct verify *verify)
{
    static const char *const headings[] = {"SHARD", "NODE",  "ROLE",    "KEYS",
                                           "SEEN",  "LACKS", "DAMAGED", "DIGEST"};
    struct cell_table *table = memory_new(sizeof *table);
    uint32_t shown = 0;

    cell_table_init(table, 8);
    for (int i = 0; i < 8; i++)
        cell_add(table, COLOUR_DIM, "%s", headings[i]);
    for (uint32_t shard = 0; shard < verify->shards; shard++) {
        if (!verify->table[shard].trouble || shown == VERIFY_SHARDS_SHOWN)
            continue;
        copies_text(verify, shard, table);
        shown += 1;
    }
    output_table(&verify->cli->output, table);
    cell_table_done(table);
    free(table);
}

static void key_text(struct verify *verify, const struct shard_copies *copies,
                     const struct key_differs *item)
{
    struct output *output = &verify->cli->output;

    output_format(output, "  ");
    if (item->bucket.size == 0) {
        output_format(output, "(a deleted key)");
    } else {
        output_shown(output, buffer_slice(&item->bucket));
        output_format(output, "/");
        output_shown(output, buffer_slice(&item->key));
    }
    for (uint32_t i = 0; i < copies->count; i++)
        output_format(output, "  %s %.*s", verify->holders[copies->copies[i].holder].name,
                      item->dots[i].size ? (int)item->dots[i].size : 1,
                      item->dots[i].size ? (const char *)item->dots[i].data : "-");
    output_format(output, "\n");
}

static void shard_text(struct verify *verify, uint32_t shard)
{
    const struct shard_copies *copies = &verify->table[shard];
    struct output *output = &verify->cli->output;
    struct shard_keys keys;
    int err = verify_keys(verify, shard, verify->cli->keys_shown, &keys);

    output_format(output, "shard %u: %s", shard, copies->trouble);
    if (err)
        output_format(output, " (the keys cannot be listed: %s)", err_text(err));
    output_format(output, "\n");
    for (uint32_t i = 0; i < keys.count; i++)
        key_text(verify, copies, &keys.items[i]);
    if (keys.more)
        output_format(output, "  and %" PRIu64 " more keys (--keys)\n", keys.more);
    shard_keys_done(&keys, copies->count);
}

static void shards_text(struct verify *verify)
{
    uint32_t shown = 0;

    for (uint32_t shard = 0; shard < verify->shards && shown < VERIFY_SHARDS_SHOWN; shard++) {
        if (!verify->table[shard].trouble)
            continue;
        shard_text(verify, shard);
        shown += 1;
    }
    if (verify->differing > shown)
        output_format(&verify->cli->output, "and %u more shards (--shard, --format json)\n",
                      verify->differing - shown);
}

static void verdict_text(struct verify *verify)
{
    struct output *output = &verify->cli->output;
    uint32_t shards = verify->cli->shard < 0 ? verify->shards : 1;
    uint64_t seen;
    uint64_t keys = keys_count(verify, &seen);

    output_colour(output, verify->differing + verify->unseen ? COLOUR_RED : COLOUR_GREEN);
    if (verify->differing)
        output_format(output, "%u of %u shards differ", verify->differing, shards);
    else
        output_format(output, "%u shard%s, %u copies of each: all%s equal", shards,
                      shards == 1 ? "" : "s", verify->replicas,
                      verify->unseen ? " that could be seen are" : "");
    output_colour(output, COLOUR_PLAIN);
    output_format(output,
                  " (%" PRIu64 " keys, %" PRIu64 " writes and deletes seen; %" PRIu64
                  " dots kept for sync)\n",
                  keys, seen, verify->logged);
    for (uint32_t i = 0; i < verify->holder_count; i++) {
        if (verify->holders[i].err)
            output_format(output, "%s at %s did not say what it holds: %s\n",
                          verify->holders[i].name, verify->holders[i].address,
                          err_text(verify->holders[i].err));
    }
    if (verify->unseen)
        output_format(output, "%u of %u shards were not seen at all of their owners\n",
                      verify->unseen, shards);
}

// ---- JSON ---------------------------------------------------------------------------------------

static void copies_json(struct verify *verify, const struct shard_copies *copies,
                        struct buffer *out)
{
    json_name(out, "copies");
    json_open(out, '[');
    for (uint32_t i = 0; i < copies->count; i++) {
        const struct copy *copy = &copies->copies[i];

        json_comma(out);
        json_open(out, '{');
        json_text(out, "node", verify->holders[copy->holder].name);
        json_bool(out, "owner", copy->owner);
        json_bool(out, "complete", copy->complete);
        json_number(out, "keys", copy->keys);
        json_number(out, "seen", copy->seen);
        json_number(out, "lacks", copy->lacks);
        json_number(out, "kept", copy->logged);
        json_number(out, "damaged", copy->unknown);
        json_id(out, "digest", copy->digest);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void keys_json(struct verify *verify, uint32_t shard, struct buffer *out)
{
    static const struct json_bytes bucket = {"bucket", "bucket_encoding", false};
    static const struct json_bytes key = {"key", "key_encoding", false};
    const struct shard_copies *copies = &verify->table[shard];
    struct shard_keys keys;

    (void)verify_keys(verify, shard, verify->cli->keys_shown, &keys);
    json_name(out, "keys");
    json_open(out, '[');
    for (uint32_t i = 0; i < keys.count; i++) {
        const struct key_differs *item = &keys.items[i];

        json_comma(out);
        json_open(out, '{');
        json_bytes(out, bucket, quorate_bytes(item->bucket.data, item->bucket.size));
        json_bytes(out, key, quorate_bytes(item->key.data, item->key.size));
        for (uint32_t k = 0; k < copies->count; k++) {
            struct buffer dots = {0};

            buffer_add_slice(&dots, buffer_slice(&item->dots[k]));
            buffer_add_u8(&dots, 0);
            json_text(out, verify->holders[copies->copies[k].holder].name, (const char *)dots.data);
            buffer_done(&dots);
        }
        json_close(out, '}');
    }
    json_close(out, ']');
    json_number(out, "keys_not_listed", keys.more);
    shard_keys_done(&keys, copies->count);
}

static void shards_json(struct verify *verify, struct buffer *out)
{
    json_name(out, "differing");
    json_open(out, '[');
    for (uint32_t shard = 0; shard < verify->shards; shard++) {
        const struct shard_copies *copies = &verify->table[shard];

        if (!copies->trouble)
            continue;
        json_comma(out);
        json_open(out, '{');
        json_number(out, "shard", shard);
        json_text(out, "why", copies->trouble);
        copies_json(verify, copies, out);
        keys_json(verify, shard, out);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void verify_json(struct verify *verify)
{
    struct buffer out = {0};
    uint64_t seen;
    uint64_t keys = keys_count(verify, &seen);

    json_open(&out, '{');
    json_bool(&out, "equal", verify->differing + verify->unseen == 0);
    json_number(&out, "shards_not_seen", verify->unseen);
    json_number(&out, "shards", verify->cli->shard < 0 ? verify->shards : 1);
    json_number(&out, "replicas", verify->replicas);
    json_number(&out, "keys", keys);
    json_number(&out, "seen", seen);
    json_number(&out, "kept", verify->logged);
    shards_json(verify, &out);
    json_name(&out, "unreached");
    json_open(&out, '{');
    for (uint32_t i = 0; i < verify->holder_count; i++) {
        if (verify->holders[i].err)
            json_text(&out, verify->holders[i].name, err_code(verify->holders[i].err));
    }
    json_close(&out, '}');
    json_close(&out, '}');
    buffer_add_u8(&out, '\n');
    output_slice(&verify->cli->output, buffer_slice(&out));
    buffer_done(&out);
}

void verify_show(struct verify *verify)
{
    if (verify->cli->format == FORMAT_JSON) {
        verify_json(verify);
        return;
    }
    if (verify->differing) {
        table_text(verify);
        shards_text(verify);
    }
    verdict_text(verify);
}
