// SPDX-License-Identifier: Apache-2.0
// A data directory: locked, identified, and opened as a store over real files.
//
// The lock is a flock of DIR/lock: it ends with the process, however that ends, and a second
// opening is refused even within one process, as LMDB requires. The identity stands apart from log
// and tree, so that whoever must give those up keeps the node's id:
//
//      0  u64  XXH3-64 of bytes 8..31
//      8  u32  0x4e444951 ("QIDN")
//     12  u32  format, 1
//     16  u64  node id
//     24  u64  0
#include "node/store/disk_file.h"
#include "node/store/os.h"
#include "node/store/state.h"
#include "node/store/tree_lmdb.h"

#include "base/check.h"
#include "base/err.h"
#include "node/data/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { IDENTITY_SIZE = 32, IDENTITY_MAGIC = 0x4e444951, PATH_SIZE_MAX = 4096 };

// What store_close releases at last.
struct place {
    int directory;
    int lock;
    struct disk *disk;
    struct tree *tree;
};

struct opening {
    const struct engine_place *at;
    struct store_found *found;
    struct place *place;
    uint64_t node;
    bool no_sync;
};

static int fail(struct opening *opening, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct opening *opening, int err, const char *format, ...)
{
    char *text = opening->found->error;
    va_list args;

    snprintf(text, STORE_ERROR_SIZE, "%.256s: ", opening->at->path);
    va_start(args, format);
    vsnprintf(text + strlen(text), STORE_ERROR_SIZE - strlen(text), format, args);
    va_end(args);
    return err;
}

// For errors of system calls that have no story of their own.
static int fail_plain(struct opening *opening, int err, const char *what)
{
    switch (err) {
    case ERR_READ_ONLY:
        return fail(opening, err, "%s: the directory is not writable: give this user the right to",
                    what);
    case ERR_DISK_FULL:
        return fail(opening, err, "%s: the disk is full: make room on it", what);
    default:
        return fail(opening, err, "%s: %s: look at the disk", what, err_text(err));
    }
}

static void place_release(void *owner)
{
    struct place *place = owner;

    if (place->tree)
        place->tree->calls->close(place->tree);
    if (place->disk)
        place->disk->calls->close(place->disk);
    if (place->lock >= 0)
        close(place->lock);
    if (place->directory >= 0)
        close(place->directory);
    free(place);
}

static uint64_t random_id(void)
{
    uint64_t id = 0;

    while (id == 0) {
        ssize_t got = getrandom(&id, sizeof id, 0);

        check(got == (ssize_t)sizeof id || (got < 0 && errno == EINTR));
        if (got != (ssize_t)sizeof id)
            id = 0;
    }
    return id;
}

// ---------------------------------------------------------------- the directory

static int directory_open(struct opening *opening)
{
    const char *path = opening->at->path;
    int made = mkdir(path, 0700);
    int number = made == 0 ? 0 : errno;

    opening->place->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opening->place->directory >= 0)
        return 0;
    if (number == EEXIST)
        number = errno;
    if (number == ENOTDIR)
        return fail(opening, ERR_INVALID,
                    "is not a directory: give the path of one, or of none yet");
    if (number == ENOENT)
        return fail(opening, ERR_NOT_FOUND, "the directory above it does not exist: make it first");
    return fail_plain(opening, os_err(number), "cannot be opened");
}

static int lock_refused(struct opening *opening, int lock)
{
    char text[32] = {0};
    ssize_t got = pread(lock, text, sizeof text - 1, 0);
    long pid = got > 0 ? strtol(text, NULL, 10) : 0;

    return fail(opening, ERR_LOCKED,
                "process %ld uses it: stop that one, or give this node a directory of its own",
                pid);
}

