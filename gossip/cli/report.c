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

static void look_through(struct row *row, uint64_t node_id, const struct teller *teller)
{
    if (swim_address_equal(&teller->address, &row->seen->address) && !row->teller)
        row->teller = teller;
    if (!node_id)
        return;
    if (teller->load.node_id == node_id) {
        row->teller = teller;
        row->load = &teller->load;
    }
    for (size_t i = 0; i < teller->view_count; i++) {
        if (teller->views[i].node_id == node_id)
            take_view(row, &teller->views[i]);
    }
}

static void make_row(const struct survey *survey, const struct observed *seen, struct row *row)
{
    uint64_t node_id = member_read_name(slice_of_text(seen->name));
    struct slice meta = slice_of(seen->meta, seen->meta_size);

    row->seen = seen;
    row->observer = meta_decode_of(node_id, meta, &row->meta) != 0;
    if (row->observer)
        (void)tags_read(meta, &row->tags);
    for (size_t i = 0; i < survey->count; i++) {
        if (survey->tellers[i].err == 0)
            look_through(row, node_id, &survey->tellers[i]);
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
    for (size_t i = 0; i < report->count; i++)
        make_row(survey, &survey->all.rows[i], &report->rows[i]);
    count_rows(report);
    choose_rows(report, filter);
}

void report_done(struct report *report)
{
    free(report->rows);
    free(report->shown);
    *report = (struct report){0};
}

const char *report_teller_name(const struct report *report, const struct teller *teller)
{
    for (size_t i = 0; i < report->count; i++) {
        if (report->rows[i].teller == teller)
            return row_name(&report->rows[i]);
    }
    return teller->text;
}
