// SPDX-License-Identifier: Apache-2.0
#include "gossip/cli/diff.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const titles[DIFF_CELLS] = {
    [DIFF_STATE] = "state",
    [DIFF_ADDRESS] = "address",
    [DIFF_INCARNATION] = "incarnation",
    [DIFF_NAME] = "name",
    [DIFF_ZONE] = "zone",
    [DIFF_HOST] = "host",
    [DIFF_CLIENT] = "client_address",
    [DIFF_PEER] = "peer_address",
    [DIFF_EPOCH] = "epoch",
    [DIFF_DIGEST] = "digest",
    [DIFF_SHARDS] = "shards",
    [DIFF_WEIGHT] = "weight",
    [DIFF_BUILD] = "build",
    [DIFF_CLUSTER] = "cluster",
    [DIFF_OTHER] = "meta",
};

struct told_value {
    struct told_value *next;
    char *text; // NULL: told nothing
    size_t count;
    struct buffer tellers; // a bit each
};

// --- Gathering -----------------------------------------------------------------------------------

static void value_free(struct told_value *value)
{
    free(value->text);
    buffer_done(&value->tellers);
    free(value);
}

void diff_done(struct diff *diff)
{
    for (size_t i = 0; i < diff->names.count * DIFF_CELLS; i++) {
        struct told_value **cell = &diff->members[i / DIFF_CELLS].cells[i % DIFF_CELLS];

        while (*cell) {
            struct told_value *value = *cell;

            *cell = value->next;
            value_free(value);
        }
    }
    names_done(&diff->names);
    free(diff->members);
    *diff = (struct diff){0};
}

static bool told_by(const struct told_value *value, size_t teller)
{
    return teller / 8 < value->tellers.size && value->tellers.data[teller / 8] & 1U << teller % 8;
}

static void add_teller(struct told_value *value, size_t teller)
{
    if (told_by(value, teller))
        return;
    while (value->tellers.size <= teller / 8)
        buffer_add_u8(&value->tellers, 0);
    value->tellers.data[teller / 8] |= (uint8_t)(1U << teller % 8);
    value->count++;
}

static void add_value(struct told_value **cell, const char *text, size_t teller)
{
    while (*cell && strcmp((*cell)->text, text) != 0)
        cell = &(*cell)->next;
    if (!*cell) {
        *cell = memory_new(sizeof **cell);
        (*cell)->text = memory_text(text);
    }
    add_teller(*cell, teller);
}

static struct diff_member *member_of(struct diff *diff, const char *name)
{
    size_t count = diff->names.count;
    size_t number = names_add(&diff->names, slice_of_text(name));

    if (number < count)
        return &diff->members[number];
    if (number == diff->capacity) {
        diff->capacity = diff->capacity ? diff->capacity * 2 : 16;
        diff->members = memory_grow(diff->members, diff->capacity * sizeof *diff->members);
    }
    diff->members[number] = (struct diff_member){0};
    return &diff->members[number];
}

static void add_number(struct told_value **cell, uint64_t number, size_t teller)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, number);
    add_value(cell, text, teller);
}

static void add_id(struct told_value **cell, uint64_t id, size_t teller)
{
    char text[24];

    snprintf(text, sizeof text, "%016" PRIx64, id);
    add_value(cell, text, teller);
}

static void take_meta(struct told_value **cells, const struct node_meta *meta, size_t teller)
{
    add_value(&cells[DIFF_NAME], meta->name, teller);
    add_value(&cells[DIFF_ZONE], meta->zone, teller);
    add_value(&cells[DIFF_HOST], meta->host, teller);
    add_value(&cells[DIFF_CLIENT], meta->client_address, teller);
    add_value(&cells[DIFF_PEER], meta->peer_address, teller);
    add_value(&cells[DIFF_BUILD], meta->build, teller);
    add_number(&cells[DIFF_EPOCH], meta->epoch, teller);
    add_number(&cells[DIFF_SHARDS], meta->shards, teller);
    add_number(&cells[DIFF_WEIGHT], meta->weight, teller);
    add_id(&cells[DIFF_DIGEST], meta->digest, teller);
    add_id(&cells[DIFF_CLUSTER], meta->cluster, teller);
}

// Tags as text, other bytes in hex.
static void take_foreign(struct told_value **cells, struct slice meta, size_t teller)
{
    struct buffer text = {0};
    struct tags tags;

    if (tags_read(meta, &tags) == 0) {
        tags_write(&tags, &text);
    } else {
        for (size_t i = 0; i < meta.size; i++)
            buffer_add_format(&text, "%02x", meta.data[i]);
    }
    buffer_add_u8(&text, '\0');
    add_value(&cells[DIFF_OTHER], (const char *)text.data, teller);
    buffer_done(&text);
}

