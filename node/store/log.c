// SPDX-License-Identifier: Apache-2.0
// Appending and handing over. The invariant: every byte accepted fits into prepared room, namely
// the rest of the current segment or the spares, so that what is in the buffer can always be
// written.
//
// A group never straddles segments; a spare therefore wastes at most half (a group takes no more),
// and that is what the room of spares is counted with. A write or sync that fails is fatal: after
// a failed sync nobody knows what the disk holds (Rebello et al., "Can Applications Recover from
// fsync Failures?", 2020), so nothing is tried again and nothing more becomes durable.
#include "node/store/log.h"

#include "base/check.h"
#include "base/err.h"

#include <stdlib.h>

enum { LOG_GROUP_BYTES = 256 << 10, LOG_KEEP_BYTES = 4 << 20 };

// Tags of jobs: a write's is the position it ends at; a sync's the position it makes durable.
#define LOG_TAG_SYNC (UINT64_C(1) << 63)

static uint64_t filling_end(const struct log *log)
{
    return log->filling_from + log->filling.size;
}

uint64_t log_end(const struct log *log)
{
    return filling_end(log);
}

uint64_t log_durable(const struct log *log)
{
    return log->interval_ms ? log->written : log->synced;
}

void log_want_sync(struct log *log)
{
    log->want_sync = true;
}

static size_t current_left(const struct log *log)
{
    return log->has_current ? log->capacity - log->current_used : 0;
}

// Bytes that may wait in both buffers for a place on the disk.
static uint64_t log_room(const struct log *log, enum log_use use)
{
    uint32_t spares = log->spare_count;
    uint64_t left = current_left(log);
    uint64_t ahead;

    if (use == LOG_USE_PUT)
        spares = spares ? spares - 1 : 0;
    ahead = (uint64_t)spares * (log->capacity / 2);
    if (ahead < left)
        ahead = left;
    return ahead < LOG_PENDING_MAX ? ahead : LOG_PENDING_MAX;
}

static uint64_t log_pending(const struct log *log)
{
    return log->filling.size + log->flying.size - log->flying_sent;
}

// ---------------------------------------------------------------- filling

static void group_open(struct log *log)
{
    if (log->group_at != SIZE_MAX)
        return;
    log->group_at = log->filling.size;
    buffer_reserve(&log->filling, GROUP_HEADER_SIZE);
    log->filling.size += GROUP_HEADER_SIZE;
}

static void group_close(struct log *log)
{
    size_t payload;
    size_t pad;

    if (log->group_at == SIZE_MAX)
        return;
    payload = log->filling.size - log->group_at - GROUP_HEADER_SIZE;
    check(payload > 0 && payload <= UINT32_MAX);
    pad = group_size(payload) - GROUP_HEADER_SIZE - payload;
    memset(buffer_reserve(&log->filling, pad), 0, pad);
    log->filling.size += pad;
    bytes_put_u32(log->filling.data + log->group_at + 12, (uint32_t)payload);
    log->group_at = SIZE_MAX;
}

int log_append(struct log *log, const struct log_record *record, enum log_use use,
               uint64_t *out_position)
{
    size_t size = log->filling.size;
    size_t at = log->group_at;
    size_t added;

    if (log->fatal)
        return log->fatal;
    group_open(log);
    added = log->filling.size;
    log_record_encode(record, &log->filling);
    added = log->filling.size - added;
    if (added > log->record_max || log_pending(log) + GROUP_ALIGN > log_room(log, use)) {
        log->filling.size = size;
        log->group_at = at;
        if (added > log->record_max)
            return ERR_TOO_LARGE;
        return log->full ? ERR_DISK_FULL : ERR_OVERLOADED;
    }
    *out_position = filling_end(log);
    if (log->filling.size - log->group_at >= log->group_bytes)
        group_close(log);
    return 0;
}

uint64_t log_cut(struct log *log)
{
    group_close(log);
    return filling_end(log);
}

// ---------------------------------------------------------------- handing over

static void job_submit(struct log *log, uint64_t segment, uint64_t offset, struct slice bytes,
                       uint64_t tag)
{
    bool sync = tag & LOG_TAG_SYNC;
    struct disk_job job = {DISK_WRITE, segment, offset, bytes, sync, tag};

    log->writes += 1;
    if (sync)
        log->syncing = tag & ~LOG_TAG_SYNC;
    log->disk->calls->submit(log->disk, &job);
}

static struct log_segment *segment_newest(struct log *log)
{
    return log->segment_count ? &log->segments[log->segment_count - 1] : NULL;
}

static void segment_push(struct log *log, struct log_segment segment)
{
    if (log->segment_count == log->segment_capacity) {
        log->segment_capacity = log->segment_capacity ? log->segment_capacity * 2 : 8;
        log->segments = memory_grow(log->segments, log->segment_capacity * sizeof *log->segments);
    }
    log->segments[log->segment_count++] = segment;
}

