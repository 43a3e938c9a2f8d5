// SPDX-License-Identifier: Apache-2.0
// Real files. New segments are written full of zeros, not merely allocated, so that a later
// fdatasync of log bytes has no block map to write. A rename or removal counts once the directory
// is synced.
//
// A failed sync is told and never repeated here: the kernel may have dropped the dirty pages and
// would report success the second time.
#include "node/store/disk_file.h"

#include "base/check.h"
#include "base/err.h"
#include "node/store/direct.h"
#include "node/store/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_SIZE = 32, SPARES_MAX = 2 };

struct disk_file;

// One thread and its queue.
struct worker {
    struct disk_file *file;
    pthread_t thread;
    pthread_cond_t wanted;
    struct buffer queue; // struct disk_job
    bool stop;
};

struct disk_file {
    struct disk disk;
    struct disk_file_settings settings;
    int directory;
    pthread_mutex_t mutex; // of the queues, `done` and `pending`
    pthread_cond_t ended;
    struct buffer done; // struct disk_done
    uint32_t pending;   // jobs submitted and not yet in `done`
    struct worker writer;
    struct worker keeper;
    atomic_uint_fast64_t used;
    // The writer's.
    uint64_t open_id;
    int open_fd;    // -1: none
    bool is_direct; // written past the page cache
    struct direct direct;
    int write_err; // of the first write that failed
    // The keeper's.
    uint64_t spares[SPARES_MAX]; // ids in the names
    uint32_t spare_count;
};

static struct disk_file *file_of(struct disk *disk)
{
    return (struct disk_file *)disk;
}

static void segment_name(uint64_t id, char out[NAME_MAX_SIZE])
{
    snprintf(out, NAME_MAX_SIZE, "%016" PRIx64 ".seg", id);
}

static void spare_name(uint64_t id, char out[NAME_MAX_SIZE])
{
    snprintf(out, NAME_MAX_SIZE, "spare-%016" PRIx64 ".seg", id);
}

// The id in a name of the given form, 0 when it is another name.
static uint64_t name_id(const char *name, void (*form)(uint64_t, char[NAME_MAX_SIZE]))
{
    const char *digits = strncmp(name, "spare-", 6) == 0 ? name + 6 : name;
    char again[NAME_MAX_SIZE];
    uint64_t id = strtoull(digits, NULL, 16);

    form(id, again);
    return strcmp(again, name) == 0 ? id : 0;
}

static int sync_data(struct disk_file *file, int fd)
{
    return file->settings.no_sync || fdatasync(fd) == 0 ? 0 : os_err(errno);
}

static int sync_directory(struct disk_file *file)
{
    return file->settings.no_sync || fsync(file->directory) == 0 ? 0 : os_err(errno);
}

// ---------------------------------------------------------------- start

static int file_list(struct disk *disk, struct buffer *out)
{
    struct disk_file *file = file_of(disk);
    struct buffer names = {0};
    int err = os_list(file->directory, &names);

    for (size_t at = 0; at < names.size; at += strlen((char *)names.data + at) + 1) {
        uint64_t id = name_id((char *)names.data + at, segment_name);

        if (id)
            buffer_add(out, &id, sizeof id);
    }
    buffer_done(&names);
    if (!err && out->size)
        qsort(out->data, out->size / sizeof(uint64_t), sizeof(uint64_t), os_compare_u64);
    return err;
}

static int file_read(struct disk *disk, uint64_t segment, struct buffer *out)
{
    char name[NAME_MAX_SIZE];

    segment_name(segment, name);
    return os_read_file(file_of(disk)->directory, name, out);
}

// Writes the segment over itself: the kernel writes again what it believes to be unchanged only
// when it is told to.
static int file_sync(struct disk *disk, uint64_t segment)
{
    struct disk_file *file = file_of(disk);
    struct buffer bytes = {0};
    char name[NAME_MAX_SIZE];
    int fd = -1;
    int err = file_read(disk, segment, &bytes);

    segment_name(segment, name);
    if (!err)
        fd = openat(file->directory, name, O_WRONLY | O_CLOEXEC);
    if (!err && fd < 0)
        err = os_err(errno);
    if (!err)
        err = os_write(fd, buffer_slice(&bytes), 0);
    if (!err)
        err = sync_data(file, fd);
    if (fd >= 0)
        close(fd);
    buffer_done(&bytes);
    return err;
}

// ---------------------------------------------------------------- the writer

static int segment_open(struct disk_file *file, uint64_t id)
{
    char name[NAME_MAX_SIZE];

    if (file->open_fd >= 0 && file->open_id == id)
        return 0;
    if (file->open_fd >= 0)
        close(file->open_fd);
    segment_name(id, name);
    file->open_id = id;
    file->open_fd =
        openat(file->directory, name, O_WRONLY | O_CLOEXEC | (file->is_direct ? O_DIRECT : 0));
    if (file->open_fd < 0 && errno == EINVAL && file->is_direct) {
        file->is_direct = false; // a file system in memory, for one
        file->open_fd = openat(file->directory, name, O_WRONLY | O_CLOEXEC);
    }
    return file->open_fd < 0 ? os_err(errno) : 0;
}

