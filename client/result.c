// SPDX-License-Identifier: Apache-2.0
#include "client/result.h"

#include "base/check.h"
#include "base/err.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

// The public numbers are those of base/err.h.
static_assert((int)QUORATE_INVALID == ERR_INVALID, "errors");
static_assert((int)QUORATE_TIMEOUT == ERR_TIMEOUT, "errors");
static_assert((int)QUORATE_CONFLICT == ERR_CONFLICT, "errors");
static_assert((int)QUORATE_CONNECT == ERR_CONNECT, "errors");
static_assert((int)QUORATE_CLOSED == ERR_CLOSED, "errors");
static_assert((int)QUORATE_INTERNAL == ERR_INTERNAL, "errors");
// The same for levels and bucket properties.
static_assert((int)QUORATE_LEVEL_ONE == LEVEL_ONE && (int)QUORATE_LEVEL_QUORUM == LEVEL_QUORUM &&
                  (int)QUORATE_LEVEL_ALL == LEVEL_ALL,
              "levels");
static_assert((int)QUORATE_BUCKET_LWW == BUCKET_SET_CONFLICT &&
                  (int)QUORATE_BUCKET_R == BUCKET_SET_R && (int)QUORATE_BUCKET_W == BUCKET_SET_W &&
                  (int)QUORATE_BUCKET_PR == BUCKET_SET_PR &&
                  (int)QUORATE_BUCKET_PW == BUCKET_SET_PW &&
                  (int)QUORATE_BUCKET_TTL == BUCKET_SET_TTL &&
                  (int)QUORATE_BUCKET_STRICT == BUCKET_SET_STRICT,
              "bucket properties");
static_assert((int)QUORATE_BLIND_SIBLINGS == (int)BLIND_SIBLINGS &&
                  (int)QUORATE_BLIND_OVERWRITE == (int)BLIND_OVERWRITE,
              "blind writes");

const char *quorate_err_name(int err)
{
    return err_code(err);
}

const char *quorate_err_text(int err)
{
    return err_text(err);
}

const char *quorate_version(void)
{
    return QUORATE_VERSION;
}

void result_box_reset(struct result_box *box)
{
    box->result = (struct quorate_result){.message = "", .address = ""};
    wire_decoder_reset(&box->decoder);
    arena_reset(&box->arena);
}

void result_box_done(struct result_box *box)
{
    wire_decoder_done(&box->decoder);
    arena_done(&box->arena);
}

void quorate_result_free(struct quorate_result *result)
{
    struct result_box *box = (struct result_box *)result;

    if (!box)
        return;
    result_box_done(box);
    free(box);
}

int quorate_result_value(const struct quorate_result *result, struct quorate_bytes *out)
{
    if (result->err)
        return result->err;
    if (!result->found || result->value_count == 0)
        return QUORATE_NOT_FOUND;
    if (result->value_count > 1)
        return QUORATE_CONFLICT;
    *out = result->values[0].value;
    return 0;
}

int level_of_public(int level)
{
    if (level == QUORATE_LEVEL_DEFAULT)
        return LEVEL_DEFAULT;
    return level == QUORATE_LEVEL_NONE ? 0 : level;
}

int level_to_public(int level)
{
    if (level == LEVEL_DEFAULT)
        return QUORATE_LEVEL_DEFAULT;
    return level == 0 ? QUORATE_LEVEL_NONE : level;
}

const char *result_text(struct result_box *box, struct slice text)
{
    char *copy = arena_alloc(&box->arena, text.size + 1);

    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    return copy;
}

static struct quorate_dot public_dot(struct dot dot)
{
    return (struct quorate_dot){dot.actor, dot.counter};
}

static const struct quorate_value *public_values(struct result_box *box,
                                                 const struct version *versions, uint32_t count)
{
    struct quorate_value *values = arena_new(&box->arena, count * sizeof *values);

    for (uint32_t i = 0; i < count; i++) {
        values[i].value = bytes_of_slice(versions[i].value);
        values[i].dot = public_dot(versions[i].dot);
        values[i].stamp = versions[i].stamp;
        values[i].stamp_ms = versions[i].stamp >> 16;
        values[i].expires_ms = versions[i].expires_ms;
    }
    return values;
}

static void fill_replica(struct result_box *box, const struct explain_replica *from,
                         struct quorate_replica *out)
{
    struct quorate_dot *dots = arena_new(&box->arena, from->dot_count * sizeof *dots);

    for (uint32_t i = 0; i < from->dot_count; i++)
        dots[i] = public_dot(from->dots[i]);
    *out = (struct quorate_replica){.node = result_text(box, from->node),
                                    .role = result_text(box, from->role),
                                    .asked = from->asked,
                                    .repaired = from->repaired,
                                    .answered_us = from->answered_us,
                                    .dots = dots,
                                    .dot_count = from->dot_count,
                                    .outcome = result_text(box, from->outcome)};
}