// Begins the next prepared segment at a position. What the old one got is synced first, since the
// header of the new one will say that it was.
static void segment_begin(struct log *log, uint64_t position)
{
    uint64_t id = log->spares[0];
    uint8_t *bytes = log->headers[log->next_header];
    struct segment_header header = {
        .segment = id,
        .store = log->store,
        .base = position,
        .previous_end = log->previous_end,
        .size = log->disk->segment_size,
        .salt = log->salt,
    };

    check(log->spare_count > 0);
    if (log->has_current && log->syncing < position)
        job_submit(log, segment_newest(log)->id, 0, (struct slice){0}, position | LOG_TAG_SYNC);
    log->spare_count -= 1;
    memmove(log->spares, log->spares + 1, log->spare_count * sizeof *log->spares);
    log->next_header = (log->next_header + 1) % (LOG_SPARES + 1);
    segment_header_put(&header, bytes);
    segment_push(log, (struct log_segment){id, position});
    log->has_current = true;
    log->current_used = 0;
    job_submit(log, id, 0, slice_of(bytes, SEGMENT_HEADER_SIZE), 0);
}

// Seals the groups of `flying` from flying_sent on that fit the current segment; returns their
// bytes.
static size_t groups_seal(struct log *log)
{
    size_t end = log->flying_sent;
    uint64_t segment = segment_newest(log)->id;

    while (end < log->flying.size) {
        uint8_t *group = log->flying.data + end;
        uint32_t payload = bytes_u32(group + 12);
        struct group_header header = {segment, log->flying_from + end, log->synced, payload,
                                      log->salt};
        size_t used = log->current_used + (end - log->flying_sent);

        if (used + group_size(payload) > log->capacity)
            break;
        group_seal(group, &header);
        end += group_size(payload);
    }
    return end - log->flying_sent;
}

// Gives the writer what fits prepared segments. One job a segment.
static void flying_send(struct log *log)
{
    while (log->flying_sent < log->flying.size) {
        uint64_t position = log->flying_from + log->flying_sent;
        size_t size = log->has_current ? groups_seal(log) : 0;

        if (size == 0 && log->spare_count == 0)
            return;
        if (size == 0) {
            segment_begin(log, position);
            continue;
        }
        segment_newest(log)->end = position + size;
        log->previous_end = position + size;
        job_submit(log, segment_newest(log)->id, SEGMENT_HEADER_SIZE + log->current_used,
                   slice_of(log->flying.data + log->flying_sent, size),
                   (position + size) | (log->interval_ms ? 0 : LOG_TAG_SYNC));
        log->current_used += size;
        log->flying_sent += size;
    }
}

static bool writer_idle(const struct log *log)
{
    return log->writes == 0 && log->flying_sent == log->flying.size;
}

static void buffers_swap(struct log *log)
{
    struct buffer empty = log->flying;

    group_close(log);
    log->flying = log->filling;
    log->flying_from = log->filling_from;
    log->flying_sent = 0;
    buffer_reset(&empty, LOG_KEEP_BYTES);
    log->filling_from += log->flying.size;
    log->filling = empty;
}

static void sync_submit(struct log *log, uint64_t now_ms)
{
    bool due = log->want_sync || (log->sync_at_ms && now_ms >= log->sync_at_ms);

    if (!log->interval_ms || log->synced == log->written)
        return;
    if (!log->sync_at_ms)
        log->sync_at_ms = now_ms + log->interval_ms;
    if (!due || log->syncing > log->synced)
        return;
    log->want_sync = false;
    log->sync_at_ms = 0;
    job_submit(log, segment_newest(log)->id, 0, (struct slice){0}, log->written | LOG_TAG_SYNC);
}

// ---------------------------------------------------------------- room

static void prepare_submit(struct log *log)
{
    struct disk_job job = {.op = DISK_PREPARE, .segment = log->next_id};

    log->preparing = true;
    log->disk->calls->submit(log->disk, &job);
}

static void room_keep(struct log *log, uint64_t now_ms)
{
    struct disk_job ballast = {.op = DISK_BALLAST};

    if (log->full && log->retry_at_ms == 0)
        log->retry_at_ms = now_ms + log->retry_ms;
    if (log->full && now_ms < log->retry_at_ms)
        return;
    if (log->spare_count < LOG_SPARES && !log->preparing) {
        log->retry_at_ms = 0;
        prepare_submit(log);
    } else if (log->ballast_gone && !log->ballast_job && !log->preparing) {
        log->retry_at_ms = 0;
        log->ballast_job = true;
        log->disk->calls->submit(log->disk, &ballast);
    }
}

bool log_release_ballast(struct log *log)
{
    log->full = true;
    if (log->ballast_gone)
        return false;
    log->ballast_gone = true;
    log->disk->calls->release(log->disk);
    return true;
}

