// SPDX-License-Identifier: Apache-2.0
// Short requests of tests: texts as keys and values, in the bucket "test" unless the key says
// another ("bucket/key"). A failure is told on stdout, so that the log of a failed test has its
// message.
#ifndef TESTS_LIB_BRIEF_H
#define TESTS_LIB_BRIEF_H

#include "client/quorate.h"

enum { BRIEF_VALUE_SIZE = 256 };

struct quorate_key brief_key(const char *key);

// All return the error.

// Without a context.
int brief_put(struct quorate_client *client, const char *key, const char *value, int w);

// Reads at the quorum, then writes with what was read as context.
int brief_replace(struct quorate_client *client, const char *key, const char *value, int w);
int brief_delete(struct quorate_client *client, const char *key, int w);

// The one value, cut to the size; QUORATE_NOT_FOUND, QUORATE_CONFLICT for siblings.
int brief_get(struct quorate_client *client, const char *key, int r, char out[BRIEF_VALUE_SIZE]);

// True when the one value is this one.
bool brief_get_is(struct quorate_client *client, const char *key, int r, const char *value);

// How many values a get at R = r shows; -1 on failure.
int brief_count(struct quorate_client *client, const char *key, int r);

#endif
