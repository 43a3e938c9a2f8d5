// SPDX-License-Identifier: Apache-2.0
#include "node/wire/value.h"

#include "base/err.h"
#include "base/pack.h"
#include "base/text.h"
#include "node/data/message.h"

#include <assert.h>

// ---- writing ------------------------------------------------------------------------------------

// Appends the head of a str or bin: `first` is the byte that begins the form with an 8-bit length.
static void write_head(struct buffer *out, uint8_t first, size_t size)
{
    unsigned form = size < 1u << 8 ? 0 : size < 1u << 16 ? 1 : 2;
    uint8_t *at = buffer_reserve(out, 5);

    *at++ = (uint8_t)(first + form);
    for (unsigned left = 1u << form; left--;)
        *at++ = (uint8_t)(size >> (8 * left));
    out->size = (size_t)(at - out->data);
}

void write_number(struct buffer *out, const char *name, uint64_t value)
{
    write_name(out, name);
    pack_u64(out, value);
}

void write_bin(struct buffer *out, struct slice bytes)
{
    write_head(out, 0xc4, bytes.size);
    buffer_add_slice(out, bytes);
}

static void write_text_head(struct buffer *out, size_t size)
{
    if (size < 32)
        buffer_add_u8(out, (uint8_t)(0xa0 | size));
    else
        write_head(out, 0xd9, size);
}

// From `from` on: bytes beyond ASCII become question marks, unless all is UTF-8.
static void make_utf8(struct buffer *out, size_t from)
{
    if (text_is_utf8(slice_of(out->data + from, out->size - from)))
        return;
    for (size_t i = from; i < out->size; i++) {
        if (out->data[i] >= 0x80)
            out->data[i] = '?';
    }
}

void write_text(struct buffer *out, struct slice text)
{
    write_text_head(out, text.size);
    buffer_add_slice(out, text);
    make_utf8(out, out->size - text.size);
}

void write_id(struct buffer *out, uint64_t id)
{
    uint8_t digits[TEXT_ID_SIZE];

    text_write_id(id, digits);
    pack_raw(out, slice_of(digits, sizeof digits));
}

void write_dot(struct buffer *out, struct dot dot)
{
    uint8_t text[TEXT_ID_SIZE + 1 + 20];
    uint8_t *at = text + sizeof text;

    if (dot.counter == 0) {
        pack_nil(out);
        return;
    }
    for (uint64_t left = dot.counter; left; left /= 10)
        *--at = (uint8_t)('0' + left % 10);
    *--at = ':';
    at -= TEXT_ID_SIZE;
    text_write_id(dot.actor, at);
    pack_raw(out, slice_of(at, (size_t)(text + sizeof text - at)));
}

void write_level(struct buffer *out, int level)
{
    static const char *const names[] = {"default", "one", "quorum", "all"};

    if (level >= 0)
        pack_u64(out, (uint64_t)level);
    else
        pack_text(out, names[-level - 1]);
}
static_assert(LEVEL_DEFAULT == -1 && LEVEL_ONE == -2 && LEVEL_QUORUM == -3 && LEVEL_ALL == -4,
              "the order of the names");

void write_error(struct buffer *out, int err, struct slice text)
{
    struct slice code = slice_of_text(err_code(err));
    size_t behind = text.size ? 1 + text.size : 0;

    write_text_head(out, code.size + behind);
    buffer_add_slice(out, code);
    if (behind)
        buffer_add_u8(out, ' ');
    buffer_add_slice(out, text);
    make_utf8(out, out->size - text.size);
}

// ---- reading ------------------------------------------------------------------------------------

int value_u64(const msgpack_object *value, uint64_t max, uint64_t *out)
{
    if (value->type != MSGPACK_OBJECT_POSITIVE_INTEGER || value->via.u64 > max)
        return ERR_INVALID;
    *out = value->via.u64;
    return 0;
}

int value_bool(const msgpack_object *value, bool *out)
{
    if (value->type != MSGPACK_OBJECT_BOOLEAN)
        return ERR_INVALID;
    *out = value->via.boolean;
    return 0;
}

int value_bytes(const msgpack_object *value, struct slice *out)
{
    if (value->type == MSGPACK_OBJECT_STR)
        *out = slice_of(value->via.str.ptr, value->via.str.size);
    else if (value->type == MSGPACK_OBJECT_BIN)
        *out = slice_of(value->via.bin.ptr, value->via.bin.size);
    else
        return ERR_INVALID;
    return 0;
}

int value_id(const msgpack_object *value, uint64_t *out)
{
    struct slice text;

    if (value_bytes(value, &text))
        return ERR_INVALID;
    return text_read_id(text, out);
}

