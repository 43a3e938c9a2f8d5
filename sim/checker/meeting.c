// SPDX-License-Identifier: Apache-2.0
// One sweep over a key in the order in which reads begin. Before each read the writes are admitted
// that were acknowledged before it began, and the disks struck off that were lost before:
//
//     acknowledged writes, by end ──┐                 ┌─ known[c]: how many dots with c copies or
//     lost disks, by time ──────────┼─▶ read, by begin│  more must be in a context: one sum a run
//                                   │                 ├─ live: values that must be shown
//                                   │                 └─ gone[c]: places covered with c copies
//
// A read of quorum q meets what has N - q + 1 copies or more. Live values are few: a read shows
// them, or they are covered, or they are findings, and a finding is told once.

#include "sim/checker/judging.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdlib.h>

struct sweep {
    struct book *book;
    const struct cover *begun;
    struct arena arena;
    uint32_t classes;   // copies 1..classes are told apart: N
    struct sums *known; // by class
    struct cover *gone; // by class
    uint32_t *copies;   // by place, of admitted writes; 0: not admitted, or none left, or told
    uint32_t *ended;    // acknowledged writes, by end
    uint32_t ended_count;
    uint32_t admitted;
    uint32_t losses; // struck off so far
    uint32_t *live;
    uint32_t live_count;
    uint32_t *marks; // by place: the number of the last read that showed it
    uint32_t mark;
};

struct ending {
    uint64_t ended;
    uint32_t op;
};

static int ending_compare(const void *left, const void *right)
{
    const struct ending *a = left;
    const struct ending *b = right;

    if (a->ended != b->ended)
        return a->ended < b->ended ? -1 : 1;
    return a->op < b->op ? -1 : a->op > b->op;
}

static void endings_sort(struct sweep *sweep)
{
    struct book *book = sweep->book;
    struct ending *endings = memory_new(((size_t)book->count + 1) * sizeof *endings);

    for (uint32_t i = 0; i < book->count; i++) {
        const struct history_op *it = book_op(book, book->ops[i]);

        if (op_is_acknowledged_write(it))
            endings[sweep->ended_count++] = (struct ending){it->ended, book->ops[i]};
    }
    qsort(endings, sweep->ended_count, sizeof *endings, ending_compare);
    sweep->ended = arena_alloc(&sweep->arena, (size_t)book->count * sizeof *sweep->ended + 1);
    for (uint32_t i = 0; i < sweep->ended_count; i++)
        sweep->ended[i] = endings[i].op;
    free(endings);
}

static void sweep_open(struct sweep *sweep, struct book *book, const struct cover *begun)
{
    size_t places = (size_t)book->named_count + 1;

    *sweep = (struct sweep){.book = book, .begun = begun, .classes = book->settings->replicas};
    sweep->known = arena_alloc(&sweep->arena, (sweep->classes + 1) * sizeof *sweep->known);
    sweep->gone = arena_alloc(&sweep->arena, (sweep->classes + 1) * sizeof *sweep->gone);
    for (uint32_t i = 0; i <= sweep->classes; i++) {
        sums_init(&sweep->known[i], book->named_count, &sweep->arena);
        cover_init(&sweep->gone[i], book, &sweep->arena);
    }
    sweep->copies = arena_new(&sweep->arena, places * sizeof *sweep->copies);
    sweep->live = arena_new(&sweep->arena, places * sizeof *sweep->live);
    sweep->marks = arena_new(&sweep->arena, places * sizeof *sweep->marks);
    endings_sort(sweep);
}

static void place_count(struct sweep *sweep, uint32_t place, uint32_t copies)
{
    if (copies > sweep->classes)
        copies = sweep->classes;
    for (uint32_t i = 1; i <= sweep->classes; i++) {
        int32_t amount = (int32_t)(copies >= i) - (int32_t)(sweep->copies[place] >= i);

        if (amount)
            sums_add(&sweep->known[i], place, amount);
    }
    sweep->copies[place] = copies;
}

static void write_admit(struct sweep *sweep, uint32_t op, uint64_t time)
{
    struct book *book = sweep->book;
    uint32_t copies = book_copies(book, op, time);
    uint32_t place = book->places[op];

    for (uint32_t i = 1; i <= sweep->classes && i <= copies; i++)
        cover_add(&sweep->gone[i], book, op, NULL, NULL);
    if (place == NOBODY)
        return;
    place_count(sweep, place, copies);
    if (book_op(book, op)->method == HISTORY_PUT)
        sweep->live[sweep->live_count++] = place;
}

static void losses_strike(struct sweep *sweep, uint64_t time)
{
    struct book *book = sweep->book;
    uint32_t before = sweep->losses;

    while (sweep->losses < book->history->loss_count && book->losses[sweep->losses].at < time)
        sweep->losses++;
    for (uint32_t i = 0; before < sweep->losses && i < book->named_count; i++) {
        if (sweep->copies[i])
            place_count(sweep, i, book_copies(book, book->named[i].op, time));
    }
}

static void sweep_advance(struct sweep *sweep, uint64_t time)
{
    losses_strike(sweep, time);
    while (sweep->admitted < sweep->ended_count &&
           book_op(sweep->book, sweep->ended[sweep->admitted])->ended < time)
        write_admit(sweep, sweep->ended[sweep->admitted++], time);
}

// ---- one read -----------------------------------------------------------------------------------

struct meeting {
    uint32_t read;
    const struct history_op *it;
    uint32_t enough; // copies from which on a write is met
};

