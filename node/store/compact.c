// SPDX-License-Identifier: Apache-2.0
// A failed copy changed nothing, so it is told and forgotten. Only when nobody knows whether the
// copy got its place the store stops, as after a failed commit: either file has what the tree had,
// and the next start goes on from it.
#include "node/store/compact.h"

#include "base/err.h"
#include "node/store/state.h"

bool compact_copying(const struct store *store)
{
    return store->compact.phase == COMPACT_COPYING;
}

void store_compact(struct store *store)
{
    struct compact *compact = &store->compact;

    if (compact->phase != COMPACT_NONE || store->fatal)
        return;
    compact->phase = COMPACT_WANTED;
    compact->position = log_end(&store->log);
    compact->asked_ms = store->now_ms;
    compact->told = (struct compaction){
        .state = COMPACTION_RUNNING,
        .bytes_before = store->tree->calls->used(store->tree),
    };
    if (store->covered < compact->position)
        store_checkpoint(store);
}

void store_compaction(const struct store *store, struct compaction *out)
{
    *out = store->compact.told;
    if (out->state == COMPACTION_RUNNING)
        out->elapsed_ms = store->now_ms - store->compact.asked_ms;
}

static const char *failure_text(int err)
{
    switch (err) {
    case ERR_OVERLOADED:
        return "the node is writing too fast to compact now: try again when it is quieter";
    case ERR_DISK_FULL:
        return "there is no room for a copy of the tree beside it: make room on the disk, then try "
               "again";
    case ERR_SHUTDOWN:
        return "the node is shutting down: start it, then try again";
    case ERR_DAMAGED:
        return "the tree cannot be copied, it is damaged: move the directories log and tree away; "
               "the node then starts empty and fills from its peers";
    case ERR_READ_ONLY:
        return "the copy cannot be made in the data directory: give the node's user the right to "
               "write there";
    default:
        return "reading the tree or writing its copy failed: look at the disk";
    }
}

static void end(struct store *store, enum compaction_state state, int err)
{
    struct compact *compact = &store->compact;

    compact->phase = COMPACT_NONE;
    compact->told.state = state;
    compact->told.err = err;
    compact->told.elapsed_ms = store->now_ms - compact->asked_ms;
    if (err)
        compact->told.text = slice_of_text(failure_text(err));
}

// ---------------------------------------------------------------- the job

static int compact_work(struct tree_job *job)
{
    struct compact *compact = (struct compact *)job;

    return compact->tree->calls->compact(compact->tree, &compact->stop);
}

static void run(struct store *store)
{
    struct compact *compact = &store->compact;

    compact->phase = COMPACT_COPYING;
    compact->told.bytes_before = store->tree->calls->used(store->tree); // the checkpoint is in it
    compact->tree = store->tree;
    compact->job.work = compact_work;
    atomic_store(&compact->stop, false);
    store->tree->calls->submit(store->tree, &compact->job);
}

// What is told of a copy that failed.
static int failure(int err)
{
    switch (err) {
    case ERR_AGAIN:
        return ERR_OVERLOADED;
    case ERR_DISK_FULL:
    case ERR_DAMAGED:
    case ERR_READ_ONLY:
        return err;
    default:
        return ERR_IO;
    }
}

static int ended(struct store *store)
{
    struct compact *compact = &store->compact;

    if (compact->job.err) {
        end(store, COMPACTION_FAILED, failure(compact->job.err));
        return 0;
    }
    if (store->tree->calls->adopt(store->tree)) {
        end(store, COMPACTION_FAILED, ERR_IO);
        return ERR_IO;
    }
    store->tree_bytes = store->tree->calls->used(store->tree);
    compact->told.bytes_after = store->tree_bytes;
    end(store, COMPACTION_DONE, 0);
    return 0;
}

// ---------------------------------------------------------------- the states

int compact_turn(struct store *store)
{
    struct compact *compact = &store->compact;

    if (compact->phase == COMPACT_WANTED) {
        if (store->checkpoint.state == CHECKPOINT_WAITING)
            end(store, COMPACTION_FAILED, ERR_DISK_FULL);
        else if (store->checkpoint.state == CHECKPOINT_IDLE && store->covered >= compact->position)
            run(store);
    }
    if (compact->phase != COMPACT_COPYING)
        return 0;
    if (store->tree->calls->poll(store->tree))
        return ended(store);
    if (checkpoint_presses(store))
        atomic_store(&compact->stop, true);
    return 0;
}

int compact_stop(struct store *store)
{
    struct compact *compact = &store->compact;
    int err = 0;

    atomic_store(&compact->stop, true);
    if (compact->phase == COMPACT_COPYING) {
        store->tree->calls->wait(store->tree);
        err = compact_turn(store);
    }
    if (compact->phase == COMPACT_WANTED)
        end(store, COMPACTION_FAILED, ERR_SHUTDOWN);
    return err;
}
