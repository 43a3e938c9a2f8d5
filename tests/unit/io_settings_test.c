// SPDX-License-Identifier: Apache-2.0
// Settings: each row's default, refusals that say what would do, near misses, files.
#include "node/io/command_line.h"
#include "node/io/descriptors.h"
#include "node/io/keys.h"

#include "base/check.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static int set(struct settings *settings, const char *name, const char *text, struct buffer *why)
{
    why->size = 0;
    return settings_set(settings, settings_find(name), text, why);
}

static void expect_says(const struct buffer *why, const char *part)
{
    char text[1024];

    assert_true(why->size < sizeof text);
    memcpy(text, why->data, why->size);
    text[why->size] = 0;
    if (!strstr(text, part))
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void test_defaults(void **state)
{
    struct settings settings;
    struct buffer why = {0};

    (void)state;
    settings_init(&settings);
    assert_string_equal(settings.listen.host, "127.0.0.1");
    assert_int_equal(settings.listen.port, 7400);
    assert_int_equal(settings.gossip.port, 7401);
    assert_false(settings.peer.given);
    assert_int_equal(settings.value_max, 8 << 20);
    assert_int_equal(settings.stall_ms, 10000);
    assert_int_equal(settings.durability.interval_ms, 0);
    assert_true(settings.name[0]);
    assert_int_equal(settings_verify(&settings, &why), ERR_INVALID);
    expect_says(&why, "--data DIR");
    assert_int_equal(set(&settings, "data", "d", &why), 0);
    assert_int_equal(settings_verify(&settings, &why), 0);
    settings_done(&settings);
    buffer_done(&why);
}

// Every row: its default is within its own limits, and its name is found and fits an option.
static void test_table(void **state)
{
    const struct setting *setting;

    (void)state;
    for (setting = settings_table; setting->name; setting++) {
        assert_ptr_equal(settings_find(setting->name), setting);
        assert_string_equal(settings_nearest(setting->name), setting->name);
        assert_true(strlen(setting->name) < 20);
        assert_true(setting->min <= setting->max);
    }
    assert_null(settings_find("nothing"));
}

static void test_refusals(void **state)
{
    static const struct {
        const char *name, *text, *says;
    } cases[] = {
        {"listen", "7400", "HOST:PORT"},
        {"listen", "::1:7400", "HOST:PORT"},
        {"listen", "a:70000", "HOST:PORT"},
        {"join", "a:0", "port"},
        {"weight", "-1", "0 to 10000"},
        {"weight", "10001", "0 to 10000"},
        {"weight", "1 ", "whole number"},
        {"value-max", "0", "size"},
        {"value-max", "9G", "512.0 MiB"},
        {"value-max", "8MM", "size"},
        {"stall-timeout", "5", "from 10"},
        {"stall-timeout", "10y", "time"},
        {"durability", "async", "interval="},
        {"durability", "interval=0", "interval="},
        {"gossip-profile", "moon", "wan"},
        {"gossip-verify", "maybe", "both, outgoing or none"},
        {"gossip-compress", "1", "no or yes"},
        {"gossip-timing", "probe-interval", "NAME=VALUE"},
        {"gossip-timing", "moon=1", "awareness-max"},
        {"gossip-timing", "probe-interval=0", "from 1 to 600000 ms"},
        {"gossip-timing", "suspicion-mult=2s", "from 1 to 20"},
        {"zone", "a\nb", "control"},
        {"data", "", "path"},
        {"value-max", "99999999999999999999", "size"},
    };
    struct settings settings, before;
    struct buffer why = {0};
    size_t i;

    (void)state;
    settings_init(&settings);
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        before = settings;
        assert_int_equal(set(&settings, cases[i].name, cases[i].text, &why), ERR_INVALID);
        expect_says(&why, cases[i].says);
        expect_says(&why, cases[i].name);
        assert_int_equal(settings.join_count, before.join_count);
        assert_int_equal(settings.weight, before.weight);
        assert_int_equal(settings.value_max, before.value_max);
    }
    settings_done(&settings);
    buffer_done(&why);
}

