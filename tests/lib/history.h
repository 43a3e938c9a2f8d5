// SPDX-License-Identifier: Apache-2.0
// What clients did and were told, and whether a store that keeps its promises could have said so.
// One checker for the strict case (R + W > N, no guests), linear in time but for the siblings:
//
//   lost       a read misses a value whose put was acknowledged before the read began, and no write
//              that could have replaced it (one whose context had it) began before the read ended
//   returned   a read shows a value although a write whose context had it was acknowledged before
//              the read began: what was replaced or deleted came back
//   invented   a read shows a value that nobody had begun to write to this key before it ended
//   refused    a read shows a value although its put was answered "certainly had no effect"
//
// A write of unknown outcome may take effect at any later time or never.
#ifndef TESTS_LIB_HISTORY_H
#define TESTS_LIB_HISTORY_H

#include "base/buffer.h"

enum history_outcome { HISTORY_ACKNOWLEDGED, HISTORY_UNKNOWN, HISTORY_REFUSED };

// Every written value has a number of its own, from 1, unique over all keys.
struct history_write {
    uint32_t key;
    uint64_t value;       // 0: a delete
    const uint64_t *seen; // values that the context covers, as the reads and writes before told
    uint32_t seen_count;
    uint64_t began; // any clock that all clients share
    uint64_t ended;
    enum history_outcome outcome;
};

struct history_read {
    uint32_t key;
    const uint64_t *values;
    uint32_t count;
    uint64_t began;
    uint64_t ended;
};

struct history;

struct history *history_new(uint32_t keys, uint64_t values_max);
void history_free(struct history *history);

// Copies what it needs. Safe from several threads. The order of calls does not matter. A value
// outside 1..values_max in a read counts as invented.
void history_add_write(struct history *history, const struct history_write *write);
void history_add_read(struct history *history, const struct history_read *read);

struct history_verdict {
    uint64_t reads; // checked
    uint64_t lost;
    uint64_t returned;
    uint64_t invented;
    uint64_t refused;
};

// Checks the reads added since the last check against all writes; adds to the verdict. Call it when
// no client is at work, so that all writes are in; reads added later must have begun later.
// `report` gets a sentence for each of the first findings.
void history_check(struct history *history, struct history_verdict *verdict, struct buffer *report);

// True when nothing was found.
bool history_is_clean(const struct history_verdict *verdict);

#endif