void log_submit(struct log *log, uint64_t now_ms)
{
    if (log->fatal)
        return;
    room_keep(log, now_ms);
    flying_send(log);
    if (writer_idle(log) && log->filling.size > 0) {
        buffers_swap(log);
        flying_send(log);
    }
    sync_submit(log, now_ms);
}

// ---------------------------------------------------------------- what the disk has done

static void write_done(struct log *log, const struct disk_done *done)
{
    uint64_t position = done->tag & ~LOG_TAG_SYNC;

    check(log->writes > 0);
    log->writes -= 1;
    if (position > log->written)
        log->written = position;
    if ((done->tag & LOG_TAG_SYNC) && position > log->synced)
        log->synced = position;
}

static void prepare_done(struct log *log, const struct disk_done *done)
{
    log->preparing = false;
    if (done->err) {
        log->full = true;
        return;
    }
    log->spares[log->spare_count++] = done->segment;
    log->next_id = done->segment + 1;
}

static void done_take(struct log *log, const struct disk_done *done)
{
    if (done->op == DISK_DROP)
        return; // a file that stays is met again at the next start
    if (done->err && (done->op == DISK_WRITE || done->err != ERR_DISK_FULL)) {
        log->fatal = ERR_IO;
        return;
    }
    if (done->op == DISK_WRITE)
        write_done(log, done);
    if (done->op == DISK_PREPARE)
        prepare_done(log, done);
    if (done->op == DISK_BALLAST) {
        log->ballast_job = false;
        log->ballast_gone = done->err != 0;
        log->full = log->full || done->err != 0;
    }
    if (!done->err && log->spare_count == LOG_SPARES && !log->ballast_gone)
        log->full = false;
}

int log_poll(struct log *log)
{
    struct disk_done done;

    while (!log->fatal && log->disk->calls->poll(log->disk, &done))
        done_take(log, &done);
    return log->fatal;
}

// ---------------------------------------------------------------- the rest

void log_drop(struct log *log, uint64_t position)
{
    size_t count = 0;

    // The newest stays: the next header points at its end.
    while (count + 1 < log->segment_count && log->segments[count].end <= position) {
        struct disk_job job = {.op = DISK_DROP, .segment = log->segments[count].id};

        log->disk->calls->submit(log->disk, &job);
        count += 1;
    }
    if (count == 0)
        return;
    log->segment_count -= count;
    memmove(log->segments, log->segments + count, log->segment_count * sizeof *log->segments);
}

uint64_t log_bytes(const struct log *log, uint64_t covered)
{
    return log_end(log) - covered;
}

uint64_t log_deadline(const struct log *log)
{
    uint64_t deadline = UINT64_MAX;

    if (log->interval_ms && log->sync_at_ms)
        deadline = log->sync_at_ms;
    if (log->full && log->retry_at_ms && log->retry_at_ms < deadline)
        deadline = log->retry_at_ms;
    return deadline;
}

static void voids_drop(struct log *log, const struct log_recovered *recovered)
{
    for (size_t at = 0; at < recovered->voids.size; at += sizeof(uint64_t)) {
        struct disk_job job = {.op = DISK_DROP};

        memcpy(&job.segment, recovered->voids.data + at, sizeof job.segment);
        log->disk->calls->submit(log->disk, &job);
    }
}

int log_open(struct log *log, struct disk *disk, const struct log_settings *settings,
             const struct log_recovered *recovered, uint64_t covered)
{
    uint64_t from = recovered->end > covered ? recovered->end : covered;

    *log = (struct log){.disk = disk, .store = settings->store, .group_at = SIZE_MAX};
    log->salt = settings->salt;
    log->interval_ms = settings->interval_ms;
    log->retry_ms = settings->retry_ms;
    log->capacity = (disk->segment_size - SEGMENT_HEADER_SIZE) & ~(size_t)(GROUP_ALIGN - 1);
    log->group_bytes = log->capacity / 8 < LOG_GROUP_BYTES ? log->capacity / 8 : LOG_GROUP_BYTES;
    log->record_max = log->capacity / 2 - log->group_bytes - GROUP_HEADER_SIZE - GROUP_ALIGN;
    for (size_t at = 0; at < recovered->segments.size; at += sizeof(struct log_segment)) {
        struct log_segment segment;

        memcpy(&segment, recovered->segments.data + at, sizeof segment);
        segment_push(log, segment);
    }
    log->previous_end = recovered->end;
    log->next_id = recovered->next_id;
    log->ballast_gone = true; // as far as we know: making it is asked for soon
    log->filling_from = log->written = log->synced = log->syncing = from;
    voids_drop(log, recovered);
    while (!log->fatal && !log->full && log->spare_count < LOG_SPARES) {
        if (!log->preparing)
            prepare_submit(log);
        if (!disk->calls->wait(disk))
            return ERR_IO;
        log_poll(log);
    }
    return log->fatal;
}

void log_done(struct log *log)
{
    buffer_done(&log->filling);
    buffer_done(&log->flying);
    free(log->segments);
    *log = (struct log){0};
}
