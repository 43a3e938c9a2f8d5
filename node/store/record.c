// SPDX-License-Identifier: Apache-2.0
// Layouts and nothing else: what a record means is said where it is applied. Whatever is read here
// may be damaged or made by somebody else, so every size is compared before it is used.
#include "node/store/record.h"

#include "base/check.h"
#include "base/err.h"
#include "base/rng.h"

#include <xxhash.h>

enum { SEGMENT_MAGIC = 0x47455351 };

static uint64_t sum_of(const uint8_t *data, size_t size)
{
    return XXH3_64bits(data, size);
}

void segment_header_put(const struct segment_header *header, uint8_t out[SEGMENT_HEADER_SIZE])
{
    memset(out, 0, SEGMENT_HEADER_SIZE);
    bytes_put_u32(out + 8, SEGMENT_MAGIC);
    bytes_put_u32(out + 12, STORE_FORMAT);
    bytes_put_u64(out + 16, header->segment);
    bytes_put_u64(out + 24, header->store);
    bytes_put_u64(out + 32, header->base);
    bytes_put_u64(out + 40, header->previous_end);
    bytes_put_u32(out + 48, header->salt);
    bytes_put_u64(out + 56, header->size);
    bytes_put_u64(out, sum_of(out + 8, SEGMENT_HEADER_SIZE - 8));
}

int segment_header_read(struct slice bytes, uint64_t segment, struct segment_header *out)
{
    const uint8_t *at = bytes.data;
    struct segment_header header;

    if (bytes.size < SEGMENT_HEADER_SIZE || bytes_u32(at + 8) != SEGMENT_MAGIC ||
        bytes_u64(at) != sum_of(at + 8, SEGMENT_HEADER_SIZE - 8))
        return ERR_DAMAGED;
    if (bytes_u32(at + 12) > STORE_FORMAT)
        return ERR_STALE;
    header.segment = bytes_u64(at + 16);
    header.store = bytes_u64(at + 24);
    header.base = bytes_u64(at + 32);
    header.previous_end = bytes_u64(at + 40);
    header.salt = bytes_u32(at + 48);
    header.size = bytes_u64(at + 56);
    if (header.segment != segment || header.base < header.previous_end)
        return ERR_DAMAGED;
    *out = header;
    return 0;
}

size_t group_size(size_t payload)
{
    return GROUP_HEADER_SIZE + ((payload + GROUP_ALIGN - 1) & ~(size_t)(GROUP_ALIGN - 1));
}

void group_seal(uint8_t *group, const struct group_header *header)
{
    bytes_put_u32(group + 8, header->salt);
    bytes_put_u32(group + 12, header->size);
    bytes_put_u64(group + 16, header->segment);
    bytes_put_u64(group + 24, header->position);
    bytes_put_u64(group + 32, header->mark);
    bytes_put_u64(group, sum_of(group + 8, group_size(header->size) - 8));
}

int group_read(struct slice bytes, const struct segment_header *segment, struct group_header *out,
               struct slice *out_payload)
{
    const uint8_t *at = bytes.data;
    struct group_header header;

    // Cheap comparisons first: a search for groups tries this at every eighth byte.
    if (bytes.size < GROUP_HEADER_SIZE || bytes_u32(at + 8) != segment->salt ||
        bytes_u64(at + 16) != segment->segment)
        return ERR_DAMAGED;
    header.size = bytes_u32(at + 12);
    header.segment = segment->segment;
    header.salt = segment->salt;
    header.position = bytes_u64(at + 24);
    header.mark = bytes_u64(at + 32);
    if (group_size(header.size) > bytes.size ||
        bytes_u64(at) != sum_of(at + 8, group_size(header.size) - 8))
        return ERR_DAMAGED;
    *out = header;
    *out_payload = slice_of(at + GROUP_HEADER_SIZE, header.size);
    return 0;
}

