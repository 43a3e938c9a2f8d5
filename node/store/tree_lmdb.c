// SPDX-License-Identifier: Apache-2.0
// LMDB with its sharp edges covered:
//
// - A slice of its memory dies with the read transaction, and that ends with the turn (a long one
//   would also keep pages from being used again).
// - The map grows on the loop's thread, between turns, while no job runs: no transaction is open
//   then.
// - A commit that failed for want of room changed nothing. Any other failed commit is final: the
//   environment may refuse everything from then on (MDB_PANIC).
// - The file never shrinks. So a compaction copies it: the thread makes the copy and gives it the
//   file's name, the loop goes over to it between turns, and the thread closes the old environment,
//   whose pages and file may take a while to free.
#include "node/store/tree_lmdb.h"

#include "base/check.h"
#include "base/err.h"
#include "node/store/lmdb_copy.h"
#include "node/store/lmdb_env.h"
#include "node/store/os.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

enum {
    MAP_STEP = 64 << 20, // least growth
    MAP_MIN = 256 << 10,
    BEHIND = 5, // niceness of the thread that writes: requests come first
};

struct tree_lmdb {
    struct tree tree;
    struct tree_lmdb_settings settings; // without the path
    char *path;
    struct lmdb_env env;
    // The loop's.
    MDB_txn *read; // NULL: none made yet
    bool reading;  // it is live
    MDB_cursor *cursors[TREE_TABLES];
    bool cursor_live[TREE_TABLES];
    // The thread's.
    MDB_txn *write;
    MDB_cursor *writers[TREE_TABLES]; // where the last put went; NULL: none yet
    struct lmdb_env copy;             // made by a job, until it is adopted
    int copy_err;                     // it has its place, but perhaps not durably
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wanted;
    pthread_cond_t ended;
    struct tree_job *waiting;
    struct tree_job *running;
    struct tree_job *done;
    struct lmdb_env old; // to be closed
    bool stop;
};

static struct tree_lmdb *lmdb_of(struct tree *tree)
{
    return (struct tree_lmdb *)tree;
}

static int lmdb_err(const struct tree_lmdb *lmdb, int code)
{
    return lmdb_env_err(&lmdb->env, code);
}

// ---------------------------------------------------------------- reading

static int read_begin(struct tree_lmdb *lmdb)
{
    int code;

    if (lmdb->reading)
        return 0;
    if (!lmdb->env.env)
        return ERR_IO; // it could not be opened anew
    code = lmdb->read ? mdb_txn_renew(lmdb->read)
                      : mdb_txn_begin(lmdb->env.env, NULL, MDB_RDONLY, &lmdb->read);
    lmdb->reading = code == 0;
    return lmdb_err(lmdb, code);
}

static MDB_val val_of(struct slice slice)
{
    return (MDB_val){slice.size, (void *)(uintptr_t)slice.data};
}

static int lmdb_get(struct tree *tree, enum tree_table table, struct slice key, struct slice *out)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);
    MDB_val name = val_of(key);
    MDB_val value;
    int err = read_begin(lmdb);

    if (!err)
        err = lmdb_err(lmdb, mdb_get(lmdb->read, lmdb->env.tables[table], &name, &value));
    if (!err)
        *out = slice_of(value.mv_data, value.mv_size);
    return err;
}

static int cursor_begin(struct tree_lmdb *lmdb, enum tree_table table)
{
    MDB_cursor **cursor = &lmdb->cursors[table];
    int code = 0;

    if (!*cursor)
        code = mdb_cursor_open(lmdb->read, lmdb->env.tables[table], cursor);
    else if (!lmdb->cursor_live[table])
        code = mdb_cursor_renew(lmdb->read, *cursor);
    lmdb->cursor_live[table] = code == 0;
    return lmdb_err(lmdb, code);
}

static int lmdb_next(struct tree *tree, enum tree_table table, struct slice after,
                     struct slice out[2])
{
    struct tree_lmdb *lmdb = lmdb_of(tree);
    MDB_val key = val_of(after);
    MDB_val value;
    int err = read_begin(lmdb);
    int code;

