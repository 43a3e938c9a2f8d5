// SPDX-License-Identifier: Apache-2.0
#include "sim/question/tally.h"

#include "base/check.h"

#include <stdlib.h>

const char *const subject_names[SUBJECTS] = {"keys", "bytes", "reads", "writes", "load"};
const char *const copies_names[COPIES] = {"1", "all"};

void tally_init(struct tally *tally, const struct trial *trial, struct scheme *scheme)
{
    uint32_t nodes = scheme->setup.node_count;

    *tally = (struct tally){.trial = trial, .scheme = scheme, .nodes = nodes};
    for (unsigned copies = 0; copies < COPIES; copies++)
        tally->node[copies] = memory_new(nodes * sizeof *tally->node[copies]);
    if (scheme->ranges)
        tally->range = memory_new(scheme->ranges->count * sizeof *tally->range);
}

void tally_done(struct tally *tally)
{
    for (unsigned copies = 0; copies < COPIES; copies++)
        free(tally->node[copies]);
    free(tally->range);
}

static void amount_add(struct amount *to, const struct amount *amount, double read_part)
{
    to->keys += amount->keys;
    to->bytes += amount->bytes;
    to->reads += amount->reads * read_part;
    to->writes += amount->writes;
}

static void add_to_nodes(struct tally *tally, const struct amount *amount, const uint16_t *owners)
{
    uint32_t width = tally->scheme->width;
    uint32_t count = 0;
    double read_part;

    while (count < width && owners[count] != SCHEME_NOBODY)
        count += 1;
    check(count > 0 && owners[0] < tally->nodes);
    amount_add(&tally->node[COPIES_ONE][owners[0]], amount, 1);
    read_part = (double)tally->trial->r / (double)count;
    for (uint32_t i = 0; i < count; i++)
        amount_add(&tally->node[COPIES_ALL][owners[i]], amount, read_part);
}

void tally_add(struct tally *tally, const struct amount *amount, const uint16_t *owners,
               uint32_t range)
{
    if (tally->range)
        amount_add(&tally->range[range], amount, 1);
    else
        add_to_nodes(tally, amount, owners);
}

struct amount amount_of_key(const struct key_walk *walk, uint32_t number)
{
    const struct workload_keys *keys = &walk->keys;
    struct amount amount = {.keys = 1, .bytes = keys->bytes[number]};

    if (walk->trial->operations == 0) {
        amount.reads = keys->reads[number];
        amount.writes = keys->writes[number];
    }
    return amount;
}

void tally_fold(struct tally *tally)
{
    const struct ranges *ranges = tally->scheme->ranges;

    for (uint32_t i = 0; ranges && i < ranges->count; i++)
        add_to_nodes(tally, &tally->range[i], ranges->owners + (size_t)i * ranges->width);
}

double amount_of(const struct trial *trial, const struct amount *amount, enum subject subject)
{
    switch (subject) {
    case SUBJECT_KEYS:
        return amount->keys;
    case SUBJECT_BYTES:
        return amount->bytes;
    case SUBJECT_READS:
        return amount->reads;
    case SUBJECT_WRITES:
        return amount->writes;
    default:
        return trial_load(trial, amount->reads, amount->writes);
    }
}

uint32_t tally_loads(const struct tally *tally, enum subject subject, enum copies copies,
                     double *loads, double *fair)
{
    uint32_t count = 0;
    double total = 0;

    for (uint32_t i = 0; i < tally->nodes; i++)
        total += amount_of(tally->trial, &tally->node[copies][i], subject);
    for (uint32_t i = 0; i < tally->nodes; i++) {
        double amount = amount_of(tally->trial, &tally->node[copies][i], subject);

        if (tally->scheme->nodes[i].weight == 0)
            continue;
        fair[count] = scheme_fair(tally->scheme, i);
        loads[count] = total > 0 ? amount / total / fair[count] : 0;
        count += 1;
    }
    return count;
}
