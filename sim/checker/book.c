// SPDX-License-Identifier: Apache-2.0
// A write can be known under three names: its operation, the number of its value, its dot. Here
// they are brought together, and each key's dots are sorted, so that what a context covers is a few
// ranges of places.

#include "sim/checker/book.h"

#include "base/check.h"

#include <stdlib.h>

// ---- order --------------------------------------------------------------------------------------

struct begun {
    uint64_t began;
    uint32_t key;
    uint32_t op;
};

static int begun_compare(const void *left, const void *right)
{
    const struct begun *a = left;
    const struct begun *b = right;

    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (a->began != b->began)
        return a->began < b->began ? -1 : 1;
    return a->op < b->op ? -1 : a->op > b->op;
}

static int named_compare(const void *left, const void *right)
{
    const struct named *a = left;
    const struct named *b = right;
    int order = dot_compare(a->dot, b->dot);

    if (order)
        return order;
    return a->op < b->op ? -1 : a->op > b->op;
}

static int loss_compare(const void *left, const void *right)
{
    const struct history_loss *a = left;
    const struct history_loss *b = right;

    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (a->node != b->node)
        return a->node < b->node ? -1 : 1;
    return a->since < b->since ? -1 : a->since > b->since;
}

// Room for at least one, so that no pointer is NULL.
static void *list_new(struct arena *arena, uint32_t count, size_t size)
{
    return arena_new(arena, ((size_t)count + 1) * size);
}

static void keys_sort(struct book *book)
{
    const struct history *history = book->history;
    struct begun *begun = memory_new(((size_t)history->op_count + 1) * sizeof *begun);

    for (uint32_t i = 0; i < history->op_count; i++)
        begun[i] = (struct begun){history->ops[i].began, history->ops[i].key, i};
    qsort(begun, history->op_count, sizeof *begun, begun_compare);
    for (uint32_t i = 0; i < history->op_count; i++) {
        book->by_key[i] = begun[i].op;
        book->key_start[begun[i].key + 1] = i + 1;
    }
    for (uint32_t key = 0; key < history->keys; key++) {
        if (book->key_start[key + 1] < book->key_start[key])
            book->key_start[key + 1] = book->key_start[key];
    }
    free(begun);
}

// ---- names --------------------------------------------------------------------------------------

uint32_t book_put(const struct book *book, uint64_t value)
{
    const struct history_op *op = table_find(&book->by_value, value);

    return op ? (uint32_t)(op - book->history->ops) : NOBODY;
}

void book_learn(struct book *book, uint64_t value, struct dot dot)
{
    uint32_t op = book_put(book, value);

    if (op != NOBODY && dot.counter && !book->dots[op].counter)
        book->dots[op] = dot;
}

static void names_learn(struct book *book)
{
    const struct history *history = book->history;

    for (uint32_t i = 0; i < history->op_count; i++) {
        struct history_op *op = &history->ops[i];

        book->dots[i] = op->dot;
        if (op->method != HISTORY_PUT)
            continue;
        check(!table_find(&book->by_value, op->value)); // the recorder's promise
        table_set(&book->by_value, op->value, op);
    }
    for (uint32_t i = 0; i < history->op_count; i++) {
        const struct history_op *op = &history->ops[i];

        for (uint32_t n = 0; n < op->sibling_count; n++)
            book_learn(book, op->siblings[n].value, op->siblings[n].dot);
    }
}

void book_open(struct book *book, const struct history *history,
               const struct judge_settings *settings, struct verdict *verdict)
{
    *book = (struct book){.history = history, .settings = settings, .verdict = verdict};
    check(settings->replicas > 0);
    book->dots = list_new(&book->arena, history->op_count, sizeof *book->dots);
    book->by_key = list_new(&book->arena, history->op_count, sizeof *book->by_key);
    book->key_start = list_new(&book->arena, history->keys + 1, sizeof *book->key_start);
    book->named = list_new(&book->arena, history->op_count, sizeof *book->named);
    book->places = list_new(&book->arena, history->op_count, sizeof *book->places);
    book->losses = list_new(&book->arena, history->loss_count, sizeof *book->losses);
    if (history->loss_count)
        memcpy(book->losses, history->losses, history->loss_count * sizeof *book->losses);
    qsort(book->losses, history->loss_count, sizeof *book->losses, loss_compare);
    keys_sort(book);
    names_learn(book);
}

void book_close(struct book *book)
{
    table_done(&book->by_value);
    arena_done(&book->arena);
    arena_done(&book->texts);
}

// Of two writes with one dot the second is a finding and keeps no place.
static void named_sort(struct book *book)
{
    uint32_t kept = 0;

    qsort(book->named, book->named_count, sizeof *book->named, named_compare);
    for (uint32_t i = 0; i < book->named_count; i++) {
        struct named it = book->named[i];

        if (kept > 0 && dot_compare(book->named[kept - 1].dot, it.dot) == 0) {
            verdict_add(book->verdict, VERDICT_DOT, "one dot for %s and %s",
                        book_text(book, book->named[kept - 1].op), book_text(book, it.op));
            continue;
        }
        book->places[it.op] = kept;
        book->named[kept++] = it;
    }
    book->named_count = kept;
    book_forget_texts(book);
}