    if (!err)
        err = cursor_begin(lmdb, table);
    if (err)
        return err;
    code =
        mdb_cursor_get(lmdb->cursors[table], &key, &value, after.size ? MDB_SET_RANGE : MDB_FIRST);
    if (!code && slice_equal(slice_of(key.mv_data, key.mv_size), after))
        code = mdb_cursor_get(lmdb->cursors[table], &key, &value, MDB_NEXT);
    if (code)
        return lmdb_err(lmdb, code);
    out[0] = slice_of(key.mv_data, key.mv_size);
    out[1] = slice_of(value.mv_data, value.mv_size);
    return 0;
}

static void lmdb_turn_end(struct tree *tree)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);

    if (!lmdb->reading)
        return;
    mdb_txn_reset(lmdb->read);
    lmdb->reading = false;
    memset(lmdb->cursor_live, 0, sizeof lmdb->cursor_live);
}

static void read_close(struct tree_lmdb *lmdb)
{
    for (int table = 0; table < TREE_TABLES; table++) {
        if (lmdb->cursors[table])
            mdb_cursor_close(lmdb->cursors[table]);
        lmdb->cursors[table] = NULL;
        lmdb->cursor_live[table] = false;
    }
    if (lmdb->read)
        mdb_txn_abort(lmdb->read);
    lmdb->read = NULL;
    lmdb->reading = false;
}

// ---------------------------------------------------------------- writing

static int lmdb_begin(struct tree *tree)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);

    return lmdb_err(lmdb, mdb_txn_begin(lmdb->env.env, NULL, 0, &lmdb->write));
}

static void writer_close(struct tree_lmdb *lmdb, enum tree_table table)
{
    if (lmdb->writers[table])
        mdb_cursor_close(lmdb->writers[table]);
    lmdb->writers[table] = NULL;
}

static void writers_close(struct tree_lmdb *lmdb)
{
    for (int table = 0; table < TREE_TABLES; table++)
        writer_close(lmdb, (enum tree_table)table);
}

// Puts come sorted: one that falls on the page of the one before is not sought from the root.
static int lmdb_put(struct tree *tree, enum tree_table table, struct slice key, struct slice value)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);
    MDB_cursor **writer = &lmdb->writers[table];
    MDB_val name = val_of(key);
    MDB_val content = val_of(value);
    int code = 0;

    if (!*writer)
        code = mdb_cursor_open(lmdb->write, lmdb->env.tables[table], writer);
    if (!code)
        code = mdb_cursor_put(*writer, &name, &content, 0);
    return lmdb_err(lmdb, code);
}

static int lmdb_remove(struct tree *tree, enum tree_table table, struct slice key)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);
    MDB_val name = val_of(key);
    int code;

    writer_close(lmdb, table); // which must not stand where something goes
    code = mdb_del(lmdb->write, lmdb->env.tables[table], &name, NULL);
    return code == MDB_NOTFOUND ? 0 : lmdb_err(lmdb, code);
}

static int lmdb_remove_some(struct tree *tree, enum tree_table table, const struct slice range[2],
                            uint32_t max, uint32_t *out_removed)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);
    uint32_t removed = 0;
    MDB_cursor *cursor;
    int code = mdb_cursor_open(lmdb->write, lmdb->env.tables[table], &cursor);

    if (code)
        return lmdb_err(lmdb, code);
    // Sought anew each time: where a cursor stands behind a removal differs between LMDB versions.
    while (!code && removed < max) {
        MDB_val name = val_of(range[0]);
        MDB_val content;

        code = mdb_cursor_get(cursor, &name, &content, MDB_SET_RANGE);
        if (code || slice_compare(slice_of(name.mv_data, name.mv_size), range[1]) > 0)
            break;
        code = mdb_cursor_del(cursor, 0);
        removed += !code;
    }
    mdb_cursor_close(cursor);
    if (code && code != MDB_NOTFOUND)
        return lmdb_err(lmdb, code);
    *out_removed = removed;
    return 0;
}

