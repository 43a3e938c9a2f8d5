// SPDX-License-Identifier: Apache-2.0
// A growable run of bytes, and a cursor that reads one. Stored and hashed layouts use fixed-width
// little-endian integers and LEB128 varints; trees that sort by bytes use big-endian ones.
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/bytes.h"
#include "base/slice.h"

struct buffer {
    uint8_t *data;
    size_t size;     // bytes in use
    size_t capacity; // bytes allocated
};

// A zeroed buffer is empty and ready.
void buffer_done(struct buffer *buffer);

// Makes room for `extra` more bytes where there is too little; buffer_reserve calls it.
void buffer_grow(struct buffer *buffer, size_t extra);

// Room for `extra` more bytes behind the ones in use; returns where they begin.
static inline uint8_t *buffer_reserve(struct buffer *buffer, size_t extra)
{
    if (extra > buffer->capacity - buffer->size || !buffer->data)
        buffer_grow(buffer, extra);
    return buffer->data + buffer->size;
}

static inline void buffer_add(struct buffer *buffer, const void *data, size_t size)
{
    if (size == 0)
        return;
    memcpy(buffer_reserve(buffer, size), data, size);
    buffer->size += size;
}

static inline void buffer_add_slice(struct buffer *buffer, struct slice slice)
{
    buffer_add(buffer, slice.data, slice.size);
}

// Integers: little-endian.
static inline void buffer_add_u8(struct buffer *buffer, uint8_t value)
{
    *buffer_reserve(buffer, 1) = value;
    buffer->size += 1;
}

static inline void buffer_add_u16(struct buffer *buffer, uint16_t value)
{
    bytes_put_u16(buffer_reserve(buffer, 2), value);
    buffer->size += 2;
}

static inline void buffer_add_u32(struct buffer *buffer, uint32_t value)
{
    bytes_put_u32(buffer_reserve(buffer, 4), value);
    buffer->size += 4;
}

static inline void buffer_add_u64(struct buffer *buffer, uint64_t value)
{
    bytes_put_u64(buffer_reserve(buffer, 8), value);
    buffer->size += 8;
}

// 1..10 bytes.
static inline void buffer_add_varint(struct buffer *buffer, uint64_t value)
{
    uint8_t *at = buffer_reserve(buffer, 10);
    size_t size = 0;

    while (value >= 0x80) {
        at[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    at[size++] = (uint8_t)value;
    buffer->size += size;
}

void buffer_add_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Drops the first `size` bytes (moves the rest).
void buffer_drop(struct buffer *buffer, size_t size);

// Empties; frees the memory when it has grown beyond `keep` bytes.
static inline void buffer_reset(struct buffer *buffer, size_t keep)
{
    buffer->size = 0;
    if (buffer->capacity > keep)
        buffer_done(buffer);
}

static inline struct slice buffer_slice(const struct buffer *buffer)
{
    return slice_of(buffer->data, buffer->size);
}

// Reads forward through bytes that may be anything. After the first read beyond the end `failed` is
// set, every further read gives 0 or an empty slice, and so the caller looks once, at the end.
struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct reader reader_of(struct slice slice)
{
    const uint8_t *end = slice.size ? slice.data + slice.size : slice.data; // NULL + 0 is undefined

    return (struct reader){slice.data, end, false};
}

static inline size_t reader_left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static inline struct slice reader_slice(struct reader *reader, uint64_t size)
{
    struct slice piece = {reader->at, (size_t)size};

    if (reader->failed || size > reader_left(reader)) {
        reader->failed = true;
        return (struct slice){0};
    }
    if (size)
        reader->at += size;
    return piece;
}

static inline uint8_t reader_u8(struct reader *reader)
{
    struct slice piece = reader_slice(reader, 1);

    return piece.size ? piece.data[0] : 0;
}

static inline uint16_t reader_u16(struct reader *reader)
{
    struct slice piece = reader_slice(reader, 2);

    return piece.size ? bytes_u16(piece.data) : 0;
}

static inline uint32_t reader_u32(struct reader *reader)
{
    struct slice piece = reader_slice(reader, 4);

    return piece.size ? bytes_u32(piece.data) : 0;
}

static inline uint64_t reader_u64(struct reader *reader)
{
    struct slice piece = reader_slice(reader, 8);

    return piece.size ? bytes_u64(piece.data) : 0;
}

// The rest of reader_varint: whatever is not one byte.
uint64_t reader_varint_long(struct reader *reader);

// Only the shortest spelling is accepted.
static inline uint64_t reader_varint(struct reader *reader)
{
    if (reader->at < reader->end && *reader->at < 0x80 && !reader->failed)
        return *reader->at++; // most are one byte
    return reader_varint_long(reader);
}

// True when nothing failed and nothing is left.
static inline bool reader_finished(const struct reader *reader)
{
    return !reader->failed && reader->at == reader->end;
}

#endif
