// SPDX-License-Identifier: Apache-2.0
// What is asked of the cluster: which keys there are, how large they are, and how often each is
// read and written. One workload serves two ways of looking:
//
//   expected   walk over all keys, each with its share of all reads and writes: no sampling noise
//   drawn      draw one operation after the other, as a client would
//
// A workload is made once and then only read, by many threads at once.
#ifndef SIM_WORKLOAD_WORKLOAD_H
#define SIM_WORKLOAD_WORKLOAD_H

#include "base/buffer.h"
#include "base/rng.h"

#include <stdbool.h>

#define WORKLOAD_KEYS_MAX UINT64_C(1000000000)

enum { WORKLOAD_CHUNK = 1024, TRACE_KEYS_MAX = 50 * 1000 * 1000 };

// X(name, word on the command line, what it is)
#define WORKLOAD_MAP(X)                                                                            \
    X(WORKLOAD_UNIFORM, "uniform", "every key as often as any other")                              \
    X(WORKLOAD_ZIPF, "zipf", "key of rank r with probability r^-theta / zeta(keys, theta)")        \
    X(WORKLOAD_SCRAMBLED, "zipf-scrambled",                                                        \
      "as YCSB's ScrambledZipfianGenerator: FNV-1a of a Zipf rank among 10^10 items, mod keys")    \
    X(WORKLOAD_HOTSPOT, "hotspot", "a share of operations on a share of keys, uniform in both")    \
    X(WORKLOAD_LATEST, "latest", "reads: Zipf by age, the newest key most; writes: new keys")      \
    X(WORKLOAD_TRACE, "trace", "a file of keys, one per line: as often as they stand in it")

enum workload_kind {
#define X(name, word, text) name,
    WORKLOAD_MAP(X)
#undef X
};

struct workload_setup {
    enum workload_kind kind;
    uint64_t keys;         // 1..WORKLOAD_KEYS_MAX; of a trace: set by workload_new
    double theta;          // zipf, zipf-scrambled, latest: 0..2
    double hot_operations; // hotspot: this share (0..1) of operations
    double hot_keys;       // on this share (0..1] of keys
    double read_share;     // 0..1
    uint32_t bytes_min;    // of a value: uniform between the two, fixed by the key's number
    uint32_t bytes_max;
    const char *trace_path; // trace; "-": standard input
};

struct workload;

// Reads the trace, if it is one. ERR_INVALID for values out of range, an empty or unreadable trace;
// `why` then says what, and what is allowed (a sentence without a full stop).
int workload_new(const struct workload_setup *setup, struct workload **out, struct buffer *why);
void workload_free(struct workload *workload);

// As given, with `keys` as it is.
const struct workload_setup *workload_setup(const struct workload *workload);

const char *workload_word(enum workload_kind kind);
// False when there is no such word.
bool workload_find(const char *word, enum workload_kind *out);

// True when the expected shares cannot be walked (zipf-scrambled has 10^10 ranks): draw instead.
bool workload_only_drawn(const struct workload *workload);

// --- Expected ------------------------------------------------------------------------------------

// Keys numbered from..from+count-1. Number 0 is the hottest of zipf, the last one of latest;
// hotspot's hot keys come first. Hashes spread them, so the order matters to nobody else.
struct workload_keys {
    uint64_t from;
    uint32_t count;                 // 1..WORKLOAD_CHUNK
    uint64_t hash[WORKLOAD_CHUNK];  // low half of the node's own key hash
    double reads[WORKLOAD_CHUNK];   // of all reads, the share that goes to this key
    double writes[WORKLOAD_CHUNK];  // of all writes
    uint32_t bytes[WORKLOAD_CHUNK]; // of the value
};

// Fills the hashes under a cluster's hash seed, with node/data/key.h: bucket "sim", the key's 8
// little-endian bytes, or the trace's text.
void workload_hash(const struct workload *workload, uint64_t seed, struct workload_keys *keys);

// Fills reads and writes (each adds up to 1 over all keys) and bytes. For a workload that is only
// drawn, reads and writes are 0. The writes of `latest`, each of a key of its own, are spread
// evenly over the keys there are.
void workload_expect(const struct workload *workload, struct workload_keys *keys);

// The hash of one key.
uint64_t workload_key_hash(const struct workload *workload, uint64_t seed, uint64_t key);

// --- Drawn ---------------------------------------------------------------------------------------

struct operation {
    uint64_t key; // 0..keys-1; with `latest` a write is of a key that is new
    bool write;
};

// The state of one client; `born` counts the keys that writes of `latest` have added (their numbers
// go on from `keys`). Reads of `latest` are of the newest `keys` keys.
struct workload_draw {
    struct rng rng;
    uint64_t born;
};

void workload_draw_init(struct workload_draw *draw, uint64_t seed);
struct operation workload_draw(const struct workload *workload, struct workload_draw *draw);

#endif