void book_turn(struct book *book, uint32_t key)
{
    book->key = key;
    book->ops = book->by_key + book->key_start[key];
    book->count = book->key_start[key + 1] - book->key_start[key];
    book->named_count = 0;
    for (uint32_t i = 0; i < book->count; i++) {
        uint32_t op = book->ops[i];

        book->places[op] = NOBODY;
        if (op_writes(book_op(book, op)) && book->dots[op].counter)
            book->named[book->named_count++] = (struct named){book->dots[op], op};
    }
    named_sort(book);
}

// The first place whose dot is not below.
static uint32_t place_from(const struct book *book, struct dot dot)
{
    uint32_t low = 0;
    uint32_t high = book->named_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (dot_compare(book->named[middle].dot, dot) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t book_place(const struct book *book, struct dot dot)
{
    uint32_t place = place_from(book, dot);

    return place < book->named_count && dot_compare(book->named[place].dot, dot) == 0 ? place
                                                                                      : NOBODY;
}

uint32_t book_sibling(const struct book *book, uint64_t value, struct dot dot)
{
    uint32_t op = book_put(book, value);

    if (op != NOBODY && book_op(book, op)->key == book->key)
        return book->places[op];
    return dot.counter && !value ? book_place(book, dot) : NOBODY;
}

void book_range(const struct book *book, const struct run *run, uint32_t *out_low,
                uint32_t *out_high)
{
    struct dot last = {run->actor, run->last};
    uint32_t high;

    *out_low = place_from(book, (struct dot){run->actor, run->first});
    high = place_from(book, last);
    if (high < book->named_count && dot_compare(book->named[high].dot, last) == 0)
        high++;
    *out_high = high;
}

// ---- copies -------------------------------------------------------------------------------------

// The nodes whose acknowledgements of the write are gone at `time`. When within the operation a
// disk acknowledged nobody knows, so that a loss meanwhile counts.
static uint64_t nodes_lost(const struct book *book, const struct history_op *op, uint64_t time)
{
    uint64_t lost = 0;

    for (uint32_t i = 0; i < book->history->loss_count && book->losses[i].at <= time; i++) {
        const struct history_loss *loss = &book->losses[i];

        if (op->began <= loss->at && op->ended >= loss->since)
            lost |= (uint64_t)1 << loss->node;
    }
    return lost;
}

static uint32_t smaller_by(uint32_t count, int less)
{
    return count > (uint32_t)less ? count - (uint32_t)less : 0;
}

uint32_t book_copies(const struct book *book, uint32_t op, uint64_t time)
{
    const struct history_op *it = book_op(book, op);
    uint64_t lost = nodes_lost(book, it, time);
    uint32_t promised = it->strict ? it->asked : it->owners;
    uint64_t owners = it->holders & ~it->guests;
    uint32_t known = (uint32_t)__builtin_popcountll(owners);

    if (!it->holders_known)
        return smaller_by(promised, __builtin_popcountll(lost));
    return smaller_by(known > promised ? known : promised, __builtin_popcountll(owners & lost));
}

// From..to, both included.
static bool loses_between(const struct book *book, uint64_t from, uint64_t to)
{
    for (uint32_t i = 0; i < book->history->loss_count; i++) {
        if (book->losses[i].at >= from && book->losses[i].at <= to)
            return true;
    }
    return false;
}

bool book_survives(const struct book *book, uint32_t op, uint64_t time)
{
    const struct history_op *it = book_op(book, op);
    uint64_t lost = nodes_lost(book, it, time);

    if (it->outcome != HISTORY_ACKNOWLEDGED)
        return !loses_between(book, it->began, time);
    if (it->holders_known)
        return it->holders & ~lost;
    return it->asked > (uint32_t)__builtin_popcountll(lost);
}

bool book_loses_during(const struct book *book, uint32_t op)
{
    return loses_between(book, book_op(book, op)->began, book_op(book, op)->ended);
}

uint32_t book_read_quorum(const struct history_op *op)
{
    return op->strict ? op->asked : op->owners;
}

bool book_meets(const struct book *book, uint32_t write, uint32_t read)
{
    const struct history_op *reader = book_op(book, read);
    const struct history_op *writer = book_op(book, write);

    return op_is_acknowledged_write(writer) && writer->ended < reader->began &&
           !book_loses_during(book, read) &&
           book_copies(book, write, reader->ended) + book_read_quorum(reader) >
               book->settings->replicas;
}

bool book_may_expire(const struct book *book, const struct history_op *op, uint64_t time)
{
    uint64_t slack = book->settings->expiry_slack;

    if (!op->expires)
        return false;
    return slack >= op->expires || op->expires - slack <= time;
}

// ---- words --------------------------------------------------------------------------------------

const char *book_text(struct book *book, uint32_t op)
{
    return history_op_text(book->history, op, &book->texts);
}

void book_forget_texts(struct book *book)
{
    arena_reset(&book->texts);
}

uint32_t book_suspect(const struct book *book, uint32_t op, uint64_t time)
{
    const struct history_op *lost = book_op(book, op);

    for (uint32_t i = 0; i < book->count; i++) {
        const struct history_op *it = book_op(book, book->ops[i]);

        if (it->began > time)
            break;
        if (it->method == HISTORY_DELETE && op_writes(it) && it->ended >= lost->began &&
            !(it->sent && clock_contains(it->sent, book->dots[op])))
            return book->ops[i];
    }
    return NOBODY;
}
