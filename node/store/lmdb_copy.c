// SPDX-License-Identifier: Apache-2.0
// Records come in key order and are appended, so that each page is filled before the next is begun:
// a tree written in random order is two thirds full.
//
// The copy is written in small transactions, each synced: little memory is held, the log's syncs
// never stand behind many dirty pages, and there is something to stop between. Room on the disk is
// looked at as often, since the log needs some meanwhile. Behind each it rests for as long as that
// took, so that others find the processor and the disk free.
#include "node/store/lmdb_copy.h"

#include "base/err.h"
#include "node/store/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    TRANSACTION_BYTES = 2 << 20,
    ROOM_SPARE = 32 << 20, // left to the log
    MAP_SPARE = 64 << 20,
    REST_US_MAX = 200000,
};

struct copying {
    const struct lmdb_copy *copy;
    struct lmdb_env to;
    MDB_txn *read;
    MDB_txn *write;     // NULL: none begun
    MDB_cursor *writer; // of the write transaction
    uint64_t bytes;     // in it
    uint64_t rested_us; // until when it did
};

// ---------------------------------------------------------------- files

static int path_of(const char *path, const char *name, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s%s", path, name) < PATH_MAX ? 0 : ERR_TOO_LARGE;
}

void lmdb_copy_remove(const char *path)
{
    static const char *const files[] = {"-new/data.mdb", "-new/lock.mdb"};
    char name[PATH_MAX];

    for (int i = 0; i < 2; i++) {
        if (path_of(path, files[i], name) == 0)
            (void)unlink(name);
    }
    if (path_of(path, "-new", name) == 0)
        (void)rmdir(name);
}

static int file_place(const char *path, const char *file)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    char name[32];
    int err;

    (void)snprintf(name, sizeof name, "-new/%s", file);
    err = path_of(path, name, from);
    (void)snprintf(name, sizeof name, "/%s", file);
    if (!err)
        err = path_of(path, name, to);
    if (!err && rename(from, to) != 0)
        err = os_err(errno);
    return err;
}

