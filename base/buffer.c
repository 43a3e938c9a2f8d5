// SPDX-License-Identifier: Apache-2.0
#include "base/buffer.h"

#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUFFER_MIN = 64 };

void buffer_done(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t extra)
{
    size_t need = buffer->size + extra;
    size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_MIN;

    check(need >= extra);
    if (need > buffer->capacity) {
        while (capacity < need)
            capacity *= 2;
        buffer->data = memory_grow(buffer->data, capacity);
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->size;
}

void buffer_add(struct buffer *buffer, const void *data, size_t size)
{
    if (size == 0)
        return;
    memcpy(buffer_reserve(buffer, size), data, size);
    buffer->size += size;
}

void buffer_add_slice(struct buffer *buffer, struct slice slice)
{
    buffer_add(buffer, slice.data, slice.size);
}

void buffer_add_u8(struct buffer *buffer, uint8_t value)
{
    *buffer_reserve(buffer, 1) = value;
    buffer->size += 1;
}

void buffer_add_u16(struct buffer *buffer, uint16_t value)
{
    bytes_put_u16(buffer_reserve(buffer, 2), value);
    buffer->size += 2;
}

void buffer_add_u32(struct buffer *buffer, uint32_t value)
{
    bytes_put_u32(buffer_reserve(buffer, 4), value);
    buffer->size += 4;
}

void buffer_add_u64(struct buffer *buffer, uint64_t value)
{
    bytes_put_u64(buffer_reserve(buffer, 8), value);
    buffer->size += 8;
}

void buffer_add_varint(struct buffer *buffer, uint64_t value)
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
{
    va_list args;
    va_list again;
    int size;

    va_start(args, format);
    va_copy(again, args);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    check(size >= 0);
    vsnprintf((char *)buffer_reserve(buffer, (size_t)size + 1), (size_t)size + 1, format, again);
    va_end(again);
    buffer->size += (size_t)size;
}

void buffer_drop(struct buffer *buffer, size_t size)
{
    check(size <= buffer->size);
    if (size && size < buffer->size)
        memmove(buffer->data, buffer->data + size, buffer->size - size);
    buffer->size -= size;
}

void buffer_reset(struct buffer *buffer, size_t keep)
{
    buffer->size = 0;
    if (buffer->capacity > keep)
        buffer_done(buffer);
}

void bytes_put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

void bytes_put_u32(uint8_t *at, uint32_t value)
{
    bytes_put_u16(at, (uint16_t)value);
    bytes_put_u16(at + 2, (uint16_t)(value >> 16));
}

void bytes_put_u64(uint8_t *at, uint64_t value)
{
    bytes_put_u32(at, (uint32_t)value);
    bytes_put_u32(at + 4, (uint32_t)(value >> 32));
}

uint16_t bytes_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

uint32_t bytes_u32(const uint8_t *at)
{
    return bytes_u16(at) | (uint32_t)bytes_u16(at + 2) << 16;
}

uint64_t bytes_u64(const uint8_t *at)
{
    return bytes_u32(at) | (uint64_t)bytes_u32(at + 4) << 32;
}

void bytes_put_u64_big(uint8_t *at, uint64_t value)
{
    bytes_put_u64(at, __builtin_bswap64(value));
}

uint64_t bytes_u64_big(const uint8_t *at)
{
    return __builtin_bswap64(bytes_u64(at));
}

struct slice reader_slice(struct reader *reader, uint64_t size)
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

uint8_t reader_u8(struct reader *reader)
{
    struct slice piece = reader_slice(reader, 1);

    return piece.size ? piece.data[0] : 0;
}

uint16_t reader_u16(struct reader *reader)
{
    struct slice piece = reader_slice(reader, 2);

    return piece.size ? bytes_u16(piece.data) : 0;
}

uint32_t reader_u32(struct reader *reader)
{
    struct slice piece = reader_slice(reader, 4);

    return piece.size ? bytes_u32(piece.data) : 0;
}

uint64_t reader_u64(struct reader *reader)
{
    struct slice piece = reader_slice(reader, 8);

    return piece.size ? bytes_u64(piece.data) : 0;
}

uint64_t reader_varint(struct reader *reader)
{
    uint64_t value = 0;

    if (reader->at < reader->end && *reader->at < 0x80 && !reader->failed)
        return *reader->at++; // most are one byte
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = reader_u8(reader);
        bool overflow = shift == 63 && byte > 1;
        bool padded = shift > 0 && byte == 0;

        if (reader->failed || overflow || padded)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    reader->failed = true;
    return 0;
}

bool reader_finished(const struct reader *reader)
{
    return !reader->failed && reader->at == reader->end;
}
