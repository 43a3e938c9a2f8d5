// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/queueing.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void turn_build(struct scheme *scheme)
{
    (void)scheme;
}

static uint16_t turn_first(const struct scheme *scheme, uint64_t hash)
{
    uint64_t at = hash % scheme->weight;
    uint16_t node = 0;

    while (at >= scheme->nodes[node].weight)
        at -= scheme->nodes[node++].weight;
    return node;
}

static void turn_locate(struct scheme *scheme, const struct scheme_batch *batch,
                        struct scheme_places *out)
{
    for (uint32_t i = 0; i < batch->count; i++)
        for (uint32_t copy = 0; copy < scheme->width; copy++) {
            uint32_t node = (turn_first(scheme, batch->hash[i]) + copy) % scheme->setup.node_count;

            out->owners[i * scheme->width + copy] = (uint16_t)node;
            if (copy >= scheme->setup.replicas && batch->hash[i] % 2)
                out->owners[i * scheme->width + copy] = SCHEME_NOBODY;
        }
}

static void boosted_open(struct scheme *scheme)
{
    scheme->width = scheme->setup.replicas + 1;
}

const struct scheme_kind queueing_turn = {
    .name = "turn", .build = turn_build, .locate = turn_locate};
const struct scheme_kind queueing_boosted = {
    .name = "boosted", .open = boosted_open, .build = turn_build, .locate = turn_locate};

struct queueing *queueing_new(uint32_t nodes, uint32_t n, const char *service)
{
    struct queueing *queueing = memory_new(sizeof *queueing);
    struct buffer why = {0};

    if (delay_read(service, &queueing->setup.service, &why) != 0)
        fail_msg("%s is no delay", service);
    buffer_done(&why);
    queueing->wants = (struct workload_setup){.kind = WORKLOAD_UNIFORM,
                                              .keys = 1000 * 1000,
                                              .read_share = 1,
                                              .bytes_min = 1,
                                              .bytes_max = 1};
    queueing->setup.requests = QUEUEING_REQUESTS;
    queueing->setup.load_count = 1;
    queueing->trial.kind = &queueing_turn;
    queueing->trial.nodes = nodes;
    queueing->trial.setup.replicas = n;
    queueing->trial.r = 1;
    queueing->trial.w = 1;
    queueing->trial.latency = &queueing->setup;
    return queueing;
}

void queueing_ask(struct queueing *queueing, double load, uint64_t seed)
{
    struct workload *workload;
    struct buffer why = {0};

    queueing->setup.loads[0] = load;
    assert_int_equal(workload_new(&queueing->wants, &workload, &why), 0);
    queueing->trial.workload = workload;
    findings_done(&queueing->found);
    question_latency(&queueing->trial, seed, &queueing->found);
    workload_free(workload);
    buffer_done(&why);
}

void queueing_free(struct queueing *queueing)
{
    delay_done(&queueing->setup.service);
    findings_done(&queueing->found);
    free(queueing);
}

const struct finding *queueing_find(const struct queueing *queueing, const char *subject,
                                    const char *metric)
{
    for (size_t i = 0; i < queueing->found.count; i++) {
        const struct finding *finding = &queueing->found.list[i];

        if (strcmp(finding->subject, subject) == 0 && strcmp(finding->metric, metric) == 0)
            return finding;
    }
    return NULL;
}

double queueing_found(const struct queueing *queueing, const char *subject, const char *metric)
{
    const struct finding *finding = queueing_find(queueing, subject, metric);

    if (!finding)
        fail_msg("no %s %s", subject, metric);
    return finding->value;
}
