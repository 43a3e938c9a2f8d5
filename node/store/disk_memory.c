// SPDX-License-Identifier: Apache-2.0
// Each segment is two images: what is on stable storage, and what a reader sees now. A list keeps
// the writes that are in the second and not yet in the first, so that a crash can keep some of
// them.
//
//     submit ─▶ waiting jobs ─▶ (complete) ─▶ seen ─▶ (sync) ─▶ stable
//                                              └── crash: lose, keep, cut or tear ──▶ both
#include "node/store/disk_memory.h"

#include "base/check.h"
#include "base/err.h"
#include "base/rng.h"

#include <stdlib.h>

enum { SECTOR_SIZE = 512, SPARE_SEGMENTS = 2 };

struct memory_segment {
    uint64_t id; // 0: a spare one
    uint8_t *stable;
    uint8_t *seen;
};

// A range written to a segment and not synced.
struct memory_write {
    uint64_t id;
    uint64_t offset;
    size_t size;
};

struct disk_memory {
    struct disk disk;
    struct rng rng;
    bool eager;
    bool ballast;
    uint32_t limit; // segments; 0: none
    struct memory_segment *segments;
    size_t segment_count;
    struct buffer writes;  // struct memory_write
    struct buffer waiting; // struct disk_job
    struct buffer done;    // struct disk_done
    uint64_t operations;
    uint64_t fail_at; // 0: never
    int fail_err;
    bool fail_forever;
    int write_err; // of the first write that failed since the start
};

static struct disk_memory *memory_of(struct disk *disk)
{
    return (struct disk_memory *)disk;
}

static const struct disk_memory *memory_of_const(const struct disk *disk)
{
    return (const struct disk_memory *)disk;
}

static struct memory_segment *segment_find(const struct disk_memory *memory, uint64_t id)
{
    for (size_t i = 0; i < memory->segment_count; i++) {
        if (memory->segments[i].id == id)
            return &memory->segments[i];
    }
    return NULL;
}

// Counts one operation; its error if it is to fail.
static int operation(struct disk_memory *memory)
{
    memory->operations += 1;
    if (memory->fail_at == 0 || memory->operations < memory->fail_at)
        return 0;
    if (memory->operations > memory->fail_at && !memory->fail_forever)
        return 0;
    return memory->fail_err;
}

static int id_compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

static int memory_list(struct disk *disk, struct buffer *out)
{
    struct disk_memory *memory = memory_of(disk);
    size_t from = out->size;
    int err = operation(memory);

    memory->write_err = 0; // who lists the segments starts
    if (err)
        return err;
    for (size_t i = 0; i < memory->segment_count; i++) {
        if (memory->segments[i].id)
            buffer_add(out, &memory->segments[i].id, sizeof(uint64_t));
    }
    if (out->size > from)
        qsort(out->data + from, (out->size - from) / sizeof(uint64_t), sizeof(uint64_t),
              id_compare);
    return 0;
}

static int memory_read(struct disk *disk, uint64_t id, struct buffer *out)
{
    struct disk_memory *memory = memory_of(disk);
    const struct memory_segment *segment = segment_find(memory, id);
    int err = operation(memory);

    if (!err && !segment)
        err = ERR_NOT_FOUND;
    if (err)
        return err;
    buffer_add(out, segment->seen, disk->segment_size);
    return 0;
}

// The two images differ in what the list names and nowhere else.
static void segment_sync(struct disk_memory *memory, struct memory_segment *segment)
{
    struct memory_write write;
    size_t kept = 0;

    for (size_t at = 0; at < memory->writes.size; at += sizeof write) {
        memcpy(&write, memory->writes.data + at, sizeof write);
        if (write.id == segment->id) {
            memcpy(segment->stable + write.offset, segment->seen + write.offset, write.size);
            continue;
        }
        memcpy(memory->writes.data + kept, &write, sizeof write);
        kept += sizeof write;
    }
    memory->writes.size = kept;
}

