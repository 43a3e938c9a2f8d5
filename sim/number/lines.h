// SPDX-License-Identifier: Apache-2.0
// The lines of a file, each of bounded length. The one place of the pure folders of the simulator
// that opens a file.
#ifndef SIM_NUMBER_LINES_H
#define SIM_NUMBER_LINES_H

#include "base/buffer.h"

struct lines {
    const char *name; // for messages
    int file;
    size_t line_max;
    uint64_t number; // of the line read last, from 1
    bool at_end;     // nothing more to read into `bytes`
    struct buffer bytes;
    size_t at; // what is before has been handed out
};

// "-" is standard input. `path` must outlive the lines. ERR_IO when it cannot be opened; `why` then
// says so (a sentence without a full stop).
int lines_open(const char *path, size_t line_max, struct lines *out, struct buffer *why);
void lines_close(struct lines *lines);

// Takes the next line, without its end (LF or CR LF; the last one may lack it), valid until the
// next call. 1: there is one; 0: no more; ERR_IO, or ERR_TOO_LARGE for one beyond line_max: `why`
// says.
int lines_next(struct lines *lines, struct slice *out, struct buffer *why);

#endif
