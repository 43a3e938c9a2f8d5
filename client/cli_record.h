// SPDX-License-Identifier: Apache-2.0
// Records in files: a line each, read by load and written by dump.
//
//   TSV    key TAB value; \t, \n, \r and \\ stand for a tab, a line feed, a carriage return and a
//          backslash, all other bytes for themselves
//   JSON   {"bucket": ..., "key": ..., "value": ...}; a member "encoding" (of the value),
//          "key_encoding" or "bucket_encoding" of "base64" says that the text is one;
//          "expires_ms" since 1970. Siblings are
//          "values": [{"value": ..., "encoding": ..., "expires_ms": ...}, ...]
#ifndef CLIENT_CLI_RECORD_H
#define CLIENT_CLI_RECORD_H

#include "base/buffer.h"
#include "client/quorate.h"

struct record_value {
    size_t at; // in the record's bytes
    size_t size;
    uint64_t expires_ms; // 0: never
};

enum { RECORD_VALUES_MAX = 128 };

struct record {
    struct buffer bytes; // of all that follows
    size_t bucket_size;  // 0: none named; at the start of bytes
    size_t key_at, key_size;
    struct record_value values[RECORD_VALUES_MAX];
    uint32_t count;
};

void record_done(struct record *record);

// Reads a line without its end. ERR_INVALID: `why` (size 160) says what is wrong.
int record_read_tsv(struct slice line, struct record *record, char why[160]);
int record_read_json(struct slice line, struct record *record, char why[160]);

// Slices and bytes of what was read; valid until the record is read again.
struct quorate_key record_key(const struct record *record);
struct quorate_bytes record_value(const struct record *record, uint32_t index);

// Appends a line. ERR_CONFLICT when there are siblings, which only JSON can tell.
int record_write_tsv(const struct quorate_item *item, struct buffer *out);
void record_write_json(const struct quorate_item *item, struct buffer *out);

#endif
