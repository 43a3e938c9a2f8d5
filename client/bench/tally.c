// SPDX-License-Identifier: Apache-2.0
#include "client/bench/tally.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>

#define NS_PER_S UINT64_C(1000000000)

void tally_failed(struct tally *tally, int err, struct slice text)
{
    unsigned which = (unsigned)-err;

    check(which > 0 && which < TALLY_ERRORS);
    if (tally->errors[which]++ == 0)
        (void)snprintf(tally->texts[which], TALLY_TEXT_SIZE, "%.*s", (int)text.size,
                       text.size ? (const char *)text.data : "");
}

struct second *tally_second(struct tally *tally, uint64_t ns)
{
    uint64_t which = ns / NS_PER_S;

    return which < TALLY_SECONDS ? &tally->seconds[which] : NULL;
}

static uint32_t second_p99_us(const struct tally *tally, unsigned which)
{
    uint64_t us;

    if (which != tally->latest || tally->latest_ns.count == 0)
        return tally->seconds[which].p99_us;
    us = latency_quantile_ns(&tally->latest_ns, 0.99) / 1000;
    return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

void tally_ended(struct tally *tally, uint64_t ns, uint64_t latency_ns)
{
    struct second *second = tally_second(tally, ns);
    uint64_t us = latency_ns / 1000 < UINT32_MAX ? latency_ns / 1000 : UINT32_MAX;

    if (!second)
        return;
    if (tally->latest != ns / NS_PER_S) {
        tally->seconds[tally->latest].p99_us = second_p99_us(tally, (unsigned)tally->latest);
        tally->latest = ns / NS_PER_S;
        tally->latest_ns = (struct latency){0};
    }
    latency_add(&tally->latest_ns, latency_ns);
    second->done++;
    if (us > second->max_us)
        second->max_us = (uint32_t)us;
}

static void seconds_join(struct tally *tally, const struct tally *from)
{
    for (unsigned i = 0; i < TALLY_SECONDS; i++) {
        struct second *second = &tally->seconds[i];
        uint32_t p99_us = second_p99_us(from, i);

        second->done += from->seconds[i].done;
        second->failed += from->seconds[i].failed;
        if (from->seconds[i].max_us > second->max_us)
            second->max_us = from->seconds[i].max_us;
        if (p99_us > second->p99_us)
            second->p99_us = p99_us;
    }
}

static void wrongs_join(struct wrongs *wrongs, const struct wrongs *from)
{
    for (unsigned i = 0; i < VALUE_FAULTS; i++)
        wrongs->faults[i] += from->faults[i];
    wrongs->stale += from->stale;
    if (!wrongs->first[0])
        (void)memcpy(wrongs->first, from->first, TALLY_TEXT_SIZE);
}

void tally_join(struct tally *tally, const struct tally *from)
{
    for (unsigned i = 0; i < OP_KINDS; i++)
        latency_join(&tally->of[i], &from->of[i]);
    latency_join(&tally->service, &from->service);
    for (unsigned i = 0; i < TALLY_ERRORS; i++) {
        if (tally->errors[i] == 0)
            (void)memcpy(tally->texts[i], from->texts[i], TALLY_TEXT_SIZE);
        tally->errors[i] += from->errors[i];
    }
    tally->missing += from->missing;
    tally->siblings += from->siblings;
    wrongs_join(&tally->wrongs, &from->wrongs);
    seconds_join(tally, from);
    if (from->late_ns_max > tally->late_ns_max)
        tally->late_ns_max = from->late_ns_max;
}

uint64_t tally_done(const struct tally *tally)
{
    return tally->of[OP_READ].count + tally->of[OP_WRITE].count + tally->of[OP_INSERT].count;
}

uint64_t tally_failures(const struct tally *tally)
{
    uint64_t failures = 0;

    for (unsigned i = 0; i < TALLY_ERRORS; i++)
        failures += tally->errors[i];
    return failures;
}

void tally_all(const struct tally *tally, struct latency *out)
{
    *out = tally->of[OP_READ];
    latency_join(out, &tally->of[OP_WRITE]);
    latency_join(out, &tally->of[OP_INSERT]);
}

// ---- reads --------------------------------------------------------------------------------------

static void wrong_first(struct wrongs *wrongs, uint64_t key, const char *what)
{
    uint8_t name[KEY_NAME_SIZE];

    if (wrongs->first[0])
        return;
    key_name(key, name);
    (void)snprintf(wrongs->first, TALLY_TEXT_SIZE, "%.*s: %.*s", KEY_NAME_SIZE, (const char *)name,
                   TALLY_TEXT_SIZE - KEY_NAME_SIZE - 3, what);
}

void wrongs_look(struct wrongs *wrongs, const struct reading *reading)
{
    char what[TALLY_TEXT_SIZE - KEY_NAME_SIZE - 2];
    uint64_t newest = 0;

    for (uint32_t i = 0; i < reading->count; i++) {
        struct value_seen seen = value_look(reading->values[i], reading->key);

        wrongs->faults[seen.fault]++;
        if (seen.fault != VALUE_RIGHT) {
            wrong_first(wrongs, reading->key, value_fault_text(seen.fault));
            return;
        }
        if (seen.run == reading->run && seen.number > newest)
            newest = seen.number;
    }
    if (newest >= reading->oldest)
        return;
    wrongs->stale++;
    if (reading->count == 0)
        (void)snprintf(what, sizeof what, "not found after write %" PRIu32 " was acknowledged",
                       reading->oldest);
    else if (newest == 0)
        (void)snprintf(what, sizeof what,
                       "a value of another run after write %" PRIu32 " was acknowledged",
                       reading->oldest);
    else
        (void)snprintf(what, sizeof what,
                       "write %" PRIu64 " seen after write %" PRIu32
                       " or a later one was acknowledged",
                       newest, reading->oldest);
    wrong_first(wrongs, reading->key, what);
}

uint64_t wrongs_values(const struct wrongs *wrongs)
{
    uint64_t wrong = 0;

    for (unsigned i = VALUE_RIGHT + 1; i < VALUE_FAULTS; i++)
        wrong += wrongs->faults[i];
    return wrong;
}
