// SPDX-License-Identifier: Apache-2.0
// A compaction of a real tree, in a temporary directory. The system calls that the copy is made by
// are counted, so that a process can be made to die, and a call to fail, at each of them.
#include "base/err.h"
#include "node/store/state.h"
#include "tests/lib/files.h"
#include "tests/lib/store_kit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { KEYS = 1200, CALLS_MAX = 500, STEPS_MAX = 1000 };

// ---- the calls ----------------------------------------------------------------------------------

// What was called for the copy: d its directory made, w its file written, s synced, r and l its
// files renamed, f the directory synced in which they are then.
static char calls[CALLS_MAX + 1];
static size_t call_count;
static size_t call_at; // 1 and up: the one that fails, or at which the process dies; 0: none
static int call_errno; // 0: the process dies
static uint64_t room = UINT64_MAX;

static bool fails(char what)
{
    if (call_count < CALLS_MAX)
        calls[call_count] = what;
    call_count += 1;
    if (call_count != call_at)
        return false;
    if (!call_errno)
        _exit(9);
    errno = call_errno;
    return true;
}

static bool is_within(int fd, const char *part, bool at_end)
{
    char name[64];
    char path[FILES_PATH_SIZE];
    ssize_t size;

    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    size = readlink(name, path, sizeof path - 1);
    if (size < 0)
        return false;
    path[size] = 0;
    return at_end ? strcmp(path + size - strlen(part), part) == 0 : strstr(path, part) != NULL;
}

// In the place of the C library's, for LMDB too.
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    if (is_within(fd, "/tree-new/data", false) && fails('w'))
        return -1;
    return (ssize_t)syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (is_within(fd, "/tree-new/data", false) && fails('w'))
        return -1;
    return (ssize_t)syscall(SYS_writev, fd, parts, count);
}

int fdatasync(int fd)
{
    if (is_within(fd, "/tree-new/data", false) && fails('s'))
        return -1;
    return 0; // nobody pulls the plug here
}

int fsync(int fd)
{
    if (is_within(fd, "/tree", true) && call_count && fails('f'))
        return -1;
    return 0;
}

int rename(const char *from, const char *to)
{
    if (strstr(from, "/tree-new/") && fails(strstr(from, "data.mdb") ? 'r' : 'l'))
        return -1;
    return (int)syscall(SYS_rename, from, to);
}

int mkdir(const char *path, mode_t mode)
{
    if (strstr(path, "/tree-new") && fails('d'))
        return -1;
    return (int)syscall(SYS_mkdir, path, mode);
}

int fstatvfs(int fd, struct statvfs *out)
{
    (void)fd;
    *out = (struct statvfs){.f_frsize = 1, .f_bavail = room};
    return 0;
}

static void calls_reset(size_t at, int number)
{
    memset(calls, 0, sizeof calls);
    call_count = 0;
    call_at = at;
    call_errno = number;
}

// ---- a store ------------------------------------------------------------------------------------

struct site {
    char root[FILES_PATH_SIZE];
    char path[FILES_PATH_SIZE + 8];
    struct store_settings settings;
    struct store_found found;
    struct store *store;
    struct arena arena;
    uint64_t now_ms;
};

static void site_open(struct site *site)
{
    struct engine_place place = {.path = site->path};

    assert_int_equal(engine_open_directory(&place, &site->settings, &site->store, &site->found), 0);
}

static void turn(struct site *site)
{
    store_turn_end(site->store, ++site->now_ms);
    arena_reset(&site->arena);
}

// Of a length that depends on the key; without a text: deleted.
static int write_number(struct site *site, int number, const char *text)
{
    char name[16];
    char value[600];
    struct key key = kit_key_number(number, name);
    struct dot dot = store_mint(site->store, key.shard);
    struct version version = {.dot = dot};
    struct delta delta = {
        &version, text != NULL, clock_in(&site->arena), clock_in(&site->arena), {0}};
    uint64_t position;
    int size = snprintf(value, sizeof value, "%s %*d", text ? text : "", number % 500, number);

    version.value = slice_of(value, (size_t)size);
    clock_copy(&delta.context, store_clock(site->store, key.shard));
    clock_add(&delta.context, dot);
    clock_add(&delta.dots, dot);
    return store_apply(site->store, &key, &delta, &site->arena, &position);
}

static void write_all(struct site *site, int step, const char *text)
{
    for (int i = 0; i < KEYS;) {
        int err = write_number(site, i, text);

        assert_true(!err || err == ERR_OVERLOADED);
        i += err ? 0 : step;
        if (i % 128 == 0 || err) {
            turn(site);
            assert_int_equal(store_flush(site->store), 0);
        }
    }
    assert_int_equal(store_flush(site->store), 0);
}

