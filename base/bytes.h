// SPDX-License-Identifier: Apache-2.0
// Integers at a place in memory, wherever it is aligned: little-endian, or big-endian where bytes
// are sorted. Compilers make one instruction of each.
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdint.h>

static inline void bytes_put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void bytes_put_u32(uint8_t *at, uint32_t value)
{
    bytes_put_u16(at, (uint16_t)value);
    bytes_put_u16(at + 2, (uint16_t)(value >> 16));
}

static inline void bytes_put_u64(uint8_t *at, uint64_t value)
{
    bytes_put_u32(at, (uint32_t)value);
    bytes_put_u32(at + 4, (uint32_t)(value >> 32));
}

static inline uint16_t bytes_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t bytes_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t bytes_u64(const uint8_t *at)
{
    return bytes_u32(at) | (uint64_t)bytes_u32(at + 4) << 32;
}

static inline void bytes_put_u32_big(uint8_t *at, uint32_t value)
{
    bytes_put_u32(at, __builtin_bswap32(value));
}

static inline uint32_t bytes_u32_big(const uint8_t *at)
{
    return __builtin_bswap32(bytes_u32(at));
}

static inline void bytes_put_u64_big(uint8_t *at, uint64_t value)
{
    bytes_put_u64(at, __builtin_bswap64(value));
}

static inline uint64_t bytes_u64_big(const uint8_t *at)
{
    return __builtin_bswap64(bytes_u64(at));
}

#endif
