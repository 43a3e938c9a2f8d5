// SPDX-License-Identifier: Apache-2.0
#include "base/pack.h"

#include "base/check.h"
#include "base/err.h"

static int packer_write(void *out, const char *bytes, size_t size)
{
    buffer_add(out, bytes, size);
    return 0;
}

static msgpack_packer packer_of(struct buffer *out)
{
    msgpack_packer packer;

    msgpack_packer_init(&packer, out, packer_write);
    return packer;
}

void pack_map(struct buffer *out, uint32_t count)
{
    msgpack_packer packer = packer_of(out);

    msgpack_pack_map(&packer, count);
}

void pack_array(struct buffer *out, uint32_t count)
{
    msgpack_packer packer = packer_of(out);

    msgpack_pack_array(&packer, count);
}

void pack_u64(struct buffer *out, uint64_t value)
{
    msgpack_packer packer = packer_of(out);

    msgpack_pack_uint64(&packer, value);
}

void pack_bool(struct buffer *out, bool value)
{
    msgpack_packer packer = packer_of(out);

    if (value)
        msgpack_pack_true(&packer);
    else
        msgpack_pack_false(&packer);
}

void pack_nil(struct buffer *out)
{
    msgpack_packer packer = packer_of(out);

    msgpack_pack_nil(&packer);
}

void pack_raw(struct buffer *out, struct slice bytes)
{
    msgpack_packer packer = packer_of(out);

    msgpack_pack_v4raw(&packer, bytes.size);
    msgpack_pack_v4raw_body(&packer, bytes.data, bytes.size);
}

void pack_text(struct buffer *out, const char *text)
{
    pack_raw(out, slice_of_text(text));
}

void pack_key_u64(struct buffer *out, const char *key, uint64_t value)
{
    pack_text(out, key);
    pack_u64(out, value);
}

void pack_key_raw(struct buffer *out, const char *key, struct slice value)
{
    pack_text(out, key);
    pack_raw(out, value);
}

// --- The walk ------------------------------------------------------------------------------------

// What a first byte of 0xc0..0xdf announces: what the length or count behind it counts, how many
// bytes that takes, and bytes of payload besides the ones that it counts.
enum announce { ANNOUNCE_FIXED, ANNOUNCE_BYTES, ANNOUNCE_VALUES, ANNOUNCE_PAIRS, ANNOUNCE_NEVER };

struct announcement {
    uint8_t kind;
    uint8_t length_size;
    uint8_t payload;
};

static const struct announcement announcements[32] = {
    {ANNOUNCE_FIXED, 0, 0},  {ANNOUNCE_NEVER, 0, 0},  {ANNOUNCE_FIXED, 0, 0}, // nil, -, false
    {ANNOUNCE_FIXED, 0, 0},                                                   // true
    {ANNOUNCE_BYTES, 1, 0},  {ANNOUNCE_BYTES, 2, 0},  {ANNOUNCE_BYTES, 4, 0}, // bin
    {ANNOUNCE_BYTES, 1, 1},  {ANNOUNCE_BYTES, 2, 1},  {ANNOUNCE_BYTES, 4, 1}, // ext
    {ANNOUNCE_FIXED, 0, 4},  {ANNOUNCE_FIXED, 0, 8},                          // float
    {ANNOUNCE_FIXED, 0, 1},  {ANNOUNCE_FIXED, 0, 2},                          // uint
    {ANNOUNCE_FIXED, 0, 4},  {ANNOUNCE_FIXED, 0, 8},                          //
    {ANNOUNCE_FIXED, 0, 1},  {ANNOUNCE_FIXED, 0, 2},                          // int
    {ANNOUNCE_FIXED, 0, 4},  {ANNOUNCE_FIXED, 0, 8},                          //
    {ANNOUNCE_FIXED, 0, 2},  {ANNOUNCE_FIXED, 0, 3},  {ANNOUNCE_FIXED, 0, 5}, // fixext
    {ANNOUNCE_FIXED, 0, 9},  {ANNOUNCE_FIXED, 0, 17},                         //
    {ANNOUNCE_BYTES, 1, 0},  {ANNOUNCE_BYTES, 2, 0},  {ANNOUNCE_BYTES, 4, 0}, // str
    {ANNOUNCE_VALUES, 2, 0}, {ANNOUNCE_VALUES, 4, 0},                         // array
    {ANNOUNCE_PAIRS, 2, 0},  {ANNOUNCE_PAIRS, 4, 0},                          // map
};

static uint64_t read_big(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;

    while (size--)
        value = value << 8 | *at++;
    return value;
}

