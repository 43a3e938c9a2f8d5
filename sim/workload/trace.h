// SPDX-License-Identifier: Apache-2.0
// A trace: the distinct keys of a file, numbered as they first appear, and how often each stands in
// it. One key is one line, without its LF or CR LF; empty lines count for nothing.
#ifndef SIM_WORKLOAD_TRACE_H
#define SIM_WORKLOAD_TRACE_H

#include "base/buffer.h"

struct trace {
    struct buffer texts; // all keys, one behind the other
    uint32_t *ends;      // where each ends in `texts`
    uint32_t *counts;
    uint64_t *before; // lines of the keys before every 64th
    uint32_t keys;
    uint64_t lines; // all counts together
};

// "-" is standard input. At most TRACE_KEYS_MAX keys and 4 GiB of their texts. ERR_INVALID or
// ERR_IO; `why` then says what, and what is allowed (a sentence without a full stop).
int trace_read(const char *path, struct trace **out, struct buffer *why);
void trace_free(struct trace *trace);

struct slice trace_key(const struct trace *trace, uint64_t key);

// The key of a line 0..lines-1, were the lines sorted by key.
uint64_t trace_key_of_line(const struct trace *trace, uint64_t line);

#endif
