// SPDX-License-Identifier: Apache-2.0
// Start: what of the log can be believed. Two passes: one over the headers, which say where each
// segment before them was cut, and one over the groups.
//
//     segment 4:  [head|g g g g g x . . .]       x: the first bytes that are no group
//     segment 5:       [head|g g g x . . .]      its header: "previous end", where 4 was cut
//
// A bad group is *damage* when something later says that its position was on stable storage: the
// header of a later segment, the mark of a later group, or the tree. Then acknowledged writes may
// be gone, and the start stops. Otherwise it was never synced: a torn tail, which is cut. Bytes of
// a reused file are no groups, since salt and segment id are under each sum.
//
// Groups are written in order but reach the disk in any, so a valid group behind a bad one proves
// nothing by itself: only its mark does.
#include "node/store/log.h"

#include "base/err.h"

#include <inttypes.h>
#include <stdio.h>

// One file.
struct scanned {
    uint64_t id;
    bool valid;
    struct segment_header header; // when it is not valid: the id alone
};

struct scan {
    struct disk *disk;
    const struct log_recovery *recovery;
    struct log_recovered *out;
    struct scanned *files;
    size_t count;
    struct buffer bytes; // of one segment
    struct arena arena;
};

const char *log_name(uint64_t segment, char out[LOG_NAME_SIZE])
{
    snprintf(out, LOG_NAME_SIZE, "log/%016" PRIx64 ".seg", segment);
    return out;
}

static int fail(struct scan *scan, int err, uint64_t segment, uint64_t offset, const char *what)
{
    char name[LOG_NAME_SIZE];

    snprintf(scan->out->error, sizeof scan->out->error, "%s at offset %" PRIu64 ": %s",
             log_name(segment, name), offset, what);
    return err;
}

static int segment_read(struct scan *scan, uint64_t id)
{
    int err;

    scan->bytes.size = 0;
    err = scan->disk->calls->read(scan->disk, id, &scan->bytes);
    return err ? fail(scan, err, id, 0, "cannot be read") : 0;
}

static struct slice rest_of(const struct scan *scan, size_t offset)
{
    return slice_of(scan->bytes.data + offset, scan->bytes.size - offset);
}

struct proof {
    uint64_t mark;   // the highest mark of a valid group found
    uint64_t base;   // the base of the segment that the group with this mark implies
    size_t torn_end; // behind everything that looks like a group of the segment
};

// Searches everything from `offset` on for groups of the segment, with any salt when its header is
// lost.
static struct proof groups_search(const struct scan *scan, const struct scanned *file,
                                  size_t offset)
{
    struct segment_header segment = file->header;
    struct proof proof = {.torn_end = offset};
    struct group_header group;
    struct slice payload;

    for (size_t at = offset; at + GROUP_HEADER_SIZE <= scan->bytes.size; at += GROUP_ALIGN) {
        if (!file->valid)
            segment.salt = bytes_u32(scan->bytes.data + at + 8);
        if (group_read(rest_of(scan, at), &segment, &group, &payload))
            continue;
        proof.torn_end = at + group_size(payload.size);
        if (group.mark >= proof.mark) {
            proof.mark = group.mark;
            proof.base = group.position - (at - SEGMENT_HEADER_SIZE);
        }
        at += group_size(payload.size) - GROUP_ALIGN;
    }
    return proof;
}

// A file without a header: never begun, or begun and torn before its first sync. A group in it
// whose mark lies behind the first group proves that the header was synced once.
static int headerless_check(struct scan *scan, const struct scanned *file)
{
    struct proof proof = groups_search(scan, file, SEGMENT_HEADER_SIZE);

    if (proof.mark > proof.base)
        return fail(scan, ERR_DAMAGED, file->id, 0, "the header is damaged");
    buffer_add(&scan->out->voids, &file->id, sizeof file->id);
    return 0;
}

