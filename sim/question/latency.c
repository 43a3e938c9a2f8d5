// SPDX-License-Identifier: Apache-2.0
// A run plays requests in the order of time. Two streams are merged: arrivals, and hedges that fall
// due (hedges.h). Queues are first come, first served and nothing is taken back, so a request knows
// on arrival when each of its nodes will answer; only a hedge, later, can make it earlier.
//
//   arrivals ──┬─▶ queues ─▶ times of reads (from the front) and writes (from the back)
//   hedges  ───┘     │
//      ▲─────────────┘ reads that will not be done in time
#include "sim/question/latency.h"

#include "base/check.h"
#include "sim/number/number.h"
#include "sim/question/hedges.h"
#include "sim/question/queues.h"
#include "sim/question/requests.h"
#include "sim/question/times.h"
#include "sim/question/work.h"

#include <assert.h>
#include <stdlib.h>

enum {
    SALT_WORK = 0x776f726b,
    SALT_LOAD = 0x6c6f6164,
    SALT_REQUESTS = 0x72657173,
    SALT_ARRIVALS = 0x61727276,
    SALT_CHOICES = 0x63686f69,
    SALT_SERVICE = 0x73657276,
    SALT_HEDGES = 0x68656467,
    WARM_UP = 10 // one request in so many, the first, is not counted
};

// The number of a read that is not.
#define NOT_COUNTED UINT32_MAX

static_assert(LATENCY_REQUESTS_MAX < NOT_COUNTED, "a read's number fits into a hedge");

// Random numbers for each purpose come from a stream of their own, so that hedging changes none of
// the others.
struct run {
    const struct latency_setup *setup;
    uint32_t width; // of a row of owners
    uint32_t r;
    uint32_t w;
    struct rng arrivals;
    struct rng choices;
    struct rng service;
    struct rng hedge_service;
    double gap; // mean ms between two requests
    struct queues queues;
    struct hedges hedges;
    double *times; // ms: `reads` of them from the front, `writes` up to the end
    size_t room;   // of times
    size_t reads;
    size_t writes;
    size_t hedged; // reads that were sent to one copy more
};

static void stream_init(struct rng *rng, uint64_t seed, uint64_t salt)
{
    rng_init(rng, rng_mix(seed ^ salt));
}

static void run_init(struct run *run, const struct trial *trial, const struct scheme *scheme,
                     uint64_t seed)
{
    const struct latency_setup *setup = trial->latency;

    *run = (struct run){.setup = setup, .width = scheme->width, .r = trial->r, .w = trial->w};
    stream_init(&run->arrivals, seed, SALT_ARRIVALS);
    stream_init(&run->choices, seed, SALT_CHOICES);
    stream_init(&run->service, seed, SALT_SERVICE);
    stream_init(&run->hedge_service, seed, SALT_HEDGES);
    queues_init(&run->queues, scheme);
    hedges_init(&run->hedges, setup->hedge_ms);
    run->room = setup->requests - setup->requests / WARM_UP;
    run->times = memory_grow(NULL, run->room * sizeof *run->times);
}

static void run_done(struct run *run)
{
    queues_done(&run->queues);
    hedges_done(&run->hedges);
    free(run->times);
}

// Asks nodes for one service each; fills the time until each answer, the fastest first.
static void ask(struct run *run, double now, const uint16_t *nodes, uint32_t count, double *answers)
{
    for (uint32_t i = 0; i < count; i++) {
        double service = delay_draw(&run->setup->service, &run->service);
        double answer = queues_ask(&run->queues, nodes[i], now, service);
        uint32_t place = i;

        for (; place > 0 && answers[place - 1] > answer; place--)
            answers[place] = answers[place - 1];
        answers[place] = answer;
    }
}

static void play_write(struct run *run, double now, const uint16_t *owners, bool counted)
{
    double answers[SCHEME_WIDTH_MAX];
    uint32_t copies = owners_count(owners, run->width);

    check(run->w <= copies);
    ask(run, now, owners, copies, answers);
    if (!counted)
        return;
    run->writes += 1;
    run->times[run->room - run->writes] = answers[run->w - 1];
}

// Brings `count` of the owners, chosen at random, to the front.
static void shuffle_front(struct rng *rng, uint16_t *owners, uint32_t copies, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t other = i + (uint32_t)rng_below(rng, copies - i);
        uint16_t owner = owners[i];

        owners[i] = owners[other];
        owners[other] = owner;
    }
}

