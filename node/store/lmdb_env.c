// SPDX-License-Identifier: Apache-2.0
#include "node/store/lmdb_env.h"

#include "base/err.h"
#include "node/store/os.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum {
    READERS_MAX = 8,
    ROOM_LOW = 4 << 20, // free bytes below which EIO means a full disk
};

static const char *const table_names[TREE_TABLES] = {"objects", "rests", "dots", "clocks", "meta"};

uint64_t lmdb_env_room(const struct lmdb_env *env)
{
    struct statvfs room;
    mdb_filehandle_t fd;

    if (!env->env || mdb_env_get_fd(env->env, &fd) != 0 || fstatvfs(fd, &room) != 0)
        return UINT64_MAX;
    return (uint64_t)room.f_bavail * room.f_frsize;
}

bool lmdb_env_is_at(const struct lmdb_env *env, const char *path)
{
    mdb_filehandle_t fd;
    struct stat opened, found;
    char name[PATH_MAX];

    snprintf(name, sizeof name, "%s/data.mdb", path);
    return mdb_env_get_fd(env->env, &fd) == 0 && fstat(fd, &opened) == 0 &&
           stat(name, &found) == 0 && opened.st_dev == found.st_dev &&
           opened.st_ino == found.st_ino;
}

uint64_t lmdb_env_used(const struct lmdb_env *env)
{
    mdb_filehandle_t fd;
    struct stat status;

    if (mdb_env_get_fd(env->env, &fd) != 0 || fstat(fd, &status) != 0)
        return 0;
    return (uint64_t)status.st_blocks * 512;
}

int lmdb_env_err(const struct lmdb_env *env, int code)
{
    switch (code) {
    case 0:
        return 0;
    case MDB_NOTFOUND:
        return ERR_NOT_FOUND;
    case MDB_MAP_FULL:
        return ERR_MAP_FULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return ERR_DAMAGED;
    case EIO:
        return lmdb_env_room(env) < ROOM_LOW ? ERR_DISK_FULL : ERR_IO;
    default:
        return code > 0 ? os_err(code) : ERR_IO;
    }
}

static int tables_open(struct lmdb_env *env)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(env->env, NULL, 0, &txn);

    if (code)
        return code;
    for (int table = 0; table < TREE_TABLES && !code; table++)
        code = mdb_dbi_open(txn, table_names[table], MDB_CREATE, &env->tables[table]);
    if (code) {
        mdb_txn_abort(txn);
        return code;
    }
    return mdb_txn_commit(txn);
}

static int env_open(const char *path, uint64_t map_bytes, unsigned flags, struct lmdb_env *env)
{
    MDB_envinfo info;
    int dead;
    int code = mdb_env_create(&env->env);

    if (!code)
        code = mdb_env_set_maxdbs(env->env, TREE_TABLES);
    if (!code)
        code = mdb_env_set_maxreaders(env->env, READERS_MAX);
    if (!code)
        code = mdb_env_set_mapsize(env->env, map_bytes);
    if (!code)
        code = mdb_env_open(env->env, path, flags | MDB_NOTLS | MDB_NORDAHEAD, 0600);
    if (!code)
        code = mdb_reader_check(env->env, &dead);
    if (!code)
        code = tables_open(env);
    if (!code)
        code = mdb_env_info(env->env, &info);
    if (!code)
        env->map_bytes = info.me_mapsize;
    return code;
}

int lmdb_env_open(const char *path, uint64_t map_bytes, unsigned flags, struct lmdb_env *out)
{
    struct lmdb_env env = {0};
    int err = lmdb_env_err(&env, env_open(path, map_bytes, flags, &env));

    if (err)
        lmdb_env_close(&env);
    else
        *out = env;
    return err;
}

void lmdb_env_close(struct lmdb_env *env)
{
    if (env->env)
        mdb_env_close(env->env);
    *env = (struct lmdb_env){0};
}
