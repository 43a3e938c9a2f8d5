// SPDX-License-Identifier: Apache-2.0
// After convergence: what is on the disks against what was acknowledged.
//
// A write is accounted for when it is there, when it has expired, when it is a delete, or when the
// context of another one that is accounted for covers it. That is a search from what needs no
// explanation along the contexts sent, each place once:
//
//     there, expired, deletes, puts nobody can name ──contexts──▶ covered ──contexts──▶ ...
//
// What the search does not reach and was acknowledged is lost.

#include "sim/checker/judging.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdlib.h>

struct held {
    uint32_t key;
    const struct replica_state *state;
    const struct replica_object *object;
};

struct ending {
    uint64_t ended;
    uint32_t op;
};

struct ending_up {
    struct book *book;
    uint64_t now;
    struct held *held; // all objects of all states, by key
    uint32_t held_count;
    uint32_t at; // of the key at hand
    struct arena arena;
    bool *there;     // by place
    uint32_t *found; // places accounted for, in the order of finding
    uint32_t found_count;
    bool *accounted; // by place
};

static int held_compare(const void *left, const void *right)
{
    const struct held *a = left;
    const struct held *b = right;

    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->state < b->state ? -1 : a->state > b->state;
}

static int ending_compare(const void *left, const void *right)
{
    const struct ending *a = left;
    const struct ending *b = right;

    if (a->ended != b->ended)
        return a->ended < b->ended ? -1 : 1;
    return a->op < b->op ? -1 : a->op > b->op;
}

// Gathers the objects by key and learns the dots of their values.
static void held_gather(struct ending_up *end, const struct replica_states *states)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < states->count; i++)
        count += states->list[i].object_count;
    end->held = memory_new(((size_t)count + 1) * sizeof *end->held);
    for (uint32_t i = 0; i < states->count; i++) {
        const struct replica_state *state = &states->list[i];

        for (uint32_t n = 0; n < state->object_count; n++) {
            const struct replica_object *object = &state->objects[n];

            check(object->key < end->book->history->keys);
            end->held[end->held_count++] = (struct held){object->key, state, object};
            for (uint32_t v = 0; object->values && v < object->object->count; v++)
                book_learn(end->book, object->values[v], object->object->versions[v].dot);
        }
    }
    qsort(end->held, end->held_count, sizeof *end->held, held_compare);
}

// ---- what is there ------------------------------------------------------------------------------

static void object_judge(struct ending_up *end, const struct held *held)
{
    struct book *book = end->book;
    const struct object *object = held->object->object;
    uint32_t *places = arena_alloc(&book->texts, object->count * sizeof *places + 1);
    const char *where = arena_text(&book->texts, "node %" PRIu32 " after convergence, key %" PRIu32,
                                   held->state->node, book->key);

    for (uint32_t i = 0; i < object->count; i++) {
        struct shown shown = {held->object->values ? held->object->values[i] : 0,
                              object->versions[i].dot, end->now, where};

        places[i] = judge_value(book, &shown);
        if (places[i] != NOBODY)
            end->there[places[i]] = true;
    }
    judge_together(book, places, object->count, where);
    book_forget_texts(book);
}

// ---- what must not be there ---------------------------------------------------------------------

static void returned_judge(struct ending_up *end)
{
    struct book *book = end->book;
    struct ending *endings = memory_new(((size_t)book->count + 1) * sizeof *endings);
    uint32_t count = 0;
    struct cover gone;

    for (uint32_t i = 0; i < book->count; i++) {
        const struct history_op *it = book_op(book, book->ops[i]);

        if (op_is_acknowledged_write(it) && book_survives(book, book->ops[i], end->now))
            endings[count++] = (struct ending){it->ended, book->ops[i]};
    }
    qsort(endings, count, sizeof *endings, ending_compare);
    cover_init(&gone, book, &end->arena);
    for (uint32_t i = 0; i < count; i++)
        cover_add(&gone, book, endings[i].op, NULL, NULL);
    for (uint32_t i = 0; i < book->named_count; i++) {
        if (!end->there[i] || gone.by[i] == NOBODY)
            continue;
        verdict_add(book->verdict, VERDICT_RETURNED,
                    "on a disk after convergence: %s, covered by the context of %s",
                    book_text(book, book->named[i].op), book_text(book, gone.by[i]));
        book_forget_texts(book);
    }
    free(endings);
}