static int lmdb_commit(struct tree *tree)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);
    MDB_txn *write = lmdb->write;

    writers_close(lmdb);
    lmdb->write = NULL; // freed whatever comes out
    return lmdb_err(lmdb, mdb_txn_commit(write));
}

static void lmdb_abort(struct tree *tree)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);

    writers_close(lmdb);
    if (lmdb->write)
        mdb_txn_abort(lmdb->write);
    lmdb->write = NULL;
}

static int lmdb_grow(struct tree *tree)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);
    size_t more = lmdb->env.map_bytes < MAP_STEP ? MAP_STEP : lmdb->env.map_bytes;
    int err;

    read_close(lmdb);
    err = lmdb_err(lmdb, mdb_env_set_mapsize(lmdb->env.env, lmdb->env.map_bytes + more));
    if (!err)
        lmdb->env.map_bytes += more;
    return err;
}

// ---------------------------------------------------------------- compacting

static int lmdb_compact(struct tree *tree, const atomic_bool *stop)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);
    const struct lmdb_copy copy = {&lmdb->env, lmdb->path, stop, lmdb->settings.no_sync};
    struct lmdb_env made;
    bool placed = false;
    int err = lmdb_copy_make(&copy, &made);

    if (err)
        return err;
    err = lmdb_copy_place(&copy, &placed);
    if (!placed) {
        lmdb_env_close(&made);
        lmdb_copy_remove(lmdb->path);
        return err;
    }
    lmdb->copy = made;
    lmdb->copy_err = err;
    return 0;
}

static int lmdb_adopt(struct tree *tree)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);

    check(lmdb->copy.env != NULL);
    read_close(lmdb);
    pthread_mutex_lock(&lmdb->mutex);
    check(lmdb->old.env == NULL); // the thread closed it before it took the job
    lmdb->old = lmdb->env;
    pthread_cond_signal(&lmdb->wanted);
    pthread_mutex_unlock(&lmdb->mutex);
    lmdb->env = lmdb->copy;
    lmdb->copy = (struct lmdb_env){0};
    return lmdb->copy_err;
}

// An environment still to be closed by the thread is one of another file. A file that is no longer
// where it was opened must not be let go: there would be another one, or a new and empty one.
static int lmdb_reopen(struct tree *tree)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);
    uint64_t map_bytes = lmdb->env.map_bytes;

    if (!lmdb_env_is_at(&lmdb->env, lmdb->path))
        return 0;
    read_close(lmdb);
    lmdb_env_close(&lmdb->env);
    if (lmdb_env_open(lmdb->path, map_bytes, lmdb->settings.no_sync ? MDB_NOSYNC : 0, &lmdb->env))
        return ERR_IO;
    malloc_trim(0);
    return 0;
}

// ---------------------------------------------------------------- the thread

// With the mutex held, which it gives back meanwhile.
static void old_close(struct tree_lmdb *lmdb)
{
    struct lmdb_env old = lmdb->old;

    if (!old.env)
        return;
    lmdb->old = (struct lmdb_env){0};
    pthread_mutex_unlock(&lmdb->mutex);
    lmdb_env_close(&old);
    pthread_mutex_lock(&lmdb->mutex);
}

static void *lmdb_run(void *data)
{
    struct tree_lmdb *lmdb = data;

    (void)setpriority(PRIO_PROCESS, 0, BEHIND); // of this thread; without it all goes on too
    pthread_mutex_lock(&lmdb->mutex);
    for (;;) {
        struct tree_job *job;

        while (!lmdb->waiting && !lmdb->stop && !lmdb->old.env)
            pthread_cond_wait(&lmdb->wanted, &lmdb->mutex);
        old_close(lmdb);
        if (!lmdb->waiting && !lmdb->stop)
            continue;
        if (!lmdb->waiting)
            break;
        job = lmdb->running = lmdb->waiting;
        lmdb->waiting = NULL;
        pthread_mutex_unlock(&lmdb->mutex);
        job->err = job->work(job);
        pthread_mutex_lock(&lmdb->mutex);
        lmdb->running = NULL;
        lmdb->done = job;
        pthread_cond_signal(&lmdb->ended);
        pthread_mutex_unlock(&lmdb->mutex);
        if (lmdb->settings.wake)
            lmdb->settings.wake(lmdb->settings.wake_data);
        pthread_mutex_lock(&lmdb->mutex);
    }
    pthread_mutex_unlock(&lmdb->mutex);
    return NULL;
}