static int memory_sync(struct disk *disk, uint64_t id)
{
    struct disk_memory *memory = memory_of(disk);
    struct memory_segment *segment = segment_find(memory, id);
    int err = operation(memory);

    if (!err && !segment)
        err = ERR_NOT_FOUND;
    if (!err)
        segment_sync(memory, segment);
    return err;
}

// The first `size` bytes of a write become visible.
static void write_see(struct disk_memory *memory, const struct disk_job *job, size_t size)
{
    struct memory_segment *segment = segment_find(memory, job->segment);
    struct memory_write write = {job->segment, job->offset, size};

    check(segment && job->offset + size <= memory->disk.segment_size);
    if (size == 0)
        return;
    memcpy(segment->seen + job->offset, job->bytes.data, size);
    buffer_add(&memory->writes, &write, sizeof write);
}

static int write_and_sync(struct disk_memory *memory, const struct disk_job *job)
{
    int err = operation(memory);

    if (err) {
        write_see(memory, job, (size_t)rng_below(&memory->rng, job->bytes.size + 1));
        return err;
    }
    write_see(memory, job, job->bytes.size);
    if (!job->sync)
        return 0;
    err = operation(memory);
    if (!err)
        segment_sync(memory, segment_find(memory, job->segment));
    return err;
}

static int write_do(struct disk_memory *memory, const struct disk_job *job)
{
    if (!memory->write_err)
        memory->write_err = write_and_sync(memory, job);
    return memory->write_err;
}

static bool room_for_one(const struct disk_memory *memory)
{
    return memory->limit == 0 || memory->segment_count + memory->ballast < memory->limit;
}

// A spare one keeps its old bytes, as a renamed file does.
static int prepare_do(struct disk_memory *memory, uint64_t id)
{
    struct memory_segment *segment = segment_find(memory, 0);
    int err = operation(memory);

    check(id && !segment_find(memory, id));
    if (err)
        return err;
    if (segment) {
        segment->id = id;
        return 0;
    }
    if (!room_for_one(memory))
        return ERR_DISK_FULL;
    memory->segments =
        memory_grow(memory->segments, (memory->segment_count + 1) * sizeof *memory->segments);
    segment = &memory->segments[memory->segment_count++];
    segment->id = id;
    segment->stable = memory_new(memory->disk.segment_size);
    segment->seen = memory_new(memory->disk.segment_size);
    return 0;
}

static uint32_t spares_count(const struct disk_memory *memory)
{
    uint32_t count = 0;

    for (size_t i = 0; i < memory->segment_count; i++)
        count += memory->segments[i].id == 0;
    return count;
}

static int drop_do(struct disk_memory *memory, uint64_t id)
{
    struct memory_segment *segment = segment_find(memory, id);
    int err = operation(memory);

    if (err || !segment)
        return err;
    segment_sync(memory, segment);
    segment->id = 0;
    if (spares_count(memory) <= SPARE_SEGMENTS)
        return 0;
    free(segment->stable);
    free(segment->seen);
    *segment = memory->segments[--memory->segment_count];
    return 0;
}

static int ballast_do(struct disk_memory *memory)
{
    int err = operation(memory);

    if (err || memory->ballast)
        return err;
    if (!room_for_one(memory))
        return ERR_DISK_FULL;
    memory->ballast = true;
    return 0;
}

static void job_do(struct disk_memory *memory, const struct disk_job *job)
{
    struct disk_done done = {.op = job->op, .segment = job->segment, .tag = job->tag};

    switch (job->op) {
    case DISK_WRITE:
        done.err = write_do(memory, job);
        break;
    case DISK_PREPARE:
        done.err = prepare_do(memory, job->segment);
        break;
    case DISK_DROP:
        done.err = drop_do(memory, job->segment);
        break;
    case DISK_BALLAST:
        done.err = ballast_do(memory);
        break;
    }
    buffer_add(&memory->done, &done, sizeof done);
}

static void memory_submit(struct disk *disk, const struct disk_job *job)
{
    struct disk_memory *memory = memory_of(disk);

    buffer_add(&memory->waiting, job, sizeof *job);
    if (memory->eager)
        disk_memory_complete(disk, UINT32_MAX);
}