static void fill_explain(struct result_box *box, const struct explain *from)
{
    struct quorate_explain *explain = arena_new(&box->arena, sizeof *explain);
    struct quorate_replica *replicas;
    const char **trace;

    replicas = arena_new(&box->arena, from->replica_count * sizeof *replicas);
    for (uint32_t i = 0; i < from->replica_count; i++)
        fill_replica(box, &from->replicas[i], &replicas[i]);
    trace = arena_new(&box->arena, from->trace_count * sizeof *trace);
    for (uint32_t i = 0; i < from->trace_count; i++)
        trace[i] = result_text(box, from->trace[i]);
    *explain = (struct quorate_explain){.shard = from->shard,
                                        .epoch = from->epoch,
                                        .coordinator = result_text(box, from->coordinator),
                                        .replicas = replicas,
                                        .replica_count = from->replica_count,
                                        .trace = trace,
                                        .trace_count = from->trace_count};
    box->result.explain = explain;
}

static void fill_items(struct result_box *box, const struct reply *reply)
{
    struct quorate_item *items = arena_new(&box->arena, reply->item_count * sizeof *items);

    for (uint32_t i = 0; i < reply->item_count; i++) {
        const struct scan_item *from = &reply->items[i];

        items[i].key.bucket = bytes_of_slice(from->bucket);
        items[i].key.key = bytes_of_slice(from->key);
        items[i].values = public_values(box, from->versions, from->version_count);
        items[i].value_count = from->version_count;
        items[i].context = bytes_of_slice(from->token);
    }
    box->result.items = items;
    box->result.item_count = reply->item_count;
    box->result.more = reply->more;
    box->result.after = bytes_of_slice(reply->after);
}

static void fill_replicas(struct result_box *box, const struct reply *reply)
{
    struct quorate_copy *replicas = arena_new(&box->arena, reply->replica_count * sizeof *replicas);

    for (uint32_t i = 0; i < reply->replica_count; i++) {
        const struct replica_view *from = &reply->replicas[i];
        struct buffer clock = {0};

        clock_encode(&from->clock, &clock);
        replicas[i] = (struct quorate_copy){
            .shard = from->shard,
            .owner = from->owner,
            .complete = from->complete,
            .keys = from->keys,
            .bytes = from->bytes,
            .digest = from->digest,
            .dots = clock_size(&from->clock),
            .dots_logged = from->dots,
            .unknown = from->unknown,
            .clock = bytes_of_slice(arena_copy(&box->arena, buffer_slice(&clock)))};
        buffer_done(&clock);
    }
    box->result.copies = replicas;
    box->result.copy_count = reply->replica_count;
    box->result.more = reply->more;
}

static void fill_held(struct result_box *box, const struct reply *reply)
{
    struct quorate_held *held = arena_new(&box->arena, reply->held_count * sizeof *held);

    for (uint32_t i = 0; i < reply->held_count; i++) {
        const struct held_key *from = &reply->held[i];
        struct quorate_dot *dots = arena_new(&box->arena, from->dot_count * sizeof *dots);

        for (uint32_t k = 0; k < from->dot_count; k++)
            dots[k] = public_dot(from->dots[k]);
        held[i] = (struct quorate_held){
            .hash = bytes_of_slice(from->tree_key),
            .key = {.bucket = bytes_of_slice(from->bucket), .key = bytes_of_slice(from->key)},
            .dots = dots,
            .dot_count = from->dot_count};
    }
    box->result.held = held;
    box->result.held_count = reply->held_count;
    box->result.more = reply->more;
    box->result.after = bytes_of_slice(reply->after);
}

static void fill_bucket(struct result_box *box, const struct bucket_properties *from)
{
    struct quorate_bucket *bucket = arena_new(&box->arena, sizeof *bucket);

    *bucket = (struct quorate_bucket){.lww = from->conflict == CONFLICT_LWW,
                                      .r = level_to_public(from->r),
                                      .w = level_to_public(from->w),
                                      .pr = level_to_public(from->pr),
                                      .pw = level_to_public(from->pw),
                                      .ttl_ms = from->ttl_ms,
                                      .strict = from->strict};
    box->result.bucket = bucket;
}

static void fill_member(struct result_box *box, const struct member_view *from,
                        struct quorate_member *out)
{
    const struct member *member = &from->member;

    *out = (struct quorate_member){
        .id = member->id,
        .name = result_text(box, slice_of_text(member->name)),
        .zone = result_text(box, slice_of_text(member->zone)),
        .host = result_text(box, slice_of_text(member->host)),
        .client_address = result_text(box, slice_of_text(member->client_address)),
        .peer_address = result_text(box, slice_of_text(member->peer_address)),
        .state = member_state_name(from->state),
        .weight = member->weight,
        .shards = from->shards,
        .linked = from->linked,
        .owner = from->owner,
        .epoch = from->epoch};
}

