// SPDX-License-Identifier: Apache-2.0
// Names of keys, and values that can be told right from wrong: each says which key it was written
// under, by which run and with which number, and carries a checksum over all of it. Pure.
#ifndef CLIENT_BENCH_VALUE_H
#define CLIENT_BENCH_VALUE_H

#include "base/buffer.h"

enum {
    KEY_NAME_SIZE = 16, // "user" and twelve digits
    VALUE_HEADER = 32,  // bytes: u32 mark, u32 run, u64 key, u64 number, u64 checksum
    VALUES_EXTRA = 1 << 12,
    VALUE_SIZE_MAX = 64 << 20
};

#define KEY_NUMBER_MAX UINT64_C(999999999999)

void key_name(uint64_t key, uint8_t out[KEY_NAME_SIZE]);

// Sizes and contents of the values of a run.
struct values {
    uint32_t size_min, size_max; // bytes
    uint32_t run;                // told apart from other runs by this number
    uint8_t *filler;             // bytes that do not compress: size_max + VALUES_EXTRA of them
};

void values_init(struct values *values, uint32_t size_min, uint32_t size_max, uint32_t run);
void values_done(struct values *values);

// Bytes of the value of a key: uniform between the two, fixed by the key's number.
uint32_t values_size(const struct values *values, uint64_t key);

// Writes the value of a key: values_size bytes at `out`. One that is shorter than VALUE_HEADER is
// filler only.
void values_write(const struct values *values, uint64_t key, uint64_t number, uint8_t *out);

enum value_fault {
    VALUE_RIGHT,
    VALUE_FOREIGN,   // not written by any run of this program
    VALUE_TORN,      // the checksum does not match
    VALUE_OTHER_KEY, // written under another key
    VALUE_FAULTS
};

const char *value_fault_text(enum value_fault fault);

struct value_seen {
    enum value_fault fault;
    uint32_t run;    // when right
    uint64_t number; // when right
};

// Looks at what was read under a key.
struct value_seen value_look(struct slice value, uint64_t key);

#endif
