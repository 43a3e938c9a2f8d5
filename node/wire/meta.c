// SPDX-License-Identifier: Apache-2.0
#include "node/wire/meta.h"

#include "base/check.h"
#include "base/err.h"
#include "base/pack.h"
#include "base/text.h"

#include <assert.h>

enum {
    META_VERSION = 1,
    META_FIELDS = 14,
    META_VALUES_MAX = 128, // room for what later versions add
    TOLD_VALUES_MAX = META_VIEWS_MAX * 16 + META_VALUES_MAX,
    // What the limits allow at worst: keys of 3 bytes, integers of 9 or 5, texts with a length of
    // up to 3 in front.
    WORST = 3 + META_FIELDS * 3 + 1 + 5 * 9 + 2 * 5 + 3 * (3 + META_NAME_MAX) +
            2 * (3 + META_ADDRESS_MAX) + 3 + META_BUILD_MAX
};
static_assert((int)WORST <= (int)META_SIZE_MAX, "the meta fits what gossip carries");
// A view at worst: five keys of 3 to 9 bytes, integers of 9.
static_assert(META_VIEWS_MAX * 79 + 256 <= 256 << 10, "the views fit the user state of gossip");

// --- Meta ----------------------------------------------------------------------------------------

// One row for each text: its key, where it lies in the struct, and its longest size.
static const struct {
    const char *key;
    size_t at;
    size_t max;
} texts[] = {
    {"nm", offsetof(struct node_meta, name), META_NAME_MAX},
    {"zo", offsetof(struct node_meta, zone), META_NAME_MAX},
    {"ho", offsetof(struct node_meta, host), META_NAME_MAX},
    {"ca", offsetof(struct node_meta, client_address), META_ADDRESS_MAX},
    {"pa", offsetof(struct node_meta, peer_address), META_ADDRESS_MAX},
    {"bu", offsetof(struct node_meta, build), META_BUILD_MAX},
};

enum { TEXTS = sizeof texts / sizeof texts[0] };

static void encode_number(struct buffer *out, const char *key, uint64_t value, uint32_t *fields)
{
    if (value == 0)
        return;
    pack_key_u64(out, key, value);
    ++*fields;
}

static void encode_texts(const struct node_meta *meta, struct buffer *out, uint32_t *fields)
{
    for (size_t i = 0; i < TEXTS; i++) {
        const char *text = (const char *)meta + texts[i].at;
        size_t size = strnlen(text, texts[i].max);

        if (size == 0)
            continue;
        pack_key_raw(out, texts[i].key, slice_of(text, size));
        ++*fields;
    }
}

void meta_encode(const struct node_meta *meta, struct buffer *out)
{
    struct buffer body = {0};
    uint32_t fields = 0;

    encode_number(&body, "v", META_VERSION, &fields);
    encode_number(&body, "id", meta->node_id, &fields);
    encode_number(&body, "ac", meta->actor, &fields);
    encode_number(&body, "cl", meta->cluster, &fields);
    encode_number(&body, "we", meta->weight, &fields);
    encode_number(&body, "ep", meta->epoch, &fields);
    encode_number(&body, "di", meta->digest, &fields);
    encode_number(&body, "sh", meta->shards, &fields);
    encode_texts(meta, &body, &fields);
    check(fields <= META_FIELDS);
    pack_map(out, fields);
    buffer_add_slice(out, buffer_slice(&body));
    check(body.size < META_SIZE_MAX);
    buffer_done(&body);
}

static void decode_texts(struct pack_fields *fields, struct node_meta *meta)
{
    for (size_t i = 0; i < TEXTS; i++) {
        struct slice text = pack_field_raw(fields, texts[i].key, texts[i].max);

        if (!text_is_printable(text))
            fields->failed = true;
        else if (text.size)
            memcpy((char *)meta + texts[i].at, text.data, text.size);
    }
}

static int decode(struct pack_fields *fields, struct node_meta *meta)
{
    uint64_t version = pack_field_u64(fields, "v", UINT32_MAX);

    meta->node_id = pack_field_u64(fields, "id", UINT64_MAX);
    meta->actor = pack_field_u64(fields, "ac", UINT64_MAX);
    meta->cluster = pack_field_u64(fields, "cl", UINT64_MAX);
    meta->weight = (uint32_t)pack_field_u64(fields, "we", UINT32_MAX);
    meta->epoch = pack_field_u64(fields, "ep", UINT64_MAX);
    meta->digest = pack_field_u64(fields, "di", UINT64_MAX);
    meta->shards = (uint32_t)pack_field_u64(fields, "sh", UINT32_MAX);
    decode_texts(fields, meta);
    return fields->failed || version == 0 || meta->node_id == 0 ? ERR_PROTOCOL : 0;
}