static bool memory_poll(struct disk *disk, struct disk_done *out)
{
    struct disk_memory *memory = memory_of(disk);

    if (memory->done.size == 0)
        return false;
    memcpy(out, memory->done.data, sizeof *out);
    buffer_drop(&memory->done, sizeof *out);
    return true;
}

static bool memory_wait(struct disk *disk)
{
    return memory_of(disk)->done.size > 0 || disk_memory_complete(disk, 1) > 0;
}

static void memory_release(struct disk *disk)
{
    memory_of(disk)->ballast = false;
}

static uint64_t memory_used(struct disk *disk)
{
    struct disk_memory *memory = memory_of(disk);

    return (memory->segment_count + memory->ballast) * disk->segment_size;
}

static void memory_close(struct disk *disk)
{
    struct disk_memory *memory = memory_of(disk);

    for (size_t i = 0; i < memory->segment_count; i++) {
        free(memory->segments[i].stable);
        free(memory->segments[i].seen);
    }
    free(memory->segments);
    buffer_done(&memory->writes);
    buffer_done(&memory->waiting);
    buffer_done(&memory->done);
    free(memory);
}

static const struct disk_calls memory_calls = {
    memory_list, memory_read,    memory_sync, memory_submit, memory_poll,
    memory_wait, memory_release, memory_used, memory_close,
};

struct disk *disk_memory_new(uint64_t segment_size, uint64_t seed)
{
    struct disk_memory *memory = memory_new(sizeof *memory);

    memory->disk = (struct disk){&memory_calls, segment_size};
    memory->eager = true;
    rng_init(&memory->rng, seed);
    return &memory->disk;
}

void disk_memory_eager(struct disk *disk, bool eager)
{
    memory_of(disk)->eager = eager;
    if (eager)
        disk_memory_complete(disk, UINT32_MAX);
}

uint32_t disk_memory_complete(struct disk *disk, uint32_t jobs)
{
    struct disk_memory *memory = memory_of(disk);
    uint32_t count = 0;

    for (; count < jobs && memory->waiting.size > 0; count++) {
        struct disk_job job;

        memcpy(&job, memory->waiting.data, sizeof job);
        buffer_drop(&memory->waiting, sizeof job);
        job_do(memory, &job);
    }
    return count;
}

uint32_t disk_memory_waiting(const struct disk *disk)
{
    return (uint32_t)(memory_of_const(disk)->waiting.size / sizeof(struct disk_job));
}

// ---------------------------------------------------------------- crashes

// Waiting writes may have begun: they are seen first, in order, up to some one. A sync that one of
// them asked for has ended when the next one begins.
static void waiting_begin(struct disk_memory *memory)
{
    size_t count = memory->waiting.size / sizeof(struct disk_job);
    size_t begun = (size_t)rng_below(&memory->rng, count + 1);
    uint64_t to_sync = 0; // a segment

    for (size_t i = 0; i < begun && !memory->write_err; i++) {
        struct disk_job job;

        memcpy(&job, memory->waiting.data + i * sizeof job, sizeof job);
        if (job.op != DISK_WRITE)
            continue;
        if (to_sync)
            segment_sync(memory, segment_find(memory, to_sync));
        write_see(memory, &job, job.bytes.size);
        to_sync = job.sync ? job.segment : 0;
    }
}

static void range_keep(struct disk_memory *memory, const struct memory_write *write, size_t size)
{
    struct memory_segment *segment = segment_find(memory, write->id);

    if (segment && size)
        memcpy(segment->stable + write->offset, segment->seen + write->offset, size);
}

// Whole sectors, each or not. Outside of the write a sector is what it was.
static void range_tear(struct disk_memory *memory, const struct memory_write *write)
{
    uint64_t end = write->offset + write->size;

    for (uint64_t at = write->offset; at < end;) {
        uint64_t next = (at / SECTOR_SIZE + 1) * SECTOR_SIZE;
        struct memory_write sector = {write->id, at, 0};

        sector.size = (size_t)((next < end ? next : end) - at);
        if (rng_below(&memory->rng, 2))
            range_keep(memory, &sector, sector.size);
        at = next;
    }
}

