// SPDX-License-Identifier: Apache-2.0
// Everything that the store writes, byte by byte. Integers are little-endian unless said otherwise;
// `varint` is LEB128 in its shortest spelling; a sum is XXH3-64 over the bytes named.
//
// A log segment begins with (64 bytes):
//
//      0  u64  sum of bytes 8..63
//      8  u32  0x47455351 ("QSEG")
//     12  u32  format, 1
//     16  u64  segment id, from 1
//     24  u64  store id: random, made with the first segment; the tree carries it too
//     32  u64  base: log position of the first byte behind this header
//     40  u64  previous end: where the segment before was cut; what lies behind it is void
//     48  u32  salt: random, drawn at each start
//     52  u32  0
//     56  u64  size of the file
//
// and then holds groups without gaps, each at segment offset 64 + position - base:
//
//      0  u64  sum of bytes 8..39 and the payload, padding included
//      8  u32  salt of the segment
//     12  u32  payload size, without padding
//     16  u64  segment id
//     24  u64  position of this group's first byte
//     32  u64  mark: what was on stable storage when the group was handed to the writer
//     40  payload: records; then zeros up to a multiple of 8
//
// Headers of segments and unused tails do not count in positions: the groups of all segments form
// one stream. Salt, segment id and position are under each sum, so what a reused file held before
// is no group: neither one of ours nor a value that somebody made to look like one.
//
// A log record:  u8 type, varint body size, body
//
//     LOG_APPLY     u64 low, u64 high, u8 bucket size, bucket, varint key size, key, delta
//                   (both sizes 0: the name is not known; then there are no versions)
//     LOG_REBUILD   the same with an object in place of the delta
//     LOG_EXPIRE    u64 low, u64 high, u64 wall_ms: versions expired by then are dropped
//     LOG_SHARDS    u32 shards
//     LOG_BORN      u32 shard
//     LOG_META      u8 name size, name, value
//     LOG_FILL_BEGIN   u32 shard, clock: start
//     LOG_FILL_ITEM    as LOG_REBUILD, then clock: context of the page, clock: dots. The cursor
//                      moves to this key.
//     LOG_FILL_PASS    16 bytes tree key, clock: context. What lies between the cursor and the key
//                      (included) is merged with nothing, and the cursor moves there.
//     LOG_FILL_END     u32 shard
//     LOG_ERASE        u32 shard
//
// A record of the tree:
//
//      0  u64  sum of the bytes from 8 on, seeded (record_seed) with its table and key, so that a
//              record found under another key is damaged as well
//      8  u8   format, 1
//      9  body
//
//     TREE_OBJECTS  u8 bucket size, bucket, u16 key size, key, object (object_encode)
//                   (both sizes 0: the name is not known; then there are no versions)
//     TREE_RESTS    no record: the value is empty
//     TREE_DOTS     16 bytes tree key; the tail: for each dot of it 20 bytes dot key, 16 tree key
//     TREE_CLOCKS   u8 flags, varint keys, varint bytes, varint expiring, u64 digest, clock;
//                   flags: 1: born; 2: the last fill goes on; 4: varint rests (not 0) follows:
//                   records with a rest; 8: then u8 fills (not 0) follows, and of each: u8 1 when
//                   its cursor has moved, 16 bytes cursor (zeros if not), clock: start
//     TREE_META     "position": u64 position covered, u64 store id, u8 clean
//                   "shards": u32; "unknown": 16 bytes tree key, ...; "m:" + name: value
#ifndef NODE_STORE_RECORD_H
#define NODE_STORE_RECORD_H

#include "node/data/key.h"
#include "node/data/object.h"
#include "node/store/tree.h"

enum {
    SEGMENT_HEADER_SIZE = 64,
    GROUP_HEADER_SIZE = 40,
    GROUP_ALIGN = 8,
    TREE_RECORD_HEADER_SIZE = 9,
    STORE_FORMAT = 1,
};

struct segment_header {
    uint64_t segment;
    uint64_t store;
    uint64_t base;
    uint64_t previous_end;
    uint64_t size; // of the file
    uint32_t salt;
};

