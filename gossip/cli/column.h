// SPDX-License-Identifier: Apache-2.0
// The columns: what each says about a member, as people read it and as scripts do.
#ifndef GOSSIP_CLI_COLUMN_H
#define GOSSIP_CLI_COLUMN_H

#include "gossip/cli/report.h"

// In the order in which they are shown.
enum column {
    COLUMN_NAME,
    COLUMN_ADDRESS,
    COLUMN_STATE,
    COLUMN_ZONE,
    COLUMN_EPOCH,
    COLUMN_SHARDS,
    COLUMN_KEYS,
    COLUMN_BYTES,
    COLUMN_LOAD, // requests in flight
    COLUMN_RTT,  // round trip: from here, or else of that acknowledgement
    COLUMN_ACK,  // age of the last direct acknowledgement
    COLUMN_AGE,  // of the state
    COLUMN_INCARNATION,
    COLUMN_ACCUSERS, // who suspect it
    COLUMN_BUILD,
    COLUMN_TAGS, // of foreign members
    COLUMNS
};

extern const struct column_kind {
    const char *title;
    bool number;  // aligned to the right
    uint8_t rank; // those of higher rank give way first when there is no room
    char key;     // that sorts by it, when watched; 0: none
} column_kinds[COLUMNS];

// Appends the cell; nothing when that is not known. Exact: numbers in full, times in milliseconds
// (round trips in microseconds).
void column_write(enum column column, const struct row *row, bool exact, struct buffer *out);

// Sorts the shown rows; equal ones stay in their order. Numbers come largest first, what is not
// known last.
void column_sort(struct report *report, enum column column, bool reverse);

#endif
