// SPDX-License-Identifier: Apache-2.0
// Numbers that need not be the same, only near each other.
#ifndef TESTS_LIB_NEAR_H
#define TESTS_LIB_NEAR_H

#define assert_near(value, wanted, tolerance)                                                      \
    assert_near_at(value, wanted, tolerance, __FILE__, __LINE__)

// Fails the test when value is farther from `wanted` than that, or not a number.
void assert_near_at(double value, double wanted, double tolerance, const char *file, int line);

#endif
