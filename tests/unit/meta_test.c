// SPDX-License-Identifier: Apache-2.0
// What a node tells about itself: both ways, at the limits, and from others.
#include "base/err.h"
#include "base/pack.h"
#include "base/rng.h"
#include "node/wire/meta.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void fill_text(char *text, size_t size)
{
    memset(text, 'x', size);
    text[size] = '\0';
}

static struct node_meta largest(void)
{
    struct node_meta meta = {
        .node_id = UINT64_MAX,
        .actor = UINT64_MAX,
        .cluster = UINT64_MAX,
        .weight = UINT32_MAX,
        .epoch = UINT64_MAX,
        .digest = UINT64_MAX,
        .shards = UINT32_MAX,
    };

    fill_text(meta.name, META_NAME_MAX);
    fill_text(meta.zone, META_NAME_MAX);
    fill_text(meta.host, META_NAME_MAX);
    fill_text(meta.client_address, META_ADDRESS_MAX);
    fill_text(meta.peer_address, META_ADDRESS_MAX);
    fill_text(meta.build, META_BUILD_MAX);
    return meta;
}

static void check_round_trip(const struct node_meta *meta)
{
    struct buffer bytes = {0};
    struct node_meta back;

    memset(&back, 0xff, sizeof back);
    meta_encode(meta, &bytes);
    assert_true(bytes.size <= META_SIZE_MAX);
    assert_int_equal(meta_decode(buffer_slice(&bytes), &back), 0);
    assert_int_equal(back.node_id, meta->node_id);
    assert_int_equal(back.actor, meta->actor);
    assert_int_equal(back.cluster, meta->cluster);
    assert_int_equal(back.weight, meta->weight);
    assert_int_equal(back.epoch, meta->epoch);
    assert_int_equal(back.digest, meta->digest);
    assert_int_equal(back.shards, meta->shards);
    assert_string_equal(back.name, meta->name);
    assert_string_equal(back.zone, meta->zone);
    assert_string_equal(back.host, meta->host);
    assert_string_equal(back.client_address, meta->client_address);
    assert_string_equal(back.peer_address, meta->peer_address);
    assert_string_equal(back.build, meta->build);
    buffer_done(&bytes);
}

static void test_both_ways(void **state)
{
    struct node_meta meta = {.node_id = 7, .name = "n1", .zone = "a", .epoch = 3, .weight = 100};

    (void)state;
    check_round_trip(&meta);
    meta = largest();
    check_round_trip(&meta);
}

static void test_cut_short(void **state)
{
    struct node_meta meta = largest();
    struct node_meta back = {.node_id = 99};
    struct buffer bytes = {0};

    (void)state;
    meta_encode(&meta, &bytes);
    for (size_t size = 0; size < bytes.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);

        memcpy(copy, bytes.data, size);
        assert_int_equal(meta_decode(slice_of(copy, size), &back), ERR_PROTOCOL);
        free(copy);
    }
    buffer_add_u8(&bytes, 0xc0);
    assert_int_equal(meta_decode(buffer_slice(&bytes), &back), ERR_PROTOCOL);
    assert_int_equal(back.node_id, 99);
    buffer_done(&bytes);
}

static void test_observers(void **state)
{
    static const char *const foreign[] = {
        "",
        "role=web",
        "\xff\x81\xa4role\xa3web",                  // Serf's tags
        "\x80",                                     // no version, no id
        "\x81\xa2id\x07",                           // no version
        "\x81\xa1v\x01",                            // no id
        "\x82\xa1v\x01\xa2id\xa1x",                 // an id that is no number
        "\x82\xa1v\x01\xa2id\xff",                  // a negative one
        "\x83\xa1v\x01\xa2id\x07\xa2zo\xa3\x61\nb", // a zone that would break a line
        "\x83\xa1v\x01\xa2id\x07\xa2we\xcf\x01\x01\x01\x01\x01\x01\x01\x01",
        "\xdf\xff\xff\xff\xff",
    };
    struct node_meta meta;

    (void)state;
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        assert_int_equal(meta_decode(slice_of_text(foreign[i]), &meta), ERR_PROTOCOL);
}

