// SPDX-License-Identifier: Apache-2.0
// Sums over the nodes of a cluster: what each holds and serves, with first owners alone and with
// every copy. Schemes of ranges are summed per range first (one addition for a key) and folded onto
// nodes at the end.
#ifndef SIM_QUESTION_TALLY_H
#define SIM_QUESTION_TALLY_H

#include "sim/number/summary.h"
#include "sim/question/trial.h"

enum subject { SUBJECT_KEYS, SUBJECT_BYTES, SUBJECT_READS, SUBJECT_WRITES, SUBJECT_LOAD, SUBJECTS };

// Which copies count.
enum copies { COPIES_ONE, COPIES_ALL, COPIES };

extern const char *const subject_names[SUBJECTS];
extern const char *const copies_names[COPIES];

// Shares of the whole: of keys and bytes (in their own units until the end), of reads and writes.
struct amount {
    double keys;
    double bytes;
    double reads;
    double writes;
};

struct tally {
    const struct trial *trial;
    struct scheme *scheme;
    uint32_t nodes;              // numbers that may own something
    struct amount *node[COPIES]; // of each node
    struct amount *range;        // of each range; NULL for schemes without
};

void tally_init(struct tally *tally, const struct trial *trial, struct scheme *scheme);
void tally_done(struct tally *tally);

// Adds one key (or, when no key is new, an operation): `owners` is its row; `range` its range when
// the scheme has ranges.
void tally_add(struct tally *tally, const struct amount *amount, const uint16_t *owners,
               uint32_t range);

// What a key of a walk is worth; where operations are drawn, these bring the reads and writes.
struct amount amount_of_key(const struct key_walk *walk, uint32_t number);

// After the last: folds ranges onto nodes.
void tally_fold(struct tally *tally);

// The loads of the nodes that are in the cluster, each over its fair share (1 is fair), and those
// shares; room for SCHEME_NODES_MAX. Returns their count.
uint32_t tally_loads(const struct tally *tally, enum subject subject, enum copies copies,
                     double *loads, double *fair);

// Of one subject, what an amount comes to.
double amount_of(const struct trial *trial, const struct amount *amount, enum subject subject);

#endif
