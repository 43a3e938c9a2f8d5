// SPDX-License-Identifier: Apache-2.0
// Results about replicas: what a node holds of each shard, and the keys of one.
#include "base/pack.h"
#include "node/wire/result.h"

static void replica_view_write(const struct replica_view *view, struct buffer *out)
{
    struct buffer clock = {0};

    clock_encode(&view->clock, &clock);
    pack_map(out, 9);
    write_number(out, "shard", view->shard);
    write_name(out, "owner");
    pack_bool(out, view->owner);
    write_name(out, "complete");
    pack_bool(out, view->complete);
    write_number(out, "keys", view->keys);
    write_number(out, "bytes", view->bytes);
    write_name(out, "digest");
    write_id(out, view->digest);
    write_number(out, "dots", view->dots);
    write_number(out, "unknown", view->unknown);
    write_name(out, "clock");
    write_bin(out, buffer_slice(&clock));
    buffer_done(&clock);
}

void replicas_write(const struct reply *reply, struct buffer *out)
{
    pack_map(out, 2);
    write_name(out, "replicas");
    pack_array(out, reply->replica_count);
    for (uint32_t i = 0; i < reply->replica_count; i++)
        replica_view_write(&reply->replicas[i], out);
    write_name(out, "more");
    pack_bool(out, reply->more);
}

static void replica_view_read(const msgpack_object *value, struct fields *parent,
                              struct arena *arena, struct replica_view *out)
{
    struct fields fields = fields_of(value);
    struct reader reader;

    *out = (struct replica_view){.clock = clock_in(arena)};
    out->shard = field_u32(&fields, "shard");
    out->owner = field_bool(&fields, "owner");
    out->complete = field_bool(&fields, "complete");
    out->keys = field_u64(&fields, "keys", UINT64_MAX);
    out->bytes = field_u64(&fields, "bytes", UINT64_MAX);
    out->digest = field_id(&fields, "digest");
    out->dots = field_u64(&fields, "dots", UINT64_MAX);
    out->unknown = field_u64(&fields, "unknown", UINT64_MAX);
    reader = reader_of(field_bytes(&fields, "clock"));
    if (clock_decode(&reader, &out->clock) || !reader_finished(&reader))
        fields.failed = true;
    parent->failed |= fields.failed;
}

void replicas_read(struct fields *fields, struct arena *arena, struct reply *out)
{
    uint32_t count;
    const msgpack_object *array = field_array(fields, "replicas", &count);

    if (count > SCAN_ITEMS_MAX) {
        fields->failed = true;
        return;
    }
    out->replicas = arena_new(arena, count * sizeof *out->replicas);
    out->replica_count = count;
    for (uint32_t i = 0; i < count; i++)
        replica_view_read(&array[i], fields, arena, &out->replicas[i]);
    out->more = field_bool(fields, "more");
}

static void held_key_write(const struct held_key *held, struct buffer *out)
{
    pack_map(out, 4);
    write_name(out, "hash");
    write_bin(out, held->tree_key);
    write_name(out, "bucket");
    write_bin(out, held->bucket);
    write_name(out, "key");
    write_bin(out, held->key);
    write_name(out, "dots");
    pack_array(out, held->dot_count);
    for (uint32_t i = 0; i < held->dot_count; i++)
        write_dot(out, held->dots[i]);
}

void held_write(const struct reply *reply, struct buffer *out)
{
    pack_map(out, 3);
    write_name(out, "keys");
    pack_array(out, reply->held_count);
    for (uint32_t i = 0; i < reply->held_count; i++)
        held_key_write(&reply->held[i], out);
    write_name(out, "more");
    pack_bool(out, reply->more);
    write_name(out, "after");
    write_bin(out, reply->after);
}

static void held_key_read(const msgpack_object *value, struct fields *parent, struct arena *arena,
                          struct held_key *out)
{
    struct fields fields = fields_of(value);
    const msgpack_object *array;

    *out = (struct held_key){0};
    out->tree_key = field_bytes(&fields, "hash");
    out->bucket = field_bytes(&fields, "bucket");
    out->key = field_bytes(&fields, "key");
    array = field_array(&fields, "dots", &out->dot_count);
    out->dots = arena_new(arena, out->dot_count * sizeof *out->dots);
    for (uint32_t i = 0; i < out->dot_count; i++) {
        if (value_dot(&array[i], &out->dots[i]))
            fields.failed = true;
    }
    if (out->tree_key.size != TREE_KEY_SIZE)
        fields.failed = true;
    parent->failed |= fields.failed;
}

void held_read(struct fields *fields, struct arena *arena, struct reply *out)
{
    uint32_t count;
    const msgpack_object *array = field_array(fields, "keys", &count);

    if (count > SCAN_ITEMS_MAX) {
        fields->failed = true;
        return;
    }
    out->held = arena_new(arena, count * sizeof *out->held);
    out->held_count = count;
    for (uint32_t i = 0; i < count; i++)
        held_key_read(&array[i], fields, arena, &out->held[i]);
    out->more = field_bool(fields, "more");
    out->after = field_bytes(fields, "after");
}
