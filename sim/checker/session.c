// SPDX-License-Identifier: Apache-2.0
// Sessions: what one of them was shown and wrote must be known to what it reads next, and to
// whoever reads what it wrote (Terry, Demers, Petersen, Spreitzer, Theimer, Welch, "Session
// guarantees for weakly consistent replicated data", 1994, section 2).

#include "sim/checker/judging.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdlib.h>

// What a session had done before one of its operations on the key.
struct earlier {
    uint32_t read;  // its last read; NOBODY
    uint32_t write; // its last acknowledged write with a known dot; NOBODY
};

struct step {
    uint32_t session;
    uint32_t op;
    uint64_t began;
    struct earlier earlier;
};

struct sessions {
    struct book *book;
    const struct cover *begun;
    struct arena arena;
    struct step *steps;
    struct earlier *by_place; // of writes
    uint32_t *shown;          // places of the read at hand
    uint32_t shown_count;
};

static int step_compare(const void *left, const void *right)
{
    const struct step *a = left;
    const struct step *b = right;

    if (a->session != b->session)
        return a->session < b->session ? -1 : 1;
    if (a->began != b->began)
        return a->began < b->began ? -1 : 1;
    return a->op < b->op ? -1 : a->op > b->op;
}

static void steps_sort(struct sessions *sessions)
{
    struct book *book = sessions->book;
    struct earlier earlier = {NOBODY, NOBODY};

    for (uint32_t i = 0; i < book->count; i++) {
        const struct history_op *it = book_op(book, book->ops[i]);

        sessions->steps[i] = (struct step){it->session, book->ops[i], it->began, {0}};
    }
    qsort(sessions->steps, book->count, sizeof *sessions->steps, step_compare);
    for (uint32_t i = 0; i < book->count; i++) {
        struct step *step = &sessions->steps[i];
        const struct history_op *it = book_op(book, step->op);
        uint32_t place = book->places[step->op];

        if (i > 0 && step[-1].session != step->session)
            earlier = (struct earlier){NOBODY, NOBODY};
        step->earlier = earlier;
        if (place != NOBODY)
            sessions->by_place[place] = earlier;
        if (it->method == HISTORY_GET && it->outcome == HISTORY_ACKNOWLEDGED)
            earlier.read = step->op;
        else if (op_is_acknowledged_write(it) && place != NOBODY)
            earlier.write = step->op;
    }
}

// The place of the i-th sibling of a read.
static uint32_t sibling_place(const struct book *book, const struct history_op *read, uint32_t i)
{
    return book_sibling(book, read->siblings[i].value, read->siblings[i].dot);
}

// Whether the read knows of the write at `place`: by its context, or, when that is not told, by
// showing it or by what could have replaced it.
static bool is_known(const struct sessions *sessions, uint32_t read, uint32_t place)
{
    const struct book *book = sessions->book;
    const struct history_op *it = book_op(book, read);
    const struct history_op *write = book_op(book, book->named[place].op);
    uint32_t over = sessions->begun->by[place];

    if (it->received)
        return clock_contains(it->received, book->named[place].dot);
    for (uint32_t i = 0; i < sessions->shown_count; i++) {
        if (sessions->shown[i] == place)
            return true;
    }
    return write->method == HISTORY_DELETE || (it->latest_only && it->sibling_count > 0) ||
           book_may_expire(book, write, it->ended) ||
           (over != NOBODY && book_op(book, over)->began <= it->ended);
}

struct test {
    enum verdict_guarantee guarantee;
    enum verdict_kind kind;
    bool promised;
    bool kept;
};

// True when it is a failure, for which the caller has the words.
static bool test_count(struct book *book, const struct test *test)
{
    if (!test->promised) {
        book->verdict->rates[test->guarantee].tested++;
        book->verdict->rates[test->guarantee].broken += !test->kept;
        return false;
    }
    book->verdict->promises_tested++;
    return !test->kept;
}

