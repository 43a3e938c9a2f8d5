// SPDX-License-Identifier: Apache-2.0
#include "gossip/cli/json.h"

#include "base/err.h"
#include "base/text.h"

#include <inttypes.h>

static void add_text(struct buffer *out, const char *key, const char *text)
{
    buffer_add_format(out, ",\"%s\":", key);
    text_add_json(out, slice_of_text(text));
}

static void add_number(struct buffer *out, const char *key, uint64_t number)
{
    buffer_add_format(out, ",\"%s\":%" PRIu64, key, number);
}

static const char *truth(bool is)
{
    return is ? "true" : "false";
}

static void add_node(struct buffer *out, const struct node_meta *meta)
{
    add_text(out, "name", meta->name);
    add_text(out, "zone", meta->zone);
    add_text(out, "host", meta->host);
    add_text(out, "client_address", meta->client_address);
    add_text(out, "peer_address", meta->peer_address);
    add_text(out, "build", meta->build);
    buffer_add_format(out, ",\"cluster\":\"%016" PRIx64 "\",\"digest\":\"%016" PRIx64 "\"",
                      meta->cluster, meta->digest);
    add_number(out, "epoch", meta->epoch);
    add_number(out, "shards", meta->shards);
    add_number(out, "weight", meta->weight);
}

static void add_load(struct buffer *out, const struct node_load *load)
{
    add_number(out, "keys", load->keys);
    add_number(out, "bytes", load->bytes);
    add_number(out, "repair_debt", load->unknown);
    add_number(out, "in_flight", load->in_flight);
}

static void add_tags(struct buffer *out, const struct tags *tags)
{
    buffer_add_format(out, ",\"tags\":{");
    for (size_t i = 0; i < tags->count; i++) {
        if (i)
            buffer_add_u8(out, ',');
        text_add_json(out, slice_of_text(tags->items[i].name));
        buffer_add_u8(out, ':');
        text_add_json(out, slice_of_text(tags->items[i].value));
    }
    buffer_add_u8(out, '}');
}

static void add_row(struct buffer *out, const struct row *row)
{
    char address[SWIM_ADDRESS_TEXT];

    buffer_add_format(out, "{\"id\":");
    text_add_json(out, slice_of_text(row->seen->name));
    add_text(out, "address", swim_address_text(&row->seen->address, address));
    add_text(out, "state", member_state_text(row->seen->state));
    add_number(out, "incarnation", row->seen->incarnation);
    buffer_add_format(out, ",\"disputed\":%s,\"observer\":%s", truth(row->seen->disputed),
                      truth(row->observer));
    if (row->has_age)
        add_number(out, "age_ms", row->age_ms);
    if (row->teller && row->teller->rtt_us)
        add_number(out, "rtt_us", row->teller->rtt_us);
    if (row->ack_age_ms) {
        add_number(out, "ack_age_ms", row->ack_age_ms);
        add_number(out, "ack_rtt_ms", row->rtt_ms);
    }
    add_number(out, "accusers", row->accusers);
    if (row->load)
        add_load(out, row->load);
    if (row->tags.count)
        add_tags(out, &row->tags);
    if (!row->observer)
        add_node(out, &row->meta);
    buffer_add_u8(out, '}');
}

static void add_teller(struct buffer *out, const struct report *report, const struct teller *teller)
{
    buffer_add_format(out, "{\"address\":");
    text_add_json(out, slice_of_text(teller->text));
    add_text(out, "name", report_teller_name(report, teller));
    if (teller->err) {
        add_text(out, "error", err_code(teller->err));
    } else {
        if (teller->rtt_us)
            add_number(out, "rtt_us", teller->rtt_us);
        add_number(out, "answer_us", teller->took_us);
    }
    buffer_add_u8(out, '}');
}

static void add_counts(struct buffer *out, const struct report *report)
{
    buffer_add_format(out, "{\"healthy\":%s", truth(report->healthy));
    add_number(out, "asked", report->survey->count);
    add_number(out, "answered", report->survey->answered);
    add_number(out, "count", report->count);
    for (int state = MEMBER_ALIVE; state <= MEMBER_LEFT; state++)
        add_number(out, member_state_text((enum member_state)state), report->counts[state]);
    add_number(out, "observers", report->observers);
    add_number(out, "disputed", report->disputed);
    add_number(out, "epoch_min", report->epoch_min);
    add_number(out, "epoch_max", report->epoch_max);
    buffer_add_format(out, ",\"digests_differ\":%s", truth(report->digests_differ));
}

void json_write(const struct report *report, struct buffer *out)
{
    add_counts(out, report);
    buffer_add_format(out, ",\"tellers\":[");
    for (size_t i = 0; i < report->survey->count; i++) {
        buffer_add_format(out, "%s", i ? "," : "");
        add_teller(out, report, &report->survey->tellers[i]);
    }
    buffer_add_format(out, "],\"members\":[");
    for (size_t i = 0; i < report->shown_count; i++) {
        buffer_add_format(out, "%s", i ? "," : "");
        add_row(out, report->shown[i]);
    }
    buffer_add_format(out, "]}\n");
}