static void key_encode(const struct key *key, struct buffer *out)
{
    buffer_add_u64(out, key->low);
    buffer_add_u64(out, key->high);
    buffer_add_u8(out, (uint8_t)key->bucket.size);
    buffer_add_slice(out, key->bucket);
    buffer_add_varint(out, key->key.size);
    buffer_add_slice(out, key->key);
}

static void body_encode(const struct log_record *record, struct buffer *out)
{
    switch (record->type) {
    case LOG_APPLY:
        key_encode(&record->key, out);
        delta_encode(&record->delta, out);
        break;
    case LOG_REBUILD:
        key_encode(&record->key, out);
        object_encode(&record->object, out);
        break;
    case LOG_EXPIRE:
        buffer_add_u64(out, record->key.low);
        buffer_add_u64(out, record->key.high);
        buffer_add_u64(out, record->wall_ms);
        break;
    case LOG_SHARDS:
    case LOG_BORN:
    case LOG_FILL_END:
    case LOG_ERASE:
        buffer_add_u32(out, record->number);
        break;
    case LOG_FILL_BEGIN:
        buffer_add_u32(out, record->number);
        clock_encode(&record->clock, out);
        break;
    case LOG_FILL_ITEM:
        key_encode(&record->key, out);
        object_encode(&record->object, out);
        clock_encode(&record->clock, out);
        clock_encode(&record->dots, out);
        break;
    case LOG_FILL_PASS:
        buffer_add_slice(out, slice_of(record->tree_key, TREE_KEY_SIZE));
        clock_encode(&record->clock, out);
        break;
    case LOG_FORGET:
        buffer_add_slice(out, slice_of(record->tree_key, TREE_KEY_SIZE));
        clock_encode(&record->dots, out);
        break;
    case LOG_META:
        buffer_add_u8(out, (uint8_t)record->name.size);
        buffer_add_slice(out, record->name);
        buffer_add_slice(out, record->value);
        break;
    }
}

// The body's size stands in front of it: the body is written behind room for the longest size and
// moved up.
void log_record_encode(const struct log_record *record, struct buffer *out)
{
    size_t start = out->size;
    size_t body;
    size_t size;
    size_t gap;

    buffer_add_u8(out, (uint8_t)record->type);
    buffer_reserve(out, 10);
    out->size += 10;
    body = out->size;
    body_encode(record, out);
    size = out->size - body;
    out->size = start + 1;
    buffer_add_varint(out, size);
    gap = body - out->size;
    memmove(out->data + out->size, out->data + out->size + gap, size);
    out->size += size;
}

static int key_decode(struct reader *reader, struct key *out)
{
    struct key key = {0};

    key.low = reader_u64(reader);
    key.high = reader_u64(reader);
    key.bucket = reader_slice(reader, reader_u8(reader));
    key.key = reader_slice(reader, reader_varint(reader));
    if (reader->failed || (key.bucket.size == 0) != (key.key.size == 0) ||
        key.key.size > KEY_SIZE_MAX)
        return ERR_PROTOCOL;
    *out = key;
    return 0;
}

static void tree_key_decode(struct reader *reader, uint8_t out[TREE_KEY_SIZE])
{
    struct slice key = reader_slice(reader, TREE_KEY_SIZE);

    if (!reader->failed)
        memcpy(out, key.data, TREE_KEY_SIZE);
}

static int apply_decode(struct reader *body, struct arena *arena, struct log_record *out)
{
    if (key_decode(body, &out->key) || delta_decode(body, arena, &out->delta))
        return ERR_PROTOCOL;
    return key_is_named(&out->key) || out->delta.count == 0 ? 0 : ERR_PROTOCOL;
}

static int rebuild_decode(struct reader *body, struct arena *arena, struct log_record *out)
{
    if (key_decode(body, &out->key) || object_decode(body, arena, &out->object))
        return ERR_PROTOCOL;
    return key_is_named(&out->key) || out->object.count == 0 ? 0 : ERR_PROTOCOL;
}

