// SPDX-License-Identifier: Apache-2.0
// The files under the log, as a table of calls: real ones (disk_file) or memory with faults
// (disk_memory). A disk keeps numbered segments of one fixed size. Writing, preparing and dropping
// are jobs: submitted from the loop's thread, done elsewhere, collected by polling on the loop's
// thread.
//
// Writes are done in the order in which they were submitted. Behind one that failed none is done:
// each fails, so that what is on the disk never tells of more than the disk has. Preparing and
// dropping are done in order too, but beside the writes, so that zero-filling a new segment does
// not hold up an acknowledgement.
#ifndef NODE_STORE_DISK_H
#define NODE_STORE_DISK_H

#include "base/buffer.h"

enum disk_op {
    DISK_WRITE,   // bytes at an offset of a segment, then fdatasync if asked for
    DISK_PREPARE, // makes a segment: a dropped one renamed, else a new one of zeros; durably
    DISK_DROP,    // gives a segment up: kept for a later prepare, or removed
    DISK_BALLAST, // makes the reserve again that disk_calls.release gave up
};

struct disk_job {
    enum disk_op op;
    uint64_t segment;
    uint64_t offset;
    struct slice bytes; // of a write; the caller keeps them until the job is done
    bool sync;          // of a write: the whole segment is on stable storage afterwards
    uint64_t tag;       // handed back
};

struct disk_done {
    enum disk_op op;
    uint64_t segment;
    uint64_t tag;
    int err; // 0, ERR_IO, ERR_DISK_FULL
};

struct disk;

struct disk_calls {
    // The segments there are, ascending; appends their ids to `out` as u64. ERR_IO.
    int (*list)(struct disk *disk, struct buffer *out);
    // All bytes of a segment, appended. Called at start only. ERR_NOT_FOUND, ERR_IO.
    int (*read)(struct disk *disk, uint64_t segment, struct buffer *out);
    // Puts what `read` showed on stable storage, even if an earlier sync of it failed: then memory
    // may have what the disk has not, and pass for clean. Called at start only. ERR_IO.
    int (*sync)(struct disk *disk, uint64_t segment);
    // Never fails and never waits: what goes wrong is told by the job's end.
    void (*submit)(struct disk *disk, const struct disk_job *job);
    // The next job that has ended, in any order between the kinds. False: none now.
    bool (*poll)(struct disk *disk, struct disk_done *out);
    // Waits until a job has ended that poll has not told of. False at once when none is under way.
    bool (*wait)(struct disk *disk);
    // Gives the reserve file up, so that a checkpoint on a full disk can go on.
    void (*release)(struct disk *disk);
    // Bytes that segments, spare ones and the reserve take.
    uint64_t (*used)(struct disk *disk);
    // Waits for all jobs and frees everything.
    void (*close)(struct disk *disk);
};

struct disk {
    const struct disk_calls *calls;
    uint64_t segment_size; // bytes
};

#endif
