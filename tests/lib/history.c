// SPDX-License-Identifier: Apache-2.0
//
// Per value two times are enough to judge any read: when the first write that covers it began (from
// then on it may be gone), and when the first acknowledged one ended (from then on it must be
// gone).

#include "tests/lib/history.h"

#include "base/check.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

enum { REPORT_BYTES_MAX = 4000, READ_VALUES_MAX = 4096 };

struct written {
    uint32_t key; // + 1; 0: never written
    enum history_outcome outcome;
    uint64_t began;
    uint64_t ended;
    uint64_t covered_from; // the first write that covers it began
    uint64_t covered_at;   // the first acknowledged such write ended
};

struct stored_read {
    struct history_read read;
    size_t values; // where they are in history->read_values
};

struct history {
    pthread_mutex_t lock;
    struct written *values; // by number
    uint64_t values_max;
    struct buffer *by_key; // of uint64_t: acknowledged values of a key that reads may have to show
    uint32_t keys;
    struct buffer reads;       // of struct stored_read
    struct buffer read_values; // of uint64_t
};

struct history *history_new(uint32_t keys, uint64_t values_max)
{
    struct history *history = memory_new(sizeof(*history));

    pthread_mutex_init(&history->lock, NULL);
    history->keys = keys;
    history->values_max = values_max;
    history->values = memory_new((values_max + 1) * sizeof(*history->values));
    history->by_key = memory_new(keys * sizeof(*history->by_key));
    for (uint64_t i = 0; i <= values_max; i++) {
        history->values[i].covered_from = UINT64_MAX;
        history->values[i].covered_at = UINT64_MAX;
    }
    return history;
}

void history_free(struct history *history)
{
    if (!history)
        return;
    for (uint32_t key = 0; key < history->keys; key++)
        buffer_done(&history->by_key[key]);
    free(history->by_key);
    free(history->values);
    buffer_done(&history->reads);
    buffer_done(&history->read_values);
    pthread_mutex_destroy(&history->lock);
    free(history);
}

static void value_cover(struct written *value, const struct history_write *by)
{
    if (by->began < value->covered_from)
        value->covered_from = by->began;
    if (by->outcome == HISTORY_ACKNOWLEDGED && by->ended < value->covered_at)
        value->covered_at = by->ended;
}

void history_add_write(struct history *history, const struct history_write *write)
{
    check(write->key < history->keys && write->value <= history->values_max);
    pthread_mutex_lock(&history->lock);
    if (write->value) {
        struct written *value = &history->values[write->value];
        check(value->key == 0);
        value->key = write->key + 1;
        value->outcome = write->outcome;
        value->began = write->began;
        value->ended = write->ended;
        if (write->outcome == HISTORY_ACKNOWLEDGED)
            buffer_add(&history->by_key[write->key], &write->value, sizeof(write->value));
    }
    for (uint32_t i = 0; write->outcome != HISTORY_REFUSED && i < write->seen_count; i++) {
        if (write->seen[i] > 0 && write->seen[i] <= history->values_max)
            value_cover(&history->values[write->seen[i]], write);
    }
    pthread_mutex_unlock(&history->lock);
}

void history_add_read(struct history *history, const struct history_read *read)
{
    struct stored_read stored = {*read, 0};

    check(read->key < history->keys && read->count <= READ_VALUES_MAX);
    pthread_mutex_lock(&history->lock);
    stored.values = history->read_values.size / sizeof(*read->values);
    if (read->count)
        buffer_add(&history->read_values, read->values, read->count * sizeof(*read->values));
    buffer_add(&history->reads, &stored, sizeof(stored));
    pthread_mutex_unlock(&history->lock);
}

struct checking {
    struct history *history;
    struct history_verdict *verdict;
    struct buffer *report;
    const struct stored_read *stored;
    const uint64_t *values; // of the read
};

