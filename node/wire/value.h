// SPDX-License-Identifier: Apache-2.0
// The values that the protocol is made of, for the files of this folder: how ids, dots, bytes and
// texts are spelled, and how the fields of a map are found.
#ifndef NODE_WIRE_VALUE_H
#define NODE_WIRE_VALUE_H

#include "node/data/clock.h"

#include <msgpack.h>

// ---- writing (base/pack.h has the rest) ---------------------------------------------------------

// The name of a field, shorter than 32 bytes: one append, whose size is known when compiled.
static inline void write_name(struct buffer *out, const char *name)
{
    size_t size = strlen(name);
    uint8_t *at = buffer_reserve(out, 1 + size);

    at[0] = (uint8_t)(0xa0 | size);
    memcpy(at + 1, name, size);
    out->size += 1 + size;
}

// A field with a number.
void write_number(struct buffer *out, const char *name, uint64_t value);

void write_bin(struct buffer *out, struct slice bytes);

// Text; what is not UTF-8 is made so, since strict readers would refuse the whole frame.
void write_text(struct buffer *out, struct slice text);

// 16 hex digits: JavaScript has no 64-bit integers.
void write_id(struct buffer *out, uint64_t id);

// "actor:counter", 16 hex digits and a decimal number; nil for no dot (counter 0).
void write_dot(struct buffer *out, struct dot dot);

// A number, or "one", "quorum", "all", "default".
void write_level(struct buffer *out, int level);

// "CODE text", the way errors travel.
void write_error(struct buffer *out, int err, struct slice text);

// ---- reading ------------------------------------------------------------------------------------

// All return 0 or ERR_INVALID.
int value_u64(const msgpack_object *value, uint64_t max, uint64_t *out);
int value_bool(const msgpack_object *value, bool *out);
int value_bytes(const msgpack_object *value, struct slice *out); // str or bin
int value_id(const msgpack_object *value, uint64_t *out);
int value_dot(const msgpack_object *value, struct dot *out);
int value_level(const msgpack_object *value, int *out); // "default" too

// The error behind a string of the error slot, and the text behind its code.
void error_read(struct slice error, int *out_err, struct slice *out_text);

// Finds fields of a map. A missing or nil field gives 0, false or an empty slice; one of another
// type or beyond its limit does the same and sets `failed`, and so the caller looks once, at the
// end. Unknown fields are passed over. Fields asked for in the order of writing are found at once.
struct fields {
    const msgpack_object_kv *pairs;
    uint32_t count;
    uint32_t next; // where the last one was found, plus one
    bool failed;
};

// `failed` from the start when it is no map.
struct fields fields_of(const msgpack_object *value);

// NULL when missing or nil.
const msgpack_object *field_find(struct fields *fields, const char *name);

uint64_t field_u64(struct fields *fields, const char *name, uint64_t max);
uint32_t field_u32(struct fields *fields, const char *name);
bool field_bool(struct fields *fields, const char *name);
struct slice field_bytes(struct fields *fields, const char *name);
uint64_t field_id(struct fields *fields, const char *name);
struct dot field_dot(struct fields *fields, const char *name);

// Copies a text of at most `size` - 1 bytes without NUL into `out` and ends it.
void field_text(struct fields *fields, const char *name, char *out, size_t size);

// The elements of an array; NULL and 0 when missing.
const msgpack_object *field_array(struct fields *fields, const char *name, uint32_t *out_count);

#endif
