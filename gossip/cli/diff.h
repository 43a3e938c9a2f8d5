// SPDX-License-Identifier: Apache-2.0
// Where members tell different things: each is asked, and for each cell of each member the values
// that were told are gathered, with who told them. Answers are looked at one by one and not kept,
// so what this holds grows with the differences and not with the square of the members.
#ifndef GOSSIP_CLI_DIFF_H
#define GOSSIP_CLI_DIFF_H

#include "gossip/cli/grid.h"

enum diff_cell {
    DIFF_STATE,
    DIFF_ADDRESS,
    DIFF_INCARNATION,
    DIFF_NAME,
    DIFF_ZONE,
    DIFF_HOST,
    DIFF_CLIENT,
    DIFF_PEER,
    DIFF_EPOCH,
    DIFF_DIGEST,
    DIFF_SHARDS,
    DIFF_WEIGHT,
    DIFF_BUILD,
    DIFF_CLUSTER,
    DIFF_OTHER, // meta that is not ours
    DIFF_CELLS
};

struct told_value;

struct diff_member {
    struct told_value *cells[DIFF_CELLS];
};

struct diff {
    struct names names; // their numbers are those of the members
    struct diff_member *members;
    size_t capacity;
};

// A zeroed diff is empty and ready.
void diff_done(struct diff *diff);

// What one teller said; tellers are numbered as in their survey.
void diff_take(struct diff *diff, size_t teller, const struct observation *said);

// How many cells of the members shown differ.
size_t diff_count(const struct diff *diff, const struct report *report);

// For each cell that differs a block of lines: member, cell, value, by how many and whom.
void diff_write(const struct diff *diff, const struct report *report, const struct grid_look *look,
                struct buffer *out);
void diff_write_plain(const struct diff *diff, const struct report *report, struct buffer *out);

// The same as a JSON object: {"asked":,"answered":,"differences":[{"id":,"member":,"cell":,
// "values":[{"value":,"tellers":[...]}]}]}; a value null: not told of at all.
void diff_write_json(const struct diff *diff, const struct report *report, struct buffer *out);

#endif
