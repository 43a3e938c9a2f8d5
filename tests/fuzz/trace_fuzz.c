// SPDX-License-Identifier: Apache-2.0
// Any bytes as a trace and as a file of delays: refused with a sentence, or every line is counted
// and no key stands there twice.
#include "base/check.h"
#include "sim/number/delay_file.h"
#include "sim/workload/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Lines that are not empty.
static uint64_t lines_of(struct slice bytes)
{
    uint64_t lines = 0;
    size_t begin = 0;

    for (size_t i = 0; i <= bytes.size; i++) {
        size_t length = i - begin;

        if (i < bytes.size && bytes.data[i] != '\n')
            continue;
        length -= length > 0 && bytes.data[i - 1] == '\r';
        lines += length > 0;
        begin = i + 1;
    }
    return lines;
}

static void look_at(const struct trace *trace, struct slice bytes)
{
    uint64_t sum = 0;

    check(trace->lines == lines_of(bytes));
    for (uint32_t key = 0; key < trace->keys; key++) {
        check(trace->counts[key] > 0 && trace_key_of_line(trace, sum) == key);
        sum += trace->counts[key];
        for (uint32_t other = 0; other < key && key < 100; other++)
            check(!slice_equal(trace_key(trace, key), trace_key(trace, other)));
    }
    check(sum == trace->lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int file = memfd_create("fuzz", 0);
    struct buffer why = {0};
    struct trace *trace;
    double *delays;
    size_t count;
    char path[64];
    int err;

    check(file >= 0 && write(file, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    err = trace_read(path, &trace, &why);
    check(err ? why.size > 0 : why.size == 0);
    if (!err) {
        look_at(trace, slice_of(data, size));
        trace_free(trace);
    }
    buffer_reset(&why, 0);
    err = delay_file_read(path, &delays, &count, &why);
    check(err ? why.size > 0 : why.size == 0);
    if (!err) {
        for (size_t i = 0; i < count; i++)
            check(delays[i] >= (i ? delays[i - 1] : 0));
        free(delays);
    }
    buffer_done(&why);
    close(file);
    return 0;
}