// A finding is told once: nothing more is asked for this write.
static void place_told(struct sweep *sweep, uint32_t place)
{
    place_count(sweep, place, 0);
}

// The context has the dot of each write that is met.
static void context_judge(struct sweep *sweep, const struct meeting *meeting)
{
    struct book *book = sweep->book;
    const struct sums *known = &sweep->known[meeting->enough];
    const struct clock *received = meeting->it->received;
    uint32_t have = 0;

    for (uint32_t i = 0; i < received->count; i++) {
        uint32_t low;
        uint32_t high;

        book_range(book, &received->runs[i], &low, &high);
        have += sums_range(known, low, high);
    }
    for (uint32_t i = 0; have < known->total && i < book->named_count; i++) {
        if (sweep->copies[i] < meeting->enough || clock_contains(received, book->named[i].dot))
            continue;
        verdict_add(book->verdict, VERDICT_MISSED,
                    "%s has a context without (%" PRIx64 ",%" PRIu64 "), acknowledged before: %s",
                    book_text(book, meeting->read), book->named[i].dot.actor,
                    book->named[i].dot.counter, book_text(book, book->named[i].op));
        place_told(sweep, i);
    }
}

static void value_missed(struct sweep *sweep, const struct meeting *meeting, uint32_t place)
{
    struct book *book = sweep->book;
    uint32_t op = book->named[place].op;
    uint32_t suspect = book_suspect(book, op, meeting->it->ended);

    if (suspect == NOBODY)
        verdict_add(book->verdict, VERDICT_MISSED,
                    "%s shows %" PRIu32 " values and misses %s, which nothing begun by then covers",
                    book_text(book, meeting->read), meeting->it->sibling_count,
                    book_text(book, op));
    else
        verdict_add(book->verdict, VERDICT_ERASED,
                    "%s shows %" PRIu32
                    " values and misses %s, which nothing begun by then covers; "
                    "beside it ran %s",
                    book_text(book, meeting->read), meeting->it->sibling_count, book_text(book, op),
                    book_text(book, suspect));
    place_told(sweep, place);
}

// Is it in order that the read does not show the live value? *out_for_ever: for every later one
// too.
static bool is_excused(const struct sweep *sweep, const struct meeting *meeting, uint32_t place,
                       bool *out_for_ever)
{
    const struct book *book = sweep->book;
    const struct history_op *put = book_op(book, book->named[place].op);
    uint32_t over = sweep->begun->by[place];

    *out_for_ever = false;
    if (over != NOBODY && book_op(book, over)->began <= meeting->it->ended) {
        *out_for_ever = book_op(book, over)->began <= meeting->it->began;
        return true;
    }
    if (book_may_expire(book, put, meeting->it->ended)) {
        *out_for_ever = book_may_expire(book, put, meeting->it->began);
        return true;
    }
    return false;
}

// Where the last write wins, one value may stand for all.
static bool shows_another(const struct meeting *meeting)
{
    return meeting->it->latest_only && meeting->it->sibling_count > 0;
}

// Each live value that is met is shown, or something has begun that may have replaced it.
static void values_judge(struct sweep *sweep, const struct meeting *meeting)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < sweep->live_count; i++) {
        uint32_t place = sweep->live[i];
        bool for_ever = false;
        bool excused = is_excused(sweep, meeting, place, &for_ever);

        if (!excused && sweep->copies[place] >= meeting->enough &&
            sweep->marks[place] != sweep->mark && !shows_another(meeting))
            value_missed(sweep, meeting, place);
        if (!for_ever && sweep->copies[place])
            sweep->live[kept++] = place;
    }
    sweep->live_count = kept;
}

// What an acknowledged write covers is not shown.
static void returned_judge(struct sweep *sweep, const struct meeting *meeting, uint32_t place)
{
    struct book *book = sweep->book;
    uint32_t over = sweep->gone[meeting->enough].by[place];

    if (over == NOBODY || book_copies(book, over, meeting->it->ended) < meeting->enough)
        return;
    verdict_add(book->verdict, VERDICT_RETURNED, "%s shows %s, covered by the context of %s",
                book_text(book, meeting->read), book_text(book, book->named[place].op),
                book_text(book, over));
}

static void read_judge(struct sweep *sweep, uint32_t read)
{
    struct book *book = sweep->book;
    const struct history_op *it = book_op(book, read);
    uint32_t quorum = book_read_quorum(it);
    struct meeting meeting = {read, it, 1};

    sweep_advance(sweep, it->began);
    if (!quorum || book_loses_during(book, read))
        return;
    if (quorum <= sweep->classes)
        meeting.enough = sweep->classes - quorum + 1;
    sweep->mark++;
    for (uint32_t i = 0; i < it->sibling_count; i++) {
        uint32_t place = book_sibling(book, it->siblings[i].value, it->siblings[i].dot);

        if (place == NOBODY)
            continue;
        sweep->marks[place] = sweep->mark;
        returned_judge(sweep, &meeting, place);
    }
    book->verdict->reads_judged += sweep->known[meeting.enough].total > 0;
    if (it->received)
        context_judge(sweep, &meeting);
    values_judge(sweep, &meeting);
    book_forget_texts(book);
}

void judge_meetings(struct book *book, const struct cover *begun)
{
    struct sweep sweep;

    sweep_open(&sweep, book, begun);
    for (uint32_t i = 0; i < book->count; i++) {
        if (op_is_read(book, book->ops[i]))
            read_judge(&sweep, book->ops[i]);
    }
    arena_done(&sweep.arena);
}
