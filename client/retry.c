// SPDX-License-Identifier: Apache-2.0
#include "client/retry.h"

#include "base/err.h"

bool retry_is_read(enum method method)
{
    return method != METHOD_PUT && method != METHOD_DELETE && method != METHOD_BUCKET_SET &&
           method != METHOD_CLUSTER_INIT;
}

// Refused before anything was done about it.
static bool was_refused(const struct failure *failure)
{
    switch (failure->err) {
    case ERR_OVERLOADED:
    case ERR_SHUTDOWN:
    case ERR_NOT_SERVING:
    case ERR_NO_CLUSTER:
    case ERR_UNAVAILABLE:
        return failure->acks == 0;
    default:
        return false;
    }
}

// Complaints about the request itself, or of the store that would have taken it first: a node makes
// them before it acts.
static bool was_wrong(const struct failure *failure)
{
    switch (failure->err) {
    case ERR_INVALID:
    case ERR_TOO_LARGE:
    case ERR_NOT_FOUND:
    case ERR_PRECONDITION:
    case ERR_CLUSTER_EXISTS:
    case ERR_WRONG_CLUSTER:
    case ERR_TOKEN:
    case ERR_METHOD:
    case ERR_SIBLINGS:
    case ERR_DISK_FULL:
    case ERR_DAMAGED:
    case ERR_COLLISION:
    case ERR_READ_ONLY:
        return true;
    default:
        return false;
    }
}

bool failure_is_unknown(const struct failure *failure)
{
    if (retry_is_read(failure->method))
        return false;
    if (!failure->answered)
        return failure->sent;
    return !was_refused(failure) && !was_wrong(failure);
}

bool failure_is_retryable(const struct failure *failure)
{
    if (failure_is_unknown(failure))
        return false;
    if (!failure->answered)
        return failure->err == ERR_CONNECT || failure->err == ERR_CLOSED ||
               failure->err == ERR_PROTOCOL;
    if (failure->err == ERR_CLOSED) // between nodes
        return true;
    return was_refused(failure) && failure->err != ERR_NO_CLUSTER;
}

void retry_budget_init(struct retry_budget *budget)
{
    budget->thousandths = RETRY_BUDGET_START;
}

void retry_budget_earn(struct retry_budget *budget)
{
    budget->thousandths += RETRY_BUDGET_EARNED;
    if (budget->thousandths > RETRY_BUDGET_MAX)
        budget->thousandths = RETRY_BUDGET_MAX;
}

bool retry_budget_spend(struct retry_budget *budget)
{
    if (budget->thousandths < 1000)
        return false;
    budget->thousandths -= 1000;
    return true;
}

void patience_learn(struct patience *patience, uint64_t took_us)
{
    uint32_t took = took_us < INT32_MAX ? (uint32_t)took_us : INT32_MAX;
    uint32_t away = took > patience->mean_us ? took - patience->mean_us : patience->mean_us - took;

    if (!patience->known) {
        *patience = (struct patience){took, took / 2, true};
        return;
    }
    patience->deviation_us = patience->deviation_us - patience->deviation_us / 4 + away / 4;
    patience->mean_us = patience->mean_us - patience->mean_us / 8 + took / 8;
}

uint64_t patience_ms(const struct patience *patience, uint64_t least, uint64_t most)
{
    uint64_t ms = ((uint64_t)patience->mean_us + 4 * (uint64_t)patience->deviation_us) / 1000;

    if (!patience->known || ms > most)
        return most;
    return ms < least ? least : ms;
}

uint32_t retry_pause_ms(uint32_t attempts, struct rng *rng)
{
    uint32_t most = attempts < 6 ? 10U << attempts : RETRY_PAUSE_MS_MAX;

    if (most > RETRY_PAUSE_MS_MAX)
        most = RETRY_PAUSE_MS_MAX;
    return 1 + (uint32_t)rng_below(rng, most);
}