static int header_scan(struct scan *scan, struct scanned *file)
{
    int err = segment_read(scan, file->id);

    if (err)
        return err;
    err = segment_header_read(buffer_slice(&scan->bytes), file->id, &file->header);
    if (err == ERR_STALE)
        return fail(scan, ERR_INVALID, file->id, 0, "was made by a newer version");
    if (err)
        return headerless_check(scan, file);
    if (scan->bytes.size < file->header.size)
        return fail(scan, ERR_DAMAGED, file->id, scan->bytes.size, "the file ends too early");
    if (!scan->out->store)
        scan->out->store = file->header.store;
    if (file->header.store != scan->out->store ||
        (scan->recovery->store && file->header.store != scan->recovery->store))
        return fail(scan, ERR_DAMAGED, file->id, 0, "belongs to another store");
    file->valid = true;
    return 0;
}

// What we read may be in memory only: before it counts, it is put on the disk. That goes for the
// newest segment; the older ones were synced before the next one began.
static int newest_sync(struct scan *scan)
{
    uint64_t id = scan->count ? scan->files[scan->count - 1].id : 0;
    int err = id ? scan->disk->calls->sync(scan->disk, id) : 0;

    return err ? fail(scan, err, id, 0, "cannot be synced") : 0;
}

static int headers_scan(struct scan *scan)
{
    struct buffer ids = {0};
    int err = scan->disk->calls->list(scan->disk, &ids);
    size_t valid = 0;

    if (err)
        snprintf(scan->out->error, sizeof scan->out->error, "the log's directory cannot be read");
    scan->count = ids.size / sizeof(uint64_t);
    scan->files = arena_new(&scan->arena, (scan->count + 1) * sizeof *scan->files);
    for (size_t i = 0; i < scan->count && !err; i++) {
        struct scanned file = {0};

        memcpy(&file.id, ids.data + i * sizeof file.id, sizeof file.id);
        file.header.segment = file.id;
        scan->out->next_id = file.id + 1;
        err = header_scan(scan, &file);
        if (file.valid)
            scan->files[valid++] = file;
    }
    scan->count = valid;
    buffer_done(&ids);
    return err ? err : newest_sync(scan);
}

// The records of one group.
static int group_replay(struct scan *scan, const struct scanned *file,
                        const struct group_header *group, struct slice payload)
{
    const struct log_recovery *recovery = scan->recovery;
    struct reader reader = reader_of(payload);
    uint64_t start = group->position + GROUP_HEADER_SIZE;

    while (reader_left(&reader) > 0) {
        struct log_record record;
        uint64_t position;
        int err;

        arena_reset(&scan->arena);
        err = log_record_decode(&reader, &scan->arena, &record);
        if (err)
            return fail(scan, ERR_DAMAGED, file->id,
                        SEGMENT_HEADER_SIZE + group->position - file->header.base,
                        "holds a record that this version cannot read");
        position = start + (uint64_t)(reader.at - payload.data);
        if (position <= recovery->covered)
            continue;
        err = recovery->replay(recovery->data, position, &record);
        if (err)
            return err;
        scan->out->replayed += 1;
    }
    return recovery->group_end(recovery->data, group->position + group_size(payload.size));
}

// Replays the groups of a segment up to `limit`; `out_end` is where they end.
static int groups_replay(struct scan *scan, const struct scanned *file, uint64_t limit,
                         uint64_t *out_end)
{
    size_t offset = SEGMENT_HEADER_SIZE;
    uint64_t position = file->header.base;
    struct group_header group;
    struct slice payload;
    int err = 0;

    while (position < limit && !err) {
        if (group_read(rest_of(scan, offset), &file->header, &group, &payload) ||
            group.position != position)
            break;
        err = group_replay(scan, file, &group, payload);
        offset += group_size(payload.size);
        position += group_size(payload.size);
    }
    *out_end = position;
    return err;
}