int lmdb_copy_place(const struct lmdb_copy *copy, bool *out_placed)
{
    int directory = open(copy->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = directory < 0 ? os_err(errno) : file_place(copy->path, "data.mdb");

    *out_placed = directory >= 0 && !err;
    if (*out_placed) {
        // A lock is as good as new at each start: it only must not be another one than we hold.
        (void)file_place(copy->path, "lock.mdb");
        lmdb_copy_remove(copy->path);
        if (!copy->no_sync && fsync(directory) != 0)
            err = ERR_IO;
    }
    if (directory >= 0)
        close(directory);
    return err;
}

// ---------------------------------------------------------------- room

// Of the pages in use: the copy has no more.
static int bytes_needed(const struct copying *copying, uint64_t *out)
{
    const struct lmdb_env *from = copying->copy->from;
    uint64_t bytes = 0;
    MDB_stat stat;

    for (int table = 0; table < TREE_TABLES; table++) {
        int code = mdb_stat(copying->read, from->tables[table], &stat);

        if (code)
            return lmdb_env_err(from, code);
        bytes += (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) *
                 (uint64_t)stat.ms_psize;
    }
    *out = bytes;
    return 0;
}

static int room_check(const struct copying *copying, uint64_t bytes)
{
    return lmdb_env_room(copying->copy->from) < bytes + ROOM_SPARE ? ERR_DISK_FULL : 0;
}

// ---------------------------------------------------------------- records

static int transaction_begin(struct copying *copying, int table)
{
    int code = mdb_txn_begin(copying->to.env, NULL, 0, &copying->write);

    if (!code)
        code = mdb_cursor_open(copying->write, copying->to.tables[table], &copying->writer);
    copying->bytes = 0;
    return lmdb_env_err(&copying->to, code);
}

static void writer_close(struct copying *copying)
{
    if (copying->writer)
        mdb_cursor_close(copying->writer);
    copying->writer = NULL;
}

static int copy_sync(struct copying *copying)
{
    if (copying->copy->no_sync)
        return 0;
    return lmdb_env_err(&copying->to, mdb_env_sync(copying->to.env, 1));
}

static uint64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void rest(struct copying *copying)
{
    uint64_t took_us = clock_us() - copying->rested_us;

    (void)usleep((useconds_t)(took_us < REST_US_MAX ? took_us : REST_US_MAX));
    copying->rested_us = clock_us();
}

static int transaction_end(struct copying *copying)
{
    MDB_txn *write = copying->write;
    int err;

    writer_close(copying);
    copying->write = NULL; // freed whatever comes out
    err = lmdb_env_err(&copying->to, mdb_txn_commit(write));
    if (!err)
        err = copy_sync(copying);
    if (!err)
        rest(copying);
    if (!err && atomic_load(copying->copy->stop))
        err = ERR_AGAIN;
    return err ? err : room_check(copying, 0);
}

static int record_copy(struct copying *copying, int table, MDB_val *key, MDB_val *value)
{
    int err = copying->write ? 0 : transaction_begin(copying, table);

    if (!err)
        err = lmdb_env_err(&copying->to, mdb_cursor_put(copying->writer, key, value, MDB_APPEND));
    copying->bytes += key->mv_size + value->mv_size;
    if (!err && copying->bytes >= TRANSACTION_BYTES)
        err = transaction_end(copying);
    return err;
}

static int table_copy(struct copying *copying, int table)
{
    const struct lmdb_env *from = copying->copy->from;
    MDB_cursor *reader;
    MDB_val key, value;
    int err = lmdb_env_err(from, mdb_cursor_open(copying->read, from->tables[table], &reader));

    if (err)
        return err;
    while (!err) {
        err = lmdb_env_err(from, mdb_cursor_get(reader, &key, &value, MDB_NEXT));
        if (!err)
            err = record_copy(copying, table, &key, &value);
    }
    mdb_cursor_close(reader);
    if (err != ERR_NOT_FOUND)
        return err;
    return copying->write ? transaction_end(copying) : 0;
}

// As many records in each table as there were.
static int counts_compare(const struct copying *copying)
{
    const struct lmdb_env *from = copying->copy->from;
    MDB_txn *check;
    MDB_stat were, are;
    int code = mdb_txn_begin(copying->to.env, NULL, MDB_RDONLY, &check);
    int err = lmdb_env_err(&copying->to, code);

    if (err)
        return err;
    for (int table = 0; table < TREE_TABLES && !err; table++) {
        code = mdb_stat(copying->read, from->tables[table], &were);
        if (!code)
            code = mdb_stat(check, copying->to.tables[table], &are);
        err = lmdb_env_err(&copying->to, code);
        if (!err && were.ms_entries != are.ms_entries)
            err = ERR_DAMAGED;
    }
    mdb_txn_abort(check);
    return err;
}

// ---------------------------------------------------------------- the whole

static int copy_open(struct copying *copying)
{
    const struct lmdb_copy *copy = copying->copy;
    uint64_t bytes = 0;
    uint64_t map_bytes = copy->from->map_bytes;
    char path[PATH_MAX];
    int err =
        lmdb_env_err(copy->from, mdb_txn_begin(copy->from->env, NULL, MDB_RDONLY, &copying->read));

    if (!err)
        err = bytes_needed(copying, &bytes);
    if (!err)
        err = room_check(copying, bytes);
    if (!err)
        err = path_of(copy->path, "-new", path);
    if (err)
        return err;
    lmdb_copy_remove(copy->path);
    if (mkdir(path, 0700) != 0)
        return os_err(errno);
    if (map_bytes < bytes + MAP_SPARE)
        map_bytes = bytes + MAP_SPARE;
    return lmdb_env_open(path, map_bytes, MDB_NOSYNC, &copying->to);
}

static int copy_fill(struct copying *copying)
{
    int err = 0;

    for (int table = 0; table < TREE_TABLES && !err; table++)
        err = table_copy(copying, table);
    if (!err)
        err = counts_compare(copying);
    if (!err)
        err = copy_sync(copying);
    if (!err && !copying->copy->no_sync) // it was made without, and goes on with it
        err = lmdb_env_err(&copying->to, mdb_env_set_flags(copying->to.env, MDB_NOSYNC, 0));
    return err;
}

int lmdb_copy_make(const struct lmdb_copy *copy, struct lmdb_env *out)
{
    struct copying copying = {.copy = copy, .rested_us = clock_us()};
    int err = copy_open(&copying);

    if (!err)
        err = copy_fill(&copying);
    writer_close(&copying);
    if (copying.write)
        mdb_txn_abort(copying.write);
    if (copying.read)
        mdb_txn_abort(copying.read);
    if (err) {
        lmdb_env_close(&copying.to);
        lmdb_copy_remove(copy->path);
        return err;
    }
    *out = copying.to;
    return 0;
}
