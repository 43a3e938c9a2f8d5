// SPDX-License-Identifier: Apache-2.0
// What can be said about a value from looking at where it stands alone.

#include "sim/checker/judging.h"

#include <inttypes.h>

static void judge_dot(struct book *book, const struct shown *shown, uint32_t op)
{
    struct dot dot = book->dots[op];

    if (shown->dot.counter && dot_compare(dot, shown->dot))
        verdict_add(book->verdict, VERDICT_DOT,
                    "%s shows v%" PRIu64 " under (%" PRIx64 ",%" PRIu64
                    "), but its dot is (%" PRIx64 ",%" PRIu64 "): %s",
                    shown->where, shown->value, shown->dot.actor, shown->dot.counter, dot.actor,
                    dot.counter, book_text(book, op));
}

// A version of which only the dot is told.
static uint32_t judge_dot_alone(struct book *book, const struct shown *shown)
{
    uint32_t place = book_place(book, shown->dot);

    if (place == NOBODY) {
        // A put whose dot nobody told may stand behind it.
        for (uint32_t i = 0; i < book->count; i++) {
            if (op_writes(book_op(book, book->ops[i])) && !book->dots[book->ops[i]].counter)
                return NOBODY;
        }
        verdict_add(book->verdict, VERDICT_INVENTED,
                    "%s has a version (%" PRIx64 ",%" PRIu64 ") of key %" PRIu32
                    " that no write of it issued",
                    shown->where, shown->dot.actor, shown->dot.counter, book->key);
    }
    return place;
}

uint32_t judge_value(struct book *book, const struct shown *shown)
{
    uint32_t op = book_put(book, shown->value);
    const struct history_op *it = op == NOBODY ? NULL : book_op(book, op);

    if (!shown->value && shown->dot.counter)
        return judge_dot_alone(book, shown);
    if (!it) {
        const char *what = shown->value == VALUE_GARBAGE
                               ? "bytes"
                               : arena_text(&book->texts, "v%" PRIu64, shown->value);

        verdict_add(book->verdict, VERDICT_INVENTED, "%s shows %s that nobody wrote", shown->where,
                    what);
        return NOBODY;
    }
    if (it->key != book->key)
        verdict_add(book->verdict, VERDICT_INVENTED, "%s shows a value of another key: %s",
                    shown->where, book_text(book, op));
    else if (it->began > shown->time)
        verdict_add(book->verdict, VERDICT_INVENTED, "%s shows a value before its write began: %s",
                    shown->where, book_text(book, op));
    else if (it->outcome == HISTORY_REFUSED)
        verdict_add(book->verdict, VERDICT_REFUSED, "%s shows what was refused: %s", shown->where,
                    book_text(book, op));
    else {
        judge_dot(book, shown, op);
        return book->places[op];
    }
    return NOBODY;
}

void judge_together(struct book *book, const uint32_t *places, uint32_t count, const char *where)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct history_op *over =
            places[i] == NOBODY ? NULL : book_op(book, book->named[places[i]].op);

        for (uint32_t n = 0; over && over->sent && n < count; n++) {
            if (places[n] == NOBODY || places[n] == places[i] ||
                !clock_contains(over->sent, book->named[places[n]].dot))
                continue;
            verdict_add(book->verdict, VERDICT_SUPERFLUOUS,
                        "%s shows v%" PRIu64 " (%s) beside %s, whose context has it", where,
                        book_op(book, book->named[places[n]].op)->value,
                        book_text(book, book->named[places[n]].op),
                        book_text(book, book->named[places[i]].op));
        }
    }
}

static void judge_late(struct book *book, const struct history_op *read, uint32_t place,
                       const char *where)
{
    const struct history_op *put = book_op(book, book->named[place].op);
    uint64_t slack = book->settings->expiry_slack;

    if (put->expires && slack < TIME_NEVER - put->expires && put->expires + slack < read->began)
        verdict_add(book->verdict, VERDICT_RETURNED, "%s shows what expired at %" PRIu64 ": %s",
                    where, put->expires, book_text(book, book->named[place].op));
}

void judge_shown(struct book *book, uint32_t read)
{
    const struct history_op *it = book_op(book, read);
    const char *where;
    uint32_t *places;

    if (!it->sibling_count)
        return;
    places = arena_alloc(&book->texts, it->sibling_count * sizeof *places);
    where = book_text(book, read);
    for (uint32_t i = 0; i < it->sibling_count; i++) {
        struct shown shown = {it->siblings[i].value, it->siblings[i].dot, it->ended, where};

        places[i] = judge_value(book, &shown);
        if (places[i] != NOBODY)
            judge_late(book, it, places[i], where);
    }
    judge_together(book, places, it->sibling_count, where);
    book_forget_texts(book);
}
