// SPDX-License-Identifier: Apache-2.0
// A store over real files and LMDB, in a temporary directory: small, and without waiting for syncs.
#ifndef TESTS_LIB_STORE_SITE_H
#define TESTS_LIB_STORE_SITE_H

#include "base/arena.h"
#include "node/store/engine.h"
#include "tests/lib/files.h"

struct site {
    char root[FILES_PATH_SIZE];
    char path[FILES_PATH_SIZE + 8];
    struct engine_place place;
    struct store_settings settings;
    struct store_found found;
    struct store *store;
    struct arena arena;
};

// A directory and settings; nothing is opened yet.
void site_make(struct site *site);
void site_done(struct site *site);

int site_open(struct site *site);
void site_declare(struct site *site); // its shards
void site_turn(struct site *site);

// Runs a shell command with a path in it, which succeeds.
void site_command(const char *format, const char *path);

// Of key number so many (kit_key_number). A put supersedes what is there.
int site_put(struct site *site, int number, const char *value);
int site_value_is(struct site *site, int number, const char *value); // 0, 1; negative: the error

// Puts keys 0 and up, and waits until they are durable.
void site_fill(struct site *site, int count, const char *value);

#endif
