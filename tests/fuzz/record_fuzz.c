// SPDX-License-Identifier: Apache-2.0
// Every layout that the store reads back. The first byte picks one. What is accepted is written
// again and must be the same bytes.
#include "base/check.h"
#include "base/err.h"
#include "node/store/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void log_records_try(struct slice bytes, struct arena *arena)
{
    struct reader reader = reader_of(bytes);
    struct log_record record;
    struct buffer again = {0};

    while (reader_left(&reader) > 0) {
        const uint8_t *from = reader.at;

        if (log_record_decode(&reader, arena, &record))
            break;
        again.size = 0;
        log_record_encode(&record, &again);
        check(slice_equal(buffer_slice(&again), slice_of(from, (size_t)(reader.at - from))));
    }
    buffer_done(&again);
}

static void object_record_try(struct slice bytes, struct arena *arena)
{
    struct object_record record;
    struct object object;
    struct reader reader;

    if (object_record_read(bytes, &record))
        return;
    reader = reader_of(record.object);
    (void)object_decode(&reader, arena, &object);
}

static void replica_record_try(struct slice bytes)
{
    struct replica_record record;
    struct buffer again = {0};

    if (replica_record_decode(bytes, &record) == 0) {
        replica_record_encode(&record, &again);
        check(slice_equal(buffer_slice(&again), bytes));
        replica_record_done(&record);
    }
    buffer_done(&again);
}

static void segment_try(struct slice bytes)
{
    struct segment_header header = {.segment = 1};
    struct group_header group;
    struct slice payload;

    (void)segment_header_read(bytes, 1, &header);
    if (group_read(bytes, &header, &group, &payload) == 0)
        check(payload.size == group.size && group_size(payload.size) <= bytes.size);
}

// A record whose sum is right, so that what stands behind the sum is looked at.
static void sealed_try(struct slice bytes)
{
    struct buffer record = {0};
    struct slice key = slice_of_text("key");
    struct slice body;

    if (bytes.size >= TREE_RECORD_HEADER_SIZE) {
        (void)record_open(TREE_META, key, bytes, &body);
        buffer_add_slice(&record, bytes);
        record_seal(TREE_META, key, record.data, record.size);
        check(record_open(TREE_META, key, buffer_slice(&record), &body) != ERR_DAMAGED);
        record.data[record.size - 1] ^= 1;
        check(record_open(TREE_META, key, buffer_slice(&record), &body) == ERR_DAMAGED);
    }
    buffer_done(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct slice rest = slice_of(data + (size > 0), size - (size > 0));

    switch (size ? data[0] % 5 : 0) {
    case 0:
        log_records_try(rest, &arena);
        break;
    case 1:
        object_record_try(rest, &arena);
        break;
    case 2:
        replica_record_try(rest);
        break;
    case 3:
        segment_try(rest);
        break;
    default:
        sealed_try(rest);
    }
    arena_done(&arena);
    return 0;
}
