// SPDX-License-Identifier: Apache-2.0
// What differs from one run to the next: everything is a number with a name, drawn from the seed
// (swarm testing: Groce et al., ISSTA 2012: each kind of fault is left out with a probability of
// one half, sizes are shrunk, so that runs differ in what they can find). A run follows from its
// seed and the knobs that were set by hand.
#ifndef SIM_CHECK_KNOBS_H
#define SIM_CHECK_KNOBS_H

#include "base/buffer.h"

// X(NAME, name on the command line, least, most, what it is)
#define KNOB_MAP(X)                                                                                \
    X(NODES, "nodes", 1, 9, "nodes")                                                               \
    X(REPLICAS, "replicas", 1, 7, "copies of each shard, N")                                       \
    X(SHARDS, "shards", 1, 256, "shards, a power of two")                                          \
    X(SECONDS, "seconds", 1, 100000, "length of the phase with faults")                            \
    X(KEYS, "keys", 1, 4096, "keys")                                                               \
    X(CLIENTS, "clients", 1, 64, "clients")                                                        \
    X(OPEN, "open", 0, 64, "of these, so many ask without waiting for answers")                    \
    X(THINK_US, "think-us", 100, 10000000, "pause of a client between operations, on average")     \
    X(BURST, "burst", 0, 1, "1: all pauses are short for a while, then long")                      \
    X(READS, "reads", 0, 100, "percent of operations that read")                                   \
    X(DELETES, "deletes", 0, 100, "percent of writes that delete")                                 \
    X(BLIND, "blind", 0, 100, "percent of writes without a token")                                 \
    X(OVERWRITE, "overwrite", 0, 100, "percent of those that overwrite")                           \
    X(STALE, "stale", 0, 100, "percent of tokens that are old ones")                               \
    X(WEAK, "weak", 0, 100, "percent of operations with any level at all")                         \
    X(SLOPPY, "sloppy", 0, 100, "percent of operations that let guests stand in")                  \
    X(TTL, "ttl", 0, 100, "percent of puts that expire")                                           \
    X(ROAM, "roam", 0, 100, "percent of operations that go to any node, not the client's own")     \
    X(RETRIES, "retries", 0, 10, "how often a write of unknown outcome is tried again")            \
    X(W, "w", 1, 7, "least w of operations that are not weak")                                     \
    X(R, "r", 1, 7, "least r of operations that are not weak")                                     \
    X(TIMEOUT_MS, "timeout-ms", 50, 60000, "of requests")                                          \
    X(VALUE_BYTES, "value-bytes", 8, 4096, "of a value, at most")                                  \
    X(SEGMENT_KIB, "segment-kib", 16, 16384, "of the log")                                         \
    X(MEMTABLE_KIB, "memtable-kib", 4, 32768, "that start a checkpoint")                           \
    X(MEMTABLE_KEYS, "memtable-keys", 2, 100000, "the same, in keys")                              \
    X(DOT_LOG_KIB, "dot-log-kib", 1, 16384, "budget of the dot log")                               \
    X(SIBLINGS, "siblings", 2, 1000, "above which writes are refused")                             \
    X(OPERATIONS, "operations", 4, 4096, "in flight at a node")                                    \
    X(REPAIR_KIB, "repair-kib", 1, 1048576, "a second, of background work at a node")              \
    X(REPAIR_KEYS, "repair-keys", 1, 1000000, "a second, the same in keys")                        \
    X(DISK_US, "disk-us", 0, 1000000, "a write and its sync")                                      \
    X(TREE_US, "tree-us", 0, 10000000, "a checkpoint")                                             \
    X(DELAY_US, "delay-us", 1, 1000000, "of a message")                                            \
    X(TAIL_US, "tail-us", 0, 10000000, "of one message of 64, more than that")                     \
    X(BREAK_MS, "break-ms", 50, 60000, "until a silent link is given up")                          \
    X(DETECT_MS, "detect-ms", 50, 60000, "until a silent node is called dead")                     \
    X(GOSSIP_MS, "gossip-ms", 1, 10000, "until good news are everywhere")                          \
    X(FAULT_MS, "fault-ms", 10, 3600000, "between two faults, on average")                         \
    X(FAULT_LENGTH_MS, "fault-length-ms", 1, 3600000, "that a fault lasts, on average")            \
    X(LOSS, "loss", 0, 500000, "of a million messages, lost")                                      \
    X(DUPLICATE, "duplicate", 0, 500000, "of a million messages, twice")                           \
    X(REORDER, "reorder", 0, 1000000, "of a million messages, out of order")                       \
    X(CORRUPT, "corrupt", 0, 100000, "of a million messages, damaged")                             \
    FAULT_MAP(KNOB_OF_FAULT)