// ERR_INVALID: through the page cache then.
static int write_direct(struct disk_file *file, const struct disk_job *job)
{
    int err = direct_write(&file->direct, file->open_fd, job->bytes, job->offset, job->sync);

    if (err != ERR_INVALID)
        return err;
    file->is_direct = false;
    close(file->open_fd);
    file->open_fd = -1;
    err = segment_open(file, job->segment);
    return err ? err : ERR_INVALID;
}

static int write_bytes(struct disk_file *file, const struct disk_job *job)
{
    int err = file->is_direct && job->bytes.size ? write_direct(file, job) : ERR_INVALID;

    if (err != ERR_INVALID)
        return err;
    err = os_write(file->open_fd, job->bytes, job->offset);
    if (!err && job->sync)
        err = sync_data(file, file->open_fd);
    return err;
}

static int write_do(struct disk_file *file, const struct disk_job *job)
{
    int err = file->write_err;

    if (!err)
        err = segment_open(file, job->segment);
    if (!err)
        err = write_bytes(file, job);
    file->write_err = err;
    return err;
}

// ---------------------------------------------------------------- the keeper

// Makes a file of zeros under its final name, or leaves nothing.
static int zeros_make(struct disk_file *file, const char *name, uint64_t size)
{
    int fd = openat(file->directory, "new.seg", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int err;

    if (fd < 0)
        return os_err(errno);
    err = os_write_zeros(fd, size);
    if (!err)
        err = sync_data(file, fd);
    close(fd);
    if (!err && renameat(file->directory, "new.seg", file->directory, name) != 0)
        err = os_err(errno);
    if (!err)
        err = sync_directory(file);
    if (err)
        unlinkat(file->directory, "new.seg", 0);
    else
        atomic_fetch_add(&file->used, size);
    return err;
}

static int prepare_do(struct disk_file *file, uint64_t id)
{
    char from[NAME_MAX_SIZE];
    char name[NAME_MAX_SIZE];

    segment_name(id, name);
    if (file->spare_count == 0)
        return zeros_make(file, name, file->disk.segment_size);
    spare_name(file->spares[--file->spare_count], from);
    if (renameat(file->directory, from, file->directory, name) != 0)
        return os_err(errno);
    return sync_directory(file);
}

// True when the file has the size of today's segments.
static bool is_reusable(struct disk_file *file, const char *name, uint64_t *out_size)
{
    struct stat status;

    *out_size = 0;
    if (fstatat(file->directory, name, &status, 0) != 0)
        return false;
    *out_size = (uint64_t)status.st_size;
    return *out_size == file->disk.segment_size;
}

static int drop_do(struct disk_file *file, uint64_t id)
{
    char name[NAME_MAX_SIZE];
    char to[NAME_MAX_SIZE];
    uint64_t size;

    segment_name(id, name);
    if (is_reusable(file, name, &size) && file->spare_count < SPARES_MAX) {
        spare_name(id, to);
        if (renameat(file->directory, name, file->directory, to) != 0)
            return os_err(errno);
        file->spares[file->spare_count++] = id;
    } else {
        if (unlinkat(file->directory, name, 0) != 0)
            return os_err(errno);
        atomic_fetch_sub(&file->used, size);
    }
    return sync_directory(file);
}

static int ballast_do(struct disk_file *file)
{
    struct stat status;
    uint64_t size = file->settings.ballast_bytes;

    if (size == 0 ||
        (fstatat(file->directory, "ballast", &status, 0) == 0 && (uint64_t)status.st_size == size))
        return 0;
    return zeros_make(file, "ballast", size);
}

static void file_release(struct disk *disk)
{
    struct disk_file *file = file_of(disk);
    struct stat status;

    if (fstatat(file->directory, "ballast", &status, 0) != 0)
        return;
    if (unlinkat(file->directory, "ballast", 0) == 0)
        atomic_fetch_sub(&file->used, (uint64_t)status.st_size);
}

// ---------------------------------------------------------------- threads

static int job_do(struct disk_file *file, const struct disk_job *job)
{
    switch (job->op) {
    case DISK_WRITE:
        return write_do(file, job);
    case DISK_PREPARE:
        return prepare_do(file, job->segment);
    case DISK_DROP:
        return drop_do(file, job->segment);
    case DISK_BALLAST:
        return ballast_do(file);
    }
    return ERR_INTERNAL;
}

static void job_end(struct disk_file *file, const struct disk_job *job, int err)
{
    struct disk_done done = {job->op, job->segment, job->tag, err};

    pthread_mutex_lock(&file->mutex);
    buffer_add(&file->done, &done, sizeof done);
    file->pending -= 1;
    pthread_mutex_unlock(&file->mutex);
    pthread_cond_signal(&file->ended);
    if (file->settings.wake)
        file->settings.wake(file->settings.wake_data);
}

static bool job_next(struct worker *worker, struct disk_job *out)
{
    struct disk_file *file = worker->file;
    bool found;

    pthread_mutex_lock(&file->mutex);
    while (worker->queue.size == 0 && !worker->stop)
        pthread_cond_wait(&worker->wanted, &file->mutex);
    found = worker->queue.size > 0;
    if (found) {
        memcpy(out, worker->queue.data, sizeof *out);
        buffer_drop(&worker->queue, sizeof *out);
    }
    pthread_mutex_unlock(&file->mutex);
    return found;
}

static void *worker_run(void *data)
{
    struct worker *worker = data;
    struct disk_job job;

    while (job_next(worker, &job))
        job_end(worker->file, &job, job_do(worker->file, &job));
    return NULL;
}

static void worker_start(struct disk_file *file, struct worker *worker)
{
    int failed;

    worker->file = file;
    pthread_cond_init(&worker->wanted, NULL);
    failed = os_thread(&worker->thread, worker_run, worker);
    check(!failed);
}

static void worker_stop(struct worker *worker)
{
    pthread_mutex_lock(&worker->file->mutex);
    worker->stop = true;
    pthread_cond_signal(&worker->wanted);
    pthread_mutex_unlock(&worker->file->mutex);
    pthread_join(worker->thread, NULL);
    pthread_cond_destroy(&worker->wanted);
    buffer_done(&worker->queue);
}

static void file_submit(struct disk *disk, const struct disk_job *job)
{
    struct disk_file *file = file_of(disk);
    struct worker *worker = job->op == DISK_WRITE ? &file->writer : &file->keeper;

    pthread_mutex_lock(&file->mutex);
    buffer_add(&worker->queue, job, sizeof *job);
    file->pending += 1;
    pthread_mutex_unlock(&file->mutex);
    pthread_cond_signal(&worker->wanted); // outside, or it would wake up to wait for the mutex
}

static bool file_poll(struct disk *disk, struct disk_done *out)
{
    struct disk_file *file = file_of(disk);
    bool found;

    pthread_mutex_lock(&file->mutex);
    found = file->done.size > 0;
    if (found) {
        memcpy(out, file->done.data, sizeof *out);
        buffer_drop(&file->done, sizeof *out);
    }
    pthread_mutex_unlock(&file->mutex);
    return found;
}

static bool file_wait(struct disk *disk)
{
    struct disk_file *file = file_of(disk);
    bool found;

    pthread_mutex_lock(&file->mutex);
    while (file->done.size == 0 && file->pending > 0)
        pthread_cond_wait(&file->ended, &file->mutex);
    found = file->done.size > 0;
    pthread_mutex_unlock(&file->mutex);
    return found;
}

static uint64_t file_used(struct disk *disk)
{
    return atomic_load(&file_of(disk)->used);
}

// ---------------------------------------------------------------- opening

static void file_close(struct disk *disk)
{
    struct disk_file *file = file_of(disk);

    worker_stop(&file->writer);
    worker_stop(&file->keeper);
    if (file->open_fd >= 0)
        close(file->open_fd);
    close(file->directory);
    pthread_cond_destroy(&file->ended);
    pthread_mutex_destroy(&file->mutex);
    buffer_done(&file->done);
    direct_done(&file->direct);
    free(file);
}

static const struct disk_calls file_calls = {
    file_list, file_read,    file_sync, file_submit, file_poll,
    file_wait, file_release, file_used, file_close,
};

// Takes stock: what is a spare, what is half-made, how much there is.
static int stock_take(struct disk_file *file)
{
    struct buffer names = {0};
    int err = os_list(file->directory, &names);

    unlinkat(file->directory, "new.seg", 0);
    for (size_t at = 0; at < names.size; at += strlen((char *)names.data + at) + 1) {
        const char *name = (char *)names.data + at;
        uint64_t id = name_id(name, spare_name);
        uint64_t size;
        bool reusable = is_reusable(file, name, &size);

        if (id && (!reusable || file->spare_count == SPARES_MAX)) {
            unlinkat(file->directory, name, 0);
            continue;
        }
        if (id)
            file->spares[file->spare_count++] = id;
        atomic_fetch_add(&file->used, size);
    }
    buffer_done(&names);
    return err;
}

int disk_file_open(const struct disk_file_settings *settings, struct disk **out)
{
    struct disk_file *file = memory_new(sizeof *file);
    int err;

    file->disk = (struct disk){&file_calls, settings->segment_bytes};
    file->settings = *settings;
    file->open_fd = -1;
    // The last block of a segment must not reach beyond it.
    file->is_direct =
        settings->direct && !settings->no_sync && settings->segment_bytes % DIRECT_BLOCK == 0;
    file->directory = open(settings->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    err = file->directory < 0 ? os_err(errno) : stock_take(file);
    file->settings.path = NULL;
    if (err) {
        if (file->directory >= 0)
            close(file->directory);
        free(file);
        return err;
    }
    pthread_mutex_init(&file->mutex, NULL);
    pthread_cond_init(&file->ended, NULL);
    worker_start(file, &file->writer);
    worker_start(file, &file->keeper);
    *out = &file->disk;
    return 0;
}
