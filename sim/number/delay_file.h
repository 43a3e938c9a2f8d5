// SPDX-License-Identifier: Apache-2.0
// Measured delays from a file: one number of ms a line; empty lines count for nothing.
#ifndef SIM_NUMBER_DELAY_FILE_H
#define SIM_NUMBER_DELAY_FILE_H

#include "base/buffer.h"

// 1..DELAY_FILE_LINES_MAX values, ascending; the caller frees them. ERR_INVALID or ERR_IO; `why`
// then says what (a sentence without a full stop).
int delay_file_read(const char *path, double **out, size_t *out_count, struct buffer *why);

#endif
