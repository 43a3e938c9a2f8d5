// SPDX-License-Identifier: Apache-2.0
// The write-ahead log: records gathered into groups, groups into segments. One buffer is filled
// while the writer has the other; a buffer goes to the writer when the one before is on the disk.
//
//     records ─▶ filling ──(writer idle)──▶ flying ─▶ segment 7 | 8 (prepared) | 9 (reserve)
//
// What is accepted into the buffer always has prepared room on the disk: segments are made ahead,
// and the last one is kept for what must go on when the disk is full.
#ifndef NODE_STORE_LOG_H
#define NODE_STORE_LOG_H

#include "node/store/disk.h"
#include "node/store/record.h"

enum { LOG_SPARES = 2, LOG_PENDING_MAX = 64 << 20 };

struct log_segment {
    uint64_t id;
    uint64_t end; // position behind its last group; of the newest one: so far
};

struct log {
    struct disk *disk;
    uint64_t store;
    uint32_t salt;
    uint32_t interval_ms;
    uint32_t retry_ms;
    size_t capacity;    // bytes of groups that fit a segment
    size_t group_bytes; // a group is closed when its payload has reached this
    size_t record_max;

    struct buffer filling; // groups, the last one open
    struct buffer flying;  // groups, as the writer has them
    size_t group_at;       // where the open group begins in `filling`; SIZE_MAX: none is open
    uint64_t filling_from; // position of filling.data[0]
    uint64_t flying_from;
    size_t flying_sent; // bytes of `flying` given to the writer
    uint32_t writes;    // jobs that the writer has

    struct log_segment *segments; // all on the disk, oldest first
    size_t segment_count;
    size_t segment_capacity;
    bool has_current;      // the last of `segments` is of this life and takes groups
    size_t current_used;   // bytes of groups in it
    uint64_t previous_end; // for the next segment's header
    uint64_t spares[LOG_SPARES];
    uint32_t spare_count;
    bool preparing;
    uint64_t next_id;
    uint8_t headers[LOG_SPARES + 1][SEGMENT_HEADER_SIZE]; // while the writer has them
    uint32_t next_header;

    uint64_t written; // positions
    uint64_t synced;
    uint64_t syncing; // a sync up to here is under way
    bool want_sync;
    uint64_t sync_at_ms; // interval: when the next sync is due; 0: nothing to sync

    bool full;         // no room for another segment or for the ballast
    bool ballast_gone; // was released and is not back
    bool ballast_job;
    uint64_t retry_at_ms;
    int fatal;
};

struct log_settings {
    uint32_t interval_ms;
    uint32_t retry_ms;
    uint64_t store; // id for new segments
    uint32_t salt;  // for their groups
};

// ---- start (log_recover.c)
// ------------------------------------------------------------------------

struct log_recovery {
    uint64_t covered; // the tree has everything up to here
    uint64_t store;   // id in the tree; 0: the tree has none
    int (*replay)(void *data, uint64_t position, const struct log_record *record);
    int (*group_end)(void *data, uint64_t position); // after each group replayed
    void *data;
};

struct log_recovered {
    uint64_t store; // of the segments; 0: there are none
    uint64_t end;   // where the valid log ends
    uint64_t next_id;
    uint64_t replayed;
    uint64_t torn_bytes;
    struct buffer segments; // struct log_segment
    struct buffer voids;    // u64 ids of segments that hold nothing
    char error[384];        // on failure: what and where
};

// Reads the whole log and gives each record behind `covered` to `replay`. ERR_DAMAGED, ERR_INVALID
// (made by a newer version), ERR_IO, or what `replay` returned.
int log_recover(struct disk *disk, const struct log_recovery *recovery, struct log_recovered *out);
void log_recovered_done(struct log_recovered *recovered);

// ---- running
// ---------------------------------------------------------------------------------------

// Takes over from a recovery; goes on at max(end, covered). Waits until the first segments are
// prepared; a full disk is no error.
int log_open(struct log *log, struct disk *disk, const struct log_settings *settings,
             const struct log_recovered *recovered, uint64_t covered);
void log_done(struct log *log);

// What an append may use.
enum log_use {
    LOG_USE_PUT,     // all but the reserve
    LOG_USE_RESERVE, // deletes, repairs, housekeeping: everything
};

// Appends one record; `out_position` is its end. ERR_TOO_LARGE, ERR_DISK_FULL, ERR_OVERLOADED (no
// prepared room yet): nothing has changed.
int log_append(struct log *log, const struct log_record *record, enum log_use use,
               uint64_t *out_position);

// Closes the open group and gives the buffer to the writer if it is idle; keeps segments prepared.
void log_submit(struct log *log, uint64_t now_ms);

// Collects what the disk has done. ERR_IO: a write failed, for ever.
int log_poll(struct log *log);

// The end of what was appended; closes the open group, so that nothing appended later ends at or
// below.
uint64_t log_cut(struct log *log);

// Where the last record ends.
uint64_t log_end(const struct log *log);

// What counts as durable: synced, or in mode interval written.
uint64_t log_durable(const struct log *log);

// Asks that everything written is synced soon (mode interval; else it is anyway).
void log_want_sync(struct log *log);

// Gives up all segments that end at or below the position.
void log_drop(struct log *log, uint64_t position);

// Bytes behind the position.
uint64_t log_bytes(const struct log *log, uint64_t covered);

// Releases the ballast; false when it was gone already. It is made again when there is room.
bool log_release_ballast(struct log *log);

uint64_t log_deadline(const struct log *log);

// "log/0000000000000003.seg", as disk_file names it.
enum { LOG_NAME_SIZE = 32 };
const char *log_name(uint64_t segment, char out[LOG_NAME_SIZE]);

#endif
