// SPDX-License-Identifier: Apache-2.0
#include "gossip/cli/column.h"

#include "base/check.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>

const struct column_kind column_kinds[COLUMNS] = {
    [COLUMN_NAME] = {"NAME", false, 0, 'n'},       [COLUMN_ADDRESS] = {"ADDRESS", false, 2, 'a'},
    [COLUMN_STATE] = {"STATE", false, 1, 's'},     [COLUMN_ZONE] = {"ZONE", false, 3, 'z'},
    [COLUMN_EPOCH] = {"EPOCH", true, 5, 'e'},      [COLUMN_SHARDS] = {"SHARDS", true, 6, 'o'},
    [COLUMN_KEYS] = {"KEYS", true, 9, 'k'},        [COLUMN_BYTES] = {"BYTES", true, 11, 'b'},
    [COLUMN_LOAD] = {"LOAD", true, 10, 'l'},       [COLUMN_RTT] = {"RTT", true, 7, 't'},
    [COLUMN_ACK] = {"ACK", true, 8, 'c'},          [COLUMN_AGE] = {"AGE", true, 12, 'g'},
    [COLUMN_INCARNATION] = {"INC", true, 13, 'i'}, [COLUMN_ACCUSERS] = {"SUSP", true, 4, 'u'},
    [COLUMN_BUILD] = {"BUILD", false, 14, 'd'},    [COLUMN_TAGS] = {"TAGS", false, 15, 0},
};

// --- Writing -------------------------------------------------------------------------------------

static void write_age(uint64_t ms, bool exact, struct buffer *out)
{
    static const uint64_t seconds[] = {1, 60, 3600, 86400};
    uint64_t s = ms / 1000;
    unsigned unit = s < 120 ? 0 : s < 7200 ? 1 : s < 172800 ? 2 : 3;

    if (exact)
        buffer_add_format(out, "%" PRIu64, ms);
    else
        buffer_add_format(out, "%" PRIu64 "%c", s / seconds[unit], "smhd"[unit]);
}

static void write_trip(uint64_t us, bool exact, struct buffer *out)
{
    if (exact)
        buffer_add_format(out, "%" PRIu64, us);
    else if (us < 1000)
        buffer_add_format(out, "%" PRIu64 "us", us);
    else if (us < 10000)
        buffer_add_format(out, "%" PRIu64 ".%" PRIu64 "ms", us / 1000, us % 1000 / 100);
    else
        buffer_add_format(out, "%" PRIu64 "ms", us / 1000);
}

// From here, or else as another member had it, in whole milliseconds.
static void write_trip_of(const struct row *row, bool exact, struct buffer *out)
{
    if (row->teller && row->teller->rtt_us)
        write_trip(row->teller->rtt_us, exact, out);
    else if (row->ack_age_ms && exact)
        buffer_add_format(out, "%" PRIu64 "000", row->rtt_ms);
    else if (row->ack_age_ms)
        buffer_add_format(out, "%" PRIu64 "ms", row->rtt_ms);
}

static void write_bytes(uint64_t bytes, bool exact, struct buffer *out)
{
    if (exact)
        buffer_add_format(out, "%" PRIu64, bytes);
    else
        text_add_bytes(out, bytes);
}

static void write_text(const char *text, struct buffer *out)
{
    buffer_add(out, text, strlen(text));
}

static void write_address(const struct row *row, struct buffer *out)
{
    char text[SWIM_ADDRESS_TEXT];

    write_text(swim_address_text(&row->seen->address, text), out);
}

static void write_number(uint64_t number, struct buffer *out)
{
    buffer_add_format(out, "%" PRIu64, number);
}

// What only nodes tell, and when they were asked themselves.
static void write_of_node(enum column column, const struct row *row, bool exact, struct buffer *out)
{
    if (column == COLUMN_EPOCH && !row->observer && row->meta.epoch)
        write_number(row->meta.epoch, out);
    else if (column == COLUMN_SHARDS && !row->observer && row->meta.epoch)
        write_number(row->meta.shards, out);
    else if (column == COLUMN_KEYS && row->load)
        write_number(row->load->keys, out);
    else if (column == COLUMN_BYTES && row->load)
        write_bytes(row->load->bytes, exact, out);
    else if (column == COLUMN_LOAD && row->load)
        write_number(row->load->in_flight, out);
    else if (column == COLUMN_RTT)
        write_trip_of(row, exact, out);
    else if (column == COLUMN_ACK && row->ack_age_ms)
        write_age(row->ack_age_ms, exact, out);
    else if (column == COLUMN_AGE && row->has_age)
        write_age(row->age_ms, exact, out);
    else if (column == COLUMN_ACCUSERS && row->accusers)
        write_number(row->accusers, out);
}

void column_write(enum column column, const struct row *row, bool exact, struct buffer *out)
{
    switch (column) {
    case COLUMN_NAME:
        write_text(row_name(row), out);
        break;
    case COLUMN_ADDRESS:
        write_address(row, out);
        break;
    case COLUMN_STATE:
        write_text(member_state_text(row->seen->state), out);
        write_text(row->seen->disputed ? "?" : "", out);
        break;
    case COLUMN_ZONE:
        write_text(row_zone(row), out);
        break;
    case COLUMN_INCARNATION:
        write_number(row->seen->incarnation, out);
        break;
    case COLUMN_BUILD:
        write_text(row_build(row), out);
        break;
    case COLUMN_TAGS:
        tags_write(&row->tags, out);
        break;
    default:
        write_of_node(column, row, exact, out);
    }
}

// --- Sorting -------------------------------------------------------------------------------------

struct keyed {
    const struct row *row;
    bool known;
    uint64_t number;
    struct buffer text; // terminated
    size_t place;
};

struct order {
    bool number;
    bool reverse;
};

static int compare_known(const struct keyed *a, const struct keyed *b, bool number)
{
    if (number)
        return (a->number < b->number) - (a->number > b->number);
    return strverscmp((const char *)a->text.data, (const char *)b->text.data);
}

static int compare_keyed(const void *left, const void *right, void *data)
{
    const struct keyed *a = left, *b = right;
    const struct order *order = data;
    int result = 0;

    if (a->known && b->known)
        result = compare_known(a, b, order->number);
    else if (a->known || b->known)
        return a->known ? -1 : 1;
    if (result == 0)
        return a->place < b->place ? -1 : 1;
    return order->reverse ? -result : result;
}

static void key_row(enum column column, const struct row *row, struct keyed *out)
{
    out->row = row;
    column_write(column, row, true, &out->text);
    out->known = out->text.size > 0;
    buffer_add_u8(&out->text, '\0');
    if (column == COLUMN_STATE) // what needs a look comes first
        out->number = (uint64_t[]){0, 2, 3, 1}[row->seen->state] + 4 * row->seen->disputed;
    else if (column_kinds[column].number)
        out->number = strtoull((const char *)out->text.data, NULL, 10);
}

void column_sort(struct report *report, enum column column, bool reverse)
{
    struct keyed *rows = memory_new((report->shown_count + 1) * sizeof *rows);
    struct order order = {column_kinds[column].number || column == COLUMN_STATE, reverse};

    for (size_t i = 0; i < report->shown_count; i++) {
        rows[i].place = i;
        key_row(column, report->shown[i], &rows[i]);
    }
    if (report->shown_count)
        qsort_r(rows, report->shown_count, sizeof *rows, compare_keyed, &order);
    for (size_t i = 0; i < report->shown_count; i++) {
        report->shown[i] = rows[i].row;
        buffer_done(&rows[i].text);
    }
    free(rows);
}
