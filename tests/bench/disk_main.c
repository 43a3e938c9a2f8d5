// SPDX-License-Identifier: Apache-2.0
// What the disk and LMDB do here with nothing around them. One line: operations a second, median
// and 99th percentile in microseconds.
//
//     disk_main append DIRECTORY BYTES PROCESSES SECONDS
//         pwrite and fdatasync, one after the other, in as many processes at once
//     disk_main get DIRECTORY KEYS BYTES SECONDS
//         mdb_get of random keys, in one thread, each in a read transaction of its own
#include "base/check.h"
#include "base/histogram.h"
#include "base/rng.h"
#include "base/text.h"
#include "client/bench/floor_log.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, FILE_SIZE = 16 << 20, PROCESSES_MAX = 64, BATCH = 10000, KEY_SIZE = 16 };

// Shared by the processes of an append.
struct result {
    struct histogram ns;
};

_Noreturn static void die(const char *what)
{
    perror(what);
    exit(8);
}

static uint64_t number(const char *text, uint64_t max)
{
    uint64_t value = 0;

    if (text_read_u64(text, 1, max, &value)) {
        fprintf(stderr, "disk: %s is no number from 1 to %llu\n", text, (unsigned long long)max);
        exit(2);
    }
    return value;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void show(const struct histogram *ns, uint64_t seconds)
{
    printf("%.0f %.1f %.1f\n", (double)ns->count / (double)seconds,
           (double)histogram_quantile(ns, 5000) / 1e3, (double)histogram_quantile(ns, 9900) / 1e3);
}

// ---- append -------------------------------------------------------------------------------------

static void append(const char *directory, size_t size, uint64_t seconds, struct result *result)
{
    int descriptor = floor_log_file(directory);
    uint64_t began;
    uint64_t end;
    uint8_t *bytes;
    off_t at = 0;

    size = (size + PAGE - 1) / PAGE * PAGE; // the file may be open for direct writes
    bytes = aligned_alloc(PAGE, size);
    if (descriptor < 0 || !bytes)
        die(directory);
    memset(bytes, 'x', size);
    for (end = now_ns() + seconds * 1000000000; (began = now_ns()) < end; at += (off_t)size) {
        if (at + (off_t)size > FILE_SIZE)
            at = 0;
        if (pwrite(descriptor, bytes, size, at) != (ssize_t)size || fdatasync(descriptor))
            die("append");
        histogram_add(&result->ns, now_ns() - began);
    }
    free(bytes);
    close(descriptor);
}

static void append_all(char **argv)
{
    size_t size = number(argv[3], FILE_SIZE);
    uint64_t processes = number(argv[4], PROCESSES_MAX);
    uint64_t seconds = number(argv[5], 3600);
    struct histogram sum = {0};
    struct result *results = mmap(NULL, processes * sizeof *results, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;

    if (results == MAP_FAILED)
        die("memory");
    for (uint64_t i = 0; i < processes; i++) {
        pid_t pid = fork();

        if (pid < 0)
            die("fork");
        if (pid == 0) {
            append(argv[2], size, seconds, &results[i]);
            _exit(0);
        }
    }
    while (wait(&status) > 0) {
        if (status)
            exit(8);
    }
    for (uint64_t i = 0; i < processes; i++)
        histogram_join(&sum, &results[i].ns);
    show(&sum, seconds);
}

// ---- get ----------------------------------------------------------------------------------------

static void want(int err, const char *what)
{
    if (err == 0)
        return;
    fprintf(stderr, "disk: %s: %s\n", what, mdb_strerror(err));
    exit(8);
}

static MDB_val key_of(uint64_t number_of_key, uint8_t out[KEY_SIZE])
{
    uint64_t hash = rng_mix(number_of_key);

    memcpy(out, &hash, sizeof hash);
    memcpy(out + sizeof hash, &number_of_key, sizeof number_of_key);
    return (MDB_val){KEY_SIZE, out};
}

static void tree_fill(MDB_env *env, uint64_t keys, size_t size, MDB_dbi *dbi)
{
    uint8_t *bytes = memory_new(size);
    uint8_t name[KEY_SIZE];
    MDB_val value = {size, bytes};
    MDB_val key;
    MDB_txn *txn;

    for (uint64_t i = 0; i < keys;) {
        want(mdb_txn_begin(env, NULL, 0, &txn), "transaction");
        want(mdb_dbi_open(txn, NULL, 0, dbi), "table");
        for (uint64_t last = i + BATCH; i < last && i < keys; i++) {
            key = key_of(i, name);
            want(mdb_put(txn, *dbi, &key, &value, 0), "put");
        }
        want(mdb_txn_commit(txn), "commit");
    }
    free(bytes);
}

static void get(char **argv)
{
    uint64_t keys = number(argv[3], 1 << 30);
    size_t size = number(argv[4], 1 << 20);
    uint64_t seconds = number(argv[5], 3600);
    static struct histogram ns;
    uint8_t name[KEY_SIZE];
    MDB_val key, value;
    struct rng rng;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;

    want(mdb_env_create(&env), "environment");
    want(mdb_env_set_mapsize(env, keys * (size + 256) + (64 << 20)), "map");
    want(mdb_env_open(env, argv[2], MDB_NOSYNC, 0600), argv[2]);
    tree_fill(env, keys, size, &dbi);
    rng_init(&rng, 1);
    want(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "transaction");
    mdb_txn_reset(txn);
    for (uint64_t began, end = now_ns() + seconds * 1000000000; (began = now_ns()) < end;) {
        key = key_of(rng_below(&rng, keys), name);
        want(mdb_txn_renew(txn), "transaction");
        want(mdb_get(txn, dbi, &key, &value), "get");
        mdb_txn_reset(txn);
        histogram_add(&ns, now_ns() - began);
    }
    show(&ns, seconds);
    mdb_txn_abort(txn);
    mdb_env_close(env);
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "append") == 0) {
        append_all(argv);
    } else if (argc == 6 && strcmp(argv[1], "get") == 0) {
        get(argv);
    } else {
        fprintf(stderr, "usage: disk_main append DIRECTORY BYTES PROCESSES SECONDS\n"
                        "       disk_main get DIRECTORY KEYS BYTES SECONDS\n");
        return 2;
    }
    return 0;
}