static void writes_decide(struct disk_memory *memory, enum disk_crash how)
{
    size_t count = memory->writes.size / sizeof(struct memory_write);
    size_t whole = (size_t)rng_below(&memory->rng, count + 1); // of a cut

    for (size_t i = 0; i < count; i++) {
        struct memory_write write;

        memcpy(&write, memory->writes.data + i * sizeof write, sizeof write);
        if (how == DISK_CRASH_CUT && i < whole)
            range_keep(memory, &write, write.size);
        else if (how == DISK_CRASH_CUT && i == whole)
            range_keep(memory, &write, (size_t)rng_below(&memory->rng, write.size + 1));
        else if (how == DISK_CRASH_TEAR)
            range_tear(memory, &write);
    }
}

void disk_memory_crash(struct disk *disk, enum disk_crash how)
{
    struct disk_memory *memory = memory_of(disk);

    if (how != DISK_CRASH_LOSE)
        waiting_begin(memory);
    // After the death of the process alone, the bytes are seen but may still be lost later.
    if (how != DISK_CRASH_KEEP) {
        writes_decide(memory, how);
        memory->writes.size = 0;
        for (size_t i = 0; i < memory->segment_count; i++)
            memcpy(memory->segments[i].seen, memory->segments[i].stable, disk->segment_size);
    }
    memory->waiting.size = 0;
    memory->done.size = 0;
}

void disk_memory_fail(struct disk *disk, uint64_t n, int err, bool forever)
{
    struct disk_memory *memory = memory_of(disk);

    memory->fail_at = n ? memory->operations + n : 0;
    memory->fail_err = err;
    memory->fail_forever = forever;
}

uint64_t disk_memory_operations(const struct disk *disk)
{
    return memory_of_const(disk)->operations;
}

void disk_memory_limit(struct disk *disk, uint32_t segments)
{
    memory_of(disk)->limit = segments;
}

void disk_memory_flip(struct disk *disk, uint64_t segment, uint64_t offset, uint8_t mask)
{
    struct memory_segment *found = segment_find(memory_of(disk), segment);

    check(found && offset < disk->segment_size);
    found->seen[offset] ^= mask;
    found->stable[offset] ^= mask;
}

static uint8_t *image_copy(const uint8_t *image, uint64_t size)
{
    return memcpy(memory_new(size), image, size);
}

struct disk *disk_memory_clone(const struct disk *disk, uint64_t seed)
{
    const struct disk_memory *from = memory_of_const(disk);
    struct disk *copy = disk_memory_new(disk->segment_size, seed);
    struct disk_memory *to = memory_of(copy);

    to->limit = from->limit;
    to->ballast = from->ballast;
    to->segment_count = from->segment_count;
    to->segments = memory_new((from->segment_count + 1) * sizeof *to->segments);
    for (size_t i = 0; i < from->segment_count; i++) {
        to->segments[i].id = from->segments[i].id;
        to->segments[i].stable = image_copy(from->segments[i].stable, disk->segment_size);
        to->segments[i].seen = image_copy(from->segments[i].stable, disk->segment_size);
    }
    return copy;
}

bool disk_memory_pick(const struct disk *disk, uint64_t draw, uint64_t *segment, uint64_t *offset)
{
    const struct disk_memory *memory = memory_of_const(disk);
    uint64_t used = 0;

    for (size_t i = 0; i < memory->segment_count; i++)
        used += memory->segments[i].id != 0;
    if (used == 0)
        return false;
    *offset = (draw >> 8) % disk->segment_size;
    used = (draw & 0xff) % used;
    for (size_t i = 0; i < memory->segment_count; i++) {
        if (memory->segments[i].id == 0 || used-- > 0)
            continue;
        *segment = memory->segments[i].id;
        return true;
    }
    return false;
}