static void play_read(struct run *run, double now, const uint16_t *row, bool counted)
{
    uint16_t owners[SCHEME_WIDTH_MAX];
    double answers[SCHEME_WIDTH_MAX];
    uint32_t copies = owners_count(row, run->width);
    uint32_t r = run->r;
    uint32_t wanted = r < copies ? r + 1 : r; // with the one that a hedge would ask
    struct hedge hedge = {.start = now, .read = NOT_COUNTED};

    check(r <= copies);
    for (uint32_t i = 0; i < copies; i++)
        owners[i] = row[i];
    if (run->setup->reads == LATENCY_SPREAD)
        shuffle_front(&run->choices, owners, copies, wanted);
    ask(run, now, owners, r, answers);
    if (counted) {
        hedge.read = (uint32_t)run->reads;
        run->times[run->reads++] = answers[r - 1];
    }
    if (run->setup->hedged && wanted > r && answers[r - 1] > run->setup->hedge_ms) {
        hedge.last = answers[r - 1];
        hedge.before = r > 1 ? answers[r - 2] : 0;
        hedge.node = owners[r];
        hedges_add(&run->hedges, &hedge);
    }
}

// Sends the hedges that fall due until then.
static void play_hedges(struct run *run, double until)
{
    struct hedge hedge;

    while (hedges_due(&run->hedges, until, &hedge)) {
        double service = delay_draw(&run->setup->service, &run->hedge_service);
        double answer =
            queues_ask(&run->queues, hedge.node, hedge.start + run->hedges.delay, service);

        if (hedge.read == NOT_COUNTED)
            continue;
        run->times[hedge.read] = hedge_outcome(&run->hedges, &hedge, answer);
        run->hedged += 1;
    }
}

static void run_play(struct run *run, struct requests *requests)
{
    uint64_t warm_up = run->setup->requests / WARM_UP;
    uint64_t played = 0;
    double now = 0;

    while (requests_next(requests))
        for (uint32_t i = 0; i < requests->count; i++) {
            const uint16_t *owners = requests_owners(requests, i);
            bool counted = played++ >= warm_up;

            now -= number_log(number_unit(&run->arrivals)) * run->gap;
            play_hedges(run, now);
            if (requests->operations[i].write)
                play_write(run, now, owners, counted);
            else
                play_read(run, now, owners, counted);
        }
    play_hedges(run, NUMBER_INFINITY);
}

static void tell(const struct run *run, double load, double read_share, struct findings *out)
{
    struct times_place place = {.at = load, .curve = true};

    place.subject = "reads";
    if (read_share > 0)
        times_find(out, place, run->times, run->reads);
    if (read_share > 0 && run->setup->hedged)
        findings_add(out, &(struct finding){.subject = "reads",
                                            .metric = "extra-requests",
                                            .at = load,
                                            .curve = true,
                                            .value = (double)run->hedged / (double)run->reads});
    place.subject = "writes";
    if (read_share < 1)
        times_find(out, place, run->times + run->reads, run->writes);
    place.subject = "requests";
    times_find(out, place, run->times, run->room);
}

// Requests arrive so that the work they make is `load` of what all nodes can do: as many services
// in the mean service time as there are nodes, the weights' mean being 1.
static void play_load(struct lookup *lookup, const struct work *work, unsigned number,
                      struct findings *out)
{
    const struct latency_setup *setup = lookup->trial->latency;
    double load = setup->loads[number];
    double service = delay_mean(&setup->service);
    uint64_t seed = rng_mix(rng_mix(lookup->seed ^ SALT_LOAD) + number);
    struct requests requests;
    struct run run;

    check(load > 0 && service > 0 && service < NUMBER_INFINITY);
    run_init(&run, lookup->trial, lookup->scheme, seed);
    run.gap = service * work->copies / (load * lookup->scheme->present);
    requests_init(&requests, lookup, rng_mix(seed ^ SALT_REQUESTS), setup->requests);
    run_play(&run, &requests);
    requests_done(&requests);
    tell(&run, load, workload_setup(lookup->trial->workload)->read_share, out);
    findings_add(out,
                 &(struct finding){
                     .metric = "busiest", .at = load, .curve = true, .value = load * work->peak});
    run_done(&run);
}

void question_latency(const struct trial *trial, uint64_t seed, struct findings *out)
{
    const struct latency_setup *setup = trial->latency;
    struct scheme *scheme = trial_scheme(trial, seed);
    struct lookup lookup;
    struct work work;

    check(setup->requests >= 1 && setup->requests <= LATENCY_REQUESTS_MAX);
    check(setup->load_count <= LATENCY_LOADS_MAX);
    lookup_init(&lookup, trial, scheme, seed);
    work = work_of(trial, &lookup, rng_mix(seed ^ SALT_WORK));
    for (unsigned i = 0; i < setup->load_count; i++)
        play_load(&lookup, &work, i, out);
    findings_add(out, &(struct finding){.metric = "max-load", .value = 1 / work.peak});
    lookup_done(&lookup);
    scheme_free(scheme);
}
