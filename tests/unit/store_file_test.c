// SPDX-License-Identifier: Apache-2.0
// The store over real files and LMDB, in a temporary directory: small, and without waiting for
// syncs.
#include "base/err.h"
#include "node/store/disk_file.h"
#include "node/store/engine.h"
#include "tests/lib/store_kit.h"
#include "tests/lib/store_site.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

// What fsync was called for since it was last emptied: names, each behind a blank.
static char synced[1024];

// In the place of the C library's.
int fsync(int fd)
{
    char name[64];
    char path[FILES_PATH_SIZE + 128];
    ssize_t size;

    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    size = readlink(name, path, sizeof path - 1);
    if (size > 0 && strlen(synced) + (size_t)size + 2 < sizeof synced) {
        path[size] = 0;
        strcat(strcat(synced, " "), strrchr(path, '/') + 1);
    }
    return (int)syscall(SYS_fsync, fd);
}

// Bytes written to segments since it was last 0.
static size_t rewritten;

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    char name[64];
    char path[FILES_PATH_SIZE + 128];
    ssize_t length;

    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    length = readlink(name, path, sizeof path);
    if (length > 20 && memcmp(path + length - 20, "0000000000000001.seg", 20) == 0)
        rewritten += size;
    return (ssize_t)syscall(SYS_pwrite64, fd, data, size, offset);
}

static void test_reopens_with_everything(void **state)
{
    struct site site;
    uint64_t node;

    (void)state;
    site_make(&site);
    assert_int_equal(site_open(&site), 0);
    assert_true(site.found.fresh);
    node = site.found.node;
    site_declare(&site);
    site_fill(&site, 3000, "some value of medium length, so that the map must grow");
    assert_int_equal(store_close(site.store), 0);

    assert_int_equal(site_open(&site), 0);
    assert_true(site.found.clean && !site.found.fresh);
    assert_true(site.found.node == node && site.found.actor != 0);
    assert_int_equal(site.found.keys, 3000);
    assert_int_equal(site.found.replayed, 0);
    site_fill(&site, 40, "changed"); // so few that no checkpoint is due
    store_abandon(site.store);

    assert_int_equal(site_open(&site), 0);
    assert_false(site.found.clean);
    assert_true(site.found.replayed >= 40);
    assert_int_equal(site_value_is(&site, 39, "changed"), 1);
    assert_int_equal(
        site_value_is(&site, 40, "some value of medium length, so that the map must grow"), 1);
    assert_int_equal(store_close(site.store), 0);
    site_done(&site);
}

static void test_second_start_is_refused(void **state)
{
    char pid[32];
    struct store_found found;
    struct store *second;
    struct site site;

    (void)state;
    site_make(&site);
    assert_int_equal(site_open(&site), 0);
    assert_int_equal(engine_open_directory(&site.place, &site.settings, &second, &found),
                     ERR_LOCKED);
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(found.error, pid));
    assert_int_equal(store_close(site.store), 0);
    assert_int_equal(site_open(&site), 0);
    assert_int_equal(store_close(site.store), 0);
    site_done(&site);
}

static void flip_in_file(const char *path, const char *needle)
{
    FILE *file = fopen(path, "r+b");
    size_t size = strlen(needle);
    char *bytes;
    long length;
    int flipped = 0;

    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    length = ftell(file);
    bytes = malloc((size_t)length);
    rewind(file);
    assert_int_equal(fread(bytes, 1, (size_t)length, file), length);
    for (long at = 0; at + (long)size <= length; at++) {
        if (memcmp(bytes + at, needle, size) != 0)
            continue;
        fseek(file, at, SEEK_SET);
        fputc(needle[0] ^ 1, file);
        flipped += 1;
    }
    fclose(file);
    free(bytes);
    assert_true(flipped > 0);
}

static void test_flipped_bytes_are_met(void **state)
{
    char path[FILES_PATH_SIZE + 128];
    struct site site;

    (void)state;
    site_make(&site);
    assert_int_equal(site_open(&site), 0);
    site_declare(&site);
    site_fill(&site, 50, "ordinary");
    assert_int_equal(site_put(&site, 7, "precious"), 0);
    assert_int_equal(store_close(site.store), 0);
    snprintf(path, sizeof path, "%s/tree/data.mdb", site.path);
    flip_in_file(path, "precious");
    assert_int_equal(site_open(&site), 0);
    assert_int_equal(site_value_is(&site, 7, "precious"), ERR_DAMAGED);
    assert_int_equal(site_value_is(&site, 8, "ordinary"), 1);

    // In the log: a start stops, and says what is safe to do; doing it works and keeps the
    // identity.
    site_fill(&site, 7, "logged");
    site_fill(&site, 7, "logged again");
    store_abandon(site.store);
    snprintf(path, sizeof path,
             "for f in '%s'/log/0*.seg; do sed -i '0,/logged/s//loGged/' $f; done", site.path);
    assert_int_equal(system(path), 0);
    assert_int_equal(site_open(&site), ERR_DAMAGED);
    assert_non_null(strstr(site.found.error, ".seg at offset"));
    assert_non_null(strstr(site.found.error, "fills from its peers"));
    site_command("cd '%s' && mv log log.old && mv tree tree.old", site.path);
    assert_int_equal(site_open(&site), 0);
    assert_true(site.found.fresh);
    assert_int_equal(store_close(site.store), 0);
    site_done(&site);
}