int meta_decode(struct slice bytes, struct node_meta *out)
{
    struct node_meta meta = {0};
    struct pack_value value;
    struct pack_fields fields;
    int err;

    if (bytes.size > META_SIZE_MAX || pack_value_read(bytes, META_VALUES_MAX, &value))
        return ERR_PROTOCOL;
    fields = pack_fields_of(&value.unpacked.data);
    err = value.size == bytes.size ? decode(&fields, &meta) : ERR_PROTOCOL;
    pack_value_done(&value);
    if (!err)
        *out = meta;
    return err;
}

int meta_decode_of(uint64_t node_id, struct slice bytes, struct node_meta *out)
{
    struct node_meta meta;
    int err = meta_decode(bytes, &meta);

    if (err || meta.node_id != node_id)
        return ERR_PROTOCOL;
    *out = meta;
    return 0;
}

// --- User state ----------------------------------------------------------------------------------

static void encode_load(const struct node_load *load, struct buffer *out, uint32_t *fields)
{
    encode_number(out, "id", load->node_id, fields);
    encode_number(out, "keys", load->keys, fields);
    encode_number(out, "bytes", load->bytes, fields);
    encode_number(out, "debt", load->unknown, fields);
    encode_number(out, "in_flight", load->in_flight, fields);
}

static void encode_view(const struct node_view *view, struct buffer *out)
{
    struct buffer body = {0};
    uint32_t fields = 0;

    encode_number(&body, "id", view->node_id, &fields);
    encode_number(&body, "age_ms", view->age_ms, &fields);
    encode_number(&body, "ack_ms", view->ack_age_ms, &fields);
    encode_number(&body, "rtt_ms", view->rtt_ms, &fields);
    encode_number(&body, "accusers", view->accusers, &fields);
    pack_map(out, fields);
    buffer_add_slice(out, buffer_slice(&body));
    buffer_done(&body);
}

void meta_encode_told(const struct node_load *load, const struct node_view *views, size_t count,
                      struct buffer *out)
{
    struct buffer body = {0};
    uint32_t fields = 1;

    check(count <= META_VIEWS_MAX);
    pack_key_u64(&body, "v", META_VERSION);
    encode_load(load, &body, &fields);
    pack_map(out, fields + 1);
    buffer_add_slice(out, buffer_slice(&body));
    buffer_done(&body);
    pack_text(out, "members");
    pack_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        encode_view(&views[i], out);
}

static void decode_load(struct pack_fields *fields, struct node_load *load)
{
    load->node_id = pack_field_u64(fields, "id", UINT64_MAX);
    load->keys = pack_field_u64(fields, "keys", UINT64_MAX);
    load->bytes = pack_field_u64(fields, "bytes", UINT64_MAX);
    load->unknown = pack_field_u64(fields, "debt", UINT64_MAX);
    load->in_flight = pack_field_u64(fields, "in_flight", UINT64_MAX);
}

static int decode_views(struct pack_fields *fields, struct node_view *views, size_t room,
                        size_t *count)
{
    uint64_t version = pack_field_u64(fields, "v", UINT32_MAX);
    size_t present;
    const msgpack_object *members = pack_field_array(fields, "members", &present);

    if (present > room)
        present = room;
    for (size_t i = 0; i < present && !fields->failed; i++) {
        struct pack_fields member = pack_fields_of(&members[i]);

        views[i].node_id = pack_field_u64(&member, "id", UINT64_MAX);
        views[i].age_ms = pack_field_u64(&member, "age_ms", UINT64_MAX);
        views[i].ack_age_ms = pack_field_u64(&member, "ack_ms", UINT64_MAX);
        views[i].rtt_ms = pack_field_u64(&member, "rtt_ms", UINT64_MAX);
        views[i].accusers = pack_field_u64(&member, "accusers", UINT64_MAX);
        fields->failed = member.failed;
    }
    if (fields->failed || version == 0)
        return ERR_PROTOCOL;
    *count = present;
    return 0;
}

int meta_decode_told(struct slice bytes, struct node_load *load, struct node_view *views,
                     size_t room, size_t *count)
{
    struct pack_value value;
    struct pack_fields fields;
    struct node_load own = {0};
    int err;

    if (pack_value_read(bytes, TOLD_VALUES_MAX, &value))
        return ERR_PROTOCOL;
    fields = pack_fields_of(&value.unpacked.data);
    decode_load(&fields, &own);
    err = decode_views(&fields, views, room, count);
    pack_value_done(&value);
    if (!err)
        *load = own;
    return err;
}
