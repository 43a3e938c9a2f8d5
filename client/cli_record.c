// SPDX-License-Identifier: Apache-2.0
#include "client/cli_record.h"

#include "base/err.h"
#include "base/text.h"
#include "client/cli_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

void record_done(struct record *record)
{
    buffer_done(&record->bytes);
}

static void record_reset(struct record *record)
{
    buffer_reset(&record->bytes, 1 << 20);
    record->bucket_size = 0;
    record->key_at = record->key_size = 0;
    record->count = 0;
}

struct quorate_key record_key(const struct record *record)
{
    return (struct quorate_key){
        quorate_bytes(record->bytes.data, record->bucket_size),
        quorate_bytes(record->bytes.data + record->key_at, record->key_size)};
}

struct quorate_bytes record_value(const struct record *record, uint32_t index)
{
    const struct record_value *value = &record->values[index];

    return quorate_bytes(record->bytes.data + value->at, value->size);
}

// ---- TSV ----------------------------------------------------------------------------------------

// The byte that stands for a byte behind a backslash, or 0.
static char escaped(uint8_t byte)
{
    static const char from[] = "\t\n\r\\", to[] = "tnr\\";
    const char *at = byte ? strchr(from, byte) : NULL;

    return at ? to[at - from] : 0;
}

static void field_write(struct quorate_bytes field, struct buffer *out)
{
    const uint8_t *bytes = field.data;

    for (size_t i = 0; i < field.size; i++) {
        char letter = escaped(bytes[i]);

        if (letter)
            buffer_add_u8(out, '\\');
        buffer_add_u8(out, letter ? (uint8_t)letter : bytes[i]);
    }
}

static int field_read(struct slice field, struct buffer *out, char why[160])
{
    static const char letters[] = "tnr\\", bytes[] = "\t\n\r\\";

    for (size_t i = 0; i < field.size; i++) {
        uint8_t byte = field.data[i];
        const char *at = NULL;

        if (byte == '\\' && i + 1 < field.size && field.data[i + 1])
            at = strchr(letters, field.data[i + 1]);
        if (byte == '\\' && !at) {
            (void)snprintf(why, 160, "a backslash stands before t, n, r or another backslash only");
            return ERR_INVALID;
        }
        buffer_add_u8(out, at ? (uint8_t)bytes[at - letters] : byte);
        i += at != NULL;
    }
    return 0;
}

int record_read_tsv(struct slice line, struct record *record, char why[160])
{
    const uint8_t *tab = line.size > 0 ? memchr(line.data, '\t', line.size) : NULL;
    size_t key_size = tab ? (size_t)(tab - line.data) : 0;
    struct record_value *value = &record->values[0];
    int err;

    if (key_size == 0) {
        (void)snprintf(why, 160, "%s",
                       tab ? "the key is empty"
                           : "no tab between key and value, and no JSON object");
        return ERR_INVALID;
    }
    record_reset(record);
    err = field_read(slice_of(line.data, key_size), &record->bytes, why);
    record->key_size = record->bytes.size;
    if (!err)
        err = field_read(slice_of(tab + 1, line.size - key_size - 1), &record->bytes, why);
    *value = (struct record_value){record->key_size, record->bytes.size - record->key_size, 0};
    record->count = err ? 0 : 1;
    return err;
}

int record_write_tsv(const struct quorate_item *item, struct buffer *out)
{
    if (item->value_count != 1)
        return ERR_CONFLICT;
    field_write(item->key.key, out);
    buffer_add_u8(out, '\t');
    field_write(item->values[0].value, out);
    buffer_add_u8(out, '\n');
    return 0;
}

// ---- JSON ---------------------------------------------------------------------------------------

struct json_reading {
    struct record *record;
    char *why;
};

static int complaint(struct json_reading *reading, const char *name, const char *what)
{
    (void)snprintf(reading->why, 160, "\"%s\" %s", name, what);
    return ERR_INVALID;
}