static void test_places_that_cannot_be_are_refused(void **state)
{
    struct site site;

    (void)state;
    site_make(&site);
    site.place.path = "/nonexistent/place/data";
    assert_int_equal(site_open(&site), ERR_NOT_FOUND);
    assert_non_null(strstr(site.found.error, "/nonexistent/place/data"));
    site.place.path = site.path;
    site_command("touch '%s'", site.path);
    assert_int_equal(site_open(&site), ERR_INVALID);
    site_command("rm '%s'", site.path);
    assert_int_equal(site_open(&site), 0);
    assert_int_equal(store_close(site.store), 0);

    site_command("cp '%s/identity' '%1$s/kept'", site.path);
    site_command("printf 'x' | dd of='%s/identity' bs=1 seek=18 conv=notrunc 2>/dev/null",
                 site.path);
    assert_int_equal(site_open(&site), ERR_DAMAGED);
    site_command("printf '\\002' | dd of='%s/identity' bs=1 seek=12 conv=notrunc 2>/dev/null",
                 site.path);
    assert_int_equal(site_open(&site), ERR_INVALID);
    assert_non_null(strstr(site.found.error, "newer"));
    site_command("rm '%s/identity'", site.path);
    assert_int_equal(site_open(&site), ERR_DAMAGED);
    site_command("mv '%s/kept' '%1$s/identity'", site.path);
    assert_int_equal(site_open(&site), 0);
    assert_int_equal(store_close(site.store), 0);
    site_command("printf 'no tree at all' >'%s/tree/data.mdb'", site.path);
    assert_int_equal(site_open(&site), ERR_DAMAGED);
    site_done(&site);
}

static void test_read_only_directory_is_refused(void **state)
{
    struct site site;
    bool root = geteuid() == 0;

    (void)state;
    site_make(&site);
    assert_int_equal(chmod(site.root, 0755), 0);
    site_command("mkdir '%s' && chmod 555 '%1$s'", site.path);
    // The super-user may write everywhere.
    if (root && seteuid(65534) != 0) {
        site_done(&site);
        skip();
    }
    if (access(site.root, R_OK | X_OK) == 0)
        assert_int_equal(site_open(&site), ERR_READ_ONLY);
    if (root)
        assert_int_equal(seteuid(0), 0);
    site_done(&site);
}

// Segments of another size are read, and given up in time.
static void test_segment_size_may_change(void **state)
{
    struct site site;

    (void)state;
    site_make(&site);
    assert_int_equal(site_open(&site), 0);
    site_declare(&site);
    site_fill(&site, 200, "old");
    store_abandon(site.store);
    site.settings.segment_bytes = 32 << 10;
    assert_int_equal(site_open(&site), 0);
    assert_int_equal(site_value_is(&site, 199, "old"), 1);
    site_fill(&site, 2000, "new");
    assert_int_equal(store_close(site.store), 0);
    assert_int_equal(site_open(&site), 0);
    assert_int_equal(site_value_is(&site, 1999, "new"), 1);
    assert_int_equal(store_close(site.store), 0);
    site_done(&site);
}

// A segment that ends between two groups would else look as if nothing had ever followed.
static void test_short_segment_is_damage(void **state)
{
    struct site site;

    (void)state;
    site_make(&site);
    assert_int_equal(site_open(&site), 0);
    site_declare(&site);
    site_fill(&site, 20, "value");
    store_abandon(site.store);
    site_command("truncate -s 64 '%s/log/0000000000000001.seg'", site.path);
    assert_int_equal(site_open(&site), ERR_DAMAGED);
    assert_non_null(strstr(site.found.error, "the file ends too early"));
    site_done(&site);
}