static void test_values(void **state)
{
    struct settings settings;
    struct buffer why = {0};
    char label[65];
    int i;

    (void)state;
    settings_init(&settings);
    assert_int_equal(set(&settings, "listen", "[::1]:0", &why), 0);
    assert_string_equal(settings.listen.host, "::1");
    assert_int_equal(settings.listen.port, 0);
    assert_int_equal(set(&settings, "durability", "interval=250ms", &why), 0);
    assert_int_equal(settings.durability.interval_ms, 250);
    assert_string_equal(settings.durability.text, "interval=250ms");
    assert_int_equal(set(&settings, "durability", "sync", &why), 0);
    assert_int_equal(settings.durability.interval_ms, 0);
    assert_int_equal(set(&settings, "memtable", "1GiB", &why), 0);
    assert_int_equal(settings.memtable, 1 << 30);
    for (i = 0; i < SETTINGS_JOIN_MAX; i++)
        assert_int_equal(set(&settings, "join", "host:1", &why), 0);
    assert_int_equal(set(&settings, "join", "host:1", &why), ERR_INVALID);
    memset(label, 'x', 64);
    label[64] = 0;
    assert_int_equal(set(&settings, "name", label, &why), ERR_INVALID);
    assert_int_equal(set(&settings, "name", label + 1, &why), 0);
    settings_done(&settings);
    buffer_done(&why);
}

// Timings one by one win over the profile, in whatever order they are given.
static void test_gossip_timings(void **state)
{
    struct settings settings;
    struct buffer why = {0};
    struct swim_timing timing;

    (void)state;
    settings_init(&settings);
    assert_int_equal(set(&settings, "data", "d", &why), 0);
    assert_int_equal(set(&settings, "gossip-timing", "probe-interval=2s", &why), 0);
    assert_int_equal(set(&settings, "gossip-timing", "suspicion-mult=5", &why), 0);
    assert_int_equal(set(&settings, "gossip-profile", "local", &why), 0);
    assert_int_equal(settings_verify(&settings, &why), 0);
    timing = settings_timing(&settings);
    assert_int_equal(timing.probe_interval_ms, 2000);
    assert_int_equal(timing.suspicion_mult, 5);
    assert_int_equal(timing.probe_timeout_ms, 200);
    assert_int_equal(set(&settings, "gossip-timing", "probe-interval=100", &why), 0);
    assert_int_equal(settings_verify(&settings, &why), ERR_INVALID);
    expect_says(&why, "probe-timeout");
    settings_done(&settings);
    buffer_done(&why);
}

static int load_keys(const char *text, struct settings *settings, struct guard *guard,
                     struct buffer *why)
{
    char path[] = "/tmp/io_settings_test.XXXXXX";
    int fd = mkstemp(path), err;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    why->size = 0;
    assert_int_equal(set(settings, "gossip-key", path, why), 0);
    err = keys_load(settings, guard, why);
    unlink(path);
    return err;
}

static void test_gossip_keys(void **state)
{
    static const char two[] = "#\nAAAAAAAAAAAAAAAAAAAAAA==\nAQEBAQEBAQEBAQEBAQEBAQ==\n";
    struct settings settings;
    struct buffer why = {0};
    struct guard guard;
    uint8_t random[2][16] = {{0}, {0}};

    (void)state;
    settings_init(&settings);
    assert_int_equal(keys_load(&settings, &guard, &why), 0);
    assert_int_equal(guard.keys.count, 0);
    assert_int_equal(set(&settings, "gossip-label", "ring", &why), 0);
    assert_int_equal(set(&settings, "gossip-verify", "outgoing", &why), 0);
    assert_int_equal(load_keys(two, &settings, &guard, &why), 0);
    assert_int_equal(guard.keys.count, 2);
    assert_true(guard.takes_plain && !guard.sends_plain);
    assert_string_equal(guard.label, "ring");
    assert_int_equal(load_keys("secret\n", &settings, &guard, &why), ERR_INVALID);
    expect_says(&why, "line 1");
    assert_int_equal(load_keys("secret\n", &settings, &guard, &why), ERR_INVALID);
    assert_null(memmem(why.data, why.size, "secret", 6));
    assert_int_equal(guard.keys.count, 2);
    assert_int_equal(set(&settings, "gossip-key", "/nowhere", &why), 0);
    assert_int_equal(keys_load(&settings, &guard, &why), ERR_IO);
    expect_says(&why, "/nowhere");
    keys_fill(NULL, random[0], 16);
    keys_fill(NULL, random[1], 16);
    assert_memory_not_equal(random[0], random[1], 16);
    settings_done(&settings);
    buffer_done(&why);
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t size;
    } good[] = {{"0", 0},       {"1", 1},        {"7B", 7},        {"2k", 2048},
                {"2KiB", 2048}, {"3m", 3 << 20}, {"3MB", 3 << 20}, {"16383T", 16383ULL << 40}};
    static const char *const bad[] = {"", "k", "1x", "1kk", "-1", "1iB", "1.5M", "99999999T"};
    uint64_t size;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(settings_read_size(good[i].text, &size), 0);
        assert_int_equal(size, good[i].size);
    }
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(settings_read_size(bad[i], &size), ERR_INVALID);
}