// Appends a member's bytes to the record's.
static int member_add(struct json_reading *reading, const json_t *object, const char *name,
                      const char *encoding_name)
{
    const json_t *member = json_object_get(object, name);
    const json_t *encoding = json_object_get(object, encoding_name);
    struct slice text;

    if (!json_is_string(member))
        return complaint(reading, name, member ? "is no string" : "is missing");
    text = slice_of(json_string_value(member), json_string_length(member));
    if (!encoding || (json_is_string(encoding) && !strcmp(json_string_value(encoding), "utf8"))) {
        buffer_add_slice(&reading->record->bytes, text);
        return 0;
    }
    if (!json_is_string(encoding) || strcmp(json_string_value(encoding), "base64") != 0)
        return complaint(reading, encoding_name, "is neither utf8 nor base64");
    if (text_read_base64(text, &reading->record->bytes))
        return complaint(reading, name, "is no base64");
    return 0;
}

static int value_add(struct json_reading *reading, const json_t *object)
{
    const json_t *expires = json_object_get(object, "expires_ms");
    struct record *record = reading->record;
    struct record_value *value = &record->values[record->count];
    int err;

    value->at = record->bytes.size;
    value->expires_ms = 0;
    err = member_add(reading, object, "value", "encoding");
    if (err)
        return err;
    value->size = record->bytes.size - value->at;
    if (json_is_integer(expires) && json_integer_value(expires) > 0)
        value->expires_ms = (uint64_t)json_integer_value(expires);
    else if (expires && !json_is_null(expires))
        return complaint(reading, "expires_ms", "is no number of milliseconds");
    record->count++;
    return 0;
}

static int values_add(struct json_reading *reading, const json_t *object)
{
    const json_t *values = json_object_get(object, "values");
    size_t count = json_array_size(values);
    int err = 0;

    if (!values)
        return value_add(reading, object);
    if (json_object_get(object, "value"))
        return complaint(reading, "values", "and \"value\" exclude each other");
    if (count == 0 || count > RECORD_VALUES_MAX)
        return complaint(reading, "values", "is no array of 1 to 128 values");
    for (size_t i = 0; i < count && !err; i++)
        err = value_add(reading, json_array_get(values, i));
    return err;
}

static int object_read(struct json_reading *reading, const json_t *object)
{
    struct record *record = reading->record;
    int err = 0;

    if (json_object_get(object, "bucket"))
        err = member_add(reading, object, "bucket", "bucket_encoding");
    record->bucket_size = record->bytes.size;
    record->key_at = record->bytes.size;
    if (!err)
        err = member_add(reading, object, "key", "key_encoding");
    record->key_size = record->bytes.size - record->key_at;
    if (!err && record->key_size == 0)
        err = complaint(reading, "key", "is empty");
    return err ? err : values_add(reading, object);
}

int record_read_json(struct slice line, struct record *record, char why[160])
{
    struct json_reading reading = {record, why};
    json_error_t error;
    json_t *root;
    int err;

    record_reset(record);
    root = json_loadb((const char *)line.data, line.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                      &error);
    if (!root) {
        (void)snprintf(why, 160, "column %d: %.120s", error.column, error.text);
        return ERR_INVALID;
    }
    if (json_is_object(root)) {
        err = object_read(&reading, root);
    } else {
        (void)snprintf(why, 160, "this is no JSON object");
        err = ERR_INVALID;
    }
    json_decref(root);
    return err;
}

static void value_write(const struct quorate_value *value, struct buffer *out)
{
    static const struct json_bytes how = {"value", "encoding", false};

    json_bytes(out, how, value->value);
    if (value->expires_ms)
        json_number(out, "expires_ms", value->expires_ms);
}

void record_write_json(const struct quorate_item *item, struct buffer *out)
{
    static const struct json_bytes bucket = {"bucket", "bucket_encoding", false};
    static const struct json_bytes key = {"key", "key_encoding", false};

    json_open(out, '{');
    json_bytes(out, bucket, item->key.bucket);
    json_bytes(out, key, item->key.key);
    if (item->value_count == 1) {
        value_write(&item->values[0], out);
    } else {
        json_name(out, "values");
        json_open(out, '[');
        for (size_t i = 0; i < item->value_count; i++) {
            json_comma(out);
            json_open(out, '{');
            value_write(&item->values[i], out);
            json_close(out, '}');
        }
        json_close(out, ']');
    }
    json_close(out, '}');
    buffer_add_u8(out, '\n');
}
