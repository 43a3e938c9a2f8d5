// SPDX-License-Identifier: Apache-2.0
// The judge's view of a history: operations by key, values and dots by name, and what losses of
// disks leave of an acknowledgement. Inside this folder only.
#ifndef SIM_CHECKER_BOOK_H
#define SIM_CHECKER_BOOK_H

#include "base/table.h"
#include "sim/checker/judge.h"

// No operation, no place.
#define NOBODY UINT32_MAX

// A write under its dot.
struct named {
    struct dot dot;
    uint32_t op;
};

struct book {
    const struct history *history;
    const struct judge_settings *settings;
    struct verdict *verdict;
    struct arena arena; // as long as the book
    struct arena texts; // for one sentence
    struct table by_value;
    struct dot *dots;            // of each operation: as recorded, or learned; zero: unknown
    uint32_t *by_key;            // operations, key by key, ordered by begin, then id
    uint32_t *key_start;         // of the key's in by_key; keys + 1 of them
    struct history_loss *losses; // ordered by `at`

    // Of the key at hand (book_turn): the writes that may have taken effect, by dot. Their index is
    // the write's place.
    uint32_t key;
    const uint32_t *ops;
    uint32_t count;
    struct named *named;
    uint32_t named_count;
    uint32_t *places; // of each operation; NOBODY: its dot is unknown, or it was refused
};

void book_open(struct book *book, const struct history *history,
               const struct judge_settings *settings, struct verdict *verdict);
void book_close(struct book *book);

// A version or sibling told the dot of a value. The first one told counts.
void book_learn(struct book *book, uint64_t value, struct dot dot);

// Turns to a key.
void book_turn(struct book *book, uint32_t key);

static inline const struct history_op *book_op(const struct book *book, uint32_t op)
{
    return &book->history->ops[op];
}

// The put that wrote the value; NOBODY.
uint32_t book_put(const struct book *book, uint64_t value);

// The place of a dot of this key; NOBODY.
uint32_t book_place(const struct book *book, struct dot dot);

// The place of what is shown or stored as (value, dot), either may be unknown; NOBODY.
uint32_t book_sibling(const struct book *book, uint64_t value, struct dot dot);

// The places of a run's dots: [*out_low, *out_high).
void book_range(const struct book *book, const struct run *run, uint32_t *out_low,
                uint32_t *out_high);

// May it have taken effect?
static inline bool op_writes(const struct history_op *op)
{
    return op->method != HISTORY_GET && op->outcome != HISTORY_REFUSED;
}

static inline bool op_is_acknowledged_write(const struct history_op *op)
{
    return op->method != HISTORY_GET && op->outcome == HISTORY_ACKNOWLEDGED;
}

// Copies at owners that count on `time` towards a meeting of quorums; see judge.h.
uint32_t book_copies(const struct book *book, uint32_t op, uint64_t time);

// Some disk that acknowledged it, owner's or guest's, is left at `time`. Of a write that was not
// acknowledged: no disk at all was lost since it began.
bool book_survives(const struct book *book, uint32_t op, uint64_t time);

// A disk was lost while the operation went on.
bool book_loses_during(const struct book *book, uint32_t op);

// How many owners' answers the read counts for.
uint32_t book_read_quorum(const struct history_op *op);

// The write was acknowledged before the read began, and their quorums meet for certain.
bool book_meets(const struct book *book, uint32_t write, uint32_t read);

// Whether the put's value may be gone at `time` because it has expired.
bool book_may_expire(const struct book *book, const struct history_op *op, uint64_t time);

// For sentences: valid until book_forget_texts.
const char *book_text(struct book *book, uint32_t op);
void book_forget_texts(struct book *book);

// A delete of the key that has not seen `op`, ran beside it or after it, and began by `time`: the
// suspect when the value is gone. NOBODY.
uint32_t book_suspect(const struct book *book, uint32_t op, uint64_t time);

#endif
