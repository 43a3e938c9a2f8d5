// SPDX-License-Identifier: Apache-2.0
// What a scheme costs those who use it: bytes to hold, time to look a key up, time to make the map
// again. Times are those of this machine and this code.
#include "base/check.h"
#include "base/rng.h"
#include "sim/number/summary.h"
#include "sim/question/question.h"

#include <stdlib.h>

enum { ROUNDS = 5, BATCHES = 256 };

// Nanoseconds for a key, in the median of some rounds.
static double look_up_ns(const struct trial *trial, struct scheme *scheme, uint64_t seed)
{
    static const double no_load[SCHEME_BATCH_MAX];
    uint64_t *hashes = memory_new((size_t)BATCHES * SCHEME_BATCH_MAX * sizeof *hashes);
    struct scheme_places places = {
        memory_new((size_t)SCHEME_BATCH_MAX * scheme->width * sizeof *places.owners), NULL};
    double times[ROUNDS];
    struct rng rng;

    rng_init(&rng, seed);
    for (uint32_t i = 0; i < BATCHES * SCHEME_BATCH_MAX; i++)
        hashes[i] = rng_u64(&rng);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t start = trial->clock_ns();

        scheme_begin(scheme, BATCHES * SCHEME_BATCH_MAX);
        for (uint32_t i = 0; i < BATCHES; i++) {
            struct scheme_batch batch = {SCHEME_BATCH_MAX, hashes + (size_t)i * SCHEME_BATCH_MAX,
                                         no_load, false};

            scheme_locate(scheme, &batch, &places);
        }
        times[round] = (double)(trial->clock_ns() - start) / (BATCHES * SCHEME_BATCH_MAX);
    }
    free(places.owners);
    free(hashes);
    return summary_of(times, ROUNDS).p50;
}

// Not a number where a node cannot be added.
static double rebuild_ns(const struct trial *trial, struct scheme *scheme, uint64_t seed)
{
    uint64_t start = trial->clock_ns();

    if (scheme_add(scheme, trial_node(trial, seed, scheme->setup.node_count), NULL))
        return __builtin_nan("");
    return (double)(trial->clock_ns() - start);
}

void question_cost(const struct trial *trial, uint64_t seed, struct findings *out)
{
    struct scheme *scheme = trial_scheme(trial, seed);

    findings_add(out, &(struct finding){.metric = "metadata",
                                        .unit = "bytes",
                                        .value = (double)scheme_metadata(scheme)});
    findings_add(out, &(struct finding){.metric = "look-up",
                                        .unit = "ns",
                                        .value = look_up_ns(trial, scheme, seed)});
    findings_add(out, &(struct finding){.metric = "rebuild",
                                        .unit = "ns",
                                        .value = rebuild_ns(trial, scheme, seed)});
    scheme_free(scheme);
}
