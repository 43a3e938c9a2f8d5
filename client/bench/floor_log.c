// SPDX-License-Identifier: Apache-2.0
// Two groups. The loop fills one while the thread has the other:
//
//     loop    | add add add | turn: swap, post ──┐      add add add ...       | done: tell, turn
//     thread  |             |        wait        └▶ pwrite, fdatasync, async ─┘
//
// `syncing` says who may touch the group that is not being filled, and only the loop looks at it:
// the semaphore hands the group to the thread and the async handle hands it back, each with a
// barrier.
#include "client/bench/floor_log.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    LOG_SIZE = 16 << 20,
    LOG_ALIGN = 4096, // a group begins on a page, so that none is written twice
    LOG_PIECE = 1 << 20
};

struct log_group {
    uint8_t *bytes; // on a page, as O_DIRECT wants it
    size_t size;
    size_t room; // bytes mapped
    struct log_mark *marks;
    size_t count;
    size_t capacity;
};

struct floor_log {
    int descriptor;
    size_t at; // where the next group goes
    struct log_group groups[2];
    uint32_t filling; // which of them the loop adds to
    bool syncing;     // the thread has the other
    uv_sem_t wake;
    uv_async_t done;
    uv_thread_t thread;
    log_durable durable;
    void *context;
};

static int zeros_write(int descriptor)
{
    void *zeros = aligned_alloc(LOG_ALIGN, LOG_PIECE);
    int err = zeros ? 0 : -1;

    if (zeros)
        memset(zeros, 0, LOG_PIECE);
    for (off_t at = 0; at < LOG_SIZE && err == 0; at += LOG_PIECE) {
        if (pwrite(descriptor, zeros, LOG_PIECE, at) != LOG_PIECE)
            err = -1;
    }
    free(zeros);
    return err ? err : fsync(descriptor);
}

int floor_log_file(const char *directory)
{
    char path[4096];
    int descriptor;
    int reason;

    if (snprintf(path, sizeof path, "%s/floor-XXXXXX", directory) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    descriptor = mkostemp(path, O_CLOEXEC | O_DIRECT);
    if (descriptor < 0 && errno == EINVAL) // a file system in memory, for one
        descriptor = mkostemp(path, O_CLOEXEC);
    if (descriptor < 0)
        return -1;
    unlink(path);
    if (zeros_write(descriptor) == 0)
        return descriptor;
    reason = errno;
    close(descriptor);
    errno = reason;
    return -1;
}

_Noreturn static void log_fails(void)
{
    perror("floor: log");
    _exit(1);
}

// Past the page cache: on a file whose blocks are there, a write and a flush of the disk is all.
static void group_write(struct floor_log *log, struct log_group *group)
{
    size_t size = (group->size + LOG_ALIGN - 1) & ~(size_t)(LOG_ALIGN - 1);
    size_t piece;

    memset(group->bytes + group->size, 0, size - group->size);
    for (size_t done = 0; done < size; done += piece) {
        if (log->at == LOG_SIZE)
            log->at = 0;
        piece = size - done < LOG_SIZE - log->at ? size - done : LOG_SIZE - log->at;
        if (pwrite(log->descriptor, group->bytes + done, piece, (off_t)log->at) != (ssize_t)piece)
            log_fails();
        log->at += piece;
    }
    if (fdatasync(log->descriptor))
        log_fails();
}

static void group_reserve(struct log_group *group, size_t extra)
{
    size_t room = group->room ? group->room : LOG_PIECE;

    while (room < group->size + extra)
        room *= 2;
    if (room == group->room)
        return;
    group->bytes =
        group->bytes ? mremap(group->bytes, group->room, room, MREMAP_MAYMOVE)
                     : mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(group->bytes != MAP_FAILED);
    group->room = room;
}

static void thread_run(void *context)
{
    struct floor_log *log = context;

    for (uint32_t i = 0;; i = 1 - i) {
        uv_sem_wait(&log->wake);
        group_write(log, &log->groups[i]);
        uv_async_send(&log->done);
    }
}

static void group_durable(uv_async_t *done)
{
    struct floor_log *log = done->data;
    struct log_group *group = &log->groups[1 - log->filling];

    log->syncing = false;
    for (size_t i = 0; i < group->count; i++)
        log->durable(log->context, &group->marks[i]);
    group->count = 0;
    group->size = 0;
    floor_log_turn(log);
}

struct floor_log *floor_log_new(uv_loop_t *loop, int descriptor, log_durable durable, void *context)
{
    struct floor_log *log = memory_new(sizeof *log);

    log->descriptor = descriptor;
    log->durable = durable;
    log->context = context;
    check(uv_sem_init(&log->wake, 0) == 0);
    check(uv_async_init(loop, &log->done, group_durable) == 0);
    log->done.data = log;
    check(uv_thread_create(&log->thread, thread_run, log) == 0);
    return log;
}

void floor_log_add(struct floor_log *log, struct slice frame, struct log_mark mark)
{
    struct log_group *group = &log->groups[log->filling];

    group_reserve(group, frame.size);
    memcpy(group->bytes + group->size, frame.data, frame.size);
    group->size += frame.size;
    if (group->count == group->capacity) {
        group->capacity = group->capacity ? 2 * group->capacity : 64;
        group->marks = memory_grow(group->marks, group->capacity * sizeof *group->marks);
    }
    group->marks[group->count++] = mark;
}

void floor_log_turn(struct floor_log *log)
{
    if (log->syncing || log->groups[log->filling].count == 0)
        return;
    log->syncing = true;
    log->filling = 1 - log->filling;
    uv_sem_post(&log->wake);
}