int pack_head_read(struct slice bytes, struct pack_head *out)
{
    struct pack_head head = {1, 0};
    struct announcement announced;
    uint64_t length;
    uint8_t first;

    if (bytes.size == 0)
        return ERR_AGAIN;
    first = bytes.data[0];
    if (first >= 0x80 && first < 0xa0)
        head.inside = (uint64_t)(first & 0x0f) << (first < 0x90);
    else if (first >= 0xa0 && first < 0xc0)
        head.size += first & 0x1f;
    if (first < 0xc0 || first >= 0xe0) {
        *out = head;
        return 0;
    }
    announced = announcements[first & 0x1f];
    if (announced.kind == ANNOUNCE_NEVER)
        return ERR_PROTOCOL;
    if (bytes.size < 1u + announced.length_size)
        return ERR_AGAIN;
    length = read_big(bytes.data + 1, announced.length_size);
    head.size += announced.length_size + announced.payload;
    if (announced.kind == ANNOUNCE_BYTES)
        head.size += length;
    else if (announced.kind == ANNOUNCE_VALUES)
        head.inside = length;
    else if (announced.kind == ANNOUNCE_PAIRS)
        head.inside = length * 2;
    *out = head;
    return 0;
}

int pack_extent(struct slice bytes, uint32_t values_max, size_t *size)
{
    uint64_t open[PACK_DEPTH_MAX + 1] = {1}; // values still to come at each depth
    unsigned depth = 0;
    uint64_t announced = 1;
    struct slice rest = bytes;

    for (;;) {
        struct pack_head head;
        int err;

        while (open[depth] == 0) {
            if (depth == 0) {
                *size = bytes.size - rest.size;
                return 0;
            }
            depth--;
        }
        open[depth]--;
        err = pack_head_read(rest, &head);
        if (err)
            return err;
        if (head.size > rest.size)
            return ERR_AGAIN;
        rest = slice_of(rest.data + head.size, rest.size - head.size);
        announced += head.inside;
        if (announced > values_max)
            return ERR_TOO_LARGE;
        if (head.inside && depth == PACK_DEPTH_MAX)
            return ERR_PROTOCOL;
        if (head.inside)
            open[++depth] = head.inside;
    }
}

int pack_value_read(struct slice bytes, uint32_t values_max, struct pack_value *out)
{
    struct pack_value value;
    size_t at = 0;
    int err = pack_extent(bytes, values_max, &value.size);

    if (err)
        return err;
    msgpack_unpacked_init(&value.unpacked);
    if (msgpack_unpack_next(&value.unpacked, (const char *)bytes.data, value.size, &at) !=
            MSGPACK_UNPACK_SUCCESS ||
        at != value.size) {
        msgpack_unpacked_destroy(&value.unpacked);
        return ERR_PROTOCOL;
    }
    *out = value;
    return 0;
}

void pack_value_done(struct pack_value *value)
{
    msgpack_unpacked_destroy(&value->unpacked);
}

// --- Fields --------------------------------------------------------------------------------------

struct pack_fields pack_fields_of(const msgpack_object *object)
{
    bool is_map = object->type == MSGPACK_OBJECT_MAP;

    return (struct pack_fields){is_map ? object : NULL, !is_map};
}

static bool object_is_raw(const msgpack_object *object)
{
    return object->type == MSGPACK_OBJECT_STR || object->type == MSGPACK_OBJECT_BIN;
}

static struct slice object_raw(const msgpack_object *object)
{
    if (object->type == MSGPACK_OBJECT_STR)
        return slice_of(object->via.str.ptr, object->via.str.size);
    return slice_of(object->via.bin.ptr, object->via.bin.size);
}

// NULL when missing or nil. Of a key that stands twice the last one counts, as in Go.
static const msgpack_object *field_find(const struct pack_fields *fields, const char *key)
{
    const msgpack_object *found = NULL;

    if (!fields->map)
        return NULL;
    for (uint32_t i = 0; i < fields->map->via.map.size; i++) {
        const msgpack_object_kv *pair = &fields->map->via.map.ptr[i];

        if (object_is_raw(&pair->key) && slice_is(object_raw(&pair->key), key))
            found = &pair->val;
    }
    return found && found->type != MSGPACK_OBJECT_NIL ? found : NULL;
}

uint64_t pack_field_u64(struct pack_fields *fields, const char *key, uint64_t max)
{
    const msgpack_object *object = field_find(fields, key);

    if (!object)
        return 0;
    if (object->type != MSGPACK_OBJECT_POSITIVE_INTEGER || object->via.u64 > max) {
        fields->failed = true;
        return 0;
    }
    return object->via.u64;
}

bool pack_field_bool(struct pack_fields *fields, const char *key)
{
    const msgpack_object *object = field_find(fields, key);

    if (!object)
        return false;
    if (object->type != MSGPACK_OBJECT_BOOLEAN) {
        fields->failed = true;
        return false;
    }
    return object->via.boolean;
}

struct slice pack_field_raw(struct pack_fields *fields, const char *key, size_t size_max)
{
    const msgpack_object *object = field_find(fields, key);
    struct slice none = {0};

    if (!object)
        return none;
    if (!object_is_raw(object) || object_raw(object).size > size_max) {
        fields->failed = true;
        return none;
    }
    return object_raw(object);
}

const msgpack_object *pack_field_array(struct pack_fields *fields, const char *key, size_t *count)
{
    const msgpack_object *object = field_find(fields, key);

    *count = 0;
    if (!object)
        return NULL;
    if (object->type != MSGPACK_OBJECT_ARRAY) {
        fields->failed = true;
        return NULL;
    }
    *count = object->via.array.size;
    return object->via.array.ptr;
}