static int read_decimal(struct slice digits, uint64_t *out)
{
    uint64_t number = 0;

    if (digits.size == 0 || digits.data[0] == '0')
        return ERR_INVALID;
    for (size_t i = 0; i < digits.size; i++) {
        uint8_t c = digits.data[i];

        if (c < '0' || c > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(c - '0'), &number))
            return ERR_INVALID;
    }
    *out = number;
    return 0;
}

int value_dot(const msgpack_object *value, struct dot *out)
{
    struct slice text;
    struct dot dot;

    if (value_bytes(value, &text) || text.size < TEXT_ID_SIZE + 2 || text.data[TEXT_ID_SIZE] != ':')
        return ERR_INVALID;
    if (text_read_id(slice_of(text.data, TEXT_ID_SIZE), &dot.actor) ||
        read_decimal(slice_of(text.data + TEXT_ID_SIZE + 1, text.size - TEXT_ID_SIZE - 1),
                     &dot.counter))
        return ERR_INVALID;
    *out = dot;
    return 0;
}

int value_level(const msgpack_object *value, int *out)
{
    struct slice text;
    uint64_t number;

    if (value_u64(value, REPLICAS_MAX, &number) == 0) {
        *out = (int)number;
        return 0;
    }
    if (value_bytes(value, &text))
        return ERR_INVALID;
    if (slice_is(text, "default")) {
        *out = LEVEL_DEFAULT;
        return 0;
    }
    return level_read(text, out);
}

void error_read(struct slice error, int *out_err, struct slice *out_text)
{
    const uint8_t *space = error.size ? memchr(error.data, ' ', error.size) : NULL;
    size_t code = space ? (size_t)(space - error.data) : error.size;

    *out_err = err_of_code((const char *)error.data, code);
    *out_text = space ? slice_of(space + 1, error.size - code - 1) : (struct slice){0};
    if (*out_err == ERR_INTERNAL && !slice_is(slice_of(error.data, code), "INTERNAL"))
        *out_text = error; // a code that we do not know is part of the sentence
}

// ---- fields -------------------------------------------------------------------------------------

struct fields fields_of(const msgpack_object *value)
{
    if (value->type != MSGPACK_OBJECT_MAP)
        return (struct fields){.failed = true};
    return (struct fields){.pairs = value->via.map.ptr, .count = value->via.map.size};
}

static bool key_is(const msgpack_object *key, const char *name)
{
    struct slice text;

    return value_bytes(key, &text) == 0 && slice_is(text, name);
}

const msgpack_object *field_find(struct fields *fields, const char *name)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        uint32_t place = fields->next + i;
        const msgpack_object_kv *pair;

        if (place >= fields->count)
            place -= fields->count;
        pair = &fields->pairs[place];
        if (key_is(&pair->key, name)) {
            fields->next = place + 1 < fields->count ? place + 1 : 0;
            return pair->val.type == MSGPACK_OBJECT_NIL ? NULL : &pair->val;
        }
    }
    return NULL;
}

uint64_t field_u64(struct fields *fields, const char *name, uint64_t max)
{
    const msgpack_object *value = field_find(fields, name);
    uint64_t number = 0;

    if (value && value_u64(value, max, &number))
        fields->failed = true;
    return number;
}

uint32_t field_u32(struct fields *fields, const char *name)
{
    return (uint32_t)field_u64(fields, name, UINT32_MAX);
}

bool field_bool(struct fields *fields, const char *name)
{
    const msgpack_object *value = field_find(fields, name);
    bool is = false;

    if (value && value_bool(value, &is))
        fields->failed = true;
    return is;
}

struct slice field_bytes(struct fields *fields, const char *name)
{
    const msgpack_object *value = field_find(fields, name);
    struct slice bytes = {0};

    if (value && value_bytes(value, &bytes))
        fields->failed = true;
    return bytes;
}

uint64_t field_id(struct fields *fields, const char *name)
{
    const msgpack_object *value = field_find(fields, name);
    uint64_t id = 0;

    if (value && value_id(value, &id))
        fields->failed = true;
    return id;
}

struct dot field_dot(struct fields *fields, const char *name)
{
    const msgpack_object *value = field_find(fields, name);
    struct dot dot = {0};

    if (value && value_dot(value, &dot))
        fields->failed = true;
    return dot;
}

void field_text(struct fields *fields, const char *name, char *out, size_t size)
{
    struct slice text = field_bytes(fields, name);

    if (text.size >= size || (text.size && memchr(text.data, 0, text.size))) {
        fields->failed = true;
        text.size = 0;
    }
    if (text.size)
        memcpy(out, text.data, text.size);
    out[text.size] = 0;
}

const msgpack_object *field_array(struct fields *fields, const char *name, uint32_t *out_count)
{
    const msgpack_object *value = field_find(fields, name);

    *out_count = 0;
    if (!value)
        return NULL;
    if (value->type != MSGPACK_OBJECT_ARRAY) {
        fields->failed = true;
        return NULL;
    }
    *out_count = value->via.array.size;
    return value->via.array.ptr;
}
