// SPDX-License-Identifier: Apache-2.0
// Records of load and dump: what is written reads back the same, what is wrong is told.
#include "base/err.h"
#include "base/rng.h"
#include "client/cli_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct slice bytes_slice(struct quorate_bytes bytes)
{
    return slice_of(bytes.data, bytes.size);
}

static void assert_bytes(struct quorate_bytes bytes, const char *text, size_t size)
{
    assert_int_equal(bytes.size, size);
    assert_memory_equal(bytes.data, text, size);
}

static void json_is_read(void **state)
{
    static const char line[] =
        "{\"key\":\"a\\u00e9\\ud83d\\ude00\\u0000z\",\"value\":\"\\\"\\\\\\n\","
        "\"bucket\":\"b\",\"expires_ms\":5}";
    struct record record = {0};
    char why[160];

    (void)state;
    assert_int_equal(record_read_json(slice_of_text(line), &record, why), 0);
    assert_bytes(record_key(&record).bucket, "b", 1);
    assert_bytes(record_key(&record).key, "a\xc3\xa9\xf0\x9f\x98\x80\0z", 9);
    assert_bytes(record_value(&record, 0), "\"\\\n", 3);
    assert_int_equal(record.values[0].expires_ms, 5);
    record_done(&record);
}

static void json_bytes_are_read(void **state)
{
    static const char line[] = "{\"key\":\"/w==\",\"key_encoding\":\"base64\",\"values\":["
                               "{\"value\":\"AP8=\",\"encoding\":\"base64\"},{\"value\":\"\"}]}";
    struct record record = {0};
    char why[160];

    (void)state;
    assert_int_equal(record_read_json(slice_of_text(line), &record, why), 0);
    assert_int_equal(record_key(&record).bucket.size, 0);
    assert_bytes(record_key(&record).key, "\xff", 1);
    assert_int_equal(record.count, 2);
    assert_bytes(record_value(&record, 0), "\0\xff", 2);
    assert_int_equal(record_value(&record, 1).size, 0);
    record_done(&record);
}

static void bad_json_is_told(void **state)
{
    static const char *const lines[] = {
        "{",
        "[]",
        "5",
        "{}",
        "{\"key\":\"k\"}",
        "{\"key\":5,\"value\":\"v\"}",
        "{\"key\":\"\",\"value\":\"v\"}",
        "{\"key\":\"k\",\"key\":\"k\",\"value\":\"v\"}",
        "{\"key\":\"k\",\"value\":\"v\"} x",
        "{\"key\":\"k\",\"value\":\"\\ud800\"}",
        "{\"key\":\"k\",\"value\":\"\xff\"}",
        "{\"key\":\"k\",\"value\":\"v\",}",
        "{\"key\":\"k\",\"value\":\"!\",\"encoding\":\"base64\"}",
        "{\"key\":\"k\",\"value\":\"v\",\"encoding\":\"rot13\"}",
        "{\"key\":\"k\",\"values\":[]}",
        "{\"key\":\"k\",\"values\":[5]}",
        "{\"key\":\"k\",\"value\":\"v\",\"values\":[{\"value\":\"v\"}]}",
        "{\"key\":\"k\",\"value\":\"v\",\"expires_ms\":\"soon\"}",
    };
    struct record record = {0};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char why[160] = "";

        assert_int_equal(record_read_json(slice_of_text(lines[i]), &record, why), ERR_INVALID);
        assert_true(strlen(why) > 5);
    }
    record_done(&record);
}

static void tsv_is_read(void **state)
{
    struct record record = {0};
    char why[160];

    (void)state;
    assert_int_equal(record_read_tsv(slice_of_text("k\\t\tv\\n\\\\w\tx"), &record, why), 0);
    assert_bytes(record_key(&record).key, "k\t", 2);
    assert_bytes(record_value(&record, 0), "v\n\\w\tx", 6);
    assert_int_equal(record_read_tsv(slice_of_text("k\t"), &record, why), 0);
    assert_int_equal(record_value(&record, 0).size, 0);
    assert_int_equal(record_read_tsv(slice_of_text("k"), &record, why), ERR_INVALID);
    assert_int_equal(record_read_tsv(slice_of_text("\tv"), &record, why), ERR_INVALID);
    assert_int_equal(record_read_tsv(slice_of_text("k\ta\\b"), &record, why), ERR_INVALID);
    assert_int_equal(record_read_tsv(slice_of_text("k\ta\\"), &record, why), ERR_INVALID);
    record_done(&record);
}

// ---- there and back -----------------------------------------------------------------------------

static struct quorate_bytes random_bytes(struct rng *rng, uint8_t *out, size_t size_min)
{
    static const uint8_t special[] = {'\t', '\n', '\r', '\\', '"', 0, 0xff, 0xc3, 0xa9, 'x'};
    size_t size = size_min + rng_below(rng, 12);

    for (size_t i = 0; i < size; i++)
        out[i] = rng_below(rng, 4) ? special[rng_below(rng, sizeof special)]
                                   : (uint8_t)rng_below(rng, 256);
    return quorate_bytes(out, size);
}

static void check_line(const struct quorate_item *item, struct slice line, bool is_json)
{
    struct record record = {0};
    char why[160] = "";
    int err;

    assert_int_equal(line.data[line.size - 1], '\n');
    line.size--;
    assert_null(memchr(line.data, '\n', line.size));
    err = is_json ? record_read_json(line, &record, why) : record_read_tsv(line, &record, why);
    assert_int_equal(err, 0);
    assert_true(slice_equal(bytes_slice(record_key(&record).key), bytes_slice(item->key.key)));
    if (is_json)
        assert_true(
            slice_equal(bytes_slice(record_key(&record).bucket), bytes_slice(item->key.bucket)));
    assert_int_equal(record.count, item->value_count);
    for (uint32_t i = 0; i < record.count; i++) {
        assert_true(
            slice_equal(bytes_slice(record_value(&record, i)), bytes_slice(item->values[i].value)));
        if (is_json)
            assert_int_equal(record.values[i].expires_ms, item->values[i].expires_ms);
    }
    record_done(&record);
}

static void all_bytes_come_back(void **state)
{
    struct buffer line = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 11);
    for (int run = 0; run < 20000; run++) {
        uint8_t memory[5][16];
        struct quorate_value values[3] = {0};
        struct quorate_item item = {.values = values};

        item.key.bucket = random_bytes(&rng, memory[0], 1);
        item.key.key = random_bytes(&rng, memory[1], 1);
        item.value_count = 1 + rng_below(&rng, 3);
        for (size_t i = 0; i < item.value_count; i++) {
            values[i].value = random_bytes(&rng, memory[2 + i], 0);
            values[i].expires_ms = rng_below(&rng, 2) ? rng_below(&rng, 1ULL << 44) : 0;
        }
        buffer_reset(&line, SIZE_MAX);
        record_write_json(&item, &line);
        check_line(&item, buffer_slice(&line), true);
        buffer_reset(&line, SIZE_MAX);
        assert_int_equal(record_write_tsv(&item, &line), item.value_count > 1 ? ERR_CONFLICT : 0);
        if (item.value_count == 1)
            check_line(&item, buffer_slice(&line), false);
    }
    buffer_done(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_read),        cmocka_unit_test(json_bytes_are_read),
        cmocka_unit_test(bad_json_is_told),    cmocka_unit_test(tsv_is_read),
        cmocka_unit_test(all_bytes_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
