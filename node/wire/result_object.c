// SPDX-License-Identifier: Apache-2.0
// Results about one object: its versions, and the explanation of a request.
#include "base/pack.h"
#include "node/wire/result.h"

enum { STAMP_LOGICAL_BITS = 16 };

static void version_write(const struct version *version, struct buffer *out)
{
    pack_map(out, 5);
    write_name(out, "value");
    write_bin(out, version->value);
    write_name(out, "dot");
    write_dot(out, version->dot);
    write_name(out, "stamp");
    write_id(out, version->stamp);
    write_number(out, "stamp_ms", version->stamp >> STAMP_LOGICAL_BITS);
    write_name(out, "expires_ms");
    if (version->expires_ms)
        pack_u64(out, version->expires_ms);
    else
        pack_nil(out);
}

void versions_write(const struct version *versions, uint32_t count, struct buffer *out)
{
    pack_array(out, count);
    for (uint32_t i = 0; i < count; i++)
        version_write(&versions[i], out);
}

struct version *versions_read(struct fields *fields, struct arena *arena, uint32_t *out_count)
{
    uint32_t count;
    const msgpack_object *array = field_array(fields, "values", &count);
    struct version *versions;

    *out_count = 0;
    if (count > OBJECT_VERSIONS_MAX)
        fields->failed = true;
    if (count == 0 || fields->failed)
        return NULL;
    versions = arena_alloc(arena, count * sizeof *versions);
    for (uint32_t i = 0; i < count; i++) {
        struct fields parts = fields_of(&array[i]);

        versions[i].value = field_bytes(&parts, "value");
        versions[i].dot = field_dot(&parts, "dot");
        versions[i].stamp = field_id(&parts, "stamp");
        versions[i].expires_ms = field_u64(&parts, "expires_ms", UINT64_MAX);
        fields->failed |= parts.failed;
    }
    *out_count = count;
    return versions;
}

// ---- explain ------------------------------------------------------------------------------------

static void replica_write(const struct explain_replica *replica, struct buffer *out)
{
    pack_map(out, 7);
    write_name(out, "node");
    write_text(out, replica->node);
    write_name(out, "role");
    write_text(out, replica->role);
    write_name(out, "asked");
    pack_bool(out, replica->asked);
    write_name(out, "answered_us");
    if (replica->answered_us >= 0)
        pack_u64(out, (uint64_t)replica->answered_us);
    else
        pack_nil(out);
    write_name(out, "dots");
    pack_array(out, replica->dot_count);
    for (uint32_t i = 0; i < replica->dot_count; i++)
        write_dot(out, replica->dots[i]);
    write_name(out, "outcome");
    write_text(out, replica->outcome);
    write_name(out, "repaired");
    pack_bool(out, replica->repaired);
}

void explain_write(const struct explain *explain, struct buffer *out)
{
    pack_map(out, 5);
    write_number(out, "shard", explain->shard);
    write_number(out, "epoch", explain->epoch);
    write_name(out, "coordinator");
    write_text(out, explain->coordinator);
    write_name(out, "replicas");
    pack_array(out, explain->replica_count);
    for (uint32_t i = 0; i < explain->replica_count; i++)
        replica_write(&explain->replicas[i], out);
    write_name(out, "trace");
    pack_array(out, explain->trace_count);
    for (uint32_t i = 0; i < explain->trace_count; i++)
        write_text(out, explain->trace[i]);
}

static void dots_read(struct fields *fields, struct arena *arena, struct explain_replica *out)
{
    const msgpack_object *array = field_array(fields, "dots", &out->dot_count);

    out->dots = out->dot_count ? arena_new(arena, out->dot_count * sizeof *out->dots) : NULL;
    for (uint32_t i = 0; i < out->dot_count; i++) {
        if (value_dot(&array[i], &out->dots[i]))
            fields->failed = true;
    }
}

static void replica_read(const msgpack_object *value, struct fields *parent, struct arena *arena,
                         struct explain_replica *out)
{
    struct fields fields = fields_of(value);
    const msgpack_object *answered;
    uint64_t answered_us;

    *out = (struct explain_replica){.answered_us = -1};
    out->node = field_bytes(&fields, "node");
    out->role = field_bytes(&fields, "role");
    out->asked = field_bool(&fields, "asked");
    answered = field_find(&fields, "answered_us");
    if (answered && value_u64(answered, INT64_MAX, &answered_us))
        fields.failed = true;
    else if (answered)
        out->answered_us = (int64_t)answered_us;
    dots_read(&fields, arena, out);
    out->outcome = field_bytes(&fields, "outcome");
    out->repaired = field_bool(&fields, "repaired");
    parent->failed |= fields.failed;
}

static void trace_read(struct fields *fields, struct arena *arena, struct explain *out)
{
    const msgpack_object *array = field_array(fields, "trace", &out->trace_count);

    out->trace = out->trace_count ? arena_new(arena, out->trace_count * sizeof *out->trace) : NULL;
    for (uint32_t i = 0; i < out->trace_count; i++) {
        if (value_bytes(&array[i], &out->trace[i]))
            fields->failed = true;
    }
}

bool explain_read(struct fields *fields, struct arena *arena, struct explain *out)
{
    const msgpack_object *map = field_find(fields, "explain");
    struct fields parts;
    const msgpack_object *array;

    if (!map)
        return false;
    parts = fields_of(map);
    *out = (struct explain){0};
    out->shard = field_u32(&parts, "shard");
    out->epoch = field_u64(&parts, "epoch", UINT64_MAX);
    out->coordinator = field_bytes(&parts, "coordinator");
    array = field_array(&parts, "replicas", &out->replica_count);
    if (out->replica_count > MEMBERS_MAX) {
        parts.failed = true;
        out->replica_count = 0;
    }
    out->replicas = arena_alloc(arena, out->replica_count * sizeof *out->replicas);
    for (uint32_t i = 0; i < out->replica_count; i++)
        replica_read(&array[i], &parts, arena, &out->replicas[i]);
    trace_read(&parts, arena, out);
    fields->failed |= parts.failed;
    return true;
}
