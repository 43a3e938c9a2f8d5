// SPDX-License-Identifier: Apache-2.0
// A growable run of bytes, and a cursor that reads one. Stored and hashed layouts use fixed-width
// little-endian integers and LEB128 varints; trees that sort by bytes use big-endian ones.
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/slice.h"

struct buffer {
    uint8_t *data;
    size_t size;     // bytes in use
    size_t capacity; // bytes allocated
};

// A zeroed buffer is empty and ready.
void buffer_done(struct buffer *buffer);

// Room for `extra` more bytes behind the ones in use; returns where they begin.
uint8_t *buffer_reserve(struct buffer *buffer, size_t extra);

void buffer_add(struct buffer *buffer, const void *data, size_t size);
void buffer_add_slice(struct buffer *buffer, struct slice slice);
void buffer_add_u8(struct buffer *buffer, uint8_t value);
void buffer_add_u16(struct buffer *buffer, uint16_t value);    // little-endian
void buffer_add_u32(struct buffer *buffer, uint32_t value);    // little-endian
void buffer_add_u64(struct buffer *buffer, uint64_t value);    // little-endian
void buffer_add_varint(struct buffer *buffer, uint64_t value); // 1..10 bytes
void buffer_add_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Drops the first `size` bytes (moves the rest).
void buffer_drop(struct buffer *buffer, size_t size);

// Empties; frees the memory when it has grown beyond `keep` bytes.
void buffer_reset(struct buffer *buffer, size_t keep);

static inline struct slice buffer_slice(const struct buffer *buffer)
{
    return slice_of(buffer->data, buffer->size);
}

// Integers at a place in memory.
void bytes_put_u16(uint8_t *at, uint16_t value);
void bytes_put_u32(uint8_t *at, uint32_t value);
void bytes_put_u64(uint8_t *at, uint64_t value);
uint16_t bytes_u16(const uint8_t *at);
uint32_t bytes_u32(const uint8_t *at);
uint64_t bytes_u64(const uint8_t *at);
void bytes_put_u64_big(uint8_t *at, uint64_t value);
uint64_t bytes_u64_big(const uint8_t *at);

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

uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
uint64_t reader_varint(struct reader *reader); // only the shortest spelling is accepted
struct slice reader_slice(struct reader *reader, uint64_t size);

// True when nothing failed and nothing is left.
bool reader_finished(const struct reader *reader);

#endif
