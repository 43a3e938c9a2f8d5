// SPDX-License-Identifier: Apache-2.0
// What clients do: kinds of operations in their shares, on keys that sim/workload draws. Pure.
#ifndef CLIENT_BENCH_MIX_H
#define CLIENT_BENCH_MIX_H

#include "sim/workload/workload.h"

// X(name, word, what it is)
#define OP_MAP(X)                                                                                  \
    X(OP_READ, "read", "a get")                                                                    \
    X(OP_WRITE, "write", "a put on a key that is there")                                           \
    X(OP_INSERT, "insert", "a put on a key that is new")                                           \
    X(OP_RMW, "rmw", "a get, then a put with the token that it gave")

enum op_kind {
#define X(name, word, text) name,
    OP_MAP(X)
#undef X
        OP_KINDS
};

const char *op_word(enum op_kind kind);

struct mix {
    double read_share;       // 0..1
    enum op_kind other;      // what the rest are
    enum workload_kind keys; // how keys are chosen unless told otherwise
};

enum { MIX_TEXT_MAX = 160 };

// The mix of "a", "b", "c", "d", "f" (Cooper et al., "Benchmarking Cloud Serving Systems with
// YCSB", 2010, table 2), "read", "write" or "mixed=P", P % reads. ERR_INVALID for another word;
// `why` then says what there is (a sentence without a full stop).
int mix_find(const char *word, struct mix *out, char why[MIX_TEXT_MAX]);

// What is done to which key.
struct op {
    enum op_kind kind;
    uint64_t key;
};

// Keys that inserts have made. A read of the latest keys goes to those whose insert has ended,
// together with all before it: else it would ask for what cannot be there yet.
enum { BIRTHS_WINDOW = 1 << 16 };

struct births {
    uint64_t issued;  // inserts begun
    uint64_t settled; // of them, ended without a gap
    uint64_t ended[BIRTHS_WINDOW / 64];
};

uint64_t births_begin(struct births *births); // its number, from 0
void births_end(struct births *births, uint64_t number);

// One thread's stream of operations. Each thread inserts keys of its own: its n-th is number keys +
// n * threads + thread.
struct mixer {
    const struct mix *mix;
    const struct workload *workload;
    uint32_t thread, threads;
    struct workload_draw draw;
    struct births births;
};

struct mixer_setup {
    const struct mix *mix;           // kept
    const struct workload *workload; // kept
    uint32_t thread, threads;
    uint64_t seed; // of all threads; each draws other numbers
};

void mixer_init(struct mixer *mixer, const struct mixer_setup *setup);
struct op mixer_draw(struct mixer *mixer);

// An insert has ended, well or not.
void mixer_inserted(struct mixer *mixer, uint64_t key);

#endif