// Every third key is deleted.
static void all_check(struct site *site, const char *text)
{
    for (int i = 0; i < KEYS; i++) {
        char name[16];
        struct key key = kit_key_number(i, name);
        struct store_view view;

        assert_int_equal(store_read(site->store, &key, &site->arena, &view), 0);
        assert_int_equal(view.object.count, i % 3 == 0 ? 0 : 1);
        if (i % 3)
            assert_memory_equal(view.object.versions[0].value.data, text, strlen(text));
        arena_reset(&site->arena);
    }
    turn(site);
}

static bool is_settled(const struct site *site)
{
    return site->store->checkpoint.state == CHECKPOINT_IDLE &&
           site->store->covered == store_end(site->store) &&
           memtable_keys(site->store->active) == 0;
}

// A turn, once log and tree have done what they do. What a failed call leads to is told later.
static void step(struct site *site)
{
    (void)store_flush(site->store);
    site->store->tree->calls->wait(site->store->tree);
    turn(site);
}

// Until all is in the tree.
static void settle(struct site *site)
{
    for (int i = 0; i < STEPS_MAX && !is_settled(site); i++) {
        store_checkpoint(site->store);
        step(site);
    }
    assert_true(is_settled(site));
}

// With a tree that has been written in random order more than once.
static void site_make(struct site *site)
{
    uint64_t position;

    memset(site, 0, sizeof *site);
    files_make_folder(site->root);
    snprintf(site->path, sizeof site->path, "%s/data", site->root);
    site->settings = kit_file_settings();
    room = (uint64_t)1 << 40;
    calls_reset(0, 0);
    site_open(site);
    assert_int_equal(store_set_shards(site->store, KIT_SHARDS, &position), 0);
    write_all(site, 1, "first");
    write_all(site, 1, "second");
    write_all(site, 3, NULL);
    settle(site);
}

static void site_done(struct site *site)
{
    assert_int_equal(store_close(site->store), 0);
    arena_done(&site->arena);
    files_remove_folder(site->root);
}

static bool is_there(const struct site *site, const char *name)
{
    char path[FILES_PATH_SIZE + 64];

    snprintf(path, sizeof path, "%s/%s", site->path, name);
    return access(path, F_OK) == 0;
}

static struct compaction compact(struct site *site)
{
    struct compaction compaction;

    store_compact(site->store);
    do {
        step(site);
        store_compaction(site->store, &compaction);
    } while (compaction.state == COMPACTION_RUNNING);
    return compaction;
}

// All that the tree holds.
static void tree_dump(const struct site *site, struct buffer *out)
{
    struct tree *tree = site->store->tree;

    for (int table = 0; table < TREE_TABLES; table++) {
        struct slice record[2] = {{0}, {0}};

        while (tree->calls->next(tree, (enum tree_table)table, record[0], record) == 0) {
            buffer_add_slice(out, record[0]);
            buffer_add_slice(out, record[1]);
        }
        buffer_add_u8(out, 0);
    }
    tree->calls->turn_end(tree);
}

// ---- tests --------------------------------------------------------------------------------------

static void test_a_smaller_file_has_the_same(void **state)
{
    struct buffer before = {0};
    struct buffer after = {0};
    struct compaction compaction;
    struct site site;
    char path[FILES_PATH_SIZE + 64];

    (void)state;
    site_make(&site);
    snprintf(path, sizeof path, "%s/tree/data.mdb", site.path);
    tree_dump(&site, &before);
    compaction = compact(&site);
    assert_int_equal(compaction.state, COMPACTION_DONE);
    assert_true(compaction.bytes_after < compaction.bytes_before / 2);
    assert_true(files_size(path) <= compaction.bytes_after);
    tree_dump(&site, &after);
    assert_true(before.size > KEYS * 100);
    assert_true(slice_equal(buffer_slice(&before), buffer_slice(&after)));
    assert_false(is_there(&site, "tree-new"));
    // The copy is on stable storage before it gets its place, and that is before anything else.
    assert_string_equal(calls + call_count - 4, "srlf");

    // It is a tree as any other: written to, compacted again, opened again.
    write_all(&site, 1, "third");
    write_all(&site, 3, NULL);
    all_check(&site, "third");
    assert_int_equal(compact(&site).state, COMPACTION_DONE);
    all_check(&site, "third");
    assert_int_equal(store_close(site.store), 0);
    site_open(&site);
    assert_true(site.found.clean);
    all_check(&site, "third");
    site_done(&site);
    buffer_done(&before);
    buffer_done(&after);
}

