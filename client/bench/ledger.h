// SPDX-License-Identifier: Apache-2.0
// What this run's own writes have made certain, so that a read can be told to be too old. Pure but
// for a lock: all threads share one.
//
// Writes of a key are numbered from 1 as they begin. While any is under way they may take effect in
// any order: they are one batch. When a write of a batch is acknowledged, everything written before
// the batch began is overwritten: a read that begins afterwards, and sees nothing at least as
// new as the batch, is too old. A write whose outcome is unknown may take effect at any later time:
// it stays under way, and its batch never ends.
#ifndef CLIENT_BENCH_LEDGER_H
#define CLIENT_BENCH_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

struct ledger;

// For keys numbered 0..keys-1, 16 bytes each; of keys beyond that nothing is claimed.
struct ledger *ledger_new(uint64_t keys);
void ledger_free(struct ledger *ledger);

// A write that has begun.
struct claim {
    uint32_t number; // goes into its value
    uint32_t batch;  // the number of the first write of its batch
};

struct claim ledger_begin(struct ledger *ledger, uint64_t key);

enum claim_end { CLAIM_ACKNOWLEDGED, CLAIM_REFUSED, CLAIM_UNKNOWN };
void ledger_end(struct ledger *ledger, uint64_t key, struct claim claim, enum claim_end how);

// The lowest number that a read which begins now must see, in one of the values that it shows; 0:
// it need not see anything.
uint32_t ledger_oldest(struct ledger *ledger, uint64_t key);

#endif
