// SPDX-License-Identifier: Apache-2.0
// Makes from a MessagePack frame all the frames in which one value is of a type that no protocol
// wants there: the systematic half of "wrong types for each field".
#ifndef TESTS_LIB_RETYPE_H
#define TESTS_LIB_RETYPE_H

#include "base/buffer.h"

// The n-th value of the frame (in order of appearance; keys of maps are not counted) replaced by an
// ext, appended to `out`; false when there are not so many. `out_name` tells the last key before it
// ("" when none), as the field's name.
bool retype_value(struct slice frame, unsigned n, struct buffer *out, char out_name[64]);

#endif