// The process that dies at the n-th call, be it while records are copied or files renamed.
static int die_at(struct site *site, size_t n)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        site_open(site);
        calls_reset(n, 0);
        _exit(compact(site).state == COMPACTION_DONE ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_a_crash_leaves_one_tree_or_the_other(void **state)
{
    struct site site;
    int code = 9;

    (void)state;
    site_make(&site);
    assert_int_equal(store_close(site.store), 0);
    for (size_t n = 1; code; n++) {
        assert_true(n < CALLS_MAX);
        code = die_at(&site, n);
        assert_true(code == 0 || code == 9);
        site_open(&site);
        assert_false(is_there(&site, "tree-new"));
        all_check(&site, "second");
        assert_int_equal(store_close(site.store), 0);
    }
    site_open(&site);
    site_done(&site);
}

// The n-th call fails, for n = 1, 2, ... until none does.
static void calls_fail(int number)
{
    struct site site;
    bool reached = true;

    site_make(&site);
    for (size_t n = 1; reached; n++) {
        struct compaction compaction;
        int fatal;

        calls_reset(n, number);
        compaction = compact(&site);
        reached = call_count >= n;
        fatal = store_poll(site.store);
        // Which file a start would find is in doubt only when the last call fails.
        assert_int_equal(fatal, calls[n - 1] == 'f' ? ERR_IO : 0);
        assert_int_equal(compaction.state,
                         reached && calls[n - 1] != 'l' ? COMPACTION_FAILED : COMPACTION_DONE);
        assert_int_equal(compaction.text.size > 0, compaction.state == COMPACTION_FAILED);
        assert_true(reached || n > 10);
        call_at = 0;
        if (fatal) {
            store_abandon(site.store);
            site_open(&site);
        }
        all_check(&site, "second");
        assert_false(is_there(&site, "tree-new"));
    }
    site_done(&site);
}

static void test_each_call_fails(void **state)
{
    (void)state;
    calls_fail(EIO);
    calls_fail(ENOSPC);
}

static void test_it_wants_room(void **state)
{
    struct compaction compaction;
    struct site site;

    (void)state;
    site_make(&site);
    room = (32 << 20) + 1000;
    compaction = compact(&site);
    assert_int_equal(compaction.state, COMPACTION_FAILED);
    assert_int_equal(compaction.err, ERR_DISK_FULL);
    assert_non_null(strstr((const char *)compaction.text.data, "make room"));
    assert_int_equal(call_count, 0); // it did not begin
    all_check(&site, "second");
    room = (uint64_t)1 << 40;
    assert_int_equal(compact(&site).state, COMPACTION_DONE);
    all_check(&site, "second");
    site_done(&site);
}

static void test_leftovers_go_at_start(void **state)
{
    static const char *const names[] = {"tree-new/data.mdb", "tree-new/lock.mdb"};
    struct site site;
    char path[FILES_PATH_SIZE + 64];

    (void)state;
    site_make(&site);
    assert_int_equal(store_close(site.store), 0);
    snprintf(path, sizeof path, "%s/tree-new", site.path);
    assert_int_equal(mkdir(path, 0700), 0);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", site.path, names[i]);
        assert_true(files_write(path, slice_of_text("half a copy")));
    }
    site_open(&site);
    assert_false(is_there(&site, "tree-new"));
    all_check(&site, "second");
    site_done(&site);
}

struct stopped {
    struct tree_job job;
    struct tree *tree;
    atomic_bool stop;
};

static int stopped_work(struct tree_job *job)
{
    struct stopped *stopped = (struct stopped *)job;

    return stopped->tree->calls->compact(stopped->tree, &stopped->stop);
}

static void test_it_stops_when_told(void **state)
{
    struct stopped stopped = {.job.work = stopped_work};
    struct site site;

    (void)state;
    site_make(&site);
    stopped.tree = site.store->tree;
    atomic_store(&stopped.stop, true);
    stopped.tree->calls->submit(stopped.tree, &stopped.job);
    stopped.tree->calls->wait(stopped.tree);
    assert_ptr_equal(stopped.tree->calls->poll(stopped.tree), &stopped.job);
    assert_int_equal(stopped.job.err, ERR_AGAIN);
    assert_null(strchr(calls, 'r'));
    assert_false(is_there(&site, "tree-new"));
    all_check(&site, "second");
    site_done(&site);
}

// A copy that nobody went over to.
static void test_the_store_goes_meanwhile(void **state)
{
    struct site site;

    (void)state;
    site_make(&site);
    store_compact(site.store);
    turn(&site);
    store_abandon(site.store);
    site_open(&site);
    all_check(&site, "second");
    store_compact(site.store);
    turn(&site);
    assert_int_equal(store_close(site.store), 0);
    site_open(&site);
    assert_true(site.found.clean);
    all_check(&site, "second");
    site_done(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_smaller_file_has_the_same),
        cmocka_unit_test(test_a_crash_leaves_one_tree_or_the_other),
        cmocka_unit_test(test_each_call_fails),
        cmocka_unit_test(test_it_wants_room),
        cmocka_unit_test(test_leftovers_go_at_start),
        cmocka_unit_test(test_it_stops_when_told),
        cmocka_unit_test(test_the_store_goes_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