static void test_tell(struct book *book, const struct test *test, uint32_t read, uint32_t place,
                      const char *because)
{
    if (test_count(book, test))
        verdict_add(book->verdict, test->kind, "%s does not know of %s: %s", book_text(book, read),
                    book_text(book, book->named[place].op), because);
}

// ---- between a session's operation and its next read ------------------------------------------

static bool is_settled(const struct book *book, uint32_t before, uint32_t read)
{
    return book->settings->reads_settle && book_op(book, before)->strict &&
           book_op(book, read)->strict && book_op(book, before)->ended < book_op(book, read)->began;
}

// All that the session wrote since its last read, and the last before it.
static void own_writes_judge(struct sessions *sessions, const struct step *step)
{
    struct book *book = sessions->book;
    uint32_t write = step->earlier.write;

    while (write != NOBODY) {
        uint32_t place = book->places[write];
        struct test test = {GUARANTEE_READ_YOUR_WRITES, VERDICT_READ_YOUR_WRITES,
                            book_meets(book, write, step->op), is_known(sessions, step->op, place)};

        test_tell(book, &test, step->op, place, "the session wrote it itself before");
        write = sessions->by_place[place].read == step->earlier.read
                    ? sessions->by_place[place].write
                    : NOBODY;
    }
}

static void seen_values_judge(struct sessions *sessions, const struct step *step)
{
    struct book *book = sessions->book;
    const struct history_op *before = book_op(book, step->earlier.read);

    for (uint32_t i = 0; i < before->sibling_count; i++) {
        uint32_t place = sibling_place(book, before, i);
        struct test test = {GUARANTEE_MONOTONIC_READS, VERDICT_MONOTONIC_READS, false, false};

        if (place == NOBODY)
            continue;
        test.promised = book_meets(book, book->named[place].op, step->op) ||
                        is_settled(book, step->earlier.read, step->op);
        test.kept = is_known(sessions, step->op, place);
        test_tell(book, &test, step->op, place, "an earlier read of the session showed it");
    }
}

// A dot of this key that the context before had and this one has not. True when that is a failure.
static bool gone_dot_judge(struct sessions *sessions, const struct step *step, uint32_t place)
{
    struct book *book = sessions->book;

    if (!book_meets(book, book->named[place].op, step->op) &&
        !is_settled(book, step->earlier.read, step->op))
        return false;
    verdict_add(book->verdict, VERDICT_BACKWARD,
                "%s does not know of %s: the session's context had it before, at %s",
                book_text(book, step->op), book_text(book, book->named[place].op),
                book_text(book, step->earlier.read));
    return true;
}

static void contexts_judge(struct sessions *sessions, const struct step *step)
{
    struct book *book = sessions->book;
    const struct clock *had = book_op(book, step->earlier.read)->received;
    const struct clock *have = book_op(book, step->op)->received;
    struct clock gone = clock_in(&sessions->arena);
    bool backward = false;

    if (!had || !have)
        return;
    clock_copy(&gone, had);
    clock_subtract(&gone, have);
    for (uint32_t i = 0; i < gone.count; i++) {
        uint32_t low;
        uint32_t high;

        book_range(book, &gone.runs[i], &low, &high);
        for (; low < high; low++)
            backward |= !gone_dot_judge(sessions, step, low);
    }
    book->verdict->promises_tested++;
    book->verdict->rates[GUARANTEE_MONOTONIC_CONTEXT].tested++;
    book->verdict->rates[GUARANTEE_MONOTONIC_CONTEXT].broken += backward;
}

// ---- between a session's write and whoever reads it -------------------------------------------

