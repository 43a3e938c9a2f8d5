// SPDX-License-Identifier: Apache-2.0
#include "sim/check/shrink.h"

#include "base/err.h"
#include "sim/check/campaign.h"

#include <inttypes.h>
#include <stdlib.h>

struct shrinking {
    const struct shrink_setup *setup;
    struct trial *trial;
    struct trial_result *result;
    uint64_t tries;
};

// The trial replaces the best one if it fails as well.
static bool attempt(struct shrinking *work, const struct trial *trial)
{
    static struct trial_result result;
    int err;

    if (work->tries >= work->setup->tries_max)
        return false;
    work->tries += 1;
    err = work->setup->attempt ? work->setup->attempt(trial, work->setup->seconds_max, &result)
                               : campaign_try(trial, work->setup->seconds_max, &result);
    if (work->setup->progress)
        work->setup->progress(work->setup->data, work->tries, work->result->faults);
    if (err || !result.findings)
        return false;
    *work->trial = *trial;
    *work->result = result;
    return true;
}

static uint64_t knob_now(const struct trial *trial, enum knob knob)
{
    struct knobs knobs;

    knobs_draw(&knobs, trial->seed, &trial->set);
    return knobs.at[knob];
}

static bool try_knob(struct shrinking *work, enum knob knob, uint64_t value)
{
    struct trial trial = *work->trial;

    if (value >= knob_now(&trial, knob))
        return false;
    trial.set.is[knob] = true;
    trial.set.to[knob] = value;
    return attempt(work, &trial);
}

// Halves the way to the least value that still fails, as far as that is monotonous.
static void lower_knob(struct shrinking *work, enum knob knob, uint64_t least)
{
    uint64_t low = least;
    uint64_t high = knob_now(work->trial, knob);

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (try_knob(work, knob, middle))
            high = middle;
        else
            low = middle + 1;
    }
}

static void keep_all(struct faults_kept *kept, uint32_t count)
{
    kept->given = true;
    memset(kept->bits, 0, sizeof kept->bits);
    for (uint32_t i = 0; i < count; i++)
        kept->bits[i / 8] |= (uint8_t)(1 << i % 8);
}

// Leaves out faults [from, from + size) of those still kept.
static uint32_t leave_out(struct faults_kept *kept, uint32_t from, uint32_t size)
{
    uint32_t place = 0;
    uint32_t left_out = 0;

    for (uint32_t i = 0; i < FAULTS_MAX; i++) {
        if (!fault_is_kept(kept, i))
            continue;
        if (place >= from && place < from + size) {
            kept->bits[i / 8] &= (uint8_t) ~(1 << i % 8);
            left_out += 1;
        }
        place += 1;
    }
    return left_out;
}

static uint32_t kept_count(const struct faults_kept *kept)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < FAULTS_MAX; i++)
        count += fault_is_kept(kept, i);
    return count;
}

static bool try_without(struct shrinking *work, uint32_t from, uint32_t size)
{
    struct trial trial = *work->trial;

    return leave_out(&trial.kept, from, size) > 0 && attempt(work, &trial);
}

static void drop_faults(struct shrinking *work)
{
    uint32_t size;

    if (!work->trial->kept.given)
        keep_all(&work->trial->kept, work->result->faults_drawn);
    for (size = kept_count(&work->trial->kept); size > 0; size /= 2) {
        for (uint32_t from = 0; from < kept_count(&work->trial->kept);) {
            if (!try_without(work, from, size))
                from += size;
        }
    }
}

uint64_t shrink(const struct shrink_setup *setup, struct trial *trial, struct trial_result *result)
{
    static const struct {
        enum knob knob;
        uint64_t to;
    } simpler[] = {{KNOB_LOSS, 0},    {KNOB_DUPLICATE, 0}, {KNOB_REORDER, 0}, {KNOB_CORRUPT, 0},
                   {KNOB_TTL, 0},     {KNOB_WEAK, 0},      {KNOB_RETRIES, 0}, {KNOB_OPEN, 0},
                   {KNOB_TAIL_US, 0}, {KNOB_BURST, 0}};
    struct shrinking work = {.setup = setup, .trial = trial, .result = result};

    lower_knob(&work, KNOB_SECONDS, 1);
    drop_faults(&work);
    lower_knob(&work, KNOB_CLIENTS, 1);
    lower_knob(&work, KNOB_KEYS, 1);
    for (size_t i = 0; i < sizeof simpler / sizeof *simpler; i++)
        (void)try_knob(&work, simpler[i].knob, simpler[i].to);
    lower_knob(&work, KNOB_SHARDS, 1);
    lower_knob(&work, KNOB_NODES, knob_now(trial, KNOB_REPLICAS));
    lower_knob(&work, KNOB_SECONDS, 1);
    drop_faults(&work);
    return work.tries;
}

// ---- as a command -------------------------------------------------------------------------------

static void add_kept(const struct faults_kept *kept, uint32_t count, struct buffer *out)
{
    const char *sign = "";

    for (uint32_t i = 0; i < count; i++) {
        uint32_t first = i;

        if (!fault_is_kept(kept, i))
            continue;
        while (i + 1 < count && fault_is_kept(kept, i + 1))
            i += 1;
        buffer_add_format(out, "%s%" PRIu32, sign, first);
        if (i > first)
            buffer_add_format(out, "-%" PRIu32, i);
        sign = ",";
    }
    if (!*sign)
        buffer_add_format(out, "none");
}

void shrink_command(const struct trial *trial, uint32_t faults_drawn, struct buffer *out)
{
    const char *sign = " --faults ";

    buffer_add_format(out, "quorate-sim check --replay %" PRIu64, trial->seed);
    if (trial->set.only_faults) {
        for (int knob = 0; knob < KNOBS; knob++) {
            if (!trial->set.faults[knob])
                continue;
            buffer_add_format(out, "%s%s", sign, knob_name((enum knob)knob));
            sign = ",";
        }
        if (*sign == ' ')
            buffer_add_format(out, " --faults none");
    }
    sign = " --set ";
    for (int knob = 0; knob < KNOBS; knob++) {
        if (!trial->set.is[knob])
            continue;
        buffer_add_format(out, "%s%s=%" PRIu64, sign, knob_name((enum knob)knob),
                          trial->set.to[knob]);
        sign = ",";
    }
    if (!trial->kept.given)
        return;
    buffer_add_format(out, " --keep ");
    add_kept(&trial->kept, faults_drawn < FAULTS_MAX ? faults_drawn : FAULTS_MAX, out);
}

static bool number_take(const char **text, uint32_t *out)
{
    char *end;
    unsigned long number;

    if (**text < '0' || **text > '9')
        return false;
    number = strtoul(*text, &end, 10);
    if (number >= FAULTS_MAX)
        return false;
    *text = end;
    *out = (uint32_t)number;
    return true;
}

int faults_kept_read(const char *text, struct faults_kept *out)
{
    uint32_t first;
    uint32_t last;

    memset(out, 0, sizeof *out);
    out->given = true;
    if (strcmp(text, "none") == 0)
        return 0;
    for (;;) {
        if (!number_take(&text, &first))
            return ERR_INVALID;
        last = first;
        if (*text == '-' && (text++, !number_take(&text, &last)))
            return ERR_INVALID;
        for (uint32_t i = first; i <= last; i++)
            out->bits[i / 8] |= (uint8_t)(1 << i % 8);
        if (*text == 0)
            return 0;
        if (*text++ != ',')
            return ERR_INVALID;
    }
}
