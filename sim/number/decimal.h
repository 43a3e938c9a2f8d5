// SPDX-License-Identifier: Apache-2.0
// Decimal numbers as people type them, read without a locale and the same everywhere.
#ifndef SIM_NUMBER_DECIMAL_H
#define SIM_NUMBER_DECIMAL_H

#include "base/slice.h"

// Reads "12", "-0.5", ".25", "1.5e-3" from the front of `text` and takes it off. Exact to the last
// bit up to 15 digits and powers of ten up to 22, else to a few. False, with nothing taken off,
// when no number stands there or when it is too large for a double.
bool decimal_read(struct slice *text, double *out);

#endif
