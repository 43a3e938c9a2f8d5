// SPDX-License-Identifier: Apache-2.0
// outage_main ENDPOINTS SECONDS: reads and writes some keys through 16 requests at a time, with
// r = w = quorum, and tells every second how it went:
//
//     SECOND OK FAILED LONGEST_MS P99_US
//
// where LONGEST_MS is the longest time within that second without any success. A failed request is
// named on standard error.
#include "base/histogram.h"
#include "base/rng.h"
#include "client/quorate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { WORKERS = 16, KEYS = 1000 };

struct outage;

struct worker {
    struct outage *outage;
    uint64_t began_us;
};

struct outage {
    uv_loop_t loop;
    uv_timer_t timer;
    struct quorate_client *client;
    struct rng rng;
    struct worker workers[WORKERS];
    uint32_t seconds;
    uint32_t second;
    uint64_t ok;
    uint64_t failed;
    uint64_t last_ok_us;
    uint64_t longest_us;
    struct histogram latency_us;
};

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000;
}

static void worker_next(struct worker *worker);

static void gap_note(struct outage *outage, uint64_t at_us)
{
    uint64_t gap = at_us - outage->last_ok_us;

    outage->longest_us = gap > outage->longest_us ? gap : outage->longest_us;
}

static void worker_answered(void *data, const struct quorate_result *result)
{
    struct worker *worker = data;
    struct outage *outage = worker->outage;
    uint64_t now = now_us();

    if (result->err) {
        outage->failed += 1;
        fprintf(stderr, "%s: %s (%s)\n", quorate_err_name(result->err), result->message,
                result->address);
    } else {
        outage->ok += 1;
        gap_note(outage, now);
        outage->last_ok_us = now;
    }
    histogram_add(&outage->latency_us, now - worker->began_us);
    if (outage->second < outage->seconds)
        worker_next(worker);
}

static void worker_next(struct worker *worker)
{
    struct outage *outage = worker->outage;
    char name[32];
    int size = snprintf(name, sizeof name, "k%u", (unsigned)rng_below(&outage->rng, KEYS));
    struct quorate_key key = {.key = quorate_bytes(name, (size_t)size)};
    struct quorate_put_options overwrite = {.blind = QUORATE_BLIND_OVERWRITE};

    worker->began_us = now_us();
    if (rng_below(&outage->rng, 2))
        quorate_get_start(outage->client, key, NULL, quorate_done(worker_answered, worker));
    else
        quorate_put_start(outage->client, key, quorate_text("a value of some bytes"), &overwrite,
                          quorate_done(worker_answered, worker));
}

static void second_over(uv_timer_t *timer)
{
    struct outage *outage = timer->data;

    gap_note(outage, now_us());
    printf("%u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", outage->second, outage->ok,
           outage->failed, outage->longest_us / 1000,
           histogram_quantile(&outage->latency_us, 9900));
    fflush(stdout);
    outage->ok = outage->failed = outage->longest_us = 0;
    outage->latency_us = (struct histogram){0};
    outage->second += 1;
    if (outage->second < outage->seconds)
        return;
    uv_timer_stop(timer);
    uv_close((uv_handle_t *)timer, NULL);
    quorate_close(outage->client);
}

int main(int argc, char **argv)
{
    static struct outage outage;

    if (argc != 3 || uv_loop_init(&outage.loop)) {
        fprintf(stderr, "outage_main ENDPOINTS SECONDS\n");
        return 2;
    }
    outage.seconds = (uint32_t)strtoul(argv[2], NULL, 10);
    rng_init(&outage.rng, 1);
    if (quorate_attach(&outage.loop, argv[1], NULL, &outage.client))
        return 2;
    outage.last_ok_us = now_us();
    for (int i = 0; i < WORKERS; i++) {
        outage.workers[i].outage = &outage;
        worker_next(&outage.workers[i]);
    }
    outage.timer.data = &outage;
    uv_timer_init(&outage.loop, &outage.timer);
    uv_timer_start(&outage.timer, second_over, 1000, 1000);
    uv_run(&outage.loop, UV_RUN_DEFAULT);
    return 0;
}
