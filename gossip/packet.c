// SPDX-License-Identifier: Apache-2.0
#include "gossip/packet.h"

#include "base/check.h"
#include "base/err.h"
#include "base/pack.h"
#include "gossip/lzw.h"
#include "gossip/message.h"

enum { CRC_SIZE = 5, ALGORITHM_LZW = 0 };

// Half a byte at a time: 16 remainders instead of 256.
uint32_t packet_crc(struct slice bytes)
{
    static const uint32_t remainders[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= bytes.data[i];
        crc = crc >> 4 ^ remainders[crc & 15];
        crc = crc >> 4 ^ remainders[crc & 15];
    }
    return ~crc;
}

static uint32_t read_u32_big(const uint8_t *at)
{
    return __builtin_bswap32(bytes_u32(at));
}

int packet_decompress(struct slice message, size_t size_max, struct buffer *out)
{
    struct slice map = slice_of(message.data + 1, message.size - 1);
    struct pack_value value;
    struct pack_fields fields;
    struct slice packed;
    uint64_t algorithm;
    int err = pack_value_read(map, MESSAGE_VALUES_MAX, &value);

    if (err)
        return ERR_PROTOCOL;
    fields = pack_fields_of(&value.unpacked.data);
    algorithm = pack_field_u64(&fields, "Algo", UINT8_MAX);
    packed = pack_field_raw(&fields, "Buf", map.size);
    err = fields.failed || algorithm != ALGORITHM_LZW ? ERR_PROTOCOL : 0;
    if (!err)
        err = lzw_read(packed, size_max, out);
    if (!err && out->size == 0)
        err = ERR_PROTOCOL;
    pack_value_done(&value);
    return err;
}

static int open_message(struct slice message, unsigned depth, struct arena *arena,
                        struct packet *packet);

static int open_compressed(struct slice message, unsigned depth, struct arena *arena,
                           struct packet *packet)
{
    struct buffer plain = {0};
    int err = packet_decompress(message, PACKET_UNPACKED_MAX - packet->unpacked, &plain);

    packet->unpacked += plain.size;
    if (!err)
        err = open_message(arena_copy(arena, buffer_slice(&plain)), depth, arena, packet);
    buffer_done(&plain);
    return err;
}

// Whole parts are used even when the last one is cut short.
static int open_compound(struct slice message, unsigned depth, struct arena *arena,
                         struct packet *packet)
{
    struct reader reader = reader_of(message);
    struct reader sizes;
    int worst = 0;
    uint8_t count;

    reader_u8(&reader);
    count = reader_u8(&reader);
    sizes = reader_of(reader_slice(&reader, (uint64_t)count * PACKET_PART_OVERHEAD));
    for (uint8_t i = 0; i < count && !reader.failed; i++) {
        uint16_t size = __builtin_bswap16(reader_u16(&sizes));
        struct slice part = reader_slice(&reader, size);
        int err = reader.failed ? ERR_PROTOCOL : open_message(part, depth, arena, packet);

        worst = err ? err : worst;
    }
    return reader.failed ? ERR_PROTOCOL : worst;
}

static int open_message(struct slice message, unsigned depth, struct arena *arena,
                        struct packet *packet)
{
    if (message.size == 0 || depth == 0 || packet->count == PACKET_PARTS_READ)
        return ERR_PROTOCOL;
    if (message.data[0] == MESSAGE_COMPOUND)
        return open_compound(message, depth - 1, arena, packet);
    if (message.data[0] == MESSAGE_COMPRESSED)
        return open_compressed(message, depth - 1, arena, packet);
    packet->parts[packet->count++] = message;
    return 0;
}

static int open_checked(struct slice *datagram)
{
    struct slice inside;

    if (datagram->size <= CRC_SIZE)
        return ERR_PROTOCOL;
    inside = slice_of(datagram->data + CRC_SIZE, datagram->size - CRC_SIZE);
    if (read_u32_big(datagram->data + 1) != packet_crc(inside))
        return ERR_PROTOCOL;
    *datagram = inside;
    return 0;
}

int packet_open(struct slice datagram, struct arena *arena, struct packet *packet)
{
    packet->count = 0;
    packet->unpacked = 0;
    if (datagram.size && datagram.data[0] == MESSAGE_CHECKED) {
        int err = open_checked(&datagram);

        if (err)
            return err;
    }
    return open_message(datagram, PACKET_DEPTH_MAX, arena, packet);
}

static void seal_compound(const struct slice *parts, size_t count, struct buffer *out)
{
    buffer_add_u8(out, MESSAGE_COMPOUND);
    buffer_add_u8(out, (uint8_t)count);
    for (size_t i = 0; i < count; i++) {
        check(parts[i].size <= UINT16_MAX);
        buffer_add_u16(out, __builtin_bswap16((uint16_t)parts[i].size));
    }
    for (size_t i = 0; i < count; i++)
        buffer_add_slice(out, parts[i]);
}

void packet_compress(struct slice message, struct buffer *out)
{
    struct buffer packed = {0};

    lzw_write(message, &packed);
    buffer_add_u8(out, MESSAGE_COMPRESSED);
    pack_map(out, 2);
    pack_key_u64(out, "Algo", ALGORITHM_LZW);
    pack_key_raw(out, "Buf", buffer_slice(&packed));
    buffer_done(&packed);
}

// In place of the `size` bytes at the end.
static void compress_end(struct buffer *out, size_t size)
{
    struct buffer packed = {0};

    packet_compress(slice_of(out->data + out->size - size, size), &packed);
    if (packed.size < size) {
        out->size -= size;
        buffer_add_slice(out, buffer_slice(&packed));
    }
    buffer_done(&packed);
}

void packet_seal(const struct slice *parts, size_t count, unsigned form, struct buffer *out)
{
    size_t start = out->size;
    size_t inside;
    struct slice sealed;

    check(count >= 1 && count <= PACKET_PARTS_MAX);
    if (form & PACKET_CHECKED) {
        buffer_add_u8(out, MESSAGE_CHECKED);
        buffer_add_u32(out, 0);
    }
    inside = out->size;
    if (count == 1)
        buffer_add_slice(out, parts[0]);
    else
        seal_compound(parts, count, out);
    if (form & PACKET_COMPRESSED)
        compress_end(out, out->size - inside);
    if (!(form & PACKET_CHECKED))
        return;
    sealed = slice_of(out->data + inside, out->size - inside);
    bytes_put_u32(out->data + start + 1, __builtin_bswap32(packet_crc(sealed)));
}
