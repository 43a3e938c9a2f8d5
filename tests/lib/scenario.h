// SPDX-License-Identifier: Apache-2.0
// Scenario files: a script with the output that it must give, readable as a story.
// tests/scenario/README.md says what may stand in one.
//
// A file is run from top to bottom over one world of real nodes in virtual time; what comes out is
// the same file with the outputs as they are now. Equal bytes: the story is still true.
#ifndef TESTS_LIB_SCENARIO_H
#define TESTS_LIB_SCENARIO_H

#include "base/buffer.h"

// Runs the script in `text` and appends it to `out` with its outputs renewed. False: the script
// itself is wrong (an unknown command, a node that does not exist): then `out` gets a sentence with
// the line's number instead.
bool scenario_run(struct slice text, struct buffer *out);

// Appends the lines that differ, with some of those around them: "-" was expected, "+" came.
void scenario_diff(struct slice expected, struct slice came, struct buffer *out);

#endif
