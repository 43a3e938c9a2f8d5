// SPDX-License-Identifier: Apache-2.0
#include "gossip/cli/report.h"

#include "base/check.h"

#include <fnmatch.h>
#include <stdlib.h>

// --- A row ---------------------------------------------------------------------------------------

const char *row_name(const struct row *row)
{
    return !row->observer && row->meta.name[0] ? row->meta.name : row->seen->name;
}

static const char *tag_or_none(const struct row *row, const char *name, const char *other)
{
    const char *value = tags_find(&row->tags, name);

    if (!value && other)
        value = tags_find(&row->tags, other);
    return value ? value : "";
}

const char *row_zone(const struct row *row)
{
    return row->observer ? tag_or_none(row, "zone", "dc") : row->meta.zone;
}

const char *row_build(const struct row *row)
{
    return row->observer ? tag_or_none(row, "build", NULL) : row->meta.build;
}

static void take_view(struct row *row, const struct node_view *view)
{
    if (!row->has_age) {
        row->has_age = true;
        row->age_ms = view->age_ms;
    }
    if (view->ack_age_ms && (row->ack_age_ms == 0 || view->ack_age_ms < row->ack_age_ms)) {
        row->ack_age_ms = view->ack_age_ms;
        row->rtt_ms = view->rtt_ms;
    }
    if (view->accusers > row->accusers)
        row->accusers = view->accusers;
}

static void make_row(const struct observed *seen, struct row *row)
{
    struct slice meta = slice_of(seen->meta, seen->meta_size);

    row->seen = seen;
    row->observer =
        meta_decode_of(member_read_name(slice_of_text(seen->name)), meta, &row->meta) != 0;
    if (row->observer)
        (void)tags_read(meta, &row->tags);
}

// --- What tellers told besides -------------------------------------------------------------------

static struct row *row_of(const struct report *report, uint64_t node_id)
{
    char name[MEMBER_NAME_DIGITS + 1];
    ptrdiff_t number;

    member_write_name(node_id, name);
    number = node_id ? names_find(&report->survey->all.names, slice_of_text(name)) : NAMES_NONE;
    return number == NAMES_NONE ? NULL : &report->rows[number];
}

static void take_teller(struct report *report, const struct teller *teller)
{
    struct row *row = row_of(report, teller->load.node_id);

    for (size_t i = 0; i < report->count; i++) {
        if (!report->rows[i].teller &&
            swim_address_equal(&report->rows[i].seen->address, &teller->address))
            report->rows[i].teller = teller;
    }
    if (row) {
        row->teller = teller;
        row->load = &teller->load;
    }
    for (size_t i = 0; i < teller->view_count; i++) {
        row = row_of(report, teller->views[i].node_id);
        if (row)
            take_view(row, &teller->views[i]);
    }
}

static void make_rows(struct report *report)
{
    const struct survey *survey = report->survey;

    for (size_t i = 0; i < report->count; i++)
        make_row(&survey->all.rows[i], &report->rows[i]);
    for (size_t i = 0; i < survey->count; i++) {
        if (survey->tellers[i].err == 0)
            take_teller(report, &survey->tellers[i]);
    }
    for (size_t i = report->count; i > 0; i--) {
        const struct row *row = &report->rows[i - 1];

        if (row->teller)
            report->of_teller[row->teller - survey->tellers] = row;
    }
}

// --- Counting ------------------------------------------------------------------------------------

static void count_epoch(struct report *report, const struct row *row, const struct row **first)
{
    if (row->seen->state != MEMBER_ALIVE || row->observer)
        return;
    if (!*first) {
        *first = row;
        report->epoch_min = report->epoch_max = row->meta.epoch;
    }
    if (row->meta.epoch < report->epoch_min)
        report->epoch_min = row->meta.epoch;
    if (row->meta.epoch > report->epoch_max)
        report->epoch_max = row->meta.epoch;
    if (row->meta.epoch == (*first)->meta.epoch && row->meta.digest != (*first)->meta.digest)
        report->digests_differ = true;
}

static void count_rows(struct report *report)
{
    const struct row *first = NULL;

    for (size_t i = 0; i < report->count; i++) {
        const struct row *row = &report->rows[i];

        report->counts[row->seen->state]++;
        report->observers += row->observer;
        report->disputed += row->seen->disputed;
        count_epoch(report, row, &first);
    }
    report->epochs_differ = report->epoch_min != report->epoch_max;
    report->healthy = report->survey->answered == report->survey->count && report->count > 0 &&
                      report->counts[MEMBER_SUSPECT] == 0 && report->counts[MEMBER_DEAD] == 0 &&
                      report->disputed == 0 && !report->epochs_differ && !report->digests_differ;
}

// --- Choosing ------------------------------------------------------------------------------------

static bool passes(const struct row *row, const struct filter *filter)
{
    if (filter->states && !(filter->states & 1U << row->seen->state))
        return false;
    if (filter->zone && fnmatch(filter->zone, row_zone(row), 0) != 0)
        return false;
    return !filter->name || fnmatch(filter->name, row_name(row), 0) == 0 ||
           fnmatch(filter->name, row->seen->name, 0) == 0;
}

static int compare_rows(const void *left, const void *right)
{
    const struct row *a = *(const struct row *const *)left;
    const struct row *b = *(const struct row *const *)right;
    int order = strverscmp(row_name(a), row_name(b));

    return order ? order : strcmp(a->seen->name, b->seen->name);
}

static void choose_rows(struct report *report, const struct filter *filter)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct row *row = &report->rows[i];

        if (!passes(row, filter))
            continue;
        report->shown[report->shown_count++] = row;
        report->wanted += row->seen->state == MEMBER_ALIVE && !row->seen->disputed;
    }
    if (report->shown_count)
        qsort(report->shown, report->shown_count, sizeof *report->shown, compare_rows);
}

void report_make(struct report *report, const struct survey *survey, const struct filter *filter)
{
    *report = (struct report){.survey = survey, .count = survey->all.count};
    report->rows = memory_new((report->count + 1) * sizeof *report->rows);
    report->shown = memory_new((report->count + 1) * sizeof *report->shown);
    report->of_teller = memory_new((survey->count + 1) * sizeof *report->of_teller);
    make_rows(report);
    count_rows(report);
    choose_rows(report, filter);
}

void report_done(struct report *report)
{
    free(report->rows);
    free(report->shown);
    free(report->of_teller);
    *report = (struct report){0};
}

const char *report_teller_name(const struct report *report, const struct teller *teller)
{
    const struct row *row = report->of_teller[teller - report->survey->tellers];

    return row ? row_name(row) : teller->text;
}