// Kinds of faults that happen now and then: weights of how often.
// X(NAME, name, what it is)
#define FAULT_MAP(X)                                                                               \
    X(KILL, "kill", "a process dies")                                                              \
    X(POWER, "power", "a machine loses its power and what it had not synced")                      \
    X(ALL_DOWN, "all-down", "all processes die at once")                                           \
    X(PAUSE, "pause", "a process stands still")                                                    \
    X(ONE_WAY, "one-way", "one direction between two nodes is cut")                                \
    X(HALVES, "halves", "the network falls into two parts")                                        \
    X(ISOLATE, "isolate", "a node is cut off")                                                     \
    X(BRIDGE, "bridge", "two parts see each other through one node only")                          \
    X(RING, "ring", "each node sees its neighbours only")                                          \
    X(SLOW_LINK, "slow-link", "messages between two nodes take much longer")                       \
    X(HALF_OPEN, "half-open", "a link passes nothing and nobody is told")                          \
    X(RESET, "reset", "a link breaks")                                                             \
    X(FALSE_DEATH, "false-death", "a living node is called dead")                                  \
    X(CLIENTS, "clients-cut", "clients cannot reach a node")                                       \
    X(SLOW_DISK, "slow-disk", "a disk takes much longer")                                          \
    X(STALL, "stall", "a disk does nothing for a while")                                           \
    X(FULL, "full", "a disk is full")                                                              \
    X(DISK_ERROR, "disk-error", "an operation of a disk fails")                                    \
    X(CLOCK, "clock", "a wall clock jumps")                                                        \
    X(ROT, "rot", "stored bytes change")                                                           \
    X(ROLLBACK, "rollback", "a disk goes back to an older image")                                  \
    X(EMPTY, "empty", "a disk is replaced by a new one")

#define KNOB_OF_FAULT(name, text, what) KNOB_FAULT(name, text, what)

enum fault_kind {
#define X(name, text, what) FAULT_##name,
    FAULT_MAP(X)
#undef X
        FAULT_KINDS
};

enum knob {
#define KNOB_FAULT(name, text, what) KNOB_FAULT_##name,
#define X(name, ...)                 KNOB_##name,
    KNOB_MAP(X)
#undef X
#undef KNOB_FAULT
        KNOBS
};

struct knobs {
    uint64_t at[KNOBS];
};

// What is set by hand: values over those drawn.
struct knobs_set {
    bool is[KNOBS];
    uint64_t to[KNOBS];
    bool only_faults;   // kinds that are not in `faults` are left out
    bool faults[KNOBS]; // by knob: the weights, and LOSS, DUPLICATE, REORDER, CORRUPT
};

// All knobs of a seed. The same ones for the same seed and `set`.
void knobs_draw(struct knobs *knobs, uint64_t seed, const struct knobs_set *set);

const char *knob_name(enum knob knob);
const char *knob_text(enum knob knob);

// "name=value"; ERR_INVALID, and why: a sentence.
int knobs_set_read(struct knobs_set *set, struct slice text, struct buffer *why);

// A list of kinds of faults, "all" or "none".
int knobs_faults_read(struct knobs_set *set, const char *text, struct buffer *why);

bool knob_is_fault(enum knob knob);

#endif
