// SPDX-License-Identifier: Apache-2.0
// The parts of the judge, each for the key that the book is turned to. Inside this folder only.
#ifndef SIM_CHECKER_JUDGING_H
#define SIM_CHECKER_JUDGING_H

#include "sim/checker/cover.h"

// A get that is to be judged.
static inline bool op_is_read(const struct book *book, uint32_t op)
{
    const struct history_op *it = book_op(book, op);

    return it->method == HISTORY_GET && it->outcome == HISTORY_ACKNOWLEDGED &&
           op >= book->settings->from;
}

// What any read shows, by itself: S2, S4, S9, S11, and S7 of what has expired.
void judge_shown(struct book *book, uint32_t read);

// One value that is shown or stored; `where` begins the sentence. Its place, NOBODY when it has
// none.
struct shown {
    uint64_t value;
    struct dot dot;
    uint64_t time; // until when it may have been written
    const char *where;
};
uint32_t judge_value(struct book *book, const struct shown *shown);

// Of the places shown together none may have been seen by the write of another (S9).
void judge_together(struct book *book, const uint32_t *places, uint32_t count, const char *where);

// Reads whose quorum meets those of writes before them: S3, S7, S8. `begun` is the first write to
// begin that covers a place.
void judge_meetings(struct book *book, const struct cover *begun);

// Sessions: S5, S6.
void judge_sessions(struct book *book, const struct cover *begun);

#endif
