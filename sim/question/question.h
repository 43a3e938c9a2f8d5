// SPDX-License-Identifier: Apache-2.0
// The questions that `quorate-sim placement` answers. Each is a function of a trial and a seed that
// writes down what it finds (trial.h, finding.h); its header says which findings those are.
#ifndef SIM_QUESTION_QUESTION_H
#define SIM_QUESTION_QUESTION_H

#include "sim/question/trial.h"

// Which parameters of a trial make a difference to a question.
enum {
    QUESTION_USES_SCHEME = 1,   // nodes, replicas and those of the scheme
    QUESTION_USES_WORKLOAD = 2, // keys, theta, ...
    QUESTION_USES_R = 4,
    QUESTION_USES_W = 8,
    QUESTION_USES_LEGS = 16,
    QUESTION_USES_OPERATIONS = 32
};

struct question {
    const char *name;
    const char *text; // what it asks, half a sentence
    unsigned uses;
    void (*ask)(const struct trial *trial, uint64_t seed, struct findings *out);
};

// All, ending with a name of NULL, in the order in which they are asked.
extern const struct question questions[];

// Share of keys, bytes and requests per node and per shard: how even it is.
//
// Subjects "keys", "bytes", "reads", "writes", "load" (reads and writes by the read share), each
// with copies "1" (first owners only) and "all" (each copy; a read goes to r of them, so each of a
// key's c copies takes r/c of its reads). Metrics "peak/average", "min/average", "p99/average",
// "cv", "gini", "efficiency" over the nodes, each node's share divided by its fair share by weight;
// "share" at rank 1.. (curve): the nodes' shares over their fair ones, the fullest first. Subjects
// "shard-keys", "shard-load": the same over shards (ranges, partitions), without "share". Subject
// "hot-shard", metric "share" at rank 1..5: the hottest shards' shares of load, 0 where there are
// not so many; the note names the shard and its nodes. "reads" and "writes" only when the workload
// has such. With endless keys: subject "keys" only.
void question_balance(const struct trial *trial, uint64_t seed, struct findings *out);

// What a change of nodes moves. Events: "add[:K]", "remove[:K]", "fail[:K]", "reweigh[:F]" (the
// first node's weight times F, 2), "double", "to:M" (from the trial's nodes to M).
//
// For each event: subject "keys" and "bytes", copies "all": "moved": copies that must be made on
// nodes that had none, as a share of all copies; "minimum": the share that must be, for each node
// to hold its fair share (whole shards or random tokens may fall short of that, and so move less);
// "copied": their number or bytes. Copies "1": "moved": the share of keys whose first owner
// changed. Subjects "keys" and "load", copies "1" and "all": "peak/average" after the change. An
// event that the scheme does not know (doubling a rendezvous) gives "moved" as not a number.
void question_movement(const struct trial *trial, uint64_t seed, struct findings *out);

// Metadata in bytes ("metadata"); measured with the trial's clock, so never the same twice:
// "look-up" (ns per key, batches of SCHEME_BATCH_MAX, median of five), "rebuild" (ns to make the
// map again after a node was added).
void question_cost(const struct trial *trial, uint64_t seed, struct findings *out);

// False when the text is no event; `why` then says what is allowed.
bool movement_event_valid(const char *text, struct buffer *why);

// The same for an event, which is one, that so many nodes and replicas do not allow.
bool movement_event_fits(const char *text, uint32_t nodes, uint32_t replicas, struct buffer *why);

#endif