static void fill_topology(struct result_box *box, const struct reply *reply)
{
    struct quorate_topology *topology = arena_new(&box->arena, sizeof *topology);
    struct quorate_member *members;

    members = arena_new(&box->arena, reply->member_count * sizeof *members);
    for (uint32_t i = 0; i < reply->member_count; i++)
        fill_member(box, &reply->members[i], &members[i]);
    if (reply->topology) {
        topology->epoch = reply->topology->epoch;
        topology->cluster = reply->topology->cluster;
        topology->shards = reply->topology->shards;
        topology->replicas = reply->topology->replicas;
    }
    topology->members = members;
    topology->member_count = reply->member_count;
    topology->shared_hosts = reply->shared_hosts;
    box->result.topology = topology;
}

static void fill_status(struct result_box *box, const struct status *from)
{
    struct quorate_status *status = arena_new(&box->arena, sizeof *status);

    *status = (struct quorate_status){.id = from->id,
                                      .actor = from->actor,
                                      .cluster = from->cluster,
                                      .epoch = from->epoch,
                                      .name = result_text(box, from->name),
                                      .build = result_text(box, from->build),
                                      .durability = result_text(box, from->durability),
                                      .shards_owned = from->shards_owned,
                                      .shards_born = from->shards_born,
                                      .in_flight = from->in_flight,
                                      .keys = from->keys,
                                      .bytes = from->bytes,
                                      .disk_bytes = from->disk_bytes,
                                      .log_bytes = from->log_bytes,
                                      .memory_bytes = from->memory_bytes,
                                      .checkpoints = from->checkpoints,
                                      .unknown = from->unknown,
                                      .rebuilt = from->rebuilt,
                                      .requests = from->requests,
                                      .requests_refused = from->requests_refused,
                                      .repairs = from->repairs,
                                      .hedges = from->hedges,
                                      .uptime_ms = from->uptime_ms,
                                      .refusal = from->refusal,
                                      .get_p50_us = from->get_p50_us,
                                      .get_p99_us = from->get_p99_us,
                                      .put_p50_us = from->put_p50_us,
                                      .put_p99_us = from->put_p99_us,
                                      .repair_missing = from->repair_missing,
                                      .repair_owed = from->repair_owed,
                                      .repair_bytes = from->repair_bytes,
                                      .repair_age_ms = from->repair_age_ms,
                                      .shards_filling = from->shards_filling,
                                      .guest_shards = from->guest_shards,
                                      .guest_keys = from->guest_keys,
                                      .dots = from->dots,
                                      .dots_max = from->dots_max,
                                      .pulled_items = from->pulled_items,
                                      .pulled_bytes = from->pulled_bytes,
                                      .digest_alarms = from->digest_alarms};
    snprintf(status->repair_state, sizeof status->repair_state, "%.*s",
             (int)from->repair_state.size, (const char *)from->repair_state.data);
    box->result.status = status;
}

static void fill_compaction(struct result_box *box, const struct compaction *from)
{
    struct quorate_compaction *compaction = arena_new(&box->arena, sizeof *compaction);

    *compaction = (struct quorate_compaction){.state = (enum quorate_compaction_state)from->state,
                                              .err = from->err,
                                              .message = result_text(box, from->text),
                                              .bytes_before = from->bytes_before,
                                              .bytes_after = from->bytes_after,
                                              .elapsed_ms = from->elapsed_ms};
    box->result.compaction = compaction;
}

static void fill_common(struct result_box *box, const struct reply *reply)
{
    struct quorate_result *result = &box->result;

    result->err = reply->err;
    result->found = reply->found;
    result->values = public_values(box, reply->versions, reply->version_count);
    result->value_count = reply->version_count;
    result->context = bytes_of_slice(reply->token);
    result->dot = public_dot(reply->dot);
    result->replies = reply->replies;
    result->acks = reply->acks;
    result->r = reply->r;
    result->w = reply->w;
    result->unanimous = reply->unanimous;
    if (reply->has_explain)
        fill_explain(box, &reply->explain);
}

void result_fill(struct result_box *box, const struct reply *reply)
{
    fill_common(box, reply);
    if (reply->err)
        return;
    switch (reply->method) {
    case METHOD_SCAN:
        fill_items(box, reply);
        break;
    case METHOD_BUCKET_SET:
    case METHOD_BUCKET_SHOW:
        fill_bucket(box, &reply->properties);
        break;
    case METHOD_TOPOLOGY:
    case METHOD_CLUSTER_INIT:
        fill_topology(box, reply);
        break;
    case METHOD_REPLICAS:
        fill_replicas(box, reply);
        break;
    case METHOD_HELD:
        fill_held(box, reply);
        break;
    case METHOD_COMPACT:
        fill_compaction(box, &reply->compaction);
        break;
    case METHOD_STATUS:
    case METHOD_PING:
        fill_status(box, &reply->status);
        break;
    default:
        break;
    }
}
