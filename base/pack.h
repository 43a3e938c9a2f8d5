// SPDX-License-Identifier: Apache-2.0
// MessagePack maps with text keys, as small protocols use them. Writing takes the old spelling (raw
// for texts and bytes alike, the shortest unsigned integers), which every reader understands.
// Reading goes through msgpack-c, but only after a walk over the bytes that allocates nothing:
// msgpack-c reserves memory by declared counts, and a peer may declare 2^32 - 1 values.
#ifndef BASE_PACK_H
#define BASE_PACK_H

#include "base/buffer.h"

#include <msgpack.h>

enum { PACK_DEPTH_MAX = 8 };

// --- Writing -------------------------------------------------------------------------------------

void pack_map(struct buffer *out, uint32_t count);
void pack_array(struct buffer *out, uint32_t count);
void pack_u64(struct buffer *out, uint64_t value);
void pack_bool(struct buffer *out, bool value);
void pack_nil(struct buffer *out);
void pack_raw(struct buffer *out, struct slice bytes);
void pack_text(struct buffer *out, const char *text);

// A key and its value.
void pack_key_u64(struct buffer *out, const char *key, uint64_t value);
void pack_key_raw(struct buffer *out, const char *key, struct slice value);

// --- Reading -------------------------------------------------------------------------------------

// The head of a value: its first byte, and the length or count behind it.
struct pack_head {
    uint64_t size;   // bytes of the value without the values inside it
    uint64_t inside; // values inside it: twice the pairs of a map
};

// Reads a head only; the value's bytes need not be there. ERR_AGAIN when the head itself is not
// complete, ERR_PROTOCOL for the one byte that begins no value.
int pack_head_read(struct slice bytes, struct pack_head *out);

// The size of the first value in the bytes, nested at most PACK_DEPTH_MAX deep and made of at most
// `values_max` values (each key is one). ERR_AGAIN when it is not complete, ERR_TOO_LARGE beyond
// `values_max`, ERR_PROTOCOL when no further bytes could make it a value.
int pack_extent(struct slice bytes, uint32_t values_max, size_t *size);

// A value that was read, and owns its tree; texts and bytes in it point into the bytes read.
struct pack_value {
    msgpack_unpacked unpacked;
    size_t size; // bytes it took
};

// Reads the first value; errors as above. pack_value_done only after success.
int pack_value_read(struct slice bytes, uint32_t values_max, struct pack_value *out);
void pack_value_done(struct pack_value *value);

// Looks into a map. A key that is missing or nil gives 0 or an empty slice; a value of another
// type, or beyond its limit, does the same and sets `failed`, and so the caller looks once, at the
// end.
// Signed and unsigned spellings of an integer, and text and binary ones of bytes, are alike.
struct pack_fields {
    const msgpack_object *map;
    bool failed;
};

// `failed` from the start when it is no map.
struct pack_fields pack_fields_of(const msgpack_object *object);

uint64_t pack_field_u64(struct pack_fields *fields, const char *key, uint64_t max);
bool pack_field_bool(struct pack_fields *fields, const char *key);
struct slice pack_field_raw(struct pack_fields *fields, const char *key, size_t size_max);

// The elements of an array; NULL and 0 when missing.
const msgpack_object *pack_field_array(struct pack_fields *fields, const char *key, size_t *count);

#endif