// What a later version adds is passed over.
// Meta that tells of another node than the one it came from makes an observer of it.
static void test_foreign_id(void **state)
{
    struct node_meta meta = largest();
    struct buffer bytes = {0};
    struct node_meta back = {.node_id = 7};

    (void)state;
    meta_encode(&meta, &bytes);
    assert_int_equal(meta_decode_of(meta.node_id - 1, buffer_slice(&bytes), &back), ERR_PROTOCOL);
    assert_int_equal(back.node_id, 7);
    assert_int_equal(meta_decode_of(meta.node_id, buffer_slice(&bytes), &back), 0);
    assert_int_equal(back.node_id, meta.node_id);
    assert_int_equal(meta_decode_of(0, slice_of("", 0), &back), ERR_PROTOCOL);
    buffer_done(&bytes);
}

static void test_unknown_keys(void **state)
{
    static const char later[] = "\x84\xa1v\x02\xa2id\x07\xa3new\x92\x01\xa1x\xa2nm\xd9\x02n1";
    struct node_meta meta;

    (void)state;
    assert_int_equal(meta_decode(slice_of(later, sizeof later - 1), &meta), 0);
    assert_int_equal(meta.node_id, 7);
    assert_string_equal(meta.name, "n1");
}

static void test_told(void **state)
{
    static struct node_view views[META_VIEWS_MAX];
    static struct node_view back[META_VIEWS_MAX];
    static const size_t counts[] = {0, 1, 15, 16, META_VIEWS_MAX};
    const struct node_load load = {UINT64_MAX, 1, UINT64_MAX, 0, 3};
    struct node_load told;
    size_t got;

    (void)state;
    for (size_t i = 0; i < META_VIEWS_MAX; i++)
        views[i] =
            (struct node_view){UINT64_MAX - i, UINT64_MAX, UINT64_MAX - i % 2, UINT64_MAX, i};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct buffer bytes = {0};
        struct slice all;

        meta_encode_told(&load, views, counts[i], &bytes);
        all = buffer_slice(&bytes);
        assert_true(all.size <= 256 << 10);
        assert_int_equal(meta_decode_told(all, &told, back, META_VIEWS_MAX, &got), 0);
        assert_int_equal(got, counts[i]);
        assert_memory_equal(&told, &load, sizeof load);
        if (got)
            assert_memory_equal(back, views, got * sizeof *views);
        assert_int_equal(meta_decode_told(all, &told, back, 1, &got), 0);
        assert_int_equal(got, counts[i] ? 1 : 0);
        buffer_done(&bytes);
    }
    assert_int_equal(meta_decode_told(slice_of_text("\x02{}"), &told, back, 1, &got), ERR_PROTOCOL);
    assert_int_equal(
        meta_decode_told(slice_of_text("\x82\xa1v\x01\xa7members\x91\x01"), &told, back, 1, &got),
        ERR_PROTOCOL);
}

// Nodes before there was anything but ages.
static void test_told_by_older_nodes(void **state)
{
    static const char old[] = "\x82\xa1v\x01\xa7members\x91\x82\xa2id\x07\xa6"
                              "age_ms\x09";
    struct node_load load;
    struct node_view view;
    size_t count;

    (void)state;
    assert_int_equal(meta_decode_told(slice_of_text(old), &load, &view, 1, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(load.node_id, 0);
    assert_int_equal(view.node_id, 7);
    assert_int_equal(view.age_ms, 9);
    assert_int_equal(view.ack_age_ms, 0);
}

static void test_random_bytes(void **state)
{
    struct node_meta meta = largest();
    struct buffer bytes = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 5);
    meta_encode(&meta, &bytes);
    for (unsigned run = 0; run < 20000; run++) {
        size_t at = (size_t)rng_below(&rng, bytes.size);
        uint8_t before = bytes.data[at];

        bytes.data[at] = (uint8_t)rng_u64(&rng);
        (void)meta_decode(buffer_slice(&bytes), &meta);
        assert_true(strlen(meta.name) <= META_NAME_MAX);
        bytes.data[at] = before;
    }
    buffer_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),           cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_observers),           cmocka_unit_test(test_foreign_id),
        cmocka_unit_test(test_unknown_keys),        cmocka_unit_test(test_told),
        cmocka_unit_test(test_told_by_older_nodes), cmocka_unit_test(test_random_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
