// SPDX-License-Identifier: Apache-2.0
#include "sim/question/requests.h"

#include "base/check.h"

#include <stdlib.h>

void requests_init(struct requests *requests, struct lookup *lookup, uint64_t seed, uint64_t total)
{
    requests->lookup = lookup;
    requests->left = total;
    requests->count = 0;
    requests->rows =
        memory_new((size_t)SCHEME_BATCH_MAX * lookup->scheme->width * sizeof *requests->rows);
    workload_draw_init(&requests->draw, seed);
}

void requests_done(struct requests *requests)
{
    free(requests->rows);
    requests->rows = NULL;
}

bool requests_next(struct requests *requests)
{
    const struct workload *workload = requests->lookup->trial->workload;
    uint64_t keys[SCHEME_BATCH_MAX];

    requests->count =
        requests->left < SCHEME_BATCH_MAX ? (uint32_t)requests->left : SCHEME_BATCH_MAX;
    if (requests->count == 0)
        return false;
    requests->left -= requests->count;
    for (uint32_t i = 0; i < requests->count; i++) {
        requests->operations[i] = workload_draw(workload, &requests->draw);
        keys[i] = requests->operations[i].key;
    }
    lookup_keys(requests->lookup, keys, requests->count, requests->rows);
    return true;
}

const uint16_t *requests_owners(const struct requests *requests, uint32_t i)
{
    return requests->rows + (size_t)i * requests->lookup->scheme->width;
}

uint32_t owners_count(const uint16_t *owners, uint32_t width)
{
    uint32_t count = 0;

    while (count < width && owners[count] != SCHEME_NOBODY)
        count += 1;
    return count;
}