static void lmdb_submit(struct tree *tree, struct tree_job *job)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);

    pthread_mutex_lock(&lmdb->mutex);
    check(!lmdb->waiting && !lmdb->running && !lmdb->done);
    lmdb->waiting = job;
    pthread_cond_signal(&lmdb->wanted);
    pthread_mutex_unlock(&lmdb->mutex);
}

static struct tree_job *lmdb_poll(struct tree *tree)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);
    struct tree_job *job;

    pthread_mutex_lock(&lmdb->mutex);
    job = lmdb->done;
    lmdb->done = NULL;
    pthread_mutex_unlock(&lmdb->mutex);
    return job;
}

static void lmdb_wait(struct tree *tree)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);

    pthread_mutex_lock(&lmdb->mutex);
    while (lmdb->waiting || lmdb->running)
        pthread_cond_wait(&lmdb->ended, &lmdb->mutex);
    pthread_mutex_unlock(&lmdb->mutex);
}

static uint64_t lmdb_used(struct tree *tree)
{
    return lmdb_env_used(&lmdb_of(tree)->env);
}

static void lmdb_close(struct tree *tree)
{
    struct tree_lmdb *lmdb = lmdb_of(tree);

    pthread_mutex_lock(&lmdb->mutex);
    lmdb->stop = true;
    pthread_cond_signal(&lmdb->wanted);
    pthread_mutex_unlock(&lmdb->mutex);
    pthread_join(lmdb->thread, NULL);
    read_close(lmdb);
    lmdb_env_close(&lmdb->copy);
    lmdb_env_close(&lmdb->env);
    pthread_cond_destroy(&lmdb->wanted);
    pthread_cond_destroy(&lmdb->ended);
    pthread_mutex_destroy(&lmdb->mutex);
    free(lmdb->path);
    free(lmdb);
}

static const struct tree_calls lmdb_calls = {
    lmdb_get,         lmdb_next,   lmdb_turn_end, lmdb_submit,  lmdb_poll, lmdb_wait,
    lmdb_grow,        lmdb_adopt,  lmdb_reopen,   lmdb_begin,   lmdb_put,  lmdb_remove,
    lmdb_remove_some, lmdb_commit, lmdb_abort,    lmdb_compact, lmdb_used, lmdb_close,
};

// ---------------------------------------------------------------- opening

int tree_lmdb_open(const struct tree_lmdb_settings *settings, struct tree **out)
{
    struct tree_lmdb *lmdb = memory_new(sizeof *lmdb);
    int failed;
    int err;

    lmdb->tree.calls = &lmdb_calls;
    lmdb->settings = *settings;
    if (lmdb->settings.map_bytes < MAP_MIN)
        lmdb->settings.map_bytes = MAP_MIN;
    lmdb->settings.path = NULL;
    lmdb->path = memory_text(settings->path);
    lmdb_copy_remove(lmdb->path);
    err = lmdb_env_open(lmdb->path, lmdb->settings.map_bytes, settings->no_sync ? MDB_NOSYNC : 0,
                        &lmdb->env);
    if (err) {
        free(lmdb->path);
        free(lmdb);
        return err == ERR_NOT_FOUND || err == ERR_MAP_FULL ? ERR_DAMAGED : err;
    }
    pthread_mutex_init(&lmdb->mutex, NULL);
    pthread_cond_init(&lmdb->wanted, NULL);
    pthread_cond_init(&lmdb->ended, NULL);
    failed = os_thread(&lmdb->thread, lmdb_run, lmdb);
    check(!failed);
    *out = &lmdb->tree;
    return 0;
}