// The write at `place` is shown: its reader knows the write at `before`, if the context sent had
// it.
static void behind_judge(struct sessions *sessions, uint32_t read, uint32_t place, uint32_t before,
                         enum verdict_guarantee guarantee)
{
    struct book *book = sessions->book;
    const struct history_op *write = book_op(book, book->named[place].op);
    struct test test = {guarantee, VERDICT_MONOTONIC_WRITES,
                        write->sent && clock_contains(write->sent, book->named[before].dot),
                        is_known(sessions, read, before)};

    if (guarantee == GUARANTEE_WRITES_FOLLOW_READS)
        test.kind = VERDICT_WRITES_FOLLOW_READS;
    // A dot that stands in a context alone, since all disks with its write are lost, may be
    // forgotten.
    if (!book_survives(book, book->named[before].op, book_op(book, read)->ended))
        return;
    if (test_count(book, &test))
        verdict_add(book->verdict, test.kind,
                    "%s shows %s, but does not know of %s, which its session had %s before",
                    book_text(book, read), book_text(book, book->named[place].op),
                    book_text(book, book->named[before].op),
                    guarantee == GUARANTEE_MONOTONIC_WRITES ? "written" : "read");
}

static void shown_judge(struct sessions *sessions, uint32_t read, uint32_t place)
{
    struct book *book = sessions->book;
    struct earlier earlier = sessions->by_place[place];
    const struct history_op *before = earlier.read == NOBODY ? NULL : book_op(book, earlier.read);

    if (earlier.write != NOBODY)
        behind_judge(sessions, read, place, book->places[earlier.write],
                     GUARANTEE_MONOTONIC_WRITES);
    for (uint32_t i = 0; before && i < before->sibling_count; i++) {
        uint32_t seen = sibling_place(book, before, i);

        if (seen != NOBODY && seen != place)
            behind_judge(sessions, read, place, seen, GUARANTEE_WRITES_FOLLOW_READS);
    }
}

static void step_judge(struct sessions *sessions, const struct step *step)
{
    struct book *book = sessions->book;
    const struct history_op *read = book_op(book, step->op);

    sessions->shown = arena_alloc(&sessions->arena, read->sibling_count * sizeof(uint32_t) + 1);
    sessions->shown_count = 0;
    for (uint32_t i = 0; i < read->sibling_count; i++) {
        uint32_t place = sibling_place(book, read, i);

        if (place != NOBODY)
            sessions->shown[sessions->shown_count++] = place;
    }
    own_writes_judge(sessions, step);
    if (step->earlier.read != NOBODY) {
        seen_values_judge(sessions, step);
        contexts_judge(sessions, step);
    }
    for (uint32_t i = 0; i < sessions->shown_count; i++)
        shown_judge(sessions, step->op, sessions->shown[i]);
    book_forget_texts(book);
}

// What a session wrote it has seen: the token that it is told must say so.
static void token_judge(struct book *book, uint32_t op)
{
    const struct history_op *it = book_op(book, op);

    if (!op_is_acknowledged_write(it) || !it->received || it->dot.actor == 0)
        return;
    book->verdict->promises_tested++;
    if (clock_contains(it->received, it->dot))
        return;
    verdict_add(book->verdict, VERDICT_READ_YOUR_WRITES, "the token told to %s does not cover it",
                book_text(book, op));
    book_forget_texts(book);
}

void judge_sessions(struct book *book, const struct cover *begun)
{
    struct sessions sessions = {.book = book, .begun = begun};

    sessions.steps = memory_new(((size_t)book->count + 1) * sizeof *sessions.steps);
    sessions.by_place = memory_new(((size_t)book->named_count + 1) * sizeof *sessions.by_place);
    steps_sort(&sessions);
    for (uint32_t i = 0; i < book->count; i++) {
        token_judge(book, sessions.steps[i].op);
        if (!op_is_read(book, sessions.steps[i].op))
            continue;
        step_judge(&sessions, &sessions.steps[i]);
        arena_reset(&sessions.arena);
    }
    free(sessions.steps);
    free(sessions.by_place);
    arena_done(&sessions.arena);
}
