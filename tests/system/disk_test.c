// SPDX-License-Identifier: Apache-2.0
//
// Full and read-only disks. A small file system in memory is mounted for one node, which needs the
// right to mount; without it these tests are skipped.

#include "base/err.h"
#include "tests/lib/brief.h"
#include "tests/lib/cluster.h"
#include "tests/lib/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { KEYS = 20, FILL_PUTS_MAX = 20000 };

// In a mount namespace of this process, so that nothing of it outlives the test.
static bool disk_mount(const char *path, unsigned long flags, const char *options)
{
    if (mkdir(path, 0777) && errno != EEXIST)
        return false;
    if (mount("none", path, "tmpfs", flags, options) == 0)
        return true;
    printf("a file system cannot be mounted here: %s\n", strerror(errno));
    return false;
}

static int enter_namespace(void **state)
{
    (void)state;
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        printf("no mount namespace: %s\n", strerror(errno));
    return 0;
}

static void read_only_place_is_refused(void **state)
{
    struct cluster *cluster = *state;
    uint32_t node = cluster_add(cluster);

    if (!disk_mount(cluster->nodes[node].data, MS_RDONLY, "size=1m")) {
        cluster->passed = true;
        skip();
    }
    cluster_node_launch(cluster, node);
    assert_int_equal(cluster_node_end(cluster, node), err_exit(ERR_READ_ONLY));
    assert_true(cluster_node_said(cluster, node, cluster->nodes[node].data));
    umount(cluster->nodes[node].data);
    cluster_pass(cluster);
}

// Takes all space that is left.
static void disk_fill(const struct cluster *cluster, char filler[FILES_PATH_SIZE])
{
    static const char zeros[65536];

    snprintf(filler, FILES_PATH_SIZE, "%.400s/filler", cluster->nodes[0].data);
    int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    for (size_t step = sizeof(zeros); step >= 512; step /= 2) {
        while (write(fd, zeros, step) > 0)
            continue;
    }
    close(fd);
}

// Puts through node 0, whose disk is full, until it says so: room prepared before must be used up.
static int puts_until_refused(struct quorate_client *client)
{
    static char value[4096];
    char key[32];
    int err = 0;

    memset(value, 'f', sizeof(value) - 1);
    for (uint32_t i = 0; err == 0 && i < FILL_PUTS_MAX; i++) {
        snprintf(key, sizeof(key), "fill-%u", i % 200);
        err = brief_replace(client, key, value, 3);
        if (err == QUORATE_OVERLOADED || err == QUORATE_TIMEOUT)
            err = 0;
    }
    return err;
}

static bool put_succeeds(void *client)
{
    struct quorate_put_options options = {.w = 3};

    return quorate_put(client, brief_key("after"), quorate_text("space is back"), &options, NULL) ==
           0;
}

static bool full_is_told(void *cluster)
{
    return cluster_node_said(cluster, 0, "the disk is full: puts are refused");
}

static bool room_is_told(void *cluster)
{
    return cluster_node_said(cluster, 0, "there is room on the disk again");
}

static void keys_put(struct quorate_client *client)
{
    char key[32];

    for (uint32_t i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "key-%u", i);
        assert_int_equal(brief_put(client, key, key, 3), 0);
    }
}

static void full_disk_refuses_puts_only(void **state)
{
    static const char *const settings[] = {"--memtable",    "512K", "--value-max", "64K",
                                           "--log-segment", "1M",   NULL};
    struct cluster *cluster = *state;
    char filler[FILES_PATH_SIZE];
    char key[32];

    cluster->options.settings = settings;
    cluster_add(cluster);
    if (!disk_mount(cluster->nodes[0].data, 0, "size=32m")) {
        cluster->passed = true;
        skip();
    }
    cluster_node_start(cluster, 0);
    cluster_start(cluster, &(struct cluster_options){.settings = settings});
    struct quorate_client *client = cluster_node_client(cluster, 0);
    struct quorate_client *other = cluster_node_client(cluster, 1);
    keys_put(client);
    disk_fill(cluster, filler);
    assert_int_equal(puts_until_refused(client), QUORATE_DISK_FULL);

    struct quorate_result *status = cluster_node_status(cluster, 0);
    assert_int_equal(status->status->refusal, QUORATE_DISK_FULL);
    quorate_result_free(status);
    assert_true(wait_until(full_is_told, cluster, CLUSTER_WAIT_MS));
    // The others go on without it; reads and deletes go on everywhere.
    assert_int_equal(brief_put(other, "beside", "through another", 2), 0);
    assert_int_not_equal(brief_put(other, "beside-all", "needs all three", 3), 0);
    for (uint32_t i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "key-%u", i);
        assert_true(brief_get_is(client, key, 1, key));
        assert_true(brief_get_is(other, key, 3, key));
    }
    assert_int_equal(brief_delete(client, "key-0", 3), 0);
    assert_int_equal(brief_count(client, "key-0", 3), 0);
    // Without a restart.
    assert_int_equal(remove(filler), 0);
    if (!wait_until(put_succeeds, client, CLUSTER_WAIT_MS))
        cluster_fail(cluster, "puts are still refused although there is space");
    assert_true(wait_until(room_is_told, cluster, CLUSTER_WAIT_MS));
    quorate_close(client);
    quorate_close(other);
    cluster_node_kill(cluster, 0);
    cluster_node_start(cluster, 0);
    cluster_wait_ready(cluster);
    client = cluster_node_client(cluster, 0);
    assert_int_equal(brief_count(client, "key-0", 1), 0);
    assert_true(brief_get_is(client, "key-1", 1, "key-1"));
    assert_true(brief_get_is(client, "beside", 3, "through another"));
    quorate_close(client);
    cluster_pass(cluster);
    umount(cluster->nodes[0].data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLUSTER_TEST(read_only_place_is_refused),
        CLUSTER_TEST(full_disk_refuses_puts_only),
    };

    return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