void segment_header_put(const struct segment_header *header, uint8_t out[SEGMENT_HEADER_SIZE]);

// ERR_DAMAGED: no header of this segment id; ERR_STALE: one of a newer format.
int segment_header_read(struct slice bytes, uint64_t segment, struct segment_header *out);

struct group_header {
    uint64_t segment;
    uint64_t position;
    uint64_t mark;
    uint32_t size; // payload
    uint32_t salt;
};

// The whole size of a group with that much payload.
size_t group_size(size_t payload);

// Completes a group: `group` has group_size(header->size) bytes, payload and padding in place.
void group_seal(uint8_t *group, const struct group_header *header);

// Reads the group at the front of `bytes`. ERR_DAMAGED when there is none of this segment.
int group_read(struct slice bytes, const struct segment_header *segment, struct group_header *out,
               struct slice *out_payload);

enum log_type {
    LOG_APPLY = 1,
    LOG_REBUILD,
    LOG_EXPIRE,
    LOG_SHARDS,
    LOG_BORN,
    LOG_META,
    LOG_FILL_BEGIN,
    LOG_FILL_ITEM,
    LOG_FILL_PASS,
    LOG_FILL_END,
    LOG_ERASE,
};

struct log_record {
    enum log_type type;
    struct key key; // apply, rebuild, fill item (shard not set); expire: low and high only
    struct delta delta;
    struct object object;            // rebuild, fill item
    struct clock clock;              // fill begin: start; item, pass: the page's context
    struct clock dots;               // fill item
    uint8_t tree_key[TREE_KEY_SIZE]; // fill pass
    uint64_t wall_ms;
    uint32_t number;    // shards, shard
    struct slice name;  // meta
    struct slice value; // meta
};

// Appends one record.
void log_record_encode(const struct log_record *record, struct buffer *out);

// Reads one; slices point into the reader's bytes. ERR_PROTOCOL when malformed.
int log_record_decode(struct reader *reader, struct arena *arena, struct log_record *out);

uint64_t record_seed(enum tree_table table, struct slice key);

// Reserves the header at the end of `out`; returns where the record begins (an offset).
size_t record_begin(struct buffer *out);

// Puts the sum: `record` is a whole record, header included.
void record_seal(enum tree_table table, struct slice key, uint8_t *record, size_t size);

// Checks the sum and gives the body. ERR_DAMAGED; ERR_STALE for a newer format.
int record_open(enum tree_table table, struct slice key, struct slice record, struct slice *out);

// What stands before the object in the body of an object record.
void object_record_begin(const struct key *key, struct buffer *out);

struct object_record {
    struct slice bucket; // empty, and the key too: not known
    struct slice key;
    struct slice object; // still encoded
};

// ERR_DAMAGED when malformed.
int object_record_read(struct slice body, struct object_record *out);

// A fill that counts: what its keys have seen from the cursor on backwards.
struct fill {
    struct clock start;
    uint8_t cursor[TREE_KEY_SIZE]; // the last key passed
    bool moved;                    // there is one
};

enum { FILLS_MAX = 16 };

struct replica_record {
    bool born;
    bool filling;
    uint64_t keys;
    uint64_t bytes;
    uint64_t expiring;
    uint64_t digest;
    uint64_t rests;
    struct clock clock;
    struct fill fills[FILLS_MAX];
    uint32_t fill_count;
};

void replica_record_encode(const struct replica_record *record, struct buffer *out);

// Clocks are on the heap, the caller's. ERR_DAMAGED when malformed, nothing is left then.
int replica_record_decode(struct slice body, struct replica_record *out);
void replica_record_done(struct replica_record *record);

// Keys of TREE_DOTS; behind all of them stands the tail of the dot log.
enum { DOT_KEY_SIZE = 20 };
#define DOT_TAIL_NAME "\xff"

void dot_key(uint32_t shard, struct dot dot, uint8_t out[DOT_KEY_SIZE]);

#endif
