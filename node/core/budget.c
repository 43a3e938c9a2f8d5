// SPDX-License-Identifier: Apache-2.0
#include "node/core/budget.h"

#include <string.h>

enum {
    LOUD_FACTOR = 2,
    // A loud window moves the baseline less than a calm one: else a long repair would make its own
    // pressure look normal soon.
    CALM_SHIFT = 5,
    LOUD_SHIFT = 9,
    SECOND_US = 1000000
};

static uint64_t bounded(uint64_t rate)
{
    const uint64_t most = (uint64_t)1 << 40; // times a second in microseconds it fits 64 bits

    return rate == 0 ? 1 : rate > most ? most : rate;
}

void budget_init(struct budget *budget, uint64_t bytes_per_s, uint64_t keys_per_s, uint64_t now_us)
{
    memset(budget, 0, sizeof *budget);
    budget->bytes_per_s = bounded(bytes_per_s);
    budget->keys_per_s = bounded(keys_per_s);
    budget->steps = BUDGET_STEPS;
    budget->filled_us = now_us;
    budget->judged_us = now_us;
}

static uint64_t less(uint64_t spent, uint64_t back)
{
    return spent > back ? spent - back : 0;
}

void budget_fill(struct budget *budget, uint64_t now_us)
{
    uint64_t us = now_us > budget->filled_us ? now_us - budget->filled_us : 0;

    budget->filled_us += us;
    if (us > SECOND_US)
        us = SECOND_US; // the bucket is full by then, or nothing was asked of it
    us = us * budget->steps / BUDGET_STEPS;
    budget->bytes_spent = less(budget->bytes_spent, budget->bytes_per_s * us);
    budget->keys_spent = less(budget->keys_spent, budget->keys_per_s * us);
}

static uint64_t nearer(uint64_t from, uint64_t to, unsigned shift)
{
    if (to > from)
        return from + (((to - from) >> shift) ? (to - from) >> shift : 1);
    return from - ((from - to) >> shift);
}

static void judge(struct budget *budget, const struct histogram *window)
{
    uint64_t p99 = histogram_quantile(window, 9900);
    bool known = window->count >= BUDGET_SAMPLES_MIN;
    bool loud = known && budget->baseline_us && p99 > LOUD_FACTOR * budget->baseline_us;

    if (loud) {
        budget->steps = budget->steps > 1 ? budget->steps / 2 : 1;
        budget->loud += 1;
    } else if (budget->steps < BUDGET_STEPS) {
        budget->steps += 1;
    }
    if (known && !budget->baseline_us)
        budget->baseline_us = p99 ? p99 : 1;
    else if (known)
        budget->baseline_us = nearer(budget->baseline_us, p99, loud ? LOUD_SHIFT : CALM_SHIFT);
}

bool budget_window_over(const struct budget *budget, uint64_t now_us)
{
    return now_us >= budget->judged_us + BUDGET_WINDOW_US;
}

void budget_turn(struct budget *budget, uint64_t now_us, const struct histogram *foreground)
{
    struct histogram window;

    budget_fill(budget, now_us);
    if (!budget_window_over(budget, now_us))
        return;
    budget->judged_us = now_us;
    window = *foreground;
    window.count = 0;
    for (int i = 0; i < HISTOGRAM_SLOTS; i++) {
        window.counts[i] -= budget->before.counts[i];
        window.count += window.counts[i];
    }
    budget->before = *foreground;
    judge(budget, &window);
}

bool budget_allows(const struct budget *budget)
{
    return budget->bytes_spent <= budget->bytes_per_s * BUDGET_WINDOW_US &&
           budget->keys_spent <= budget->keys_per_s * BUDGET_WINDOW_US;
}

void budget_spend(struct budget *budget, uint64_t bytes, uint64_t keys)
{
    budget->bytes_spent += bytes * SECOND_US;
    budget->keys_spent += keys * SECOND_US;
}
