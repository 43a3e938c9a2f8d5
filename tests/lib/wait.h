// SPDX-License-Identifier: Apache-2.0
// Time in tests: conditions are waited for, with a limit.
#ifndef TESTS_LIB_WAIT_H
#define TESTS_LIB_WAIT_H

#include <stdbool.h>
#include <stdint.h>

// Monotonic clock.
uint64_t wait_now_us(void);
uint64_t wait_now_ms(void);

void wait_ms(uint32_t ms);

// A limit stretched for slow builds (TEST_SLOW=4 in the environment: four times).
uint64_t wait_patience(uint64_t ms);

// Asks until the answer is yes; false when the (stretched) time is over before.
typedef bool (*condition)(void *context);
bool wait_until(condition holds, void *context, uint64_t timeout_ms);

#endif