// The newest segment ends at `end`: torn there, or damaged?
static int tail_check(struct scan *scan, const struct scanned *file, uint64_t end)
{
    size_t offset = (size_t)(SEGMENT_HEADER_SIZE + end - file->header.base);
    struct proof proof = groups_search(scan, file, offset);
    struct slice rest = rest_of(scan, offset);

    if (proof.mark > end && end < UINT64_MAX)
        return fail(scan, ERR_DAMAGED, file->id, offset, "a group that was synced is damaged");
    scan->out->torn_bytes = proof.torn_end - offset;
    // The first torn group itself, as far as its header can be read.
    if (scan->out->torn_bytes == 0 && rest.size >= GROUP_HEADER_SIZE &&
        bytes_u64(rest.data + 16) == file->id && bytes_u64(rest.data + 24) == end)
        scan->out->torn_bytes = GROUP_HEADER_SIZE + bytes_u32(rest.data + 12);
    if (scan->out->torn_bytes > rest.size)
        scan->out->torn_bytes = rest.size;
    return 0;
}

static int segment_scan(struct scan *scan, size_t index)
{
    const struct scanned file = scan->files[index];
    bool last = index + 1 == scan->count;
    uint64_t limit = last ? UINT64_MAX : scan->files[index + 1].header.previous_end;
    uint64_t covered = scan->recovery->covered;
    struct log_segment segment = {.id = file.id};
    int err = segment_read(scan, file.id);

    if (err)
        return err;
    err = groups_replay(scan, &file, limit, &segment.end);
    if (err)
        return err;
    if (last)
        err = tail_check(scan, &file, segment.end);
    else if (segment.end != limit && limit > covered)
        err = fail(scan, ERR_DAMAGED, file.id, SEGMENT_HEADER_SIZE + segment.end - file.header.base,
                   segment.end < limit ? "a group that was synced is damaged"
                                       : "the next segment says that this one ends earlier");
    if (err)
        return err;
    buffer_add(&scan->out->segments, &segment, sizeof segment);
    scan->out->end = segment.end;
    return 0;
}

static int segments_scan(struct scan *scan)
{
    uint64_t covered = scan->recovery->covered;

    if (scan->count == 0 && covered > 0) {
        snprintf(scan->out->error, sizeof scan->out->error,
                 "the log is missing, but the tree was filled from one");
        return ERR_DAMAGED;
    }
    if (scan->count > 0 && scan->files[0].header.previous_end > covered)
        return fail(scan, ERR_DAMAGED, scan->files[0].id, 0,
                    covered ? "the segments before this one are missing"
                            : "the tree or the segments before this one are missing");
    for (size_t i = 0; i < scan->count; i++) {
        int err = segment_scan(scan, i);

        if (err)
            return err;
    }
    // The tree has only what the log had on stable storage, and the newest segment always stays.
    if (scan->count > 0 && scan->out->end < covered)
        return fail(scan, ERR_DAMAGED, scan->files[scan->count - 1].id,
                    SEGMENT_HEADER_SIZE + scan->out->end - scan->files[scan->count - 1].header.base,
                    "the log ends before what the tree has from it: it is damaged or an old copy");
    return 0;
}

int log_recover(struct disk *disk, const struct log_recovery *recovery, struct log_recovered *out)
{
    struct scan scan = {.disk = disk, .recovery = recovery, .out = out};
    struct arena files = {0};
    int err;

    *out = (struct log_recovered){.next_id = 1};
    err = headers_scan(&scan);
    // The table of files outlives the arena's resets.
    files = scan.arena;
    scan.arena = (struct arena){0};
    if (!err)
        err = segments_scan(&scan);
    arena_done(&scan.arena);
    arena_done(&files);
    buffer_done(&scan.bytes);
    return err;
}

void log_recovered_done(struct log_recovered *recovered)
{
    buffer_done(&recovered->segments);
    buffer_done(&recovered->voids);
}
