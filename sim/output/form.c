// SPDX-License-Identifier: Apache-2.0
#include "sim/output/form.h"

#include "sim/output/show.h"

// Cases of one context behind the first of them; the contexts in order of appearance.
static void order_cases(struct form *form)
{
    const struct view *view = form->view;
    struct arena *arena = view->arena;
    const char **contexts = arena_alloc(arena, view->count * sizeof *contexts);
    bool *taken = arena_new(arena, view->count * sizeof *taken);
    size_t count = 0;

    form->cases = arena_alloc(arena, view->count * sizeof *form->cases);
    for (size_t i = 0; i < view->count; i++)
        contexts[i] = view_context(view, &view->cases[i], LABELS);
    for (size_t i = 0; i < view->count; i++) {
        for (size_t j = i; j < view->count && !taken[i]; j++) {
            if (taken[j] || strcmp(contexts[i], contexts[j]) != 0)
                continue;
            taken[j] = j > i;
            form->cases[count++] = &view->cases[j];
        }
    }
}

void form_begin(struct form *form, const struct view *view, const enum label *extras,
                unsigned extra_count)
{
    *form = (struct form){.view = view, .extra_count = extra_count};
    form->sheet.arena = view->arena;
    order_cases(form);
    for (enum label label = VIEW_FIRST; label <= VIEW_LAST; label++) {
        if (!view->varies[label])
            continue;
        if (label == LABEL_SCHEME || view_is_own(label)) {
            form->scheme = true;
            continue;
        }
        form->contexts[form->context_count++] = label;
        sheet_column(&form->sheet, &(struct sheet_column){
                                       "", label_title(label),
                                       label_is_number(label) ? SHEET_LABELS : SHEET_WORDS, 0});
    }
    for (unsigned i = 0; i < extra_count; i++) {
        form->extras[i] = extras[i];
        sheet_column(&form->sheet, &(struct sheet_column){
                                       "", label_title(extras[i]),
                                       label_is_number(extras[i]) ? SHEET_LABELS : SHEET_WORDS, 0});
    }
    if (form->scheme)
        sheet_column(&form->sheet,
                     &(struct sheet_column){"", label_title(LABEL_SCHEME), SHEET_WORDS, 0});
    form->first = form->sheet.column_count;
}

void form_metrics(struct form *form, const struct form_metric *metrics, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        sheet_column(&form->sheet, &(struct sheet_column){metrics[i].group, metrics[i].title,
                                                          SHEET_NUMBERS, metrics[i].rank});
}

size_t form_next_context(const struct form *form, size_t first)
{
    const struct view *view = form->view;
    const char *context = view_context(view, form->cases[first], LABELS);
    size_t next = first + 1;

    while (next < view->count &&
           strcmp(view_context(view, form->cases[next], LABELS), context) == 0)
        next += 1;
    return next;
}

static struct spot joined(const struct spot *spot, const struct spot *more)
{
    return (struct spot){
        .event = spot->event ? spot->event : more->event,
        .subject = spot->subject ? spot->subject : more->subject,
        .copies = spot->copies ? spot->copies : more->copies,
        .metric = spot->metric ? spot->metric : more->metric,
        .at = spot->at ? spot->at : more->at,
    };
}

// Milliseconds are said once, in the group.
static struct sheet_cell cell_of(const struct view *view, const struct view_case *one,
                                 const struct form_metric *metric, struct spot spot)
{
    const struct row *row = view_find(one, &spot);
    struct sheet_cell cell = {"", ""};

    if (!row)
        return cell;
    if (metric->below) {
        spot.metric = metric->below;
        cell.text = show_number(view->arena, row->value.mean / view_mean(one, &spot));
        return cell;
    }
    cell.text = show_value(
        view->arena, row->value.mean,
        strcmp(row->unit, "ms") == 0 || strcmp(spot.metric, "copied") == 0 ? "" : row->unit);
    cell.range = show_range(view->arena, row);
    return cell;
}

static const char *spot_text(const struct spot *spot, enum label label)
{
    const char *texts[] = {spot->event, spot->subject, spot->copies, spot->metric, spot->at};
    const char *text = texts[label - LABEL_EVENT];

    return text ? text : "";
}

void form_line(struct form *form, const struct view_case *one, const struct spot *at,
               const struct form_metric *metrics, unsigned count)
{
    const struct view *view = form->view;
    struct sheet_cell *cells = arena_new(view->arena, count * sizeof *cells);
    struct sheet_cell *line;
    bool any = false;

    for (unsigned i = 0; i < count; i++) {
        cells[i] = cell_of(view, one, &metrics[i], joined(&metrics[i].spot, at));
        any |= *cells[i].text != 0;
    }
    if (!any)
        return;
    line = sheet_line(&form->sheet);
    for (unsigned i = 0; i < form->context_count; i++)
        line[i].text = view_label(view, one, form->contexts[i]);
    for (unsigned i = 0; i < form->extra_count; i++)
        line[form->context_count + i].text = show_line(view->arena, spot_text(at, form->extras[i]));
    if (form->scheme)
        line[form->first - 1].text = view_series(view, one, LABELS);
    memcpy(line + form->first, cells, count * sizeof *cells);
}
