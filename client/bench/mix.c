// SPDX-License-Identifier: Apache-2.0
// The draw counts the keys that it has made in `born`. Here that number is set before each draw to
// the inserts that have settled, so that reads see only those, and inserts are numbered apart.
#include "client/bench/mix.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"

#include <stdio.h>

const char *op_word(enum op_kind kind)
{
    static const char *const words[] = {
#define X(name, word, text) word,
        OP_MAP(X)
#undef X
    };

    check((unsigned)kind < OP_KINDS);
    return words[kind];
}

static const struct {
    const char *word;
    struct mix mix;
} mixes[] = {
    {"a", {0.5, OP_WRITE, WORKLOAD_SCRAMBLED}}, {"b", {0.95, OP_WRITE, WORKLOAD_SCRAMBLED}},
    {"c", {1, OP_WRITE, WORKLOAD_SCRAMBLED}},   {"d", {0.95, OP_INSERT, WORKLOAD_LATEST}},
    {"f", {0.5, OP_RMW, WORKLOAD_SCRAMBLED}},   {"read", {1, OP_WRITE, WORKLOAD_UNIFORM}},
    {"write", {0, OP_WRITE, WORKLOAD_UNIFORM}},
};

enum { MIXES = sizeof mixes / sizeof mixes[0] };

int mix_find(const char *word, struct mix *out, char why[MIX_TEXT_MAX])
{
    static const char mixed[] = "mixed=";
    uint64_t percent;

    for (unsigned i = 0; i < MIXES; i++) {
        if (strcmp(mixes[i].word, word) == 0) {
            *out = mixes[i].mix;
            return 0;
        }
    }
    if (strncmp(word, mixed, sizeof mixed - 1) == 0 &&
        text_read_u64(word + sizeof mixed - 1, 0, 100, &percent) == 0) {
        *out = (struct mix){(double)percent / 100, OP_WRITE, WORKLOAD_UNIFORM};
        return 0;
    }
    if (strcmp(word, "e") == 0)
        (void)snprintf(why, MIX_TEXT_MAX,
                       "workload e scans ranges of keys, and there is no scan "
                       "in the order of keys yet");
    else
        (void)snprintf(why, MIX_TEXT_MAX,
                       "there is no workload %.60s: a, b, c, d, f, read, write or mixed=PERCENT",
                       word);
    return ERR_INVALID;
}

// ---- births -------------------------------------------------------------------------------------

static uint64_t *births_word(struct births *births, uint64_t number)
{
    return &births->ended[number % BIRTHS_WINDOW / 64];
}

static uint64_t births_bit(uint64_t number)
{
    return (uint64_t)1 << number % 64;
}

uint64_t births_begin(struct births *births)
{
    uint64_t number = births->issued++;

    // The oldest has kept all the others waiting for long: it is passed over.
    if (births->issued - births->settled > BIRTHS_WINDOW)
        births_end(births, births->settled);
    *births_word(births, number) &= ~births_bit(number);
    return number;
}

void births_end(struct births *births, uint64_t number)
{
    if (number < births->settled)
        return;
    *births_word(births, number) |= births_bit(number);
    while (births->settled < births->issued &&
           *births_word(births, births->settled) & births_bit(births->settled)) {
        *births_word(births, births->settled) &= ~births_bit(births->settled);
        births->settled++;
    }
}

// ---- a thread's stream --------------------------------------------------------------------------

void mixer_init(struct mixer *mixer, const struct mixer_setup *setup)
{
    *mixer = (struct mixer){.mix = setup->mix,
                            .workload = setup->workload,
                            .thread = setup->thread,
                            .threads = setup->threads};
    workload_draw_init(&mixer->draw, rng_mix(setup->seed + rng_mix(setup->thread + 1)));
}

// The key with this number among those that the thread made.
static uint64_t key_of_birth(const struct mixer *mixer, uint64_t number)
{
    uint64_t keys = workload_setup(mixer->workload)->keys;

    return keys + number * mixer->threads + mixer->thread;
}

struct op mixer_draw(struct mixer *mixer)
{
    uint64_t keys = workload_setup(mixer->workload)->keys;
    struct operation drawn;

    mixer->draw.born = mixer->births.settled;
    drawn = workload_draw(mixer->workload, &mixer->draw);
    if (drawn.write && mixer->mix->other == OP_INSERT)
        return (struct op){OP_INSERT, key_of_birth(mixer, births_begin(&mixer->births))};
    if (drawn.key >= keys)
        drawn.key = key_of_birth(mixer, drawn.key - keys);
    return (struct op){drawn.write ? mixer->mix->other : OP_READ, drawn.key};
}

void mixer_inserted(struct mixer *mixer, uint64_t key)
{
    uint64_t keys = workload_setup(mixer->workload)->keys;

    check(key >= keys);
    births_end(&mixer->births, (key - keys) / mixer->threads);
}
