// SPDX-License-Identifier: Apache-2.0
// Key by key: what is shown by itself, what quorums promise, what sessions were promised.

#include "sim/checker/judging.h"

#include <inttypes.h>

// An acknowledgement stands for as many disks as it says (S3).
static void judge_holders(struct book *book, uint32_t op)
{
    const struct history_op *it = book_op(book, op);
    uint32_t owners = (uint32_t)__builtin_popcountll(it->holders & ~it->guests);
    uint32_t all = (uint32_t)__builtin_popcountll(it->holders);

    if (!it->holders_known || !op_is_acknowledged_write(it))
        return;
    if (it->strict && owners < it->asked)
        verdict_add(book->verdict, VERDICT_QUORUM,
                    "%s, strict, but only %" PRIu32 " owners had it on disk (nodes %" PRIx64
                    ", guests %" PRIx64 ")",
                    book_text(book, op), owners, it->holders, it->guests);
    else if (all < it->asked || owners < it->owners)
        verdict_add(book->verdict, VERDICT_QUORUM,
                    "%s, pw=%u, but only %" PRIu32 " disks had it, %" PRIu32
                    " of them owners' (nodes %" PRIx64 ", guests %" PRIx64 ")",
                    book_text(book, op), it->owners, all, owners, it->holders, it->guests);
    book_forget_texts(book);
}

static void judge_deadline(struct book *book, uint32_t op)
{
    const struct history_op *it = book_op(book, op);
    uint64_t deadline = book->settings->deadline;

    if (!deadline || !it->within_reach)
        return;
    if (it->outcome == HISTORY_ACKNOWLEDGED && it->ended - it->began <= deadline)
        return;
    verdict_add(book->verdict, VERDICT_UNANSWERED,
                "%s, although enough nodes were within reach; expected success within %" PRIu64,
                book_text(book, op), deadline);
    book_forget_texts(book);
}

static void judge_key(struct book *book)
{
    struct arena arena = {0};
    struct cover begun;

    cover_init(&begun, book, &arena);
    for (uint32_t i = 0; i < book->count; i++) {
        uint32_t op = book->ops[i];

        if (op_writes(book_op(book, op)))
            cover_add(&begun, book, op, NULL, NULL);
        if (op < book->settings->from)
            continue;
        judge_holders(book, op);
        judge_deadline(book, op);
        if (op_is_read(book, op))
            judge_shown(book, op);
    }
    judge_meetings(book, &begun);
    judge_sessions(book, &begun);
    arena_done(&arena);
}

void judge_history(const struct history *history, const struct judge_settings *settings,
                   struct verdict *verdict)
{
    struct book book;

    book_open(&book, history, settings, verdict);
    for (uint32_t key = 0; key < history->keys; key++) {
        book_turn(&book, key);
        judge_key(&book);
    }
    book_close(&book);
}
