// SPDX-License-Identifier: Apache-2.0
#include "client/bench/ledger.h"

#include "base/check.h"

#include <pthread.h>
#include <stdlib.h>

enum { LOCKS = 1024 };

struct line {
    uint32_t last;      // number given out last
    uint32_t batch;     // where the present batch began
    uint32_t under_way; // writes of it
    uint32_t oldest;    // see ledger_oldest
};

struct ledger {
    uint64_t keys;
    struct line *lines;
    pthread_mutex_t locks[LOCKS];
};

struct ledger *ledger_new(uint64_t keys)
{
    struct ledger *ledger = memory_new(sizeof *ledger);

    ledger->keys = keys;
    ledger->lines = memory_new(keys * sizeof *ledger->lines);
    for (unsigned i = 0; i < LOCKS; i++)
        check(pthread_mutex_init(&ledger->locks[i], NULL) == 0);
    return ledger;
}

void ledger_free(struct ledger *ledger)
{
    if (!ledger)
        return;
    for (unsigned i = 0; i < LOCKS; i++)
        (void)pthread_mutex_destroy(&ledger->locks[i]);
    free(ledger->lines);
    free(ledger);
}

// NULL: nothing is claimed of this key.
static struct line *line_lock(struct ledger *ledger, uint64_t key)
{
    if (key >= ledger->keys)
        return NULL;
    check(pthread_mutex_lock(&ledger->locks[key % LOCKS]) == 0);
    return &ledger->lines[key];
}

static void line_unlock(struct ledger *ledger, uint64_t key)
{
    check(pthread_mutex_unlock(&ledger->locks[key % LOCKS]) == 0);
}

struct claim ledger_begin(struct ledger *ledger, uint64_t key)
{
    struct line *line = line_lock(ledger, key);
    struct claim claim = {1, 1};

    if (!line)
        return claim;
    claim.number = ++line->last;
    if (line->under_way == 0)
        line->batch = claim.number;
    claim.batch = line->batch;
    line->under_way++;
    line_unlock(ledger, key);
    return claim;
}

void ledger_end(struct ledger *ledger, uint64_t key, struct claim claim, enum claim_end how)
{
    struct line *line = line_lock(ledger, key);

    if (!line)
        return;
    if (how == CLAIM_ACKNOWLEDGED && claim.batch > line->oldest)
        line->oldest = claim.batch;
    if (how != CLAIM_UNKNOWN)
        line->under_way--;
    line_unlock(ledger, key);
}

uint32_t ledger_oldest(struct ledger *ledger, uint64_t key)
{
    struct line *line = line_lock(ledger, key);
    uint32_t oldest;

    if (!line)
        return 0;
    oldest = line->oldest;
    line_unlock(ledger, key);
    return oldest;
}