static void take_record(struct diff *diff, size_t teller, const struct observed *record)
{
    struct told_value **cells = member_of(diff, record->name)->cells;
    uint64_t node_id = member_read_name(slice_of_text(record->name));
    struct slice bytes = slice_of(record->meta, record->meta_size);
    char address[SWIM_ADDRESS_TEXT];
    struct node_meta meta;

    add_value(&cells[DIFF_STATE], member_state_text(record->state), teller);
    add_value(&cells[DIFF_ADDRESS], swim_address_text(&record->address, address), teller);
    add_number(&cells[DIFF_INCARNATION], record->incarnation, teller);
    if (meta_decode_of(node_id, bytes, &meta) == 0)
        take_meta(cells, &meta, teller);
    else
        take_foreign(cells, bytes, teller);
}

void diff_take(struct diff *diff, size_t teller, const struct observation *said)
{
    for (size_t i = 0; i < said->count; i++)
        take_record(diff, teller, &said->rows[i]);
}

// --- Looking -------------------------------------------------------------------------------------

static const struct diff_member *member_named(const struct diff *diff, const char *name)
{
    ptrdiff_t number = names_find(&diff->names, slice_of_text(name));

    return number == NAMES_NONE ? NULL : &diff->members[number];
}

// Who answered and did not tell of the member at all, as a value of its state; NULL: nobody.
static struct told_value *silence(const struct diff_member *member, const struct report *report)
{
    struct told_value *nothing = memory_new(sizeof *nothing);

    for (size_t i = 0; i < report->survey->count; i++) {
        bool told = report->survey->tellers[i].err != 0;

        for (const struct told_value *value = member->cells[DIFF_STATE]; value; value = value->next)
            told |= told_by(value, i);
        if (!told)
            add_teller(nothing, i);
    }
    if (nothing->count)
        return nothing;
    value_free(nothing);
    return NULL;
}

// One cell that differs, in the walk over all of them.
struct found {
    const struct row *row;
    enum diff_cell cell;
    const struct told_value *values;
    const struct told_value *nothing; // behind the values; NULL: nobody
};

typedef void (*found_call)(const struct found *found, void *data);

// Calls for each cell that differs, in the order of the rows shown; how many there were.
static size_t walk(const struct diff *diff, const struct report *report, found_call call,
                   void *data)
{
    size_t count = 0;

    for (size_t i = 0; i < report->shown_count * DIFF_CELLS; i++) {
        struct found found = {report->shown[i / DIFF_CELLS], (enum diff_cell)(i % DIFF_CELLS), 0,
                              0};
        const struct diff_member *member = member_named(diff, found.row->seen->name);
        struct told_value *nothing;

        if (!member || !member->cells[found.cell])
            continue;
        nothing = found.cell == DIFF_STATE ? silence(member, report) : NULL;
        found.values = member->cells[found.cell];
        found.nothing = nothing;
        if (found.values->next || found.nothing) {
            count++;
            call(&found, data);
        }
        if (nothing)
            value_free(nothing);
    }
    return count;
}

static void ignore(const struct found *found, void *data)
{
    (void)found;
    (void)data;
}

size_t diff_count(const struct diff *diff, const struct report *report)
{
    return walk(diff, report, ignore, NULL);
}

// --- Writing -------------------------------------------------------------------------------------

struct writing {
    const struct report *report;
    const struct grid_look *look;
    struct buffer *out;
    bool begun;
};

static const struct told_value *value_at(const struct found *found, size_t at)
{
    const struct told_value *value = found->values;

    for (; at && value; at--)
        value = value->next;
    return value ? value : at == 0 ? found->nothing : NULL;
}

static const char *text_of(const struct told_value *value)
{
    if (!value->text)
        return "unknown";
    return value->text[0] ? value->text : "-";
}

static void write_names(const struct writing *writing, const struct told_value *value,
                        const char *between, struct buffer *out)
{
    const char *gap = "";

    for (size_t i = 0; i < writing->report->survey->count; i++) {
        if (!told_by(value, i))
            continue;
        buffer_add_format(
            out, "%s%s", gap,
            report_teller_name(writing->report, &writing->report->survey->tellers[i]));
        gap = between;
    }
}