// Where a sync failed, the kernel may have in memory what the disk has not, and think it clean:
// what is read at a start is written again before it is synced.
// A replica erased from LMDB: its range goes and nothing beside it.
static void test_erased_shards_leave_the_tree(void **state)
{
    struct store_shard before[KIT_SHARDS];
    struct store_shard after;
    uint64_t position;
    struct site site;

    (void)state;
    site_make(&site);
    assert_int_equal(site_open(&site), 0);
    site_declare(&site);
    site_fill(&site, 3000, "value");
    assert_int_equal(store_close(site.store), 0);
    assert_int_equal(site_open(&site), 0);
    for (uint32_t shard = 0; shard < KIT_SHARDS; shard++)
        store_shard(site.store, shard, &before[shard]);
    for (uint32_t shard = 0; shard < KIT_SHARDS; shard += 2) {
        int err = ERR_AGAIN;

        while (err == ERR_AGAIN)
            err = store_erase(site.store, shard, &position);
        assert_int_equal(err, 0);
    }
    for (int life = 0; life < 2; life++) {
        for (uint32_t shard = 0; shard < KIT_SHARDS; shard++) {
            struct store_scan scan = {shard, NULL, 3000, 1 << 20};
            struct store_page page;

            store_shard(site.store, shard, &after);
            assert_int_equal(after.keys, shard % 2 ? before[shard].keys : 0);
            assert_int_equal(after.digest, shard % 2 ? before[shard].digest : 0);
            assert_int_equal(store_scan(site.store, &scan, &site.arena, &page), 0);
            assert_int_equal(page.count, after.keys);
        }
        assert_int_equal(store_close(site.store), 0);
        assert_int_equal(site_open(&site), 0);
    }
    assert_int_equal(store_close(site.store), 0);
    site_done(&site);
}

static void test_what_is_read_is_written_again(void **state)
{
    struct site site;

    (void)state;
    site_make(&site);
    assert_int_equal(site_open(&site), 0);
    site_declare(&site);
    site_fill(&site, 20, "value");
    store_abandon(site.store);
    rewritten = 0;
    assert_int_equal(site_open(&site), 0);
    assert_true(rewritten >= site.settings.segment_bytes);
    assert_int_equal(site_value_is(&site, 19, "value"), 1);
    assert_int_equal(store_close(site.store), 0);
    site_done(&site);
}

// A new store is there after a power failure: every directory on the way is synced before the first
// acknowledgement.
// Writes wait for the writer behind one that fails: none of them is done.
static void test_nothing_is_written_behind_a_failed_write(void **state)
{
    struct disk_file_settings settings = {.segment_bytes = 4096, .no_sync = true};
    struct buffer bytes = {0};
    struct disk_done done;
    struct disk *disk;
    struct site site;

    (void)state;
    site_make(&site);
    settings.path = site.root;
    assert_int_equal(disk_file_open(&settings, &disk), 0);
    disk->calls->submit(disk, &(struct disk_job){.op = DISK_PREPARE, .segment = 1});
    assert_true(disk->calls->wait(disk) && disk->calls->poll(disk, &done) && !done.err);
    for (uint64_t segment = 2; segment > 0; segment--) {
        struct disk_job job = {DISK_WRITE, segment, 0, slice_of_text("bytes"), true, segment};

        disk->calls->submit(disk, &job); // of the second one there is no file
    }
    for (uint64_t segment = 2; segment > 0; segment--) {
        assert_true(disk->calls->wait(disk) && disk->calls->poll(disk, &done));
        assert_true(done.tag == segment && done.err);
    }
    assert_int_equal(disk->calls->read(disk, 1, &bytes), 0);
    assert_true(bytes.size == 4096 && bytes.data[0] == 0);
    buffer_done(&bytes);
    disk->calls->close(disk);
    site_done(&site);
}

static void test_new_directories_are_synced(void **state)
{
    struct site site;

    (void)state;
    site_make(&site);
    site.place.no_sync = false;
    synced[0] = 0;
    assert_int_equal(site_open(&site), 0);
    assert_non_null(strstr(synced, strrchr(site.root, '/') + 1));
    assert_non_null(strstr(synced, " data"));
    assert_non_null(strstr(synced, " log"));
    assert_non_null(strstr(synced, " tree"));
    assert_int_equal(store_close(site.store), 0);
    site_done(&site);
}

static void test_mode_interval_writes_and_syncs(void **state)
{
    struct site site;

    (void)state;
    site_make(&site);
    site.settings.interval_ms = 2;
    assert_int_equal(site_open(&site), 0);
    site_declare(&site);
    site_fill(&site, 3000, "value");
    assert_int_equal(store_close(site.store), 0);
    assert_int_equal(site_open(&site), 0);
    assert_true(site.found.clean);
    assert_int_equal(site.found.keys, 3000);
    assert_int_equal(store_close(site.store), 0);
    site_done(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reopens_with_everything),
        cmocka_unit_test(test_second_start_is_refused),
        cmocka_unit_test(test_flipped_bytes_are_met),
        cmocka_unit_test(test_places_that_cannot_be_are_refused),
        cmocka_unit_test(test_read_only_directory_is_refused),
        cmocka_unit_test(test_segment_size_may_change),
        cmocka_unit_test(test_short_segment_is_damage),
        cmocka_unit_test(test_erased_shards_leave_the_tree),
        cmocka_unit_test(test_what_is_read_is_written_again),
        cmocka_unit_test(test_nothing_is_written_behind_a_failed_write),
        cmocka_unit_test(test_new_directories_are_synced),
        cmocka_unit_test(test_mode_interval_writes_and_syncs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
