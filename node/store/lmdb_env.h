// SPDX-License-Identifier: Apache-2.0
// One LMDB environment with the tables of a tree in it; for tree_lmdb and lmdb_copy.
#ifndef NODE_STORE_LMDB_ENV_H
#define NODE_STORE_LMDB_ENV_H

#include "node/store/tree.h"

#include <lmdb.h>
#include <stdbool.h>

struct lmdb_env {
    MDB_env *env; // NULL: not open
    MDB_dbi tables[TREE_TABLES];
    size_t map_bytes;
};

// Opens the environment of a directory, made if it has none. `flags`: MDB_NOSYNC or 0. Nothing is
// open after an error (those of lmdb_env_err).
int lmdb_env_open(const char *path, uint64_t map_bytes, unsigned flags, struct lmdb_env *out);

// No transaction or cursor is open. Does nothing when it is not open.
void lmdb_env_close(struct lmdb_env *env);

// Whether its file is the one that the directory has.
bool lmdb_env_is_at(const struct lmdb_env *env, const char *path);

// What a result of LMDB means: 0, ERR_NOT_FOUND, ERR_MAP_FULL, ERR_DAMAGED, ERR_DISK_FULL,
// ERR_READ_ONLY, ERR_IO. A short write counts as EIO in LMDB; with hardly any room left on the disk
// it means that the disk is full.
int lmdb_env_err(const struct lmdb_env *env, int code);

// Bytes free on its disk, UINT64_MAX when nobody can tell.
uint64_t lmdb_env_room(const struct lmdb_env *env);

// Bytes of its file.
uint64_t lmdb_env_used(const struct lmdb_env *env);

#endif