// ---- what must be there -------------------------------------------------------------------------

static void place_account(void *context, uint32_t place)
{
    struct ending_up *end = context;

    if (!end->accounted[place])
        end->found[end->found_count++] = place;
    end->accounted[place] = true;
}

static bool needs_no_explanation(const struct ending_up *end, uint32_t op)
{
    const struct book *book = end->book;
    const struct history_op *it = book_op(book, op);
    uint32_t place = book->places[op];

    return it->method == HISTORY_DELETE || book_may_expire(book, it, end->now) ||
           (place != NOBODY && end->there[place]) ||
           (!book->dots[op].counter && it->outcome == HISTORY_UNKNOWN);
}

static void account(struct ending_up *end)
{
    struct book *book = end->book;
    struct cover cover;

    cover_init(&cover, book, &end->arena);
    for (uint32_t i = 0; i < book->count; i++) {
        uint32_t op = book->ops[i];

        if (!op_writes(book_op(book, op)) || !needs_no_explanation(end, op))
            continue;
        if (book->places[op] != NOBODY)
            place_account(end, book->places[op]);
        cover_add(&cover, book, op, place_account, end);
    }
    for (uint32_t i = 0; i < end->found_count; i++)
        cover_add(&cover, book, book->named[end->found[i]].op, place_account, end);
}

static void lost_tell(struct ending_up *end, uint32_t op, uint32_t over)
{
    struct book *book = end->book;
    uint32_t suspect = book_suspect(book, op, end->now);
    const char *because = "the context of no write covers it";

    if (over != NOBODY)
        because = arena_text(&book->texts, "what covers it is not accounted for itself, as %s",
                             book_text(book, over));
    if (suspect != NOBODY && over == NOBODY)
        verdict_add(book->verdict, VERDICT_ERASED,
                    "%s is gone after convergence (holders %" PRIx64 "): %s; beside it ran %s",
                    book_text(book, op), book_op(book, op)->holders, because,
                    book_text(book, suspect));
    else
        verdict_add(book->verdict, VERDICT_LOST,
                    "%s is gone after convergence (holders %" PRIx64 "): %s", book_text(book, op),
                    book_op(book, op)->holders, because);
    book_forget_texts(book);
}

static void lost_judge(struct ending_up *end)
{
    struct book *book = end->book;
    struct cover begun;

    cover_init(&begun, book, &end->arena);
    for (uint32_t i = 0; i < book->count; i++) {
        if (op_writes(book_op(book, book->ops[i])))
            cover_add(&begun, book, book->ops[i], NULL, NULL);
    }
    account(end);
    for (uint32_t i = 0; i < book->named_count; i++) {
        uint32_t op = book->named[i].op;
        const struct history_op *it = book_op(book, op);

        if (it->method != HISTORY_PUT || !op_is_acknowledged_write(it) ||
            !book_survives(book, op, end->now))
            continue;
        book->verdict->writes_judged++;
        if (!end->accounted[i])
            lost_tell(end, op, begun.by[i]);
    }
}

static void key_judge(struct ending_up *end)
{
    struct book *book = end->book;
    size_t places = (size_t)book->named_count + 1;

    end->there = arena_new(&end->arena, places * sizeof *end->there);
    end->accounted = arena_new(&end->arena, places * sizeof *end->accounted);
    end->found = arena_new(&end->arena, places * sizeof *end->found);
    end->found_count = 0;
    for (; end->at < end->held_count && end->held[end->at].key == book->key; end->at++)
        object_judge(end, &end->held[end->at]);
    returned_judge(end);
    lost_judge(end);
    arena_reset(&end->arena);
}

void judge_final(const struct history *history, const struct judge_settings *settings,
                 const struct replica_states *states, uint64_t now, struct verdict *verdict)
{
    struct book book;
    struct ending_up end = {.book = &book, .now = now};

    book_open(&book, history, settings, verdict);
    held_gather(&end, states);
    for (uint32_t key = 0; key < history->keys; key++) {
        book_turn(&book, key);
        key_judge(&end);
    }
    free(end.held);
    arena_done(&end.arena);
    book_close(&book);
}
