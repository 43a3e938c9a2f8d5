// SPDX-License-Identifier: Apache-2.0
// Jump consistent hash: Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm",
// 2014.
#ifndef SIM_SCHEME_JUMP_H
#define SIM_SCHEME_JUMP_H

#include <stdint.h>

// The bucket, 0..buckets-1, of a key. With one bucket more, 1 / (buckets + 1) of the keys move, all
// of them to the new one.
uint32_t jump_hash(uint64_t key, uint32_t buckets);

#endif
