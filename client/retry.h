// SPDX-License-Identifier: Apache-2.0
// Whether, and when, to try again. Pure.
#ifndef CLIENT_RETRY_H
#define CLIENT_RETRY_H

#include "base/rng.h"
#include "node/data/message.h"

// True for requests that change nothing, so that a node which has not answered may still be at work
// on one while another node is asked.
bool retry_is_read(enum method method);

// How an attempt failed.
struct failure {
    enum method method;
    int err;
    bool answered; // by the node; else by the way there
    bool sent;     // not answered: the node may have it
    uint32_t acks; // answered: replicas that have the write
};

// True when a put, delete or other change may have taken effect, or may still do so. Reads never
// do.
bool failure_is_unknown(const struct failure *failure);

// True when the same request may be tried again without any harm, and with some hope.
bool failure_is_retryable(const struct failure *failure);

enum {
    RETRY_ATTEMPTS_MAX = 6,     // that reach a node
    RETRY_BUDGET_START = 10000, // thousandths of a retry
    RETRY_BUDGET_EARNED = 100,  // by each request: 10 %
    RETRY_BUDGET_MAX = 50000,
    RETRY_PAUSE_MS_MAX = 400
};

// Retries that a client may still make. When many requests fail at once it runs dry, and the
// failures are passed on rather than multiplied.
struct retry_budget {
    uint32_t thousandths;
};

void retry_budget_init(struct retry_budget *budget);
void retry_budget_earn(struct retry_budget *budget);

// False when there is nothing left.
bool retry_budget_spend(struct retry_budget *budget);

// How long a read may take before another node is asked too: smoothed mean and deviation of what
// reads took, as for a segment of TCP (RFC 6298, section 2: mean + 4 deviations).
struct patience {
    uint32_t mean_us;
    uint32_t deviation_us;
    bool known;
};

void patience_learn(struct patience *patience, uint64_t took_us);

// In milliseconds, within least..most; `most` while nothing is known.
uint64_t patience_ms(const struct patience *patience, uint64_t least, uint64_t most);

// How long to wait before the attempt after `attempts` of them: uniform over 1..10 * 2^attempts ms
// ("full jitter"), at most RETRY_PAUSE_MS_MAX.
uint32_t retry_pause_ms(uint32_t attempts, struct rng *rng);

#endif