static void tell(struct checking *checking, uint64_t *counter, const char *what, uint64_t value)
{
    const struct history_read *read = &checking->stored->read;

    ++*counter;
    if (checking->report->size > REPORT_BYTES_MAX)
        return;
    buffer_add_format(checking->report,
                      "%s: key %" PRIu32 " value %" PRIu64 ", read at %" PRIu64 "..%" PRIu64
                      " showed %" PRIu32 " values",
                      what, read->key, value, read->began, read->ended, read->count);
    if (value <= checking->history->values_max) {
        const struct written *written = &checking->history->values[value];
        buffer_add_format(checking->report, "; written at %" PRIu64 "..%" PRIu64 " outcome %d",
                          written->began, written->ended, (int)written->outcome);
        if (written->covered_from != UINT64_MAX)
            buffer_add_format(checking->report, ", covered from %" PRIu64, written->covered_from);
        if (written->covered_at != UINT64_MAX)
            buffer_add_format(checking->report, " acknowledged %" PRIu64, written->covered_at);
    }
    buffer_add_format(checking->report, "\n");
}

static void check_shown(struct checking *checking, uint64_t number)
{
    const struct history *history = checking->history;
    const struct history_read *read = &checking->stored->read;
    struct history_verdict *verdict = checking->verdict;
    const struct written *value =
        number > 0 && number <= history->values_max ? &history->values[number] : NULL;

    if (!value || value->key != read->key + 1 || value->began > read->ended)
        tell(checking, &verdict->invented, "invented", number);
    else if (value->outcome == HISTORY_REFUSED)
        tell(checking, &verdict->refused, "refused, yet there", number);
    else if (value->covered_at < read->began)
        tell(checking, &verdict->returned, "came back", number);
}

static bool is_shown(const struct checking *checking, uint64_t number)
{
    for (uint32_t i = 0; i < checking->stored->read.count; i++) {
        if (checking->values[i] == number)
            return true;
    }
    return false;
}

static void check_missing(struct checking *checking, uint64_t number)
{
    const struct written *value = &checking->history->values[number];
    const struct history_read *read = &checking->stored->read;

    if (value->outcome == HISTORY_ACKNOWLEDGED && value->ended < read->began &&
        value->covered_from >= read->ended && !is_shown(checking, number))
        tell(checking, &checking->verdict->lost, "lost", number);
}

static void check_read(struct checking *checking)
{
    const struct buffer *written = &checking->history->by_key[checking->stored->read.key];

    for (uint32_t i = 0; i < checking->stored->read.count; i++)
        check_shown(checking, checking->values[i]);
    for (size_t at = 0; at < written->size; at += sizeof(uint64_t)) {
        uint64_t number;
        memcpy(&number, written->data + at, sizeof(number));
        check_missing(checking, number);
    }
    checking->verdict->reads++;
}

// A value that a write covers need not be shown by any read from now on.
static void forget_covered(const struct history *history, struct buffer *numbers)
{
    uint64_t *all = (void *)numbers->data;
    size_t kept = 0;

    for (size_t i = 0; i < numbers->size / sizeof(*all); i++) {
        if (history->values[all[i]].covered_from == UINT64_MAX)
            all[kept++] = all[i];
    }
    numbers->size = kept * sizeof(*all);
}

void history_check(struct history *history, struct history_verdict *verdict, struct buffer *report)
{
    const struct stored_read *reads = (const void *)history->reads.data;
    const uint64_t *values = (const void *)history->read_values.data;
    struct checking checking = {history, verdict, report, NULL, NULL};

    for (size_t i = 0; i < history->reads.size / sizeof(*reads); i++) {
        checking.stored = &reads[i];
        checking.values = reads[i].read.count ? values + reads[i].values : NULL;
        check_read(&checking);
    }
    for (uint32_t key = 0; key < history->keys; key++)
        forget_covered(history, &history->by_key[key]);
    history->reads.size = 0;
    history->read_values.size = 0;
}

bool history_is_clean(const struct history_verdict *verdict)
{
    return verdict->lost + verdict->returned + verdict->invented + verdict->refused == 0;
}