// The records that hold clocks, which live in the arena.
static int clocks_decode(struct reader *body, struct arena *arena, struct log_record *out)
{
    out->clock = clock_in(arena);
    out->dots = clock_in(arena);
    if (out->type == LOG_FILL_ITEM && rebuild_decode(body, arena, out))
        return ERR_PROTOCOL;
    if (out->type == LOG_FILL_BEGIN)
        out->number = reader_u32(body);
    if (out->type == LOG_FILL_PASS || out->type == LOG_FORGET)
        tree_key_decode(body, out->tree_key);
    if (out->type != LOG_FORGET && clock_decode(body, &out->clock))
        return ERR_PROTOCOL;
    if (out->type == LOG_FORGET || out->type == LOG_FILL_ITEM)
        return clock_decode(body, &out->dots);
    return 0;
}

static int body_decode(struct reader *body, struct arena *arena, struct log_record *out)
{
    switch (out->type) {
    case LOG_APPLY:
        return apply_decode(body, arena, out);
    case LOG_REBUILD:
        return rebuild_decode(body, arena, out);
    case LOG_FILL_BEGIN:
    case LOG_FILL_ITEM:
    case LOG_FILL_PASS:
    case LOG_FORGET:
        return clocks_decode(body, arena, out);
    case LOG_EXPIRE:
        out->key.low = reader_u64(body);
        out->key.high = reader_u64(body);
        out->wall_ms = reader_u64(body);
        return 0;
    case LOG_SHARDS:
    case LOG_BORN:
    case LOG_FILL_END:
    case LOG_ERASE:
        out->number = reader_u32(body);
        return 0;
    case LOG_META:
        out->name = reader_slice(body, reader_u8(body));
        out->value = reader_slice(body, reader_left(body));
        return 0;
    }
    return ERR_PROTOCOL;
}

int log_record_decode(struct reader *reader, struct arena *arena, struct log_record *out)
{
    struct log_record record = {.type = (enum log_type)reader_u8(reader)};
    struct reader body = reader_of(reader_slice(reader, reader_varint(reader)));

    if (reader->failed || body_decode(&body, arena, &record) || !reader_finished(&body))
        return ERR_PROTOCOL;
    *out = record;
    return 0;
}

uint64_t record_seed(enum tree_table table, struct slice key)
{
    return XXH3_64bits_withSeed(key.data, key.size, rng_mix(table));
}

size_t record_begin(struct buffer *out)
{
    size_t at = out->size;

    buffer_add_u64(out, 0);
    buffer_add_u8(out, STORE_FORMAT);
    return at;
}

void record_seal(enum tree_table table, struct slice key, uint8_t *record, size_t size)
{
    check(size >= TREE_RECORD_HEADER_SIZE);
    bytes_put_u64(record, XXH3_64bits_withSeed(record + 8, size - 8, record_seed(table, key)));
}

int record_open(enum tree_table table, struct slice key, struct slice record, struct slice *out)
{
    if (record.size < TREE_RECORD_HEADER_SIZE ||
        bytes_u64(record.data) !=
            XXH3_64bits_withSeed(record.data + 8, record.size - 8, record_seed(table, key)))
        return ERR_DAMAGED;
    if (record.data[8] != STORE_FORMAT)
        return ERR_STALE;
    *out = slice_of(record.data + TREE_RECORD_HEADER_SIZE, record.size - TREE_RECORD_HEADER_SIZE);
    return 0;
}

void object_record_begin(const struct key *key, struct buffer *out)
{
    buffer_add_u8(out, (uint8_t)key->bucket.size);
    buffer_add_slice(out, key->bucket);
    buffer_add_u16(out, (uint16_t)key->key.size);
    buffer_add_slice(out, key->key);
}

int object_record_read(struct slice body, struct object_record *out)
{
    struct reader reader = reader_of(body);
    struct object_record record;

    record.bucket = reader_slice(&reader, reader_u8(&reader));
    record.key = reader_slice(&reader, reader_u16(&reader));
    record.object = reader_slice(&reader, reader_left(&reader));
    if (reader.failed || (record.bucket.size == 0) != (record.key.size == 0))
        return ERR_DAMAGED;
    *out = record;
    return 0;
}

// ---------------------------------------------------------------- replicas

