// SPDX-License-Identifier: Apache-2.0
// The terminal while something is shown on all of it: keys come one by one and unseen, the cursor
// is hidden, long lines are cut. Whatever ends the program (but SIGKILL), the terminal is put back
// as it was before; so it is while the program is stopped (Ctrl-Z).
#ifndef GOSSIP_CLI_TERMINAL_H
#define GOSSIP_CLI_TERMINAL_H

#include "base/buffer.h"

struct terminal_size {
    size_t width;
    size_t height;
};

// Of standard output; what COLUMNS says or 100, by 24, when it is no terminal or does not know.
struct terminal_size terminal_size(void);

// ERR_IO when standard input is no terminal. Closed at the end of the program, if not before.
int terminal_open(void);
void terminal_close(void);

enum terminal_key {
    TERMINAL_NONE = 0, // no key waits
    TERMINAL_UP = 0x100,
    TERMINAL_DOWN,
    TERMINAL_PAGE_UP,
    TERMINAL_PAGE_DOWN,
    TERMINAL_HOME,
    TERMINAL_END,
    TERMINAL_OTHER, // means nothing here
    TERMINAL_GONE   // there will be no more keys
};

// The next key that was pressed: a character, or one of the above.
int terminal_key(void);

// True once after the window changed its size, or the program went on after it was stopped.
bool terminal_changed(void);

// Waits for a key, a change, or the time.
void terminal_wait(uint64_t timeout_ms);

// Writes all of it.
void terminal_write(struct slice bytes);

#endif