static int lock_take(struct opening *opening)
{
    int lock = openat(opening->place->directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char text[32];
    int size;
    int err = 0;

    opening->place->lock = lock;
    if (lock < 0)
        return fail_plain(opening, os_err(errno), "the lock cannot be made");
    if (flock(lock, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? lock_refused(opening, lock)
                                    : fail_plain(opening, os_err(errno), "cannot be locked");
    size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(lock, 0) != 0)
        err = os_err(errno);
    if (!err)
        err = os_write(lock, slice_of(text, (size_t)size), 0);
    return err ? fail_plain(opening, err, "the lock cannot be written") : 0;
}

static bool directory_has(const struct opening *opening, const char *name)
{
    struct stat status;

    return fstatat(opening->place->directory, name, &status, 0) == 0;
}

// Entries of a directory count once that is synced. One that may be searched but not read cannot
// be: then its file system must do.
static int folder_sync(struct opening *opening, const char *name)
{
    int fd;
    int err = 0;

    if (opening->no_sync)
        return 0;
    fd = openat(opening->place->directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES)
        return 0;
    if (fd < 0 || fsync(fd) != 0)
        err = fail_plain(opening, os_err(errno), "a directory cannot be synced");
    if (fd >= 0)
        close(fd);
    return err;
}

static int identity_make(struct opening *opening)
{
    uint8_t bytes[IDENTITY_SIZE] = {0};
    int err;

    if (directory_has(opening, "log") || directory_has(opening, "tree"))
        return fail(
            opening, ERR_DAMAGED,
            "the file identity is missing but there is data: bring it back, or move log and "
            "tree away to start as a new node");
    err = folder_sync(opening, ".."); // we may have just been made
    if (err)
        return err;
    opening->node = random_id();
    bytes_put_u32(bytes + 8, IDENTITY_MAGIC);
    bytes_put_u32(bytes + 12, STORE_FORMAT);
    bytes_put_u64(bytes + 16, opening->node);
    bytes_put_u64(bytes, hash_64(slice_of(bytes + 8, IDENTITY_SIZE - 8)));
    err = os_replace_file(opening->place->directory, "identity", slice_of(bytes, sizeof bytes),
                          opening->no_sync);
    return err ? fail_plain(opening, err, "the identity cannot be written") : 0;
}

static int identity_read(struct opening *opening)
{
    struct buffer bytes = {0};
    int err = os_read_file(opening->place->directory, "identity", &bytes);
    bool whole = !err && bytes.size == IDENTITY_SIZE && bytes_u32(bytes.data + 8) == IDENTITY_MAGIC;

    if (err && err != ERR_NOT_FOUND)
        err = fail_plain(opening, err, "the identity cannot be read");
    else if (err)
        err = identity_make(opening);
    else if (whole && bytes_u32(bytes.data + 12) > STORE_FORMAT)
        err = fail(opening, ERR_INVALID,
                   "was made by a newer version: start that version, this one cannot read it");
    else if (!whole || bytes_u64(bytes.data) != hash_64(slice_of(bytes.data + 8, 24)))
        err = fail(opening, ERR_DAMAGED,
                   "the file identity is damaged: bring it back from a copy, or move the whole "
                   "directory away and replace this member");
    else
        opening->node = bytes_u64(bytes.data + 16);
    buffer_done(&bytes);
    return err;
}

static int folder_make(struct opening *opening, const char *name)
{
    if (mkdirat(opening->place->directory, name, 0700) == 0 || errno == EEXIST)
        return 0;
    return fail_plain(opening, os_err(errno), "log or tree cannot be made");
}

// ---------------------------------------------------------------- opening

static int files_open(struct opening *opening, const struct store_settings *settings)
{
    char path[PATH_SIZE_MAX];
    struct disk_file_settings disk = {path,
                                      settings->segment_bytes,
                                      settings->ballast_bytes,
                                      settings->interval_ms == 0,
                                      opening->no_sync,
                                      opening->at->wake,
                                      opening->at->wake_data};
    struct tree_lmdb_settings tree = {path, settings->map_bytes, opening->no_sync,
                                      opening->at->wake, opening->at->wake_data};
    int err;

    if (snprintf(path, sizeof path, "%s/log", opening->at->path) >= (int)sizeof path)
        return fail(opening, ERR_TOO_LARGE, "the path is too long");
    err = disk_file_open(&disk, &opening->place->disk);
    if (err)
        return fail_plain(opening, err, "log cannot be opened");
    snprintf(path, sizeof path, "%.4000s/tree", opening->at->path);
    err = tree_lmdb_open(&tree, &opening->place->tree);
    if (err == ERR_DAMAGED)
        return fail(opening, err,
                    "tree is damaged: move the directories log and tree away; the node then starts "
                    "empty, keeps its identity and fills from its peers");
    return err ? fail_plain(opening, err, "tree cannot be opened") : 0;
}

static int place_open(struct opening *opening, const struct store_settings *settings)
{
    int err = directory_open(opening);

    if (!err)
        err = lock_take(opening);
    if (!err)
        err = identity_read(opening);
    if (!err)
        err = folder_make(opening, "log");
    if (!err)
        err = folder_make(opening, "tree");
    if (!err)
        err = folder_sync(opening, ".");
    if (!err)
        err = files_open(opening, settings);
    // LMDB syncs its file, but not that there is one.
    return err ? err : folder_sync(opening, "tree");
}

static uint64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int engine_open_directory(const struct engine_place *place, const struct store_settings *settings,
                          struct store **out, struct store_found *found)
{
    struct opening opening = {.at = place, .found = found, .no_sync = place->no_sync};
    struct store_settings own = *settings;
    struct store_found report = {0};
    uint64_t started_ms = clock_ms();
    int err;

    own.actor = random_id();
    own.salt = (uint32_t)random_id();
    opening.place = memory_new(sizeof *opening.place);
    opening.place->directory = opening.place->lock = -1;
    err = place_open(&opening, &own);
    if (!err) {
        err = store_open(&own, opening.place->disk, opening.place->tree, out, &report);
        if (err)
            fail(&opening, err, "%s", report.error);
    }
    if (err) {
        place_release(opening.place);
        return err;
    }
    malloc_trim(0); // whole segments were read
    (*out)->release = place_release;
    (*out)->owner = opening.place;
    report.node = opening.node;
    report.ms = clock_ms() - started_ms;
    *found = report;
    return 0;
}