enum { REPLICA_BORN = 1, REPLICA_FILLING = 2, REPLICA_RESTS = 4, REPLICA_FILLS = 8 };

void replica_record_encode(const struct replica_record *record, struct buffer *out)
{
    buffer_add_u8(
        out,
        (uint8_t)((record->born ? REPLICA_BORN : 0) | (record->filling ? REPLICA_FILLING : 0) |
                  (record->rests ? REPLICA_RESTS : 0) | (record->fill_count ? REPLICA_FILLS : 0)));
    buffer_add_varint(out, record->keys);
    buffer_add_varint(out, record->bytes);
    buffer_add_varint(out, record->expiring);
    buffer_add_u64(out, record->digest);
    clock_encode(&record->clock, out);
    if (record->rests)
        buffer_add_varint(out, record->rests);
    if (record->fill_count)
        buffer_add_u8(out, (uint8_t)record->fill_count);
    for (uint32_t i = 0; i < record->fill_count; i++) {
        const struct fill *fill = &record->fills[i];

        buffer_add_u8(out, fill->moved);
        buffer_add_slice(out, slice_of(fill->cursor, TREE_KEY_SIZE));
        clock_encode(&fill->start, out);
    }
}

void replica_record_done(struct replica_record *record)
{
    clock_done(&record->clock);
    for (uint32_t i = 0; i < record->fill_count; i++)
        clock_done(&record->fills[i].start);
    record->fill_count = 0;
}

static int fill_decode(struct reader *reader, struct fill *out)
{
    static const uint8_t nothing[TREE_KEY_SIZE];
    uint8_t moved = reader_u8(reader);

    tree_key_decode(reader, out->cursor);
    out->moved = moved == 1;
    if (reader->failed || moved > 1 || (!moved && memcmp(out->cursor, nothing, TREE_KEY_SIZE) != 0))
        return ERR_DAMAGED;
    return clock_decode(reader, &out->start) ? ERR_DAMAGED : 0;
}

static int fills_decode(struct reader *reader, uint8_t flags, struct replica_record *out)
{
    uint8_t count = flags & REPLICA_FILLS ? reader_u8(reader) : 0;

    if (count > FILLS_MAX || (flags & REPLICA_FILLS && count == 0) ||
        (flags & REPLICA_FILLING && count == 0))
        return ERR_DAMAGED;
    for (uint8_t i = 0; i < count; i++) {
        // Counted first, so that it is freed with the others.
        out->fills[out->fill_count++] = (struct fill){0};
        if (fill_decode(reader, &out->fills[i]))
            return ERR_DAMAGED;
    }
    return reader_finished(reader) ? 0 : ERR_DAMAGED;
}

int replica_record_decode(struct slice body, struct replica_record *out)
{
    struct reader reader = reader_of(body);
    struct replica_record record = {0};
    uint8_t flags = reader_u8(&reader);
    int err = 0;

    record.born = flags & REPLICA_BORN;
    record.filling = flags & REPLICA_FILLING;
    record.keys = reader_varint(&reader);
    record.bytes = reader_varint(&reader);
    record.expiring = reader_varint(&reader);
    record.digest = reader_u64(&reader);
    if (flags >= 2 * REPLICA_FILLS || clock_decode(&reader, &record.clock))
        return ERR_DAMAGED;
    if (flags & REPLICA_RESTS) {
        record.rests = reader_varint(&reader);
        err = record.rests ? 0 : ERR_DAMAGED;
    }
    if (!err)
        err = fills_decode(&reader, flags, &record);
    if (err)
        replica_record_done(&record);
    else
        *out = record;
    return err;
}

static void put_u32_big(uint8_t *at, uint32_t value)
{
    bytes_put_u32(at, __builtin_bswap32(value));
}

void dot_key(uint32_t shard, struct dot dot, uint8_t out[DOT_KEY_SIZE])
{
    put_u32_big(out, shard);
    bytes_put_u64_big(out + 4, dot.actor);
    bytes_put_u64_big(out + 12, dot.counter);
}