enum { MEMBER_WIDTH = 12, CELL_WIDTH = 11, VALUE_WIDTH = 22, BY_LEAST = 10 };

static void write_line(const struct writing *writing, const char *const texts[4])
{
    static const size_t widths[] = {MEMBER_WIDTH, CELL_WIDTH, VALUE_WIDTH};
    size_t used = MEMBER_WIDTH + CELL_WIDTH + VALUE_WIDTH + 6, width = writing->look->width;
    struct slice by = slice_of_text(texts[3]);
    size_t room = width > used + BY_LEAST ? width - used : BY_LEAST;

    for (size_t i = 0; i < 3; i++) {
        grid_write_cell(slice_of_text(texts[i]), widths[i], false, writing->out);
        buffer_add_format(writing->out, "  ");
    }
    grid_write_cell(by, grid_text_width(by) > room ? room : 0, false, writing->out);
    buffer_add_u8(writing->out, '\n');
}

static void write_found(const struct found *found, void *data)
{
    const struct writing *writing = data;
    const struct told_value *value;
    struct buffer by = {0};

    for (size_t i = 0; (value = value_at(found, i)); i++) {
        by.size = 0;
        buffer_add_format(&by, "%zu: ", value->count);
        write_names(writing, value, " ", &by);
        buffer_add_u8(&by, '\0');
        write_line(writing,
                   (const char *[]){i ? "" : row_name(found->row), i ? "" : titles[found->cell],
                                    text_of(value), (const char *)by.data});
    }
    buffer_done(&by);
}

void diff_write(const struct diff *diff, const struct report *report, const struct grid_look *look,
                struct buffer *out)
{
    struct writing writing = {report, look, out, false};

    if (diff_count(diff, report) == 0) {
        buffer_add_format(out, "no differences\n");
        return;
    }
    write_line(&writing, (const char *[]){"MEMBER", "CELL", "VALUE", "TOLD BY"});
    walk(diff, report, write_found, &writing);
}

static void write_found_plain(const struct found *found, void *data)
{
    const struct writing *writing = data;
    const struct told_value *value;

    for (size_t i = 0; (value = value_at(found, i)); i++) {
        buffer_add_format(writing->out, "%s\t%s\t%s\t%zu\t", row_name(found->row),
                          titles[found->cell], text_of(value), value->count);
        write_names(writing, value, " ", writing->out);
        buffer_add_u8(writing->out, '\n');
    }
}

void diff_write_plain(const struct diff *diff, const struct report *report, struct buffer *out)
{
    struct writing writing = {report, NULL, out, false};

    walk(diff, report, write_found_plain, &writing);
}

static void write_tellers_json(const struct writing *writing, const struct told_value *value)
{
    const char *gap = "";

    for (size_t i = 0; i < writing->report->survey->count; i++) {
        const struct teller *teller = &writing->report->survey->tellers[i];

        if (!told_by(value, i))
            continue;
        buffer_add_format(writing->out, "%s", gap);
        text_add_json(writing->out, slice_of_text(report_teller_name(writing->report, teller)));
        gap = ",";
    }
}

static void write_found_json(const struct found *found, void *data)
{
    struct writing *writing = data;
    const struct told_value *value;

    buffer_add_format(writing->out, "%s{\"id\":", writing->begun ? "," : "");
    writing->begun = true;
    text_add_json(writing->out, slice_of_text(found->row->seen->name));
    buffer_add_format(writing->out, ",\"member\":");
    text_add_json(writing->out, slice_of_text(row_name(found->row)));
    buffer_add_format(writing->out, ",\"cell\":\"%s\",\"values\":[", titles[found->cell]);
    for (size_t i = 0; (value = value_at(found, i)); i++) {
        buffer_add_format(writing->out, "%s{\"value\":", i ? "," : "");
        if (value->text)
            text_add_json(writing->out, slice_of_text(value->text));
        else
            buffer_add_format(writing->out, "null");
        buffer_add_format(writing->out, ",\"tellers\":[");
        write_tellers_json(writing, value);
        buffer_add_format(writing->out, "]}");
    }
    buffer_add_format(writing->out, "]}");
}

void diff_write_json(const struct diff *diff, const struct report *report, struct buffer *out)
{
    struct writing writing = {report, NULL, out, false};

    buffer_add_format(out, "{\"asked\":%zu,\"answered\":%zu,\"differences\":[",
                      report->survey->count, report->survey->answered);
    walk(diff, report, write_found_json, &writing);
    buffer_add_format(out, "]}\n");
}