static void test_near_misses(void **state)
{
    (void)state;
    assert_string_equal(settings_nearest("lisen"), "listen");
    assert_string_equal(settings_nearest("gosip"), "gossip");
    assert_string_equal(settings_nearest("durabilty"), "durability");
    assert_string_equal(settings_nearest("value_max"), "value-max");
    assert_null(settings_nearest("xylophone"));
    assert_null(settings_nearest(""));
}

static int read_text(const char *text, struct settings *settings, struct buffer *why)
{
    char path[] = "/tmp/io_settings_test.XXXXXX";
    int fd = mkstemp(path), err;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    why->size = 0;
    err = command_line_read_file(path, settings, why);
    unlink(path);
    return err;
}

static void test_files(void **state)
{
    struct settings settings;
    struct buffer why = {0};
    char line[512];

    (void)state;
    settings_init(&settings);
    assert_int_equal(read_text("# c\ndata = d\njoin = a:1\njoin = b:2 ; two\n", &settings, &why),
                     0);
    assert_string_equal(settings.data, "d");
    assert_int_equal(settings.join_count, 2);
    assert_string_equal(settings.join[1].host, "b");
    assert_int_equal(read_text("zone = a\nlistne = x:1\n", &settings, &why), ERR_INVALID);
    expect_says(&why, ":2: no setting is called listne; did you mean listen?");
    assert_int_equal(read_text("zone = a\nzone = b\n", &settings, &why), ERR_INVALID);
    expect_says(&why, "twice");
    assert_int_equal(read_text("[node]\nzone = a\n", &settings, &why), ERR_INVALID);
    expect_says(&why, "no sections");
    assert_int_equal(read_text("zone\n", &settings, &why), ERR_INVALID);
    expect_says(&why, "name = value");
    assert_int_equal(read_text("config = x\n", &settings, &why), ERR_INVALID);
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = 0;
    assert_int_equal(read_text(line, &settings, &why), ERR_INVALID);
    expect_says(&why, "longer");
    why.size = 0;
    assert_int_equal(command_line_read_file("/nonexistent/file", &settings, &why), ERR_IO);
    settings_done(&settings);
    buffer_done(&why);
}

// Whatever the limit: what all may take together leaves room for the files.
static void test_descriptors(void **state)
{
    struct descriptors shares;
    uint64_t limit;

    (void)state;
    for (limit = 64; limit < 100000; limit += 7) {
        descriptors_share(limit, 4096, &shares);
        assert_true(shares.clients && shares.clients <= 4096 && shares.peers && shares.gossip);
        assert_true(shares.clients + shares.peers + shares.gossip <= shares.all);
        assert_true(shares.all + 32 <= limit);
    }
    descriptors_share(1 << 20, 4096, &shares);
    assert_int_equal(shares.clients, 4096);
    assert_int_equal(shares.peers, 2048);
    assert_int_equal(shares.gossip, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),       cmocka_unit_test(test_table),
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_values),
        cmocka_unit_test(test_gossip_timings), cmocka_unit_test(test_gossip_keys),
        cmocka_unit_test(test_sizes),          cmocka_unit_test(test_near_misses),
        cmocka_unit_test(test_files),          cmocka_unit_test(test_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
