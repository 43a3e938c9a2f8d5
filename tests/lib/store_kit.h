// SPDX-License-Identifier: Apache-2.0
// A store over memory, with puts and gets that are one line each.
#ifndef TESTS_LIB_STORE_KIT_H
#define TESTS_LIB_STORE_KIT_H

#include "node/store/disk_memory.h"
#include "node/store/state.h"
#include "node/store/tree_memory.h"

enum { KIT_SHARDS = 4 };

struct kit {
    struct disk *disk;
    struct tree *tree;
    struct store *store;
    struct store_settings settings;
    struct store_found found;
    struct arena arena;
    uint64_t now_ms;
    int err; // of the last opening
};

// For real files: small segments, memtable and reserve, a map that must grow, no long waits.
struct store_settings kit_file_settings(void);

// Small segments, budgets as by default, eager disk and tree; opened, shards declared.
void kit_init(struct kit *kit, uint64_t segment_bytes);
void kit_done(struct kit *kit);

// Opens with a fresh actor; kit->err tells.
int kit_open(struct kit *kit);
void kit_crash(struct kit *kit, enum disk_crash how);
void kit_turn(struct kit *kit);

// Checkpoints and waits for it.
int kit_checkpoint(struct kit *kit);

struct key kit_key(const char *name);
// "key" and the number, which is written to `name`.
struct key kit_key_number(int number, char name[16]);

// A put that supersedes what is there, or (keep) stands beside it.
int kit_put(struct kit *kit, const char *name, struct slice value);
int kit_put_expiring(struct kit *kit, const char *name, const char *value, uint64_t expires_ms);
int kit_put_beside(struct kit *kit, const char *name, const char *value);
int kit_delete(struct kit *kit, const char *name);

// The only value of a key, "" for none, NULL on an error (kit->err) or for siblings.
const char *kit_get(struct kit *kit, const char *name);

#endif
