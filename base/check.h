// SPDX-License-Identifier: Apache-2.0
// Assertions about our own promises. What a peer, a client or a file says is never checked with
// these: that is an error value. A failed check prints where and aborts: a wrong replica must stop
// rather than go on writing.
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stddef.h>

// Stays on in release builds; for conditions that cost next to nothing.
#define check(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

// Walks whole structures; on in tests and simulation only.
#ifdef QUORATE_SLOW_CHECKS
#define check_slow(condition) check(condition)
#else
#define check_slow(condition) ((void)sizeof(condition))
#endif

_Noreturn void check_failed(const char *condition, const char *file, int line);

// malloc and friends that do not return NULL: memory is bounded by budgets, so running out of it is
// a configuration fault that no caller could handle. They abort with a sentence.
void *memory_new(size_t size);             // zeroed
void *memory_grow(void *old, size_t size); // realloc
char *memory_text(const char *text);       // strdup

#endif
